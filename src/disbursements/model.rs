use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};

use crate::{
    access::{Actor, Permission, Role},
    clock::Date,
    delegations::Authority,
    grants::{AccountingKeys, DateRange, Grant, GrantStatus},
    id::{
        AdjustmentId, BudgetLineId, DisbursementEventId, DisbursementId, DocumentId, GrantId,
        PersonId,
    },
    money::Money,
    text_enum::text_enum,
};

text_enum! {
    /// Where a disbursement stands between request and payment.
    pub enum DisbursementStatus {
        /// Waiting for a decision; the amount is reserved.
        Requested = "REQUESTED",
        /// Sent back for correction; nothing is reserved until it is resubmitted.
        Returned = "RETURNED",
        /// Decided and not yet paid.
        Approved = "APPROVED",
        /// To be paid on a certain day.
        Scheduled = "SCHEDULED",
        /// Paid.
        Paid = "PAID",
        /// Turned down for good.
        Rejected = "REJECTED",
        /// Withdrawn.
        Cancelled = "CANCELLED",
        /// Paid, and the payment taken back.
        Reversed = "REVERSED",
    }
}

text_enum! {
    /// What a disbursement pays for.
    pub enum DisbursementKind {
        /// Costs that have arisen.
        Reimbursement = "REIMBURSEMENT",
        /// Costs that are still to arise.
        Advance = "ADVANCE",
        /// A result that was agreed on.
        Milestone = "MILESTONE",
        /// Money that was withheld from earlier payments.
        RetentionRelease = "RETENTION_RELEASE",
    }
}

text_enum! {
    /// How a payment was made.
    pub enum PaymentMethod {
        /// A warrant of the State Controller.
        Warrant = "WARRANT",
        /// A transfer through the Automated Clearing House.
        Ach = "ACH",
        /// A wire transfer.
        Wire = "WIRE",
        /// An entry between funds, without a payment outside.
        Journal = "JOURNAL",
    }
}

text_enum! {
    /// What can be done to a disbursement.
    pub enum DisbursementAction {
        /// Send it back for correction.
        Return = "RETURN",
        /// Send it in again, corrected.
        Resubmit = "RESUBMIT",
        /// Decide in favor.
        Approve = "APPROVE",
        /// Turn it down for good.
        Reject = "REJECT",
        /// Withdraw it.
        Cancel = "CANCEL",
        /// Set the day of payment.
        Schedule = "SCHEDULE",
        /// Take the day of payment back.
        Unschedule = "UNSCHEDULE",
        /// Record the payment.
        Pay = "PAY",
        /// Take the payment back.
        Reverse = "REVERSE",
        /// Record that part of it came back.
        Refund = "REFUND",
        /// Disallow costs that it paid.
        Disallow = "DISALLOW",
        /// Say what an advance was spent on.
        AccountFor = "ACCOUNT_FOR",
    }
}

impl DisbursementStatus {
    /// What the state allows, whoever asks.
    pub fn actions(self) -> &'static [DisbursementAction] {
        use DisbursementAction::*;
        match self {
            Self::Requested => &[Return, Approve, Reject, Cancel],
            Self::Returned => &[Resubmit, Cancel],
            Self::Approved => &[Schedule, Pay, Cancel],
            Self::Scheduled => &[Unschedule, Pay, Cancel],
            Self::Paid => &[Reverse, Refund, Disallow, AccountFor],
            Self::Rejected | Self::Cancelled | Self::Reversed => &[],
        }
    }
}

impl DisbursementAction {
    /// Who may do it.
    pub fn permission(self) -> Permission {
        match self {
            Self::Return => Permission::ReturnDisbursement,
            Self::Approve => Permission::ApproveDisbursement,
            Self::Reject => Permission::RejectDisbursement,
            Self::Resubmit => Permission::ResubmitDisbursement,
            Self::Cancel => Permission::CancelDisbursement,
            Self::AccountFor => Permission::AccountForAdvance,
            Self::Schedule | Self::Unschedule => Permission::ScheduleDisbursement,
            Self::Pay => Permission::PayDisbursement,
            Self::Reverse => Permission::ReverseDisbursement,
            Self::Refund => Permission::RecordRefund,
            Self::Disallow => Permission::DisallowCost,
        }
    }
}

impl DisbursementAction {
    /// Whether the state of the grant lets it happen.
    pub fn fits(self, grant: GrantStatus) -> bool {
        use GrantStatus::{Active, Closed, Closing, Suspended, Terminated};
        match self {
            Self::Resubmit | Self::Approve | Self::Schedule | Self::Pay => {
                matches!(grant, Active | Closing)
            }
            // Of a grant that has ended only these two are left (2 CFR 200.345).
            Self::Refund | Self::Disallow => {
                matches!(grant, Active | Closing | Suspended | Closed | Terminated)
            }
            Self::Return
            | Self::Reject
            | Self::Cancel
            | Self::Unschedule
            | Self::Reverse
            | Self::AccountFor => matches!(grant, Active | Closing | Suspended),
        }
    }
}

