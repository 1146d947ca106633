//! Allocations as clients read them.

mod figures;
mod loaders;
mod mutations;

use std::sync::Arc;

use async_graphql::{
    ComplexObject, Context, Enum, InputObject, Object, SimpleObject, connection::Connection,
    dataloader::DataLoader,
};
use chrono::{DateTime, Utc};

pub use loaders::{
    AllocationLoader, BooksOfAllocation, CountsOfAllocation, DrawnBySpend, ReceiptLoader,
    ReceiptPages, SpendPages,
};
pub use mutations::AllocationMutation;

use figures::{AllocationBalance, AllocationLayer, AllocationReserve, ReversionProjection};

use super::{
    Allocation, AllocationAction, AllocationReceipt, AllocationSpend, books::Books, store,
};
use crate::{
    Result,
    access::{Permission, Reach},
    clock::Date,
    graphql::ContextExt,
    id::{AllocationId, OrganizationId, ProgramId},
    money::Money,
    page::{OrderDirection, PageArgs, Window},
    people::{Organization, Person, graphql::OrganizationLoader, graphql::PersonLoader},
    rule_sets::{
        Rule,
        graphql::{RuleLoader, RulesOfSet, set_in_force},
    },
    streams::{self, FundingProgram, FundingStream, StreamCode},
};

async fn books(ctx: &Context<'_>, id: AllocationId, as_of: Option<Date>) -> Result<Arc<Books>> {
    let loader = ctx.data_unchecked::<DataLoader<BooksOfAllocation>>();
    let clock = &ctx.app().clock;
    let empty = || Arc::new(Books::empty(as_of.unwrap_or_else(|| clock.today()), clock.now()));
    Ok(loader.load_one((id, as_of)).await?.unwrap_or_else(empty))
}

#[ComplexObject]
impl Allocation {
    /// The formula program whose money it is.
    async fn program(&self, ctx: &Context<'_>) -> Result<FundingProgram> {
        let found = streams::graphql::program(ctx, self.program_id).await?;
        Ok(found.expect("an allocation has a program"))
    }

    /// The funding stream whose money it is.
    async fn stream(&self, ctx: &Context<'_>) -> Result<FundingStream> {
        let program = self.program(ctx).await?;
        Ok(streams::graphql::stream(ctx, program.stream_id).await?.expect("a program has a stream"))
    }

    /// The organization that receives it.
    async fn recipient(&self, ctx: &Context<'_>) -> Result<Organization> {
        let loader = ctx.data_unchecked::<DataLoader<OrganizationLoader>>();
        Ok(loader.load_one(self.recipient_id).await?.expect("an allocation has a recipient"))
    }

    /// Who entered it.
    async fn created_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, Some(self.created_by)).await
    }

    /// Where its money is, in US dollars: now, or as of the end of a day.
    async fn balance(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Count what is effective on or before this day; everything when absent.")]
        as_of: Option<Date>,
    ) -> Result<AllocationBalance> {
        Ok(AllocationBalance::of(&*books(ctx, self.id, as_of).await?))
    }

    /// What of its unspent money reverts at the end of the day's fiscal year, or should have before, unless it is spent;
    /// in US dollars.
    async fn at_risk_of_reversion(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The day; today when absent.")] as_of: Option<Date>,
    ) -> Result<Money> {
        let books = books(ctx, self.id, as_of).await?;
        Ok(books.layers.iter().map(|layer| layer.at_risk_on(books.as_of)).sum())
    }

    /// What will revert, and when, at the pace of the last three whole months: for each layer with money left and a day
    /// to spend it by, the oldest first.
    async fn projection(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The day from which it looks ahead; today when absent.")] as_of: Option<
            Date,
        >,
    ) -> Result<Vec<ReversionProjection>> {
        Ok(figures::projections(&*books(ctx, self.id, as_of).await?))
    }

    /// Between what a prudent reserve lies, by each rule of its program that is in force on the day and speaks of one;
    /// none where nothing was received in a year before.
    async fn reserves(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The day; today when absent.")] as_of: Option<Date>,
    ) -> Result<Vec<AllocationReserve>> {
        let books = books(ctx, self.id, as_of).await?;
        let Some(set) = set_in_force(ctx, self.program_id, books.as_of).await? else {
            return Ok(vec![]);
        };
        let loader = ctx.data_unchecked::<DataLoader<RulesOfSet>>();
        let rules = loader.load_one(set.id).await?.unwrap_or_default();
        Ok(figures::reserves(&books, &rules))
    }

    /// What was received, the latest first.
    async fn receipts(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, AllocationReceipt, ReceiptsListed>> {
        let args = PageArgs { first, after, last, before };
        let window = Window::new("RECEIVED_ON", OrderDirection::Desc, args)?;
        let loader = ctx.data_unchecked::<DataLoader<ReceiptPages>>();
        let rows = loader.load_one((self.id, window.clone())).await?.unwrap_or_default();
        Ok(window.page(rows, store::position_of_receipt, ReceiptsListed(self.id)))
    }

    /// What was spent, the latest first.
    async fn spends(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, AllocationSpend, SpendsListed>> {
        let args = PageArgs { first, after, last, before };
        let window = Window::new("SPENT_ON", OrderDirection::Desc, args)?;
        let loader = ctx.data_unchecked::<DataLoader<SpendPages>>();
        let rows = loader.load_one((self.id, window.clone())).await?.unwrap_or_default();
        Ok(window.page(rows, store::position_of_spend, SpendsListed(self.id)))
    }

    /// What you may do to it.
    async fn allowed_actions(&self, ctx: &Context<'_>) -> Vec<AllocationAction> {
        self.actions_for(ctx.actor())
    }
}

/// What is known about all receipts of an allocation.
pub struct ReceiptsListed(AllocationId);

#[Object]
impl ReceiptsListed {
    /// How many receipts there are, on all pages.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        let loader = ctx.data_unchecked::<DataLoader<CountsOfAllocation>>();
        Ok(loader.load_one(self.0).await?.unwrap_or_default().receipts)
    }
}

