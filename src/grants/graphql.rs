use std::collections::HashMap;

use async_graphql::{
    ComplexObject, Context, Enum, InputObject, Object, SimpleObject,
    connection::Connection,
    dataloader::{DataLoader, Loader},
};
use chrono::{DateTime, Utc};

use super::{
    AccountingKeys, ActionArea, ActionAreaShare, CityShare, DateRange, Grant, GrantAction,
    GrantStatus, NewGrant,
    closeout::{self, Closeout},
    commands, store,
};
use crate::{
    App, Error, Result,
    access::{Permission, Reach},
    budgets::{
        Amendment, BudgetLine,
        graphql::{AmendmentsOfGrant, BudgetLineInput, LinesOfGrant},
    },
    cities::City,
    clock::Date,
    deadlines::{
        Deadline,
        graphql::{DeadlinesListed, deadlines_of_grant},
    },
    disbursements::{
        Disbursement,
        graphql::{DisbursementOrder, DisbursementsListed, disbursements_of_grant},
    },
    documents::{
        GrantDocument,
        graphql::{DocumentsListed, documents_of_grant},
    },
    error::Shared,
    figures::{
        self,
        balances::{self, Of},
        graphql::{Sf270, Sf425},
    },
    graphql::{ContextExt, payload},
    id::{CityId, GrantId, OrganizationId, ProgramId, StreamId},
    ledger::GrantBalance,
    matching::{
        MatchAcceptance, MatchContribution, MatchStanding,
        graphql::{
            AcceptancesListed, ContributionsListed, acceptances_of_grant, contributions_of_grant,
        },
    },
    money::Money,
    page::{OrderDirection, PageArgs, Window},
    people::{Organization, Person, graphql::OrganizationLoader, graphql::PersonLoader},
    reports::{
        Report,
        graphql::{ReportsListed, reports_of_grant},
    },
    rule_sets::{
        RuleFinding, RuleOverride, RuleSet,
        bound::law_day,
        graphql::{FindingsOfGrant, OverridesOfGrant, RuleSetLoader, set_in_force},
    },
    spending::{
        Encumbrance, Expenditure,
        graphql::{
            EncumbrancesListed, ExpendituresListed, encumbrances_of_grant, expenditures_of_grant,
        },
    },
    streams::{self, FundingProgram, FundingStream, StreamCode},
};

/// A city that a grant benefits.
#[derive(SimpleObject)]
pub struct GrantCity {
    /// The city.
    city: City,
    /// Its share in basis points: 10,000 is the whole grant, and the shares of a grant sum to that.
    share_bp: i32,
}

#[ComplexObject]
impl Grant {
    /// The funding stream whose money it is.
    async fn stream(&self, ctx: &Context<'_>) -> Result<FundingStream> {
        let program = self.program(ctx).await?;
        Ok(streams::graphql::stream(ctx, program.stream_id).await?.expect("a program has a stream"))
    }

    /// The program that it was awarded under.
    async fn program(&self, ctx: &Context<'_>) -> Result<FundingProgram> {
        Ok(streams::graphql::program(ctx, self.program_id).await?.expect("a grant has a program"))
    }

    /// The grant that this one passes on money of; null when you may not see it.
    async fn parent(&self, ctx: &Context<'_>) -> Result<Option<Grant>> {
        match self.parent_id {
            Some(id) => Ok(ctx.data_unchecked::<DataLoader<GrantLoader>>().load_one(id).await?),
            None => Ok(None),
        }
    }

    /// The organization that receives the money.
    async fn recipient(&self, ctx: &Context<'_>) -> Result<Organization> {
        let found = ctx
            .data_unchecked::<DataLoader<OrganizationLoader>>()
            .load_one(self.recipient_id)
            .await?;
        Ok(found.expect("a grant has a recipient"))
    }

