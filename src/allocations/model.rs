use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};

use crate::{
    access::{Actor, Role},
    clock::Date,
    fiscal_year::FiscalYear,
    id::{
        AllocationId, AllocationReceiptId, AllocationSpendId, OrganizationId, PersonId, ProgramId,
        RuleId,
    },
    money::Money,
    text_enum::text_enum,
};

text_enum! {
    /// What can be done to an allocation.
    pub enum AllocationAction {
        /// Record what was received.
        RecordReceipt = "RECORD_RECEIPT",
        /// Record what a component was spent on.
        Spend = "SPEND",
    }
}

/// What a formula program pays one body again and again, such as a county's share of MHSA or BHSA. Each receipt is
/// divided into components by the rules of its day.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct Allocation {
    /// Identifies the allocation everywhere in Thrive.
    pub id: AllocationId,
    #[graphql(skip)]
    pub program_id: ProgramId,
    #[graphql(skip)]
    pub recipient_id: OrganizationId,
    #[graphql(skip)]
    pub recipient_name: String,
    #[graphql(skip)]
    pub created_by: PersonId,
    /// When it was entered.
    pub created_at: DateTime<Utc>,
    /// When something was last received, spent or reverted.
    pub updated_at: DateTime<Utc>,
}

impl Allocation {
    pub fn actions_for(&self, actor: &Actor) -> Vec<AllocationAction> {
        let Some(identity) = actor.identity() else { return vec![] };
        match identity.role {
            Role::FiscalOfficer => vec![AllocationAction::RecordReceipt, AllocationAction::Spend],
            Role::CityFinance if identity.reach.organizations.contains(&self.recipient_id) => {
                vec![AllocationAction::Spend]
            }
            _ => vec![],
        }
    }
}

/// One payment of an allocation: a layer, whose money has its own last day.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct AllocationReceipt {
    /// Identifies the receipt everywhere in Thrive.
    pub id: AllocationReceiptId,
    #[graphql(skip)]
    pub allocation_id: AllocationId,
    /// The fiscal year of the day of receipt: the first in which it is to be spent.
    pub fiscal_year: FiscalYear,
    /// The day on which it was received.
    pub received_on: Date,
    /// The amount in US dollars.
    pub amount: Money,
    /// The payer's warrant or remittance number, unique among the allocation's receipts.
    pub reference: String,
    #[graphql(skip)]
    pub rule_id: Option<RuleId>,
    #[graphql(skip)]
    pub recorded_by: PersonId,
    /// When it was entered.
    pub recorded_at: DateTime<Utc>,
}

/// What a component of an allocation was spent on. It is taken from the oldest layers that it may be taken from.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct AllocationSpend {
    /// Identifies the spend everywhere in Thrive.
    pub id: AllocationSpendId,
    #[graphql(skip)]
    pub allocation_id: AllocationId,
    /// The component that bears it, such as `CSS`.
    pub component: String,
    /// The amount in US dollars.
    pub amount: Money,
    /// The day on which it was spent.
    pub spent_on: Date,
    /// What it was spent on.
    pub description: String,
    /// The recipient's voucher, check or journal number.
    pub reference: Option<String>,
    #[graphql(skip)]
    pub recorded_by: PersonId,
    /// When it was entered.
    pub recorded_at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
pub struct NewReceipt {
    pub allocation: AllocationId,
    pub received_on: Date,
    pub amount: Money,
    pub reference: String,
}

#[derive(Clone, Debug)]
pub struct NewSpend {
    pub allocation: AllocationId,
    pub component: String,
    pub amount: Money,
    pub spent_on: Date,
    pub description: String,
    pub reference: Option<String>,
}
