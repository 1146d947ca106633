use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::{AccountKind, GrantBalance, Move};
use crate::{
    clock::{Clock, Date},
    id::{AccountId, GrantId, TransferId},
    money::Money,
};

/// Opens the accounts of a new grant's pay chain, all empty.
pub async fn open_accounts(
    tx: &mut PgConnection,
    clock: &Clock,
    grant: GrantId,
) -> sqlx::Result<()> {
    let ids: Vec<AccountId> =
        AccountKind::PAY_CHAIN.iter().map(|_| AccountId::new(clock)).collect();
    sqlx::query!(
        "insert into ledger_accounts (id, grant_id, kind)
         select account.id, $3, account.kind from unnest($1::uuid[], $2::text[]) as account (id, kind)",
        ids as _,
        AccountKind::PAY_CHAIN.as_slice() as _,
        grant as _,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// One entry to post: an amount of one grant's money makes one move.
pub struct Posting {
    pub grant: GrantId,
    pub step: Move,
    pub amount: Money,
    /// The business event: it moves money once.
    pub cause: Uuid,
    pub effective_on: Date,
}

/// Posts an entry. The database keeps the balances, and refuses to overdraw.
pub async fn post(tx: &mut PgConnection, clock: &Clock, posting: &Posting) -> sqlx::Result<()> {
    let (from, to) = posting.step.accounts();
    let posted = sqlx::query!(
        "insert into ledger_transfers
                (id, from_account, to_account, from_kind, to_kind, amount, kind, cause_id, effective_on, recorded_at)
         select $1, source.id, target.id, source.kind, target.kind, $5, $6, $7, $8, $9
           from ledger_accounts source, ledger_accounts target
          where source.grant_id = $2 and source.kind = $3 and source.item_id is null
            and target.grant_id = $2 and target.kind = $4 and target.item_id is null",
        TransferId::new(clock) as _,
        posting.grant as _,
        from as _,
        to as _,
        posting.amount as _,
        posting.step.kind(),
        posting.cause,
        posting.effective_on as _,
        clock.now(),
    )
    .execute(tx)
    .await?;
    // A grant has its accounts from the start; an entry that went nowhere must not pass unseen.
    if posted.rows_affected() == 1 { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
}

/// Balances of many grants, of everything posted so far or as of a day.
pub async fn balances(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
    as_of: Option<Date>,
    computed_at: DateTime<Utc>,
) -> sqlx::Result<HashMap<GrantId, GrantBalance>> {
    let rows = match as_of {
        None => {
            sqlx::query_as!(
                Row,
                r#"
                select grant_id as "grant_id!: GrantId", kind as "kind: AccountKind", balance as "balance!: Money"
                  from ledger_accounts
                 where grant_id = any($1) and kind = any($2) and item_id is null
                "#,
                grants as _,
                AccountKind::PAY_CHAIN.as_slice() as _,
            )
            .fetch_all(db)
            .await?
        }
        // Whole months from their totals, and the entries of the part month.
        Some(day) => {
            sqlx::query_as!(
                Row,
                r#"
                select a.grant_id as "grant_id!: GrantId", a.kind as "kind: AccountKind",
                       coalesce(whole.net, 0) + coalesce(part.net, 0) as "balance!: Money"
                  from ledger_accounts a
                  left join lateral (
                        select sum(m.amount_in - m.amount_out) as net
                          from ledger_months m
                         where m.account_id = a.id and m.month < date_trunc('month', $2::date)) whole on true
                  left join lateral (
                        select sum(case when t.to_account = a.id then t.amount else -t.amount end) as net
                          from ledger_transfers t
                         where a.id in (t.from_account, t.to_account)
                           and t.effective_on between date_trunc('month', $2::date) and $2::date) part on true
                 where a.grant_id = any($1) and a.kind = any($3) and a.item_id is null
                "#,
                grants as _,
                day as _,
                AccountKind::PAY_CHAIN.as_slice() as _,
            )
            .fetch_all(db)
            .await?
        }
    };
    let mut balances: HashMap<_, GrantBalance> = HashMap::new();
    for row in rows {
        let balance =
            balances.entry(row.grant_id).or_insert_with(|| GrantBalance::empty(as_of, computed_at));
        balance.count(row.kind, row.balance);
    }
    Ok(balances)
}

struct Row {
    grant_id: GrantId,
    kind: AccountKind,
    balance: Money,
}

/// What can still be requested of a grant whose row the caller holds.
pub async fn available(tx: &mut PgConnection, grant: GrantId) -> sqlx::Result<Money> {
    balance(tx, grant, AccountKind::Available).await
}

pub async fn balance(
    db: impl PgExecutor<'_>,
    grant: GrantId,
    kind: AccountKind,
) -> sqlx::Result<Money> {
    sqlx::query_scalar!(
        r#"select balance as "balance!: Money" from ledger_accounts
            where grant_id = $1 and kind = $2 and item_id is null"#,
        grant as _,
        kind as _,
    )
    .fetch_one(db)
    .await
}
