//! What recipients do with costs and orders. Each command is one transaction that holds
//! the grant: lock, check, write what happened, move the money.

use sqlx::{PgConnection, Postgres, Transaction};

use super::{Encumbrance, Expenditure, NewEncumbrance, NewExpenditure, costs::Books, rules, store};
use crate::{
    App, Refusal, Result,
    access::{Actor, Identity, Permission},
    audit,
    budgets::{self, BudgetLine, amendments::awarded_on},
    clock::Date,
    error::UserErrorCode,
    grants::{self, Grant},
    id::{BudgetLineId, EncumbranceCancellationId, EncumbranceId, ExpenditureId, GrantId},
    idempotency,
    ledger::{self, Account, Move, Posting},
    money::Money,
    rule_sets::bound,
};

/// A grant's lines and where their money is, while the caller holds the grant.
pub async fn books(tx: &mut PgConnection, grant: GrantId) -> Result<Books> {
    let lines = budgets::commands::lines_of(tx, grant).await?;
    Ok(Books { lines, figures: budgets::store::figures_of(&mut *tx, &[grant]).await? })
}

/// The line that is named, or the only one.
fn line(books: &Books, named: Option<BudgetLineId>) -> Result<&BudgetLine, Refusal> {
    match (named, books.lines.as_slice()) {
        (Some(id), lines) => budgets::commands::line_of(lines, id, "lineId"),
        (None, [only]) => Ok(only),
        (None, _) => {
            let message = "the grant has several budget lines: name one in `lineId`";
            Err(Refusal::new(UserErrorCode::InvalidInput, message).on("lineId"))
        }
    }
}

/// Records a cost that arose without an order.
#[tracing::instrument(skip_all, fields(grant = %new.grant))]
pub async fn expend(
    app: &App,
    actor: &Actor,
    new: NewExpenditure,
    idempotency_key: &str,
) -> Result<Expenditure> {
    let finance = actor.may(Permission::RecordExpenditure)?;
    let once =
        idempotency::Request::new(finance.person, "recordExpenditure", idempotency_key, &new)?;
    let id = ExpenditureId::new(&app.clock);
    let mut tx = audit::begin(app, &finance).await?;
    if let Some(made) = once.begin(&mut tx, &app.clock, id.0).await? {
        return expenditure(&mut tx, &finance, ExpenditureId(made)).await;
    }
    let grant = grants::commands::lock_for(&mut tx, &finance, new.grant).await?;
    let recorded = expend_in(app, &mut tx, &finance, &grant, &new, id).await?;
    tx.commit().await?;
    Ok(recorded)
}

/// As `expend`, in a transaction that holds the grant.
pub async fn expend_in(
    app: &App,
    tx: &mut PgConnection,
    by: &Identity,
    grant: &Grant,
    new: &NewExpenditure,
    id: ExpenditureId,
) -> Result<Expenditure> {
    let today = app.clock.today();
    rules::check_expenditure(grant, new, today)?;
    let awarded = awarded_on(grant, today);
    let effective_on = rules::effective_on(new.effective_on, new.incurred_on, awarded, today)?;
    let books = books(tx, grant.id).await?;
    let line = line(&books, new.line)?;
    let bound = bound::of_grant(tx, grant.id, today).await?;
    books.check_costs(&bound, new.incurred_on, &[(line.id, new.amount)], false)?;
    let recorded = Expenditure {
        id,
        grant_id: grant.id,
        line_id: line.id,
        encumbrance_id: None,
        amount: new.amount,
        incurred_on: new.incurred_on,
        effective_on,
        vendor: new.vendor.as_ref().map(|text| text.trim().into()),
        reference: new.reference.as_ref().map(|text| text.trim().into()),
        description: new.description.trim().into(),
        opening: new.opening,
        recorded_by: by.person,
        recorded_at: app.clock.now(),
        reversed_by: None,
        reversed_at: None,
        reverse_reason: None,
    };
    store::insert_expenditure(tx, &recorded).await?;
    let (from, to) = (Account::unobligated(line.id), Account::unclaimed(line.id));
    let posting = Posting::of_grant(grant.id, id.0, effective_on).opening(new.opening).moving(
        Move::Expend,
        from,
        to,
        new.amount,
    );
    ledger::store::post(tx, &app.clock, &posting).await?;
    Ok(recorded)
}

