use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};

use crate::{
    access::{Actor, Role},
    clock::Date,
    id::{ClosedMonthId, PersonId},
    text_enum::text_enum,
};

text_enum! {
    /// What can be done to a month of the ledger.
    pub enum PeriodAction {
        /// Close it: it takes no more entries.
        Close = "CLOSE",
        /// Open it again.
        Reopen = "REOPEN",
    }
}

/// A month of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SimpleObject)]
#[graphql(complex)]
pub struct LedgerPeriod {
    /// The first day of the month.
    pub month: Date,
    /// Whether it takes no more entries: it was closed itself, or a later month was.
    pub closed: bool,
    /// Whether it is the month to be closed next: no earlier one with entries is open.
    #[graphql(skip)]
    pub next: bool,
    /// Whether no later month is closed.
    #[graphql(skip)]
    pub latest: bool,
    #[graphql(skip)]
    pub closed_by: Option<PersonId>,
    /// When it was closed; null while it is open, and where only a later month was closed.
    pub closed_at: Option<DateTime<Utc>>,
}

/// A time that a month was closed, until it was opened again.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct PeriodClosing {
    #[graphql(skip)]
    pub id: ClosedMonthId,
    #[graphql(skip)]
    pub month: Date,
    #[graphql(skip)]
    pub closed_by: Option<PersonId>,
    /// When it was closed.
    pub closed_at: DateTime<Utc>,
    #[graphql(skip)]
    pub reopened_by: Option<PersonId>,
    /// When it was opened again; null while it stays closed.
    pub reopened_at: Option<DateTime<Utc>>,
    /// Why it was opened again.
    pub reopen_reason: Option<String>,
}

impl LedgerPeriod {
    /// The first day of the month after it.
    pub fn following(month: Date) -> Date {
        month.plus_months(1)
    }

    /// What this actor may do to it now.
    pub fn actions_for(&self, actor: &Actor, today: Date) -> Vec<PeriodAction> {
        let Some(identity) = actor.identity() else { return vec![] };
        let over = Self::following(self.month) <= today;
        let close = identity.role == Role::FiscalOfficer && !self.closed && self.next && over;
        let another = self.closed_by != Some(identity.person);
        let reopen = matches!(identity.role, Role::FiscalOfficer | Role::ProgramAdmin)
            && self.closed_at.is_some()
            && self.latest
            && another;
        let close = close.then_some(PeriodAction::Close);
        close.into_iter().chain(reopen.then_some(PeriodAction::Reopen)).collect()
    }
}
