use std::collections::HashMap;

use sqlx::{PgConnection, PgExecutor};

use super::{MatchAcceptance, MatchContribution};
use crate::{
    access::Reach,
    id::{GrantId, MatchContributionId, OrganizationId},
    money::Money,
    page::{Position, Window, pages_of_grants},
};

/// The contributions with these ids, to grants that an actor may see.
pub async fn find(
    db: impl PgExecutor<'_>,
    reach: &Reach,
    ids: &[MatchContributionId],
) -> sqlx::Result<Vec<MatchContribution>> {
    sqlx::query_as!(
        MatchContribution,
        r#"select c.id, c.grant_id, c.recipient_id, c.contributor, c.source, c.amount,
                  coalesce((select a.balance from ledger_accounts a
                             where a.contribution_id = c.id and a.kind = 'MATCH_UNUSED'), 0) as "unused!: Money",
                  c.contributed_on, c.effective_on, c.description, c.reference, c.valuation_basis, c.hours, c.hourly_rate,
                  c.authorizing_statute, c.recorded_by, c.recorded_at, c.declined_by, c.declined_at, c.decline_reason,
                  (s.level = 'FEDERAL') as "federal_grant!"
             from match_contributions c
             join grants g on g.id = c.grant_id
             join funding_programs p on p.id = g.program_id
             join funding_streams s on s.id = p.stream_id
            where c.id = any($1)
              and ($2::bool or g.recipient_id = any($3::uuid[])
                   or exists (select from grant_cities b where b.grant_id = g.id and b.city_id = any($4::uuid[])))
            order by c.id"#,
        ids as _,
        reach.everything,
        reach.organizations.as_slice() as _,
        reach.cities.as_slice() as _,
    )
    .fetch_all(db)
    .await
}

/// Holds a contribution until the transaction ends: its parts are accepted one after another.
pub async fn lock(tx: &mut PgConnection, id: MatchContributionId) -> sqlx::Result<()> {
    sqlx::query!("select id from match_contributions where id = $1 for update", id as _)
        .fetch_optional(tx)
        .await?;
    Ok(())
}

pub async fn insert(tx: &mut PgConnection, new: &MatchContribution) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into match_contributions
                (id, grant_id, recipient_id, contributor, source, amount, contributed_on, effective_on, description, reference,
                 valuation_basis, hours, hourly_rate, authorizing_statute, recorded_by, recorded_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        new.id as _,
        new.grant_id as _,
        new.recipient_id as _,
        new.contributor,
        new.source as _,
        new.amount as _,
        new.contributed_on as _,
        new.effective_on as _,
        new.description,
        new.reference,
        new.valuation_basis,
        new.hours as _,
        new.hourly_rate as _,
        new.authorizing_statute,
        new.recorded_by as _,
        new.recorded_at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

pub async fn decline(tx: &mut PgConnection, declined: &MatchContribution) -> sqlx::Result<()> {
    sqlx::query!(
        "update match_contributions set declined_by = $2, declined_at = $3, decline_reason = $4 where id = $1",
        declined.id as _,
        declined.declined_by as _,
        declined.declined_at,
        declined.decline_reason,
    )
    .execute(tx)
    .await?;
    Ok(())
}

pub async fn insert_acceptance(tx: &mut PgConnection, new: &MatchAcceptance) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into match_acceptances (id, contribution_id, grant_id, amount, accepted_by, accepted_at)
         values ($1, $2, $3, $4, $5, $6)",
        new.id as _,
        new.contribution_id as _,
        new.grant_id as _,
        new.amount as _,
        new.accepted_by as _,
        new.accepted_at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// The grants, by their numbers, that a reference of a recipient is recorded for: as a contribution, and as a cost.
pub struct Referred {
    pub contribution: Option<String>,
    pub cost: Option<String>,
}

pub async fn referred(
    tx: &mut PgConnection,
    recipient: OrganizationId,
    reference: &str,
) -> sqlx::Result<Referred> {
    sqlx::query_as!(
        Referred,
        "select (select g.number from match_contributions c join grants g on g.id = c.grant_id
                  where c.recipient_id = $1 and c.declined_at is null and lower(btrim(c.reference)) = lower(btrim($2))
                  limit 1) as contribution,
                (select g.number from expenditures e join grants g on g.id = e.grant_id
                  where g.recipient_id = $1 and e.reversed_at is null and lower(btrim(e.reference)) = lower(btrim($2))
                  order by e.id limit 1) as cost",
        recipient as _,
        reference,
    )
    .fetch_one(tx)
    .await
}

