//! What people do to sustainability plans.

use super::{NewPlan, PlanStatus, SustainabilityPlan, rules, store};
use crate::{
    App, Refusal, Result,
    access::{Actor, Permission, Reach},
    audit, cities,
    clock::Date,
    error::UserErrorCode,
    id::{CityId, PlanId},
};

/// Enters a plan as the next edition of its city.
#[tracing::instrument(skip_all)]
pub async fn create(app: &App, actor: &Actor, new: NewPlan) -> Result<SustainabilityPlan> {
    let author = actor.may(Permission::CreateSustainabilityPlan)?;
    rules::check_new(&new)?;
    let mut tx = audit::begin(app, &author).await?;
    if !reaches(&author.reach, new.city) {
        return Err(Refusal::not_found("city").on("cityId").into());
    }
    cities::commands::must_exist(&mut tx, &[new.city], "cityId").await?;
    store::lock_city(&mut tx, new.city).await?;
    let now = app.clock.now();
    let plan = SustainabilityPlan {
        id: PlanId::new(&app.clock),
        city_id: new.city,
        edition: store::next_edition(&mut tx, new.city).await?,
        status: PlanStatus::Draft,
        summary: new.summary.trim().into(),
        adopted_on: None,
        created_by: author.person,
        revision: 1,
        created_at: now,
        updated_at: now,
    };
    store::insert(&mut tx, &plan, &new.years).await?;
    tx.commit().await?;
    Ok(plan)
}

/// Puts a draft in force, in place of the edition adopted before.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn adopt(
    app: &App,
    actor: &Actor,
    id: PlanId,
    revision: i32,
    on: Date,
) -> Result<SustainabilityPlan> {
    let author = actor.may(Permission::AdoptSustainabilityPlan)?;
    let today = app.clock.today();
    if on > today {
        let message = format!("{on} has not come yet; today is {today}");
        return Err(Refusal::new(UserErrorCode::InvalidDates, message).on("adoptedOn").into());
    }
    let mut tx = audit::begin(app, &author).await?;
    let missing = || Refusal::not_found("sustainability plan").on("planId");
    let city =
        store::find(&mut *tx, &author.reach, &[id]).await?.pop().ok_or_else(missing)?.city_id;
    store::lock_city(&mut tx, city).await?;
    // Read again under the lock.
    let plan = store::find(&mut *tx, &author.reach, &[id]).await?.pop().ok_or_else(missing)?;
    rules::check_adoption(&plan, revision)?;
    store::adopt(&mut tx, &plan, on, app.clock.now()).await?;
    let adopted = store::find(&mut *tx, &author.reach, &[id]).await?.pop().ok_or_else(missing)?;
    tx.commit().await?;
    Ok(adopted)
}

fn reaches(reach: &Reach, city: CityId) -> bool {
    reach.everything || reach.cities.contains(&city)
}
