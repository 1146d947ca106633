use std::collections::HashMap;

use async_graphql::{
    ComplexObject, Context, Enum, InputObject, Object,
    connection::Connection,
    dataloader::{DataLoader, Loader},
};
use chrono::{DateTime, Utc};

use super::{
    Deadline, DeadlineChange, DeadlineKind, DeadlineStatus, NewDeadline, Settlement, commands,
    store,
};
use crate::{
    App, Result,
    access::{Permission, Reach},
    cities::{City, graphql::CityLoader},
    clock::{Date, parse_time},
    error::{Error, Shared},
    grants::{DateRange, Grant, graphql::GrantLoader},
    graphql::{ContextExt, payload},
    id::{CityId, DeadlineId, GrantId, PersonId},
    page::{DateBounds, OrderDirection, PageArgs, Window, by_window},
    people::{Person, graphql::PersonLoader},
    reports::{Report, graphql::ReportOfDeadline},
    rule_sets::{Rule, graphql::RuleLoader},
};

#[ComplexObject]
impl Deadline {
    /// The instant at which it is due: the end of `dueOn` in California unless it has a time.
    async fn due_at(&self) -> DateTime<Utc> {
        self.due_instant()
    }

    /// Where it stands now.
    async fn status(&self, ctx: &Context<'_>) -> DeadlineStatus {
        self.status_at(ctx.app().clock.now())
    }

    /// Days of the calendar from today in California to `dueOn`; below zero when overdue.
    async fn days_left(&self, ctx: &Context<'_>) -> i64 {
        ctx.app().clock.today().days_until(self.due_on)
    }

    /// The grant that it is about; null when it is about a city only, or you may not see the grant.
    async fn grant(&self, ctx: &Context<'_>) -> Result<Option<Grant>> {
        match self.grant_id {
            Some(id) => Ok(ctx.data_unchecked::<DataLoader<GrantLoader>>().load_one(id).await?),
            None => Ok(None),
        }
    }

    /// The city that it is about, where it is about a city.
    async fn city(&self, ctx: &Context<'_>) -> Result<Option<City>> {
        CityLoader::find(ctx, self.city_id).await
    }

    /// Who is responsible for it, and is reminded.
    async fn responsible(&self, ctx: &Context<'_>) -> Result<Vec<Person>> {
        let loader = ctx.data_unchecked::<DataLoader<ResponsibleOfDeadline>>();
        let ids = loader.load_one(self.id).await?.unwrap_or_default();
        let mut people =
            ctx.data_unchecked::<DataLoader<PersonLoader>>().load_many(ids.clone()).await?;
        Ok(ids.iter().filter_map(|id| people.remove(id)).collect())
    }

    /// The rule that it follows from; null where a person entered it, or no rule speaks of that date of the grant.
    async fn rule(&self, ctx: &Context<'_>) -> Result<Option<Rule>> {
        match self.rule_id {
            Some(id) => Ok(ctx.data_unchecked::<DataLoader<RuleLoader>>().load_one(id).await?),
            None => Ok(None),
        }
    }

    /// The period that a report is about.
    async fn period(&self) -> Option<DateRange> {
        let (start, end) = self.period_start.zip(self.period_end)?;
        Some(DateRange { start, end })
    }

    /// Whether it follows from the grant and its rules, and moves with them; false where a person entered it.
    async fn is_generated(&self) -> bool {
        self.obligation.is_some()
    }

    /// The report that is due, where one is: handing it in completes the deadline. Null as well where you may not see the grant.
    async fn report(&self, ctx: &Context<'_>) -> Result<Option<Report>> {
        Ok(ctx.data_unchecked::<DataLoader<ReportOfDeadline>>().load_one(self.id).await?)
    }

    /// What it was before its date or standing changed by itself, the latest change first.
    async fn history(&self, ctx: &Context<'_>) -> Result<Vec<DeadlineChange>> {
        let loader = ctx.data_unchecked::<DataLoader<ChangesOfDeadline>>();
        Ok(loader.load_one(self.id).await?.unwrap_or_default())
    }

    /// Who completed or waived it; null until then.
    async fn settled_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, self.settled_by).await
    }
}

/// Which deadlines to list. A deadline is found when every given field fits.
#[derive(InputObject, Default)]
pub struct DeadlineFilter {
    /// Of one of these kinds.
    kinds: Option<Vec<DeadlineKind>>,
    /// Standing so now.
    statuses: Option<Vec<DeadlineStatus>>,
    /// About one of these grants.
    grants: Option<Vec<GrantId>>,
    /// About one of these cities, or about a grant for the good of one.
    cities: Option<Vec<CityId>>,
    /// One of these people is responsible.
    responsible: Option<Vec<PersonId>>,
    /// Due between these days.
    due_on: Option<DateBounds>,
    /// Changed at or after this moment.
    updated_since: Option<DateTime<Utc>>,
}

