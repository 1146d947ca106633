use sqlx::{PgConnection, PgExecutor};

use super::{City, County};
use crate::{
    id::{CityId, CountyId},
    page::{Count, Position, Window, figures_of, page_of},
};

pub async fn find_cities(db: impl PgExecutor<'_>, ids: &[CityId]) -> sqlx::Result<Vec<City>> {
    sqlx::query_as!(
        City,
        "select id, geoid, gnis, name, county_id, population, incorporated_on, created_at
           from cities where id = any($1) order by id",
        ids as _,
    )
    .fetch_all(db)
    .await
}

pub async fn find_by_geoid(db: impl PgExecutor<'_>, geoid: &str) -> sqlx::Result<Option<City>> {
    sqlx::query_as!(
        City,
        "select id, geoid, gnis, name, county_id, population, incorporated_on, created_at
           from cities where geoid = $1",
        geoid,
    )
    .fetch_optional(db)
    .await
}

pub async fn find_counties(db: impl PgExecutor<'_>, ids: &[CountyId]) -> sqlx::Result<Vec<County>> {
    sqlx::query_as!(
        County,
        "select id, geoid, gnis, name, population from counties where id = any($1) order by id",
        ids as _,
    )
    .fetch_all(db)
    .await
}

/// Enters counties; those whose GEOID is known stay as they are.
pub async fn insert_counties(tx: &mut PgConnection, counties: &[County]) -> sqlx::Result<u64> {
    let ids: Vec<CountyId> = counties.iter().map(|county| county.id).collect();
    let geoids: Vec<String> = counties.iter().map(|county| county.geoid.clone()).collect();
    let gnis: Vec<String> = counties.iter().map(|county| county.gnis.clone()).collect();
    let names: Vec<String> = counties.iter().map(|county| county.name.clone()).collect();
    let populations: Vec<Option<i32>> = counties.iter().map(|county| county.population).collect();
    let done = sqlx::query!(
        "insert into counties (id, geoid, gnis, name, population)
         select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::int[])
         on conflict (geoid) do nothing",
        ids as _,
        &geoids,
        &gnis,
        &names,
        &populations as _,
    )
    .execute(tx)
    .await?;
    Ok(done.rows_affected())
}

/// A city of the reference list, which names its county by GEOID.
pub struct ReferenceCity {
    pub id: CityId,
    pub geoid: String,
    pub gnis: String,
    pub name: String,
    pub county_geoid: String,
    pub population: Option<i32>,
    pub incorporated_on: Option<chrono::NaiveDate>,
}

/// Enters cities; those whose GEOID or GNIS id is known stay as they are.
pub async fn insert_reference_cities(
    tx: &mut PgConnection,
    cities: &[ReferenceCity],
    at: chrono::DateTime<chrono::Utc>,
) -> sqlx::Result<u64> {
    let ids: Vec<CityId> = cities.iter().map(|city| city.id).collect();
    let geoids: Vec<String> = cities.iter().map(|city| city.geoid.clone()).collect();
    let gnis: Vec<String> = cities.iter().map(|city| city.gnis.clone()).collect();
    let names: Vec<String> = cities.iter().map(|city| city.name.clone()).collect();
    let counties: Vec<String> = cities.iter().map(|city| city.county_geoid.clone()).collect();
    let populations: Vec<Option<i32>> = cities.iter().map(|city| city.population).collect();
    let incorporated: Vec<Option<chrono::NaiveDate>> =
        cities.iter().map(|city| city.incorporated_on).collect();
    let done = sqlx::query!(
        "insert into cities (id, geoid, gnis, name, county_id, population, incorporated_on, created_at)
         select c.id, c.geoid, c.gnis, c.name, county.id, c.population, c.incorporated_on, $8
           from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[], $7::date[])
                as c (id, geoid, gnis, name, county_geoid, population, incorporated_on)
           join counties county on county.geoid = c.county_geoid
         on conflict do nothing",
        ids as _,
        &geoids,
        &gnis,
        &names,
        &counties,
        &populations as _,
        &incorporated as _,
        at,
    )
    .execute(tx)
    .await?;
    Ok(done.rows_affected())
}

pub async fn insert_city(tx: &mut PgConnection, city: &City) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into cities (id, geoid, gnis, name, county_id, population, incorporated_on, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        city.id as _,
        city.geoid,
        city.gnis,
        city.name,
        city.county_id as _,
        city.population,
        city.incorporated_on as _,
        city.created_at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

#[derive(Clone, Debug, Default)]
pub struct CityFilter {
    pub search: Option<String>,
    pub counties: Option<Vec<CountyId>>,
    pub population_from: Option<i32>,
    pub population_to: Option<i32>,
    pub updated_since: Option<chrono::DateTime<chrono::Utc>>,
}

macro_rules! listed {
    ($shape:ident, ($($head:tt)*), ($($window:tt)*), $filter:expr) => {
        $shape!(
            $($head)*,
            "select c.*, case $8::text when 'NAME' then lower(c.name collate \"C\")
                                       when 'POPULATION' then lpad(coalesce(c.population, 0)::text, 10, '0') collate \"C\"
                                       else '' end as sort_key
               from cities c
              where ($9::text is null or strpos(lower(c.name), lower($9)) > 0)
                and ($10::uuid[] is null or c.county_id = any($10))
                and ($11::int is null or c.population >= $11)
                and ($12::int is null or c.population <= $12)
                and ($13::timestamptz is null or c.created_at >= $13)",
            $($window)*
            $filter.search.as_deref(),
            $filter.counties.as_deref() as _,
            $filter.population_from,
            $filter.population_to,
            $filter.updated_since
        )
    };
}

pub async fn list(
    db: impl PgExecutor<'_>,
    window: &Window,
    filter: &CityFilter,
) -> sqlx::Result<Vec<City>> {
    listed!(
        page_of,
        (City, "id, geoid, gnis, name, county_id, population, incorporated_on, created_at"),
        (window,),
        filter
    )
    .fetch_all(db)
    .await
}

pub async fn count(db: impl PgExecutor<'_>, filter: &CityFilter) -> sqlx::Result<i64> {
    Ok(listed!(figures_of, (Count, r#"count(*) as "count!""#), (), filter)
        .fetch_one(db)
        .await?
        .count)
}

/// Where a city stands in an order; the same text as the statement's `sort_key`.
pub fn position(order: &str, city: &City) -> Position {
    let key = match order {
        "NAME" => city.name.to_ascii_lowercase(),
        _ => format!("{:010}", city.population.unwrap_or(0)),
    };
    Position { key, id: city.id.0 }
}