/// Takes a cost back that nobody claimed.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn reverse(
    app: &App,
    actor: &Actor,
    id: ExpenditureId,
    reason: &str,
    idempotency_key: &str,
) -> Result<Expenditure> {
    let finance = actor.may(Permission::ReverseExpenditure)?;
    let once = idempotency::Request::new(
        finance.person,
        "reverseExpenditure",
        idempotency_key,
        &(id, reason),
    )?;
    let mut tx = audit::begin(app, &finance).await?;
    if let Some(made) = once.begin(&mut tx, &app.clock, id.0).await? {
        return expenditure(&mut tx, &finance, ExpenditureId(made)).await;
    }
    let found = expenditure(&mut tx, &finance, id).await?;
    let grant = grants::commands::lock_for(&mut tx, &finance, found.grant_id).await?;
    rules::must_take_costs(&grant)?;
    // Read after the lock: somebody may have taken it back meanwhile.
    let mut taken = expenditure(&mut tx, &finance, id).await?;
    let unclaimed = books(&mut tx, grant.id).await?.of_line(taken.line_id).unclaimed;
    rules::check_reversal(&taken, unclaimed, reason)?;
    taken.reversed_by = Some(finance.person);
    taken.reversed_at = Some(app.clock.now());
    taken.reverse_reason = Some(reason.trim().into());
    store::reverse_expenditure(&mut tx, &taken).await?;
    let (from, to) = (Account::unclaimed(taken.line_id), Account::unobligated(taken.line_id));
    let cause = idempotency::event(&app.clock);
    let posting = Posting::of_grant(grant.id, cause, app.clock.today()).reversing(id.0).moving(
        Move::ReverseExpenditure,
        from,
        to,
        taken.amount,
    );
    ledger::store::post(&mut tx, &app.clock, &posting).await?;
    tx.commit().await?;
    Ok(taken)
}

/// Records an order: its amount is set aside in its budget line.
#[tracing::instrument(skip_all, fields(grant = %new.grant))]
pub async fn encumber(
    app: &App,
    actor: &Actor,
    new: NewEncumbrance,
    idempotency_key: &str,
) -> Result<Encumbrance> {
    let finance = actor.may(Permission::Encumber)?;
    let once = idempotency::Request::new(finance.person, "encumber", idempotency_key, &new)?;
    let id = EncumbranceId::new(&app.clock);
    let mut tx = audit::begin(app, &finance).await?;
    if let Some(made) = once.begin(&mut tx, &app.clock, id.0).await? {
        return encumbrance(&mut tx, &finance, EncumbranceId(made)).await;
    }
    let grant = grants::commands::lock_for(&mut tx, &finance, new.grant).await?;
    let today = app.clock.today();
    rules::check_encumbrance(&grant, &new, today)?;
    let books = books(&mut tx, grant.id).await?;
    let line = line(&books, new.line)?;
    rules::check_line(line, books.of_line(line.id).unobligated, new.amount)?;
    let ordered = Encumbrance {
        id,
        grant_id: grant.id,
        line_id: line.id,
        amount: new.amount,
        open: new.amount,
        number: new.number.trim().into(),
        vendor: new.vendor.trim().into(),
        description: new.description.trim().into(),
        encumbered_on: new.encumbered_on,
        opening: new.opening,
        recorded_by: finance.person,
        recorded_at: app.clock.now(),
    };
    store::insert_encumbrance(&mut tx, &ordered).await?;
    let awarded = awarded_on(&grant, today);
    let effective_on = rules::effective_on(None, new.encumbered_on, awarded, today)?;
    let (from, to) = (Account::unobligated(line.id), Account::encumbered(id));
    let posting = Posting::of_grant(grant.id, id.0, effective_on).opening(new.opening).moving(
        Move::Encumber,
        from,
        to,
        new.amount,
    );
    ledger::store::post(&mut tx, &app.clock, &posting).await?;
    tx.commit().await?;
    Ok(ordered)
}

