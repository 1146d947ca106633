//! Who has whom decide instead; and by which power a disbursement is decided.

use sqlx::PgConnection;

use super::{ApprovalDelegation, Authority, NewDelegation, rules, store};
use crate::{
    App, Refusal, Result,
    access::{Acting, Actor, Identity, Permission, Role},
    audit,
    clock::Date,
    id::{DelegationId, PersonId},
    money::Money,
    people,
};

/// Has another person decide disbursements in an approver's place, for some days.
#[tracing::instrument(skip_all)]
pub async fn delegate(app: &App, actor: &Actor, new: NewDelegation) -> Result<ApprovalDelegation> {
    let by = actor.may(Permission::DelegateApproval)?;
    let approver = rules::approver(&by, new.approver)?;
    let mut tx = audit::begin(app, &by).await?;
    for (person, field) in [(approver, "approverId"), (new.delegate, "toId")] {
        if people::store::find_people(&mut *tx, &[person]).await?.is_empty() {
            return Err(Refusal::not_found("person").on(field).into());
        }
    }
    let approves = store::holds(&mut tx, approver, &[Role::Approver]).await?;
    let helps = store::holds(&mut tx, new.delegate, rules::DELEGATES).await?;
    rules::check(&new, approver, by.person, approves, helps, app.clock.today())?;
    let made = ApprovalDelegation {
        id: DelegationId::new(&app.clock),
        approver_id: approver,
        delegate_id: new.delegate,
        starts_on: new.starts_on,
        ends_on: new.ends_on,
        reason: new.reason.trim().into(),
        created_by: by.person,
        created_at: app.clock.now(),
        ended_by: None,
        ended_at: None,
    };
    store::insert(&mut tx, &made).await?;
    tx.commit().await?;
    Ok(made)
}

/// Ends a delegation at once: the approver is back.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn end(app: &App, actor: &Actor, id: DelegationId) -> Result<ApprovalDelegation> {
    let by = actor.may(Permission::EndDelegation)?;
    let missing = || Refusal::not_found("delegation").on("delegationId");
    let mut tx = audit::begin(app, &by).await?;
    let found = store::find(&mut *tx, by.reach.everything, by.person, &[id]).await?.pop();
    let mut ended = found.ok_or_else(missing)?;
    rules::check_end(&ended, actor, app.clock.today())?;
    ended.ended_by = Some(by.person);
    ended.ended_at = Some(app.clock.now());
    if !store::end(&mut tx, &ended).await? {
        rules::check_end(&ended, actor, app.clock.today())?;
    }
    tx.commit().await?;
    Ok(ended)
}

/// Who decides: a person whose role may, or one in whose hands an approver's decisions are today.
pub async fn decider<'a>(
    tx: &mut PgConnection,
    actor: &'a Actor,
    permission: Permission,
    today: Date,
) -> Result<Acting<'a>> {
    if let Some(identity) = actor.identity()
        && permission.allows(Some(Role::Approver))
        && !permission.allows(Some(identity.role))
        && !powers(tx, identity, today).await?.is_empty()
    {
        return identity.acting(permission);
    }
    actor.may(permission)
}

/// By which power a person approves an amount that somebody asked for. The own one goes first, and nothing is read where it
/// goes far enough.
pub async fn approver(
    tx: &mut PgConnection,
    identity: &Identity,
    amount: Money,
    requested_by: Option<PersonId>,
    today: Date,
) -> Result<Authority> {
    let own = Authority::own(identity);
    if let Some(own) = own.filter(|own| own.covers(amount)) {
        return Ok(own);
    }
    let mut all: Vec<_> = own.into_iter().collect();
    all.extend(powers(tx, identity, today).await?);
    Ok(rules::authority(&all, amount, requested_by)?)
}

/// The powers that approvers who are away left to a person.
pub async fn powers(
    db: &mut PgConnection,
    identity: &Identity,
    today: Date,
) -> Result<Vec<Authority>> {
    if !rules::DELEGATES.contains(&identity.role) {
        return Ok(vec![]);
    }
    let found = store::powers_of(db, &[identity.person], today).await?.remove(&identity.person);
    Ok(found.unwrap_or_default())
}
