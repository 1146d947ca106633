//! Accounts of identity providers, the roles that providers tell of, and browsers on their way.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

use super::{Role, RoleGrant, Secret};
use crate::id::PersonId;

/// Which person an account is, and when its provider wrote what it said last of the person's roles.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    pub person_id: PersonId,
    pub roles_at: Option<DateTime<Utc>>,
}

pub async fn find_account(
    db: impl PgExecutor<'_>,
    issuer: &str,
    subject: &str,
) -> sqlx::Result<Option<Account>> {
    sqlx::query_as!(
        Account,
        "select person_id, roles_at from person_accounts where issuer = $1 and subject = $2",
        issuer,
        subject,
    )
    .fetch_optional(db)
    .await
}

/// Makes an account the person's; where two do at once, both find the same.
pub async fn link(
    db: impl PgExecutor<'_>,
    issuer: &str,
    subject: &str,
    person: PersonId,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into person_accounts (issuer, subject, person_id, linked_at) values ($1, $2, $3, $4)
         on conflict (issuer, subject) do nothing",
        issuer,
        subject,
        person as _,
        at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notes what a provider's word is of. False when it is older than what was heard already.
pub async fn hear(
    tx: &mut PgConnection,
    issuer: &str,
    subject: &str,
    said_at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update person_accounts set roles_at = $3
          where issuer = $1 and subject = $2 and (roles_at is null or roles_at <= $3)",
        issuer,
        subject,
        said_at,
    )
    .execute(tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The roles that a person holds now.
pub async fn roles_held(db: impl PgExecutor<'_>, person: PersonId) -> sqlx::Result<Vec<RoleGrant>> {
    sqlx::query_as!(
        RoleGrant,
        "select id, person_id, role, city_id, organization_id, approval_limit, source, granted_at, granted_by,
                ended_at, ended_by
           from role_grants where person_id = $1 and ended_at is null order by granted_at, id",
        person as _,
    )
    .fetch_all(db)
    .await
}

/// Notes a browser that sets out, and clears away those that did not come back.
pub async fn begin_sign_in(
    db: impl PgExecutor<'_>,
    browser: &Secret,
    role: Option<Role>,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "with gone as (delete from sign_ins where expires_at < $3)
         insert into sign_ins (browser_hash, role, begun_at, expires_at) values ($1, $2, $3, $4)",
        browser.hash(),
        role as _,
        now,
        expires_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes in a browser that comes back in time, once. Answers the role that it set out for.
pub async fn finish_sign_in(
    db: impl PgExecutor<'_>,
    browser: &Secret,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Option<Role>>> {
    sqlx::query_scalar!(
        r#"update sign_ins set used_at = $2 where browser_hash = $1 and used_at is null and expires_at > $2
            returning role as "role: Role""#,
        browser.hash(),
        now,
    )
    .fetch_optional(db)
    .await
}
