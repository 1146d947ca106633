mod changes;
mod mutations;

use std::collections::HashMap;

use async_graphql::{
    ComplexObject, Context, Enum, InputObject, Object, SimpleObject,
    connection::Connection,
    dataloader::{DataLoader, Loader},
};
use chrono::{DateTime, Utc};

pub use changes::{DisbursementChangeQuery, DisbursementSubscription};
pub use mutations::DisbursementMutation;

use super::{
    Adjustment, ClaimLine, Disbursement, DisbursementAction, DisbursementEvent, DisbursementKind,
    DisbursementStatus, store,
};
use crate::{
    App, Result,
    access::{Permission, Reach},
    budgets::{BudgetLine, graphql::LineLoader},
    delegations::graphql::PowersOfPerson,
    documents::{GrantDocument, graphql::DocumentLoader},
    error::Shared,
    grants::{AccountingKeys, DateRange, Grant, graphql::GrantLoader},
    graphql::ContextExt,
    id::{CityId, DisbursementId, DocumentId, GrantId, OrganizationId, StreamId},
    money::Money,
    page::{DateBounds, OrderDirection, PageArgs, Window, by_window},
    people::{Person, graphql::PersonLoader},
    rule_sets::{RuleFinding, graphql::FindingsOfDisbursement},
    streams::StreamCode,
};

#[ComplexObject]
impl Disbursement {
    /// The grant that it pays towards.
    async fn grant(&self, ctx: &Context<'_>) -> Result<Grant> {
        let found = ctx.data_unchecked::<DataLoader<GrantLoader>>().load_one(self.grant_id).await?;
        Ok(found.expect("whoever sees a disbursement sees its grant"))
    }

    /// The period whose costs it pays.
    async fn period(&self) -> DateRange {
        self.costs_of()
    }

    /// Who asked for it, or sent it in again after it was returned; null for a release of retention.
    async fn requested_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, self.requested_by).await
    }

    /// In whose absence it was approved by somebody else; null otherwise.
    async fn approved_for(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, self.approved_for).await
    }

    /// What reached the recipient, in US dollars: approved less withheld; null until it is paid.
    async fn paid_amount(&self) -> Option<Money> {
        self.paid_on.map(|_| self.net())
    }

    /// What of it each budget line bears, as it was last sent in; empty for an advance and a release of retention.
    async fn lines(&self, ctx: &Context<'_>) -> Result<Vec<DisbursementLine>> {
        let loader = ctx.data_unchecked::<DataLoader<LinesOfDisbursement>>();
        let claims = loader.load_one(self.id).await?.unwrap_or_default();
        let lines = ctx.data_unchecked::<DataLoader<LineLoader>>();
        let lines = lines.load_many(claims.iter().map(|claim| claim.line_id)).await?;
        let line = |claim: ClaimLine| {
            let line = lines.get(&claim.line_id).cloned()?;
            let ClaimLine { amount, approved_amount, new_costs, .. } = claim;
            Some(DisbursementLine { line, amount, approved_amount, new_costs })
        };
        Ok(claims.into_iter().filter_map(line).collect())
    }

    /// The official who certified it (2 CFR 200.415); null when nobody did.
    async fn certification(&self) -> Option<Certification> {
        Some(Certification {
            name: self.certified_by_name.clone()?,
            title: self.certified_by_title.clone()?,
            certified_at: self.certified_at?,
        })
    }

    /// The documents that it rests on.
    async fn evidence(&self, ctx: &Context<'_>) -> Result<Vec<GrantDocument>> {
        let loader = ctx.data_unchecked::<DataLoader<EvidenceOfDisbursement>>();
        let ids = loader.load_one(self.id).await?.unwrap_or_default();
        let documents = ctx.data_unchecked::<DataLoader<DocumentLoader>>();
        let mut found = documents.load_many(ids.iter().copied()).await?;
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    /// What the accounting system calls the payment; each null when it has no such name.
    async fn accounting(&self) -> PaymentAccounting {
        PaymentAccounting {
            keys: AccountingKeys {
                vendor_number: self.vendor_number.clone(),
                purchase_order: self.purchase_order.clone(),
                fund_string: self.fund_string.clone(),
            },
            warrant_number: self.warrant_number.clone(),
        }
    }

    /// What became of the payment afterwards: refunds, disallowances, and what an advance was spent on.
    async fn adjustments(&self, ctx: &Context<'_>) -> Result<Vec<Adjustment>> {
        let loader = ctx.data_unchecked::<DataLoader<AdjustmentsOfDisbursement>>();
        Ok(loader.load_one(self.id).await?.unwrap_or_default())
    }

    /// Who approved it; null until then.
    async fn approved_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, self.approved_by).await
    }

    /// Who paid it; null until then.
    async fn paid_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, self.paid_by).await
    }

    /// What its grant's rules say of the steps before it, the most severe first for each step; each with its citation.
    /// Empty once it is paid, turned down or withdrawn.
    async fn findings(&self, ctx: &Context<'_>) -> Result<Vec<RuleFinding>> {
        let loader = ctx.data_unchecked::<DataLoader<FindingsOfDisbursement>>();
        Ok(loader.load_one(self.id).await?.unwrap_or_default())
    }

    /// What happened to it, in order.
    async fn events(&self, ctx: &Context<'_>) -> Result<Vec<DisbursementEvent>> {
        Ok(ctx
            .data_unchecked::<DataLoader<EventsOfDisbursement>>()
            .load_one(self.id)
            .await?
            .unwrap_or_default())
    }

    /// What you may do to it now.
    async fn allowed_actions(&self, ctx: &Context<'_>) -> Result<Vec<DisbursementAction>> {
        let Some(identity) = ctx.actor().identity() else { return Ok(vec![]) };
        let powers = PowersOfPerson::find(ctx, identity).await?;
        Ok(self.actions_for(ctx.actor(), &powers, &self.grant(ctx).await?))
    }
}

