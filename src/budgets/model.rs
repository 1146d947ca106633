use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};

use crate::{
    access::{Actor, Role},
    clock::Date,
    id::{AmendmentId, BudgetLineId, DocumentId, GrantId, PersonId},
    money::Money,
    rule_sets::kinds::CostCategory,
    text_enum::text_enum,
};

/// A line of a grant's budget. The lines sum to what is awarded.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject)]
#[graphql(complex)]
pub struct BudgetLine {
    /// Identifies the line everywhere in Thrive.
    pub id: BudgetLineId,
    #[graphql(skip)]
    pub grant_id: GrantId,
    /// What its costs are for.
    pub category: CostCategory,
    /// What it is called.
    pub title: String,
    /// Its budget now, in US dollars, by the award, amendments and transfers.
    pub amount: Money,
    #[graphql(skip)]
    pub position: i32,
}

/// Where the money of a budget line is, in US dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineFigures {
    pub unobligated: Money,
    pub encumbered: Money,
    pub unclaimed: Money,
    pub claim_pending: Money,
    pub claimed: Money,
}

impl LineFigures {
    pub fn expended(&self) -> Money {
        [self.unclaimed, self.claim_pending, self.claimed].into_iter().sum()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLine {
    pub category: CostCategory,
    pub title: Option<String>,
    pub amount: Money,
}

impl NewLine {
    /// What the line is called where nobody said.
    pub fn named(&self) -> String {
        match &self.title {
            Some(title) => title.trim().into(),
            None => self.category.as_str().into(),
        }
    }
}

#[derive(Clone, Debug)]
pub struct NewTransfer {
    pub grant: GrantId,
    pub from: BudgetLineId,
    pub to: BudgetLineId,
    pub amount: Money,
    pub reason: String,
}

text_enum! {
    /// What an amendment changes.
    pub enum AmendmentKind {
        /// How much is awarded.
        Amount = "AMOUNT",
        /// Until when costs may arise, and until when it is signed, invoiced and paid.
        Period = "PERIOD",
        /// How the award is divided among budget lines.
        Budget = "BUDGET",
        /// What the grant is for.
        Scope = "SCOPE",
    }
}

text_enum! {
    /// Where an amendment stands.
    pub enum AmendmentStatus {
        /// Waiting for a decision.
        Proposed = "PROPOSED",
        /// In force from its day on.
        Approved = "APPROVED",
        /// Turned down.
        Declined = "DECLINED",
    }
}

text_enum! {
    /// What can be done to an amendment.
    pub enum AmendmentAction {
        /// Put it in force.
        Approve = "APPROVE",
        /// Turn it down.
        Decline = "DECLINE",
    }
}

text_enum! {
    /// Whether a line gets more or less.
    pub enum Direction {
        /// More.
        Increase = "INCREASE",
        /// Less.
        Decrease = "DECREASE",
    }
}

/// A change of an awarded grant.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct Amendment {
    /// Identifies the amendment everywhere in Thrive.
    pub id: AmendmentId,
    #[graphql(skip)]
    pub grant_id: GrantId,
    /// Its number among the grant's amendments, from 1.
    pub number: i32,
    /// What it changes.
    pub kind: AmendmentKind,
    /// Where it stands.
    pub status: AmendmentStatus,
    /// Why it is needed.
    pub reason: String,
    #[graphql(skip)]
    pub document_id: Option<DocumentId>,
    /// Of a PERIOD: the last day of performance that it sets; null leaves it as it was.
    pub performance_end: Option<Date>,
    /// Of a PERIOD: the last day to sign that it sets; null leaves it as it was.
    pub encumber_by: Option<Date>,
    /// Of a PERIOD: the last day to pay that it sets; null leaves it as it was.
    pub liquidate_by: Option<Date>,
    /// Of a PERIOD: the last day for the final invoice that it sets; null leaves it as it was.
    pub final_invoice_by: Option<Date>,
    /// Of a SCOPE: the title that it sets; null leaves it as it was.
    pub title: Option<String>,
    /// Of a SCOPE: what the grant is for from then on, in words.
    pub scope: Option<String>,
    /// From when it counts; of a proposal the day that is wanted, if one is.
    pub effective_on: Option<Date>,
    /// When it took effect; null while it waits for a decision or for its day.
    pub applied_at: Option<DateTime<Utc>>,
    #[graphql(skip)]
    pub proposed_by: PersonId,
    /// When it was proposed.
    pub proposed_at: DateTime<Utc>,
    #[graphql(skip)]
    pub decided_by: Option<PersonId>,
    /// When it was decided; null until then.
    pub decided_at: Option<DateTime<Utc>>,
    /// Why it was turned down.
    pub decision_reason: Option<String>,
}

impl Amendment {
    /// The dates that it sets.
    pub fn period(&self) -> PeriodChange {
        PeriodChange {
            performance_end: self.performance_end,
            encumber_by: self.encumber_by,
            liquidate_by: self.liquidate_by,
            final_invoice_by: self.final_invoice_by,
        }
    }

    /// What this actor may do to it now.
    pub fn actions_for(&self, actor: &Actor) -> Vec<AmendmentAction> {
        match actor {
            Actor::Person(identity)
                if self.status == AmendmentStatus::Proposed
                    && identity.role == Role::Approver
                    && identity.person != self.proposed_by =>
            {
                vec![AmendmentAction::Approve, AmendmentAction::Decline]
            }
            _ => vec![],
        }
    }
}

/// What an amendment does to a budget line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmendmentLine {
    pub line: BudgetLineId,
    pub direction: Direction,
    pub amount: Money,
}

#[derive(Clone, Debug)]
pub struct NewAmendment {
    pub grant: GrantId,
    pub kind: AmendmentKind,
    pub reason: String,
    pub document: Option<DocumentId>,
    pub effective_on: Option<Date>,
    pub lines: Vec<NewAmendmentLine>,
    pub period: PeriodChange,
    pub title: Option<String>,
    pub scope: Option<String>,
}

/// A line that there is, or one that the amendment adds.
#[derive(Clone, Debug)]
pub struct NewAmendmentLine {
    pub line: Option<BudgetLineId>,
    pub category: Option<CostCategory>,
    pub title: Option<String>,
    pub direction: Direction,
    pub amount: Money,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeriodChange {
    pub performance_end: Option<Date>,
    pub encumber_by: Option<Date>,
    pub liquidate_by: Option<Date>,
    pub final_invoice_by: Option<Date>,
}