    /// The cities it benefits, the largest share first.
    async fn cities(&self, ctx: &Context<'_>) -> Result<Vec<GrantCity>> {
        let found = ctx
            .data_unchecked::<DataLoader<CitiesOfGrant>>()
            .load_one(self.id)
            .await?
            .unwrap_or_default();
        Ok(found.into_iter().map(|of| GrantCity { city: of.city, share_bp: of.share_bp }).collect())
    }

    /// The Community Action Areas it serves, the largest share first.
    async fn action_areas(&self, ctx: &Context<'_>) -> Result<Vec<ActionAreaShare>> {
        Ok(ctx
            .data_unchecked::<DataLoader<ActionAreasOfGrant>>()
            .load_one(self.id)
            .await?
            .unwrap_or_default())
    }

    /// The period in which costs may arise.
    async fn performance(&self) -> DateRange {
        self.performance_period()
    }

    /// Who drew it up.
    async fn drafted_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, Some(self.drafted_by)).await
    }

    /// Who decided the award; null while a draft.
    async fn awarded_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, self.awarded_by).await
    }

    /// What the accounting system calls it; each null when it has no such name.
    async fn accounting(&self) -> AccountingKeys {
        AccountingKeys {
            vendor_number: self.vendor_number.clone(),
            purchase_order: self.purchase_order.clone(),
            fund_string: self.fund_string.clone(),
        }
    }

    /// Where its money is, in US dollars: now, or as of the end of a day; as it is known now, or was at a moment.
    async fn balance(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Count entries effective on or before this day; all entries when absent."
        )]
        as_of: Option<Date>,
        #[graphql(
            desc = "Count what was entered by this moment, at least 60 seconds ago, so that the same question has the same answer later; all when absent."
        )]
        known_at: Option<DateTime<Utc>>,
    ) -> Result<GrantBalance> {
        let clock = &ctx.app().clock;
        let of = Of::new(as_of, known_at, clock)?;
        let found = ctx.data_unchecked::<DataLoader<BalanceLoader>>().load_one((self.id, of));
        Ok(found.await?.unwrap_or_else(|| GrantBalance::empty(as_of, clock.now())))
    }

    /// Its Federal Financial Report (SF-425) of a period, from posted entries; cumulative to the period's last day.
    async fn sf425(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The period that is reported on.")] period: DateRange,
        #[graphql(name = "final", desc = "Whether it is the last report; false when absent.")]
        last: Option<bool>,
    ) -> Result<Sf425> {
        figures::graphql::sf425(ctx, self, period, last.unwrap_or_default()).await
    }

    /// Its Request for Advance or Reimbursement (SF-270) of a period, from posted entries; cumulative to the period's
    /// last day.
    async fn sf270(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The period that the request covers.")] period: DateRange,
        #[graphql(
            desc = "Of an advance: what the recipient expects to lay out in the period, of the grant's share, in US dollars. A reimbursement when absent."
        )]
        estimated_outlays: Option<Money>,
    ) -> Result<Sf270> {
        figures::graphql::sf270(ctx, self, period, estimated_outlays).await
    }

    /// Its budget in the order of its lines; they sum to the award.
    async fn budget(&self, ctx: &Context<'_>) -> Result<Vec<BudgetLine>> {
        let loader = ctx.data_unchecked::<DataLoader<LinesOfGrant>>();
        Ok(loader.load_one(self.id).await?.unwrap_or_default())
    }

    /// Its amendments by their numbers, those that are proposed or declined included.
    async fn amendments(&self, ctx: &Context<'_>) -> Result<Vec<Amendment>> {
        let loader = ctx.data_unchecked::<DataLoader<AmendmentsOfGrant>>();
        Ok(loader.load_one(self.id).await?.unwrap_or_default())
    }

    /// Its recorded costs, the latest first. Costs that only a request for payment tells of are lines of that request.
    async fn expenditures(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, Expenditure, ExpendituresListed>> {
        expenditures_of_grant(ctx, self.id, PageArgs { first, after, last, before }).await
    }

    /// The recipient's orders, the latest first.
    async fn encumbrances(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, Encumbrance, EncumbrancesListed>> {
        encumbrances_of_grant(ctx, self.id, PageArgs { first, after, last, before }).await
    }

    /// What the recipient and others added to it, as it was recorded for this grant, the latest first.
    async fn match_contributions(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, MatchContribution, ContributionsListed>> {
        contributions_of_grant(ctx, self.id, PageArgs { first, after, last, before }).await
    }

    /// What was accepted as its match, the earliest first; parts of contributions recorded for other grants included.
    async fn match_acceptances(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, MatchAcceptance, AcceptancesListed>> {
        acceptances_of_grant(ctx, self.id, PageArgs { first, after, last, before }).await
    }

    /// How its match stands now, and whether it keeps pace with what is paid.
    async fn match_status(&self, ctx: &Context<'_>) -> Result<MatchStanding> {
        Ok(MatchStanding::of(&self.balance(ctx, None, None).await?))
    }

    /// What has to be done before it is closed, and by when (2 CFR 200.344).
    async fn closeout(&self, ctx: &Context<'_>) -> Result<Closeout> {
        let open = ctx.data_unchecked::<DataLoader<OpenOfGrant>>().load_one(self.id).await?;
        Ok(Closeout::of(self, &open.unwrap_or_default(), ctx.app().clock.today()))
    }

    /// The rules that bind it: those it was signed under, or those it would be signed under today. Null where its program
    /// had none.
    async fn rule_set(&self, ctx: &Context<'_>) -> Result<Option<RuleSet>> {
        match self.rule_set_id {
            Some(id) => Ok(ctx.data_unchecked::<DataLoader<RuleSetLoader>>().load_one(id).await?),
            None if self.signed_on.is_some() => Ok(None),
            None => {
                let today = ctx.app().clock.today();
                set_in_force(ctx, self.program_id, law_day(today, self.performance_start)).await
            }
        }
    }

    /// What its rules say of it today, the most severe first; each with its citation.
    async fn findings(&self, ctx: &Context<'_>) -> Result<Vec<RuleFinding>> {
        let loader = ctx.data_unchecked::<DataLoader<FindingsOfGrant>>();
        Ok(loader.load_one(self.id).await?.unwrap_or_default())
    }

    /// The amendments that give its rules other terms, or were proposed to, in the order of their proposal.
    async fn rule_overrides(&self, ctx: &Context<'_>) -> Result<Vec<RuleOverride>> {
        let loader = ctx.data_unchecked::<DataLoader<OverridesOfGrant>>();
        Ok(loader.load_one(self.id).await?.unwrap_or_default())
    }

    /// Its disbursements, the newest request first unless ordered otherwise.
    async fn disbursements(
        &self,
        ctx: &Context<'_>,
        order_by: Option<DisbursementOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, Disbursement, DisbursementsListed>> {
        disbursements_of_grant(ctx, self.id, order_by, PageArgs { first, after, last, before })
            .await
    }

    /// Its deadlines, the earliest first.
    async fn deadlines(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, Deadline, DeadlinesListed>> {
        deadlines_of_grant(ctx, self.id, PageArgs { first, after, last, before }).await
    }

    /// The documents that it rests on, the latest first.
    async fn documents(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, GrantDocument, DocumentsListed>> {
        documents_of_grant(ctx, self.id, PageArgs { first, after, last, before }).await
    }

    /// The reports on it, the earliest due first.
    async fn reports(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, Report, ReportsListed>> {
        reports_of_grant(ctx, self.id, PageArgs { first, after, last, before }).await
    }

    /// What you may do to it now.
    async fn allowed_actions(&self, ctx: &Context<'_>) -> Vec<GrantAction> {
        self.actions_for(ctx.actor(), ctx.app().clock.today())
    }
}

/// Which grants to list. A grant is found when every given field fits.
#[derive(InputObject, Default)]
pub struct GrantFilter {
    /// Of one of these funding streams.
    streams: Option<Vec<StreamCode>>,
    /// Of one of these funding streams, by their ids: any that there are.
    stream_ids: Option<Vec<StreamId>>,
    /// Of one of these programs.
    programs: Option<Vec<ProgramId>>,
    /// In one of these states.
    statuses: Option<Vec<GrantStatus>>,
    /// For the good of one of these cities.
    cities: Option<Vec<CityId>>,
    /// Received by one of these organizations.
    recipients: Option<Vec<OrganizationId>>,
    /// Serving one of these action areas.
    action_areas: Option<Vec<ActionArea>>,
    /// Part of the number or the title, in any case.
    search: Option<String>,
    /// With this vendor number, purchase order or fund string, in any case.
    accounting_key: Option<String>,
    /// Whose period of performance includes this day.
    active_on: Option<Date>,
    /// Changed at or after this moment.
    updated_since: Option<DateTime<Utc>>,
}

impl From<GrantFilter> for store::GrantFilter {
    fn from(filter: GrantFilter) -> Self {
        Self {
            streams: filter.streams,
            stream_ids: filter.stream_ids,
            programs: filter.programs,
            statuses: filter.statuses,
            cities: filter.cities,
            recipients: filter.recipients,
            action_areas: filter.action_areas,
            search: filter.search,
            accounting_key: filter.accounting_key,
            active_on: filter.active_on,
            updated_since: filter.updated_since,
        }
    }
}

/// What grants can be ordered by.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum GrantOrderField {
    /// When it was entered.
    CreatedAt,
    /// The agreement's number.
    Number,
    /// The title.
    Title,
    /// The amount as drafted.
    Amount,
    /// The end of the period of performance.
    PerformanceEnd,
    /// The last day to pay; grants without one count as the earliest.
    LiquidateBy,
}

/// The order of a list of grants.
#[derive(InputObject)]
pub struct GrantOrder {
    /// What to order by.
    field: GrantOrderField,
    /// Which way.
    #[graphql(default_with = "OrderDirection::Asc")]
    direction: OrderDirection,
}

pub fn window(order_by: Option<GrantOrder>, args: PageArgs) -> Result<Window> {
    let newest = GrantOrder { field: GrantOrderField::CreatedAt, direction: OrderDirection::Desc };
    let order = order_by.unwrap_or(newest);
    let name = match order.field {
        GrantOrderField::CreatedAt => "CREATED_AT",
        GrantOrderField::Number => "NUMBER",
        GrantOrderField::Title => "TITLE",
        GrantOrderField::Amount => "AMOUNT",
        GrantOrderField::PerformanceEnd => "PERFORMANCE_END",
        GrantOrderField::LiquidateBy => "LIQUIDATE_BY",
    };
    Window::new(name, order.direction, args)
}

/// What is known about a whole list of grants.
pub struct GrantsListed {
    filter: store::GrantFilter,
    reach: Reach,
}

#[Object]
impl GrantsListed {
    /// How many grants the filter finds, on all pages.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        Ok(store::count(&ctx.app().db, &self.filter, &self.reach).await?)
    }
}

#[derive(Default)]
pub struct GrantQuery;

#[Object]
impl GrantQuery {
    /// A grant by its id or its number; null when there is none or it is not yours to see.
    async fn grant(
        &self,
        ctx: &Context<'_>,
        id: Option<GrantId>,
        #[graphql(desc = "The number of the agreement, in any case.")] number: Option<String>,
    ) -> Result<Option<Grant>> {
        ctx.actor().may_read(Permission::ReadGrant)?;
        let id = match (id, number) {
            (Some(id), None) => Some(id),
            (None, Some(number)) => store::find_by_number(&ctx.app().db, &number).await?,
            _ => {
                return Err(Error::BadInput("name the grant either by `id` or by `number`".into()));
            }
        };
        // The same second statement whether the number is unknown or another's.
        let id = id.unwrap_or(GrantId(uuid::Uuid::nil()));
        Ok(store::find(&ctx.app().db, &ctx.actor().reach(), &[id]).await?.pop())
    }

    /// The grants that you may see, the newest first unless ordered otherwise.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn grants(
        &self,
        ctx: &Context<'_>,
        #[graphql(default)] filter: GrantFilter,
        order_by: Option<GrantOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, Grant, GrantsListed>> {
        let reach = ctx.actor().may_read(Permission::ReadGrants)?;
        let window = window(order_by, PageArgs { first, after, last, before })?;
        let filter = filter.into();
        let rows = store::list(&ctx.app().db, &window, &filter, &reach).await?;
        let position = |grant: &Grant| store::position(window.order, grant);
        Ok(window.page(rows, position, GrantsListed { filter, reach }))
    }
}

/// A city's share of a new grant.
#[derive(InputObject)]
struct GrantCityInput {
    /// The city.
    city_id: CityId,
    /// Its share in basis points; the shares of a grant sum to 10,000.
    share_bp: i32,
}

/// An action area's share of a new grant.
#[derive(InputObject)]
struct GrantActionAreaInput {
    /// The action area.
    action_area: ActionArea,
    /// Its share in basis points; the shares of a grant sum to 10,000.
    share_bp: i32,
}

/// A new grant, as a draft.
#[derive(InputObject)]
struct CreateGrantInput {
    /// The agreement's number; no other grant has it.
    number: String,
    /// What the grant is for.
    title: String,
    /// The program it is awarded under.
    program_id: ProgramId,
    /// The organization that receives the money.
    recipient_id: OrganizationId,
    /// The grant whose money it passes on.
    parent_id: Option<GrantId>,
    /// The amount in US dollars.
    amount: Money,
    /// The period in which costs may arise.
    performance: DateRange,
    /// The last day to sign the agreement.
    encumber_by: Option<Date>,
    /// The last day to pay; not before `encumberBy`.
    liquidate_by: Option<Date>,
    /// The last day for the final invoice.
    final_invoice_by: Option<Date>,
    /// The cities it benefits, with shares that sum to 10,000 basis points.
    cities: Vec<GrantCityInput>,
    /// The action areas it serves, with shares that sum to 10,000 basis points.
    action_areas: Vec<GrantActionAreaInput>,
    /// Its budget by lines that sum to the amount; one line of everything when absent.
    #[graphql(default)]
    budget: Vec<BudgetLineInput>,
    /// What the accounting system calls it.
    #[graphql(default)]
    accounting: AccountingKeys,
}

impl From<CreateGrantInput> for NewGrant {
    fn from(input: CreateGrantInput) -> Self {
        let city =
            |share: GrantCityInput| CityShare { city: share.city_id, share_bp: share.share_bp };
        let area = |share: GrantActionAreaInput| ActionAreaShare {
            action_area: share.action_area,
            share_bp: share.share_bp,
        };
        Self {
            number: input.number,
            title: input.title,
            program: input.program_id,
            recipient: input.recipient_id,
            parent: input.parent_id,
            amount: input.amount,
            performance: input.performance,
            encumber_by: input.encumber_by,
            liquidate_by: input.liquidate_by,
            final_invoice_by: input.final_invoice_by,
            cities: input.cities.into_iter().map(city).collect(),
            action_areas: input.action_areas.into_iter().map(area).collect(),
            budget: input.budget.into_iter().map(Into::into).collect(),
            accounting: input.accounting,
        }
    }
}

/// Names a grant and the revision of it that you read.
#[derive(InputObject)]
struct ChangeGrantInput {
    /// The grant.
    grant_id: GrantId,
    /// Its revision when you read it; a later one is refused.
    revision: i32,
}

/// The signing of a grant's agreement.
#[derive(InputObject)]
struct SignGrantInput {
    /// The grant.
    grant_id: GrantId,
    /// Its revision when you read it; a later one is refused.
    revision: i32,
    /// The day on which the last party signed: not after the grant's `encumberBy`.
    signed_on: Date,
}

payload!(
    /// What came of `createGrant`.
    CreateGrantPayload {
        /// The new draft; null when it was refused.
        grant: Grant
    }
);
payload!(
    /// What came of `awardGrant`.
    AwardGrantPayload {
        /// The awarded grant; null when it was refused.
        grant: Grant
    }
);
payload!(
    /// What came of `signGrant`.
    SignGrantPayload {
        /// The signed grant; null when it was refused.
        grant: Grant
    }
);
payload!(
    /// What came of `suspendGrant`.
    SuspendGrantPayload {
        /// The suspended grant; null when it was refused.
        grant: Grant
    }
);
payload!(
    /// What came of `resumeGrant`.
    ResumeGrantPayload {
        /// The resumed grant; null when it was refused.
        grant: Grant
    }
);
/// What the accounting system calls a grant.
#[derive(InputObject)]
struct SetGrantAccountingInput {
    /// The grant.
    grant_id: GrantId,
    /// Its revision when you read it; a later one is refused.
    revision: i32,
    /// All of them: one that is left out is forgotten.
    accounting: AccountingKeys,
}

payload!(
    /// What came of `setGrantAccounting`.
    SetGrantAccountingPayload {
        /// The grant; null when it was refused.
        grant: Grant
    }
);
payload!(
    /// What came of `startCloseout`.
    StartCloseoutPayload {
        /// The grant in closeout; null when it was refused.
        grant: Grant
    }
);
payload!(
    /// What came of `terminateGrant`.
    TerminateGrantPayload {
        /// The terminated grant; null when it was refused.
        grant: Grant
    }
);
payload!(
    /// What came of `closeGrant`.
    CloseGrantPayload {
        /// The closed grant; null when it was refused.
        grant: Grant
    }
);

#[derive(Default)]
pub struct GrantMutation;

#[Object]
impl GrantMutation {
    /// Draws up a grant. No money moves yet. Needs GRANT_MANAGER.
    async fn create_grant(
        &self,
        ctx: &Context<'_>,
        input: CreateGrantInput,
    ) -> Result<CreateGrantPayload> {
        commands::create(ctx.app(), ctx.actor(), input.into()).await.try_into()
    }

    /// Decides the award of a draft: its amount becomes available. Needs APPROVER, another person than the drafter.
    async fn award_grant(
        &self,
        ctx: &Context<'_>,
        input: ChangeGrantInput,
    ) -> Result<AwardGrantPayload> {
        commands::award(ctx.app(), ctx.actor(), input.grant_id, input.revision).await.try_into()
    }

    /// Records the signing of the agreement, on or before `encumberBy`: money can be requested. Needs GRANT_MANAGER.
    async fn sign_grant(
        &self,
        ctx: &Context<'_>,
        input: SignGrantInput,
    ) -> Result<SignGrantPayload> {
        commands::sign(ctx.app(), ctx.actor(), input.grant_id, input.revision, input.signed_on)
            .await
            .try_into()
    }

    /// Stops an active grant for now: nothing is requested, approved or paid. Needs GRANT_MANAGER.
    async fn suspend_grant(
        &self,
        ctx: &Context<'_>,
        input: ChangeGrantInput,
    ) -> Result<SuspendGrantPayload> {
        commands::suspend(ctx.app(), ctx.actor(), input.grant_id, input.revision).await.try_into()
    }

    /// Lets a suspended grant go on. Needs GRANT_MANAGER.
    async fn resume_grant(
        &self,
        ctx: &Context<'_>,
        input: ChangeGrantInput,
    ) -> Result<ResumeGrantPayload> {
        commands::resume(ctx.app(), ctx.actor(), input.grant_id, input.revision).await.try_into()
    }

    /// Gives a grant the names that the accounting system has for it. Needs GRANT_MANAGER or FISCAL_OFFICER.
    async fn set_grant_accounting(
        &self,
        ctx: &Context<'_>,
        input: SetGrantAccountingInput,
    ) -> Result<SetGrantAccountingPayload> {
        let (id, revision) = (input.grant_id, input.revision);
        commands::set_accounting(ctx.app(), ctx.actor(), id, revision, input.accounting)
            .await
            .try_into()
    }

    /// Begins the closeout of a grant after its period of performance: last invoices and reports still come in. Needs
    /// GRANT_MANAGER.
    async fn start_closeout(
        &self,
        ctx: &Context<'_>,
        input: ChangeGrantInput,
    ) -> Result<StartCloseoutPayload> {
        commands::start_closeout(ctx.app(), ctx.actor(), input.grant_id, input.revision)
            .await
            .try_into()
    }

    /// Ends a grant before its time, with everything of its closeout done but the period; what is left lapses. Needs
    /// FISCAL_OFFICER.
    async fn terminate_grant(
        &self,
        ctx: &Context<'_>,
        input: ChangeGrantInput,
    ) -> Result<TerminateGrantPayload> {
        commands::terminate(ctx.app(), ctx.actor(), input.grant_id, input.revision).await.try_into()
    }

    /// Ends a grant after its period of performance, with everything of its closeout done; what is left lapses. Needs
    /// FISCAL_OFFICER.
    async fn close_grant(
        &self,
        ctx: &Context<'_>,
        input: ChangeGrantInput,
    ) -> Result<CloseGrantPayload> {
        commands::close(ctx.app(), ctx.actor(), input.grant_id, input.revision).await.try_into()
    }
}

/// The grants of one request's actor: those that may not be seen are not found.
pub struct GrantLoader {
    pub app: App,
    pub reach: Reach,
}

impl Loader<GrantId> for GrantLoader {
    type Value = Grant;
    type Error = Shared;

    async fn load(&self, ids: &[GrantId]) -> Result<HashMap<GrantId, Grant>, Shared> {
        let found = store::find(&self.app.db, &self.reach, ids).await?;
        Ok(found.into_iter().map(|grant| (grant.id, grant)).collect())
    }
}

pub struct CitiesOfGrant(pub App);

impl Loader<GrantId> for CitiesOfGrant {
    type Value = Vec<store::CityOfGrant>;
    type Error = Shared;

    async fn load(&self, grants: &[GrantId]) -> Result<HashMap<GrantId, Self::Value>, Shared> {
        Ok(store::cities_of(&self.0.db, grants).await?)
    }
}

pub struct ActionAreasOfGrant(pub App);

impl Loader<GrantId> for ActionAreasOfGrant {
    type Value = Vec<ActionAreaShare>;
    type Error = Shared;

    async fn load(&self, grants: &[GrantId]) -> Result<HashMap<GrantId, Self::Value>, Shared> {
        Ok(store::action_areas_of(&self.0.db, grants).await?)
    }
}

/// What the closeouts of grants that the actor was shown look at.
pub struct OpenOfGrant(pub App);

impl Loader<GrantId> for OpenOfGrant {
    type Value = closeout::Open;
    type Error = Shared;

    async fn load(&self, grants: &[GrantId]) -> Result<HashMap<GrantId, Self::Value>, Shared> {
        let mut db = self.0.db.acquire().await?;
        Ok(closeout::read(&mut db, grants).await?)
    }
}

pub struct BalanceLoader(pub App);

impl Loader<(GrantId, Of)> for BalanceLoader {
    type Value = GrantBalance;
    type Error = Shared;

    /// Once for each day and moment that is asked for.
    async fn load(
        &self,
        keys: &[(GrantId, Of)],
    ) -> Result<HashMap<(GrantId, Of), GrantBalance>, Shared> {
        let mut asked: HashMap<Of, Vec<GrantId>> = HashMap::new();
        for (grant, of) in keys {
            asked.entry(*of).or_default().push(*grant);
        }
        let mut db = self.0.db.acquire().await?;
        let mut found = HashMap::new();
        for (of, grants) in asked {
            let balances = balances::of_grants(&mut db, &self.0.clock, &grants, of).await?;
            found.extend(balances.into_iter().map(|(grant, balance)| ((grant, of), balance)));
        }
        Ok(found)
    }
}
