//! Reports as clients see them.

mod loaders;
mod mutations;

use async_graphql::{
    ComplexObject, Context, Enum, InputObject, Object, SimpleObject, connection::Connection,
    dataloader::DataLoader,
};
use chrono::{DateTime, Utc};

pub use loaders::{
    DeadlineOfReport, EventsOfReport, FiguresOfReport, ReportOfDeadline, ReportPageOfGrant,
    ReportTotalsOfGrant,
};
pub use mutations::ReportMutation;

use super::{
    CertifiedFigure, Report, ReportAction, ReportEvent, ReportStatus,
    list_store::{self, Totals},
};
use crate::{
    Result,
    access::{Permission, Reach},
    clock::Date,
    deadlines::{Deadline, DeadlineStatus},
    grants::{DateRange, Grant, graphql::GrantLoader},
    graphql::ContextExt,
    id::{CityId, GrantId, OrganizationId},
    money::Money,
    page::{DateBounds, OrderDirection, PageArgs, Window},
    people::{Person, graphql::PersonLoader},
    rule_sets::kinds::ReportKind,
    streams::StreamCode,
};

#[ComplexObject]
impl Report {
    /// The grant that it is about.
    async fn grant(&self, ctx: &Context<'_>) -> Result<Grant> {
        let found = ctx.data_unchecked::<DataLoader<GrantLoader>>().load_one(self.grant_id).await?;
        Ok(found.expect("whoever sees a report sees its grant"))
    }

    /// The days that it is about.
    async fn period(&self) -> DateRange {
        self.about()
    }

    /// Its deadline, open while it is to be handed in: who is responsible, and what is reminded of. Handing the report in
    /// completes it, returning the report opens it again; where it is waived, the report is not asked for.
    async fn deadline(&self, ctx: &Context<'_>) -> Result<Deadline> {
        let loader = ctx.data_unchecked::<DataLoader<DeadlineOfReport>>();
        let found = loader.load_one(self.deadline_id).await?;
        Ok(found.expect("whoever sees a report sees its deadline"))
    }

    /// Whether it is to be handed in, and its deadline has passed.
    async fn is_overdue(&self, ctx: &Context<'_>) -> Result<bool> {
        let now = ctx.app().clock.now();
        Ok(self.deadline(ctx).await?.status_at(now) == DeadlineStatus::Overdue)
    }

    /// Who last handed it in; null until then.
    async fn submitted_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, self.submitted_by).await
    }

    /// Who accepted it; null until then.
    async fn accepted_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, self.accepted_by).await
    }

    /// Who certified it; null until then.
    async fn certified_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, self.certified_by).await
    }

    /// The grant's figures as of the end of the period, as they were when it was certified, by name; empty until then.
    async fn certified_figures(&self, ctx: &Context<'_>) -> Result<Vec<CertifiedFigure>> {
        let loader = ctx.data_unchecked::<DataLoader<FiguresOfReport>>();
        Ok(loader.load_one(self.id).await?.unwrap_or_default())
    }

    /// What happened to it, in order. A report that a rule schedules begins with its first submission.
    async fn events(&self, ctx: &Context<'_>) -> Result<Vec<ReportEvent>> {
        let loader = ctx.data_unchecked::<DataLoader<EventsOfReport>>();
        Ok(loader.load_one(self.id).await?.unwrap_or_default())
    }

    /// What you may do to it now.
    async fn allowed_actions(&self, ctx: &Context<'_>) -> Result<Vec<ReportAction>> {
        let today = ctx.app().clock.today();
        Ok(self.actions_for(ctx.actor(), &self.grant(ctx).await?, today))
    }
}

#[ComplexObject]
impl ReportEvent {
    /// Who did it.
    async fn person(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, Some(self.person_id)).await
    }
}

/// Which reports to list. A report is found when every given field fits.
#[derive(InputObject, Default)]
pub struct ReportFilter {
    /// Of grants of one of these funding streams.
    streams: Option<Vec<StreamCode>>,
    /// In one of these states.
    statuses: Option<Vec<ReportStatus>>,
    /// Of one of these kinds.
    kinds: Option<Vec<ReportKind>>,
    /// About one of these grants.
    grants: Option<Vec<GrantId>>,
    /// About a grant for the good of one of these cities.
    cities: Option<Vec<CityId>>,
    /// About a grant received by one of these organizations.
    recipients: Option<Vec<OrganizationId>>,
    /// Only the last ones of their kind, or only the others.
    #[graphql(name = "final")]
    is_final: Option<bool>,
    /// To be handed in now and due before this day: with today's date, what is overdue today. Those whose deadline was
    /// waived are not asked for.
    overdue_on: Option<Date>,
    /// Due between these days.
    due_on: Option<DateBounds>,
    /// Changed at or after this moment.
    updated_since: Option<DateTime<Utc>>,
}

