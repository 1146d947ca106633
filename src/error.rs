//! Two kinds of failure. A `Refusal` is an answer: a rule said no, and the
//! caller reads why. Everything else is a fault: it is logged in full, and the
//! caller sees "internal error" with a request id.

use async_graphql::{Enum, SimpleObject};

use crate::id::RuleId;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The document asks for something that cannot be, such as 201 rows.
    #[error("{0}")]
    BadInput(String),
    #[error("sign in first: send the header `Authorization: Bearer <token>`")]
    Unauthenticated,
    #[error("{0}")]
    Forbidden(String),
    #[error("internal error")]
    Internal(#[source] anyhow::Error),
}

/// A reason, meant for the caller, why a mutation did not happen. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject, thiserror::Error)]
#[error("{message}")]
#[graphql(name = "UserError", complex)]
pub struct Refusal {
    /// What went wrong, for programs.
    pub code: UserErrorCode,
    /// What went wrong and what to do about it, for people.
    pub message: String,
    /// The path of the input field to correct, if one is to blame.
    pub field: Option<Vec<String>>,
    /// The rule that refused it, if a rule did.
    #[graphql(skip)]
    pub rule_id: Option<RuleId>,
}

/// Why a mutation was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum UserErrorCode {
    /// There is no such thing, or it is not yours to see.
    NotFound,
    /// Your role may not do this.
    Forbidden,
    /// An amount has to be more than zero.
    AmountNotPositive,
    /// The grant has less left than was asked for; the message says how much.
    InsufficientAvailable,
    /// The thing is in a state in which this cannot be done; the message names it.
    InvalidState,
    /// Two dates contradict each other.
    InvalidDates,
    /// The date lies outside the grant's period of performance, or after its last day to sign or pay.
    OutsidePeriod,
    /// Shares do not sum to 10,000 basis points, or name something twice.
    SharesNotWhole,
    /// Budget lines have to sum to the award, and are told apart by category and title.
    BudgetNotWhole,
    /// Requester, approver and payer have to be three people, and so do whoever submits, accepts and certifies a report;
    /// drafter and approver two.
    SeparationOfDuties,
    /// The amount is above what this approver may approve.
    ApprovalLimitExceeded,
    /// There is one already with this name, number, address or invoice.
    AlreadyExists,
    /// The idempotency key was used for another request.
    IdempotencyKeyReused,
    /// Somebody changed the thing after you read it; read it again.
    RevisionConflict,
    /// Something required is missing or malformed; `field` names it.
    InvalidInput,
    /// The month is closed for the ledger, or a certified report covers the day.
    PeriodClosed,
    /// A rule of the program says no; `rule` has its citation.
    RuleViolated,
}

impl Refusal {
    pub fn new(code: UserErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), field: None, rule_id: None }
    }

    /// Names the input field to correct.
    pub fn on(self, field: &str) -> Self {
        Self { field: Some(vec!["input".into(), field.into()]), ..self }
    }

    /// Names the input field to correct where it lies deeper.
    pub fn at(self, path: Vec<String>) -> Self {
        Self { field: Some(path), ..self }
    }

    /// Names the rule that refused.
    pub fn by(self, rule: RuleId) -> Self {
        Self { rule_id: Some(rule), ..self }
    }

    /// Refuses an edit of what somebody else changed meanwhile.
    pub fn unless_current(what: &str, read: i32, current: i32) -> Result<(), Self> {
        if read == current {
            return Ok(());
        }
        let message =
            format!("you read revision {read}, and the {what} is at {current} now: read it again");
        Err(Self::new(UserErrorCode::RevisionConflict, message).on("revision"))
    }

    /// Refuses text with nothing in it.
    pub fn unless_filled(text: &str, field: &str) -> Result<(), Self> {
        if text.trim().is_empty() {
            let message = format!("`{field}` must not be empty");
            return Err(Self::new(UserErrorCode::InvalidInput, message).on(field));
        }
        Ok(())
    }

    /// Refuses what is no address of the web.
    pub fn unless_web_address(url: &str, field: &str) -> Result<(), Self> {
        let mut schemes = ["https://", "http://"].iter();
        if schemes.any(|scheme| url.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty())) {
            return Ok(());
        }
        let message = format!("`{field}` is an address that begins with https:// or http://");
        Err(Self::new(UserErrorCode::InvalidInput, message).on(field))
    }

    /// Refuses what is no SHA-256 as it is usually written.
    pub fn unless_sha256(digest: &str, field: &str) -> Result<(), Self> {
        let hexadecimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if digest.len() == 64 && digest.bytes().all(hexadecimal) {
            return Ok(());
        }
        let message = format!("`{field}` is 64 hexadecimal digits in lower case");
        Err(Self::new(UserErrorCode::InvalidInput, message).on(field))
    }

    pub fn not_found(what: &str) -> Self {
        Self::new(UserErrorCode::NotFound, format!("there is no such {what}"))
    }
}

