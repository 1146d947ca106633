use std::collections::{HashMap, HashSet};

use sqlx::{PgConnection, PgExecutor};

use super::{DocumentKind, GrantDocument};
use crate::{
    access::Reach,
    id::{DocumentId, GrantId},
    page::{Position, Window},
};

pub async fn insert(tx: &mut PgConnection, document: &GrantDocument) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into grant_documents (id, grant_id, kind, title, dated_on, url, sha256, added_by, added_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        document.id as _,
        document.grant_id as _,
        document.kind as _,
        document.title,
        document.dated_on as _,
        document.url,
        document.sha256,
        document.added_by as _,
        document.added_at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// The documents with these ids, of grants that an actor may see.
pub async fn find(
    db: impl PgExecutor<'_>,
    reach: &Reach,
    ids: &[DocumentId],
) -> sqlx::Result<Vec<GrantDocument>> {
    sqlx::query_as!(
        GrantDocument,
        "select d.id, d.grant_id, d.kind, d.title, d.dated_on, d.url, d.sha256, d.added_by, d.added_at
           from grant_documents d join grants g on g.id = d.grant_id
          where d.id = any($1)
            and ($2::bool or g.recipient_id = any($3::uuid[])
                 or exists (select from grant_cities c where c.grant_id = g.id and c.city_id = any($4::uuid[])))
          order by d.id",
        ids as _,
        reach.everything,
        reach.organizations.as_slice() as _,
        reach.cities.as_slice() as _,
    )
    .fetch_all(db)
    .await
}

/// One page of the documents of each of many grants, by their dates, in one statement.
pub async fn of_grants(
    db: impl PgExecutor<'_>,
    window: &Window,
    grants: &[GrantId],
) -> sqlx::Result<HashMap<GrantId, Vec<GrantDocument>>> {
    let rows = sqlx::query_as!(
        GrantDocument,
        "select page.id, page.grant_id, page.kind, page.title, page.dated_on, page.url, page.sha256, page.added_by,
                page.added_at
           from unnest($1::uuid[]) with ordinality as wanted (grant_id, place)
          cross join lateral (
                select listed.*, row_number() over (order by case when not $6::bool then sort_key end,
                                                          case when $6::bool then sort_key end desc,
                                                          case when not $6::bool then id end,
                                                          case when $6::bool then id end desc) as line
                  from (select d.*, to_char(d.dated_on, 'YYYY-MM-DD') collate \"C\" as sort_key
                          from grant_documents d
                         where d.grant_id = wanted.grant_id) listed
                 where ($2::text is null or (sort_key, id) < ($2, $3::uuid))
                   and ($4::text is null or (sort_key, id) > ($4, $5::uuid))
                 order by line
                 limit $7::bigint) page
          order by wanted.place, page.line",
        grants as _,
        window.after.as_ref().map(|at| at.key.as_str()),
        window.after.as_ref().map(|at| at.id),
        window.before.as_ref().map(|at| at.key.as_str()),
        window.before.as_ref().map(|at| at.id),
        window.reads_descending(),
        window.limit(),
    )
    .fetch_all(db)
    .await?;
    let mut pages: HashMap<_, Vec<_>> = HashMap::new();
    for document in rows {
        pages.entry(document.grant_id).or_default().push(document);
    }
    Ok(pages)
}

pub async fn count_of_grants(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
) -> sqlx::Result<HashMap<GrantId, i64>> {
    let rows = sqlx::query!(
        r#"select grant_id as "grant: GrantId", count(*) as "count!" from grant_documents
            where grant_id = any($1) group by grant_id"#,
        grants as _,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.grant, row.count)).collect())
}

/// Which of these grants have a document of a kind.
pub async fn having(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
    kind: DocumentKind,
) -> sqlx::Result<HashSet<GrantId>> {
    let found = sqlx::query_scalar!(
        r#"select distinct grant_id as "grant: GrantId" from grant_documents where grant_id = any($1) and kind = $2"#,
        grants as _,
        kind as _,
    )
    .fetch_all(db)
    .await?;
    Ok(found.into_iter().collect())
}

/// Where a document stands in the list; the same text as the statement's `sort_key`.
pub fn position(document: &GrantDocument) -> Position {
    Position { key: document.dated_on.to_string(), id: document.id.0 }
}
