use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

use super::{AuditChange, AuditEntry, Seal, SealedEntry};
use crate::{
    access::{Identity, Role},
    id::{AuditEntryId, GrantId, PersonId},
    page::{Count, Position, Window, figures_of, page_of},
};

/// Says on whose behalf the transaction works from here on.
pub async fn act_as(
    tx: &mut PgConnection,
    who: Option<&Identity>,
    doing: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query_scalar!(
        r#"select act_as($1, $2, $3, $4, $5) as "acting!""#,
        who.map(|who| who.person) as _,
        who.map(|who| who.role.as_str()),
        who.and_then(|who| who.request_id.as_deref()),
        doing,
        now,
    )
    .fetch_one(tx)
    .await?;
    Ok(())
}

/// Whether an entry waits for its seal.
pub async fn waits(db: impl PgExecutor<'_>) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"select exists (select from audit_unsealed) as "waits!""#)
        .fetch_one(db)
        .await
}

/// One at a time adds to the chain.
pub async fn lock_chain(tx: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query_scalar!(
        r#"select pg_advisory_xact_lock(hashtext('thrive audit chain')) is null as "held!""#
    )
    .fetch_one(tx)
    .await?;
    Ok(())
}

/// The last seal.
pub async fn head(tx: &mut PgConnection) -> sqlx::Result<Option<Seal>> {
    sqlx::query_as!(
        Seal,
        "select position, number, hash from audit_seals order by position desc limit 1"
    )
    .fetch_optional(tx)
    .await
}

/// Takes entries that wait for their seal, the earliest first.
pub async fn take_unsealed(tx: &mut PgConnection, batch: i64) -> sqlx::Result<Vec<SealedEntry>> {
    sqlx::query_as!(
        SealedEntry,
        r#"
        with taken as (
            delete from audit_unsealed
             where number in (select number from audit_unsealed order by number limit $1)
            returning number
        )
        select e.number as "number!",
               audit_columns(e) as "columns!: Vec<Option<String>>"
          from taken join audit_entries e using (number)
         order by e.number
        "#,
        batch,
    )
    .fetch_all(tx)
    .await
}

pub async fn insert_seals(
    tx: &mut PgConnection,
    seals: &[Seal],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let positions: Vec<_> = seals.iter().map(|seal| seal.position).collect();
    let numbers: Vec<_> = seals.iter().map(|seal| seal.number).collect();
    let hashes: Vec<_> = seals.iter().map(|seal| seal.hash.clone()).collect();
    sqlx::query!(
        "insert into audit_seals (position, number, hash, sealed_at)
         select s.position, s.number, s.hash, $4
           from unnest($1::bigint[], $2::bigint[], $3::bytea[]) as s (position, number, hash)",
        &positions,
        &numbers,
        &hashes,
        now,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// The seals after a position with the entries that they are for, where these are still there.
pub async fn sealed_after(
    tx: &mut PgConnection,
    position: i64,
    limit: i64,
) -> sqlx::Result<Vec<(Seal, Option<SealedEntry>)>> {
    let rows = sqlx::query!(
        r#"
        select s.position, s.number, s.hash, e.number is not null as "there!",
               audit_columns(e) as "columns!: Vec<Option<String>>"
          from audit_seals s
          left join audit_entries e using (number)
         where s.position > $1
         order by s.position
         limit $2
        "#,
        position,
        limit,
    )
    .fetch_all(tx)
    .await?;
    let rows = rows.into_iter().map(|row| {
        let entry = SealedEntry { number: row.number, columns: row.columns };
        let seal = Seal { position: row.position, number: row.number, hash: row.hash };
        (seal, row.there.then_some(entry))
    });
    Ok(rows.collect())
}

/// Entries without a seal, whether they wait for one or were kept from it.
pub async fn count_unsealed(tx: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from audit_entries e
            where not exists (select from audit_seals s where s.number = e.number)"#
    )
    .fetch_one(tx)
    .await
}

pub async fn find(db: impl PgExecutor<'_>, ids: &[AuditEntryId]) -> sqlx::Result<Vec<AuditEntry>> {
    sqlx::query_as!(
        AuditEntry,
        r#"
        select e.id as "id: AuditEntryId", e.recorded_at, e.person_id as "person_id: PersonId", e.role as "role: Role",
               e.request_id, e.action, e.table_name, e.object_id, e.grant_id as "grant_id: GrantId",
               e.change as "change: AuditChange", e.before, e.after, e.reason,
               s.position as "position?", s.hash as "hash?"
          from audit_entries e
          left join audit_seals s using (number)
         where e.id = any($1)
         order by e.id
        "#,
        ids as _,
    )
    .fetch_all(db)
    .await
}

#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    pub people: Option<Vec<PersonId>>,
    pub actions: Option<Vec<String>>,
    pub objects: Option<Vec<uuid::Uuid>>,
    pub grants: Option<Vec<GrantId>>,
    pub tables: Option<Vec<String>>,
    pub request_id: Option<String>,
    pub recorded_from: Option<DateTime<Utc>>,
    pub recorded_to: Option<DateTime<Utc>>,
    pub unattributed: Option<bool>,
}

macro_rules! listed {
    ($shape:ident, ($($head:tt)*), ($($window:tt)*), $filter:expr) => {
        $shape!(
            $($head)*,
            "select e.*, s.position, s.hash,
                    coalesce(left($8::text, 0), '') || to_char(e.recorded_at at time zone 'UTC', 'YYYYMMDDHH24MISSUS')
                        as sort_key
               from audit_entries e
               left join audit_seals s using (number)
              where ($9::uuid[] is null or e.person_id = any($9))
                and ($10::text[] is null or e.action = any($10))
                and ($11::uuid[] is null or e.object_id = any($11))
                and ($12::uuid[] is null or e.grant_id = any($12))
                and ($13::text[] is null or e.table_name = any($13))
                and ($14::text is null or e.request_id = $14)
                and ($15::timestamptz is null or e.recorded_at >= $15)
                and ($16::timestamptz is null or e.recorded_at < $16)
                and ($17::bool is null or (e.action is null) = $17)",
            $($window)*
            $filter.people.as_deref() as _,
            $filter.actions.as_deref() as _,
            $filter.objects.as_deref() as _,
            $filter.grants.as_deref() as _,
            $filter.tables.as_deref() as _,
            $filter.request_id,
            $filter.recorded_from,
            $filter.recorded_to,
            $filter.unattributed
        )
    };
}

pub async fn list(
    db: impl PgExecutor<'_>,
    window: &Window,
    filter: &AuditFilter,
) -> sqlx::Result<Vec<AuditEntry>> {
    listed!(
        page_of,
        (
            AuditEntry,
            r#"id as "id!: AuditEntryId", recorded_at as "recorded_at!", person_id as "person_id: PersonId",
               role as "role: Role", request_id, action, table_name as "table_name!", object_id,
               grant_id as "grant_id: GrantId", change as "change!: AuditChange", before, after, reason,
               position as "position?", hash as "hash?""#
        ),
        (window,),
        filter
    )
    .fetch_all(db)
    .await
}

pub async fn count(db: impl PgExecutor<'_>, filter: &AuditFilter) -> sqlx::Result<i64> {
    let row =
        listed!(figures_of, (Count, r#"count(*) as "count!""#), (), filter).fetch_one(db).await?;
    Ok(row.count)
}

pub fn position(entry: &AuditEntry) -> Position {
    Position { key: entry.recorded_at.format("%Y%m%d%H%M%S%6f").to_string(), id: entry.id.0 }
}

pub mod exported;
