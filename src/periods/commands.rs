//! Who closes a month, and who opens it again. Each command is one transaction that holds the months it touches.

use sqlx::PgConnection;

use super::{LedgerPeriod, PeriodClosing, rules, store};
use crate::{
    App, Refusal, Result,
    access::{Actor, Permission},
    audit,
    clock::Date,
    id::{ClosedMonthId, PersonId},
    page::{OrderDirection, PageArgs, Window},
};

/// Closes the month of a day: entries that are under way are in it, and later ones are refused.
#[tracing::instrument(skip_all, fields(%day))]
pub async fn close(app: &App, actor: &Actor, day: Date) -> Result<LedgerPeriod> {
    let officer = actor.may(Permission::ClosePeriod)?;
    let month = rules::month_of(day);
    // Nobody waits for a month that cannot be closed.
    rules::check_close(month, app.clock.today(), None, None)?;
    let mut tx = audit::begin(app, &officer).await?;
    store::hold(&mut tx, month).await?;
    let closed = store::closed(&mut tx).await?;
    rules::check_close(month, app.clock.today(), closed.through, closed.first_open)?;
    let id = ClosedMonthId::new(&app.clock);
    store::insert(&mut tx, id, month, officer.person, app.clock.now()).await?;
    let period = read(&mut tx, month).await?;
    tx.commit().await?;
    Ok(period)
}

/// Opens the latest closed month again: it takes entries until it is closed once more.
#[tracing::instrument(skip_all, fields(%day))]
pub async fn reopen(app: &App, actor: &Actor, day: Date, reason: &str) -> Result<LedgerPeriod> {
    let person = actor.may(Permission::ReopenPeriod)?;
    let month = rules::month_of(day);
    let mut tx = audit::begin(app, &person).await?;
    // Nobody waits for a month that cannot be opened; what is true of it then is asked again.
    to_reopen(&mut tx, month, person.person, reason).await?;
    store::hold(&mut tx, month).await?;
    let closing = to_reopen(&mut tx, month, person.person, reason).await?;
    store::reopen(&mut tx, closing.id, person.person, app.clock.now(), reason).await?;
    let period = read(&mut tx, month).await?;
    tx.commit().await?;
    Ok(period)
}

/// The closing that a person may end.
async fn to_reopen(
    tx: &mut PgConnection,
    month: Date,
    person: PersonId,
    reason: &str,
) -> Result<PeriodClosing> {
    let closed = store::closed(&mut *tx).await?;
    let closings = store::closings_of(&mut *tx, &[month]).await?.remove(&month);
    let mut closings = closings.unwrap_or_default().into_iter();
    let closing = closings.find(|closing| closing.reopened_at.is_none());
    rules::check_reopen(month, closed.through, closing.as_ref(), person, reason)?;
    Ok(closing.ok_or_else(|| Refusal::not_found("closed month").on("month"))?)
}

async fn read(tx: &mut PgConnection, month: Date) -> Result<LedgerPeriod> {
    let window = Window::new("MONTH", OrderDirection::Asc, PageArgs::default())?;
    let found = store::list(tx, &window, Some(month)).await?.pop();
    Ok(found.ok_or_else(|| Refusal::not_found("month").on("month"))?)
}
