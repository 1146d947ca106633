//! The counties and cities that every installation knows: the Census lists in
//! `counties.csv` and `cities.csv`, loaded after the migrations, adding what is new.

use serde::Deserialize;
use sqlx::PgPool;

use super::{County, store};
use crate::{
    audit,
    clock::Clock,
    id::{CityId, CountyId},
};

const COUNTIES: &str = include_str!("counties.csv");
const CITIES: &str = include_str!("cities.csv");

#[derive(Deserialize)]
struct CountyRow {
    geoid: String,
    gnis: String,
    name: String,
    population: Option<i32>,
}

#[derive(Deserialize)]
struct CityRow {
    geoid: String,
    gnis: String,
    name: String,
    county_geoid: String,
    population: Option<i32>,
    incorporated_on: Option<chrono::NaiveDate>,
}

/// How many counties and cities were added.
pub async fn load(db: &PgPool, clock: &Clock) -> anyhow::Result<(u64, u64)> {
    let counties = rows::<CountyRow>(COUNTIES)?
        .into_iter()
        .map(|row| County {
            id: CountyId::new(clock),
            geoid: row.geoid,
            gnis: row.gnis,
            name: row.name,
            population: row.population,
        })
        .collect::<Vec<_>>();
    let cities = rows::<CityRow>(CITIES)?
        .into_iter()
        .map(|row| store::ReferenceCity {
            id: CityId::new(clock),
            geoid: row.geoid,
            gnis: row.gnis,
            name: row.name,
            county_geoid: row.county_geoid,
            population: row.population,
            incorporated_on: row.incorporated_on,
        })
        .collect::<Vec<_>>();
    let mut tx = audit::begin_unattended(db, clock, "thrive migrate").await?;
    let added_counties = store::insert_counties(&mut tx, &counties).await?;
    let added_cities = store::insert_reference_cities(&mut tx, &cities, clock.now()).await?;
    tx.commit().await?;
    Ok((added_counties, added_cities))
}

fn rows<T: serde::de::DeserializeOwned>(text: &str) -> Result<Vec<T>, csv::Error> {
    csv::Reader::from_reader(text.as_bytes()).into_deserialize().collect()
}
