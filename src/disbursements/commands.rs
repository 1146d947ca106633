//! What people do to disbursements. Each command is one transaction that holds the
//! grant: lock, check, move the money, change the state, note the event.

use sqlx::{PgConnection, Postgres, Transaction};

use super::{
    Disbursement, DisbursementAction, DisbursementEvent, DisbursementKind, DisbursementStatus,
    NewRequest, Payment, rules, store,
};
use crate::{
    App, Refusal, Result,
    access::{Actor, Identity, Reach, Role},
    clock::Date,
    deadlines,
    documents::{self, DocumentKind},
    error::UserErrorCode,
    grants::{self, Grant},
    id::{DisbursementEventId, DisbursementId},
    idempotency,
    ledger::{self, Move},
    rule_sets::{
        bound,
        kinds::{InHand, Step},
    },
};

/// Asks for part of a grant to be paid, and reserves it.
#[tracing::instrument(skip_all, fields(grant = %new.grant))]
pub async fn request(
    app: &App,
    actor: &Actor,
    new: NewRequest,
    idempotency_key: &str,
) -> Result<Disbursement> {
    let finance = actor.must_hold(&[Role::CityFinance])?;
    let once =
        idempotency::Request::new(finance.person, "requestDisbursement", idempotency_key, &new)?;
    let id = DisbursementId::new(&app.clock);
    let mut tx = app.db.begin().await?;
    if let Some(made) = once.begin(&mut tx, &app.clock, id.0).await? {
        return answered_again(&mut tx, &finance.reach, made).await;
    }
    let grant = grants::commands::lock(&mut tx, &finance.reach, new.grant).await?;
    grants::rules::check_organization(&grant, finance)?;
    rules::check_request(&grant, &new, app.clock.today())?;
    check_rules(app, &mut tx, &grant, &new).await?;
    rules::check_available(new.amount, ledger::store::available(&mut tx, grant.id).await?)?;

    let now = app.clock.now();
    let requested = Disbursement {
        id,
        grant_id: grant.id,
        status: DisbursementStatus::Requested,
        kind: new.kind,
        amount: new.amount,
        retained: Default::default(),
        invoice_number: new.invoice_number.trim().into(),
        period_start: new.period.start,
        period_end: new.period.end,
        requested_by: finance.person,
        requested_at: now,
        approved_by: None,
        approved_at: None,
        scheduled_for: None,
        paid_by: None,
        paid_on: None,
        method: None,
        reference: None,
        reason: None,
        revision: 1,
        updated_at: now,
    };
    store::insert(&mut tx, &requested).await?;
    note(app, &mut tx, finance, &requested, Some(Move::Request), app.clock.today()).await?;
    tx.commit().await?;
    Ok(requested)
}

/// Sends a request back for correction; its amount is available again.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn return_to_requester(
    app: &App,
    actor: &Actor,
    id: DisbursementId,
    reason: &str,
) -> Result<Disbursement> {
    refuse_with_reason(app, actor, id, reason, DisbursementAction::Return).await
}

/// Turns a request down for good.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn reject(
    app: &App,
    actor: &Actor,
    id: DisbursementId,
    reason: &str,
) -> Result<Disbursement> {
    refuse_with_reason(app, actor, id, reason, DisbursementAction::Reject).await
}

/// Withdraws a disbursement that is not paid yet.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn cancel(
    app: &App,
    actor: &Actor,
    id: DisbursementId,
    reason: &str,
) -> Result<Disbursement> {
    refuse_with_reason(app, actor, id, reason, DisbursementAction::Cancel).await
}

