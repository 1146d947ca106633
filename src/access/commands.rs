//! Roles and tokens, on the operator's word: whoever can run the program on the
//! database can let people in.

use chrono::TimeDelta;
use sqlx::PgConnection;

use super::{
    AccessToken, Identity, Role, RoleGrant, RoleSource, Secret, TokenKind, TokenScope, store,
};
use crate::{
    App, Refusal, Result, audit, cities,
    error::UserErrorCode,
    id::{CityId, OrganizationId, PersonId, RoleGrantId, TokenId},
    money::Money,
    people::{self, Person},
};

/// How long a browser acts for whoever signed in with it.
pub const SESSION: TimeDelta = TimeDelta::hours(12);

/// A role to give to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRole {
    pub role: Role,
    pub city: Option<CityId>,
    pub organization: Option<OrganizationId>,
    pub approval_limit: Option<Money>,
}

impl NewRole {
    /// A role that covers everything it ever covers.
    pub fn everywhere(role: Role) -> Self {
        Self { role, city: None, organization: None, approval_limit: None }
    }

    /// What is held once: the role, and where.
    pub(super) fn scope(&self) -> (Role, Option<CityId>, Option<OrganizationId>) {
        (self.role, self.city, self.organization)
    }

    /// The role as it is given on the operator's word.
    pub(crate) fn granted(&self, app: &App, person: PersonId) -> RoleGrant {
        RoleGrant {
            id: RoleGrantId::new(&app.clock),
            role: self.role,
            approval_limit: self.approval_limit,
            source: RoleSource::Thrive,
            granted_at: app.clock.now(),
            ended_at: None,
            person_id: person,
            city_id: self.city,
            organization_id: self.organization,
            granted_by: None,
            ended_by: None,
        }
    }

    pub(super) fn check(&self) -> Result<(), Refusal> {
        if let Some(limit) = self.approval_limit
            && (self.role != Role::Approver || !limit.is_positive())
        {
            let message = "an approval limit is an APPROVER's, and more than zero";
            return Err(Refusal::new(UserErrorCode::InvalidInput, message));
        }
        let needs = match self.role {
            Role::CityMember | Role::Coach if self.city.is_none() => "a city",
            Role::CityFinance if self.organization.is_none() => "an organization",
            role if role.reaches_everything()
                && (self.city.is_some() || self.organization.is_some()) =>
            {
                let message = format!("{role} is not bound to a city or an organization");
                return Err(Refusal::new(UserErrorCode::InvalidInput, message));
            }
            _ => return Ok(()),
        };
        Err(Refusal::new(UserErrorCode::InvalidInput, format!("{} needs {needs}", self.role)))
    }
}

/// Gives a person a role, if not held already, and a token that acts in it.
pub async fn create_token(
    app: &App,
    person: &Person,
    role: &NewRole,
    valid_days: i64,
) -> Result<(TokenId, Secret)> {
    create_scoped_token(app, person, role, valid_days, TokenScope::ReadWrite).await
}

/// As `create_token`, with a token that may be for reading only.
pub async fn create_scoped_token(
    app: &App,
    person: &Person,
    role: &NewRole,
    valid_days: i64,
    scope: TokenScope,
) -> Result<(TokenId, Secret)> {
    let secret = Secret::generate()?;
    let mut tx = audit::begin_unattended(&app.db, &app.clock, "thrive token create").await?;
    must_fit(&mut tx, role).await?;
    let given = role.granted(app, person.id);
    let limit = store::give_role(&mut tx, &given).await?.approval_limit;
    if limit != role.approval_limit {
        let held =
            limit.map_or("without a limit".into(), |limit| format!("with the limit {limit}"));
        let message =
            format!("{} holds {} {held} already: ask for the token so", person.name, role.role);
        return Err(Refusal::new(UserErrorCode::InvalidInput, message).into());
    }
    let lifetime = TimeDelta::days(valid_days);
    let token =
        AccessToken { scope, ..new_token(app, person.id, role.role, TokenKind::Token, lifetime) };
    store::insert_token(&mut tx, &token, &secret).await?;
    tx.commit().await?;
    Ok((token.id, secret))
}

/// A role is for what there is.
pub(super) async fn must_fit(tx: &mut PgConnection, role: &NewRole) -> Result<()> {
    role.check()?;
    if let Some(city) = role.city {
        cities::commands::must_exist(tx, &[city], "city").await?;
    }
    if let Some(organization) = role.organization
        && people::store::find_organizations(tx, &[organization]).await?.is_empty()
    {
        return Err(Refusal::not_found("organization").into());
    }
    Ok(())
}

/// Lets a browser act for a person who has just signed in, for twelve hours.
pub async fn begin_session(app: &App, identity: &Identity) -> Result<Secret> {
    let secret = Secret::generate()?;
    let token = new_token(app, identity.person, identity.role, TokenKind::Session, SESSION);
    let mut tx = audit::begin_unattended(&app.db, &app.clock, "sign-in").await?;
    store::insert_token(&mut tx, &token, &secret).await?;
    tx.commit().await?;
    Ok(secret)
}

/// A token that is about to be kept.
pub(super) fn new_token(
    app: &App,
    person: PersonId,
    role: Role,
    kind: TokenKind,
    lifetime: TimeDelta,
) -> AccessToken {
    let now = app.clock.now();
    AccessToken {
        id: TokenId::new(&app.clock),
        kind,
        role,
        scope: TokenScope::ReadWrite,
        purpose: None,
        created_at: now,
        expires_at: now + lifetime,
        last_used_at: None,
        revoked_at: None,
        person_id: person,
        created_by: None,
        revoked_by: None,
    }
}

/// Ends a token; false when there is none that is still open.
pub async fn revoke_token(app: &App, id: TokenId) -> Result<bool> {
    let mut tx = audit::begin_unattended(&app.db, &app.clock, "thrive token revoke").await?;
    let revoked = store::revoke_token(&mut *tx, id, None, app.clock.now()).await?;
    tx.commit().await?;
    Ok(revoked)
}

/// Ends a browser's session on its own word.
pub async fn end_session(app: &App, secret: &Secret) -> Result<()> {
    let mut tx = audit::begin_unattended(&app.db, &app.clock, "sign-out").await?;
    store::end_session(&mut *tx, secret, app.clock.now()).await?;
    Ok(tx.commit().await?)
}
