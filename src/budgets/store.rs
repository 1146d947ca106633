use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

use super::{
    Amendment, AmendmentLine, AmendmentStatus, BudgetLine, Direction, LineFigures, NewTransfer,
};
use crate::{
    access::Reach,
    clock::Date,
    id::{AmendmentId, BudgetLineId, BudgetTransferId, GrantId, PersonId},
    ledger::AccountKind,
    money::Money,
    rule_sets::kinds::CostCategory,
};

/// The lines of many grants in their order. A line that was emptied stays, for its history.
pub async fn lines_of(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
) -> sqlx::Result<HashMap<GrantId, Vec<BudgetLine>>> {
    let rows = sqlx::query_as!(
        BudgetLine,
        "select id, grant_id, category, title, amount, position from budget_lines
          where grant_id = any($1) order by grant_id, position",
        grants as _,
    )
    .fetch_all(db)
    .await?;
    let mut lines: HashMap<_, Vec<_>> = HashMap::new();
    for line in rows {
        lines.entry(line.grant_id).or_default().push(line);
    }
    Ok(lines)
}

/// The lines with these ids, of grants that an actor may see.
pub async fn find_lines(
    db: impl PgExecutor<'_>,
    reach: &Reach,
    ids: &[BudgetLineId],
) -> sqlx::Result<Vec<BudgetLine>> {
    sqlx::query_as!(
        BudgetLine,
        "select l.id, l.grant_id, l.category, l.title, l.amount, l.position
           from budget_lines l join grants g on g.id = l.grant_id
          where l.id = any($1)
            and ($2::bool or g.recipient_id = any($3::uuid[])
                 or exists (select from grant_cities c where c.grant_id = g.id and c.city_id = any($4::uuid[])))
          order by l.id",
        ids as _,
        reach.everything,
        reach.organizations.as_slice() as _,
        reach.cities.as_slice() as _,
    )
    .fetch_all(db)
    .await
}

