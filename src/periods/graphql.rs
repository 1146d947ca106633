use std::collections::HashMap;

use async_graphql::{
    ComplexObject, Context, InputObject, Object,
    connection::Connection,
    dataloader::{DataLoader, Loader},
};

use super::{LedgerPeriod, PeriodAction, PeriodClosing, commands, store};
use crate::{
    App, Result,
    access::Permission,
    clock::Date,
    error::Shared,
    graphql::{ContextExt, payload},
    page::{OrderDirection, PageArgs, Window},
    people::{Person, graphql::PersonLoader},
};

#[ComplexObject]
impl LedgerPeriod {
    /// Who closed it; null while it is open, and where only a later month was closed.
    async fn closed_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, self.closed_by).await
    }

    /// How often it was closed, and opened again, in order.
    async fn history(&self, ctx: &Context<'_>) -> Result<Vec<PeriodClosing>> {
        let loader = ctx.data_unchecked::<DataLoader<ClosingsOfMonth>>();
        Ok(loader.load_one(self.month).await?.unwrap_or_default())
    }

    /// What you may do to it now.
    async fn allowed_actions(&self, ctx: &Context<'_>) -> Vec<PeriodAction> {
        self.actions_for(ctx.actor(), ctx.app().clock.today())
    }
}

#[ComplexObject]
impl PeriodClosing {
    /// Who closed it.
    async fn closed_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, self.closed_by).await
    }

    /// Who opened it again; null while it stays closed.
    async fn reopened_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, self.reopened_by).await
    }
}

/// What is known about the whole list of months.
pub struct PeriodsListed;

#[Object]
impl PeriodsListed {
    /// How many months there are, on all pages.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        Ok(store::count(&ctx.app().db).await?)
    }
}

#[derive(Default)]
pub struct PeriodQuery;

#[Object]
impl PeriodQuery {
    /// The ledger's months that have entries, or were closed, the latest first.
    async fn ledger_periods(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, LedgerPeriod, PeriodsListed>> {
        ctx.actor().may_read(Permission::ReadPeriods)?;
        let args = PageArgs { first, after, last, before };
        let window = Window::new("MONTH", OrderDirection::Desc, args)?;
        let rows = store::list(&ctx.app().db, &window, None).await?;
        Ok(window.page(rows, store::position, PeriodsListed))
    }
}

/// A month to close.
#[derive(InputObject)]
struct ClosePeriodInput {
    /// Any day of the month; it has to be over.
    month: Date,
}

/// A closed month to open again.
#[derive(InputObject)]
struct ReopenPeriodInput {
    /// Any day of the month; no later one is closed.
    month: Date,
    /// Why.
    reason: String,
}

payload!(
    /// What came of `closePeriod`.
    ClosePeriodPayload {
        /// The closed month; null when it was refused.
        period: LedgerPeriod
    }
);
payload!(
    /// What came of `reopenPeriod`.
    ReopenPeriodPayload {
        /// The month that is open again; null when it was refused.
        period: LedgerPeriod
    }
);

#[derive(Default)]
pub struct PeriodMutation;

#[Object]
impl PeriodMutation {
    /// Closes a month that is over, and with it every month before: they take no more entries. Earlier months that have
    /// entries are closed first. Needs FISCAL_OFFICER.
    async fn close_period(
        &self,
        ctx: &Context<'_>,
        input: ClosePeriodInput,
    ) -> Result<ClosePeriodPayload> {
        commands::close(ctx.app(), ctx.actor(), input.month).await.try_into()
    }

    /// Opens the latest closed month again. Needs PROGRAM_ADMIN or FISCAL_OFFICER, another person than the one who closed
    /// it.
    async fn reopen_period(
        &self,
        ctx: &Context<'_>,
        input: ReopenPeriodInput,
    ) -> Result<ReopenPeriodPayload> {
        commands::reopen(ctx.app(), ctx.actor(), input.month, &input.reason).await.try_into()
    }
}

pub struct ClosingsOfMonth(pub App);

impl Loader<Date> for ClosingsOfMonth {
    type Value = Vec<PeriodClosing>;
    type Error = Shared;

    async fn load(&self, months: &[Date]) -> Result<HashMap<Date, Vec<PeriodClosing>>, Shared> {
        Ok(store::closings_of(&self.0.db, months).await?)
    }
}
