//! What people do to disbursements before payment. Each command is one transaction that
//! holds the grant: lock, check, move the money, change the state, note the event.

use sqlx::{PgConnection, Postgres, Transaction};

use super::{
    Approval, ClaimLine, Disbursement, DisbursementAction, DisbursementEvent, DisbursementKind,
    DisbursementStatus, LineAmount, NewCertification, NewRequest, claims, rules, store,
};
use crate::{
    App, Refusal, Result,
    access::{Acting, Actor, Identity, Permission, Reach, Role},
    audit,
    clock::{Clock, Date},
    delegations, documents,
    error::UserErrorCode,
    grants::{self, DateRange, Grant},
    id::{DisbursementEventId, DisbursementId, DocumentId, GrantId},
    idempotency,
    ledger::{self, AccountKind, Move, Posting},
    money::Money,
    rule_sets::{bound, kinds::Step},
    spending::commands::books,
};

/// Asks for part of a grant to be paid, and reserves it.
#[tracing::instrument(skip_all, fields(grant = %new.grant))]
pub async fn request(
    app: &App,
    actor: &Actor,
    new: NewRequest,
    idempotency_key: &str,
) -> Result<Disbursement> {
    let finance = actor.may(Permission::RequestDisbursement)?;
    let once =
        idempotency::Request::new(finance.person, "requestDisbursement", idempotency_key, &new)?;
    let id = DisbursementId::new(&app.clock);
    let mut tx = audit::begin(app, &finance).await?;
    if let Some(made) = once.begin(&mut tx, &app.clock, id.0).await? {
        return answered_again(&mut tx, &finance.reach, made).await;
    }
    let grant = grants::commands::lock_for(&mut tx, &finance, new.grant).await?;
    let requested = enter(app, &mut tx, &finance, &grant, &new, id).await?;
    tx.commit().await?;
    Ok(requested)
}

/// Enters a request for a grant that this transaction holds, with what it reserves.
async fn enter(
    app: &App,
    tx: &mut PgConnection,
    by: &Identity,
    grant: &Grant,
    new: &NewRequest,
    id: DisbursementId,
) -> Result<Disbursement> {
    let now = app.clock.now();
    let claimed = check(app, tx, grant, new).await?;
    let certified = new.certification.as_ref();
    let requested = Disbursement {
        id,
        grant_id: grant.id,
        status: DisbursementStatus::Requested,
        kind: new.kind,
        amount: new.amount,
        approved_amount: None,
        retained: Money::ZERO,
        invoice_number: new.invoice_number.trim().into(),
        period_start: new.period.start,
        period_end: new.period.end,
        requested_by: Some(by.person),
        requested_at: now,
        approved_by: None,
        approved_for: None,
        approved_at: None,
        submission: 1,
        certified_by_name: certified.map(|official| official.name.trim().into()),
        certified_by_title: certified.map(|official| official.title.trim().into()),
        certified_at: certified.map(|_| now),
        scheduled_for: None,
        paid_by: None,
        paid_on: None,
        method: None,
        reference: None,
        vendor_number: None,
        purchase_order: None,
        fund_string: None,
        warrant_number: None,
        reason: None,
        opening: new.opening,
        revision: 1,
        updated_at: now,
    };
    store::insert(tx, &requested).await?;
    store::insert_lines(tx, &requested, &claimed).await?;
    store::insert_evidence(tx, id, &new.evidence).await?;
    let event = note(app, tx, by, &requested).await?;
    let today = app.clock.today();
    let mut posting = Posting::of_grant(grant.id, event.0, today).opening(new.opening);
    claims::request(&mut posting, &requested, &claimed);
    ledger::store::post(tx, &app.clock, &posting).await?;
    Ok(requested)
}

/// Whether the grant, its rules and its money bear a request; and which budget lines do.
async fn check(
    app: &App,
    tx: &mut PgConnection,
    grant: &Grant,
    new: &NewRequest,
) -> Result<Vec<ClaimLine>> {
    let today = app.clock.today();
    rules::check_request(grant, new, today)?;
    check_evidence(tx, grant, &new.evidence).await?;
    let bound = bound::of_grant(tx, grant.id, today).await?;
    rules::check_certified(bound.situation.federal, new.certification.as_ref())?;
    let advanced = store::advanced(&mut *tx, &[grant.id]).await?;
    bound.check(&Step::Request {
        on: today,
        advance: new.kind == DisbursementKind::Advance,
        amount: new.amount,
        outstanding: advanced.get(&grant.id).copied().unwrap_or_default(),
        period: new.period,
    })?;
    let available = ledger::store::balance(&mut *tx, grant.id, AccountKind::Available).await?;
    rules::check_available(new.amount, available)?;
    if !new.kind.claims() {
        return Ok(vec![]);
    }
    let books = books(tx, grant.id).await?;
    let claimed = claims::allot(&books, new.amount, &new.lines)?;
    books.check_costs(&bound, new.period.end, &claims::told(&claimed), false)?;
    Ok(claimed)
}

