//! Tokens and roles, as they are listed.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

use super::{AccessToken, Role, RoleGrant, TokenKind};
use crate::{
    id::{PersonId, RoleGrantId, TokenId},
    page::{Count, Position, Window, figures_of, page_of},
};

/// The tokens with these ids that a person may see: all, or the own ones.
pub async fn find(
    db: impl PgExecutor<'_>,
    everybodys: bool,
    person: PersonId,
    ids: &[TokenId],
) -> sqlx::Result<Vec<AccessToken>> {
    sqlx::query_as!(
        AccessToken,
        "select id, person_id, role, kind, scope, purpose, created_at, expires_at, last_used_at, revoked_at,
                created_by, revoked_by
           from access_tokens where id = any($1) and ($2::bool or person_id = $3) order by id",
        ids as _,
        everybodys,
        person as _,
    )
    .fetch_all(db)
    .await
}

/// The roles of people with these ids that a person may see: all, or the own ones.
pub async fn find_roles(
    db: impl PgExecutor<'_>,
    everybodys: bool,
    person: PersonId,
    ids: &[RoleGrantId],
) -> sqlx::Result<Vec<RoleGrant>> {
    sqlx::query_as!(
        RoleGrant,
        "select id, person_id, role, city_id, organization_id, approval_limit, source, granted_at, granted_by,
                ended_at, ended_by
           from role_grants where id = any($1) and ($2::bool or person_id = $3) order by id",
        ids as _,
        everybodys,
        person as _,
    )
    .fetch_all(db)
    .await
}

/// The roles of many people, the latest given first; of each the last 100.
pub async fn roles_of_people(
    db: impl PgExecutor<'_>,
    people: &[PersonId],
) -> sqlx::Result<HashMap<PersonId, Vec<RoleGrant>>> {
    let rows = sqlx::query_as!(
        RoleGrant,
        "select r.id, r.person_id, r.role, r.city_id, r.organization_id, r.approval_limit, r.source, r.granted_at,
                r.granted_by, r.ended_at, r.ended_by
           from unnest($1::uuid[]) as wanted (person_id)
          cross join lateral (select * from role_grants where person_id = wanted.person_id
                               order by granted_at desc, id desc limit 100) r
          order by r.granted_at desc, r.id desc",
        people as _,
    )
    .fetch_all(db)
    .await?;
    let mut roles: HashMap<_, Vec<_>> = HashMap::new();
    for role in rows {
        roles.entry(role.person_id).or_default().push(role);
    }
    Ok(roles)
}

/// Which tokens are listed.
#[derive(Clone, Debug)]
pub struct TokenFilter {
    pub people: Option<Vec<PersonId>>,
    pub roles: Option<Vec<Role>>,
    pub kind: Option<TokenKind>,
    pub live: Option<bool>,
    pub updated_since: Option<DateTime<Utc>>,
    pub now: DateTime<Utc>,
}

macro_rules! listed {
    ($shape:ident, ($($head:tt)*), ($($window:tt)*), $filter:expr) => {
        $shape!(
            $($head)*,
            "select t.*, case when $8::text = 'CREATED_AT' then '' else '' end as sort_key
               from access_tokens t
              where ($9::uuid[] is null or t.person_id = any($9))
                and ($10::text[] is null or t.role = any($10))
                and ($11::text is null or t.kind = $11)
                and ($12::bool is null or $12 = (t.revoked_at is null and t.expires_at > $13::timestamptz))
                and ($14::timestamptz is null or greatest(t.created_at, t.revoked_at) >= $14)",
            $($window)*
            $filter.people.as_deref() as _,
            $filter.roles.as_deref() as _,
            $filter.kind as _,
            $filter.live,
            $filter.now,
            $filter.updated_since
        )
    };
}

pub async fn list(
    db: impl PgExecutor<'_>,
    window: &Window,
    filter: &TokenFilter,
) -> sqlx::Result<Vec<AccessToken>> {
    listed!(
        page_of,
        (
            AccessToken,
            "id, person_id, role, kind, scope, purpose, created_at, expires_at, last_used_at, revoked_at, created_by,
             revoked_by"
        ),
        (window,),
        filter
    )
    .fetch_all(db)
    .await
}

pub async fn count(db: impl PgExecutor<'_>, filter: &TokenFilter) -> sqlx::Result<i64> {
    let row =
        listed!(figures_of, (Count, r#"count(*) as "count!""#), (), filter).fetch_one(db).await?;
    Ok(row.count)
}

/// Ids are in the order in which tokens were made.
pub fn position(token: &AccessToken) -> Position {
    Position { key: String::new(), id: token.id.0 }
}
