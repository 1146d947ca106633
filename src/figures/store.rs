use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

use crate::{
    clock::Date, fiscal_year::FiscalYear, id::GrantId, ledger::AccountKind, money::Money,
    rule_sets::kinds::CostCategory,
};

/// What came into accounts of a kind in a fiscal year, less what went out.
#[derive(Clone, Copy, Debug)]
pub struct OfYear {
    pub grant_id: GrantId,
    pub kind: AccountKind,
    pub year: FiscalYear,
    pub net: Money,
}

/// What moved in the accounts of many grants, by kind and fiscal year: of everything posted so far, of entries
/// effective by a day, or of what was known at a moment as well.
pub async fn by_year(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
    as_of: Option<Date>,
    known_at: Option<DateTime<Utc>>,
) -> sqlx::Result<Vec<OfYear>> {
    // Six months earlier it is the calendar year in which the fiscal year begins.
    match known_at {
        // Whole months from their totals, and the entries of the part month.
        None => {
            sqlx::query_as!(
                OfYear,
                r#"
                select a.grant_id as "grant_id!: GrantId", a.kind as "kind!: AccountKind",
                       extract(year from moved.on_day - interval '6 months')::int as "year!: FiscalYear",
                       sum(moved.net) as "net!: Money"
                  from ledger_accounts a
                 cross join lateral (
                        select m.month as on_day, m.amount_in - m.amount_out as net
                          from ledger_months m
                         where m.account_id = a.id
                           and ($2::date is null or m.month < date_trunc('month', $2::date))
                         union all
                        select t.effective_on, case when t.to_account = a.id then t.amount else -t.amount end
                          from ledger_transfers t
                         where a.id in (t.from_account, t.to_account)
                           and t.effective_on between date_trunc('month', $2::date) and $2::date) moved
                 where a.grant_id = any($1)
                 group by 1, 2, 3
                "#,
                grants as _,
                as_of as _,
            )
            .fetch_all(db)
            .await
        }
        // Month totals do not tell when an entry was made.
        Some(moment) => {
            sqlx::query_as!(
                OfYear,
                r#"
                select a.grant_id as "grant_id!: GrantId", a.kind as "kind!: AccountKind",
                       extract(year from t.effective_on - interval '6 months')::int as "year!: FiscalYear",
                       sum(case when t.to_account = a.id then t.amount else -t.amount end) as "net!: Money"
                  from ledger_accounts a
                  join ledger_transfers t on a.id in (t.from_account, t.to_account)
                 where a.grant_id = any($1) and ($2::date is null or t.effective_on <= $2) and t.recorded_at <= $3
                 group by 1, 2, 3
                "#,
                grants as _,
                as_of as _,
                moment,
            )
            .fetch_all(db)
            .await
        }
    }
}

/// What many grants expended by a day, by what it was for.
pub async fn expended_by_category(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
    as_of: Date,
) -> sqlx::Result<HashMap<GrantId, Vec<(CostCategory, Money)>>> {
    let rows = sqlx::query!(
        r#"
        select a.grant_id as "grant!: GrantId", l.category,
               sum(case when t.to_account = a.id then t.amount else -t.amount end) as "amount!: Money"
          from ledger_accounts a
          join budget_lines l on l.id = a.item_id
          join ledger_transfers t on a.id in (t.from_account, t.to_account)
         where a.grant_id = any($1) and a.kind in ('UNCLAIMED', 'CLAIM_PENDING', 'CLAIMED')
           and t.effective_on <= $2
         group by a.grant_id, l.category
        "#,
        grants as _,
        as_of as _,
    )
    .fetch_all(db)
    .await?;
    let mut costs: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        costs.entry(row.grant).or_default().push((row.category, row.amount));
    }
    Ok(costs)
}
