//! Whether totals are what the ledger's entries sum to. Reads only: what disagrees is told, and stays.

use sqlx::PgExecutor;

use crate::id::{GrantId, ProgramId};

/// Something that is kept beside entries, and is not their sum. Figures of totals are whole cents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// Of which grant, or else of which program.
    pub grant_id: Option<GrantId>,
    pub program_id: Option<ProgramId>,
    /// What disagrees: an account's balance, its month, the grant's year, the grant, or the program's year.
    pub what: String,
    /// What is kept, as JSON; none where nothing is.
    pub kept: Option<String>,
    /// What the entries say.
    pub entries: Option<String>,
}

/// The next grants to compare.
pub async fn grants_after(
    db: impl PgExecutor<'_>,
    after: Option<GrantId>,
    most: i64,
) -> sqlx::Result<Vec<GrantId>> {
    sqlx::query_scalar!(
        r#"select id as "id: GrantId" from grants where $1::uuid is null or id > $1 order by id limit $2"#,
        after as _,
        most,
    )
    .fetch_all(db)
    .await
}

/// What of these grants disagrees with their entries.
pub async fn of_grants(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
) -> sqlx::Result<Vec<Disagreement>> {
    sqlx::query_as!(
        Disagreement,
        r#"
        with accounts as materialized (
            select id, grant_id, kind, balance from ledger_accounts where grant_id = any($1::uuid[])
        ), moved as materialized (
            -- One account after another, by its index: a join would read all entries there are for each batch.
            select a.grant_id, a.kind, a.id as account_id, e.*
              from accounts a
             cross join lateral (
                   select date_trunc('month', t.effective_on)::date as month,
                          coalesce(sum(t.amount) filter (where t.to_account = a.id), 0) as amount_in,
                          coalesce(sum(t.amount) filter (where t.from_account = a.id), 0) as amount_out
                     from ledger_transfers t
                    where a.id in (t.from_account, t.to_account)
                    group by 1) e
        ), balances as (
            select a.grant_id, a.id as account_id, a.kind, a.balance, coalesce(sum(m.amount_in - m.amount_out), 0) as summed
              from accounts a left join moved m on m.account_id = a.id
             group by 1, 2, 3, 4
        ), months as (
            select a.grant_id, a.kind, m.*
              from accounts a
             cross join lateral (select * from ledger_months m where m.account_id = a.id offset 0) m
        ), entry_years as materialized (
            select m.grant_id, fiscal_year_of(m.month) as fiscal_year,
                   sum(m.cents * f.awarded)::bigint as awarded, sum(m.cents * f.available)::bigint as available,
                   sum(m.cents * f.requested)::bigint as requested, sum(m.cents * f.approved)::bigint as approved,
                   sum(m.cents * f.retained)::bigint as retained, sum(m.cents * f.disbursed)::bigint as disbursed,
                   sum(m.cents * f.lapsed)::bigint as lapsed, sum(m.cents * f.unobligated)::bigint as unobligated,
                   sum(m.cents * f.encumbered)::bigint as encumbered, sum(m.cents * f.expended)::bigint as expended,
                   sum(m.cents * f.advance_outstanding)::bigint as advance_outstanding,
                   sum(m.cents * f.match_met)::bigint as match_met
              from (select *, ((amount_in - amount_out) * 100)::bigint as cents from moved) m
              join ledger_kind_figures f on f.kind = m.kind
             group by 1, 2
        ), entry_grants as (
            select grant_id, min(fiscal_year) as first_year, sum(awarded)::bigint as awarded,
                   sum(available)::bigint as available, sum(requested)::bigint as requested,
                   sum(approved)::bigint as approved, sum(retained)::bigint as retained,
                   sum(disbursed)::bigint as disbursed, sum(lapsed)::bigint as lapsed,
                   sum(unobligated)::bigint as unobligated, sum(encumbered)::bigint as encumbered,
                   sum(expended)::bigint as expended, sum(advance_outstanding)::bigint as advance_outstanding,
                   sum(match_met)::bigint as match_met
              from entry_years
             group by grant_id
        ), disagreements as (
            select grant_id, 'balance' as what, to_jsonb(b) - 'summed' as kept, to_jsonb(b) - 'balance' as entries
              from balances b where balance <> summed
             union all
            select coalesce(k.grant_id, e.grant_id), 'month', to_jsonb(k), to_jsonb(e)
              from months k full join moved e on (e.account_id, e.month) = (k.account_id, k.month)
             where (k.amount_in, k.amount_out) is distinct from (e.amount_in, e.amount_out)
             union all
            select coalesce(k.grant_id, e.grant_id), 'year', to_jsonb(k), to_jsonb(e)
              from (select * from grant_year_totals where grant_id = any($1)) k
              full join entry_years e on (e.grant_id, e.fiscal_year) = (k.grant_id, k.fiscal_year)
             where to_jsonb(k) is distinct from to_jsonb(e)
             union all
            select coalesce(k.grant_id, e.grant_id), 'grant', to_jsonb(k), to_jsonb(e)
              from (select * from grant_totals where grant_id = any($1)) k
              full join entry_grants e on e.grant_id = k.grant_id
             where to_jsonb(k) is distinct from to_jsonb(e)
        )
        select grant_id as "grant_id?: GrantId", null::uuid as "program_id?: ProgramId", what as "what!",
               kept::text as "kept?", entries::text as "entries?"
          from disagreements
         order by grant_id, what, kept::text
        "#,
        grants as _,
    )
    .fetch_all(db)
    .await
}