async fn refuse_with_reason(
    app: &App,
    actor: &Actor,
    id: DisbursementId,
    reason: &str,
    action: DisbursementAction,
) -> Result<Disbursement> {
    let Held { mut tx, grant, mut disbursement, identity } = hold(app, actor, id, action).await?;
    rules::check_reason(reason)?;
    if identity.role == Role::CityFinance {
        grants::rules::check_organization(&grant, identity)?;
    }
    use DisbursementStatus::*;
    let (status, step) = match (action, disbursement.status) {
        (DisbursementAction::Return, _) => (Returned, Some(Move::Return)),
        (DisbursementAction::Reject, _) => (Rejected, Some(Move::Reject)),
        // A returned request has nothing reserved.
        (_, Returned) => (Cancelled, None),
        (_, Requested) => (Cancelled, Some(Move::CancelRequested)),
        _ => (Cancelled, Some(Move::CancelApproved)),
    };
    disbursement.reason = Some(reason.trim().into());
    disbursement.status = status;
    finish(app, &mut tx, identity, &mut disbursement, step, app.clock.today()).await?;
    tx.commit().await?;
    Ok(disbursement)
}

/// Sends a returned request in again, corrected; its amount is reserved again.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn resubmit(
    app: &App,
    actor: &Actor,
    id: DisbursementId,
    corrected: NewRequestDetails,
    idempotency_key: &str,
) -> Result<Disbursement> {
    let finance = actor.must_hold(DisbursementAction::Resubmit.roles())?;
    let once = idempotency::Request::new(
        finance.person,
        "resubmitDisbursement",
        idempotency_key,
        &(id, &corrected),
    )?;
    let Held { mut tx, grant, mut disbursement, identity } =
        match hold_once(app, finance, id, DisbursementAction::Resubmit, &once).await? {
            Once::Now(held) => *held,
            Once::Before(made) => return Ok(*made),
        };
    grants::rules::check_organization(&grant, identity)?;
    let again = NewRequest {
        grant: grant.id,
        kind: disbursement.kind,
        amount: corrected.amount.unwrap_or(disbursement.amount),
        invoice_number: corrected
            .invoice_number
            .unwrap_or_else(|| disbursement.invoice_number.clone()),
        period: corrected.period.unwrap_or_else(|| disbursement.costs_of()),
    };
    rules::check_request(&grant, &again, app.clock.today())?;
    check_rules(app, &mut tx, &grant, &again).await?;
    rules::check_available(again.amount, ledger::store::available(&mut tx, grant.id).await?)?;
    disbursement.amount = again.amount;
    disbursement.invoice_number = again.invoice_number.trim().into();
    disbursement.period_start = again.period.start;
    disbursement.period_end = again.period.end;
    disbursement.reason = None;
    // Whoever corrected it answers for it, and neither approves nor pays it.
    disbursement.requested_by = identity.person;
    disbursement.status = DisbursementStatus::Requested;
    finish(app, &mut tx, identity, &mut disbursement, Some(Move::Request), app.clock.today())
        .await?;
    tx.commit().await?;
    Ok(disbursement)
}

/// What a resubmitted request changes; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct NewRequestDetails {
    pub amount: Option<crate::money::Money>,
    pub invoice_number: Option<String>,
    pub period: Option<crate::grants::DateRange>,
}

/// Decides in favor of a request: its money is set aside.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn approve(app: &App, actor: &Actor, id: DisbursementId) -> Result<Disbursement> {
    let Held { mut tx, grant: _, mut disbursement, identity } =
        hold(app, actor, id, DisbursementAction::Approve).await?;
    rules::check_approver(&disbursement, identity.person)?;
    grants::rules::check_limit(identity, disbursement.amount)?;
    disbursement.approved_by = Some(identity.person);
    disbursement.approved_at = Some(app.clock.now());
    disbursement.status = DisbursementStatus::Approved;
    finish(app, &mut tx, identity, &mut disbursement, Some(Move::Approve), app.clock.today())
        .await?;
    tx.commit().await?;
    Ok(disbursement)
}

/// Sets the day on which an approved disbursement is to be paid; none takes it back.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn schedule(
    app: &App,
    actor: &Actor,
    id: DisbursementId,
    day: Option<Date>,
) -> Result<Disbursement> {
    let action =
        if day.is_some() { DisbursementAction::Schedule } else { DisbursementAction::Unschedule };
    let Held { mut tx, grant, mut disbursement, identity } = hold(app, actor, id, action).await?;
    if let Some(day) = day {
        rules::check_schedule(&grant, day, app.clock.today())?;
    }
    disbursement.scheduled_for = day;
    disbursement.status =
        if day.is_some() { DisbursementStatus::Scheduled } else { DisbursementStatus::Approved };
    finish(app, &mut tx, identity, &mut disbursement, None, app.clock.today()).await?;
    tx.commit().await?;
    Ok(disbursement)
}