/// What the database refuses on behalf of a rule, in the caller's words. Rules
/// answer first; these rows answer when two callers race, and for uniqueness.
const CONSTRAINTS: &[(&str, UserErrorCode, &str, Option<&str>)] = {
    use UserErrorCode::*;
    &[
        (
            "ledger_accounts_not_overdrawn",
            InsufficientAvailable,
            "the grant has less left than this",
            Some("amount"),
        ),
        (
            "ledger_transfers_open_month",
            PeriodClosed,
            "that month is closed: give a later date, or have it opened again",
            None,
        ),
        (
            "ledger_transfers_backdated",
            InsufficientAvailable,
            "on a day after that there was less than this: give a later date",
            None,
        ),
        (
            "grants_ended_clean",
            InvalidState,
            "the grant still has money on its way: its closeout says what to do",
            None,
        ),
        (
            "ledger_closed_months_of_the_books",
            InvalidDates,
            "there is no such month in the books",
            Some("month"),
        ),
        ("grants_ended_reported", InvalidState, "the grant's final report is not accepted", None),
        (
            "disbursements_in_period",
            OutsidePeriod,
            "costs arise inside the period of performance",
            Some("period"),
        ),
        (
            "ledger_transfers_closed_grant",
            InvalidState,
            "the grant has ended: refunds and disallowances only",
            None,
        ),
        (
            "ledger_transfers_in_time",
            InvalidState,
            "it took too long, and nothing was changed: try again",
            None,
        ),
        (
            "budget_lines_sum",
            BudgetNotWhole,
            "the budget lines have to sum to the award",
            Some("lines"),
        ),
        (
            "budget_lines_title_once",
            BudgetNotWhole,
            "two budget lines have this category and title",
            Some("lines"),
        ),
        (
            "encumbrances_number_once",
            AlreadyExists,
            "an encumbrance of this grant has this number already",
            Some("number"),
        ),
        (
            "expenditures_in_period",
            OutsidePeriod,
            "costs arise inside the period of performance",
            Some("incurredOn"),
        ),
        (
            "payment_adjustments_within",
            InsufficientAvailable,
            "less is left of the payment than this",
            Some("amount"),
        ),
        (
            "payment_adjustments_of_paid",
            InvalidState,
            "only what is paid is adjusted: it has moved on meanwhile",
            None,
        ),
        (
            "match_contributions_reference_once",
            AlreadyExists,
            "this reference is recorded already: accept parts of that contribution for other grants",
            Some("reference"),
        ),
        (
            "match_not_a_cost",
            InvalidInput,
            "a grant bears the cost with this reference, and what a grant pays is no match",
            Some("reference"),
        ),
        (
            "expenditures_no_match",
            InvalidInput,
            "this reference is of a contribution, and what is match is no cost of a grant",
            Some("reference"),
        ),
        (
            "match_acceptances_within",
            InsufficientAvailable,
            "less is left of the contribution than this",
            Some("amount"),
        ),
        (
            "match_acceptances_of_live",
            InvalidState,
            "the contribution was declined meanwhile",
            None,
        ),
        (
            "ledger_closed_months_once",
            InvalidState,
            "the month was closed meanwhile",
            Some("month"),
        ),
        (
            "ledger_closed_months_in_order",
            InvalidState,
            "months close in order, and an earlier one has entries: close that first",
            Some("month"),
        ),
        (
            "ledger_closed_months_latest",
            InvalidState,
            "months open in order, and a later one is closed: open that first",
            Some("month"),
        ),
        ("disbursements_delegated", Forbidden, "the delegation has ended meanwhile", None),
        (
            "grants_number_once",
            AlreadyExists,
            "there is a grant with this number already",
            Some("number"),
        ),
        (
            "grant_cities_whole",
            SharesNotWhole,
            "the shares of cities have to sum to 10000 basis points",
            Some("cities"),
        ),
        (
            "grant_action_areas_whole",
            SharesNotWhole,
            "the shares of action areas have to sum to 10000 basis points",
            Some("actionAreas"),
        ),
        (
            "disbursements_invoice_once",
            AlreadyExists,
            "a live request of this grant has this invoice number already",
            Some("invoiceNumber"),
        ),
        ("disbursements_transition", InvalidState, "the disbursement has moved on meanwhile", None),
        (
            "disbursements_paid_in_time",
            OutsidePeriod,
            "the grant's last day to be liquidated has passed",
            Some("paidOn"),
        ),
        (
            "cities_geoid_once",
            AlreadyExists,
            "there is a city with this GEOID already",
            Some("geoid"),
        ),
        (
            "cities_gnis_once",
            AlreadyExists,
            "there is a city with this GNIS id already",
            Some("gnis"),
        ),
        (
            "organizations_name_once",
            AlreadyExists,
            "there is an organization with this name already",
            Some("name"),
        ),
        (
            "people_email_once",
            AlreadyExists,
            "there is a person with this e-mail address already",
            Some("email"),
        ),
        (
            "person_accounts_one_each",
            Forbidden,
            "the person with your e-mail address is linked to another account of the identity provider: ask a program \
             administrator",
            None,
        ),
        (
            "role_grants_not_to_oneself",
            Forbidden,
            "nobody gives a role to themselves",
            Some("personId"),
        ),
        (
            "sustainability_plans_edition_once",
            AlreadyExists,
            "there is a plan of this edition already",
            None,
        ),
        (
            "sustainability_plans_one_adopted",
            InvalidState,
            "another plan of this city was adopted meanwhile; read it again",
            None,
        ),
        (
            "funding_programs_tree",
            InvalidInput,
            "a program cannot be part of itself, nor of a part of itself",
            Some("parentId"),
        ),
        (
            "funding_programs_one_stream",
            InvalidInput,
            "a program and the program that it is part of have one stream",
            Some("parentId"),
        ),
        (
            "rule_sets_fixed",
            InvalidState,
            "an activated rule set stays as it is: draft a new version",
            None,
        ),
        (
            "grant_documents_once",
            AlreadyExists,
            "the grant has this document already",
            Some("sha256"),
        ),
        (
            "ledger_transfers_certified",
            PeriodClosed,
            "a certified report of the grant covers that day: nothing more is posted into it",
            None,
        ),
        ("reports_transition", InvalidState, "the report has moved on meanwhile", None),
        ("reports_certified_fixed", InvalidState, "a certified report stays as it is", None),
        (
            "reports_acceptor_is_another",
            SeparationOfDuties,
            "whoever handed a report in does not accept it",
            None,
        ),
        (
            "reports_certifier_is_another",
            SeparationOfDuties,
            "whoever handed a report in or accepted it does not certify it",
            None,
        ),
        (
            "deadlines_report_first",
            InvalidState,
            "the report of this deadline was not handed in: submit the report",
            None,
        ),
        (
            "allocations_once",
            AlreadyExists,
            "this organization has an allocation of the program already",
            Some("recipientId"),
        ),
        (
            "allocation_receipts_reference_once",
            AlreadyExists,
            "a receipt of this allocation has this reference already",
            Some("reference"),
        ),
        (
            "appropriations_once",
            RevisionConflict,
            "somebody recorded an appropriation of that year meanwhile: read it again",
            Some("revision"),
        ),
        (
            "appropriation_revisions_once",
            RevisionConflict,
            "somebody revised the appropriation meanwhile: read it again",
            Some("revision"),
        ),
        (
            "rule_overrides_one_proposed",
            AlreadyExists,
            "an override of this rule waits for a decision already",
            Some("ruleId"),
        ),
    ]
};

