use async_graphql::{InputObject, SimpleObject};
use chrono::{DateTime, Utc};

use crate::{
    access::{Actor, Permission, Role},
    budgets::NewLine,
    clock::Date,
    id::{CityId, GrantId, OrganizationId, PersonId, ProgramId, RuleSetId},
    money::Money,
    text_enum::text_enum,
};

text_enum! {
    /// Where a grant stands in its life.
    pub enum GrantStatus {
        /// Being drawn up; no money yet.
        Draft = "DRAFT",
        /// Decided, not yet signed.
        Awarded = "AWARDED",
        /// Signed: money can be requested.
        Active = "ACTIVE",
        /// Stopped for now: nothing is requested, approved or paid.
        Suspended = "SUSPENDED",
        /// The period has ended and final reports are due.
        Closing = "CLOSING",
        /// Ended; what was left has lapsed.
        Closed = "CLOSED",
        /// Ended before its time.
        Terminated = "TERMINATED",
    }
}

text_enum! {
    /// What can be done to a grant.
    pub enum GrantAction {
        /// Decide the award of a draft.
        Award = "AWARD",
        /// Record the signing of the agreement.
        Sign = "SIGN",
        /// Stop it for now.
        Suspend = "SUSPEND",
        /// Let it go on.
        Resume = "RESUME",
        /// Draw up its budget anew.
        SetBudget = "SET_BUDGET",
        /// Move budget between two lines.
        TransferBudget = "TRANSFER_BUDGET",
        /// Propose an amendment.
        Amend = "AMEND",
        /// Record a cost.
        RecordExpenditure = "RECORD_EXPENDITURE",
        /// Record an order.
        Encumber = "ENCUMBER",
        /// Record what was added to it.
        RecordMatch = "RECORD_MATCH",
        /// Set aside for payment what was withheld.
        ReleaseRetention = "RELEASE_RETENTION",
        /// Begin its closeout after the period of performance.
        StartCloseout = "START_CLOSEOUT",
        /// End it; what is left lapses.
        Close = "CLOSE",
        /// End it before its time; what is left lapses.
        Terminate = "TERMINATE",
        /// Ask for part of it to be paid.
        RequestDisbursement = "REQUEST_DISBURSEMENT",
    }
}

text_enum! {
    /// The six Community Action Areas of All Children Thrive-California (Technical Assistance Plan).
    pub enum ActionArea {
        /// Promoting Healthy Childhood Development.
        HealthyChildhoodDevelopment = "HEALTHY_CHILDHOOD_DEVELOPMENT",
        /// Creating Protective Environments.
        ProtectiveEnvironments = "PROTECTIVE_ENVIRONMENTS",
        /// Youth Development and Civic Engagement.
        YouthDevelopment = "YOUTH_DEVELOPMENT",
        /// Strengthening Economic Supports for Children and Families.
        EconomicSupports = "ECONOMIC_SUPPORTS",
        /// Access to Safe and Stable Housing.
        SafeStableHousing = "SAFE_STABLE_HOUSING",
        /// Mental Health and Wellness.
        MentalHealthWellness = "MENTAL_HEALTH_WELLNESS",
    }
}

impl GrantStatus {
    /// What the state allows, whoever asks.
    pub fn actions(self) -> &'static [GrantAction] {
        use GrantAction::*;
        match self {
            Self::Draft => &[SetBudget, Award],
            Self::Awarded => &[Sign, TransferBudget, Amend, Terminate],
            Self::Active => &[
                RecordExpenditure,
                Encumber,
                RecordMatch,
                RequestDisbursement,
                TransferBudget,
                Amend,
                ReleaseRetention,
                Suspend,
                StartCloseout,
                Close,
                Terminate,
            ],
            Self::Suspended => &[
                RecordExpenditure,
                Encumber,
                RecordMatch,
                TransferBudget,
                Amend,
                Resume,
                StartCloseout,
                Close,
                Terminate,
            ],
            Self::Closing => &[
                RecordExpenditure,
                Encumber,
                RecordMatch,
                RequestDisbursement,
                TransferBudget,
                Amend,
                ReleaseRetention,
                Close,
                Terminate,
            ],
            Self::Closed | Self::Terminated => &[],
        }
    }

    /// Whether costs and orders are recorded.
    pub fn takes_costs(self) -> bool {
        matches!(self, Self::Active | Self::Suspended | Self::Closing)
    }
}

impl GrantAction {
    /// Who may do it.
    pub fn permission(self) -> Permission {
        match self {
            Self::SetBudget => Permission::SetBudget,
            Self::Award => Permission::AwardGrant,
            Self::Sign => Permission::SignGrant,
            Self::RecordExpenditure => Permission::RecordExpenditure,
            Self::Encumber => Permission::Encumber,
            Self::RecordMatch => Permission::RecordMatch,
            Self::RequestDisbursement => Permission::RequestDisbursement,
            Self::TransferBudget => Permission::TransferBudget,
            Self::Amend => Permission::AmendGrant,
            Self::ReleaseRetention => Permission::ReleaseRetention,
            Self::Suspend => Permission::SuspendGrant,
            Self::Resume => Permission::ResumeGrant,
            Self::StartCloseout => Permission::StartCloseout,
            Self::Close => Permission::CloseGrant,
            Self::Terminate => Permission::TerminateGrant,
        }
    }
}

