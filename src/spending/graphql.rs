use std::collections::HashMap;

use async_graphql::{
    ComplexObject, Context, InputObject, Object, SimpleObject,
    connection::Connection,
    dataloader::{DataLoader, Loader},
};

use super::{
    Encumbrance, EncumbranceAction, Expenditure, ExpenditureAction, NewEncumbrance, NewExpenditure,
    commands::{self, Liquidation},
    store,
};
use crate::{
    App, Result,
    access::Reach,
    budgets::{BudgetLine, graphql::LineLoader},
    clock::Date,
    error::Shared,
    grants::{Grant, graphql::GrantLoader},
    graphql::{ContextExt, payload},
    id::{BudgetLineId, EncumbranceId, ExpenditureId, GrantId},
    money::Money,
    page::{OrderDirection, PageArgs, Window, by_window},
    people::{Person, graphql::PersonLoader},
};

#[ComplexObject]
impl Encumbrance {
    /// The grant that bears it.
    async fn grant(&self, ctx: &Context<'_>) -> Result<Option<Grant>> {
        Ok(ctx.data_unchecked::<DataLoader<GrantLoader>>().load_one(self.grant_id).await?)
    }

    /// The budget line that it is set aside in.
    async fn line(&self, ctx: &Context<'_>) -> Result<Option<BudgetLine>> {
        Ok(ctx.data_unchecked::<DataLoader<LineLoader>>().load_one(self.line_id).await?)
    }

    /// Who entered it.
    async fn recorded_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, Some(self.recorded_by)).await
    }

    /// What you may do to it now.
    async fn allowed_actions(&self, ctx: &Context<'_>) -> Result<Vec<EncumbranceAction>> {
        let grant = self.grant(ctx).await?;
        Ok(grant.map(|grant| self.actions_for(ctx.actor(), &grant)).unwrap_or_default())
    }
}

#[ComplexObject]
impl Expenditure {
    /// The grant that bears it.
    async fn grant(&self, ctx: &Context<'_>) -> Result<Option<Grant>> {
        Ok(ctx.data_unchecked::<DataLoader<GrantLoader>>().load_one(self.grant_id).await?)
    }

    /// The budget line that it is charged to.
    async fn line(&self, ctx: &Context<'_>) -> Result<Option<BudgetLine>> {
        Ok(ctx.data_unchecked::<DataLoader<LineLoader>>().load_one(self.line_id).await?)
    }

    /// The order that it came of, if one was recorded.
    async fn encumbrance(&self, ctx: &Context<'_>) -> Result<Option<Encumbrance>> {
        match self.encumbrance_id {
            Some(id) => {
                Ok(ctx.data_unchecked::<DataLoader<EncumbranceLoader>>().load_one(id).await?)
            }
            None => Ok(None),
        }
    }

    /// Who entered it.
    async fn recorded_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, Some(self.recorded_by)).await
    }

    /// Who took it back; null when it stands.
    async fn reversed_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, self.reversed_by).await
    }

    /// What you may do to it now.
    async fn allowed_actions(&self, ctx: &Context<'_>) -> Result<Vec<ExpenditureAction>> {
        let grant = self.grant(ctx).await?;
        Ok(grant.map(|grant| self.actions_for(ctx.actor(), &grant)).unwrap_or_default())
    }
}

/// Sums over a whole list of costs or orders.
#[derive(SimpleObject)]
pub struct SpendingTotals {
    /// How many there are.
    count: i64,
    /// What they sum to in US dollars: costs that stand, and what is open of orders.
    amount: Money,
}

/// What is known about a whole list of expenditures.
pub enum ExpendituresListed {
    Filtered { filter: Box<store::ExpenditureFilter>, reach: Reach },
    OfGrant(GrantId),
}

#[Object]
impl ExpendituresListed {
    /// How many expenditures there are, on all pages.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        Ok(self.read(ctx).await?.count)
    }

    /// Sums over all of them, on all pages; what was taken back is not summed.
    async fn totals(&self, ctx: &Context<'_>) -> Result<SpendingTotals> {
        let store::Totals { count, amount } = self.read(ctx).await?;
        Ok(SpendingTotals { count, amount })
    }
}

impl ExpendituresListed {
    async fn read(&self, ctx: &Context<'_>) -> Result<store::Totals> {
        match self {
            Self::Filtered { filter, reach } => {
                Ok(store::totals_of_expenditures(&ctx.app().db, filter, reach).await?)
            }
            Self::OfGrant(grant) => {
                let loader = ctx.data_unchecked::<DataLoader<ExpenditureTotals>>();
                Ok(loader.load_one(*grant).await?.unwrap_or_default())
            }
        }
    }
}

/// What is known about a whole list of encumbrances.
pub struct EncumbrancesListed(GrantId);