/// What a request rests on are documents of its grant.
async fn check_evidence(tx: &mut PgConnection, grant: &Grant, ids: &[DocumentId]) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let everything = Reach { everything: true, ..Reach::default() };
    let found = documents::store::find(tx, &everything, ids).await?;
    let own = |id: &DocumentId| found.iter().any(|one| one.id == *id && one.grant_id == grant.id);
    if ids.iter().all(own) {
        return Ok(());
    }
    let message = "the evidence is documents of the grant: enter them by `addGrantDocument` first";
    Err(Refusal::new(UserErrorCode::NotFound, message).on("evidenceIds").into())
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
        grants::rules::check_organization(&grant, &identity)?;
    }
    use DisbursementStatus::{Cancelled, Rejected, Requested, Returned};
    let before = disbursement.status;
    let (status, step) = match action {
        DisbursementAction::Return => (Returned, Move::Return),
        DisbursementAction::Reject => (Rejected, Move::Reject),
        _ => (Cancelled, Move::Cancel),
    };
    disbursement.reason = Some(reason.trim().into());
    disbursement.status = status;
    let claimed = store::claims_of(&mut tx, &disbursement).await?;
    let parts = store::release_parts(&mut tx, id).await?;
    let event = finish(app, &mut tx, &identity, &mut disbursement).await?;
    let mut posting = Posting::of_grant(grant.id, event.0, app.clock.today());
    match before {
        // A returned request has nothing reserved.
        Returned => {}
        Requested => {
            let from = AccountKind::Requested;
            claims::give_back(&mut posting, step, from, &disbursement, &claimed);
        }
        _ if disbursement.kind == DisbursementKind::RetentionRelease => {
            super::retention::take_back(&mut posting, &parts);
        }
        _ => {
            let from = AccountKind::Approved;
            claims::give_back(&mut posting, step, from, &disbursement, &claimed);
        }
    }
    ledger::store::post(&mut tx, &app.clock, &posting).await?;
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
    let finance = actor.may(Permission::ResubmitDisbursement)?;
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
    grants::rules::check_organization(&grant, &identity)?;
    let before = store::claims_of(&mut tx, &disbursement).await?;
    let again = corrected.applied_to(&disbursement, &before);
    let claimed = check(app, &mut tx, &grant, &again).await?;
    disbursement.amount = again.amount;
    disbursement.invoice_number = again.invoice_number.trim().into();
    disbursement.period_start = again.period.start;
    disbursement.period_end = again.period.end;
    disbursement.reason = None;
    disbursement.submission += 1;
    if let Some(official) = &corrected.certification {
        disbursement.certified_by_name = Some(official.name.trim().into());
        disbursement.certified_by_title = Some(official.title.trim().into());
        disbursement.certified_at = Some(app.clock.now());
    }
    // Whoever corrected it answers for it, and neither approves nor pays it.
    disbursement.requested_by = Some(identity.person);
    disbursement.status = DisbursementStatus::Requested;
    let event = finish(app, &mut tx, &identity, &mut disbursement).await?;
    store::insert_lines(&mut tx, &disbursement, &claimed).await?;
    store::insert_evidence(&mut tx, id, &again.evidence).await?;
    let mut posting = Posting::of_grant(grant.id, event.0, app.clock.today());
    claims::request(&mut posting, &disbursement, &claimed);
    ledger::store::post(&mut tx, &app.clock, &posting).await?;
    tx.commit().await?;
    Ok(disbursement)
}

/// What a resubmitted request changes; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct NewRequestDetails {
    pub amount: Option<Money>,
    pub invoice_number: Option<String>,
    pub period: Option<DateRange>,
    pub lines: Option<Vec<LineAmount>>,
    pub certification: Option<NewCertification>,
    pub evidence: Vec<DocumentId>,
}

impl NewRequestDetails {
    /// The whole request as it is sent in again. Lines stay where the amount does.
    fn applied_to(&self, before: &Disbursement, lines: &[ClaimLine]) -> NewRequest {
        let same =
            || lines.iter().map(|line| LineAmount { line: line.line_id, amount: line.amount });
        let amount = self.amount.unwrap_or(before.amount);
        let lines = match &self.lines {
            Some(lines) => lines.clone(),
            None if amount == before.amount => same().collect(),
            None => vec![],
        };
        let certified = before.certified_by_name.clone().zip(before.certified_by_title.clone());
        let certified = certified.map(|(name, title)| NewCertification { name, title });
        NewRequest {
            grant: before.grant_id,
            kind: before.kind,
            amount,
            invoice_number: self
                .invoice_number
                .clone()
                .unwrap_or_else(|| before.invoice_number.clone()),
            period: self.period.unwrap_or_else(|| before.costs_of()),
            lines,
            certification: self.certification.clone().or(certified),
            evidence: self.evidence.clone(),
            opening: before.opening,
        }
    }
}

