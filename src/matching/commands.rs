//! What people do with match. Each command is one transaction that holds the grant, and then the
//! contribution: lock, check, write, move.

use sqlx::PgConnection;

use super::{MatchAcceptance, MatchContribution, NewContribution, rules, store};
use crate::{
    App, Refusal, Result,
    access::{Actor, Identity, Permission},
    audit,
    error::UserErrorCode,
    grants::{self, Grant},
    id::{GrantId, MatchAcceptanceId, MatchContributionId},
    idempotency,
    ledger::{self, AccountKind, Move, Owner, Posting},
    money::Money,
    rule_sets::{
        bound,
        kinds::{MatchSource, Step},
    },
};

/// Records what somebody added to a grant.
#[tracing::instrument(skip_all, fields(grant = %new.grant))]
pub async fn record(
    app: &App,
    actor: &Actor,
    new: NewContribution,
    idempotency_key: &str,
) -> Result<MatchContribution> {
    let finance = actor.may(Permission::RecordMatch)?;
    let once = idempotency::Request::new(finance.person, "recordMatch", idempotency_key, &new)?;
    let id = MatchContributionId::new(&app.clock);
    let mut tx = audit::begin(app, &finance).await?;
    if let Some(made) = once.begin(&mut tx, &app.clock, id.0).await? {
        return find(&mut tx, &finance, MatchContributionId(made)).await;
    }
    let grant = grants::commands::lock_for(&mut tx, &finance, new.grant).await?;
    let today = app.clock.today();
    rules::check_contribution(&grant, &new, today)?;
    let effective_on = rules::effective_on(&new, today)?;
    let statute = new.authorizing_statute.as_deref();
    let federal_grant = check_source(app, &mut tx, &grant, new.source, statute).await?;
    let referred = store::referred(&mut tx, grant.recipient_id, &new.reference).await?;
    let (recorded_for, cost_of) = (referred.contribution.as_deref(), referred.cost.as_deref());
    rules::check_reference(&new.reference, recorded_for, cost_of)?;
    let trimmed = |text: &Option<String>| text.as_ref().map(|text| text.trim().into());
    let recorded = MatchContribution {
        id,
        grant_id: grant.id,
        recipient_id: grant.recipient_id,
        contributor: new.contributor.trim().into(),
        source: new.source,
        amount: new.amount,
        unused: new.amount,
        contributed_on: new.contributed_on,
        effective_on,
        description: new.description.trim().into(),
        reference: new.reference.trim().into(),
        valuation_basis: trimmed(&new.valuation.basis),
        hours: new.valuation.hours,
        hourly_rate: new.valuation.hourly_rate,
        authorizing_statute: trimmed(&new.authorizing_statute),
        recorded_by: finance.person,
        recorded_at: app.clock.now(),
        declined_by: None,
        declined_at: None,
        decline_reason: None,
        federal_grant,
    };
    store::insert(&mut tx, &recorded).await?;
    let posting = Posting::of(Owner::Contribution(id.0), id.0, effective_on).moving(
        Move::Contribute,
        AccountKind::SrcMatch,
        AccountKind::MatchUnused,
        new.amount,
    );
    ledger::store::post(&mut tx, &app.clock, &posting).await?;
    tx.commit().await?;
    Ok(recorded)
}

/// Whether the grant's rules let it be matched so; answers whether it is a grant of federal money.
async fn check_source(
    app: &App,
    tx: &mut PgConnection,
    grant: &Grant,
    source: MatchSource,
    statute: Option<&str>,
) -> Result<bool> {
    let bound = bound::of_grant(tx, grant.id, app.clock.today()).await?;
    let federal = bound.situation.federal;
    rules::check_federal(source, federal, statute)?;
    bound.check(&Step::Match { source })?;
    Ok(federal)
}

/// What is accepted of a contribution: all that is left, and for the grant it was recorded for, unless said otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub struct Accepting {
    pub amount: Option<Money>,
    pub grant: Option<GrantId>,
}