/// A period of days, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SimpleObject, InputObject)]
#[graphql(input_name = "DateRangeInput")]
pub struct DateRange {
    /// The first day.
    pub start: Date,
    /// The last day.
    pub end: Date,
}

/// An award of a program's money to a recipient organization.
#[derive(Clone, Debug, SimpleObject, serde::Deserialize)]
#[graphql(complex)]
pub struct Grant {
    /// Identifies the grant everywhere in Thrive.
    pub id: GrantId,
    /// The agreement's number, unique.
    pub number: String,
    /// What the grant is for.
    pub title: String,
    /// Where it stands in its life.
    pub status: GrantStatus,
    #[graphql(skip)]
    pub program_id: ProgramId,
    #[graphql(skip)]
    pub recipient_id: OrganizationId,
    #[graphql(skip)]
    pub parent_id: Option<GrantId>,
    /// The amount as drafted, in US dollars; once awarded, `balance.awarded` tells what counts.
    pub amount: Money,
    #[graphql(skip)]
    pub performance_start: Date,
    #[graphql(skip)]
    pub performance_end: Date,
    /// The last day to sign the agreement (Government Code 16304).
    pub encumber_by: Option<Date>,
    /// The last day to pay: what is unpaid then reverts (Government Code 16304.1).
    pub liquidate_by: Option<Date>,
    /// The last day on which the recipient may send its final invoice.
    pub final_invoice_by: Option<Date>,
    #[graphql(skip)]
    pub drafted_by: PersonId,
    #[graphql(skip)]
    pub awarded_by: Option<PersonId>,
    /// When the award was decided; null while a draft.
    pub awarded_at: Option<DateTime<Utc>>,
    /// When the agreement was signed; null until then.
    pub signed_on: Option<Date>,
    #[graphql(skip)]
    pub rule_set_id: Option<RuleSetId>,
    #[graphql(skip)]
    pub vendor_number: Option<String>,
    #[graphql(skip)]
    pub purchase_order: Option<String>,
    #[graphql(skip)]
    pub fund_string: Option<String>,
    /// Since when its closeout is under way; null until then.
    pub closing_since: Option<Date>,
    /// The day on which it was closed or terminated; null until then.
    pub ended_on: Option<Date>,
    /// Grows with every change; an edit names the one it read.
    pub revision: i32,
    /// When the grant was entered.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Grant {
    pub fn performance_period(&self) -> DateRange {
        DateRange { start: self.performance_start, end: self.performance_end }
    }

    /// What this actor may do to the grant now.
    pub fn actions_for(&self, actor: &Actor, today: Date) -> Vec<GrantAction> {
        let Actor::Person(identity) = actor else { return vec![] };
        let may = |action: &&GrantAction| match action {
            GrantAction::Award => {
                identity.person != self.drafted_by
                    && identity.approval_limit.is_none_or(|limit| self.amount <= limit)
            }
            GrantAction::Close | GrantAction::StartCloseout => self.performance_end < today,
            // Finance staff act for their own organization.
            _ => {
                identity.role != Role::CityFinance
                    || identity.reach.organizations.contains(&self.recipient_id)
            }
        };
        let allowed = self
            .status
            .actions()
            .iter()
            .filter(|action| action.permission().allows(Some(identity.role)));
        allowed.filter(may).copied().collect()
    }
}

/// A city's share of a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CityShare {
    pub city: CityId,
    pub share_bp: i32,
}

/// An action area's share of a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SimpleObject)]
#[graphql(name = "GrantActionArea")]
pub struct ActionAreaShare {
    /// The action area.
    pub action_area: ActionArea,
    /// Its share in basis points: 10,000 is the whole grant.
    pub share_bp: i32,
}

#[derive(Clone, Debug)]
pub struct NewGrant {
    pub number: String,
    pub title: String,
    pub program: ProgramId,
    pub recipient: OrganizationId,
    pub parent: Option<GrantId>,
    pub amount: Money,
    pub performance: DateRange,
    pub encumber_by: Option<Date>,
    pub liquidate_by: Option<Date>,
    pub final_invoice_by: Option<Date>,
    pub cities: Vec<CityShare>,
    pub action_areas: Vec<ActionAreaShare>,
    /// Lines that sum to the amount; one line of everything where none are given.
    pub budget: Vec<NewLine>,
    pub accounting: AccountingKeys,
}

/// What the accounting system calls a grant or a payment. Bank account numbers are never stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, SimpleObject, InputObject)]
#[graphql(input_name = "AccountingKeysInput")]
pub struct AccountingKeys {
    /// The recipient's number as a vendor.
    pub vendor_number: Option<String>,
    /// The purchase order.
    pub purchase_order: Option<String>,
    /// The fund or ledger string that it is charged to.
    pub fund_string: Option<String>,
}
