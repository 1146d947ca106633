use std::collections::HashMap;

use async_graphql::{
    ComplexObject, Context, Enum, ID, InputObject, Object,
    connection::Connection,
    dataloader::{DataLoader, Loader},
};
use chrono::{DateTime, Utc};

use super::{Fact, FactKind, Known, NewFact, Subject, commands, store};
use crate::{
    App, Error, Result,
    access::Permission,
    cities::{City, County, graphql::CityLoader, graphql::CountyLoader},
    clock::Date,
    error::Shared,
    graphql::{ContextExt, payload},
    id::{CityId, CountyId, FactId, OrganizationId},
    page::{DateBounds, OrderDirection, PageArgs, Window},
    people::{Organization, Person, graphql::OrganizationLoader, graphql::PersonLoader},
};

#[ComplexObject]
impl Fact {
    /// The city that it is about, where it is about a city.
    async fn city(&self, ctx: &Context<'_>) -> Result<Option<City>> {
        CityLoader::find(ctx, self.city_id).await
    }

    /// The county that it is about, where it is about a county.
    async fn county(&self, ctx: &Context<'_>) -> Result<Option<County>> {
        CountyLoader::find(ctx, self.county_id).await
    }

    /// The organization that it is about, where it is about an organization.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        OrganizationLoader::find(ctx, self.organization_id).await
    }

    /// Who recorded it.
    async fn recorded_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, self.recorded_by).await
    }
}

/// The recorded facts of a subject that hold on a day, at most one of a kind.
pub async fn facts_on(ctx: &Context<'_>, subject: Subject, on: Option<Date>) -> Result<Vec<Fact>> {
    let on = on.unwrap_or_else(|| ctx.app().clock.today());
    let loader = ctx.data_unchecked::<DataLoader<KnownOf>>();
    let known = loader.load_one((subject, on)).await?.unwrap_or_default();
    let ids: Vec<FactId> = FactKind::ALL.iter().filter_map(|kind| known.get(*kind)?.fact).collect();
    let mut facts = ctx.data_unchecked::<DataLoader<FactLoader>>().load_many(ids.clone()).await?;
    Ok(ids.iter().filter_map(|id| facts.remove(id)).collect())
}

/// Which facts to list. A fact is found when it is about one of the given subjects, and every other given field fits.
#[derive(InputObject, Default)]
pub struct FactFilter {
    /// About one of these cities.
    cities: Option<Vec<CityId>>,
    /// About one of these counties.
    counties: Option<Vec<CountyId>>,
    /// About one of these organizations.
    organizations: Option<Vec<OrganizationId>>,
    /// Of one of these kinds.
    kinds: Option<Vec<FactKind>>,
    /// As of a day between these.
    as_of: Option<DateBounds>,
    /// Recorded at or after this moment.
    updated_since: Option<DateTime<Utc>>,
}

/// What facts can be ordered by.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum FactOrderField {
    /// The day from which it is so.
    AsOf,
}

/// The order of a list of facts.
#[derive(InputObject)]
pub struct FactOrder {
    /// What to order by.
    field: FactOrderField,
    /// Which way.
    #[graphql(default_with = "OrderDirection::Desc")]
    direction: OrderDirection,
}

/// What is known about a whole list of facts.
pub struct FactsListed {
    filter: store::FactFilter,
}

#[Object]
impl FactsListed {
    /// How many facts the filter finds, on all pages.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        Ok(store::count(&ctx.app().db, &self.filter).await?)
    }
}

#[derive(Default)]
pub struct FactQuery;

#[Object]
impl FactQuery {
    /// All that was recorded, history included, the latest first unless ordered otherwise.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn facts(
        &self,
        ctx: &Context<'_>,
        #[graphql(default)] filter: FactFilter,
        order_by: Option<FactOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, Fact, FactsListed>> {
        ctx.actor().may_read(Permission::ReadFacts)?;
        let direction = order_by.map_or(OrderDirection::Desc, |order| match order.field {
            FactOrderField::AsOf => order.direction,
        });
        let window = Window::new("AS_OF", direction, PageArgs { first, after, last, before })?;
        let as_of = filter.as_of.unwrap_or_default();
        let filter = store::FactFilter {
            cities: filter.cities,
            counties: filter.counties,
            organizations: filter.organizations,
            kinds: filter.kinds,
            as_of_from: as_of.from,
            as_of_to: as_of.to,
            updated_since: filter.updated_since,
        };
        let rows = store::list(&ctx.app().db, &window, &filter).await?;
        Ok(window.page(rows, store::position, FactsListed { filter }))
    }
}

/// What is known of a city, a county or an organization as of a day.
#[derive(InputObject)]
struct RecordFactInput {
    /// A city, a county or an organization.
    subject_id: ID,
    /// What it is about.
    kind: FactKind,
    /// The value, in the form of its kind.
    value: String,
    /// The day from which it is so; not after today.
    as_of: Date,
    /// Where it is from, in words: an ordinance's number, a table of the Census.
    source: String,
    /// Where it can be read.
    source_url: Option<String>,
}

payload!(
    /// What came of `recordFact`.
    RecordFactPayload {
        /// The fact; null when it was refused.
        fact: Fact
    }
);

#[derive(Default)]
pub struct FactMutation;

#[Object]
impl FactMutation {
    /// Records a fact; earlier ones stay as history. Needs GRANT_MANAGER or PROGRAM_ADMIN.
    async fn record_fact(
        &self,
        ctx: &Context<'_>,
        input: RecordFactInput,
    ) -> Result<RecordFactPayload> {
        let new = NewFact {
            subject: subject(&input.subject_id)?,
            kind: input.kind,
            value: input.value,
            as_of: input.as_of,
            source: input.source,
            source_url: input.source_url,
        };
        commands::record(ctx.app(), ctx.actor(), new).await.try_into()
    }
}

/// Whom an id names.
pub fn subject(id: &str) -> Result<Subject> {
    let bad = |expected: &str| Error::BadInput(format!("`{id}`: {expected}"));
    match id.split_once('_').map_or("", |(kind, _)| kind) {
        "city" => Ok(Subject::City(id.parse().map_err(bad)?)),
        "county" => Ok(Subject::County(id.parse().map_err(bad)?)),
        "org" => Ok(Subject::Organization(id.parse().map_err(bad)?)),
        _ => Err(bad("name a city, a county or an organization")),
    }
}

pub struct FactLoader(pub App);

impl Loader<FactId> for FactLoader {
    type Value = Fact;
    type Error = Shared;

    async fn load(&self, ids: &[FactId]) -> Result<HashMap<FactId, Fact>, Shared> {
        let found = store::find(&self.0.db, ids).await?;
        Ok(found.into_iter().map(|fact| (fact.id, fact)).collect())
    }
}

pub struct KnownOf(pub App);

impl Loader<(Subject, Date)> for KnownOf {
    type Value = Known;
    type Error = Shared;

    /// One statement for each day that is asked for.
    async fn load(
        &self,
        keys: &[(Subject, Date)],
    ) -> Result<HashMap<(Subject, Date), Known>, Shared> {
        let mut of_day: HashMap<Date, Vec<Subject>> = HashMap::new();
        for (subject, day) in keys {
            of_day.entry(*day).or_default().push(*subject);
        }
        let mut known = HashMap::new();
        for (day, subjects) in of_day {
            let found = store::known(&self.0.db, &subjects, day).await?;
            known.extend(found.into_iter().map(|(subject, known)| ((subject, day), known)));
        }
        Ok(known)
    }
}
