//! Who is in Thrive, and in which roles.

use super::{NewOrganization, NewPerson, Organization, Person, rules, store};
use sqlx::{Postgres, Transaction};

use crate::{
    App, Refusal, Result,
    access::{Actor, Permission},
    audit, cities,
    error::UserErrorCode,
    id::{OrganizationId, PersonId},
};

/// Enters an organization.
#[tracing::instrument(skip_all)]
pub async fn create_organization(
    app: &App,
    actor: &Actor,
    new: NewOrganization,
) -> Result<Organization> {
    let admin = actor.may(Permission::CreateOrganization)?;
    rules::check_organization(&new)?;
    let mut tx = audit::begin(app, &admin).await?;
    if let Some(city) = new.city {
        cities::commands::must_exist(&mut tx, &[city], "cityId").await?;
    }
    if let Some(county) = new.county {
        cities::commands::county_must_exist(&mut tx, county, "countyId").await?;
    }
    let organization = Organization {
        id: OrganizationId::new(&app.clock),
        name: new.name.trim().into(),
        kind: new.kind,
        city_id: new.city,
        county_id: new.county,
        fictional: new.fictional,
        created_at: app.clock.now(),
    };
    store::insert_organization(&mut tx, &organization).await?;
    tx.commit().await?;
    Ok(organization)
}

/// Enters a person.
#[tracing::instrument(skip_all)]
pub async fn create_person(app: &App, actor: &Actor, new: NewPerson) -> Result<Person> {
    let admin = actor.may(Permission::CreatePerson)?;
    let tx = audit::begin(app, &admin).await?;
    enter(app, tx, new).await
}

/// Enters a person on the operator's word: the first administrator has nobody above.
pub(crate) async fn enter_person(app: &App, doing: &str, new: NewPerson) -> Result<Person> {
    let tx = audit::begin_unattended(&app.db, &app.clock, doing).await?;
    enter(app, tx, new).await
}

async fn enter(
    app: &App,
    mut tx: Transaction<'static, Postgres>,
    new: NewPerson,
) -> Result<Person> {
    rules::check_person(&new)?;
    if let Some(city) = new.city {
        cities::commands::must_exist(&mut tx, &[city], "cityId").await?;
    }
    if let Some(organization) = new.organization {
        let found = store::find_organizations(&mut *tx, &[organization]).await?;
        if found.is_empty() {
            return Err(Refusal::new(UserErrorCode::NotFound, "there is no such organization")
                .on("organizationId")
                .into());
        }
    }
    let person = Person {
        id: PersonId::new(&app.clock),
        name: new.name.trim().into(),
        position: new.position,
        email: new.email.trim().into(),
        phone: new.phone,
        mailing_address: new.mailing_address,
        organization_id: new.organization,
        city_id: new.city,
        fictional: new.fictional,
        created_at: app.clock.now(),
    };
    store::insert_person(&mut tx, &person).await?;
    tx.commit().await?;
    Ok(person)
}