/// One payment towards a grant, or the request for one.
#[derive(Clone, Debug, SimpleObject, serde::Deserialize)]
#[graphql(complex)]
pub struct Disbursement {
    /// Identifies the disbursement everywhere in Thrive.
    pub id: DisbursementId,
    #[graphql(skip)]
    pub grant_id: GrantId,
    /// Where it stands between request and payment.
    pub status: DisbursementStatus,
    /// What it pays for.
    pub kind: DisbursementKind,
    /// What was asked for, in US dollars.
    pub amount: Money,
    /// What of it was approved, retention included, in US dollars; null until it is decided.
    pub approved_amount: Option<Money>,
    /// What was withheld from the payment until it is released, in US dollars.
    pub retained: Money,
    /// The recipient's invoice: unique among live requests of a grant, in any case and without spaces around it.
    pub invoice_number: String,
    #[graphql(skip)]
    pub period_start: Date,
    #[graphql(skip)]
    pub period_end: Date,
    #[graphql(skip)]
    pub requested_by: Option<PersonId>,
    /// When it was first requested.
    pub requested_at: DateTime<Utc>,
    #[graphql(skip)]
    pub approved_by: Option<PersonId>,
    #[graphql(skip)]
    pub approved_for: Option<PersonId>,
    /// When it was approved; null until then.
    pub approved_at: Option<DateTime<Utc>>,
    /// How often it was sent in: 1, and one more each time after it was returned.
    pub submission: i32,
    #[graphql(skip)]
    pub certified_by_name: Option<String>,
    #[graphql(skip)]
    pub certified_by_title: Option<String>,
    #[graphql(skip)]
    pub certified_at: Option<DateTime<Utc>>,
    #[graphql(skip)]
    pub vendor_number: Option<String>,
    #[graphql(skip)]
    pub purchase_order: Option<String>,
    #[graphql(skip)]
    pub fund_string: Option<String>,
    #[graphql(skip)]
    pub warrant_number: Option<String>,
    /// Whether it is of a time before Thrive kept the books.
    pub opening: bool,
    /// The day on which it is to be paid; null when none was set.
    pub scheduled_for: Option<Date>,
    #[graphql(skip)]
    pub paid_by: Option<PersonId>,
    /// The day on which it was paid; null until then.
    pub paid_on: Option<Date>,
    /// How it was paid; null until then.
    pub method: Option<PaymentMethod>,
    /// The accounting system's reference of the payment, such as a warrant number; null until then.
    pub reference: Option<String>,
    /// Why it was returned, rejected, cancelled or reversed.
    pub reason: Option<String>,
    /// Grows with every change.
    pub revision: i32,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Disbursement {
    /// What is to be paid, or withheld: what was approved, and before that what was asked for.
    pub fn payable(&self) -> Money {
        self.approved_amount.unwrap_or(self.amount)
    }

    /// What reached the recipient when it was paid.
    pub fn net(&self) -> Money {
        self.payable().minus(self.retained).unwrap_or_default()
    }

    /// Whether it pays for costs of budget lines.
    pub fn claims(&self) -> bool {
        self.kind.claims()
    }

    pub fn costs_of(&self) -> DateRange {
        DateRange { start: self.period_start, end: self.period_end }
    }

    /// What this actor may do to it now, with these powers to decide: the own one, and those of approvers who are away.
    pub fn actions_for(
        &self,
        actor: &Actor,
        powers: &[Authority],
        grant: &Grant,
    ) -> Vec<DisbursementAction> {
        let Actor::Person(identity) = actor else { return vec![] };
        let me = identity.person;
        let duties_allow = |action: &&DisbursementAction| match action {
            DisbursementAction::Approve => {
                let mut fitting = powers.iter().filter(|power| power.fits(self.requested_by));
                Some(me) != self.requested_by && fitting.any(|power| power.covers(self.amount))
            }
            DisbursementAction::Pay => {
                let others = [self.requested_by, self.approved_by, self.approved_for];
                !others.contains(&Some(me))
            }
            DisbursementAction::Refund | DisbursementAction::Disallow => {
                self.kind != DisbursementKind::RetentionRelease
            }
            DisbursementAction::AccountFor => self.kind == DisbursementKind::Advance,
            _ => true,
        };
        // Finance staff act for their own organization, and a grant that is stopped stops its payments.
        let own = identity.role != Role::CityFinance
            || identity.reach.organizations.contains(&grant.recipient_id);
        let allowed = self.status.actions().iter().filter(|action| {
            let permission = action.permission();
            let decides = permission.allows(Some(Role::Approver)) && !powers.is_empty();
            own && (decides || permission.allows(Some(identity.role))) && action.fits(grant.status)
        });
        allowed.filter(duties_allow).copied().collect()
    }
}

/// Something that happened to a disbursement.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct DisbursementEvent {
    #[graphql(skip)]
    pub id: DisbursementEventId,
    #[graphql(skip)]
    pub disbursement_id: DisbursementId,
    /// The state it came into.
    pub status: DisbursementStatus,
    #[graphql(skip)]
    pub person_id: PersonId,
    /// Why, where a reason was given.
    pub reason: Option<String>,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
}