impl DeadlineFilter {
    /// As statements take it, with the moment at which what is open may be overdue.
    pub fn at(self, now: DateTime<Utc>) -> store::DeadlineFilter {
        let due_on = self.due_on.unwrap_or_default();
        store::DeadlineFilter {
            kinds: self.kinds,
            statuses: self.statuses,
            grants: self.grants,
            cities: self.cities,
            responsible: self.responsible,
            due_from: due_on.from,
            due_to: due_on.to,
            updated_since: self.updated_since,
            now,
        }
    }
}

/// What deadlines can be ordered by.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum DeadlineOrderField {
    /// The day on which it is due.
    DueOn,
    /// When it was entered.
    CreatedAt,
}

/// The order of a list of deadlines.
#[derive(InputObject)]
pub struct DeadlineOrder {
    /// What to order by.
    field: DeadlineOrderField,
    /// Which way.
    #[graphql(default_with = "OrderDirection::Asc")]
    direction: OrderDirection,
}

pub fn window(order_by: Option<DeadlineOrder>, args: PageArgs) -> Result<Window> {
    let earliest =
        DeadlineOrder { field: DeadlineOrderField::DueOn, direction: OrderDirection::Asc };
    let order = order_by.unwrap_or(earliest);
    let name = match order.field {
        DeadlineOrderField::DueOn => "DUE_ON",
        DeadlineOrderField::CreatedAt => "CREATED_AT",
    };
    Window::new(name, order.direction, args)
}

/// What is known about a whole list of deadlines.
pub enum DeadlinesListed {
    Filtered { filter: Box<store::DeadlineFilter>, viewer: PersonId, reach: Reach },
    OfGrant(GrantId),
}

#[Object]
impl DeadlinesListed {
    /// How many deadlines there are, on all pages.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        match self {
            Self::Filtered { filter, viewer, reach } => {
                Ok(store::count(&ctx.app().db, filter, *viewer, reach).await?)
            }
            Self::OfGrant(grant) => {
                let loader = ctx.data_unchecked::<DataLoader<DeadlineCountOfGrant>>();
                Ok(loader.load_one(*grant).await?.unwrap_or_default())
            }
        }
    }
}

/// A page of a grant's deadlines; those of many grants are read together.
pub async fn deadlines_of_grant(
    ctx: &Context<'_>,
    grant: GrantId,
    args: PageArgs,
) -> Result<Connection<String, Deadline, DeadlinesListed>> {
    let window = Window::new("DUE_ON", OrderDirection::Asc, args)?;
    let loader = ctx.data_unchecked::<DataLoader<DeadlinePageOfGrant>>();
    let rows = loader.load_one((grant, window.clone())).await?.unwrap_or_default();
    Ok(window.page(rows, |row| store::position(window.order, row), DeadlinesListed::OfGrant(grant)))
}

#[derive(Default)]
pub struct DeadlineQuery;

#[Object]
impl DeadlineQuery {
    /// The deadlines that you may see, the earliest first unless ordered otherwise.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn deadlines(
        &self,
        ctx: &Context<'_>,
        #[graphql(default)] filter: DeadlineFilter,
        order_by: Option<DeadlineOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, Deadline, DeadlinesListed>> {
        let viewer = ctx.actor().may(Permission::ReadDeadlines)?;
        let window = window(order_by, PageArgs { first, after, last, before })?;
        let filter = filter.at(ctx.app().clock.now());
        let reach = viewer.reach.clone();
        let rows = store::list(&ctx.app().db, &window, &filter, viewer.person, &reach).await?;
        let listed =
            DeadlinesListed::Filtered { filter: Box::new(filter), viewer: viewer.person, reach };
        Ok(window.page(rows, |row| store::position(window.order, row), listed))
    }
}

/// A new deadline.
#[derive(InputObject)]
struct CreateDeadlineInput {
    /// What is due.
    kind: DeadlineKind,
    /// What is due, in words.
    title: String,
    /// The grant that it is about.
    grant_id: Option<GrantId>,
    /// The city that it is about.
    city_id: Option<CityId>,
    /// The day on which it is due, in California.
    due_on: Date,
    /// The time of that day, as `17:00`; the end of the day when left out.
    due_time: Option<String>,
    /// Who is responsible for it, and is reminded; at least one.
    responsible_ids: Vec<PersonId>,
}

/// Names a deadline and the revision of it that you read.
#[derive(InputObject)]
struct CompleteDeadlineInput {
    /// The deadline.
    deadline_id: DeadlineId,
    /// Its revision when you read it; a later one is refused.
    revision: i32,
}

/// A deadline to give up.
#[derive(InputObject)]
struct WaiveDeadlineInput {
    /// The deadline.
    deadline_id: DeadlineId,
    /// Its revision when you read it; a later one is refused.
    revision: i32,
    /// Why.
    reason: String,
}

/// A deadline to be quiet about.
#[derive(InputObject)]
struct SnoozeDeadlineInput {
    /// The deadline.
    deadline_id: DeadlineId,
    /// Its revision when you read it; a later one is refused.
    revision: i32,
    /// No reminders up to and including this day.
    until: Date,
    /// Why.
    reason: String,
}

