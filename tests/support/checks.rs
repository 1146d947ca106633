//! What tests look for in an outcome, and what must hold in every ledger.

use serde_json::Value;
use sqlx::PgPool;
use thrive::{Error, Refusal, id::GrantId};

/// The codes of a payload's user errors.
pub fn codes(payload: &Value) -> Vec<&str> {
    payload["userErrors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["code"].as_str().unwrap())
        .collect()
}

/// Why a command refused; panics when it did not.
pub fn refusal<T: std::fmt::Debug>(outcome: thrive::Result<T>) -> Refusal {
    match outcome {
        Err(Error::Refused(why)) => why,
        other => panic!("not refused: {other:?}"),
    }
}

/// The constraint, or else the message, by which the database refused.
pub fn refused_by<T: std::fmt::Debug>(outcome: sqlx::Result<T>) -> String {
    let error = outcome.expect_err("the database refuses");
    let database =
        error.as_database_error().unwrap_or_else(|| panic!("not of the database: {error}"));
    database.constraint().unwrap_or(database.message()).into()
}

/// A grant's balances are what its entries sum to, by account and by month, and add up to the award.
pub async fn assert_ledger_agrees(db: &PgPool, grant: GrantId) {
    let disagreements: Vec<(String, Value)> = sqlx::query_as(
        "with moved as (
            select a.id, date_trunc('month', t.effective_on)::date as month,
                   sum(t.amount) filter (where t.to_account = a.id) as amount_in,
                   sum(t.amount) filter (where t.from_account = a.id) as amount_out
              from ledger_accounts a join ledger_transfers t on a.id in (t.from_account, t.to_account)
             where a.grant_id = $1 group by a.id, month)
         select 'account', to_jsonb(a) from ledger_accounts a
          where a.grant_id = $1
            and a.balance <> (select coalesce(sum(coalesce(amount_in, 0) - coalesce(amount_out, 0)), 0)
                                from moved where moved.id = a.id)
         union all
         select 'month', to_jsonb(m) || to_jsonb(moved) from ledger_months m
           join ledger_accounts a on a.id = m.account_id and a.grant_id = $1
           full join moved on (moved.id, moved.month) = (m.account_id, m.month)
          where (coalesce(moved.amount_in, 0), coalesce(moved.amount_out, 0)) is distinct from (m.amount_in, m.amount_out)
         union all
         -- A match comes from its contribution; everything else stays with the grant.
         select 'sum', jsonb_agg(a) from ledger_accounts a
          where a.grant_id = $1 and a.kind <> 'MATCH_MET' having sum(a.balance) <> 0
         union all
         select 'awarded', to_jsonb(sums)
           from (select (select sum(-balance) from ledger_accounts where grant_id = $1 and kind = 'SRC_PAY') as pay,
                        (select sum(-balance) from ledger_accounts where grant_id = $1 and kind = 'SRC_USE') as use,
                        (select sum(amount) from budget_lines where grant_id = $1) as lines,
                        (select g.amount + coalesce(sum(case l.direction when 'INCREASE' then l.amount else -l.amount end), 0)
                           from grants g
                           left join amendments a on a.grant_id = g.id and a.kind = 'AMOUNT' and a.applied_at is not null
                           left join amendment_lines l on l.amendment_id = a.id
                          where g.id = $1 and g.status <> 'DRAFT' group by g.amount) as told) sums
          where told <> pay or told <> use or told <> lines",
    )
    .bind(grant.0)
    .fetch_all(db)
    .await
    .unwrap();
    assert_eq!(disagreements, []);
}
