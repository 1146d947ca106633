use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

use super::{Allocation, AllocationReceipt, AllocationSpend};
use crate::{
    access::Reach,
    id::{AllocationId, AllocationReceiptId, AllocationSpendId, OrganizationId, ProgramId},
    money::Money,
    page::{Position, Window, figures_of, page_of},
    streams::StreamCode,
};

/// The allocations with these ids that an actor may see: those of the own organizations, and of the own cities'
/// governments.
pub async fn find(
    db: impl PgExecutor<'_>,
    reach: &Reach,
    ids: &[AllocationId],
) -> sqlx::Result<Vec<Allocation>> {
    sqlx::query_as!(
        Allocation,
        "select al.id, al.program_id, al.recipient_id, o.name as recipient_name, al.created_by, al.created_at, al.updated_at
           from allocations al
           join organizations o on o.id = al.recipient_id
          where al.id = any($1)
            and ($2::bool or o.id = any($3::uuid[]) or (o.kind = 'CITY_GOVERNMENT' and o.city_id = any($4::uuid[])))
          order by al.id",
        ids as _,
        reach.everything,
        reach.organizations.as_slice() as _,
        reach.cities.as_slice() as _,
    )
    .fetch_all(db)
    .await
}

/// Holds an allocation until the transaction ends: whatever moves its money waits.
pub async fn hold(tx: &mut PgConnection, id: AllocationId) -> sqlx::Result<()> {
    sqlx::query!("select id from allocations where id = $1 for no key update", id as _)
        .fetch_optional(tx)
        .await?;
    Ok(())
}

pub async fn insert(tx: &mut PgConnection, new: &Allocation) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into allocations (id, program_id, recipient_id, created_by, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6)",
        new.id as _,
        new.program_id as _,
        new.recipient_id as _,
        new.created_by as _,
        new.created_at,
        new.updated_at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Notes that money of an allocation moved.
pub async fn touch(tx: &mut PgConnection, id: AllocationId, at: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("update allocations set updated_at = $2 where id = $1", id as _, at)
        .execute(tx)
        .await?;
    Ok(())
}

/// The receipts with these ids, of allocations that an actor may see.
pub async fn find_receipts(
    db: impl PgExecutor<'_>,
    reach: &Reach,
    ids: &[AllocationReceiptId],
) -> sqlx::Result<Vec<AllocationReceipt>> {
    sqlx::query_as!(
        AllocationReceipt,
        "select r.id, r.allocation_id, r.fiscal_year, r.received_on, r.amount, r.reference, r.rule_id, r.recorded_by,
                r.recorded_at
           from allocation_receipts r
           join allocations al on al.id = r.allocation_id
           join organizations o on o.id = al.recipient_id
          where r.id = any($1)
            and ($2::bool or o.id = any($3::uuid[]) or (o.kind = 'CITY_GOVERNMENT' and o.city_id = any($4::uuid[])))
          order by r.id",
        ids as _,
        reach.everything,
        reach.organizations.as_slice() as _,
        reach.cities.as_slice() as _,
    )
    .fetch_all(db)
    .await
}

/// The spends with these ids, of allocations that an actor may see.
pub async fn find_spends(
    db: impl PgExecutor<'_>,
    reach: &Reach,
    ids: &[AllocationSpendId],
) -> sqlx::Result<Vec<AllocationSpend>> {
    sqlx::query_as!(
        AllocationSpend,
        "select s.id, s.allocation_id, s.component, s.amount, s.spent_on, s.description, s.reference, s.recorded_by,
                s.recorded_at
           from allocation_spends s
           join allocations al on al.id = s.allocation_id
           join organizations o on o.id = al.recipient_id
          where s.id = any($1)
            and ($2::bool or o.id = any($3::uuid[]) or (o.kind = 'CITY_GOVERNMENT' and o.city_id = any($4::uuid[])))
          order by s.id",
        ids as _,
        reach.everything,
        reach.organizations.as_slice() as _,
        reach.cities.as_slice() as _,
    )
    .fetch_all(db)
    .await
}

#[derive(Clone, Debug, Default)]
pub struct AllocationFilter {
    pub streams: Option<Vec<StreamCode>>,
    pub programs: Option<Vec<ProgramId>>,
    pub recipients: Option<Vec<OrganizationId>>,
    pub updated_since: Option<DateTime<Utc>>,
}

macro_rules! listed {
    ($shape:ident, ($($head:tt)*), ($($window:tt)*), $filter:expr, $reach:expr) => {
        $shape!(
            $($head)*,
            "select al.*, o.name as recipient_name,
                    case when $8::text = 'RECIPIENT' then lower(o.name collate \"C\") else '' end as sort_key
               from allocations al
               join organizations o on o.id = al.recipient_id
              where ($9::bool or o.id = any($10::uuid[])
                     or (o.kind = 'CITY_GOVERNMENT' and o.city_id = any($11::uuid[])))
                and ($12::text[] is null
                     or al.program_id in (select p.id from funding_programs p join funding_streams s on s.id = p.stream_id
                                           where s.code = any($12)))
                and ($13::uuid[] is null or al.program_id = any($13))
                and ($14::uuid[] is null or al.recipient_id = any($14))
                and ($15::timestamptz is null or al.updated_at >= $15)",
            $($window)*
            $reach.everything,
            $reach.organizations.as_slice() as _,
            $reach.cities.as_slice() as _,
            $filter.streams.as_deref() as _,
            $filter.programs.as_deref() as _,
            $filter.recipients.as_deref() as _,
            $filter.updated_since
        )
    };
}

pub async fn list(
    db: impl PgExecutor<'_>,
    window: &Window,
    filter: &AllocationFilter,
    reach: &Reach,
) -> sqlx::Result<Vec<Allocation>> {
    listed!(
        page_of,
        (
            Allocation,
            "id, program_id, recipient_id, recipient_name, created_by, created_at, updated_at"
        ),
        (window,),
        filter,
        reach
    )
    .fetch_all(db)
    .await
}

/// How many there are, and what their accounts hold together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    pub count: i64,
    pub unspent: Money,
    pub spent: Money,
    pub reverted: Money,
}

