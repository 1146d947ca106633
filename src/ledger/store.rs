use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::{Account, AccountKind, Move, Posting};
use crate::{
    clock::{Clock, Date},
    id::{AccountId, GrantId, TransferId},
    money::Money,
};

/// Opens the accounts of a new grant's pay chain, all empty; others open with their first entry.
pub async fn open_accounts(
    tx: &mut PgConnection,
    clock: &Clock,
    grant: GrantId,
) -> sqlx::Result<()> {
    let ids: Vec<AccountId> =
        AccountKind::OF_EVERY_GRANT.iter().map(|_| AccountId::new(clock)).collect();
    sqlx::query!(
        "insert into ledger_accounts (id, grant_id, kind)
         select account.id, $3, account.kind from unnest($1::uuid[], $2::text[]) as account (id, kind)",
        ids as _,
        AccountKind::OF_EVERY_GRANT.as_slice() as _,
        grant as _,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Posts what an event moves, in one statement: accounts that are not there yet are opened with it. The database
/// keeps the balances, and refuses to overdraw. The caller holds the owner's row.
pub async fn post(tx: &mut PgConnection, clock: &Clock, posting: &Posting) -> sqlx::Result<()> {
    if posting.entries.is_empty() {
        return Ok(());
    }
    let ids: Vec<TransferId> = posting.entries.iter().map(|_| TransferId::new(clock)).collect();
    let steps: Vec<Move> = posting.entries.iter().map(|entry| entry.step).collect();
    let amounts: Vec<Money> = posting.entries.iter().map(|entry| entry.amount).collect();
    let from = Side::of(posting.entries.iter().map(|entry| entry.from), clock);
    let to = Side::of(posting.entries.iter().map(|entry| entry.to), clock);
    let posted = sqlx::query!(
        "with entries as (
             select * from unnest($1::uuid[], $2::text[], $3::numeric[], $4::uuid[], $5::uuid[], $6::uuid[], $7::uuid[],
                                  $8::text[], $9::uuid[], $10::uuid[], $11::uuid[], $12::uuid[], $13::uuid[],
                                  $14::text[], $15::uuid[])
                    with ordinality
                    as e (id, kind, amount, from_id, from_grant, from_allocation, from_contribution, from_kind, from_item,
                          to_id, to_grant, to_allocation, to_contribution, to_kind, to_item, place)
         ), wanted as (
             select from_id as id, from_grant as grant_id, from_allocation as allocation_id,
                    from_contribution as contribution_id, from_kind as kind, from_item as item_id from entries
              union all
             select to_id, to_grant, to_allocation, to_contribution, to_kind, to_item from entries
         ), known as (
             select a.* from ledger_accounts a
              where (a.grant_id, a.kind) in (select grant_id, kind from wanted)
                 or (a.allocation_id, a.kind) in (select allocation_id, kind from wanted)
                 or (a.contribution_id, a.kind) in (select contribution_id, kind from wanted)
         ), opened as (
             insert into ledger_accounts (id, grant_id, allocation_id, contribution_id, kind, item_id)
             select distinct on (w.grant_id, w.allocation_id, w.contribution_id, w.kind, w.item_id)
                    w.id, w.grant_id, w.allocation_id, w.contribution_id, w.kind, w.item_id
               from wanted w
              where not exists (select from known k
                                 where (k.grant_id, k.allocation_id, k.contribution_id, k.kind, k.item_id)
                                       is not distinct from
                                       (w.grant_id, w.allocation_id, w.contribution_id, w.kind, w.item_id))
              order by w.grant_id, w.allocation_id, w.contribution_id, w.kind, w.item_id
             returning *
         ), accounts as (
             select id, grant_id, allocation_id, contribution_id, kind, item_id from known
              union all
             select id, grant_id, allocation_id, contribution_id, kind, item_id from opened
         )
         insert into ledger_transfers
                (id, from_account, to_account, from_kind, to_kind, amount, kind, cause_id, effective_on, recorded_at, opening,
                 reverses_id)
         select e.id, source.id, target.id, source.kind, target.kind, e.amount, e.kind, $16, $17, $18, $19,
                (select t.id from ledger_transfers t
                  where t.cause_id = $20 and t.from_account = target.id and t.to_account = source.id)
           from entries e
           join accounts source on (source.grant_id, source.allocation_id, source.contribution_id, source.kind, source.item_id)
                is not distinct from (e.from_grant, e.from_allocation, e.from_contribution, e.from_kind, e.from_item)
           join accounts target on (target.grant_id, target.allocation_id, target.contribution_id, target.kind, target.item_id)
                is not distinct from (e.to_grant, e.to_allocation, e.to_contribution, e.to_kind, e.to_item)
          order by e.place",
        ids as _,
        steps as _,
        amounts as _,
        from.ids as _,
        from.grants as _,
        from.allocations as _,
        from.contributions as _,
        from.kinds as _,
        from.items as _,
        to.ids as _,
        to.grants as _,
        to.allocations as _,
        to.contributions as _,
        to.kinds as _,
        to.items as _,
        posting.cause,
        posting.effective_on as _,
        clock.now(),
        posting.opening,
        posting.reverses,
    )
    .execute(tx)
    .await?;
    // An entry that went nowhere must not pass unseen.
    let all = u64::try_from(posting.entries.len()).unwrap_or_default();
    if posted.rows_affected() == all { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
}

/// One side of entries, as columns. An id of its own for each account, should it have to be opened.
struct Side {
    ids: Vec<AccountId>,
    grants: Vec<Option<Uuid>>,
    allocations: Vec<Option<Uuid>>,
    contributions: Vec<Option<Uuid>>,
    kinds: Vec<AccountKind>,
    items: Vec<Option<Uuid>>,
}

impl Side {
    fn of(accounts: impl Iterator<Item = (super::Owner, Account)>, clock: &Clock) -> Self {
        let mut side = Self {
            ids: vec![],
            grants: vec![],
            allocations: vec![],
            contributions: vec![],
            kinds: vec![],
            items: vec![],
        };
        for (owner, account) in accounts {
            side.ids.push(AccountId::new(clock));
            side.grants.push(owner.grant());
            side.allocations.push(owner.allocation());
            side.contributions.push(owner.contribution());
            side.kinds.push(account.kind);
            side.items.push(account.item);
        }
        side
    }
}

/// A sum over all accounts of a kind of one grant.
pub struct OfKind {
    pub grant_id: GrantId,
    pub kind: AccountKind,
    pub balance: Money,
}

/// What the accounts of many grants hold, by kind: of everything posted so far, of entries effective by a day, or of
/// what was known at a moment as well.
pub async fn by_kind(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
    as_of: Option<Date>,
    known_at: Option<DateTime<Utc>>,
) -> sqlx::Result<Vec<OfKind>> {
    match (as_of, known_at) {
        (None, None) => {
            sqlx::query_as!(
                OfKind,
                r#"
                select grant_id as "grant_id!: GrantId", kind as "kind!: AccountKind", sum(balance) as "balance!: Money"
                  from ledger_accounts where grant_id = any($1) group by grant_id, kind
                "#,
                grants as _,
            )
            .fetch_all(db)
            .await
        }
        // Whole months from their totals, and the entries of the part month.
        (Some(day), None) => {
            sqlx::query_as!(
                OfKind,
                r#"
                select a.grant_id as "grant_id!: GrantId", a.kind as "kind!: AccountKind",
                       sum(coalesce(whole.net, 0) + coalesce(part.net, 0)) as "balance!: Money"
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
                 where a.grant_id = any($1)
                 group by a.grant_id, a.kind
                "#,
                grants as _,
                day as _,
            )
            .fetch_all(db)
            .await
        }
        // Month totals do not tell when an entry was made: the entries are summed.
        (day, Some(moment)) => {
            sqlx::query_as!(
                OfKind,
                r#"
                select a.grant_id as "grant_id!: GrantId", a.kind as "kind!: AccountKind",
                       coalesce(sum(case when t.to_account = a.id then t.amount else -t.amount end), 0) as "balance!: Money"
                  from ledger_accounts a
                  join ledger_transfers t on a.id in (t.from_account, t.to_account)
                 where a.grant_id = any($1) and ($2::date is null or t.effective_on <= $2) and t.recorded_at <= $3
                 group by a.grant_id, a.kind
                "#,
                grants as _,
                day as _,
                moment,
            )
            .fetch_all(db)
            .await
        }
    }
}

/// What many grants expended from one month to before another.
pub async fn expended_between(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
    from: Date,
    before: Date,
    known_at: Option<DateTime<Utc>>,
) -> sqlx::Result<HashMap<GrantId, Money>> {
    let rows = sqlx::query!(
        r#"
        select a.grant_id as "grant!: GrantId",
               coalesce(sum(case when t.to_account = a.id then t.amount else -t.amount end), 0) as "net!: Money"
          from ledger_accounts a
          join ledger_transfers t on a.id in (t.from_account, t.to_account)
         where a.grant_id = any($1) and a.kind in ('UNCLAIMED', 'CLAIM_PENDING', 'CLAIMED')
           and t.effective_on >= $2 and t.effective_on < $3 and ($4::timestamptz is null or t.recorded_at <= $4)
         group by a.grant_id
        "#,
        grants as _,
        from as _,
        before as _,
        known_at,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.grant, row.net)).collect())
}

/// What the single accounts of a grant hold, those that are not empty.
pub async fn accounts(
    db: impl PgExecutor<'_>,
    grant: GrantId,
) -> sqlx::Result<HashMap<Account, Money>> {
    let rows = sqlx::query!(
        r#"select kind as "kind: AccountKind", item_id, balance as "balance: Money" from ledger_accounts
            where grant_id = $1 and balance <> 0"#,
        grant as _,
    )
    .fetch_all(db)
    .await?;
    let account = |kind, item| Account { kind, item };
    Ok(rows.into_iter().map(|row| (account(row.kind, row.item_id), row.balance)).collect())
}

/// What the accounts of a kind hold together.
pub async fn balance(
    db: impl PgExecutor<'_>,
    grant: GrantId,
    kind: AccountKind,
) -> sqlx::Result<Money> {
    sqlx::query_scalar!(
        r#"select coalesce(sum(balance), 0) as "balance!: Money" from ledger_accounts
            where grant_id = $1 and kind = $2"#,
        grant as _,
        kind as _,
    )
    .fetch_one(db)
    .await
}