/// What of a request a budget line bears.
#[derive(SimpleObject)]
pub struct DisbursementLine {
    /// The budget line.
    line: BudgetLine,
    /// What was asked for, in US dollars.
    amount: Money,
    /// What of it was approved, in US dollars; null until it is decided.
    approved_amount: Option<Money>,
    /// Costs that nobody had recorded and the request itself tells of, in US dollars.
    new_costs: Money,
}

/// An official's certification that a request is true and for the purposes of the award (2 CFR 200.415).
#[derive(SimpleObject)]
pub struct Certification {
    /// The official's name.
    name: String,
    /// The official's title.
    title: String,
    /// When it was given.
    certified_at: DateTime<Utc>,
}

/// What the accounting system calls a payment. Bank account numbers are never stored.
#[derive(SimpleObject)]
pub struct PaymentAccounting {
    #[graphql(flatten)]
    keys: AccountingKeys,
    /// The number of the warrant.
    warrant_number: Option<String>,
}

#[ComplexObject]
impl Adjustment {
    /// Who entered it.
    async fn recorded_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, Some(self.recorded_by)).await
    }
}

#[ComplexObject]
impl DisbursementEvent {
    /// Who did it.
    async fn person(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, Some(self.person_id)).await
    }
}

/// Which disbursements to list. A disbursement is found when every given field fits.
#[derive(InputObject, Default)]
pub struct DisbursementFilter {
    /// Of grants of one of these funding streams.
    streams: Option<Vec<StreamCode>>,
    /// In one of these states.
    statuses: Option<Vec<DisbursementStatus>>,
    /// Of one of these kinds.
    kinds: Option<Vec<DisbursementKind>>,
    /// Towards one of these grants.
    grants: Option<Vec<GrantId>>,
    /// Of grants for the good of one of these cities.
    cities: Option<Vec<CityId>>,
    /// To one of these organizations.
    recipients: Option<Vec<OrganizationId>>,
    /// Paid between these days.
    paid_on: Option<DateBounds>,
    /// Requested between these days of California.
    requested_on: Option<DateBounds>,
    /// Of grants of one of these funding streams, by their ids: any that there are.
    stream_ids: Option<Vec<StreamId>>,
    /// With this vendor number, purchase order, fund string or warrant number, in any case; the grant's, where the
    /// payment has none of its own.
    accounting_key: Option<String>,
    /// To be paid between these days.
    scheduled_for: Option<DateBounds>,
    /// Changed at or after this moment.
    updated_since: Option<DateTime<Utc>>,
}

impl From<DisbursementFilter> for store::DisbursementFilter {
    fn from(filter: DisbursementFilter) -> Self {
        let paid_on = filter.paid_on.unwrap_or_default();
        let requested_on = filter.requested_on.unwrap_or_default();
        let scheduled_for = filter.scheduled_for.unwrap_or_default();
        Self {
            streams: filter.streams,
            statuses: filter.statuses,
            kinds: filter.kinds,
            grants: filter.grants,
            cities: filter.cities,
            recipients: filter.recipients,
            paid_from: paid_on.from,
            paid_to: paid_on.to,
            requested_from: requested_on.from,
            requested_to: requested_on.to,
            stream_ids: filter.stream_ids,
            accounting_key: filter.accounting_key,
            scheduled_from: scheduled_for.from,
            scheduled_to: scheduled_for.to,
            updated_since: filter.updated_since,
        }
    }
}

/// What disbursements can be ordered by.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum DisbursementOrderField {
    /// When it was requested.
    RequestedAt,
    /// The amount.
    Amount,
    /// The day of payment; what is not paid counts as the earliest.
    PaidOn,
    /// The day on which it is to be paid; what has none counts as the earliest.
    ScheduledFor,
}