/// Records that an approved disbursement was paid.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn pay(
    app: &App,
    actor: &Actor,
    id: DisbursementId,
    payment: Payment,
    idempotency_key: &str,
) -> Result<Disbursement> {
    let officer = actor.must_hold(DisbursementAction::Pay.roles())?;
    let once = idempotency::Request::new(
        officer.person,
        "payDisbursement",
        idempotency_key,
        &(id, &payment),
    )?;
    let Held { mut tx, grant, mut disbursement, identity } =
        match hold_once(app, officer, id, DisbursementAction::Pay, &once).await? {
            Once::Now(held) => *held,
            Once::Before(made) => return Ok(*made),
        };
    rules::check_payer(&disbursement, identity.person)?;
    rules::check_payment(&grant, &disbursement, &payment, app.clock.today())?;
    let in_hand = in_hand(app, &mut tx, &grant).await?;
    let bound = bound::of_grant(&mut tx, grant.id, app.clock.today()).await?;
    bound.check(&Step::Pay { on: payment.paid_on, amount: disbursement.amount, in_hand })?;
    disbursement.paid_by = Some(identity.person);
    disbursement.paid_on = Some(payment.paid_on);
    disbursement.method = Some(payment.method);
    disbursement.reference = Some(payment.reference.trim().into());
    disbursement.status = DisbursementStatus::Paid;
    finish(app, &mut tx, identity, &mut disbursement, Some(Move::Pay), payment.paid_on).await?;
    tx.commit().await?;
    Ok(disbursement)
}

/// Takes a payment back: its amount is available again.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn reverse(
    app: &App,
    actor: &Actor,
    id: DisbursementId,
    reason: &str,
    idempotency_key: &str,
) -> Result<Disbursement> {
    let officer = actor.must_hold(DisbursementAction::Reverse.roles())?;
    let once = idempotency::Request::new(
        officer.person,
        "reverseDisbursement",
        idempotency_key,
        &(id, reason),
    )?;
    let Held { mut tx, grant: _, mut disbursement, identity } =
        match hold_once(app, officer, id, DisbursementAction::Reverse, &once).await? {
            Once::Now(held) => *held,
            Once::Before(made) => return Ok(*made),
        };
    rules::check_reason(reason)?;
    disbursement.reason = Some(reason.trim().into());
    disbursement.status = DisbursementStatus::Reversed;
    finish(
        app,
        &mut tx,
        identity,
        &mut disbursement,
        Some(Move::ReversePayment),
        app.clock.today(),
    )
    .await?;
    tx.commit().await?;
    Ok(disbursement)
}

/// What the grant's rules say of a request.
async fn check_rules(
    app: &App,
    tx: &mut PgConnection,
    grant: &Grant,
    new: &NewRequest,
) -> Result<()> {
    let today = app.clock.today();
    let bound = bound::of_grant(tx, grant.id, today).await?;
    let advanced = store::advanced(&mut *tx, &[grant.id]).await?;
    bound.check(&Step::Request {
        on: today,
        advance: new.kind == DisbursementKind::Advance,
        amount: new.amount,
        outstanding: advanced.get(&grant.id).copied().unwrap_or_default(),
        period: new.period,
    })?;
    Ok(())
}

/// What is in hand before a payment of a grant.
async fn in_hand(app: &App, tx: &mut PgConnection, grant: &Grant) -> Result<InHand> {
    let now = app.clock.now();
    let mut overdue = deadlines::store::overdue_deliverables(&mut *tx, &[grant.id], now).await?;
    let overdue = overdue.remove(&grant.id).unwrap_or_default();
    let resolved = documents::store::having(tx, &[grant.id], DocumentKind::Resolution).await?;
    Ok(rules::in_hand(grant.signed_on.is_some(), !resolved.is_empty(), overdue))
}