impl DisbursementKind {
    /// Whether it pays for costs of budget lines.
    pub fn claims(self) -> bool {
        matches!(self, Self::Reimbursement | Self::Milestone)
    }
}

/// What of a request a budget line bears.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct ClaimLine {
    pub line_id: BudgetLineId,
    pub amount: Money,
    pub approved_amount: Option<Money>,
    /// Costs that the request itself tells of.
    pub new_costs: Money,
}

impl ClaimLine {
    pub fn payable(&self) -> Money {
        self.approved_amount.unwrap_or(self.amount)
    }
}

text_enum! {
    /// What happens to a payment afterwards.
    pub enum AdjustmentKind {
        /// Money came back: of an advance what was not spent, otherwise a credit (2 CFR 200.406).
        Refund = "REFUND",
        /// Costs that it paid are not allowed after all (2 CFR 200.339, 200.345).
        Disallowance = "DISALLOWANCE",
        /// An advance was spent on costs.
        Accounting = "ACCOUNTING",
    }
}

/// Something that happened to a payment afterwards.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "PaymentAdjustment", complex)]
pub struct Adjustment {
    /// Identifies the adjustment.
    pub id: AdjustmentId,
    #[graphql(skip)]
    pub disbursement_id: DisbursementId,
    /// What happened.
    pub kind: AdjustmentKind,
    /// The amount in US dollars; of a disallowance the cost, whatever of it was paid or withheld.
    pub amount: Money,
    /// Of a disallowance: what of it had been withheld, in US dollars.
    pub retained: Money,
    /// The day from which figures count it.
    pub effective_on: Date,
    /// The accounting system's reference.
    pub reference: Option<String>,
    /// Why.
    pub reason: String,
    #[graphql(skip)]
    pub recorded_by: PersonId,
    /// When it was entered.
    pub recorded_at: DateTime<Utc>,
}

/// A request for part of a grant to be paid.
#[derive(Clone, Debug)]
pub struct NewRequest {
    pub grant: GrantId,
    pub kind: DisbursementKind,
    pub amount: Money,
    pub invoice_number: String,
    pub period: DateRange,
    pub lines: Vec<LineAmount>,
    pub certification: Option<NewCertification>,
    pub evidence: Vec<DocumentId>,
    pub opening: bool,
}

/// An amount of a budget line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineAmount {
    pub line: BudgetLineId,
    pub amount: Money,
}

/// The official who certifies a request (2 CFR 200.415).
#[derive(Clone, Debug)]
pub struct NewCertification {
    pub name: String,
    pub title: String,
}

#[derive(Clone, Debug)]
pub struct Payment {
    pub paid_on: Date,
    pub method: PaymentMethod,
    pub reference: String,
    pub accounting: AccountingKeys,
    pub warrant_number: Option<String>,
}

impl Payment {
    pub fn new(paid_on: Date, method: PaymentMethod, reference: &str) -> Self {
        Self {
            paid_on,
            method,
            reference: reference.into(),
            accounting: AccountingKeys::default(),
            warrant_number: None,
        }
    }
}

#[derive(Clone, Debug)]
pub struct NewAdjustment {
    pub kind: AdjustmentKind,
    pub amount: Money,
    pub lines: Vec<LineAmount>,
    pub effective_on: Option<Date>,
    pub reference: Option<String>,
    pub reason: String,
}

/// What became of a payment so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Adjusted {
    pub refunded: Money,
    pub disallowed: Money,
    pub accounted: Money,
}

impl Adjusted {
    /// What came back of it.
    pub fn taken(&self) -> Money {
        [self.refunded, self.disallowed].into_iter().sum()
    }

    pub fn any(&self) -> bool {
        [self.refunded, self.disallowed, self.accounted].iter().any(|part| part.is_positive())
    }
}

/// What of a request is approved; all of it where nothing is said.
#[derive(Clone, Debug, Default)]
pub struct Approval {
    pub amount: Option<Money>,
    pub lines: Vec<LineAmount>,
}