/// The order of a list of disbursements.
#[derive(InputObject)]
pub struct DisbursementOrder {
    /// What to order by.
    field: DisbursementOrderField,
    /// Which way.
    #[graphql(default_with = "OrderDirection::Asc")]
    direction: OrderDirection,
}

pub fn window(order_by: Option<DisbursementOrder>, args: PageArgs) -> Result<Window> {
    let newest = DisbursementOrder {
        field: DisbursementOrderField::RequestedAt,
        direction: OrderDirection::Desc,
    };
    let order = order_by.unwrap_or(newest);
    let name = match order.field {
        DisbursementOrderField::RequestedAt => "REQUESTED_AT",
        DisbursementOrderField::Amount => "AMOUNT",
        DisbursementOrderField::PaidOn => "PAID_ON",
        DisbursementOrderField::ScheduledFor => "SCHEDULED_FOR",
    };
    Window::new(name, order.direction, args)
}

/// Sums over a whole list of disbursements, in US dollars.
#[derive(SimpleObject)]
pub struct DisbursementTotals {
    /// How many there are.
    count: i64,
    /// Of those waiting for a decision.
    requested: Money,
    /// Of those approved or scheduled.
    approved: Money,
    /// Of those paid, without what is withheld; with what came back of it since.
    paid: Money,
    /// Withheld from those paid, whether or not it was released since.
    retained: Money,
    /// What of that is still withheld.
    retained_open: Money,
    /// What came back of those paid: unspent advances and credits.
    refunded: Money,
    /// Costs of those paid that were disallowed.
    disallowed: Money,
    /// What of advances is not accounted for.
    advance_open: Money,
}

/// How late scheduled payments are, by days after `scheduledFor` as of today.
#[derive(SimpleObject)]
pub struct DisbursementAging {
    /// To be paid today or later.
    not_due: AgedDisbursements,
    /// One to 30 days late.
    #[graphql(name = "days1To30")]
    days_1_to_30: AgedDisbursements,
    /// 31 to 60 days late.
    #[graphql(name = "days31To60")]
    days_31_to_60: AgedDisbursements,
    /// More than 60 days late.
    #[graphql(name = "daysOver60")]
    days_over_60: AgedDisbursements,
}

/// Scheduled payments that are as late as each other.
#[derive(SimpleObject)]
pub struct AgedDisbursements {
    /// How many there are.
    count: i64,
    /// What was approved of them, in US dollars, with what will be withheld.
    amount: Money,
}

/// What is known about a whole list of disbursements.
pub enum DisbursementsListed {
    Filtered { filter: Box<store::DisbursementFilter>, reach: Reach },
    OfGrant(GrantId),
}

#[Object]
impl DisbursementsListed {
    /// How many disbursements there are, on all pages.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        match self {
            Self::Filtered { filter, reach } => {
                Ok(store::count(&ctx.app().db, filter, reach).await?)
            }
            Self::OfGrant(_) => Ok(self.read(ctx).await?.count),
        }
    }

    /// Sums over all of them, on all pages.
    async fn totals(&self, ctx: &Context<'_>) -> Result<DisbursementTotals> {
        let totals = self.read(ctx).await?;
        Ok(DisbursementTotals {
            count: totals.count,
            requested: totals.requested,
            approved: totals.approved,
            paid: totals.paid,
            retained: totals.retained,
            retained_open: totals.retained_open,
            refunded: totals.refunded,
            disallowed: totals.disallowed,
            advance_open: totals.advance_open,
        })
    }

    /// How late the scheduled ones of them are, on all pages.
    async fn aging(&self, ctx: &Context<'_>) -> Result<DisbursementAging> {
        let totals = self.read(ctx).await?;
        let aged = |count, amount| AgedDisbursements { count, amount };
        Ok(DisbursementAging {
            not_due: aged(totals.not_due_count, totals.not_due),
            days_1_to_30: aged(totals.days_1_to_30_count, totals.days_1_to_30),
            days_31_to_60: aged(totals.days_31_to_60_count, totals.days_31_to_60),
            days_over_60: aged(totals.days_over_60_count, totals.days_over_60),
        })
    }
}

impl DisbursementsListed {
    async fn read(&self, ctx: &Context<'_>) -> Result<store::Totals> {
        match self {
            Self::Filtered { filter, reach } => {
                let today = ctx.app().clock.today();
                Ok(store::totals(&ctx.app().db, filter, reach, today).await?)
            }
            Self::OfGrant(grant) => {
                let loader = ctx.data_unchecked::<DataLoader<TotalsOfGrant>>();
                Ok(loader.load_one(*grant).await?.unwrap_or_default())
            }
        }
    }
}

