use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};

use crate::{
    access::{Actor, Permission},
    clock::Date,
    grants::{DateRange, Grant},
    id::{DeadlineId, GrantId, PersonId, ReportEventId, ReportId},
    money::Money,
    rule_sets::kinds::ReportKind,
    text_enum::text_enum,
};

text_enum! {
    /// Where a report stands between due and certified.
    pub enum ReportStatus {
        /// To be handed in.
        Due = "DUE",
        /// Handed in, waiting for a decision.
        Submitted = "SUBMITTED",
        /// Sent back for correction; to be handed in again.
        Returned = "RETURNED",
        /// Found in order by the grant manager.
        Accepted = "ACCEPTED",
        /// Final: nothing of it changes any more, and it keeps the grant's figures of its last day.
        Certified = "CERTIFIED",
    }
}

text_enum! {
    /// What can be done to a report.
    pub enum ReportAction {
        /// Hand it in, also again.
        Submit = "SUBMIT",
        /// Send it back for correction.
        Return = "RETURN",
        /// Find it in order.
        Accept = "ACCEPT",
        /// Make it final.
        Certify = "CERTIFY",
    }
}

impl ReportStatus {
    /// What the state allows, whoever asks.
    pub fn actions(self) -> &'static [ReportAction] {
        use ReportAction::*;
        match self {
            Self::Due | Self::Returned => &[Submit],
            Self::Submitted => &[Return, Accept],
            Self::Accepted => &[Certify],
            Self::Certified => &[],
        }
    }

    pub fn is_handed_in(self) -> bool {
        !matches!(self, Self::Due | Self::Returned)
    }
}

impl ReportAction {
    /// Who may do it.
    pub fn permission(self) -> Permission {
        match self {
            Self::Submit => Permission::SubmitReport,
            Self::Return => Permission::ReturnReport,
            Self::Accept => Permission::AcceptReport,
            Self::Certify => Permission::CertifyReport,
        }
    }
}

/// What a recipient hands in about a period of a grant.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct Report {
    /// Identifies the report everywhere in Thrive.
    pub id: ReportId,
    #[graphql(skip)]
    pub grant_id: GrantId,
    #[graphql(skip)]
    pub deadline_id: DeadlineId,
    /// What it is about: PROGRESS, FINANCIAL or CLOSEOUT.
    pub kind: ReportKind,
    #[graphql(skip)]
    pub period_start: Date,
    #[graphql(skip)]
    pub period_end: Date,
    /// The day on which it is due, in the zone of its deadline.
    pub due_on: Date,
    /// Whether it is the last of its kind: a closeout, or the report on the end of the period of performance.
    #[graphql(name = "final")]
    pub is_final: bool,
    /// Where it stands between due and certified.
    pub status: ReportStatus,
    /// Program income of the period in US dollars (2 CFR 200.307); null when none was told.
    pub program_income: Option<Money>,
    /// Interest that the recipient earned on advances in the period, in US dollars (2 CFR 200.305); null when none was told.
    pub interest_earned: Option<Money>,
    /// What was done, in the recipient's words.
    pub narrative: Option<String>,
    /// Where the report's file is.
    pub url: Option<String>,
    /// The SHA-256 of the file's bytes, in hexadecimal digits.
    pub sha256: Option<String>,
    #[graphql(skip)]
    pub submitted_by: Option<PersonId>,
    /// When it was last handed in; null until then.
    pub submitted_at: Option<DateTime<Utc>>,
    /// Why it was returned; null when it is handed in again.
    pub reason: Option<String>,
    #[graphql(skip)]
    pub accepted_by: Option<PersonId>,
    /// When it was accepted; null until then.
    pub accepted_at: Option<DateTime<Utc>>,
    #[graphql(skip)]
    pub certified_by: Option<PersonId>,
    /// When it was certified; null until then.
    pub certified_at: Option<DateTime<Utc>>,
    /// Grows with every change; an edit names the one it read.
    pub revision: i32,
    /// When it was entered.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Report {
    pub fn about(&self) -> DateRange {
        DateRange { start: self.period_start, end: self.period_end }
    }

    /// Whether the day has come for it: a period is reported on when it is over, or when that is due.
    pub fn may_be_submitted(&self, today: Date) -> bool {
        today >= self.period_end.min(self.due_on)
    }

    /// Whether nothing can happen in its period any more.
    pub fn is_over(&self, today: Date) -> bool {
        self.period_end < today
    }

    /// What this actor may do to it now.
    pub fn actions_for(&self, actor: &Actor, grant: &Grant, today: Date) -> Vec<ReportAction> {
        let Actor::Person(identity) = actor else { return vec![] };
        let me = Some(identity.person);
        let may = |action: &&ReportAction| match action {
            ReportAction::Submit => {
                identity.reach.organizations.contains(&grant.recipient_id)
                    && self.may_be_submitted(today)
            }
            ReportAction::Return => true,
            ReportAction::Accept => me != self.submitted_by,
            ReportAction::Certify => {
                me != self.submitted_by && me != self.accepted_by && self.is_over(today)
            }
        };
        let role = Some(identity.role);
        let allowed =
            self.status.actions().iter().filter(|action| action.permission().allows(role));
        allowed.filter(may).copied().collect()
    }
}

/// Something that happened to a report.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct ReportEvent {
    #[graphql(skip)]
    pub id: ReportEventId,
    #[graphql(skip)]
    pub report_id: ReportId,
    /// The state it came into.
    pub status: ReportStatus,
    #[graphql(skip)]
    pub person_id: PersonId,
    /// Why, where a reason was given.
    pub reason: Option<String>,
    /// The program income that the report told then, in US dollars.
    pub program_income: Option<Money>,
    /// The interest that the report told then, in US dollars.
    pub interest_earned: Option<Money>,
    /// What the report said then.
    pub narrative: Option<String>,
    /// Where the report's file was then.
    pub url: Option<String>,
    /// The SHA-256 of that file's bytes, in hexadecimal digits.
    pub sha256: Option<String>,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
}

/// A figure of a grant as a certified report keeps it: what comes later does not change it.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject)]
pub struct CertifiedFigure {
    #[graphql(skip)]
    pub report_id: ReportId,
    /// Which figure: the name of a field of `GrantBalance`, as of the last day of the report's period; or `programIncome` or
    /// `interestEarned`, the sums of all accepted reports whose periods had ended by then.
    pub figure: String,
    /// The amount in US dollars.
    pub amount: Money,
}

/// A report that no rule schedules.
#[derive(Clone, Debug)]
pub struct NewReport {
    pub grant: GrantId,
    pub kind: ReportKind,
    pub period: DateRange,
    pub due_on: Date,
    pub is_final: bool,
}

/// What is handed in.
#[derive(Clone, Debug, Default)]
pub struct Submission {
    pub program_income: Option<Money>,
    pub interest_earned: Option<Money>,
    pub narrative: Option<String>,
    pub url: Option<String>,
    pub sha256: Option<String>,
}

/// What a grant earned, as its accepted reports tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Income {
    pub program_income: Money,
    pub interest_earned: Money,
}
