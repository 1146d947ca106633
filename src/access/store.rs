use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

use super::{AccessToken, Identity, Reach, Role, Secret};
use crate::{
    id::{CityId, OrganizationId, PersonId, RoleGrantId, TokenId},
    money::Money,
};

/// The person behind a token that is live now, with the reach of all their roles of
/// its kind. One statement, which also notes the use, at most once a minute.
pub async fn identify(
    db: impl PgExecutor<'_>,
    secret: &Secret,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Identity>> {
    let row = sqlx::query!(
        r#"
        with live as (
            select id, person_id, role, last_used_at
              from access_tokens
             where secret_hash = $1 and revoked_at is null and expires_at > $2::timestamptz
        ), used as (
            update access_tokens set last_used_at = $2::timestamptz
             where id = (select id from live
                          where last_used_at is null or last_used_at < $2::timestamptz - interval '1 minute')
        )
        select live.person_id as "person: PersonId", live.role as "role: Role",
               count(r.id) as "roles!",
               bool_or(r.city_id is null and r.organization_id is null) as "unscoped",
               array_remove(array_agg(distinct r.city_id) || array_agg(distinct o.city_id) filter (where o.kind = 'CITY_GOVERNMENT'), null)
                   as "cities!: Vec<CityId>",
               array_remove(array_agg(distinct r.organization_id), null) as "organizations!: Vec<OrganizationId>",
               case when bool_and(r.approval_limit is not null) then max(r.approval_limit) end
                   as "approval_limit: Money"
          from live
          left join role_grants r on r.person_id = live.person_id and r.role = live.role and r.ended_at is null
          left join organizations o on o.id = r.organization_id
         group by live.person_id, live.role
        "#,
        secret.hash(),
        now,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.filter(|row| row.roles > 0).map(|row| {
        let everything = row.role.reaches_everything()
            || (row.role == Role::Service && row.unscoped == Some(true));
        Identity {
            person: row.person,
            role: row.role,
            reach: Reach { everything, cities: row.cities, organizations: row.organizations },
            approval_limit: row.approval_limit,
            request_id: None,
        }
    }))
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

pub struct NewRoleGrant {
    pub id: RoleGrantId,
    pub person: PersonId,
    pub role: Role,
    pub city: Option<CityId>,
    pub organization: Option<OrganizationId>,
    pub approval_limit: Option<Money>,
    pub granted_at: DateTime<Utc>,
}

/// Gives a role, or finds it held already. Answers the approval limit that it has.
pub async fn give_role(tx: &mut PgConnection, role: &NewRoleGrant) -> sqlx::Result<Option<Money>> {
    sqlx::query!(
        "insert into role_grants (id, person_id, role, city_id, organization_id, approval_limit, granted_at)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict do nothing",
        role.id as _,
        role.person as _,
        role.role as _,
        role.city as _,
        role.organization as _,
        role.approval_limit as _,
        role.granted_at,
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query_scalar!(
        r#"select approval_limit as "limit: Money" from role_grants
            where person_id = $1 and role = $2 and city_id is not distinct from $3
              and organization_id is not distinct from $4 and ended_at is null"#,
        role.person as _,
        role.role as _,
        role.city as _,
        role.organization as _,
    )
    .fetch_one(tx)
    .await
}

pub struct NewToken<'a> {
    pub id: TokenId,
    pub person: PersonId,
    pub role: Role,
    pub secret: &'a Secret,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

pub async fn insert_token(tx: &mut PgConnection, token: &NewToken<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into access_tokens (id, person_id, role, secret_hash, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6)",
        token.id as _,
        token.person as _,
        token.role as _,
        token.secret.hash(),
        token.created_at,
        token.expires_at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

pub async fn list_tokens(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<AccessToken>> {
    sqlx::query_as!(
        AccessToken,
        r#"
        select t.id, t.person_id, p.name as person_name, t.role as "role: Role",
               t.created_at, t.expires_at, t.last_used_at, t.revoked_at
          from access_tokens t
          join people p on p.id = t.person_id
         order by t.id
         limit 1000
        "#,
    )
    .fetch_all(db)
    .await
}

/// Ends a token; false when there is none that is still open.
pub async fn revoke_token(
    db: impl PgExecutor<'_>,
    id: TokenId,
    at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update access_tokens set revoked_at = $2 where id = $1 and revoked_at is null",
        id as _,
        at,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}