impl Error {
    /// The database did not answer: another try may go through, and nothing is wrong with what was asked.
    pub fn is_outage(&self) -> bool {
        let Self::Internal(cause) = self else { return false };
        match cause.downcast_ref::<sqlx::Error>() {
            Some(sqlx::Error::Database(error)) => {
                // Connection exceptions, and a server that shuts down or starts.
                error.code().is_some_and(|code| code.starts_with("08") || code.starts_with("57P"))
            }
            Some(
                sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed,
            ) => true,
            _ => false,
        }
    }
}

/// A cause for the log. What PostgreSQL says of a value that does not fit quotes it, and values are nobody's business there.
pub fn without_values(cause: &anyhow::Error) -> String {
    let code = cause.chain().find_map(|each| match each.downcast_ref::<sqlx::Error>()? {
        sqlx::Error::Database(error) => error.code(),
        _ => None,
    });
    match code {
        // Data exceptions.
        Some(code) if code.starts_with("22") => {
            format!("PostgreSQL answered {code}: a value does not fit")
        }
        _ => format!("{cause:?}"),
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let name = error.as_database_error().and_then(|error| error.constraint());
        let known =
            name.and_then(|name| CONSTRAINTS.iter().find(|(constraint, ..)| *constraint == name));
        let code = error.as_database_error().and_then(|error| error.code());
        if let Some(message) = code.and_then(|code| not_storable(&code)) {
            return Self::BadInput(message.into());
        }
        match known {
            Some((_, code, message, field)) => {
                let refusal = Refusal::new(*code, *message);
                Self::Refused(field.map_or(refusal.clone(), |field| refusal.on(field)))
            }
            None => Self::Internal(error.into()),
        }
    }
}

/// What PostgreSQL says of values that its columns or indexes cannot hold.
fn not_storable(code: &str) -> Option<&'static str> {
    match code {
        "22021" | "22P05" => Some("text cannot hold the character U+0000: leave it out"),
        "22008" => Some("a date or time is too far away: years 1 to 9999 are known"),
        "22003" => Some("a number is too large"),
        "54000" => Some("a text is too long to be found again: shorten it"),
        _ => None,
    }
}

impl From<anyhow::Error> for Error {
    fn from(error: anyhow::Error) -> Self {
        Self::Internal(error)
    }
}

/// A fault that several waiting resolvers share, as a data loader needs.
pub type Shared = std::sync::Arc<sqlx::Error>;

impl From<Shared> for Error {
    fn from(error: Shared) -> Self {
        let code = error.as_database_error().and_then(|error| error.code());
        if let Some(message) = code.and_then(|code| not_storable(&code)) {
            return Self::BadInput(message.into());
        }
        Self::Internal(anyhow::Error::new(error))
    }
}
