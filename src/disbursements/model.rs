use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};

use crate::{
    access::{Actor, Role},
    clock::Date,
    grants::{DateRange, Grant, GrantStatus},
    id::{DisbursementEventId, DisbursementId, GrantId, PersonId},
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
            Self::Paid => &[Reverse],
            Self::Rejected | Self::Cancelled | Self::Reversed => &[],
        }
    }
}

impl DisbursementAction {
    /// Who may do it.
    pub fn roles(self) -> &'static [Role] {
        match self {
            Self::Return => &[Role::Approver, Role::GrantManager],
            Self::Approve | Self::Reject => &[Role::Approver],
            Self::Resubmit => &[Role::CityFinance],
            Self::Cancel => &[Role::CityFinance, Role::FiscalOfficer],
            Self::Schedule | Self::Unschedule | Self::Pay | Self::Reverse => &[Role::FiscalOfficer],
        }
    }
}

impl DisbursementAction {
    /// Whether the state of the grant lets it happen.
    pub fn fits(self, grant: GrantStatus) -> bool {
        match self {
            Self::Resubmit | Self::Approve | Self::Schedule | Self::Pay => {
                grant == GrantStatus::Active
            }
            // Money that came back to an ended grant could neither be used nor lapse.
            Self::Reverse => matches!(grant, GrantStatus::Active | GrantStatus::Suspended),
            Self::Return | Self::Reject | Self::Cancel | Self::Unschedule => true,
        }
    }
}

/// One payment towards a grant, or the request for one.
#[derive(Clone, Debug, SimpleObject)]
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
    /// The amount in US dollars, retention included.
    pub amount: Money,
    /// The part of the amount that is withheld until it is released, in US dollars.
    pub retained: Money,
    /// The recipient's invoice: unique among live requests of a grant, in any case and without spaces around it.
    pub invoice_number: String,
    #[graphql(skip)]
    pub period_start: Date,
    #[graphql(skip)]
    pub period_end: Date,
    #[graphql(skip)]
    pub requested_by: PersonId,
    /// When it was first requested.
    pub requested_at: DateTime<Utc>,
    #[graphql(skip)]
    pub approved_by: Option<PersonId>,
    /// When it was approved; null until then.
    pub approved_at: Option<DateTime<Utc>>,
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
    pub fn costs_of(&self) -> DateRange {
        DateRange { start: self.period_start, end: self.period_end }
    }

    /// What this actor may do to it now.
    pub fn actions_for(&self, actor: &Actor, grant: &Grant) -> Vec<DisbursementAction> {
        let Actor::Person(identity) = actor else { return vec![] };
        let me = identity.person;
        let duties_allow = |action: &&DisbursementAction| match action {
            DisbursementAction::Approve => {
                me != self.requested_by
                    && identity.approval_limit.is_none_or(|limit| self.amount <= limit)
            }
            DisbursementAction::Pay => me != self.requested_by && Some(me) != self.approved_by,
            _ => true,
        };
        // Finance staff act for their own organization, and a grant that is stopped stops its payments.
        let own = identity.role != Role::CityFinance
            || identity.reach.organizations.contains(&grant.recipient_id);
        let allowed = self.status.actions().iter().filter(|action| {
            own && action.roles().contains(&identity.role) && action.fits(grant.status)
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

#[derive(Clone, Debug)]
pub struct NewRequest {
    pub grant: GrantId,
    pub kind: DisbursementKind,
    pub amount: Money,
    pub invoice_number: String,
    pub period: DateRange,
}

#[derive(Clone, Debug)]
pub struct Payment {
    pub paid_on: Date,
    pub method: PaymentMethod,
    pub reference: String,
}
