//! Tokens and roles, as people give, take and see them.

use chrono::TimeDelta;

use super::{
    AccessToken, Actor, Identity, Permission, Role, RoleGrant, RoleSource, Secret, TokenKind,
    TokenScope,
    commands::{NewRole, must_fit, new_token},
    store, token_store,
};
use crate::{
    App, Refusal, Result, audit,
    error::UserErrorCode::{AlreadyExists, Forbidden, InvalidInput, InvalidState},
    id::{PersonId, RoleGrantId, TokenId},
    people,
};

const LONGEST_DAYS: i32 = 365;

/// A token to make.
pub struct NewToken {
    /// Whose; none is whoever asks.
    pub person: Option<PersonId>,
    /// None is the role that whoever asks acts in.
    pub role: Option<Role>,
    pub scope: TokenScope,
    pub purpose: String,
    pub days: i32,
}

/// A role to give.
pub struct NewRoleOfPerson {
    pub person: PersonId,
    pub role: NewRole,
}

/// Whether everybody's tokens and roles are shown.
pub fn sees_access(identity: &Identity) -> bool {
    Permission::SeeAccess.allows(Some(identity.role))
}

/// Whether a person's roles are shown: the own ones, and all to those who maintain or audit them.
pub fn sees_roles(actor: &Actor, person: PersonId) -> bool {
    actor.identity().is_some_and(|viewer| viewer.person == person || sees_access(viewer))
}

/// Makes a token. Whoever holds its secret acts for its person, so nobody makes one for another person; but programs,
/// which cannot ask themselves, have theirs made by a program administrator.
#[tracing::instrument(skip_all)]
pub async fn create(app: &App, actor: &Actor, new: NewToken) -> Result<(AccessToken, Secret)> {
    let maker = actor.may(Permission::CreateAccessToken)?;
    Refusal::unless_filled(&new.purpose, "purpose")?;
    if !(1..=LONGEST_DAYS).contains(&new.days) {
        let message = format!("a token is good for 1 to {LONGEST_DAYS} days");
        return Err(Refusal::new(InvalidInput, message).on("days").into());
    }
    let person = new.person.unwrap_or(maker.person);
    let role = new.role.unwrap_or(maker.role);
    let own = person == maker.person && role == maker.role;
    let of_program = maker.role == Role::ProgramAdmin && role == Role::Service;
    if !own && !of_program {
        let message = "a token is for yourself in the role that you act in; a PROGRAM_ADMIN makes tokens for programs \
                       too, in the role SERVICE";
        return Err(Refusal::new(Forbidden, message).on("role").into());
    }
    let secret = Secret::generate()?;
    let lifetime = TimeDelta::days(new.days.into());
    let token = AccessToken {
        scope: new.scope,
        purpose: Some(new.purpose.trim().into()),
        created_by: Some(maker.person),
        ..new_token(app, person, role, TokenKind::Token, lifetime)
    };
    let mut tx = audit::begin(app, &maker).await?;
    if people::store::find_people(&mut *tx, &[person]).await?.is_empty() {
        return Err(Refusal::not_found("person").on("personId").into());
    }
    if !store::holds(&mut *tx, person, role).await? {
        let message = format!("that person does not hold the role {role}: give it by `grantRole`");
        return Err(Refusal::new(InvalidState, message).on("role").into());
    }
    store::insert_token(&mut tx, &token, &secret).await?;
    tx.commit().await?;
    Ok((token, secret))
}

/// Ends a token: the own one, or anybody's on a program administrator's word.
#[tracing::instrument(skip(app, actor))]
pub async fn revoke(app: &App, actor: &Actor, id: TokenId) -> Result<AccessToken> {
    let identity = actor.may(Permission::RevokeAccessToken)?;
    let everybodys = identity.role == Role::ProgramAdmin;
    let mut tx = audit::begin(app, &identity).await?;
    let find = token_store::find(&mut *tx, everybodys, identity.person, &[id]).await?;
    let token = find.into_iter().next().ok_or_else(|| Refusal::not_found("token").on("tokenId"))?;
    let now = app.clock.now();
    if !store::revoke_token(&mut *tx, id, Some(identity.person), now).await? {
        return Err(Refusal::new(InvalidState, "the token was revoked already").into());
    }
    tx.commit().await?;
    Ok(AccessToken { revoked_at: Some(now), revoked_by: Some(identity.person), ..token })
}

/// Gives a person a role.
#[tracing::instrument(skip_all)]
pub async fn grant_role(app: &App, actor: &Actor, new: NewRoleOfPerson) -> Result<RoleGrant> {
    let admin = actor.may(Permission::GrantRole)?;
    if new.person == admin.person {
        let message = "nobody gives a role to themselves: ask another PROGRAM_ADMIN";
        return Err(Refusal::new(Forbidden, message).on("personId").into());
    }
    let mut tx = audit::begin(app, &admin).await?;
    must_fit(&mut tx, &new.role).await?;
    if people::store::find_people(&mut *tx, &[new.person]).await?.is_empty() {
        return Err(Refusal::not_found("person").on("personId").into());
    }
    let given = RoleGrant { granted_by: Some(admin.person), ..new.role.granted(app, new.person) };
    let held = store::give_role(&mut tx, &given).await?;
    if held.id != given.id {
        let message = format!("the person holds {} so already", given.role);
        return Err(Refusal::new(AlreadyExists, message).on("role").into());
    }
    tx.commit().await?;
    Ok(given)
}

/// Ends a role. Tokens that act in it let in no longer, unless the person holds it in another way too.
#[tracing::instrument(skip(app, actor))]
pub async fn end_role(app: &App, actor: &Actor, id: RoleGrantId) -> Result<RoleGrant> {
    let admin = actor.may(Permission::EndRole)?;
    let mut tx = audit::begin(app, &admin).await?;
    let found = token_store::find_roles(&mut *tx, true, admin.person, &[id]).await?;
    let role = found.into_iter().next().ok_or_else(|| Refusal::not_found("role").on("roleId"))?;
    if role.source == RoleSource::Provider && role.ended_at.is_none() {
        let message =
            "the identity provider gives this role, and would give it again: end it there";
        return Err(Refusal::new(InvalidState, message).into());
    }
    let now = app.clock.now();
    if !store::end_role(&mut tx, id, Some(admin.person), now).await? {
        return Err(Refusal::new(InvalidState, "the role has ended already").into());
    }
    tx.commit().await?;
    Ok(RoleGrant { ended_at: Some(now), ended_by: Some(admin.person), ..role })
}
