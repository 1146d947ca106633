use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

use super::{Encumbrance, Expenditure};
use crate::{
    access::Reach,
    clock::Date,
    id::{
        CityId, EncumbranceCancellationId, EncumbranceId, ExpenditureId, GrantId, OrganizationId,
        PersonId, StreamId,
    },
    money::Money,
    page::{Position, Window, figures_of, page_of, pages_of_grants},
    rule_sets::kinds::CostCategory,
    streams::StreamCode,
};

/// The expenditures with these ids, of grants that an actor may see.
pub async fn find_expenditures(
    db: impl PgExecutor<'_>,
    reach: &Reach,
    ids: &[ExpenditureId],
) -> sqlx::Result<Vec<Expenditure>> {
    sqlx::query_as!(
        Expenditure,
        "select x.id, x.grant_id, x.line_id, x.encumbrance_id, x.amount, x.incurred_on, x.effective_on, x.vendor,
                x.reference, x.description, x.opening, x.recorded_by, x.recorded_at, x.reversed_by, x.reversed_at,
                x.reverse_reason
           from expenditures x join grants g on g.id = x.grant_id
          where x.id = any($1)
            and ($2::bool or g.recipient_id = any($3::uuid[])
                 or exists (select from grant_cities c where c.grant_id = g.id and c.city_id = any($4::uuid[])))
          order by x.id",
        ids as _,
        reach.everything,
        reach.organizations.as_slice() as _,
        reach.cities.as_slice() as _,
    )
    .fetch_all(db)
    .await
}

/// The encumbrances with these ids, of grants that an actor may see.
pub async fn find_encumbrances(
    db: impl PgExecutor<'_>,
    reach: &Reach,
    ids: &[EncumbranceId],
) -> sqlx::Result<Vec<Encumbrance>> {
    sqlx::query_as!(
        Encumbrance,
        r#"select e.id, e.grant_id, e.line_id, e.amount,
                  coalesce((select a.balance from ledger_accounts a
                             where a.grant_id = e.grant_id and a.kind = 'ENCUMBERED' and a.item_id = e.id), 0)
                  as "open!: Money",
                  e.number, e.vendor, e.description, e.encumbered_on, e.opening, e.recorded_by, e.recorded_at
             from encumbrances e join grants g on g.id = e.grant_id
            where e.id = any($1)
              and ($2::bool or g.recipient_id = any($3::uuid[])
                   or exists (select from grant_cities c where c.grant_id = g.id and c.city_id = any($4::uuid[])))
            order by e.id"#,
        ids as _,
        reach.everything,
        reach.organizations.as_slice() as _,
        reach.cities.as_slice() as _,
    )
    .fetch_all(db)
    .await
}