/// Records that an order, or part of it, became a cost.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn liquidate(
    app: &App,
    actor: &Actor,
    id: EncumbranceId,
    cost: Liquidation,
    idempotency_key: &str,
) -> Result<Expenditure> {
    let finance = actor.may(Permission::Liquidate)?;
    let once =
        idempotency::Request::new(finance.person, "liquidate", idempotency_key, &(id, &cost))?;
    let cause = ExpenditureId::new(&app.clock);
    let mut tx = audit::begin(app, &finance).await?;
    if let Some(made) = once.begin(&mut tx, &app.clock, cause.0).await? {
        return expenditure(&mut tx, &finance, ExpenditureId(made)).await;
    }
    let (grant, order) = hold_order(&mut tx, &finance, id).await?;
    let today = app.clock.today();
    let amount = cost.amount.unwrap_or(order.open);
    rules::check_open(&order, amount)?;
    rules::check_day(&grant, cost.incurred_on, today, "incurredOn")?;
    let arose = cost.incurred_on.max(order.encumbered_on);
    let effective_on = rules::effective_on(None, arose, awarded_on(&grant, today), today)?;
    let books = books(&mut tx, grant.id).await?;
    let bound = bound::of_grant(&mut tx, grant.id, today).await?;
    books.check_costs(&bound, cost.incurred_on, &[(order.line_id, amount)], true)?;
    let recorded = Expenditure {
        id: cause,
        grant_id: grant.id,
        line_id: order.line_id,
        encumbrance_id: Some(order.id),
        amount,
        incurred_on: cost.incurred_on,
        effective_on,
        vendor: Some(order.vendor.clone()),
        reference: cost.reference.map(|text| text.trim().into()),
        description: order.description.clone(),
        opening: false,
        recorded_by: finance.person,
        recorded_at: app.clock.now(),
        reversed_by: None,
        reversed_at: None,
        reverse_reason: None,
    };
    store::insert_expenditure(&mut tx, &recorded).await?;
    let (from, to) = (Account::encumbered(order.id), Account::unclaimed(order.line_id));
    let posting = Posting::of_grant(grant.id, cause.0, effective_on).moving(
        Move::Liquidate,
        from,
        to,
        amount,
    );
    ledger::store::post(&mut tx, &app.clock, &posting).await?;
    tx.commit().await?;
    Ok(recorded)
}

/// What of an order became a cost; all that is open unless an amount is given.
#[derive(Clone, Debug)]
pub struct Liquidation {
    pub amount: Option<Money>,
    pub incurred_on: Date,
    pub reference: Option<String>,
}

/// Takes back what of an order is open, or part of it.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn cancel(
    app: &App,
    actor: &Actor,
    id: EncumbranceId,
    amount: Option<Money>,
    reason: &str,
    idempotency_key: &str,
) -> Result<Encumbrance> {
    let finance = actor.may(Permission::CancelEncumbrance)?;
    let input = (id, amount, reason);
    let once =
        idempotency::Request::new(finance.person, "cancelEncumbrance", idempotency_key, &input)?;
    let mut tx = audit::begin(app, &finance).await?;
    if let Some(made) = once.begin(&mut tx, &app.clock, id.0).await? {
        return encumbrance(&mut tx, &finance, EncumbranceId(made)).await;
    }
    let (grant, order) = hold_order(&mut tx, &finance, id).await?;
    let amount = amount.unwrap_or(order.open);
    rules::check_open(&order, amount)?;
    Refusal::unless_filled(reason, "reason")?;
    let (cause, now) = (EncumbranceCancellationId::new(&app.clock), app.clock.now());
    store::insert_cancellation(&mut tx, cause, &order, amount, reason, finance.person, now).await?;
    let (from, to) = (Account::encumbered(order.id), Account::unobligated(order.line_id));
    let posting = Posting::of_grant(grant.id, cause.0, app.clock.today()).moving(
        Move::CancelEncumbrance,
        from,
        to,
        amount,
    );
    ledger::store::post(&mut tx, &app.clock, &posting).await?;
    let cancelled = encumbrance(&mut tx, &finance, id).await?;
    tx.commit().await?;
    Ok(cancelled)
}

async fn hold_order(
    tx: &mut Transaction<'static, Postgres>,
    finance: &Identity,
    id: EncumbranceId,
) -> Result<(Grant, Encumbrance)> {
    let found = encumbrance(tx, finance, id).await?;
    let grant = grants::commands::lock_for(tx, finance, found.grant_id).await?;
    rules::must_take_costs(&grant)?;
    // Read after the lock: somebody may have liquidated it meanwhile.
    Ok((grant, encumbrance(tx, finance, id).await?))
}

async fn encumbrance(
    tx: &mut PgConnection,
    who: &Identity,
    id: EncumbranceId,
) -> Result<Encumbrance> {
    let found = store::find_encumbrances(tx, &who.reach, &[id]).await?.pop();
    Ok(found.ok_or_else(|| Refusal::not_found("encumbrance").on("encumbranceId"))?)
}

async fn expenditure(
    tx: &mut PgConnection,
    who: &Identity,
    id: ExpenditureId,
) -> Result<Expenditure> {
    let found = store::find_expenditures(tx, &who.reach, &[id]).await?.pop();
    Ok(found.ok_or_else(|| Refusal::not_found("expenditure").on("expenditureId"))?)
}