pub async fn totals(
    db: impl PgExecutor<'_>,
    filter: &AllocationFilter,
    reach: &Reach,
) -> sqlx::Result<Totals> {
    listed!(
        figures_of,
        (
            Totals,
            r#"count(*) as "count!",
               coalesce(sum((select sum(a.balance) from ledger_accounts a
                              where a.allocation_id = listed.id and a.kind = 'COMPONENT')), 0) as "unspent!: Money",
               coalesce(sum((select sum(a.balance) from ledger_accounts a
                              where a.allocation_id = listed.id and a.kind = 'SPENT')), 0) as "spent!: Money",
               coalesce(sum((select sum(a.balance) from ledger_accounts a
                              where a.allocation_id = listed.id and a.kind = 'REVERTED')), 0) as "reverted!: Money""#
        ),
        (),
        filter,
        reach
    )
    .fetch_one(db)
    .await
}

/// A page of what each of many allocations has, the latest day first, in one statement. `$rows` selects the rows of
/// `wanted.allocation_id` with a text `sort_key`.
macro_rules! pages_of_allocations {
    ($db:expr, $row:ty, $columns:tt, $rows:tt, $allocations:expr, $window:expr $(,)?) => {{
        let window: &Window = $window;
        let rows = sqlx::query_as!(
            $row,
            "select " + $columns + "
               from (select page.*, wanted.place as asked
                       from unnest($1::uuid[]) with ordinality as wanted (allocation_id, place)
                      cross join lateral (
                            select listed.*, row_number() over (order by case when not $6::bool then sort_key end,
                                                                      case when $6::bool then sort_key end desc,
                                                                      case when not $6::bool then id end,
                                                                      case when $6::bool then id end desc) as line
                              from (" + $rows + ") listed
                             where ($2::text is null or (sort_key, id) < ($2, $3::uuid))
                               and ($4::text is null or (sort_key, id) > ($4, $5::uuid))
                             order by line
                             limit $7::bigint) page) paged
              order by asked, line",
            $allocations as _,
            window.after.as_ref().map(|at| at.key.as_str()),
            window.after.as_ref().map(|at| at.id),
            window.before.as_ref().map(|at| at.key.as_str()),
            window.before.as_ref().map(|at| at.id),
            window.reads_descending(),
            window.limit(),
        )
        .fetch_all($db)
        .await?;
        let mut pages: HashMap<AllocationId, Vec<$row>> = HashMap::new();
        for row in rows {
            pages.entry(row.allocation_id).or_default().push(row);
        }
        pages
    }};
}

pub async fn receipts_of(
    db: impl PgExecutor<'_>,
    window: &Window,
    allocations: &[AllocationId],
) -> sqlx::Result<HashMap<AllocationId, Vec<AllocationReceipt>>> {
    Ok(pages_of_allocations!(
        db,
        AllocationReceipt,
        "id, allocation_id, fiscal_year, received_on, amount, reference, rule_id, recorded_by, recorded_at",
        "select r.*, to_char(r.received_on, 'YYYY-MM-DD') collate \"C\" as sort_key
           from allocation_receipts r where r.allocation_id = wanted.allocation_id",
        allocations,
        window,
    ))
}

pub async fn spends_of(
    db: impl PgExecutor<'_>,
    window: &Window,
    allocations: &[AllocationId],
) -> sqlx::Result<HashMap<AllocationId, Vec<AllocationSpend>>> {
    Ok(pages_of_allocations!(
        db,
        AllocationSpend,
        "id, allocation_id, component, amount, spent_on, description, reference, recorded_by, recorded_at",
        "select s.*, to_char(s.spent_on, 'YYYY-MM-DD') collate \"C\" as sort_key
           from allocation_spends s where s.allocation_id = wanted.allocation_id",
        allocations,
        window,
    ))
}

/// How many receipts and spends allocations have.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub receipts: i64,
    pub spends: i64,
}

pub async fn counts_of(
    db: impl PgExecutor<'_>,
    allocations: &[AllocationId],
) -> sqlx::Result<HashMap<AllocationId, Counts>> {
    let rows = sqlx::query!(
        r#"select al.id,
                  (select count(*) from allocation_receipts r where r.allocation_id = al.id) as "receipts!",
                  (select count(*) from allocation_spends s where s.allocation_id = al.id) as "spends!"
             from allocations al where al.id = any($1)"#,
        allocations as _,
    )
    .fetch_all(db)
    .await?;
    let counts = |receipts, spends| Counts { receipts, spends };
    Ok(rows.into_iter().map(|row| (row.id, counts(row.receipts, row.spends))).collect())
}

/// Where an allocation stands in an order; the same text as the statement's `sort_key`.
pub fn position(order: &str, allocation: &Allocation) -> Position {
    let by_name = order == "RECIPIENT";
    let key = if by_name { allocation.recipient_name.to_ascii_lowercase() } else { String::new() };
    Position { key, id: allocation.id.0 }
}

/// Where they stand in their lists; the same text as the statements' `sort_key`.
pub fn position_of_receipt(row: &AllocationReceipt) -> Position {
    Position { key: row.received_on.to_string(), id: row.id.0 }
}

pub fn position_of_spend(row: &AllocationSpend) -> Position {
    Position { key: row.spent_on.to_string(), id: row.id.0 }
}