/// A disbursement whose grant this transaction holds, with the action allowed.
struct Held<'a> {
    tx: Transaction<'static, Postgres>,
    grant: Grant,
    disbursement: Disbursement,
    identity: &'a Identity,
}

enum Once<'a> {
    Now(Box<Held<'a>>),
    Before(Box<Disbursement>),
}

async fn hold<'a>(
    app: &App,
    actor: &'a Actor,
    id: DisbursementId,
    action: DisbursementAction,
) -> Result<Held<'a>> {
    let identity = actor.must_hold(action.roles())?;
    hold_in(app.db.begin().await?, identity, id, action).await
}

/// As `hold`, unless the same request succeeded before.
async fn hold_once<'a>(
    app: &App,
    identity: &'a Identity,
    id: DisbursementId,
    action: DisbursementAction,
    once: &idempotency::Request<'_>,
) -> Result<Once<'a>> {
    let mut tx = app.db.begin().await?;
    if let Some(made) = once.begin(&mut tx, &app.clock, id.0).await? {
        return Ok(Once::Before(Box::new(answered_again(&mut tx, &identity.reach, made).await?)));
    }
    Ok(Once::Now(Box::new(hold_in(tx, identity, id, action).await?)))
}

async fn hold_in<'a>(
    mut tx: Transaction<'static, Postgres>,
    identity: &'a Identity,
    id: DisbursementId,
    action: DisbursementAction,
) -> Result<Held<'a>> {
    let (grant, disbursement) = lock(&mut tx, identity, id).await?;
    rules::check_action(&grant, &disbursement, action)?;
    Ok(Held { tx, grant, disbursement, identity })
}

async fn lock(
    tx: &mut PgConnection,
    identity: &Identity,
    id: DisbursementId,
) -> Result<(Grant, Disbursement)> {
    let missing = || {
        Refusal::new(UserErrorCode::NotFound, "there is no such disbursement").on("disbursementId")
    };
    let grant = store::grant_of(tx, id).await?.ok_or_else(missing)?;
    let grant = grants::store::lock(tx, &identity.reach, grant).await?.ok_or_else(missing)?;
    // Read after the lock: what another transaction did to it is seen.
    let disbursement = store::read(tx, id).await?.ok_or_else(missing)?;
    Ok((grant, disbursement))
}

async fn answered_again(
    tx: &mut PgConnection,
    reach: &Reach,
    made: uuid::Uuid,
) -> Result<Disbursement> {
    // Whoever may no longer see it gets no answer about it either.
    let made = store::find(tx, reach, &[DisbursementId(made)]).await?.pop();
    Ok(made.ok_or_else(|| Refusal::not_found("disbursement"))?)
}

/// Writes a changed disbursement together with its event and its move.
async fn finish(
    app: &App,
    tx: &mut PgConnection,
    identity: &Identity,
    changed: &mut Disbursement,
    step: Option<Move>,
    effective_on: Date,
) -> Result<()> {
    changed.revision += 1;
    changed.updated_at = app.clock.now();
    store::update(tx, changed).await?;
    note(app, tx, identity, changed, step, effective_on).await
}

async fn note(
    app: &App,
    tx: &mut PgConnection,
    identity: &Identity,
    disbursement: &Disbursement,
    step: Option<Move>,
    effective_on: Date,
) -> Result<()> {
    let event = DisbursementEvent {
        id: DisbursementEventId::new(&app.clock),
        disbursement_id: disbursement.id,
        status: disbursement.status,
        person_id: identity.person,
        reason: disbursement.reason.clone(),
        occurred_at: app.clock.now(),
    };
    store::insert_event(tx, &event).await?;
    if let Some(step) = step {
        let posting = ledger::store::Posting {
            grant: disbursement.grant_id,
            step,
            amount: disbursement.amount,
            cause: event.id.0,
            effective_on,
        };
        ledger::store::post(tx, &app.clock, &posting).await?;
    }
    Ok(())
}