/// A page of a grant's disbursements; those of many grants are read together.
pub async fn disbursements_of_grant(
    ctx: &Context<'_>,
    grant: GrantId,
    order_by: Option<DisbursementOrder>,
    args: PageArgs,
) -> Result<Connection<String, Disbursement, DisbursementsListed>> {
    let window = window(order_by, args)?;
    let pages = ctx.data_unchecked::<DataLoader<PageOfGrant>>();
    let rows = pages.load_one((grant, window.clone())).await?.unwrap_or_default();
    Ok(window.page(
        rows,
        |row| store::position(window.order, row),
        DisbursementsListed::OfGrant(grant),
    ))
}

#[derive(Default)]
pub struct DisbursementQuery;

#[Object]
impl DisbursementQuery {
    /// The disbursements that you may see, the newest request first unless ordered otherwise.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn disbursements(
        &self,
        ctx: &Context<'_>,
        #[graphql(default)] filter: DisbursementFilter,
        order_by: Option<DisbursementOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, Disbursement, DisbursementsListed>> {
        let reach = ctx.actor().may_read(Permission::ReadDisbursements)?;
        let window = window(order_by, PageArgs { first, after, last, before })?;
        let filter = filter.into();
        let rows = store::list(&ctx.app().db, &window, &filter, &reach).await?;
        let listed = DisbursementsListed::Filtered { filter: Box::new(filter), reach };
        Ok(window.page(rows, |row| store::position(window.order, row), listed))
    }
}

/// Disbursements by their ids, of those that the actor may see.
pub struct DisbursementLoader {
    pub app: App,
    pub reach: Reach,
}

impl Loader<DisbursementId> for DisbursementLoader {
    type Value = Disbursement;
    type Error = Shared;

    async fn load(
        &self,
        ids: &[DisbursementId],
    ) -> Result<HashMap<DisbursementId, Disbursement>, Shared> {
        let found = store::find(&self.app.db, &self.reach, ids).await?;
        Ok(found.into_iter().map(|row| (row.id, row)).collect())
    }
}

pub struct EventsOfDisbursement(pub App);

impl Loader<DisbursementId> for EventsOfDisbursement {
    type Value = Vec<DisbursementEvent>;
    type Error = Shared;

    async fn load(
        &self,
        ids: &[DisbursementId],
    ) -> Result<HashMap<DisbursementId, Self::Value>, Shared> {
        Ok(store::events_of(&self.0.db, ids).await?)
    }
}

/// Pages of grants that the actor was shown: whoever sees a grant sees its disbursements.
pub struct PageOfGrant(pub App);

impl Loader<(GrantId, Window)> for PageOfGrant {
    type Value = Vec<Disbursement>;
    type Error = Shared;

    /// One statement per kind of page that is asked for.
    async fn load(
        &self,
        keys: &[(GrantId, Window)],
    ) -> Result<HashMap<(GrantId, Window), Self::Value>, Shared> {
        let mut found = HashMap::new();
        for (window, grants) in by_window(keys) {
            let pages = store::of_grants(&self.0.db, window, &grants).await?;
            found.extend(pages.into_iter().map(|(grant, rows)| ((grant, window.clone()), rows)));
        }
        Ok(found)
    }
}

pub struct TotalsOfGrant(pub App);

impl Loader<GrantId> for TotalsOfGrant {
    type Value = store::Totals;
    type Error = Shared;

    async fn load(&self, grants: &[GrantId]) -> Result<HashMap<GrantId, store::Totals>, Shared> {
        Ok(store::totals_of_grants(&self.0.db, grants, self.0.clock.today()).await?)
    }
}

pub struct LinesOfDisbursement(pub App);

impl Loader<DisbursementId> for LinesOfDisbursement {
    type Value = Vec<ClaimLine>;
    type Error = Shared;

    async fn load(
        &self,
        ids: &[DisbursementId],
    ) -> Result<HashMap<DisbursementId, Self::Value>, Shared> {
        Ok(store::lines_of(&self.0.db, ids).await?)
    }
}

pub struct EvidenceOfDisbursement(pub App);

impl Loader<DisbursementId> for EvidenceOfDisbursement {
    type Value = Vec<DocumentId>;
    type Error = Shared;

    async fn load(
        &self,
        ids: &[DisbursementId],
    ) -> Result<HashMap<DisbursementId, Self::Value>, Shared> {
        Ok(store::evidence_of(&self.0.db, ids).await?)
    }
}

pub struct AdjustmentsOfDisbursement(pub App);

impl Loader<DisbursementId> for AdjustmentsOfDisbursement {
    type Value = Vec<Adjustment>;
    type Error = Shared;

    async fn load(
        &self,
        ids: &[DisbursementId],
    ) -> Result<HashMap<DisbursementId, Self::Value>, Shared> {
        Ok(store::adjustments_of(&self.0.db, ids).await?)
    }
}
