//! Roles and tokens, on the operator's word: whoever can run the program on the
//! database can let people in.

use chrono::TimeDelta;

use super::{Role, Secret, store};
use crate::{
    App, Refusal, Result, audit, cities,
    error::UserErrorCode,
    id::{CityId, OrganizationId, RoleGrantId, TokenId},
    money::Money,
    people::{self, Person},
};

/// A role to give to a person.
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

    fn check(&self) -> Result<(), Refusal> {
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
    role.check()?;
    let secret = Secret::generate()?;
    let now = app.clock.now();
    let mut tx = audit::begin_unattended(&app.db, &app.clock, "thrive token create").await?;
    if let Some(city) = role.city {
        cities::commands::must_exist(&mut tx, &[city], "city").await?;
    }
    if let Some(organization) = role.organization
        && people::store::find_organizations(&mut *tx, &[organization]).await?.is_empty()
    {
        return Err(Refusal::not_found("organization").into());
    }
    let given = store::NewRoleGrant {
        id: RoleGrantId::new(&app.clock),
        person: person.id,
        role: role.role,
        city: role.city,
        organization: role.organization,
        approval_limit: role.approval_limit,
        granted_at: now,
    };
    let limit = store::give_role(&mut tx, &given).await?;
    if limit != role.approval_limit {
        let held =
            limit.map_or("without a limit".into(), |limit| format!("with the limit {limit}"));
        let message =
            format!("{} holds {} {held} already: ask for the token so", person.name, role.role);
        return Err(Refusal::new(UserErrorCode::InvalidInput, message).into());
    }
    let id = TokenId::new(&app.clock);
    let token = store::NewToken {
        id,
        person: person.id,
        role: role.role,
        secret: &secret,
        created_at: now,
        expires_at: now + TimeDelta::days(valid_days),
    };
    store::insert_token(&mut tx, &token).await?;
    tx.commit().await?;
    Ok((id, secret))
}

/// Ends a token; false when there is none that is still open.
pub async fn revoke_token(app: &App, id: TokenId) -> Result<bool> {
    let mut tx = audit::begin_unattended(&app.db, &app.clock, "thrive token revoke").await?;
    let revoked = store::revoke_token(&mut *tx, id, app.clock.now()).await?;
    tx.commit().await?;
    Ok(revoked)
}