pub async fn insert_expenditure(tx: &mut PgConnection, new: &Expenditure) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into expenditures (id, grant_id, line_id, encumbrance_id, amount, incurred_on, effective_on, vendor,
                                   reference, description, opening, recorded_by, recorded_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        new.id as _,
        new.grant_id as _,
        new.line_id as _,
        new.encumbrance_id as _,
        new.amount as _,
        new.incurred_on as _,
        new.effective_on as _,
        new.vendor,
        new.reference,
        new.description,
        new.opening,
        new.recorded_by as _,
        new.recorded_at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes that an expenditure was taken back.
pub async fn reverse_expenditure(tx: &mut PgConnection, taken: &Expenditure) -> sqlx::Result<()> {
    sqlx::query!(
        "update expenditures set reversed_by = $2, reversed_at = $3, reverse_reason = $4 where id = $1",
        taken.id as _,
        taken.reversed_by as _,
        taken.reversed_at,
        taken.reverse_reason,
    )
    .execute(tx)
    .await?;
    Ok(())
}

pub async fn insert_encumbrance(tx: &mut PgConnection, new: &Encumbrance) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into encumbrances (id, grant_id, line_id, amount, number, vendor, description, encumbered_on, opening,
                                   recorded_by, recorded_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        new.id as _,
        new.grant_id as _,
        new.line_id as _,
        new.amount as _,
        new.number,
        new.vendor,
        new.description,
        new.encumbered_on as _,
        new.opening,
        new.recorded_by as _,
        new.recorded_at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

pub async fn insert_cancellation(
    tx: &mut PgConnection,
    id: EncumbranceCancellationId,
    of: &Encumbrance,
    amount: Money,
    reason: &str,
    by: PersonId,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into encumbrance_cancellations (id, encumbrance_id, amount, reason, cancelled_by, cancelled_at)
         values ($1, $2, $3, $4, $5, $6)",
        id as _,
        of.id as _,
        amount as _,
        reason.trim(),
        by as _,
        at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

pub async fn expenditures_of_grants(
    db: impl PgExecutor<'_>,
    window: &Window,
    grants: &[GrantId],
) -> sqlx::Result<HashMap<GrantId, Vec<Expenditure>>> {
    Ok(pages_of_grants!(
        db,
        Expenditure,
        "id, grant_id, line_id, encumbrance_id, amount, incurred_on, effective_on, vendor, reference, description,
         opening, recorded_by, recorded_at, reversed_by, reversed_at, reverse_reason",
        "select x.*, to_char(x.incurred_on, 'YYYY-MM-DD') collate \"C\" as sort_key
           from expenditures x where x.grant_id = wanted.grant_id",
        grants,
        window,
    ))
}

pub async fn encumbrances_of_grants(
    db: impl PgExecutor<'_>,
    window: &Window,
    grants: &[GrantId],
) -> sqlx::Result<HashMap<GrantId, Vec<Encumbrance>>> {
    Ok(pages_of_grants!(
        db,
        Encumbrance,
        r#"id, grant_id, line_id, amount, open as "open!: Money", number, vendor, description, encumbered_on, opening, recorded_by, recorded_at"#,
        "select x.*, coalesce((select a.balance from ledger_accounts a
                                where a.grant_id = x.grant_id and a.kind = 'ENCUMBERED' and a.item_id = x.id), 0) as open,
                to_char(x.encumbered_on, 'YYYY-MM-DD') collate \"C\" as sort_key
           from encumbrances x where x.grant_id = wanted.grant_id",
        grants,
        window,
    ))
}

/// How many of something a grant has, and what they sum to: what was taken back is not counted in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    pub count: i64,
    pub amount: Money,
}

pub async fn expenditure_totals(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
) -> sqlx::Result<HashMap<GrantId, Totals>> {
    let rows = sqlx::query!(
        r#"select grant_id as "grant: GrantId", count(*) as "count!",
                  coalesce(sum(amount) filter (where reversed_at is null), 0) as "amount!: Money"
             from expenditures where grant_id = any($1) group by grant_id"#,
        grants as _,
    )
    .fetch_all(db)
    .await?;
    let totals = |count, amount| Totals { count, amount };
    Ok(rows.into_iter().map(|row| (row.grant, totals(row.count, row.amount))).collect())
}

pub async fn encumbrance_totals(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
) -> sqlx::Result<HashMap<GrantId, Totals>> {
    let rows = sqlx::query!(
        r#"select e.grant_id as "grant: GrantId", count(*) as "count!",
                  coalesce(sum(a.balance), 0) as "amount!: Money"
             from encumbrances e
             left join ledger_accounts a on a.grant_id = e.grant_id and a.kind = 'ENCUMBERED' and a.item_id = e.id
            where e.grant_id = any($1) group by e.grant_id"#,
        grants as _,
    )
    .fetch_all(db)
    .await?;
    let totals = |count, amount| Totals { count, amount };
    Ok(rows.into_iter().map(|row| (row.grant, totals(row.count, row.amount))).collect())
}

/// Where they stand in their lists; the same text as the statements' `sort_key`.
pub fn position_of_expenditure(row: &Expenditure) -> Position {
    Position { key: row.incurred_on.to_string(), id: row.id.0 }
}

pub fn position_of_encumbrance(row: &Encumbrance) -> Position {
    Position { key: row.encumbered_on.to_string(), id: row.id.0 }
}