/// Decides in favor of a request, or of part of it: its money is set aside, and the rest is available again.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn approve(
    app: &App,
    actor: &Actor,
    id: DisbursementId,
    approval: Approval,
) -> Result<Disbursement> {
    let Held { mut tx, grant, mut disbursement, identity } =
        hold(app, actor, id, DisbursementAction::Approve).await?;
    rules::check_approver(&disbursement, identity.person)?;
    let mut claimed = store::claims_of(&mut tx, &disbursement).await?;
    let amount = rules::approved(&disbursement, &approval, &mut claimed)?;
    let (asked_by, today) = (disbursement.requested_by, app.clock.today());
    let power =
        delegations::commands::approver(&mut tx, &identity, amount, asked_by, today).await?;
    disbursement.approved_amount = Some(amount);
    disbursement.approved_by = Some(identity.person);
    disbursement.approved_for = power.absent;
    disbursement.approved_at = Some(app.clock.now());
    disbursement.status = DisbursementStatus::Approved;
    let event = finish(app, &mut tx, &identity, &mut disbursement).await?;
    let mut posting = Posting::of_grant(grant.id, event.0, app.clock.today());
    claims::approve(&mut posting, &disbursement, &mut claimed);
    store::decide_lines(&mut tx, &disbursement, &claimed).await?;
    ledger::store::post(&mut tx, &app.clock, &posting).await?;
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
    finish(app, &mut tx, &identity, &mut disbursement).await?;
    tx.commit().await?;
    Ok(disbursement)
}

/// A disbursement whose grant this transaction holds, with the action allowed.
pub(super) struct Held<'a> {
    pub tx: Transaction<'static, Postgres>,
    pub grant: Grant,
    pub disbursement: Disbursement,
    pub identity: Acting<'a>,
}

pub(super) enum Once<'a> {
    Now(Box<Held<'a>>),
    Before(Box<Disbursement>),
}

async fn hold<'a>(
    app: &App,
    actor: &'a Actor,
    id: DisbursementId,
    action: DisbursementAction,
) -> Result<Held<'a>> {
    let mut tx = app.db.begin().await?;
    let today = app.clock.today();
    let identity =
        delegations::commands::decider(&mut tx, actor, action.permission(), today).await?;
    audit::attribute(app, &mut tx, &identity).await?;
    hold_in(tx, identity, id, action).await
}

/// As `hold`, unless the same request succeeded before.
pub(super) async fn hold_once<'a>(
    app: &App,
    identity: Acting<'a>,
    id: DisbursementId,
    action: DisbursementAction,
    once: &idempotency::Request<'_>,
) -> Result<Once<'a>> {
    let mut tx = audit::begin(app, &identity).await?;
    if let Some(made) = once.begin(&mut tx, &app.clock, id.0).await? {
        return Ok(Once::Before(Box::new(answered_again(&mut tx, &identity.reach, made).await?)));
    }
    Ok(Once::Now(Box::new(hold_in(tx, identity, id, action).await?)))
}

async fn hold_in<'a>(
    mut tx: Transaction<'static, Postgres>,
    identity: Acting<'a>,
    id: DisbursementId,
    action: DisbursementAction,
) -> Result<Held<'a>> {
    let (grant, disbursement) = lock(&mut tx, &identity, id).await?;
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
    // Of what is not there the same is read as of what is not yours.
    let grant = store::grant_of(tx, id).await?.unwrap_or(GrantId(uuid::Uuid::nil()));
    let grant = grants::store::lock(tx, &identity.reach, grant).await?.ok_or_else(missing)?;
    // Read after the lock: what another transaction did to it is seen.
    let disbursement = store::read(tx, id).await?.ok_or_else(missing)?;
    Ok((grant, disbursement))
}

pub(super) async fn answered_again(
    tx: &mut PgConnection,
    reach: &Reach,
    made: uuid::Uuid,
) -> Result<Disbursement> {
    // Whoever may no longer see it gets no answer about it either.
    let made = store::find(tx, reach, &[DisbursementId(made)]).await?.pop();
    Ok(made.ok_or_else(|| Refusal::not_found("disbursement"))?)
}

/// Writes a changed disbursement together with its event.
pub(super) async fn finish(
    app: &App,
    tx: &mut PgConnection,
    identity: &Identity,
    changed: &mut Disbursement,
) -> Result<DisbursementEventId> {
    changed.revision += 1;
    changed.updated_at = app.clock.now();
    store::update(tx, changed).await?;
    note(app, tx, identity, changed).await
}

/// Notes what happened; what it moves is caused by the event.
pub(super) async fn note(
    app: &App,
    tx: &mut PgConnection,
    identity: &Identity,
    disbursement: &Disbursement,
) -> Result<DisbursementEventId> {
    let event = event_of(&app.clock, identity, disbursement);
    store::insert_event(tx, &event).await?;
    Ok(event.id)
}

/// That somebody brought a disbursement into its state.
pub(super) fn event_of(
    clock: &Clock,
    identity: &Identity,
    disbursement: &Disbursement,
) -> DisbursementEvent {
    DisbursementEvent {
        id: DisbursementEventId::new(clock),
        disbursement_id: disbursement.id,
        status: disbursement.status,
        person_id: identity.person,
        reason: disbursement.reason.clone(),
        occurred_at: clock.now(),
    }
}