impl From<ReportFilter> for list_store::ReportFilter {
    fn from(filter: ReportFilter) -> Self {
        let due_on = filter.due_on.unwrap_or_default();
        Self {
            streams: filter.streams,
            statuses: filter.statuses,
            kinds: filter.kinds,
            grants: filter.grants,
            cities: filter.cities,
            recipients: filter.recipients,
            is_final: filter.is_final,
            overdue_on: filter.overdue_on,
            due_from: due_on.from,
            due_to: due_on.to,
            updated_since: filter.updated_since,
        }
    }
}

/// What reports can be ordered by.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum ReportOrderField {
    /// The day on which it is due.
    DueOn,
    /// The last day that it is about.
    PeriodEnd,
    /// When it was entered.
    CreatedAt,
}

/// The order of a list of reports.
#[derive(InputObject)]
pub struct ReportOrder {
    /// What to order by.
    field: ReportOrderField,
    /// Which way.
    #[graphql(default_with = "OrderDirection::Asc")]
    direction: OrderDirection,
}

/// Sums over a whole list of reports, in US dollars.
#[derive(SimpleObject)]
pub struct ReportTotals {
    /// How many there are.
    count: i64,
    /// The program income that they tell.
    program_income: Money,
    /// The interest that they tell.
    interest_earned: Money,
}

/// What is known about a whole list of reports.
pub enum ReportsListed {
    Filtered { filter: Box<list_store::ReportFilter>, reach: Reach },
    OfGrant(GrantId),
}

#[Object]
impl ReportsListed {
    /// How many reports there are, on all pages.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        Ok(self.read(ctx).await?.count)
    }

    /// Sums over all of them, on all pages.
    async fn totals(&self, ctx: &Context<'_>) -> Result<ReportTotals> {
        let Totals { count, program_income, interest_earned } = self.read(ctx).await?;
        Ok(ReportTotals { count, program_income, interest_earned })
    }
}

impl ReportsListed {
    async fn read(&self, ctx: &Context<'_>) -> Result<Totals> {
        match self {
            Self::Filtered { filter, reach } => {
                Ok(list_store::totals(&ctx.app().db, filter, reach).await?)
            }
            Self::OfGrant(grant) => {
                let loader = ctx.data_unchecked::<DataLoader<ReportTotalsOfGrant>>();
                Ok(loader.load_one(*grant).await?.unwrap_or_default())
            }
        }
    }
}

/// A page of a grant's reports; those of many grants are read together.
pub async fn reports_of_grant(
    ctx: &Context<'_>,
    grant: GrantId,
    args: PageArgs,
) -> Result<Connection<String, Report, ReportsListed>> {
    let window = Window::new("DUE_ON", OrderDirection::Asc, args)?;
    let loader = ctx.data_unchecked::<DataLoader<ReportPageOfGrant>>();
    let rows = loader.load_one((grant, window.clone())).await?.unwrap_or_default();
    let position = |row: &Report| list_store::position(window.order, row);
    Ok(window.page(rows, position, ReportsListed::OfGrant(grant)))
}

#[derive(Default)]
pub struct ReportQuery;

#[Object]
impl ReportQuery {
    /// The reports on grants that you may see, the earliest due first unless ordered otherwise.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn reports(
        &self,
        ctx: &Context<'_>,
        #[graphql(default)] filter: ReportFilter,
        order_by: Option<ReportOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, Report, ReportsListed>> {
        let reach = ctx.actor().may_read(Permission::ReadReports)?;
        let earliest =
            ReportOrder { field: ReportOrderField::DueOn, direction: OrderDirection::Asc };
        let order = order_by.unwrap_or(earliest);
        let name = match order.field {
            ReportOrderField::DueOn => "DUE_ON",
            ReportOrderField::PeriodEnd => "PERIOD_END",
            ReportOrderField::CreatedAt => "CREATED_AT",
        };
        let window = Window::new(name, order.direction, PageArgs { first, after, last, before })?;
        let filter = filter.into();
        let rows = list_store::list(&ctx.app().db, &window, &filter, &reach).await?;
        let listed = ReportsListed::Filtered { filter: Box::new(filter), reach };
        Ok(window.page(rows, |row| list_store::position(name, row), listed))
    }
}
