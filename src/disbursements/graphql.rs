use std::collections::HashMap;

use async_graphql::{
    ComplexObject, Context, Enum, InputObject, Object, SimpleObject,
    connection::Connection,
    dataloader::{DataLoader, Loader},
};
use chrono::{DateTime, Utc};

use super::{
    Disbursement, DisbursementAction, DisbursementEvent, DisbursementKind, DisbursementStatus,
    NewRequest, Payment, PaymentMethod, commands, store,
};
use crate::{
    App, Result,
    access::Reach,
    clock::Date,
    error::Shared,
    grants::{DateRange, Grant, graphql::GrantLoader},
    graphql::{ContextExt, payload},
    id::{CityId, DisbursementId, GrantId, OrganizationId},
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

    /// Who asked for it, or sent it in again after it was returned.
    async fn requested_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, Some(self.requested_by)).await
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
        Ok(self.actions_for(ctx.actor(), &self.grant(ctx).await?))
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
    /// Changed at or after this moment.
    updated_since: Option<DateTime<Utc>>,
}

impl From<DisbursementFilter> for store::DisbursementFilter {
    fn from(filter: DisbursementFilter) -> Self {
        let paid_on = filter.paid_on.unwrap_or_default();
        let requested_on = filter.requested_on.unwrap_or_default();
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

fn window(order_by: Option<DisbursementOrder>, args: PageArgs) -> Result<Window> {
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
    /// Of those paid, without what is withheld.
    paid: Money,
    /// Withheld from those paid.
    retained: Money,
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
        Ok(self.read(ctx).await?.count)
    }

    /// Sums over all of them, on all pages.
    async fn totals(&self, ctx: &Context<'_>) -> Result<DisbursementTotals> {
        let store::Totals { count, requested, approved, paid, retained } = self.read(ctx).await?;
        Ok(DisbursementTotals { count, requested, approved, paid, retained })
    }
}

impl DisbursementsListed {
    async fn read(&self, ctx: &Context<'_>) -> Result<store::Totals> {
        match self {
            Self::Filtered { filter, reach } => {
                Ok(store::totals(&ctx.app().db, filter, reach).await?)
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
        let reach = ctx.actor().must_sign_in()?.reach.clone();
        let window = window(order_by, PageArgs { first, after, last, before })?;
        let filter = filter.into();
        let rows = store::list(&ctx.app().db, &window, &filter, &reach).await?;
        let listed = DisbursementsListed::Filtered { filter: Box::new(filter), reach };
        Ok(window.page(rows, |row| store::position(window.order, row), listed))
    }
}

/// A request for part of a grant to be paid.
#[derive(InputObject)]
struct RequestDisbursementInput {
    /// Sent again with the same key, the request is made once and answered again; 1 to 200 characters, a new one
    /// for each request.
    idempotency_key: String,
    /// The grant to pay towards.
    grant_id: GrantId,
    /// What it pays for.
    #[graphql(default_with = "DisbursementKind::Reimbursement")]
    kind: DisbursementKind,
    /// The amount in US dollars; at most what the grant has available.
    amount: Money,
    /// The recipient's invoice number.
    invoice_number: String,
    /// The period whose costs it pays, inside the grant's period of performance.
    period: DateRange,
}

/// A returned request, corrected. What is left out stays as it was.
#[derive(InputObject)]
struct ResubmitDisbursementInput {
    /// As in `requestDisbursement`.
    idempotency_key: String,
    /// The returned disbursement.
    disbursement_id: DisbursementId,
    /// The corrected amount in US dollars.
    amount: Option<Money>,
    /// The corrected invoice number.
    invoice_number: Option<String>,
    /// The corrected period.
    period: Option<DateRange>,
}

/// Names a disbursement.
#[derive(InputObject)]
struct ApproveDisbursementInput {
    /// The requested disbursement.
    disbursement_id: DisbursementId,
}

/// Names a disbursement and says why it does not go on.
#[derive(InputObject)]
struct StopDisbursementInput {
    /// The disbursement.
    disbursement_id: DisbursementId,
    /// Why, in words for the recipient.
    reason: String,
}

/// The day on which a disbursement is to be paid.
#[derive(InputObject)]
struct ScheduleDisbursementInput {
    /// The approved disbursement.
    disbursement_id: DisbursementId,
    /// The day, not past; null takes a scheduled day back.
    scheduled_for: Option<Date>,
}

/// The payment of an approved disbursement.
#[derive(InputObject)]
struct PayDisbursementInput {
    /// As in `requestDisbursement`.
    idempotency_key: String,
    /// The approved or scheduled disbursement.
    disbursement_id: DisbursementId,
    /// The day on which it was paid: not in the future, not after the grant's `liquidateBy`.
    paid_on: Date,
    /// How it was paid.
    method: PaymentMethod,
    /// The accounting system's reference, such as a warrant number. Never a bank account number.
    reference: String,
}

/// The reversal of a payment.
#[derive(InputObject)]
struct ReverseDisbursementInput {
    /// As in `requestDisbursement`.
    idempotency_key: String,
    /// The paid disbursement.
    disbursement_id: DisbursementId,
    /// Why the payment is taken back.
    reason: String,
}

payload!(
    /// What came of `requestDisbursement`.
    RequestDisbursementPayload {
        /// The requested disbursement; null when it was refused.
        disbursement: Disbursement
    }
);
payload!(
    /// What came of `returnDisbursement`.
    ReturnDisbursementPayload {
        /// The returned disbursement; null when it was refused.
        disbursement: Disbursement
    }
);
payload!(
    /// What came of `resubmitDisbursement`.
    ResubmitDisbursementPayload {
        /// The resubmitted disbursement; null when it was refused.
        disbursement: Disbursement
    }
);
payload!(
    /// What came of `approveDisbursement`.
    ApproveDisbursementPayload {
        /// The approved disbursement; null when it was refused.
        disbursement: Disbursement
    }
);
payload!(
    /// What came of `rejectDisbursement`.
    RejectDisbursementPayload {
        /// The rejected disbursement; null when it was refused.
        disbursement: Disbursement
    }
);
payload!(
    /// What came of `cancelDisbursement`.
    CancelDisbursementPayload {
        /// The cancelled disbursement; null when it was refused.
        disbursement: Disbursement
    }
);
payload!(
    /// What came of `scheduleDisbursement`.
    ScheduleDisbursementPayload {
        /// The scheduled disbursement; null when it was refused.
        disbursement: Disbursement
    }
);
payload!(
    /// What came of `payDisbursement`.
    PayDisbursementPayload {
        /// The paid disbursement; null when it was refused.
        disbursement: Disbursement
    }
);
payload!(
    /// What came of `reverseDisbursement`.
    ReverseDisbursementPayload {
        /// The reversed disbursement; null when it was refused.
        disbursement: Disbursement
    }
);

#[derive(Default)]
pub struct DisbursementMutation;

#[Object]
impl DisbursementMutation {
    /// Asks for part of an active grant to be paid, and reserves it. Needs CITY_FINANCE of the recipient.
    /// Refused with INSUFFICIENT_AVAILABLE and the available amount when it does not fit.
    async fn request_disbursement(
        &self,
        ctx: &Context<'_>,
        input: RequestDisbursementInput,
    ) -> Result<RequestDisbursementPayload> {
        let new = NewRequest {
            grant: input.grant_id,
            kind: input.kind,
            amount: input.amount,
            invoice_number: input.invoice_number,
            period: input.period,
        };
        commands::request(ctx.app(), ctx.actor(), new, &input.idempotency_key).await.try_into()
    }

    /// Sends a request back for correction; its amount is available again. Needs APPROVER or GRANT_MANAGER.
    async fn return_disbursement(
        &self,
        ctx: &Context<'_>,
        input: StopDisbursementInput,
    ) -> Result<ReturnDisbursementPayload> {
        commands::return_to_requester(ctx.app(), ctx.actor(), input.disbursement_id, &input.reason)
            .await
            .try_into()
    }

    /// Sends a returned request in again and reserves its amount. Needs CITY_FINANCE of the recipient.
    async fn resubmit_disbursement(
        &self,
        ctx: &Context<'_>,
        input: ResubmitDisbursementInput,
    ) -> Result<ResubmitDisbursementPayload> {
        let corrected = commands::NewRequestDetails {
            amount: input.amount,
            invoice_number: input.invoice_number,
            period: input.period,
        };
        let key = &input.idempotency_key;
        commands::resubmit(ctx.app(), ctx.actor(), input.disbursement_id, corrected, key)
            .await
            .try_into()
    }

    /// Decides in favor of a request and sets its money aside. Needs APPROVER, another person than the requester.
    async fn approve_disbursement(
        &self,
        ctx: &Context<'_>,
        input: ApproveDisbursementInput,
    ) -> Result<ApproveDisbursementPayload> {
        commands::approve(ctx.app(), ctx.actor(), input.disbursement_id).await.try_into()
    }

    /// Turns a request down for good; its amount is available again. Needs APPROVER.
    async fn reject_disbursement(
        &self,
        ctx: &Context<'_>,
        input: StopDisbursementInput,
    ) -> Result<RejectDisbursementPayload> {
        commands::reject(ctx.app(), ctx.actor(), input.disbursement_id, &input.reason)
            .await
            .try_into()
    }

    /// Withdraws a disbursement that is not paid; its amount is available again. Needs CITY_FINANCE of the recipient
    /// or FISCAL_OFFICER.
    async fn cancel_disbursement(
        &self,
        ctx: &Context<'_>,
        input: StopDisbursementInput,
    ) -> Result<CancelDisbursementPayload> {
        commands::cancel(ctx.app(), ctx.actor(), input.disbursement_id, &input.reason)
            .await
            .try_into()
    }

    /// Sets the day on which an approved disbursement is to be paid, or takes it back. Needs FISCAL_OFFICER.
    async fn schedule_disbursement(
        &self,
        ctx: &Context<'_>,
        input: ScheduleDisbursementInput,
    ) -> Result<ScheduleDisbursementPayload> {
        commands::schedule(ctx.app(), ctx.actor(), input.disbursement_id, input.scheduled_for)
            .await
            .try_into()
    }

    /// Records that an approved disbursement was paid. Needs FISCAL_OFFICER, another person than requester and approver.
    async fn pay_disbursement(
        &self,
        ctx: &Context<'_>,
        input: PayDisbursementInput,
    ) -> Result<PayDisbursementPayload> {
        let payment =
            Payment { paid_on: input.paid_on, method: input.method, reference: input.reference };
        let key = &input.idempotency_key;
        commands::pay(ctx.app(), ctx.actor(), input.disbursement_id, payment, key).await.try_into()
    }

    /// Takes a payment back, by an opposite entry; its amount is available again. Needs FISCAL_OFFICER.
    async fn reverse_disbursement(
        &self,
        ctx: &Context<'_>,
        input: ReverseDisbursementInput,
    ) -> Result<ReverseDisbursementPayload> {
        let key = &input.idempotency_key;
        commands::reverse(ctx.app(), ctx.actor(), input.disbursement_id, &input.reason, key)
            .await
            .try_into()
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
        Ok(store::totals_of_grants(&self.0.db, grants).await?)
    }
}
