//! What people do to grants. Each command is one transaction: lock, check, change.

use sqlx::PgConnection;

use super::{Grant, GrantAction, GrantStatus, NewGrant, rules, store};
use crate::{
    App, Refusal, Result,
    access::{Actor, Reach, Role},
    cities,
    clock::Date,
    deadlines::schedule,
    error::UserErrorCode,
    id::GrantId,
    ledger::{self, GrantBalance, Move},
    people,
    rule_sets::{bound, kinds::Step},
    streams::{Catalog, FundingStream},
};

/// Draws up a grant. No money moves yet.
#[tracing::instrument(skip_all)]
pub async fn create(app: &App, actor: &Actor, new: NewGrant) -> Result<Grant> {
    let drafter = actor.must_hold(&[Role::GrantManager])?;
    let program = Catalog::program(app, new.program).await?;
    let program = program.ok_or_else(|| Refusal::not_found("program").on("programId"))?;
    let stream = Catalog::stream(app, program.stream_id).await?;
    rules::check_draft(&new, &stream.expect("a program has a stream"))?;

    let mut tx = app.db.begin().await?;
    let named: Vec<_> = new.cities.iter().map(|share| share.city).collect();
    cities::commands::must_exist(&mut tx, &named, "cities").await?;
    if people::store::find_organizations(&mut *tx, &[new.recipient]).await?.is_empty() {
        return Err(Refusal::not_found("organization").on("recipientId").into());
    }
    if let Some(parent) = new.parent
        && store::find(&mut *tx, &drafter.reach, &[parent]).await?.is_empty()
    {
        return Err(Refusal::not_found("grant").on("parentId").into());
    }
    let id = GrantId::new(&app.clock);
    store::insert(&mut tx, id, &new, drafter.person, app.clock.now()).await?;
    ledger::store::open_accounts(&mut tx, &app.clock, id).await?;
    let grant = lock(&mut tx, &drafter.reach, id).await?;
    tx.commit().await?;
    Ok(grant)
}

/// Decides the award: its amount becomes available in the ledger.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn award(app: &App, actor: &Actor, id: GrantId, revision: i32) -> Result<Grant> {
    let approver = actor.must_hold(&[Role::Approver])?;
    let mut tx = app.db.begin().await?;
    let grant = lock(&mut tx, &approver.reach, id).await?;
    rules::check_award(&grant, approver)?;
    Refusal::unless_current("grant", revision, grant.revision)?;
    bound::of_grant(&mut tx, id, app.clock.today()).await?.check(&Step::Award)?;

    let award = ledger::store::Posting {
        grant: id,
        step: Move::Award,
        amount: grant.amount,
        cause: id.0,
        effective_on: app.clock.today(),
    };
    ledger::store::post(&mut tx, &app.clock, &award).await?;
    let now = app.clock.now();
    let change = store::Change {
        awarded_by: Some(approver.person),
        awarded_at: Some(now),
        ..store::Change::to(&grant, GrantStatus::Awarded)
    };
    let awarded = store::change(&mut tx, id, &change, now).await?;
    schedule::follow(&mut tx, &app.clock, id, "the grant was awarded").await?;
    tx.commit().await?;
    Ok(awarded)
}

/// Records that the agreement was signed: money can be requested from now on.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn sign(
    app: &App,
    actor: &Actor,
    id: GrantId,
    revision: i32,
    signed_on: Date,
) -> Result<Grant> {
    let manager = actor.must_hold(&[Role::GrantManager])?;
    let mut tx = app.db.begin().await?;
    let grant = lock(&mut tx, &manager.reach, id).await?;
    rules::check_signing(&grant, signed_on, app.clock.today())?;
    Refusal::unless_current("grant", revision, grant.revision)?;
    let law_day = bound::law_day(signed_on, grant.performance_start);
    rules::check_law(&stream_of(app, &grant).await?, law_day)?;
    let bound = bound::of_grant(&mut tx, id, law_day).await?;
    // What was decided under other rules, or before a fact changed, has to fit what it is signed under.
    bound.check(&Step::Award)?;
    bound.check(&Step::Sign { on: signed_on })?;
    rules::check_encumbrance(&grant, signed_on)?;
    let change = store::Change {
        signed_on: Some(signed_on),
        // From here on the grant keeps these rules.
        rule_set_id: bound.rule_set,
        ..store::Change::to(&grant, GrantStatus::Active)
    };
    let signed = store::change(&mut tx, id, &change, app.clock.now()).await?;
    schedule::follow(&mut tx, &app.clock, id, "the agreement was signed").await?;
    tx.commit().await?;
    Ok(signed)
}

/// Stops a grant for now.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn suspend(app: &App, actor: &Actor, id: GrantId, revision: i32) -> Result<Grant> {
    switch(app, actor, id, revision, GrantAction::Suspend, GrantStatus::Suspended).await
}

/// Lets a suspended grant go on.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn resume(app: &App, actor: &Actor, id: GrantId, revision: i32) -> Result<Grant> {
    switch(app, actor, id, revision, GrantAction::Resume, GrantStatus::Active).await
}

async fn switch(
    app: &App,
    actor: &Actor,
    id: GrantId,
    revision: i32,
    action: GrantAction,
    status: GrantStatus,
) -> Result<Grant> {
    let manager = actor.must_hold(&[action.role()])?;
    let mut tx = app.db.begin().await?;
    let grant = lock(&mut tx, &manager.reach, id).await?;
    rules::must_allow(&grant, action)?;
    Refusal::unless_current("grant", revision, grant.revision)?;
    let switched =
        store::change(&mut tx, id, &store::Change::to(&grant, status), app.clock.now()).await?;
    tx.commit().await?;
    Ok(switched)
}

/// Ends a grant whose period is over: what was not used lapses.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn close(app: &App, actor: &Actor, id: GrantId, revision: i32) -> Result<Grant> {
    let officer = actor.must_hold(&[Role::FiscalOfficer])?;
    let mut tx = app.db.begin().await?;
    let grant = lock(&mut tx, &officer.reach, id).await?;
    let now = app.clock.now();
    let mut balances = ledger::store::balances(&mut *tx, &[id], None, now).await?;
    let balance = balances.remove(&id).unwrap_or_else(|| GrantBalance::empty(None, now));
    rules::check_closing(&grant, &balance, app.clock.today())?;
    Refusal::unless_current("grant", revision, grant.revision)?;
    if balance.available_to_disburse.is_positive() {
        let lapse = ledger::store::Posting {
            grant: id,
            step: Move::Lapse,
            amount: balance.available_to_disburse,
            cause: id.0,
            effective_on: app.clock.today(),
        };
        ledger::store::post(&mut tx, &app.clock, &lapse).await?;
    }
    let closed =
        store::change(&mut tx, id, &store::Change::to(&grant, GrantStatus::Closed), now).await?;
    schedule::follow(&mut tx, &app.clock, id, "the grant was closed").await?;
    tx.commit().await?;
    Ok(closed)
}

async fn stream_of(app: &App, grant: &Grant) -> Result<FundingStream> {
    let program = Catalog::program(app, grant.program_id).await?.expect("a grant has a program");
    Ok(Catalog::stream(app, program.stream_id).await?.expect("a program has a stream"))
}

/// Holds a grant that the actor may see.
pub async fn lock(tx: &mut PgConnection, reach: &Reach, id: GrantId) -> Result<Grant> {
    let found = store::lock(tx, reach, id).await?;
    found.ok_or_else(|| {
        Refusal::new(UserErrorCode::NotFound, "there is no such grant").on("grantId").into()
    })
}
