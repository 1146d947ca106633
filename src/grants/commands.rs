//! What people do to grants. Each command is one transaction: lock, check, change.

use sqlx::PgConnection;

use super::{
    AccountingKeys, Grant, GrantAction, GrantStatus, NewGrant,
    closeout::{self, Closeout},
    rules, store,
};
use crate::{
    App, Refusal, Result,
    access::{Actor, Identity, Permission, Reach, Role},
    advances, audit, budgets, cities,
    clock::Date,
    deadlines::schedule,
    error::UserErrorCode,
    id::GrantId,
    idempotency,
    ledger::{self, Account, AccountKind, Move, Posting},
    people,
    rule_sets::{bound, kinds::Step},
    streams::{Catalog, FundingStream},
};

/// Draws up a grant. No money moves yet.
#[tracing::instrument(skip_all)]
pub async fn create(app: &App, actor: &Actor, new: NewGrant) -> Result<Grant> {
    let drafter = actor.may(Permission::CreateGrant)?;
    let program = Catalog::program(app, new.program).await?;
    let program = program.ok_or_else(|| Refusal::not_found("program").on("programId"))?;
    let stream = Catalog::stream(app, program.stream_id).await?;
    rules::check_draft(&new, &stream.expect("a program has a stream"))?;
    let lines = budgets::commands::lines_or_whole(new.budget.clone(), new.amount);

    let mut tx = audit::begin(app, &drafter).await?;
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
    budgets::commands::enter(&mut tx, &app.clock, id, &lines).await?;
    let grant = lock(&mut tx, &drafter.reach, id).await?;
    tx.commit().await?;
    Ok(grant)
}

/// Decides the award: its amount becomes available in the ledger.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn award(app: &App, actor: &Actor, id: GrantId, revision: i32) -> Result<Grant> {
    let approver = actor.may(Permission::AwardGrant)?;
    let mut tx = audit::begin(app, &approver).await?;
    let grant = lock(&mut tx, &approver.reach, id).await?;
    rules::check_award(&grant, &approver)?;
    Refusal::unless_current("grant", revision, grant.revision)?;
    bound::of_grant(&mut tx, id, app.clock.today()).await?.check(&Step::Award)?;

    let (source, available) = (AccountKind::SrcPay, AccountKind::Available);
    let mut posting = Posting::of_grant(id, id.0, app.clock.today()).moving(
        Move::Award,
        source,
        available,
        grant.amount,
    );
    for line in budgets::commands::lines_of(&mut tx, id).await? {
        let unobligated = Account::unobligated(line.id);
        posting.add(Move::Award, AccountKind::SrcUse, unobligated, line.amount);
    }
    ledger::store::post(&mut tx, &app.clock, &posting).await?;
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
    let manager = actor.may(Permission::SignGrant)?;
    let mut tx = audit::begin(app, &manager).await?;
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
    // The cap of advances is that of the rules that the grant keeps.
    advances::follow(&mut tx, &app.clock, &bound, id, id.0, app.clock.today()).await?;
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
    let manager = actor.may(action.permission())?;
    let mut tx = audit::begin(app, &manager).await?;
    let grant = lock(&mut tx, &manager.reach, id).await?;
    rules::must_allow(&grant, action)?;
    Refusal::unless_current("grant", revision, grant.revision)?;
    let switched =
        store::change(&mut tx, id, &store::Change::to(&grant, status), app.clock.now()).await?;
    tx.commit().await?;
    Ok(switched)
}

/// Begins the closeout of a grant whose period is over: the last invoices and reports still come in.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn start_closeout(app: &App, actor: &Actor, id: GrantId, revision: i32) -> Result<Grant> {
    let manager = actor.may(Permission::StartCloseout)?;
    let mut tx = audit::begin(app, &manager).await?;
    let grant = lock(&mut tx, &manager.reach, id).await?;
    rules::must_allow(&grant, GrantAction::StartCloseout)?;
    rules::check_period_over(&grant, app.clock.today())?;
    Refusal::unless_current("grant", revision, grant.revision)?;
    let change = store::Change {
        closing_since: Some(app.clock.today()),
        ..store::Change::to(&grant, GrantStatus::Closing)
    };
    let closing = store::change(&mut tx, id, &change, app.clock.now()).await?;
    schedule::follow(&mut tx, &app.clock, id, "the closeout began").await?;
    tx.commit().await?;
    Ok(closing)
}

/// Ends a grant whose period is over and whose closeout is complete: what was not used lapses.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn close(app: &App, actor: &Actor, id: GrantId, revision: i32) -> Result<Grant> {
    end(app, actor, id, revision, GrantAction::Close, GrantStatus::Closed).await
}

