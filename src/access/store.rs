use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

use super::{AccessToken, Identity, Known, Reach, Role, RoleGrant, Secret, TokenScope};
use crate::{
    id::{CityId, OrganizationId, PersonId, RoleGrantId, TokenId},
    money::Money,
};

/// The person behind a token that is live now, with the reach of all their roles of
/// its kind.
pub async fn identify(
    db: impl PgExecutor<'_>,
    secret: &Secret,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Identity>> {
    Ok(look_up(db, secret, now).await?.map(|known| known.identity))
}

/// As `identify`, with what it takes to remember it. One statement, which also notes the use, at most once a minute.
pub async fn look_up(
    db: impl PgExecutor<'_>,
    secret: &Secret,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Known>> {
    let row = sqlx::query!(
        r#"
        with live as (
            select id, person_id, role, scope, expires_at, last_used_at
              from access_tokens
             where secret_hash = $1 and revoked_at is null and expires_at > $2::timestamptz
        ), used as (
            update access_tokens set last_used_at = $2::timestamptz
             where id = (select id from live
                          where last_used_at is null or last_used_at < $2::timestamptz - interval '1 minute')
        )
        select live.person_id as "person: PersonId", live.role as "role: Role", live.scope as "scope: TokenScope",
               held.unscoped as "unscoped!", held.cities as "cities!: Vec<CityId>",
               held.organizations as "organizations!: Vec<OrganizationId>",
               held.approval_limit as "approval_limit: Money", live.expires_at, access_stamp.stamp
          from live cross join lateral acting_in(live.person_id, live.role) held
          cross join access_stamp
        "#,
        secret.hash(),
        now,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| {
        let held = Held {
            person: row.person,
            role: row.role,
            scope: row.scope,
            unscoped: row.unscoped,
            cities: row.cities,
            organizations: row.organizations,
            approval_limit: row.approval_limit,
        };
        Known { identity: held.into(), expires_at: row.expires_at, stamp: row.stamp }
    }))
}

/// A person in a role that is held now.
pub async fn in_role(
    db: impl PgExecutor<'_>,
    person: PersonId,
    role: Role,
) -> sqlx::Result<Option<Identity>> {
    let row = sqlx::query_as!(
        Held,
        r#"
        select $1::uuid as "person!: PersonId", $2::text as "role!: Role", 'READ_WRITE' as "scope!: TokenScope",
               held.unscoped as "unscoped!", held.cities as "cities!: Vec<CityId>",
               held.organizations as "organizations!: Vec<OrganizationId>",
               held.approval_limit as "approval_limit: Money"
          from acting_in($1, $2) held
        "#,
        person as _,
        role as _,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Into::into))
}

struct Held {
    person: PersonId,
    role: Role,
    scope: TokenScope,
    unscoped: bool,
    cities: Vec<CityId>,
    organizations: Vec<OrganizationId>,
    approval_limit: Option<Money>,
}

impl From<Held> for Identity {
    fn from(row: Held) -> Self {
        let everything = row.role.reaches_everything() || row.role == Role::Service && row.unscoped;
        Self {
            person: row.person,
            role: row.role,
            reach: Reach { everything, cities: row.cities, organizations: row.organizations },
            approval_limit: row.approval_limit,
            request_id: None,
            scope: row.scope,
        }
    }
}

/// Whether a person holds a role now.
pub async fn holds(db: impl PgExecutor<'_>, person: PersonId, role: Role) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from role_grants
                           where person_id = $1 and role = $2 and ended_at is null) as "holds!""#,
        person as _,
        role as _,
    )
    .fetch_one(db)
    .await
}

/// Gives a role, or finds it held already. Answers the one that is held.
pub async fn give_role(tx: &mut PgConnection, role: &RoleGrant) -> sqlx::Result<RoleGrant> {
    sqlx::query!(
        "insert into role_grants (id, person_id, role, city_id, organization_id, approval_limit, granted_at, source, granted_by)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict do nothing",
        role.id as _,
        role.person_id as _,
        role.role as _,
        role.city_id as _,
        role.organization_id as _,
        role.approval_limit as _,
        role.granted_at,
        role.source as _,
        role.granted_by as _,
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query_as!(
        RoleGrant,
        "select id, person_id, role, city_id, organization_id, approval_limit, source, granted_at, granted_by,
                ended_at, ended_by
           from role_grants
          where person_id = $1 and role = $2 and city_id is not distinct from $3
            and organization_id is not distinct from $4 and ended_at is null",
        role.person_id as _,
        role.role as _,
        role.city_id as _,
        role.organization_id as _,
    )
    .fetch_one(tx)
    .await
}

/// Ends a role, unless somebody did meanwhile.
pub async fn end_role(
    tx: &mut PgConnection,
    id: RoleGrantId,
    by: Option<PersonId>,
    at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update role_grants set ended_at = $2, ended_by = $3 where id = $1 and ended_at is null",
        id as _,
        at,
        by as _,
    )
    .execute(tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn insert_token(
    tx: &mut PgConnection,
    token: &AccessToken,
    secret: &Secret,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into access_tokens (id, person_id, role, secret_hash, created_at, expires_at, kind, scope, purpose, created_by)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        token.id as _,
        token.person_id as _,
        token.role as _,
        secret.hash(),
        token.created_at,
        token.expires_at,
        token.kind as _,
        token.scope as _,
        token.purpose,
        token.created_by as _,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// The tokens that programs use, as the command line lists them.
pub async fn list_tokens(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<AccessToken>> {
    sqlx::query_as!(
        AccessToken,
        "select id, person_id, role, kind, scope, purpose, created_at, expires_at, last_used_at, revoked_at,
                created_by, revoked_by
           from access_tokens where kind = 'TOKEN' order by id limit 1000",
    )
    .fetch_all(db)
    .await
}

/// Ends a token; false when there is none that is still open.
pub async fn revoke_token(
    db: impl PgExecutor<'_>,
    id: TokenId,
    by: Option<PersonId>,
    at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update access_tokens set revoked_at = $2, revoked_by = $3 where id = $1 and revoked_at is null",
        id as _,
        at,
        by as _,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends a browser's session. A token that somebody pasted goes on: others may use it.
pub async fn end_session(
    db: impl PgExecutor<'_>,
    secret: &Secret,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update access_tokens set revoked_at = $2, revoked_by = person_id
          where secret_hash = $1 and kind = 'SESSION' and revoked_at is null",
        secret.hash(),
        at,
    )
    .execute(db)
    .await?;
    Ok(())
}
