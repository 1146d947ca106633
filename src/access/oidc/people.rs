//! Who an account is in Thrive, and in which roles.

use super::{Oidc, Said};
use crate::{
    App, Error, Refusal, Result,
    access::{
        Identity, Role, RoleGrant, RoleSource, account_store, account_store::Account,
        commands::NewRole, store,
    },
    audit,
    error::UserErrorCode::Forbidden,
    id::PersonId,
    people,
};

/// A person whom the provider vouches for, and the roles to act in.
#[derive(Debug)]
pub struct Known {
    pub person: PersonId,
    /// In the order of `Role`, each once.
    pub roles: Vec<Role>,
}

impl Oidc {
    /// Finds the person of an account, and follows what the provider says of the person's roles.
    pub async fn recognize(&self, app: &App, said: &Said) -> Result<Known> {
        let account = self.account(app, said).await?;
        let person = account.person_id;
        let mut roles: Vec<Role> = match &self.mapping {
            Some(mapping) => {
                let given = mapping.of(&said.claims);
                let held = self.follow(app, said, account, &given).await?;
                let told = |role: &Role| given.iter().any(|given| given.role == *role);
                held.into_iter().map(|held| held.role).filter(told).collect()
            }
            None => {
                let held = account_store::roles_held(&app.db, person).await?;
                held.into_iter().map(|held| held.role).collect()
            }
        };
        roles.sort_unstable();
        roles.dedup();
        Ok(Known { person, roles })
    }

    async fn account(&self, app: &App, said: &Said) -> Result<Account> {
        let (issuer, subject) = (&self.config.issuer, &said.subject);
        if let Some(account) = account_store::find_account(&app.db, issuer, subject).await? {
            return Ok(account);
        }
        let Some(email) = said.verified_email() else {
            let message = format!(
                "your account is nobody's in Thrive yet, and says no verified e-mail address: sign in once with a browser \
                 at {}/sign-in, or have `email` and `email_verified` put into your tokens",
                app.public_url
            );
            return Err(Refusal::new(Forbidden, message).into());
        };
        let Some(person) = people::store::find_by_email(&app.db, email).await? else {
            let message = "nobody in Thrive has the e-mail address of your account: ask a program administrator to \
                           enter you with it";
            return Err(Refusal::new(Forbidden, message).into());
        };
        let now = app.clock.now();
        let mut tx = audit::begin_unattended(&app.db, &app.clock, "sign-in").await?;
        account_store::link(&mut *tx, issuer, subject, person.id, now).await?;
        tx.commit().await?;
        let linked = account_store::find_account(&app.db, issuer, subject).await?;
        Ok(linked.ok_or_else(|| anyhow::anyhow!("an account was linked and is not there"))?)
    }

    /// Gives and ends roles so that those of the provider's are the ones it gives. Answers the roles held then.
    async fn follow(
        &self,
        app: &App,
        said: &Said,
        account: Account,
        given: &[NewRole],
    ) -> Result<Vec<RoleGrant>> {
        let person = account.person_id;
        let held = account_store::roles_held(&app.db, person).await?;
        let news = account.roles_at.is_none_or(|heard| heard < said.at);
        if !news && differences(&held, given).is_none() {
            return Ok(held);
        }
        let mut tx = audit::begin_unattended(&app.db, &app.clock, "sign-in").await?;
        let (issuer, subject) = (&self.config.issuer, &said.subject);
        if !account_store::hear(&mut tx, issuer, subject, said.at).await? {
            return Ok(held);
        }
        let held = account_store::roles_held(&mut *tx, person).await?;
        if let Some((surplus, missing)) = differences(&held, given) {
            let now = app.clock.now();
            for role in surplus {
                store::end_role(&mut tx, role.id, None, now).await?;
            }
            for role in missing {
                let role = RoleGrant { source: RoleSource::Provider, ..role.granted(app, person) };
                store::give_role(&mut tx, &role).await?;
            }
        }
        let held = account_store::roles_held(&mut *tx, person).await?;
        tx.commit().await?;
        Ok(held)
    }
}

type Differences<'a> = (Vec<&'a RoleGrant>, Vec<&'a NewRole>);

/// The provider's roles that it no longer gives, and those that it gives and nobody did; none when there are neither.
fn differences<'a>(held: &'a [RoleGrant], given: &'a [NewRole]) -> Option<Differences<'a>> {
    let same = |held: &RoleGrant, given: &NewRole| {
        held.scope() == given.scope()
            && (held.source == RoleSource::Thrive || held.approval_limit == given.approval_limit)
    };
    let ours = held.iter().filter(|held| held.source == RoleSource::Provider);
    let surplus: Vec<_> =
        ours.filter(|held| !given.iter().any(|given| same(held, given))).collect();
    let missing: Vec<_> =
        given.iter().filter(|given| !held.iter().any(|held| same(held, given))).collect();
    (!surplus.is_empty() || !missing.is_empty()).then_some((surplus, missing))
}

impl Known {
    /// The person in the role that was asked for, or in the only one.
    pub async fn act(&self, app: &App, wanted: Option<Role>) -> Result<Identity> {
        let role = self.choose(wanted)?;
        let identity = store::in_role(&app.db, self.person, role).await?;
        identity.ok_or_else(|| Error::Refused(Refusal::new(Forbidden, "the role has just ended")))
    }

    fn choose(&self, wanted: Option<Role>) -> Result<Role> {
        let listed = || self.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
        let message = match (wanted, self.roles.as_slice()) {
            (_, []) => {
                "your account gives you no role in Thrive: ask a program administrator for one"
                    .into()
            }
            (Some(role), roles) if roles.contains(&role) => return Ok(role),
            (Some(role), _) => {
                format!("your account does not give you the role {role}; it gives {}", listed())
            }
            (None, [only]) => return Ok(*only),
            (None, _) => format!(
                "your account gives you several roles: name the one to act in, of {}, in the header `Thrive-Role`",
                listed()
            ),
        };
        Err(Refusal::new(Forbidden, message).into())
    }
}

impl Said {
    /// Only an address that the provider vouches for says who somebody is.
    fn verified_email(&self) -> Option<&str> {
        let verified = self.claims.get("email_verified")?;
        let verified = verified == true || verified == "true";
        self.claims.get("email")?.as_str().filter(|_| verified)
    }
}
