use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};

use crate::{
    access::{Actor, Role},
    clock::Date,
    grants::Grant,
    id::{BudgetLineId, EncumbranceId, ExpenditureId, GrantId, PersonId},
    money::Money,
    text_enum::text_enum,
};

text_enum! {
    /// What can be done to an encumbrance.
    pub enum EncumbranceAction {
        /// Record what of it became a cost.
        Liquidate = "LIQUIDATE",
        /// Take back what of it is open.
        Cancel = "CANCEL",
    }
}

text_enum! {
    /// What can be done to an expenditure.
    pub enum ExpenditureAction {
        /// Take it back, as long as it is not claimed.
        Reverse = "REVERSE",
    }
}

/// A purchase order, contract or other order of the recipient that will become a cost (SF-425 line f: unliquidated
/// obligations).
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct Encumbrance {
    /// Identifies the encumbrance everywhere in Thrive.
    pub id: EncumbranceId,
    #[graphql(skip)]
    pub grant_id: GrantId,
    #[graphql(skip)]
    pub line_id: BudgetLineId,
    /// What was ordered, in US dollars.
    pub amount: Money,
    /// What of it is neither a cost yet nor cancelled, in US dollars.
    pub open: Money,
    /// The purchase order's number, unique among the grant's.
    pub number: String,
    /// Whom it was ordered from.
    pub vendor: String,
    /// What was ordered.
    pub description: String,
    /// The day of the order.
    pub encumbered_on: Date,
    /// Whether it is of a time before Thrive kept the books.
    pub opening: bool,
    #[graphql(skip)]
    pub recorded_by: PersonId,
    /// When it was entered.
    pub recorded_at: DateTime<Utc>,
}

/// A cost of the recipient that the grant bears.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct Expenditure {
    /// Identifies the expenditure everywhere in Thrive.
    pub id: ExpenditureId,
    #[graphql(skip)]
    pub grant_id: GrantId,
    #[graphql(skip)]
    pub line_id: BudgetLineId,
    #[graphql(skip)]
    pub encumbrance_id: Option<EncumbranceId>,
    /// The amount in US dollars.
    pub amount: Money,
    /// The day on which the cost arose, inside the period of performance.
    pub incurred_on: Date,
    /// The day from which figures count it: not before the award.
    pub effective_on: Date,
    /// Whom it was paid to.
    pub vendor: Option<String>,
    /// The recipient's voucher, check or journal number.
    pub reference: Option<String>,
    /// What it was for.
    pub description: String,
    /// Whether it is of a time before Thrive kept the books.
    pub opening: bool,
    #[graphql(skip)]
    pub recorded_by: PersonId,
    /// When it was entered.
    pub recorded_at: DateTime<Utc>,
    #[graphql(skip)]
    pub reversed_by: Option<PersonId>,
    /// When it was taken back; null when it stands.
    pub reversed_at: Option<DateTime<Utc>>,
    /// Why it was taken back.
    pub reverse_reason: Option<String>,
}

impl Encumbrance {
    pub fn actions_for(&self, actor: &Actor, grant: &Grant) -> Vec<EncumbranceAction> {
        if self.open.is_positive() && may_spend(actor, grant) {
            return vec![EncumbranceAction::Liquidate, EncumbranceAction::Cancel];
        }
        vec![]
    }
}

impl Expenditure {
    pub fn actions_for(&self, actor: &Actor, grant: &Grant) -> Vec<ExpenditureAction> {
        if self.reversed_at.is_none() && may_spend(actor, grant) {
            return vec![ExpenditureAction::Reverse];
        }
        vec![]
    }
}

fn may_spend(actor: &Actor, grant: &Grant) -> bool {
    let own = actor.identity().is_some_and(|identity| {
        identity.role == Role::CityFinance
            && identity.reach.organizations.contains(&grant.recipient_id)
    });
    own && grant.status.takes_costs()
}

#[derive(Clone, Debug)]
pub struct NewEncumbrance {
    pub grant: GrantId,
    pub line: Option<BudgetLineId>,
    pub amount: Money,
    pub number: String,
    pub vendor: String,
    pub description: String,
    pub encumbered_on: Date,
    pub opening: bool,
}

#[derive(Clone, Debug)]
pub struct NewExpenditure {
    pub grant: GrantId,
    pub line: Option<BudgetLineId>,
    pub amount: Money,
    pub incurred_on: Date,
    pub effective_on: Option<Date>,
    pub vendor: Option<String>,
    pub reference: Option<String>,
    pub description: String,
    pub opening: bool,
}
