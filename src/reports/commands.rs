//! What people do to reports. Each command is one transaction that holds the grant: lock,
//! check, change, note the event.

use sqlx::{PgConnection, Postgres, Transaction};

use super::{NewReport, Report, ReportAction, ReportEvent, ReportStatus, Submission, rules, store};
use crate::{
    App, Refusal, Result,
    access::{Acting, Actor, Identity, Permission},
    audit,
    clock::CALIFORNIA,
    deadlines::{self, NewDeadline, plan},
    error::UserErrorCode::{AlreadyExists, NotFound},
    figures::balances::{self, Of},
    grants::{self, Grant},
    id::{DeadlineId, GrantId, ReportEventId, ReportId},
};

/// Enters a report that no rule schedules, with the deadline that reminds of it.
#[tracing::instrument(skip_all, fields(grant = %new.grant))]
pub async fn create(app: &App, actor: &Actor, new: NewReport) -> Result<Report> {
    let manager = actor.may(Permission::CreateReport)?;
    let mut tx = audit::begin(app, &manager).await?;
    let grant = grants::commands::lock(&mut tx, &manager.reach, new.grant).await?;
    rules::check_new(&grant, &new)?;
    let (now, deadline) = (app.clock.now(), DeadlineId::new(&app.clock));
    let report = Report {
        id: ReportId(deadline.0),
        grant_id: grant.id,
        deadline_id: deadline,
        kind: new.kind,
        period_start: new.period.start,
        period_end: new.period.end,
        due_on: new.due_on,
        is_final: new.is_final,
        status: ReportStatus::Due,
        program_income: None,
        interest_earned: None,
        narrative: None,
        url: None,
        sha256: None,
        submitted_by: None,
        submitted_at: None,
        reason: None,
        accepted_by: None,
        accepted_at: None,
        certified_by: None,
        certified_at: None,
        revision: 1,
        created_at: now,
        updated_at: now,
    };
    if store::has_like(&mut tx, &report).await? {
        let message = format!("the grant has a {} report on these days already", new.kind);
        return Err(Refusal::new(AlreadyExists, message).on("period").into());
    }
    let (kind, title) = plan::report_in_words(new.kind, Some(new.period));
    let due = NewDeadline {
        kind,
        title,
        grant: Some(grant.id),
        city: None,
        due_on: new.due_on,
        due_time: None,
        responsible: store::handing_in(&mut tx, grant.id).await?,
    };
    deadlines::store::insert(&mut tx, deadline, &due, CALIFORNIA.name(), now).await?;
    store::insert(&mut tx, &report).await?;
    note(app, &mut tx, &manager, &report).await?;
    tx.commit().await?;
    Ok(report)
}

/// Hands a report in, also again after it was returned: its deadline is met.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn submit(
    app: &App,
    actor: &Actor,
    id: ReportId,
    revision: i32,
    submission: Submission,
) -> Result<Report> {
    let Held { mut tx, grant, mut report, identity } =
        hold(app, actor, id, revision, ReportAction::Submit).await?;
    grants::rules::check_organization(&grant, &identity)?;
    rules::check_submission(&report, &submission, app.clock.today())?;
    let now = app.clock.now();
    report.program_income = submission.program_income;
    report.interest_earned = submission.interest_earned;
    let narrative = submission.narrative.map(|text| text.trim().to_string());
    report.narrative = narrative.filter(|text| !text.is_empty());
    report.url = submission.url;
    report.sha256 = submission.sha256;
    report.submitted_by = Some(identity.person);
    report.submitted_at = Some(now);
    report.reason = None;
    report.status = ReportStatus::Submitted;
    finish(app, &mut tx, &identity, &mut report).await?;
    deadlines::store::meet(&mut tx, report.deadline_id, identity.person, now).await?;
    tx.commit().await?;
    Ok(report)
}

