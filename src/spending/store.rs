use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

use super::{Encumbrance, Expenditure};
use crate::{
    access::Reach,
    id::{EncumbranceCancellationId, EncumbranceId, ExpenditureId, GrantId, PersonId},
    money::Money,
    page::{Position, Window, pages_of_grants},
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