/// Ends a grant before its time: as `close`, whatever its period says.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn terminate(app: &App, actor: &Actor, id: GrantId, revision: i32) -> Result<Grant> {
    end(app, actor, id, revision, GrantAction::Terminate, GrantStatus::Terminated).await
}

async fn end(
    app: &App,
    actor: &Actor,
    id: GrantId,
    revision: i32,
    action: GrantAction,
    status: GrantStatus,
) -> Result<Grant> {
    let officer = actor.may(action.permission())?;
    let mut tx = audit::begin(app, &officer).await?;
    let grant = lock(&mut tx, &officer.reach, id).await?;
    rules::must_allow(&grant, action)?;
    Refusal::unless_current("grant", revision, grant.revision)?;
    let open = closeout::read(&mut tx, &[id]).await?.remove(&id).unwrap_or_default();
    Closeout::of(&grant, &open, app.clock.today()).check(&grant, action)?;
    let mut posting = Posting::of_grant(id, id.0, app.clock.today());
    closeout::lapse(&mut posting, &open.accounts);
    ledger::store::post(&mut tx, &app.clock, &posting).await?;
    let change =
        store::Change { ended_on: Some(app.clock.today()), ..store::Change::to(&grant, status) };
    let ended = store::change(&mut tx, id, &change, app.clock.now()).await?;
    let reason = format!("the grant was {}", status.as_str().to_lowercase());
    schedule::follow(&mut tx, &app.clock, id, &reason).await?;
    tx.commit().await?;
    Ok(ended)
}

/// What is left of a grant whose last day to pay has passed lapses; a job calls it. False where nothing was left.
pub async fn lapse(app: &App, id: GrantId, reach: &Reach) -> Result<bool> {
    let mut tx = audit::begin_unattended(&app.db, &app.clock, "ledger_days").await?;
    lock(&mut tx, reach, id).await?;
    let bound = bound::of_grant(&mut tx, id, app.clock.today()).await?;
    let over = bound.situation.liquidate_by.is_some_and(|last| last < app.clock.today());
    let accounts = ledger::store::accounts(&mut *tx, id).await?;
    let mut posting = Posting::of_grant(id, idempotency::event(&app.clock), app.clock.today());
    for (account, amount) in closeout::in_order(&accounts) {
        match account.kind {
            AccountKind::Available => {
                posting.add(Move::Lapse, account, AccountKind::Lapsed, amount);
            }
            AccountKind::Unobligated => {
                posting.add(Move::Lapse, account, AccountKind::LapsedUse, amount);
            }
            _ => {}
        }
    }
    if !over || posting.entries.is_empty() {
        return Ok(false);
    }
    ledger::store::post(&mut tx, &app.clock, &posting).await?;
    tx.commit().await?;
    Ok(true)
}

/// Gives a grant the names that the accounting system has for it.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn set_accounting(
    app: &App,
    actor: &Actor,
    id: GrantId,
    revision: i32,
    keys: AccountingKeys,
) -> Result<Grant> {
    let person = actor.may(Permission::SetGrantAccounting)?;
    rules::check_accounting(&keys)?;
    let mut tx = audit::begin(app, &person).await?;
    let grant = lock(&mut tx, &person.reach, id).await?;
    Refusal::unless_current("grant", revision, grant.revision)?;
    store::set_accounting(&mut tx, id, &keys, app.clock.now()).await?;
    let changed = lock(&mut tx, &person.reach, id).await?;
    tx.commit().await?;
    Ok(changed)
}

async fn stream_of(app: &App, grant: &Grant) -> Result<FundingStream> {
    let program = Catalog::program(app, grant.program_id).await?.expect("a grant has a program");
    Ok(Catalog::stream(app, program.stream_id).await?.expect("a program has a stream"))
}

/// Holds a grant that the actor may see, and that finance staff of its recipient act for.
pub async fn lock_for(tx: &mut PgConnection, who: &Identity, id: GrantId) -> Result<Grant> {
    let grant = lock(tx, &who.reach, id).await?;
    if who.role == Role::CityFinance {
        rules::check_organization(&grant, who)?;
    }
    Ok(grant)
}

/// Holds a grant that the actor may see.
pub async fn lock(tx: &mut PgConnection, reach: &Reach, id: GrantId) -> Result<Grant> {
    let found = store::lock(tx, reach, id).await?;
    found.ok_or_else(|| {
        Refusal::new(UserErrorCode::NotFound, "there is no such grant").on("grantId").into()
    })
}
