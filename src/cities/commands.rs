//! Which cities there are.

use sqlx::PgConnection;

use super::{City, NewCity, rules, store};
use crate::{
    App, Refusal, Result,
    access::{Actor, Permission},
    audit,
    error::UserErrorCode,
    id::{CityId, CountyId},
};

/// Enters a city that the reference list lacks, such as one incorporated since.
#[tracing::instrument(skip_all)]
pub async fn create_city(app: &App, actor: &Actor, new: NewCity) -> Result<City> {
    let admin = actor.may(Permission::CreateCity)?;
    rules::check_city(&new)?;
    let mut tx = audit::begin(app, &admin).await?;
    county_must_exist(&mut tx, new.county, "countyId").await?;
    let city = City {
        id: CityId::new(&app.clock),
        geoid: new.geoid,
        gnis: new.gnis,
        name: new.name.trim().into(),
        county_id: new.county,
        population: new.population,
        incorporated_on: new.incorporated_on,
        created_at: app.clock.now(),
    };
    store::insert_city(&mut tx, &city).await?;
    tx.commit().await?;
    Ok(city)
}

/// Refuses, on the given field, when one of the cities is not there.
pub async fn must_exist(tx: &mut PgConnection, cities: &[CityId], field: &str) -> Result<()> {
    let found = store::find_cities(tx, cities).await?;
    match cities.iter().find(|id| found.iter().all(|city| city.id != **id)) {
        Some(missing) => {
            Err(Refusal::new(UserErrorCode::NotFound, format!("there is no city {missing}"))
                .on(field)
                .into())
        }
        None => Ok(()),
    }
}

pub async fn county_must_exist(tx: &mut PgConnection, county: CountyId, field: &str) -> Result<()> {
    if store::find_counties(tx, &[county]).await?.is_empty() {
        return Err(Refusal::new(UserErrorCode::NotFound, format!("there is no county {county}"))
            .on(field)
            .into());
    }
    Ok(())
}