/// Counts a contribution, or a part of it, as match of a grant.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn accept(
    app: &App,
    actor: &Actor,
    id: MatchContributionId,
    asked: Accepting,
    idempotency_key: Option<&str>,
) -> Result<MatchContribution> {
    let manager = actor.may(Permission::AcceptMatch)?;
    let mut tx = audit::begin(app, &manager).await?;
    if let Some(key) = idempotency_key {
        let once = idempotency::Request::new(manager.person, "acceptMatch", key, &(id, asked))?;
        if let Some(made) = once.begin(&mut tx, &app.clock, id.0).await? {
            return find(&mut tx, &manager, MatchContributionId(made)).await;
        }
    } else if asked.amount.is_some() {
        let message = "a part could be accepted twice by mistake: give an `idempotencyKey` with it";
        return Err(Refusal::new(UserErrorCode::InvalidInput, message).on("idempotencyKey").into());
    }
    let found = find(&mut tx, &manager, id).await?;
    let (grant, found) = hold(&mut tx, &manager, &found, asked.grant).await?;
    rules::check_decider(&found, manager.person)?;
    let amount = rules::accepted(&found, &grant, asked.amount)?;
    let statute = found.authorizing_statute.as_deref();
    check_source(app, &mut tx, &grant, found.source, statute).await?;
    let acceptance = MatchAcceptance {
        id: MatchAcceptanceId::new(&app.clock),
        contribution_id: id,
        grant_id: grant.id,
        amount,
        accepted_by: manager.person,
        accepted_at: app.clock.now(),
    };
    store::insert_acceptance(&mut tx, &acceptance).await?;
    let mut posting = Posting::of_grant(grant.id, acceptance.id.0, app.clock.today());
    let unused = (Owner::Contribution(id.0), AccountKind::MatchUnused.into());
    posting.add_from(Move::AcceptMatch, unused, AccountKind::MatchMet, amount);
    ledger::store::post(&mut tx, &app.clock, &posting).await?;
    let accepted = find(&mut tx, &manager, id).await?;
    tx.commit().await?;
    Ok(accepted)
}

/// Turns a contribution down: it counts for nothing, and may be recorded again, corrected.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn decline(
    app: &App,
    actor: &Actor,
    id: MatchContributionId,
    reason: &str,
) -> Result<MatchContribution> {
    let manager = actor.may(Permission::DeclineMatch)?;
    let mut tx = audit::begin(app, &manager).await?;
    let found = find(&mut tx, &manager, id).await?;
    let (_, mut declined) = hold(&mut tx, &manager, &found, None).await?;
    rules::check_decider(&declined, manager.person)?;
    rules::check_decline(&declined, reason)?;
    declined.declined_by = Some(manager.person);
    declined.declined_at = Some(app.clock.now());
    declined.decline_reason = Some(reason.trim().into());
    declined.unused = Money::ZERO;
    store::decline(&mut tx, &declined).await?;
    let cause = idempotency::event(&app.clock);
    let posting =
        Posting::of(Owner::Contribution(id.0), cause, app.clock.today()).reversing(id.0).moving(
            Move::DeclineMatch,
            AccountKind::MatchUnused,
            AccountKind::SrcMatch,
            declined.amount,
        );
    ledger::store::post(&mut tx, &app.clock, &posting).await?;
    tx.commit().await?;
    Ok(declined)
}

/// Holds a grant and a contribution, always in this order.
async fn hold(
    tx: &mut PgConnection,
    who: &Identity,
    found: &MatchContribution,
    grant: Option<GrantId>,
) -> Result<(Grant, MatchContribution)> {
    let grant = grants::commands::lock(tx, &who.reach, grant.unwrap_or(found.grant_id)).await?;
    store::lock(tx, found.id).await?;
    // Read after the lock: somebody may have decided meanwhile.
    Ok((grant, find(tx, who, found.id).await?))
}

async fn find(
    tx: &mut PgConnection,
    who: &Identity,
    id: MatchContributionId,
) -> Result<MatchContribution> {
    let found = store::find(tx, &who.reach, &[id]).await?.pop();
    Ok(found.ok_or_else(|| Refusal::not_found("contribution").on("contributionId"))?)
}