#[derive(Clone, Debug, Default)]
pub struct ExpenditureFilter {
    pub streams: Option<Vec<StreamCode>>,
    pub stream_ids: Option<Vec<StreamId>>,
    pub grants: Option<Vec<GrantId>>,
    pub cities: Option<Vec<CityId>>,
    pub recipients: Option<Vec<OrganizationId>>,
    pub categories: Option<Vec<CostCategory>>,
    pub incurred_from: Option<Date>,
    pub incurred_to: Option<Date>,
    pub effective_from: Option<Date>,
    pub effective_to: Option<Date>,
    pub reversed: Option<bool>,
    pub accounting_key: Option<String>,
    pub updated_since: Option<DateTime<Utc>>,
}

macro_rules! listed {
    ($shape:ident, ($($head:tt)*), ($($window:tt)*), $filter:expr, $reach:expr) => {
        $shape!(
            $($head)*,
            "select x.*, case $8::text when 'INCURRED_ON' then to_char(x.incurred_on, 'YYYY-MM-DD') collate \"C\"
                                       else '' end as sort_key
               from expenditures x
               join grants g on g.id = x.grant_id
              where ($9::bool or g.recipient_id = any($10::uuid[])
                     or exists (select from grant_cities c where c.grant_id = g.id and c.city_id = any($11::uuid[])))
                and ($12::text[] is null
                     or g.program_id in (select p.id from funding_programs p join funding_streams s on s.id = p.stream_id
                                          where s.code = any($12)))
                and ($13::uuid[] is null
                     or g.program_id in (select p.id from funding_programs p where p.stream_id = any($13)))
                and ($14::uuid[] is null or x.grant_id = any($14))
                and ($15::uuid[] is null
                     or exists (select from grant_cities c where c.grant_id = g.id and c.city_id = any($15)))
                and ($16::uuid[] is null or g.recipient_id = any($16))
                and ($17::text[] is null
                     or x.line_id in (select l.id from budget_lines l where l.grant_id = g.id and l.category = any($17)))
                and ($18::date is null or x.incurred_on >= $18)
                and ($19::date is null or x.incurred_on <= $19)
                and ($20::date is null or x.effective_on >= $20)
                and ($21::date is null or x.effective_on <= $21)
                and ($22::bool is null or (x.reversed_at is not null) = $22)
                and ($23::text is null or lower(btrim($23)) in (lower(btrim(g.vendor_number)), lower(btrim(g.purchase_order)),
                                                                 lower(btrim(g.fund_string))))
                and ($24::timestamptz is null or greatest(x.recorded_at, x.reversed_at) >= $24)",
            $($window)*
            $reach.everything,
            $reach.organizations.as_slice() as _,
            $reach.cities.as_slice() as _,
            $filter.streams.as_deref() as _,
            $filter.stream_ids.as_deref() as _,
            $filter.grants.as_deref() as _,
            $filter.cities.as_deref() as _,
            $filter.recipients.as_deref() as _,
            $filter.categories.as_deref() as _,
            $filter.incurred_from as _,
            $filter.incurred_to as _,
            $filter.effective_from as _,
            $filter.effective_to as _,
            $filter.reversed,
            $filter.accounting_key.as_deref(),
            $filter.updated_since
        )
    };
}

pub async fn list_expenditures(
    db: impl PgExecutor<'_>,
    window: &Window,
    filter: &ExpenditureFilter,
    reach: &Reach,
) -> sqlx::Result<Vec<Expenditure>> {
    listed!(
        page_of,
        (
            Expenditure,
            "id, grant_id, line_id, encumbrance_id, amount, incurred_on, effective_on, vendor, reference, description,
             opening, recorded_by, recorded_at, reversed_by, reversed_at, reverse_reason"
        ),
        (window,),
        filter,
        reach
    )
    .fetch_all(db)
    .await
}

pub async fn totals_of_expenditures(
    db: impl PgExecutor<'_>,
    filter: &ExpenditureFilter,
    reach: &Reach,
) -> sqlx::Result<Totals> {
    listed!(
        figures_of,
        (
            Totals,
            r#"count(*) as "count!", coalesce(sum(amount) filter (where reversed_at is null), 0) as "amount!: Money""#
        ),
        (),
        filter,
        reach
    )
    .fetch_one(db)
    .await
}

pub mod exported;
