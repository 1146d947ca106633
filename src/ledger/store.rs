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
    let columns = Columns::of(posting, clock);
    let posted = sqlx::query_scalar!(
        r#"select post_ledger_entries($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
                                      $20) as "posted!""#,
        &columns.ids as _,
        &columns.steps as _,
        &columns.amounts as _,
        &columns.from.ids as _,
        &columns.from.grants as _,
        &columns.from.allocations as _,
        &columns.from.contributions as _,
        &columns.from.kinds as _,
        &columns.from.items as _,
        &columns.to.ids as _,
        &columns.to.grants as _,
        &columns.to.allocations as _,
        &columns.to.contributions as _,
        &columns.to.kinds as _,
        &columns.to.items as _,
        posting.cause,
        posting.effective_on as _,
        clock.now(),
        posting.opening,
        posting.reverses,
    )
    .fetch_one(tx)
    .await?;
    columns.all_posted(posted)
}

/// As `post`, what many events move. The caller holds the row of every owner.
pub async fn post_all(
    tx: &mut PgConnection,
    clock: &Clock,
    postings: &[&Posting],
) -> sqlx::Result<()> {
    let mut columns = Columns::default();
    let (mut causes, mut days, mut openings) = (vec![], vec![], vec![]);
    for posting in postings {
        columns.add(posting, clock);
        let entries = posting.entries.len();
        causes.extend(std::iter::repeat_n(posting.cause, entries));
        days.extend(std::iter::repeat_n(posting.effective_on, entries));
        openings.extend(std::iter::repeat_n(posting.opening, entries));
    }
    let posted = sqlx::query_scalar!(
        r#"select post_entries_of_events($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
                                         $19) as "posted!""#,
        &columns.ids as _,
        &columns.steps as _,
        &columns.amounts as _,
        &columns.from.ids as _,
        &columns.from.grants as _,
        &columns.from.allocations as _,
        &columns.from.contributions as _,
        &columns.from.kinds as _,
        &columns.from.items as _,
        &columns.to.ids as _,
        &columns.to.grants as _,
        &columns.to.allocations as _,
        &columns.to.contributions as _,
        &columns.to.kinds as _,
        &columns.to.items as _,
        &causes as _,
        &days as _,
        &openings as _,
        clock.now(),
    )
    .fetch_one(tx)
    .await?;
    columns.all_posted(posted)
}

/// A posting as `post_ledger_entries` takes it.
#[derive(Default)]
pub struct Columns {
    pub ids: Vec<TransferId>,
    pub steps: Vec<Move>,
    pub amounts: Vec<Money>,
    pub from: Side,
    pub to: Side,
}

impl Columns {
    pub fn of(posting: &Posting, clock: &Clock) -> Self {
        let mut columns = Self::default();
        columns.add(posting, clock);
        columns
    }

    fn add(&mut self, posting: &Posting, clock: &Clock) {
        for entry in &posting.entries {
            self.ids.push(TransferId::new(clock));
            self.steps.push(entry.step);
            self.amounts.push(entry.amount);
            self.from.add(entry.from, clock);
            self.to.add(entry.to, clock);
        }
    }

    /// An entry that went nowhere must not pass unseen.
    pub fn all_posted(&self, posted: i64) -> sqlx::Result<()> {
        let all = usize::try_from(posted).is_ok_and(|posted| posted == self.ids.len());
        if all { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
    }
}

/// One side of entries. An id of its own for each account, should it have to be opened.
#[derive(Default)]
pub struct Side {
    pub ids: Vec<AccountId>,
    pub grants: Vec<Option<Uuid>>,
    pub allocations: Vec<Option<Uuid>>,
    pub contributions: Vec<Option<Uuid>>,
    pub kinds: Vec<AccountKind>,
    pub items: Vec<Option<Uuid>>,
}

impl Side {
    fn add(&mut self, (owner, account): (super::Owner, Account), clock: &Clock) {
        self.ids.push(AccountId::new(clock));
        self.grants.push(owner.grant());
        self.allocations.push(owner.allocation());
        self.contributions.push(owner.contribution());
        self.kinds.push(account.kind);
        self.items.push(account.item);
    }
}

/// Lets the database check at once what it checks when a transaction ends, so that each of several steps is refused by
/// itself.
pub async fn check_now(tx: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("set constraints all immediate").execute(&mut *tx).await?;
    sqlx::query!("set constraints all deferred").execute(tx).await?;
    Ok(())
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
    Ok(accounts_of(db, &[grant]).await?.remove(&grant).unwrap_or_default())
}

/// As `accounts`, of many grants.
pub async fn accounts_of(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
) -> sqlx::Result<HashMap<GrantId, HashMap<Account, Money>>> {
    let rows = sqlx::query!(
        r#"select grant_id as "grant!: GrantId", kind as "kind: AccountKind", item_id, balance as "balance: Money"
             from ledger_accounts where grant_id = any($1) and balance <> 0"#,
        grants as _,
    )
    .fetch_all(db)
    .await?;
    let mut accounts: HashMap<_, HashMap<_, _>> = HashMap::new();
    for row in rows {
        let account = Account { kind: row.kind, item: row.item_id };
        accounts.entry(row.grant).or_default().insert(account, row.balance);
    }
    Ok(accounts)
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