pub async fn of_grants(
    db: impl PgExecutor<'_>,
    window: &Window,
    grants: &[GrantId],
) -> sqlx::Result<HashMap<GrantId, Vec<MatchContribution>>> {
    Ok(pages_of_grants!(
        db,
        MatchContribution,
        r#"id, grant_id, recipient_id, contributor, source, amount, unused as "unused!: Money", contributed_on, effective_on,
           description, reference, valuation_basis, hours, hourly_rate, authorizing_statute, recorded_by, recorded_at,
           declined_by, declined_at, decline_reason, federal_grant as "federal_grant!""#,
        "select c.*, coalesce((select a.balance from ledger_accounts a
                                where a.contribution_id = c.id and a.kind = 'MATCH_UNUSED'), 0) as unused,
                (select s.level = 'FEDERAL' from grants g join funding_programs p on p.id = g.program_id
                   join funding_streams s on s.id = p.stream_id where g.id = c.grant_id) as federal_grant,
                to_char(c.contributed_on, 'YYYY-MM-DD') collate \"C\" as sort_key
           from match_contributions c where c.grant_id = wanted.grant_id",
        grants,
        window,
    ))
}

pub async fn acceptances_of_grants(
    db: impl PgExecutor<'_>,
    window: &Window,
    grants: &[GrantId],
) -> sqlx::Result<HashMap<GrantId, Vec<MatchAcceptance>>> {
    Ok(pages_of_grants!(
        db,
        MatchAcceptance,
        "id, contribution_id, grant_id, amount, accepted_by, accepted_at",
        "select a.*, '' as sort_key from match_acceptances a where a.grant_id = wanted.grant_id",
        grants,
        window,
    ))
}

/// What of many contributions is accepted, and for which grants, in order.
pub async fn acceptances_of(
    db: impl PgExecutor<'_>,
    contributions: &[MatchContributionId],
) -> sqlx::Result<HashMap<MatchContributionId, Vec<MatchAcceptance>>> {
    let rows = sqlx::query_as!(
        MatchAcceptance,
        "select id, contribution_id, grant_id, amount, accepted_by, accepted_at
           from match_acceptances where contribution_id = any($1) order by contribution_id, accepted_at, id",
        contributions as _,
    )
    .fetch_all(db)
    .await?;
    let mut acceptances: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        acceptances.entry(row.contribution_id).or_default().push(row);
    }
    Ok(acceptances)
}

/// How many contributions or acceptances a grant has, and what they sum to: what was declined is not summed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    pub count: i64,
    pub amount: Money,
    pub unused: Money,
}

pub async fn totals_of_grants(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
) -> sqlx::Result<HashMap<GrantId, Totals>> {
    let rows = sqlx::query!(
        r#"select c.grant_id as "grant: GrantId", count(*) as "count!",
                  coalesce(sum(c.amount) filter (where c.declined_at is null), 0) as "amount!: Money",
                  coalesce(sum(a.balance), 0) as "unused!: Money"
             from match_contributions c
             left join ledger_accounts a on a.contribution_id = c.id and a.kind = 'MATCH_UNUSED'
            where c.grant_id = any($1) group by c.grant_id"#,
        grants as _,
    )
    .fetch_all(db)
    .await?;
    let totals = |count, amount, unused| Totals { count, amount, unused };
    Ok(rows.into_iter().map(|row| (row.grant, totals(row.count, row.amount, row.unused))).collect())
}

pub async fn acceptance_totals_of_grants(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
) -> sqlx::Result<HashMap<GrantId, Totals>> {
    let rows = sqlx::query!(
        r#"select grant_id as "grant: GrantId", count(*) as "count!", sum(amount) as "amount!: Money"
             from match_acceptances where grant_id = any($1) group by grant_id"#,
        grants as _,
    )
    .fetch_all(db)
    .await?;
    let totals = |count, amount| Totals { count, amount, unused: Money::ZERO };
    Ok(rows.into_iter().map(|row| (row.grant, totals(row.count, row.amount))).collect())
}

/// Where they stand in their lists; the same text as the statements' `sort_key`.
pub fn position(row: &MatchContribution) -> Position {
    Position { key: row.contributed_on.to_string(), id: row.id.0 }
}

pub fn position_of_acceptance(row: &MatchAcceptance) -> Position {
    Position { key: String::new(), id: row.id.0 }
}