/// What is known about all spends of an allocation.
pub struct SpendsListed(AllocationId);

#[Object]
impl SpendsListed {
    /// How many spends there are, on all pages.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        let loader = ctx.data_unchecked::<DataLoader<CountsOfAllocation>>();
        Ok(loader.load_one(self.0).await?.unwrap_or_default().spends)
    }
}

#[ComplexObject]
impl AllocationReceipt {
    /// The allocation that it is a payment of.
    async fn allocation(&self, ctx: &Context<'_>) -> Result<Option<Allocation>> {
        let loader = ctx.data_unchecked::<DataLoader<AllocationLoader>>();
        Ok(loader.load_one(self.allocation_id).await?)
    }

    /// The rule that divided it, with its citation; null where none divides, and it is one component, `TOTAL`.
    async fn rule(&self, ctx: &Context<'_>) -> Result<Option<Rule>> {
        match self.rule_id {
            Some(id) => Ok(ctx.data_unchecked::<DataLoader<RuleLoader>>().load_one(id).await?),
            None => Ok(None),
        }
    }

    /// Its parts and what became of each, in the order in which the rule divides. They sum to the amount.
    async fn components(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Count what is effective on or before this day; everything when absent.")]
        as_of: Option<Date>,
    ) -> Result<Vec<AllocationLayer>> {
        let books = books(ctx, self.allocation_id, as_of).await?;
        let own = books.layers.iter().filter(|layer| layer.receipt == self.id);
        Ok(own.map(|layer| AllocationLayer::of(layer, &books)).collect())
    }

    /// Who entered it.
    async fn recorded_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, Some(self.recorded_by)).await
    }
}

/// What a spend took from one receipt.
#[derive(SimpleObject)]
pub struct AllocationDraw {
    /// The receipt whose money it is.
    receipt: AllocationReceipt,
    /// The amount in US dollars.
    amount: Money,
}

#[ComplexObject]
impl AllocationSpend {
    /// The allocation that it is spent of.
    async fn allocation(&self, ctx: &Context<'_>) -> Result<Option<Allocation>> {
        let loader = ctx.data_unchecked::<DataLoader<AllocationLoader>>();
        Ok(loader.load_one(self.allocation_id).await?)
    }

    /// The receipts that it was taken from, the oldest first; the amounts sum to its own.
    async fn layers(&self, ctx: &Context<'_>) -> Result<Vec<AllocationDraw>> {
        let loader = ctx.data_unchecked::<DataLoader<DrawnBySpend>>();
        let drawn = loader.load_one(self.id).await?.unwrap_or_default();
        let loader = ctx.data_unchecked::<DataLoader<ReceiptLoader>>();
        let mut receipts = loader.load_many(drawn.iter().map(|part| part.receipt_id)).await?;
        let draw = |part: &super::layer_store::Drawn| {
            let receipt = receipts.remove(&part.receipt_id)?;
            Some(AllocationDraw { receipt, amount: part.amount })
        };
        Ok(drawn.iter().filter_map(draw).collect())
    }