payload!(
    /// What came of `createDeadline`.
    CreateDeadlinePayload {
        /// The new deadline; null when it was refused.
        deadline: Deadline
    }
);
payload!(
    /// What came of `completeDeadline`.
    CompleteDeadlinePayload {
        /// The completed deadline; null when it was refused.
        deadline: Deadline
    }
);
payload!(
    /// What came of `waiveDeadline`.
    WaiveDeadlinePayload {
        /// The waived deadline; null when it was refused.
        deadline: Deadline
    }
);
payload!(
    /// What came of `snoozeDeadline`.
    SnoozeDeadlinePayload {
        /// The snoozed deadline; null when it was refused.
        deadline: Deadline
    }
);

#[derive(Default)]
pub struct DeadlineMutation;

#[Object]
impl DeadlineMutation {
    /// Enters a deadline. Needs GRANT_MANAGER or PROGRAM_ADMIN.
    async fn create_deadline(
        &self,
        ctx: &Context<'_>,
        input: CreateDeadlineInput,
    ) -> Result<CreateDeadlinePayload> {
        let time = |text: String| parse_time(&text).map_err(Error::BadInput);
        let new = NewDeadline {
            kind: input.kind,
            title: input.title,
            grant: input.grant_id,
            city: input.city_id,
            due_on: input.due_on,
            due_time: input.due_time.map(time).transpose()?,
            responsible: input.responsible_ids,
        };
        commands::create(ctx.app(), ctx.actor(), new).await.try_into()
    }

    /// Notes that it is done: no more reminders. Needs GRANT_MANAGER, PROGRAM_ADMIN, CITY_FINANCE or COACH. Refused where a
    /// report is due: `submitReport` completes its deadline.
    async fn complete_deadline(
        &self,
        ctx: &Context<'_>,
        input: CompleteDeadlineInput,
    ) -> Result<CompleteDeadlinePayload> {
        let how = Settlement::Completed;
        commands::settle(ctx.app(), ctx.actor(), input.deadline_id, input.revision, how)
            .await
            .try_into()
    }

    /// Gives it up for a reason: no more reminders. Needs GRANT_MANAGER or PROGRAM_ADMIN.
    async fn waive_deadline(
        &self,
        ctx: &Context<'_>,
        input: WaiveDeadlineInput,
    ) -> Result<WaiveDeadlinePayload> {
        let how = Settlement::Waived { reason: input.reason };
        commands::settle(ctx.app(), ctx.actor(), input.deadline_id, input.revision, how)
            .await
            .try_into()
    }

    /// Silences its reminders up to a day, for a reason. Needs GRANT_MANAGER or PROGRAM_ADMIN.
    async fn snooze_deadline(
        &self,
        ctx: &Context<'_>,
        input: SnoozeDeadlineInput,
    ) -> Result<SnoozeDeadlinePayload> {
        let how = Settlement::Snoozed { until: input.until, reason: input.reason };
        commands::settle(ctx.app(), ctx.actor(), input.deadline_id, input.revision, how)
            .await
            .try_into()
    }
}

pub struct ResponsibleOfDeadline(pub App);

impl Loader<DeadlineId> for ResponsibleOfDeadline {
    type Value = Vec<PersonId>;
    type Error = Shared;

    async fn load(&self, ids: &[DeadlineId]) -> Result<HashMap<DeadlineId, Vec<PersonId>>, Shared> {
        Ok(store::responsible_of(&self.0.db, ids).await?)
    }
}

/// Pages of grants that the actor was shown: whoever sees a grant sees its deadlines.
pub struct DeadlinePageOfGrant(pub App);

impl Loader<(GrantId, Window)> for DeadlinePageOfGrant {
    type Value = Vec<Deadline>;
    type Error = Shared;

    /// One statement per kind of page that is asked for.
    async fn load(
        &self,
        keys: &[(GrantId, Window)],
    ) -> Result<HashMap<(GrantId, Window), Vec<Deadline>>, Shared> {
        let mut found = HashMap::new();
        for (window, grants) in by_window(keys) {
            let pages = store::of_grants(&self.0.db, window, &grants).await?;
            found.extend(pages.into_iter().map(|(grant, rows)| ((grant, window.clone()), rows)));
        }
        Ok(found)
    }
}

pub struct DeadlineCountOfGrant(pub App);

impl Loader<GrantId> for DeadlineCountOfGrant {
    type Value = i64;
    type Error = Shared;

    async fn load(&self, grants: &[GrantId]) -> Result<HashMap<GrantId, i64>, Shared> {
        Ok(store::count_of_grants(&self.0.db, grants).await?)
    }
}

pub struct ChangesOfDeadline(pub App);

impl Loader<DeadlineId> for ChangesOfDeadline {
    type Value = Vec<DeadlineChange>;
    type Error = Shared;

    async fn load(
        &self,
        ids: &[DeadlineId],
    ) -> Result<HashMap<DeadlineId, Vec<DeadlineChange>>, Shared> {
        Ok(store::changes_of(&self.0.db, ids).await?)
    }
}
