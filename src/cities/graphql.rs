use std::collections::HashMap;

use async_graphql::{
    ComplexObject, Context, Enum, InputObject, Object,
    connection::Connection,
    dataloader::{DataLoader, Loader},
};

use chrono::{DateTime, Utc};

use super::{City, County, NewCity, commands, store};
use crate::{
    App, Error, Result,
    access::Permission,
    clock::Date,
    error::Shared,
    facts::{Fact, Subject, graphql::facts_on},
    graphql::{ContextExt, payload},
    id::{CityId, CountyId},
    page::{OrderDirection, PageArgs, Window},
};

#[ComplexObject]
impl City {
    /// The county the city lies in; the first by name where it lies in several.
    async fn county(&self, ctx: &Context<'_>) -> Result<County> {
        let county =
            ctx.data_unchecked::<DataLoader<CountyLoader>>().load_one(self.county_id).await?;
        Ok(county.expect("a city has a county"))
    }

    /// What is known of it as of a day: at most one fact of a kind. `facts` lists all that was recorded.
    async fn facts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The day; today when left out.")] on: Option<Date>,
    ) -> Result<Vec<Fact>> {
        facts_on(ctx, Subject::City(self.id), on).await
    }
}

#[ComplexObject]
impl County {
    /// What is known of it as of a day: at most one fact of a kind. `facts` lists all that was recorded.
    async fn facts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The day; today when left out.")] on: Option<Date>,
    ) -> Result<Vec<Fact>> {
        facts_on(ctx, Subject::County(self.id), on).await
    }
}

/// Which cities to list.
#[derive(InputObject, Default)]
pub struct CityFilter {
    /// Part of the name, in any case.
    search: Option<String>,
    /// In one of these counties.
    counties: Option<Vec<CountyId>>,
    /// At least so many inhabitants.
    population_from: Option<i32>,
    /// At most so many inhabitants.
    population_to: Option<i32>,
    /// Entered at or after this moment.
    updated_since: Option<DateTime<Utc>>,
}

/// What cities can be ordered by.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum CityOrderField {
    /// The name, by the alphabet.
    Name,
    /// Inhabitants; a city of unknown population counts as 0.
    Population,
}

/// The order of a list of cities.
#[derive(InputObject)]
pub struct CityOrder {
    /// What to order by.
    field: CityOrderField,
    /// Which way.
    #[graphql(default_with = "OrderDirection::Asc")]
    direction: OrderDirection,
}

/// What is known about a whole list of cities.
pub struct CitiesListed {
    filter: store::CityFilter,
}

#[Object]
impl CitiesListed {
    /// How many cities the filter finds, on all pages.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        Ok(store::count(&ctx.app().db, &self.filter).await?)
    }
}

#[derive(Default)]
pub struct CityQuery;

#[Object]
impl CityQuery {
    /// A city by its id or by its GEOID, such as `"0644000"`; null when there is none. Public.
    async fn city(
        &self,
        ctx: &Context<'_>,
        id: Option<CityId>,
        #[graphql(desc = "The Census identifier, 06 and five digits.")] geoid: Option<String>,
    ) -> Result<Option<City>> {
        ctx.actor().may_read(Permission::ReadCity)?;
        match (id, geoid) {
            (Some(id), None) => {
                Ok(ctx.data_unchecked::<DataLoader<CityLoader>>().load_one(id).await?)
            }
            (None, Some(geoid)) => Ok(store::find_by_geoid(&ctx.app().db, &geoid).await?),
            _ => Err(Error::BadInput("name the city either by `id` or by `geoid`".into())),
        }
    }

    /// California's cities, by name unless ordered otherwise. Public.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn cities(
        &self,
        ctx: &Context<'_>,
        #[graphql(default)] filter: CityFilter,
        order_by: Option<CityOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, City, CitiesListed>> {
        ctx.actor().may_read(Permission::ReadCities)?;
        let order = order_by
            .unwrap_or(CityOrder { field: CityOrderField::Name, direction: OrderDirection::Asc });
        let name = match order.field {
            CityOrderField::Name => "NAME",
            CityOrderField::Population => "POPULATION",
        };
        let window = Window::new(name, order.direction, PageArgs { first, after, last, before })?;
        let filter = store::CityFilter {
            search: filter.search,
            counties: filter.counties,
            population_from: filter.population_from,
            population_to: filter.population_to,
            updated_since: filter.updated_since,
        };
        let rows = store::list(&ctx.app().db, &window, &filter).await?;
        Ok(window.page(rows, |city| store::position(name, city), CitiesListed { filter }))
    }
}

/// A new city.
#[derive(InputObject)]
struct CreateCityInput {
    /// The Census identifier: 06 and five digits.
    geoid: String,
    /// The GNIS feature id.
    gnis: String,
    /// The name, without `city` or `town`.
    name: String,
    /// The county it lies in.
    county_id: CountyId,
    /// Inhabitants.
    population: Option<i32>,
    /// The day of incorporation.
    incorporated_on: Option<Date>,
}

payload!(
    /// What came of `createCity`.
    CreateCityPayload {
        /// The new city; null when it was refused.
        city: City
    }
);

#[derive(Default)]
pub struct CityMutation;

#[Object]
impl CityMutation {
    /// Enters a city that the Census list lacks, such as one incorporated since. Needs PROGRAM_ADMIN.
    async fn create_city(
        &self,
        ctx: &Context<'_>,
        input: CreateCityInput,
    ) -> Result<CreateCityPayload> {
        let new = NewCity {
            geoid: input.geoid,
            gnis: input.gnis,
            name: input.name,
            county: input.county_id,
            population: input.population,
            incorporated_on: input.incorporated_on,
        };
        commands::create_city(ctx.app(), ctx.actor(), new).await.try_into()
    }
}

pub struct CityLoader(pub App);

impl CityLoader {
    /// The city that something names, together with all others that an answer asks for.
    pub async fn find(ctx: &Context<'_>, id: Option<CityId>) -> Result<Option<City>> {
        match id {
            Some(id) => Ok(ctx.data_unchecked::<DataLoader<Self>>().load_one(id).await?),
            None => Ok(None),
        }
    }
}

impl Loader<CityId> for CityLoader {
    type Value = City;
    type Error = Shared;

    async fn load(&self, ids: &[CityId]) -> Result<HashMap<CityId, City>, Shared> {
        let found = store::find_cities(&self.0.db, ids).await?;
        Ok(found.into_iter().map(|city| (city.id, city)).collect())
    }
}

pub struct CountyLoader(pub App);

impl CountyLoader {
    /// The county that something names, together with all others that an answer asks for.
    pub async fn find(ctx: &Context<'_>, id: Option<CountyId>) -> Result<Option<County>> {
        match id {
            Some(id) => Ok(ctx.data_unchecked::<DataLoader<Self>>().load_one(id).await?),
            None => Ok(None),
        }
    }
}

impl Loader<CountyId> for CountyLoader {
    type Value = County;
    type Error = Shared;

    async fn load(&self, ids: &[CountyId]) -> Result<HashMap<CountyId, County>, Shared> {
        let found = store::find_counties(&self.0.db, ids).await?;
        Ok(found.into_iter().map(|county| (county.id, county)).collect())
    }
}