    /// Who entered it.
    async fn recorded_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, Some(self.recorded_by)).await
    }
}

/// Which allocations to list. An allocation is found when every given field fits.
#[derive(InputObject, Default)]
pub struct AllocationFilter {
    /// Of one of these funding streams.
    streams: Option<Vec<StreamCode>>,
    /// Of one of these programs.
    programs: Option<Vec<ProgramId>>,
    /// Received by one of these organizations.
    recipients: Option<Vec<OrganizationId>>,
    /// Of which something was entered, received, spent or reverted at or after this moment.
    updated_since: Option<DateTime<Utc>>,
}

impl From<AllocationFilter> for store::AllocationFilter {
    fn from(filter: AllocationFilter) -> Self {
        Self {
            streams: filter.streams,
            programs: filter.programs,
            recipients: filter.recipients,
            updated_since: filter.updated_since,
        }
    }
}

/// What allocations can be ordered by.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum AllocationOrderField {
    /// When it was entered.
    CreatedAt,
    /// The recipient's name.
    Recipient,
}

/// The order of a list of allocations.
#[derive(InputObject)]
pub struct AllocationOrder {
    /// What to order by.
    field: AllocationOrderField,
    /// Which way.
    #[graphql(default_with = "OrderDirection::Asc")]
    direction: OrderDirection,
}

/// Sums over a whole list of allocations, as they are now.
#[derive(SimpleObject)]
pub struct AllocationTotals {
    /// How many there are.
    count: i64,
    /// All that was received, in US dollars.
    received: Money,
    /// What was spent, in US dollars.
    spent: Money,
    /// What went back, in US dollars.
    reverted: Money,
    /// What is left to spend, in US dollars.
    unspent: Money,
    /// When the sums were read.
    computed_at: DateTime<Utc>,
}

/// What is known about a whole list of allocations.
pub struct AllocationsListed {
    filter: store::AllocationFilter,
    reach: Reach,
}

#[Object]
impl AllocationsListed {
    /// How many allocations the filter finds, on all pages.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        Ok(store::totals(&ctx.app().db, &self.filter, &self.reach).await?.count)
    }

    /// Sums over all of them, on all pages.
    async fn totals(&self, ctx: &Context<'_>) -> Result<AllocationTotals> {
        let sums = store::totals(&ctx.app().db, &self.filter, &self.reach).await?;
        Ok(AllocationTotals {
            count: sums.count,
            received: [sums.spent, sums.reverted, sums.unspent].into_iter().sum(),
            spent: sums.spent,
            reverted: sums.reverted,
            unspent: sums.unspent,
            computed_at: ctx.app().clock.now(),
        })
    }
}

#[derive(Default)]
pub struct AllocationQuery;

#[Object]
impl AllocationQuery {
    /// An allocation by its id; null when there is none or it is not yours to see.
    async fn allocation(&self, ctx: &Context<'_>, id: AllocationId) -> Result<Option<Allocation>> {
        let reach = ctx.actor().may_read(Permission::ReadAllocation)?;
        Ok(store::find(&ctx.app().db, &reach, &[id]).await?.pop())
    }

    /// The allocations that you may see, the newest first unless ordered otherwise: what counties and others receive by
    /// formulas.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn allocations(
        &self,
        ctx: &Context<'_>,
        #[graphql(default)] filter: AllocationFilter,
        order_by: Option<AllocationOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, Allocation, AllocationsListed>> {
        let reach = ctx.actor().may_read(Permission::ReadAllocations)?;
        let newest = AllocationOrder {
            field: AllocationOrderField::CreatedAt,
            direction: OrderDirection::Desc,
        };
        let order = order_by.unwrap_or(newest);
        let name = match order.field {
            AllocationOrderField::CreatedAt => "CREATED_AT",
            AllocationOrderField::Recipient => "RECIPIENT",
        };
        let window = Window::new(name, order.direction, PageArgs { first, after, last, before })?;
        let filter = filter.into();
        let rows = store::list(&ctx.app().db, &window, &filter, &reach).await?;
        let listed = AllocationsListed { filter, reach };
        Ok(window.page(rows, |row| store::position(name, row), listed))
    }
}