#[Object]
impl EncumbrancesListed {
    /// How many encumbrances there are, on all pages.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        let loader = ctx.data_unchecked::<DataLoader<EncumbranceTotals>>();
        Ok(loader.load_one(self.0).await?.unwrap_or_default().count)
    }

    /// Sums over all of them, on all pages: what is open.
    async fn totals(&self, ctx: &Context<'_>) -> Result<SpendingTotals> {
        let loader = ctx.data_unchecked::<DataLoader<EncumbranceTotals>>();
        let store::Totals { count, amount } = loader.load_one(self.0).await?.unwrap_or_default();
        Ok(SpendingTotals { count, amount })
    }
}

/// A page of a grant's expenditures, the latest first.
pub async fn expenditures_of_grant(
    ctx: &Context<'_>,
    grant: GrantId,
    args: PageArgs,
) -> Result<Connection<String, Expenditure, ExpendituresListed>> {
    let window = Window::new("INCURRED_ON", OrderDirection::Desc, args)?;
    let loader = ctx.data_unchecked::<DataLoader<ExpenditurePages>>();
    let rows = loader.load_one((grant, window.clone())).await?.unwrap_or_default();
    Ok(window.page(rows, store::position_of_expenditure, ExpendituresListed::OfGrant(grant)))
}

/// A page of a grant's encumbrances, the latest first.
pub async fn encumbrances_of_grant(
    ctx: &Context<'_>,
    grant: GrantId,
    args: PageArgs,
) -> Result<Connection<String, Encumbrance, EncumbrancesListed>> {
    let window = Window::new("ENCUMBERED_ON", OrderDirection::Desc, args)?;
    let loader = ctx.data_unchecked::<DataLoader<EncumbrancePages>>();
    let rows = loader.load_one((grant, window.clone())).await?.unwrap_or_default();
    Ok(window.page(rows, store::position_of_encumbrance, EncumbrancesListed(grant)))
}

/// A cost that arose.
#[derive(InputObject)]
struct RecordExpenditureInput {
    /// Sent again with the same key, it is recorded once and answered again; 1 to 200 characters.
    idempotency_key: String,
    /// The grant that bears it.
    grant_id: GrantId,
    /// The budget line; may be left out where the grant has only one.
    line_id: Option<BudgetLineId>,
    /// The amount in US dollars.
    amount: Money,
    /// The day on which it arose, inside the period of performance.
    incurred_on: Date,
    /// The day from which figures count it; its own day, or the award's when that is later. Give a later one where its
    /// month is closed.
    effective_on: Option<Date>,
    /// Whom it was paid to.
    vendor: Option<String>,
    /// Your voucher, check or journal number.
    reference: Option<String>,
    /// What it was for.
    description: String,
}

/// A cost that is taken back.
#[derive(InputObject)]
struct ReverseExpenditureInput {
    /// As in `recordExpenditure`.
    idempotency_key: String,
    /// The expenditure.
    expenditure_id: ExpenditureId,
    /// Why.
    reason: String,
}

/// An order that will become a cost.
#[derive(InputObject)]
struct EncumberInput {
    /// As in `recordExpenditure`.
    idempotency_key: String,
    /// The grant that bears it.
    grant_id: GrantId,
    /// The budget line; may be left out where the grant has only one.
    line_id: Option<BudgetLineId>,
    /// The amount in US dollars.
    amount: Money,
    /// The purchase order's number; no other of the grant's orders has it.
    number: String,
    /// Whom it is ordered from.
    vendor: String,
    /// What is ordered.
    description: String,
    /// The day of the order, inside the period of performance.
    encumbered_on: Date,
}

/// What of an order became a cost.
#[derive(InputObject)]
struct LiquidateInput {
    /// As in `recordExpenditure`.
    idempotency_key: String,
    /// The order.
    encumbrance_id: EncumbranceId,
    /// The amount in US dollars; all that is open when absent.
    amount: Option<Money>,
    /// The day on which the cost arose.
    incurred_on: Date,
    /// Your voucher, check or journal number.
    reference: Option<String>,
}

/// An order, or part of it, that is taken back.
#[derive(InputObject)]
struct CancelEncumbranceInput {
    /// As in `recordExpenditure`.
    idempotency_key: String,
    /// The order.
    encumbrance_id: EncumbranceId,
    /// The amount in US dollars; all that is open when absent.
    amount: Option<Money>,
    /// Why.
    reason: String,
}

payload!(
    /// What came of `recordExpenditure`.
    RecordExpenditurePayload {
        /// The expenditure; null when it was refused.
        expenditure: Expenditure
    }
);
payload!(
    /// What came of `reverseExpenditure`.
    ReverseExpenditurePayload {
        /// The expenditure; null when it was refused.
        expenditure: Expenditure
    }
);
payload!(
    /// What came of `encumber`.
    EncumberPayload {
        /// The encumbrance; null when it was refused.
        encumbrance: Encumbrance
    }
);
payload!(
    /// What came of `liquidate`.
    LiquidatePayload {
        /// The cost that the order became; null when it was refused.
        expenditure: Expenditure
    }
);
payload!(
    /// What came of `cancelEncumbrance`.
    CancelEncumbrancePayload {
        /// The encumbrance; null when it was refused.
        encumbrance: Encumbrance
    }
);

