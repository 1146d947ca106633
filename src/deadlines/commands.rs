//! What people do to deadlines.

use sqlx::PgConnection;

use super::{Deadline, NewDeadline, Settlement, rules, store};
use crate::{
    App, Refusal, Result,
    access::{Actor, Identity, Permission, Role},
    audit, cities,
    clock::CALIFORNIA,
    error::UserErrorCode,
    grants,
    id::DeadlineId,
    people, reports,
    rule_sets::kinds::Duty,
};

/// Enters a deadline with the people responsible for it.
#[tracing::instrument(skip_all)]
pub async fn create(app: &App, actor: &Actor, new: NewDeadline) -> Result<Deadline> {
    let manager = actor.may(Permission::CreateDeadline)?;
    rules::check_new(&new)?;
    let mut tx = audit::begin(app, &manager).await?;
    if let Some(grant) = new.grant
        && grants::store::find(&mut *tx, &manager.reach, &[grant]).await?.is_empty()
    {
        return Err(Refusal::not_found("grant").on("grantId").into());
    }
    if let Some(city) = new.city {
        cities::commands::must_exist(&mut tx, &[city], "cityId").await?;
    }
    let found = people::store::find_people(&mut *tx, &new.responsible).await?;
    if let Some(missing) =
        new.responsible.iter().find(|id| found.iter().all(|person| person.id != **id))
    {
        let refusal =
            Refusal::new(UserErrorCode::NotFound, format!("there is no person {missing}"));
        return Err(refusal.on("responsibleIds").into());
    }
    let id = DeadlineId::new(&app.clock);
    store::insert(&mut tx, id, &new, CALIFORNIA.name(), app.clock.now()).await?;
    let entered = store::find(&mut *tx, manager.person, &manager.reach, &[id]).await?.pop();
    tx.commit().await?;
    Ok(entered.expect("what was entered is there"))
}

/// Completes, waives or snoozes a deadline.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn settle(
    app: &App,
    actor: &Actor,
    id: DeadlineId,
    revision: i32,
    how: Settlement,
) -> Result<Deadline> {
    let permission = match how {
        Settlement::Completed => Permission::CompleteDeadline,
        Settlement::Waived { .. } => Permission::WaiveDeadline,
        Settlement::Snoozed { .. } => Permission::SnoozeDeadline,
    };
    let person = actor.may(permission)?;
    let mut tx = audit::begin(app, &person).await?;
    store::lock(&mut tx, id).await?;
    let found = store::find(&mut *tx, person.person, &person.reach, &[id]).await?.pop();
    let mut deadline = found.ok_or_else(|| Refusal::not_found("deadline").on("deadlineId"))?;
    if person.role == Role::CityFinance {
        must_concern(&mut tx, &person, &deadline).await?;
    }
    rules::check_settlement(&deadline, revision, &how, app.clock.today())?;
    if let Settlement::Completed = how {
        rules::check_handed_in(reports::store::status_of_deadline(&mut *tx, id).await?)?;
    }

    let now = app.clock.now();
    match how {
        Settlement::Completed => deadline.status = "COMPLETED".into(),
        Settlement::Waived { reason } => {
            deadline.status = "WAIVED".into();
            deadline.reason = Some(reason.trim().into());
        }
        Settlement::Snoozed { until, reason } => {
            deadline.snoozed_until = Some(until);
            deadline.reason = Some(reason.trim().into());
        }
    }
    if !deadline.is_open() {
        deadline.settled_at = Some(now);
        deadline.settled_by = Some(person.person);
    }
    deadline.revision += 1;
    deadline.updated_at = now;
    store::settle(&mut tx, &deadline).await?;
    tx.commit().await?;
    Ok(deadline)
}

/// Finance staff settle what they are responsible for and what their own organization owes,
/// not all that they see.
async fn must_concern(
    tx: &mut PgConnection,
    finance: &Identity,
    deadline: &Deadline,
) -> Result<()> {
    if deadline.duty == Some(Duty::Funder) {
        let message = "this is the funder's to do: ask the grant manager";
        return Err(Refusal::new(UserErrorCode::Forbidden, message).into());
    }
    let responsible = store::responsible_of(&mut *tx, &[deadline.id]).await?;
    if responsible.values().flatten().any(|person| *person == finance.person) {
        return Ok(());
    }
    if let Some(grant) = deadline.grant_id {
        let grant = grants::store::find(&mut *tx, &finance.reach, &[grant]).await?.pop();
        if grant.is_some_and(|grant| finance.reach.organizations.contains(&grant.recipient_id)) {
            return Ok(());
        }
    }
    let message =
        "this deadline is another organization's: ask whoever is responsible, or the grant manager";
    Err(Refusal::new(UserErrorCode::Forbidden, message).into())
}
