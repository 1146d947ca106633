use sqlx::{PgConnection, PgExecutor};

use super::{Organization, Person};
use crate::{
    access::{Identity, Reach},
    id::{OrganizationId, PersonId},
    page::{Count, Position, Window, figures_of, page_of},
};

pub async fn find_organizations(
    db: impl PgExecutor<'_>,
    ids: &[OrganizationId],
) -> sqlx::Result<Vec<Organization>> {
    sqlx::query_as!(
        Organization,
        "select id, name, kind, city_id, county_id, fictional, created_at
           from organizations where id = any($1) order by id",
        ids as _,
    )
    .fetch_all(db)
    .await
}

/// An organization by its name, in any case, or by its id.
pub async fn find_organization(
    db: impl PgExecutor<'_>,
    name: &str,
) -> sqlx::Result<Option<Organization>> {
    let id: Option<OrganizationId> = name.parse().ok();
    sqlx::query_as!(
        Organization,
        "select id, name, kind, city_id, county_id, fictional, created_at
           from organizations where id = $1 or lower(btrim(name)) = lower(btrim($2))",
        id as _,
        name,
    )
    .fetch_optional(db)
    .await
}

pub async fn insert_organization(tx: &mut PgConnection, new: &Organization) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into organizations (id, name, kind, city_id, county_id, fictional, created_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        new.id as _,
        new.name,
        new.kind as _,
        new.city_id as _,
        new.county_id as _,
        new.fictional,
        new.created_at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

pub async fn find_people(db: impl PgExecutor<'_>, ids: &[PersonId]) -> sqlx::Result<Vec<Person>> {
    sqlx::query_as!(
        Person,
        "select id, name, position, email, phone, mailing_address, organization_id, city_id, fictional, created_at
           from people where id = any($1) order by id",
        ids as _,
    )
    .fetch_all(db)
    .await
}

/// Those of these people that the viewer may see; the same as in `list`.
pub async fn find_visible(
    db: impl PgExecutor<'_>,
    viewer: &Identity,
    ids: &[PersonId],
) -> sqlx::Result<Vec<Person>> {
    sqlx::query_as!(
        Person,
        "select id, name, position, email, phone, mailing_address, organization_id, city_id, fictional, created_at
           from people
          where id = any($1)
            and ($2::bool or id = $3 or organization_id = any($4::uuid[]) or city_id = any($5::uuid[]))
          order by id",
        ids as _,
        viewer.reach.everything,
        viewer.person as _,
        viewer.reach.organizations.as_slice() as _,
        viewer.reach.cities.as_slice() as _,
    )
    .fetch_all(db)
    .await
}

pub async fn find_by_email(db: impl PgExecutor<'_>, email: &str) -> sqlx::Result<Option<Person>> {
    sqlx::query_as!(
        Person,
        "select id, name, position, email, phone, mailing_address, organization_id, city_id, fictional, created_at
           from people where lower(email) = lower($1)",
        email,
    )
    .fetch_optional(db)
    .await
}

pub async fn insert_person(tx: &mut PgConnection, new: &Person) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into people (id, name, position, email, phone, mailing_address, organization_id, city_id, fictional,
                             created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        new.id as _,
        new.name,
        new.position,
        new.email,
        new.phone,
        new.mailing_address,
        new.organization_id as _,
        new.city_id as _,
        new.fictional,
        new.created_at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

#[derive(Clone, Debug, Default)]
pub struct PersonFilter {
    pub search: Option<String>,
    pub organizations: Option<Vec<OrganizationId>>,
    pub updated_since: Option<chrono::DateTime<chrono::Utc>>,
}

/// Whom an actor may see: everyone, or the own person and the people of the own cities
/// and organizations.
macro_rules! listed {
    ($shape:ident, ($($head:tt)*), ($($window:tt)*), $filter:expr, $viewer:expr, $reach:expr) => {
        $shape!(
            $($head)*,
            "select p.*, case when $8::text = 'NAME' then lower(p.name collate \"C\") else '' end as sort_key
               from people p
              where ($9::bool or p.id = $10::uuid or p.organization_id = any($11::uuid[])
                     or p.city_id = any($12::uuid[]))
                and ($13::text is null or strpos(lower(p.name), lower($13)) > 0)
                and ($14::uuid[] is null or p.organization_id = any($14))
                and ($15::timestamptz is null or p.created_at >= $15)",
            $($window)*
            $reach.everything,
            $viewer as _,
            $reach.organizations.as_slice() as _,
            $reach.cities.as_slice() as _,
            $filter.search.as_deref(),
            $filter.organizations.as_deref() as _,
            $filter.updated_since
        )
    };
}

pub async fn list(
    db: impl PgExecutor<'_>,
    window: &Window,
    filter: &PersonFilter,
    viewer: PersonId,
    reach: &Reach,
) -> sqlx::Result<Vec<Person>> {
    listed!(
        page_of,
        (Person, "id, name, position, email, phone, mailing_address, organization_id, city_id, fictional, created_at"),
        (window,),
        filter,
        viewer,
        reach
    )
    .fetch_all(db)
    .await
}

pub async fn count(
    db: impl PgExecutor<'_>,
    filter: &PersonFilter,
    viewer: PersonId,
    reach: &Reach,
) -> sqlx::Result<i64> {
    let row = listed!(figures_of, (Count, r#"count(*) as "count!""#), (), filter, viewer, reach)
        .fetch_one(db)
        .await?;
    Ok(row.count)
}

pub fn position(person: &Person) -> Position {
    Position { key: person.name.to_ascii_lowercase(), id: person.id.0 }
}