#[derive(Default)]
pub struct SpendingMutation;

#[Object]
impl SpendingMutation {
    /// Records a cost of the grant, inside its period of performance and within its budget line; the rules' categories and
    /// caps are checked. Needs CITY_FINANCE of the recipient.
    async fn record_expenditure(
        &self,
        ctx: &Context<'_>,
        input: RecordExpenditureInput,
    ) -> Result<RecordExpenditurePayload> {
        let new = NewExpenditure {
            grant: input.grant_id,
            line: input.line_id,
            amount: input.amount,
            incurred_on: input.incurred_on,
            effective_on: input.effective_on,
            vendor: input.vendor,
            reference: input.reference,
            description: input.description,
            opening: false,
        };
        commands::expend(ctx.app(), ctx.actor(), new, &input.idempotency_key).await.try_into()
    }

    /// Takes back a cost that no request claims. Needs CITY_FINANCE of the recipient.
    async fn reverse_expenditure(
        &self,
        ctx: &Context<'_>,
        input: ReverseExpenditureInput,
    ) -> Result<ReverseExpenditurePayload> {
        let (id, reason) = (input.expenditure_id, &input.reason);
        commands::reverse(ctx.app(), ctx.actor(), id, reason, &input.idempotency_key)
            .await
            .try_into()
    }

    /// Records an order of the recipient: its amount is set aside in the budget line. Needs CITY_FINANCE of the recipient.
    async fn encumber(&self, ctx: &Context<'_>, input: EncumberInput) -> Result<EncumberPayload> {
        let new = NewEncumbrance {
            grant: input.grant_id,
            line: input.line_id,
            amount: input.amount,
            number: input.number,
            vendor: input.vendor,
            description: input.description,
            encumbered_on: input.encumbered_on,
            opening: false,
        };
        commands::encumber(ctx.app(), ctx.actor(), new, &input.idempotency_key).await.try_into()
    }

    /// Records that an order, or part of it, became a cost. Needs CITY_FINANCE of the recipient.
    async fn liquidate(
        &self,
        ctx: &Context<'_>,
        input: LiquidateInput,
    ) -> Result<LiquidatePayload> {
        let cost = Liquidation {
            amount: input.amount,
            incurred_on: input.incurred_on,
            reference: input.reference,
        };
        let (id, key) = (input.encumbrance_id, &input.idempotency_key);
        commands::liquidate(ctx.app(), ctx.actor(), id, cost, key).await.try_into()
    }

    /// Takes back what of an order is open, or part of it. Needs CITY_FINANCE of the recipient.
    async fn cancel_encumbrance(
        &self,
        ctx: &Context<'_>,
        input: CancelEncumbranceInput,
    ) -> Result<CancelEncumbrancePayload> {
        let (id, reason) = (input.encumbrance_id, &input.reason);
        let key = &input.idempotency_key;
        commands::cancel(ctx.app(), ctx.actor(), id, input.amount, reason, key).await.try_into()
    }
}

/// Orders of grants that the actor may see.
pub struct EncumbranceLoader {
    pub app: App,
    pub reach: Reach,
}

impl Loader<EncumbranceId> for EncumbranceLoader {
    type Value = Encumbrance;
    type Error = Shared;

    async fn load(
        &self,
        ids: &[EncumbranceId],
    ) -> Result<HashMap<EncumbranceId, Encumbrance>, Shared> {
        let found = store::find_encumbrances(&self.app.db, &self.reach, ids).await?;
        Ok(found.into_iter().map(|order| (order.id, order)).collect())
    }
}

/// Declares the loaders of a grant's list: its pages, and its totals.
macro_rules! listed_of_grant {
    ($row:ty, $pages:ident, $read:path, $totals:ident, $sum:path) => {
        pub struct $pages(pub App);

        impl Loader<(GrantId, Window)> for $pages {
            type Value = Vec<$row>;
            type Error = Shared;

            async fn load(
                &self,
                keys: &[(GrantId, Window)],
            ) -> Result<HashMap<(GrantId, Window), Vec<$row>>, Shared> {
                let mut found = HashMap::new();
                for (window, grants) in by_window(keys) {
                    let pages = $read(&self.0.db, window, &grants).await?;
                    found.extend(
                        pages.into_iter().map(|(grant, rows)| ((grant, window.clone()), rows)),
                    );
                }
                Ok(found)
            }
        }

        pub struct $totals(pub App);

        impl Loader<GrantId> for $totals {
            type Value = store::Totals;
            type Error = Shared;

            async fn load(
                &self,
                grants: &[GrantId],
            ) -> Result<HashMap<GrantId, store::Totals>, Shared> {
                Ok($sum(&self.0.db, grants).await?)
            }
        }
    };
}

listed_of_grant!(
    Expenditure,
    ExpenditurePages,
    store::expenditures_of_grants,
    ExpenditureTotals,
    store::expenditure_totals
);
listed_of_grant!(
    Encumbrance,
    EncumbrancePages,
    store::encumbrances_of_grants,
    EncumbranceTotals,
    store::encumbrance_totals
);