/// Sends a report back for correction: its deadline is open again.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn send_back(
    app: &App,
    actor: &Actor,
    id: ReportId,
    revision: i32,
    reason: &str,
) -> Result<Report> {
    let Held { mut tx, mut report, identity, .. } =
        hold(app, actor, id, revision, ReportAction::Return).await?;
    rules::check_reason(reason)?;
    report.reason = Some(reason.trim().into());
    report.status = ReportStatus::Returned;
    finish(app, &mut tx, &identity, &mut report).await?;
    deadlines::store::reopen(&mut tx, report.deadline_id, app.clock.now()).await?;
    tx.commit().await?;
    Ok(report)
}

/// Finds a report in order.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn accept(app: &App, actor: &Actor, id: ReportId, revision: i32) -> Result<Report> {
    let Held { mut tx, mut report, identity, .. } =
        hold(app, actor, id, revision, ReportAction::Accept).await?;
    rules::check_acceptor(&report, identity.person)?;
    report.accepted_by = Some(identity.person);
    report.accepted_at = Some(app.clock.now());
    report.status = ReportStatus::Accepted;
    finish(app, &mut tx, &identity, &mut report).await?;
    tx.commit().await?;
    Ok(report)
}

/// Makes an accepted report final, with the grant's figures of its last day. The grant is held, so nothing is posted
/// into those days meanwhile, and the database refuses what comes later.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn certify(app: &App, actor: &Actor, id: ReportId, revision: i32) -> Result<Report> {
    let Held { mut tx, grant, mut report, identity } =
        hold(app, actor, id, revision, ReportAction::Certify).await?;
    rules::check_certification(&report, identity.person, app.clock.today())?;
    let day = Some(report.period_end);
    let of = Of { as_of: day, known_at: None };
    let balance = balances::of_grant(&mut tx, &app.clock, grant.id, of).await?;
    let mut income = store::income(&mut *tx, &[grant.id], day).await?;
    let income = income.remove(&grant.id).unwrap_or_default();
    store::insert_figures(&mut tx, id, &rules::figures(&balance, income)).await?;
    report.certified_by = Some(identity.person);
    report.certified_at = Some(app.clock.now());
    report.status = ReportStatus::Certified;
    finish(app, &mut tx, &identity, &mut report).await?;
    tx.commit().await?;
    Ok(report)
}

/// A report whose grant this transaction holds, with the action allowed.
struct Held<'a> {
    tx: Transaction<'static, Postgres>,
    grant: Grant,
    report: Report,
    identity: Acting<'a>,
}

async fn hold<'a>(
    app: &App,
    actor: &'a Actor,
    id: ReportId,
    revision: i32,
    action: ReportAction,
) -> Result<Held<'a>> {
    let identity = actor.may(action.permission())?;
    let mut tx = audit::begin(app, &identity).await?;
    let missing = || Refusal::new(NotFound, "there is no such report").on("reportId");
    // Of what is not there the same is read as of what is not yours.
    let grant = store::grant_of(&mut tx, id).await?.unwrap_or(GrantId(uuid::Uuid::nil()));
    let grant = grants::store::lock(&mut tx, &identity.reach, grant).await?.ok_or_else(missing)?;
    // Read after the lock: what another transaction did to it is seen.
    let report = store::read(&mut tx, id).await?.ok_or_else(missing)?;
    rules::check_action(&report, action)?;
    Refusal::unless_current("report", revision, report.revision)?;
    Ok(Held { tx, grant, report, identity })
}

/// Writes a changed report together with its event.
async fn finish(
    app: &App,
    tx: &mut PgConnection,
    identity: &Identity,
    changed: &mut Report,
) -> Result<()> {
    changed.revision += 1;
    changed.updated_at = app.clock.now();
    store::update(tx, changed).await?;
    note(app, tx, identity, changed).await
}

async fn note(
    app: &App,
    tx: &mut PgConnection,
    identity: &Identity,
    report: &Report,
) -> Result<()> {
    let event = ReportEvent {
        id: ReportEventId::new(&app.clock),
        report_id: report.id,
        status: report.status,
        person_id: identity.person,
        reason: report.reason.clone(),
        program_income: report.program_income,
        interest_earned: report.interest_earned,
        narrative: report.narrative.clone(),
        url: report.url.clone(),
        sha256: report.sha256.clone(),
        occurred_at: app.clock.now(),
    };
    store::insert_event(tx, &event).await?;
    Ok(())
}
