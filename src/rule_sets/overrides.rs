//! Amendments of one grant that give a rule other terms, or set it aside.

use sqlx::PgConnection;

use super::{
    NewOverride, OverrideStatus, RuleOverride, bound, commands, override_store, rules, store,
};
use crate::{
    App, Refusal, Result,
    access::{Actor, Identity, Permission},
    advances, audit, deadlines,
    error::UserErrorCode,
    grants,
    id::RuleOverrideId,
};

/// Proposes other terms of a rule for one grant, with the document that they rest on.
#[tracing::instrument(skip_all, fields(grant = %new.grant))]
pub async fn propose(app: &App, actor: &Actor, new: NewOverride) -> Result<RuleOverride> {
    let manager = actor.may(Permission::ProposeRuleOverride)?;
    let mut tx = audit::begin(app, &manager).await?;
    let grant = grants::commands::lock(&mut tx, &manager.reach, new.grant).await?;
    let missing = || {
        let message = format!("grant {} was not signed under such a rule", grant.number);
        Refusal::new(UserErrorCode::NotFound, message).on("ruleId")
    };
    let rule = store::find_rules(&mut *tx, &[new.rule], false).await?.pop();
    let rule =
        rule.filter(|rule| grant.rule_set_id == Some(rule.rule_set_id)).ok_or_else(missing)?;
    rules::check_override(&new, &rule, &grant)?;
    commands::check_override_calendar(&mut tx, &new).await?;
    let proposed = RuleOverride {
        id: RuleOverrideId::new(&app.clock),
        grant_id: grant.id,
        rule_id: rule.id,
        terms: new.terms,
        reason: new.reason.trim().into(),
        document_url: new.document_url,
        document_sha256: new.document_sha256,
        status: OverrideStatus::Proposed,
        proposed_by: manager.person,
        proposed_at: app.clock.now(),
        decided_by: None,
        decided_at: None,
    };
    override_store::insert_override(&mut tx, &proposed).await?;
    tx.commit().await?;
    Ok(proposed)
}

/// Puts a proposed override in force for its grant. The grant's deadlines follow.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn approve(app: &App, actor: &Actor, id: RuleOverrideId) -> Result<RuleOverride> {
    let approver = actor.may(Permission::ApproveRuleOverride)?;
    let mut tx = audit::begin(app, &approver).await?;
    let approved = decide(app, &mut tx, &approver, id, OverrideStatus::Approved).await?;
    let today = app.clock.today();
    let bound = bound::of_grant(&mut tx, approved.grant_id, today).await?;
    // It may be the cap of advances that was amended.
    advances::follow(&mut tx, &app.clock, &bound, approved.grant_id, id.0, today).await?;
    deadlines::schedule::follow(
        &mut tx,
        &app.clock,
        approved.grant_id,
        "a rule was amended for the grant",
    )
    .await?;
    tx.commit().await?;
    Ok(approved)
}

/// Turns a proposed override down.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn decline(app: &App, actor: &Actor, id: RuleOverrideId) -> Result<RuleOverride> {
    let approver = actor.may(Permission::DeclineRuleOverride)?;
    let mut tx = audit::begin(app, &approver).await?;
    let declined = decide(app, &mut tx, &approver, id, OverrideStatus::Declined).await?;
    tx.commit().await?;
    Ok(declined)
}

async fn decide(
    app: &App,
    tx: &mut PgConnection,
    approver: &Identity,
    id: RuleOverrideId,
    status: OverrideStatus,
) -> Result<RuleOverride> {
    let missing = || Refusal::not_found("override").on("overrideId");
    let found = override_store::find_overrides(&mut *tx, &approver.reach, &[id])
        .await?
        .pop()
        .ok_or_else(missing)?;
    grants::store::lock(tx, &approver.reach, found.grant_id).await?.ok_or_else(missing)?;
    // Read after the lock: somebody may have decided meanwhile.
    let mut decided = override_store::find_overrides(&mut *tx, &approver.reach, &[id])
        .await?
        .pop()
        .ok_or_else(missing)?;
    rules::check_decision(&decided, approver.person)?;
    decided.status = status;
    decided.decided_by = Some(approver.person);
    decided.decided_at = Some(app.clock.now());
    override_store::decide_override(tx, &decided).await?;
    Ok(decided)
}
