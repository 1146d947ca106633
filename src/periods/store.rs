use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::{LedgerPeriod, PeriodClosing};
use crate::{
    clock::Date,
    id::{ClosedMonthId, PersonId},
    page::{Count, Position, Window, figures_of, page_of},
};

/// Waits for the entries under way in a month and the open ones before it, and keeps later ones waiting until the
/// transaction ends.
pub async fn hold(tx: &mut PgConnection, month: Date) -> sqlx::Result<()> {
    sqlx::query!("select hold_months_until($1)", month as _).execute(tx).await?;
    Ok(())
}

/// How far the ledger is closed, and the first open month with entries.
pub struct Closed {
    pub through: Option<Date>,
    pub first_open: Option<Date>,
}

pub async fn closed(tx: &mut PgConnection) -> sqlx::Result<Closed> {
    sqlx::query_as!(
        Closed,
        r#"select closed_through() as "through: Date",
                  (select min(month) from ledger_months
                    where month > coalesce(closed_through(), '-infinity')) as "first_open: Date""#,
    )
    .fetch_one(tx)
    .await
}

pub async fn insert(
    tx: &mut PgConnection,
    id: ClosedMonthId,
    month: Date,
    by: PersonId,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into ledger_closed_months (id, month, closed_by, closed_at) values ($1, $2, $3, $4)",
        id as _,
        month as _,
        by as _,
        at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

pub async fn reopen(
    tx: &mut PgConnection,
    id: ClosedMonthId,
    by: PersonId,
    at: DateTime<Utc>,
    reason: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update ledger_closed_months set reopened_by = $2, reopened_at = $3, reopen_reason = $4 where id = $1",
        id as _,
        by as _,
        at,
        reason.trim(),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// How often each of many months was closed, in order.
pub async fn closings_of(
    db: impl PgExecutor<'_>,
    months: &[Date],
) -> sqlx::Result<HashMap<Date, Vec<PeriodClosing>>> {
    let rows = sqlx::query_as!(
        PeriodClosing,
        "select id, month, closed_by, closed_at, reopened_by, reopened_at, reopen_reason
           from ledger_closed_months where month = any($1) order by month, closed_at, id",
        months as _,
    )
    .fetch_all(db)
    .await?;
    let mut closings: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        closings.entry(row.month).or_default().push(row);
    }
    Ok(closings)
}

/// Months with entries, and those that were closed without any.
macro_rules! listed {
    ($shape:ident, ($($head:tt)*), ($($window:tt)*), $month:expr) => {
        $shape!(
            $($head)*,
            "select m.month, m.month <= closed_through() is true as closed,
                    m.month > coalesce(closed_through(), '-infinity')
                    and not exists (select from ledger_months e
                                     where e.month < m.month and e.month > coalesce(closed_through(), '-infinity')) as next,
                    m.month = closed_through() is true as latest, c.closed_by, c.closed_at,
                    '00000000-0000-0000-0000-000000000000'::uuid as id,
                    case when $8::text = 'MONTH' then to_char(m.month, 'YYYY-MM-DD') collate \"C\" else '' end as sort_key
               from (select month from ledger_months union select month from ledger_closed_months
                     union select $9::date where $9::date is not null) m
               left join ledger_closed_months c on c.month = m.month and c.reopened_at is null
              where ($9::date is null or m.month = $9)",
            $($window)*
            $month as _
        )
    };
}

pub async fn list(
    db: impl PgExecutor<'_>,
    window: &Window,
    month: Option<Date>,
) -> sqlx::Result<Vec<LedgerPeriod>> {
    listed!(
        page_of,
        (
            LedgerPeriod,
            r#"month as "month!: Date", closed as "closed!", next as "next!", latest as "latest!",
               closed_by as "closed_by: PersonId", closed_at"#
        ),
        (window,),
        month
    )
    .fetch_all(db)
    .await
}

pub async fn count(db: impl PgExecutor<'_>) -> sqlx::Result<i64> {
    let row = listed!(figures_of, (Count, r#"count(*) as "count!""#), (), None::<Date>)
        .fetch_one(db)
        .await?;
    Ok(row.count)
}

/// Where a month stands in its list; the same text as the statement's `sort_key`.
pub fn position(period: &LedgerPeriod) -> Position {
    Position { key: period.month.to_string(), id: Uuid::nil() }
}