/// What of the rollup is not the sum of the grants' years, which are compared with their entries by themselves.
pub async fn of_programs(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<Disagreement>> {
    sqlx::query_as!(
        Disagreement,
        r#"
        with kept as materialized (select * from funding_totals_now), summed as materialized (
            select g.program_id, y.fiscal_year,
                   count(*) filter (where t.first_year = y.fiscal_year) as grants, 0::bigint as drafts,
                   sum(y.awarded)::bigint as awarded, sum(y.available)::bigint as available,
                   sum(y.requested)::bigint as requested, sum(y.approved)::bigint as approved,
                   sum(y.retained)::bigint as retained, sum(y.disbursed)::bigint as disbursed,
                   sum(y.lapsed)::bigint as lapsed, sum(y.unobligated)::bigint as unobligated,
                   sum(y.encumbered)::bigint as encumbered, sum(y.expended)::bigint as expended,
                   sum(y.advance_outstanding)::bigint as advance_outstanding, sum(y.match_met)::bigint as match_met
              from grant_year_totals y
              join grants g on g.id = y.grant_id
              left join grant_totals t on t.grant_id = y.grant_id
             group by g.program_id, y.fiscal_year
             union all
            select program_id, null, count(*), count(*) filter (where status = 'DRAFT'), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
              from grants
             group by program_id
        ), both_sides as (
            select program_id, fiscal_year, to_jsonb(k) as kept, null::jsonb as entries from kept k
             union all
            select program_id, fiscal_year, null, to_jsonb(s) from summed s
        ), paired as (
            select program_id, fiscal_year, (array_agg(kept) filter (where kept is not null))[1] as kept,
                   (array_agg(entries) filter (where entries is not null))[1] as entries
              from both_sides
             group by program_id, fiscal_year
        )
        select null::uuid as "grant_id?: GrantId", program_id as "program_id?: ProgramId", 'program' as "what!",
               kept::text as "kept?", entries::text as "entries?"
          from paired
         where kept is distinct from entries
           -- A row in which nothing is left is as none.
           and (entries is not null
                or exists (select from jsonb_each_text(kept - 'program_id' - 'fiscal_year') as left_over where value <> '0'))
         order by program_id, fiscal_year
        "#
    )
    .fetch_all(db)
    .await
}

/// Whether anything waits to be folded into the rollup.
pub async fn unfolded(db: impl PgExecutor<'_>) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"select exists (select from funding_total_changes) as "waits!""#)
        .fetch_one(db)
        .await
}

/// Folds so many changes into the rollup; answers how many there were. Sums stay what they are.
pub async fn fold(db: impl PgExecutor<'_>, most: i64) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"select fold_funding_totals($1) as "folded!""#, most).fetch_one(db).await
}
