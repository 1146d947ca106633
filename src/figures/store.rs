use std::collections::HashMap;

use sqlx::PgExecutor;

use crate::{clock::Date, id::GrantId, money::Money, rule_sets::kinds::CostCategory};

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
