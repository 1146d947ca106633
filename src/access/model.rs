use std::{ops::Deref, sync::Arc};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::Permission;
use crate::{
    Error, Refusal, Result,
    error::UserErrorCode,
    id::{CityId, OrganizationId, PersonId, TokenId},
    money::Money,
    text_enum::text_enum,
};

text_enum! {
    /// What a person may do. A token acts in one role.
    pub enum Role {
        /// Reads the own city's grants, plans, deadlines and mail.
        CityMember = "CITY_MEMBER",
        /// Finance staff of a recipient: as a city member, and requests disbursements for the own organization.
        CityFinance = "CITY_FINANCE",
        /// Reads and helps the assigned cities.
        Coach = "COACH",
        /// Drafts grants and keeps their deadlines.
        GrantManager = "GRANT_MANAGER",
        /// Decides awards and disbursements that somebody else drafted or asked for.
        Approver = "APPROVER",
        /// Schedules, pays and reverses disbursements.
        FiscalOfficer = "FISCAL_OFFICER",
        /// Maintains cities, organizations, people and their roles.
        ProgramAdmin = "PROGRAM_ADMIN",
        /// Reads everything, writes nothing.
        Auditor = "AUDITOR",
        /// A program that reads for an integration or a dashboard.
        Service = "SERVICE",
    }
}

impl Role {
    /// Roles whose scope is all of Thrive rather than certain cities or organizations.
    pub fn reaches_everything(self) -> bool {
        use Role::*;
        matches!(self, GrantManager | Approver | FiscalOfficer | ProgramAdmin | Auditor)
    }
}

#[derive(Clone, Debug)]
pub enum Actor {
    /// Nobody has signed in.
    Anyone,
    Person(Identity),
}

/// A signed-in person in one of their roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub person: PersonId,
    pub role: Role,
    pub reach: Reach,
    /// The most an approver may approve at once; none is no limit.
    pub approval_limit: Option<Money>,
    /// The request that the person acts in, as the logs name it.
    pub request_id: Option<Arc<str>>,
}

/// A person about to do what they may do.
#[derive(Clone, Copy, Debug)]
pub struct Acting<'a> {
    identity: &'a Identity,
    permission: Permission,
}

impl Acting<'_> {
    /// What is done, as the audit log names it.
    pub fn action(&self) -> &'static str {
        self.permission.action()
    }
}

impl Deref for Acting<'_> {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        self.identity
    }
}

/// What an actor can see: everything, or what touches these cities and organizations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    pub everything: bool,
    pub cities: Vec<CityId>,
    pub organizations: Vec<OrganizationId>,
}

impl Identity {
    /// Whether the addresses of others, and their mail, are shown.
    pub fn sees_contacts(&self) -> bool {
        Permission::SeeContacts.allows(Some(self.role))
    }

    /// Somebody who does it with a right that is not the own role's: an approver's delegate.
    pub fn acting_for_another(&self, permission: Permission) -> Acting<'_> {
        Acting { identity: self, permission }
    }
}

impl Actor {
    /// The person, where their role may do it.
    pub fn may(&self, permission: Permission) -> Result<Acting<'_>> {
        let Self::Person(identity) = self else { return Err(Error::Unauthenticated) };
        if !permission.allows(Some(identity.role)) {
            let needed: Vec<_> = permission.roles().iter().map(|role| role.as_str()).collect();
            let message = format!(
                "this needs the role {}; you act as {}",
                needed.join(" or "),
                identity.role
            );
            return Err(Refusal::new(UserErrorCode::Forbidden, message).into());
        }
        Ok(Acting { identity, permission })
    }

    /// What the actor reaches of what they ask to see. The answer is the same whether a thing exists or not.
    pub fn may_read(&self, permission: Permission) -> Result<Reach> {
        if !permission.allows(self.role()) {
            self.may(permission).map_err(|error| match error {
                Error::Refused(why) => Error::Forbidden(why.message),
                other => other,
            })?;
        }
        Ok(self.reach())
    }

    pub fn role(&self) -> Option<Role> {
        self.identity().map(|identity| identity.role)
    }

    /// The actor in a request of this name.
    pub fn in_request(self, id: &str) -> Self {
        match self {
            Self::Person(identity) => {
                Self::Person(Identity { request_id: Some(id.into()), ..identity })
            }
            Self::Anyone => Self::Anyone,
        }
    }

    pub fn identity(&self) -> Option<&Identity> {
        match self {
            Self::Person(identity) => Some(identity),
            Self::Anyone => None,
        }
    }

    /// Nobody reaches nothing.
    pub fn reach(&self) -> Reach {
        self.identity().map(|identity| identity.reach.clone()).unwrap_or_default()
    }
}

/// The secret of a token: shown once when it is made, kept only as its SHA-256.
pub struct Secret(String);

impl Secret {
    pub fn generate() -> Result<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no random bytes: {error}"))?;
        Ok(Self(format!("thrive_{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))))
    }

    pub fn presented(text: &str) -> Self {
        Self(text.into())
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.0.as_bytes()).to_vec()
    }
}

/// A token as `thrive token list` shows it, without its secret.
#[derive(Clone, Debug)]
pub struct AccessToken {
    pub id: TokenId,
    pub person_id: PersonId,
    pub person_name: String,
    pub role: Role,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
}