pub async fn insert_lines(
    tx: &mut PgConnection,
    lines: &[BudgetLine],
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    let ids: Vec<BudgetLineId> = lines.iter().map(|line| line.id).collect();
    let grants: Vec<GrantId> = lines.iter().map(|line| line.grant_id).collect();
    let categories: Vec<CostCategory> = lines.iter().map(|line| line.category).collect();
    let titles: Vec<&str> = lines.iter().map(|line| line.title.as_str()).collect();
    let amounts: Vec<Money> = lines.iter().map(|line| line.amount).collect();
    let positions: Vec<i32> = lines.iter().map(|line| line.position).collect();
    sqlx::query!(
        "insert into budget_lines (id, grant_id, category, title, amount, position, created_at)
         select l.*, $7 from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::numeric[], $6::int[]) as l",
        ids as _,
        grants as _,
        categories as _,
        titles as _,
        amounts as _,
        &positions,
        at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes what lines are budgeted with, of a grant that the caller holds.
pub async fn set_amounts(tx: &mut PgConnection, lines: &[BudgetLine]) -> sqlx::Result<()> {
    let ids: Vec<BudgetLineId> = lines.iter().map(|line| line.id).collect();
    let amounts: Vec<Money> = lines.iter().map(|line| line.amount).collect();
    sqlx::query!(
        "update budget_lines l set amount = n.amount
           from unnest($1::uuid[], $2::numeric[]) as n (id, amount) where l.id = n.id and l.amount <> n.amount",
        ids as _,
        amounts as _,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Where the money of each line of many grants is.
pub async fn figures_of(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
) -> sqlx::Result<HashMap<BudgetLineId, LineFigures>> {
    let rows = sqlx::query!(
        r#"
        select coalesce(e.line_id, a.item_id) as "line!: BudgetLineId", a.kind as "kind: AccountKind",
               sum(a.balance) as "balance!: Money"
          from ledger_accounts a
          left join encumbrances e on a.kind = 'ENCUMBERED' and e.id = a.item_id
         where a.grant_id = any($1)
           and a.kind in ('UNOBLIGATED', 'ENCUMBERED', 'UNCLAIMED', 'CLAIM_PENDING', 'CLAIMED')
         group by 1, 2
        "#,
        grants as _,
    )
    .fetch_all(db)
    .await?;
    let mut figures: HashMap<_, LineFigures> = HashMap::new();
    for row in rows {
        let of = figures.entry(row.line).or_default();
        match row.kind {
            AccountKind::Unobligated => of.unobligated = row.balance,
            AccountKind::Encumbered => of.encumbered = row.balance,
            AccountKind::Unclaimed => of.unclaimed = row.balance,
            AccountKind::ClaimPending => of.claim_pending = row.balance,
            _ => of.claimed = row.balance,
        }
    }
    Ok(figures)
}

pub async fn insert_transfer(
    tx: &mut PgConnection,
    id: BudgetTransferId,
    new: &NewTransfer,
    by: PersonId,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into budget_transfers (id, grant_id, from_line_id, to_line_id, amount, reason, moved_by, moved_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        id as _,
        new.grant as _,
        new.from as _,
        new.to as _,
        new.amount as _,
        new.reason.trim(),
        by as _,
        at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// What was transferred since the budget was last approved (2 CFR 200.308): of a grant, and out of one line.
pub struct Moved {
    pub all: Money,
    pub of_line: Money,
}

pub async fn moved(
    tx: &mut PgConnection,
    grant: GrantId,
    line: BudgetLineId,
) -> sqlx::Result<Moved> {
    sqlx::query_as!(
        Moved,
        r#"
        select coalesce(sum(t.amount), 0) as "all!: Money",
               coalesce(sum(t.amount) filter (where t.from_line_id = $2), 0) as "of_line!: Money"
          from budget_transfers t
         where t.grant_id = $1
           and t.moved_at > coalesce((select max(a.applied_at) from amendments a
                                       where a.grant_id = $1 and a.kind in ('AMOUNT', 'BUDGET')), '-infinity')
        "#,
        grant as _,
        line as _,
    )
    .fetch_one(tx)
    .await
}

pub async fn insert_amendment(
    tx: &mut PgConnection,
    new: &Amendment,
    lines: &[AmendmentLine],
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into amendments (id, grant_id, number, kind, status, reason, document_id, performance_end, encumber_by,
                                 liquidate_by, final_invoice_by, title, scope, effective_on, proposed_by, proposed_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        new.id as _,
        new.grant_id as _,
        new.number,
        new.kind as _,
        new.status as _,
        new.reason,
        new.document_id as _,
        new.performance_end as _,
        new.encumber_by as _,
        new.liquidate_by as _,
        new.final_invoice_by as _,
        new.title,
        new.scope,
        new.effective_on as _,
        new.proposed_by as _,
        new.proposed_at,
    )
    .execute(&mut *tx)
    .await?;
    let ids: Vec<BudgetLineId> = lines.iter().map(|line| line.line).collect();
    let directions: Vec<Direction> = lines.iter().map(|line| line.direction).collect();
    let amounts: Vec<Money> = lines.iter().map(|line| line.amount).collect();
    sqlx::query!(
        "insert into amendment_lines (amendment_id, line_id, direction, amount)
         select $1, l.* from unnest($2::uuid[], $3::text[], $4::numeric[]) as l",
        new.id as _,
        ids as _,
        directions as _,
        amounts as _,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// The number of a grant's next amendment, while the caller holds the grant.
pub async fn next_number(tx: &mut PgConnection, grant: GrantId) -> sqlx::Result<i32> {
    sqlx::query_scalar!(
        r#"select coalesce(max(number), 0) + 1 as "number!" from amendments where grant_id = $1"#,
        grant as _,
    )
    .fetch_one(tx)
    .await
}

/// The amendments with these ids, of grants that an actor may see.
pub async fn find_amendments(
    db: impl PgExecutor<'_>,
    reach: &Reach,
    ids: &[AmendmentId],
) -> sqlx::Result<Vec<Amendment>> {
    sqlx::query_as!(
        Amendment,
        "select a.id, a.grant_id, a.number, a.kind, a.status, a.reason, a.document_id, a.performance_end, a.encumber_by,
                a.liquidate_by, a.final_invoice_by, a.title, a.scope, a.effective_on, a.applied_at, a.proposed_by,
                a.proposed_at, a.decided_by, a.decided_at, a.decision_reason
           from amendments a join grants g on g.id = a.grant_id
          where a.id = any($1)
            and ($2::bool or g.recipient_id = any($3::uuid[])
                 or exists (select from grant_cities c where c.grant_id = g.id and c.city_id = any($4::uuid[])))
          order by a.id",
        ids as _,
        reach.everything,
        reach.organizations.as_slice() as _,
        reach.cities.as_slice() as _,
    )
    .fetch_all(db)
    .await
}

/// The amendments of many grants by their numbers.
pub async fn amendments_of(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
) -> sqlx::Result<HashMap<GrantId, Vec<Amendment>>> {
    let rows = sqlx::query_as!(
        Amendment,
        "select id, grant_id, number, kind, status, reason, document_id, performance_end, encumber_by, liquidate_by,
                final_invoice_by, title, scope, effective_on, applied_at, proposed_by, proposed_at, decided_by,
                decided_at, decision_reason
           from amendments where grant_id = any($1) order by grant_id, number",
        grants as _,
    )
    .fetch_all(db)
    .await?;
    let mut amendments: HashMap<_, Vec<_>> = HashMap::new();
    for amendment in rows {
        amendments.entry(amendment.grant_id).or_default().push(amendment);
    }
    Ok(amendments)
}

pub async fn amendment_lines(
    db: impl PgExecutor<'_>,
    amendments: &[AmendmentId],
) -> sqlx::Result<HashMap<AmendmentId, Vec<AmendmentLine>>> {
    let rows = sqlx::query!(
        r#"select a.amendment_id as "amendment: AmendmentId", a.line_id as "line: BudgetLineId",
                  a.direction as "direction: Direction", a.amount as "amount: Money"
             from amendment_lines a join budget_lines l on l.id = a.line_id
            where a.amendment_id = any($1) order by a.amendment_id, l.position"#,
        amendments as _,
    )
    .fetch_all(db)
    .await?;
    let mut lines: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        let line = AmendmentLine { line: row.line, direction: row.direction, amount: row.amount };
        lines.entry(row.amendment).or_default().push(line);
    }
    Ok(lines)
}

/// Writes the decision of an amendment, and its application, whose grant the caller holds.
pub async fn decide_amendment(tx: &mut PgConnection, decided: &Amendment) -> sqlx::Result<()> {
    sqlx::query!(
        "update amendments
            set status = $2, effective_on = $3, decided_by = $4, decided_at = $5, decision_reason = $6, applied_at = $7
          where id = $1",
        decided.id as _,
        decided.status as _,
        decided.effective_on as _,
        decided.decided_by as _,
        decided.decided_at,
        decided.decision_reason,
        decided.applied_at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Gives a grant that the caller holds the dates or the title of an approved amendment.
pub async fn apply_to_grant(
    tx: &mut PgConnection,
    amendment: &Amendment,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update grants g
            set performance_end = coalesce(a.performance_end, g.performance_end),
                encumber_by = coalesce(a.encumber_by, g.encumber_by),
                liquidate_by = coalesce(a.liquidate_by, g.liquidate_by),
                final_invoice_by = coalesce(a.final_invoice_by, g.final_invoice_by),
                period_amendment_id = case when a.kind = 'PERIOD' then a.id else g.period_amendment_id end,
                title = coalesce(a.title, g.title), revision = g.revision + 1, updated_at = $2
           from amendments a
          where a.id = $1 and g.id = a.grant_id",
        amendment.id as _,
        at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// The latest day that a grant's recorded costs arose on.
pub async fn latest_cost(tx: &mut PgConnection, grant: GrantId) -> sqlx::Result<Option<Date>> {
    sqlx::query_scalar!(
        r#"select max(incurred_on) as "on: Date" from expenditures where grant_id = $1 and reversed_at is null"#,
        grant as _,
    )
    .fetch_one(tx)
    .await
}

/// Approved amendments whose day has come, the earliest first.
pub async fn due_amendments(
    db: impl PgExecutor<'_>,
    on: Date,
    limit: i64,
) -> sqlx::Result<Vec<AmendmentId>> {
    sqlx::query_scalar!(
        r#"select id as "id: AmendmentId" from amendments
            where status = 'APPROVED' and applied_at is null and effective_on <= $1
            order by effective_on, id limit $2"#,
        on as _,
        limit,
    )
    .fetch_all(db)
    .await
}

/// The amendments that wait for a decision of somebody other than this person.
pub async fn proposed(
    db: impl PgExecutor<'_>,
    but_of: PersonId,
    limit: i64,
) -> sqlx::Result<Vec<Amendment>> {
    sqlx::query_as!(
        Amendment,
        "select id, grant_id, number, kind, status, reason, document_id, performance_end, encumber_by, liquidate_by,
                final_invoice_by, title, scope, effective_on, applied_at, proposed_by, proposed_at, decided_by,
                decided_at, decision_reason
           from amendments where status = $3 and proposed_by <> $1 order by proposed_at, id limit $2",
        but_of as _,
        limit,
        AmendmentStatus::Proposed as _,
    )
    .fetch_all(db)
    .await
}
