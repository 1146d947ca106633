use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

use super::{
    Adjustment, ClaimLine, Disbursement, DisbursementEvent, DisbursementKind, DisbursementStatus,
    LineAmount, model::Adjusted,
};
use crate::{
    access::Reach,
    clock::Date,
    id::{BudgetLineId, CityId, DisbursementId, DocumentId, GrantId, OrganizationId, StreamId},
    money::Money,
    page::{Count, Position, Window, figures_of, page_of, pages_of_grants},
    streams::StreamCode,
};

/// The disbursements with these ids that an actor may see.
pub async fn find(
    db: impl PgExecutor<'_>,
    reach: &Reach,
    ids: &[DisbursementId],
) -> sqlx::Result<Vec<Disbursement>> {
    sqlx::query_as!(
        Disbursement,
        "select d.id, d.grant_id, d.status, d.kind, d.amount, d.approved_amount, d.retained, d.invoice_number, d.period_start,
                d.period_end, d.requested_by, d.requested_at, d.approved_by, d.approved_for, d.approved_at, d.submission,
                d.certified_by_name, d.certified_by_title, d.certified_at, d.scheduled_for, d.paid_by, d.paid_on, d.method,
                d.reference, d.vendor_number, d.purchase_order, d.fund_string, d.warrant_number, d.reason, d.opening,
                d.revision, d.updated_at
           from disbursements d
           join grants g on g.id = d.grant_id
          where d.id = any($1)
            and ($2::bool or g.recipient_id = any($3::uuid[])
                 or exists (select from grant_cities c where c.grant_id = g.id and c.city_id = any($4::uuid[])))
          order by d.id",
        ids as _,
        reach.everything,
        reach.organizations.as_slice() as _,
        reach.cities.as_slice() as _,
    )
    .fetch_all(db)
    .await
}

/// Reads a disbursement of a grant that the caller holds.
pub async fn read(tx: &mut PgConnection, id: DisbursementId) -> sqlx::Result<Option<Disbursement>> {
    sqlx::query_as!(
        Disbursement,
        "select id, grant_id, status, kind, amount, approved_amount, retained, invoice_number, period_start,
                period_end, requested_by, requested_at, approved_by, approved_for, approved_at, submission,
                certified_by_name, certified_by_title, certified_at, scheduled_for, paid_by, paid_on, method,
                reference, vendor_number, purchase_order, fund_string, warrant_number, reason, opening,
                revision, updated_at
           from disbursements where id = $1",
        id as _,
    )
    .fetch_optional(tx)
    .await
}

/// The grant that a disbursement belongs to, whoever asks: for taking the grant's lock.
pub async fn grant_of(tx: &mut PgConnection, id: DisbursementId) -> sqlx::Result<Option<GrantId>> {
    sqlx::query_scalar!(
        r#"select grant_id as "id: GrantId" from disbursements where id = $1"#,
        id as _
    )
    .fetch_optional(tx)
    .await
}

pub async fn insert(tx: &mut PgConnection, new: &Disbursement) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into disbursements (id, grant_id, status, kind, amount, invoice_number, period_start, period_end,
                                    requested_by, requested_at, updated_at, approved_amount, approved_by, approved_at,
                                    certified_by_name, certified_by_title, certified_at, opening, reason)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
        new.id as _,
        new.grant_id as _,
        new.status as _,
        new.kind as _,
        new.amount as _,
        new.invoice_number,
        new.period_start as _,
        new.period_end as _,
        new.requested_by as _,
        new.requested_at,
        new.approved_amount as _,
        new.approved_by as _,
        new.approved_at,
        new.certified_by_name,
        new.certified_by_title,
        new.certified_at,
        new.opening,
        new.reason,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes what a command changed in a disbursement of a grant that it holds.
pub async fn update(tx: &mut PgConnection, changed: &Disbursement) -> sqlx::Result<()> {
    sqlx::query!(
        "update disbursements
            set status = $2, amount = $3, invoice_number = $4, period_start = $5, period_end = $6,
                approved_by = $7, approved_at = $8, scheduled_for = $9, paid_by = $10, paid_on = $11,
                method = $12, reference = $13, reason = $14, revision = $15, updated_at = $16, requested_by = $17,
                approved_amount = $18, approved_for = $19, retained = $20, submission = $21, certified_by_name = $22,
                certified_by_title = $23, certified_at = $24, vendor_number = $25, purchase_order = $26,
                fund_string = $27, warrant_number = $28
          where id = $1",
        changed.id as _,
        changed.status as _,
        changed.amount as _,
        changed.invoice_number,
        changed.period_start as _,
        changed.period_end as _,
        changed.approved_by as _,
        changed.approved_at,
        changed.scheduled_for as _,
        changed.paid_by as _,
        changed.paid_on as _,
        changed.method as _,
        changed.reference,
        changed.reason,
        changed.revision,
        changed.updated_at,
        changed.requested_by as _,
        changed.approved_amount as _,
        changed.approved_for as _,
        changed.retained as _,
        changed.submission,
        changed.certified_by_name,
        changed.certified_by_title,
        changed.certified_at,
        changed.vendor_number,
        changed.purchase_order,
        changed.fund_string,
        changed.warrant_number,
    )
    .execute(tx)
    .await?;
    Ok(())
}

pub async fn insert_event(tx: &mut PgConnection, event: &DisbursementEvent) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into disbursement_events (id, disbursement_id, status, person_id, reason, occurred_at)
         values ($1, $2, $3, $4, $5, $6)",
        event.id as _,
        event.disbursement_id as _,
        event.status as _,
        event.person_id as _,
        event.reason,
        event.occurred_at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// What happened to many disbursements, in order.
pub async fn events_of(
    db: impl PgExecutor<'_>,
    disbursements: &[DisbursementId],
) -> sqlx::Result<HashMap<DisbursementId, Vec<DisbursementEvent>>> {
    let rows = sqlx::query_as!(
        DisbursementEvent,
        "select id, disbursement_id, status, person_id, reason, occurred_at
           from disbursement_events where disbursement_id = any($1) order by occurred_at, id",
        disbursements as _,
    )
    .fetch_all(db)
    .await?;
    let mut events: HashMap<_, Vec<_>> = HashMap::new();
    for event in rows {
        events.entry(event.disbursement_id).or_default().push(event);
    }
    Ok(events)
}

#[derive(Clone, Debug, Default)]
pub struct DisbursementFilter {
    pub streams: Option<Vec<StreamCode>>,
    pub statuses: Option<Vec<DisbursementStatus>>,
    pub kinds: Option<Vec<DisbursementKind>>,
    pub grants: Option<Vec<GrantId>>,
    pub cities: Option<Vec<CityId>>,
    pub recipients: Option<Vec<OrganizationId>>,
    pub paid_from: Option<Date>,
    pub paid_to: Option<Date>,
    pub requested_from: Option<Date>,
    pub requested_to: Option<Date>,
    pub stream_ids: Option<Vec<StreamId>>,
    pub accounting_key: Option<String>,
    pub scheduled_from: Option<Date>,
    pub scheduled_to: Option<Date>,
    pub updated_since: Option<DateTime<Utc>>,
}

macro_rules! listed {
    ($shape:ident, ($($head:tt)*), ($($window:tt)*), $filter:expr, $reach:expr, $today:expr) => {
        $shape!(
            $($head)*,
            "select d.*, $27::date as today,
                    case $8::text when 'AMOUNT' then lpad(d.amount::text, 20, '0') collate \"C\"
                                       when 'PAID_ON' then coalesce(to_char(d.paid_on, 'YYYY-MM-DD'), '') collate \"C\"
                                       when 'SCHEDULED_FOR'
                                       then coalesce(to_char(d.scheduled_for, 'YYYY-MM-DD'), '') collate \"C\"
                                       else '' end as sort_key
               from disbursements d
               join grants g on g.id = d.grant_id
              where ($9::bool or g.recipient_id = any($10::uuid[])
                     or exists (select from grant_cities c where c.grant_id = g.id and c.city_id = any($11::uuid[])))
                and ($12::text[] is null
                     or g.program_id in (select p.id from funding_programs p join funding_streams s on s.id = p.stream_id
                                          where s.code = any($12)))
                and ($13::text[] is null or d.status = any($13))
                and ($14::text[] is null or d.kind = any($14))
                and ($15::uuid[] is null or d.grant_id = any($15))
                and ($16::uuid[] is null
                     or exists (select from grant_cities c where c.grant_id = g.id and c.city_id = any($16)))
                and ($17::uuid[] is null or g.recipient_id = any($17))
                and ($18::date is null or d.paid_on >= $18)
                and ($19::date is null or d.paid_on <= $19)
                and ($20::date is null or d.requested_at >= ($20::date)::timestamp at time zone 'America/Los_Angeles')
                and ($21::date is null or d.requested_at < ($21::date + 1)::timestamp at time zone 'America/Los_Angeles')
                and ($22::timestamptz is null or d.updated_at >= $22)
                and ($23::uuid[] is null
                     or g.program_id in (select p.id from funding_programs p where p.stream_id = any($23)))
                and ($24::text is null
                     or lower(btrim($24)) in (lower(btrim(coalesce(d.vendor_number, g.vendor_number))),
                                              lower(btrim(coalesce(d.purchase_order, g.purchase_order))),
                                              lower(btrim(coalesce(d.fund_string, g.fund_string))),
                                              lower(btrim(d.warrant_number))))
                and ($25::date is null or d.scheduled_for >= $25)
                and ($26::date is null or d.scheduled_for <= $26)",
            $($window)*
            $reach.everything,
            $reach.organizations.as_slice() as _,
            $reach.cities.as_slice() as _,
            $filter.streams.as_deref() as _,
            $filter.statuses.as_deref() as _,
            $filter.kinds.as_deref() as _,
            $filter.grants.as_deref() as _,
            $filter.cities.as_deref() as _,
            $filter.recipients.as_deref() as _,
            $filter.paid_from as _,
            $filter.paid_to as _,
            $filter.requested_from as _,
            $filter.requested_to as _,
            $filter.updated_since,
            $filter.stream_ids.as_deref() as _,
            $filter.accounting_key.as_deref(),
            $filter.scheduled_from as _,
            $filter.scheduled_to as _,
            $today as _
        )
    };
}

pub async fn list(
    db: impl PgExecutor<'_>,
    window: &Window,
    filter: &DisbursementFilter,
    reach: &Reach,
) -> sqlx::Result<Vec<Disbursement>> {
    listed!(
        page_of,
        (
            Disbursement,
            "id, grant_id, status, kind, amount, approved_amount, retained, invoice_number, period_start,
                period_end, requested_by, requested_at, approved_by, approved_for, approved_at, submission,
                certified_by_name, certified_by_title, certified_at, scheduled_for, paid_by, paid_on, method,
                reference, vendor_number, purchase_order, fund_string, warrant_number, reason, opening,
                revision, updated_at"
        ),
        (window,),
        filter,
        reach,
        None::<Date>
    )
    .fetch_all(db)
    .await
}

/// How many disbursements a filter finds.
pub async fn count(
    db: impl PgExecutor<'_>,
    filter: &DisbursementFilter,
    reach: &Reach,
) -> sqlx::Result<i64> {
    let row =
        listed!(figures_of, (Count, r#"count(*) as "count!""#), (), filter, reach, None::<Date>)
            .fetch_one(db)
            .await?;
    Ok(row.count)
}

/// Sums over a whole list, and how late its scheduled payments are.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    pub count: i64,
    pub requested: Money,
    pub approved: Money,
    pub paid: Money,
    pub retained: Money,
    pub retained_open: Money,
    pub refunded: Money,
    pub disallowed: Money,
    pub advance_open: Money,
    pub not_due_count: i64,
    pub not_due: Money,
    pub days_1_to_30_count: i64,
    pub days_1_to_30: Money,
    pub days_31_to_60_count: i64,
    pub days_31_to_60: Money,
    pub days_over_60_count: i64,
    pub days_over_60: Money,
}

/// Gives a statement the columns of `Totals`, over rows of disbursements, as `listed`, with the day that is `today`.
macro_rules! sums {
    ($statement:ident) => {
        $statement!(
            r#"count(*) as "count!",
               coalesce(sum(amount) filter (where status = 'REQUESTED'), 0) as "requested!: Money",
               coalesce(sum(approved_amount) filter (where status in ('APPROVED', 'SCHEDULED')), 0) as "approved!: Money",
               coalesce(sum(approved_amount - retained) filter (where status = 'PAID'), 0) as "paid!: Money",
               coalesce(sum(retained) filter (where status = 'PAID'), 0) as "retained!: Money",
               coalesce(sum((select sum(a.balance) from ledger_accounts a
                              where a.grant_id = listed.grant_id and a.kind = 'RETAINED' and a.item_id = listed.id)), 0)
                   as "retained_open!: Money",
               coalesce(sum((select sum(a.amount) from payment_adjustments a
                              where a.disbursement_id = listed.id and a.kind = 'REFUND')), 0) as "refunded!: Money",
               coalesce(sum((select sum(a.amount) from payment_adjustments a
                              where a.disbursement_id = listed.id and a.kind = 'DISALLOWANCE')), 0) as "disallowed!: Money",
               coalesce(sum((select sum(a.balance) from ledger_accounts a
                              where a.grant_id = listed.grant_id and a.kind = 'ADVANCE_OPEN' and a.item_id = listed.id)), 0)
                   as "advance_open!: Money",
               count(*) filter (where status = 'SCHEDULED' and today - scheduled_for <= 0) as "not_due_count!",
               coalesce(sum(approved_amount) filter (where status = 'SCHEDULED' and today - scheduled_for <= 0), 0)
                   as "not_due!: Money",
               count(*) filter (where status = 'SCHEDULED' and today - scheduled_for between 1 and 30)
                   as "days_1_to_30_count!",
               coalesce(sum(approved_amount) filter (where status = 'SCHEDULED' and today - scheduled_for between 1 and 30), 0)
                   as "days_1_to_30!: Money",
               count(*) filter (where status = 'SCHEDULED' and today - scheduled_for between 31 and 60)
                   as "days_31_to_60_count!",
               coalesce(sum(approved_amount) filter (where status = 'SCHEDULED' and today - scheduled_for between 31 and 60), 0)
                   as "days_31_to_60!: Money",
               count(*) filter (where status = 'SCHEDULED' and today - scheduled_for > 60) as "days_over_60_count!",
               coalesce(sum(approved_amount) filter (where status = 'SCHEDULED' and today - scheduled_for > 60), 0)
                   as "days_over_60!: Money""#
        )
    };
}

pub async fn totals(
    db: impl PgExecutor<'_>,
    filter: &DisbursementFilter,
    reach: &Reach,
    today: Date,
) -> sqlx::Result<Totals> {
    macro_rules! statement {
        ($sums:tt) => {
            listed!(figures_of, (Totals, $sums), (), filter, reach, today)
        };
    }
    sums!(statement).fetch_one(db).await
}

/// One page of the disbursements of each of many grants, in one statement.
pub async fn of_grants(
    db: impl PgExecutor<'_>,
    window: &Window,
    grants: &[GrantId],
) -> sqlx::Result<HashMap<GrantId, Vec<Disbursement>>> {
    Ok(pages_of_grants!(
        db,
        Disbursement,
        "id, grant_id, status, kind, amount, approved_amount, retained, invoice_number, period_start,
                period_end, requested_by, requested_at, approved_by, approved_for, approved_at, submission,
                certified_by_name, certified_by_title, certified_at, scheduled_for, paid_by, paid_on, method,
                reference, vendor_number, purchase_order, fund_string, warrant_number, reason, opening,
                revision, updated_at",
        "select d.*, case $9::text when 'AMOUNT' then lpad(d.amount::text, 20, '0') collate \"C\"
                                   when 'PAID_ON' then coalesce(to_char(d.paid_on, 'YYYY-MM-DD'), '') collate \"C\"
                                   when 'SCHEDULED_FOR'
                                   then coalesce(to_char(d.scheduled_for, 'YYYY-MM-DD'), '') collate \"C\"
                                   else '' end as sort_key
           from disbursements d where d.grant_id = wanted.grant_id",
        grants,
        window,
    ))
}

/// Sums over all disbursements of each of many grants.
pub async fn totals_of_grants(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
    today: Date,
) -> sqlx::Result<HashMap<GrantId, Totals>> {
    macro_rules! statement {
        ($sums:tt) => {
            sqlx::query!(
                "select grant_id, " + $sums + "
                   from (select d.*, $2::date as today from disbursements d where d.grant_id = any($1)) listed
                  group by grant_id",
                grants as _,
                today as _,
            )
        };
    }
    let rows = sums!(statement).fetch_all(db).await?;
    let totals = rows.into_iter().map(|row| {
        let totals = Totals {
            count: row.count,
            requested: row.requested,
            approved: row.approved,
            paid: row.paid,
            retained: row.retained,
            retained_open: row.retained_open,
            refunded: row.refunded,
            disallowed: row.disallowed,
            advance_open: row.advance_open,
            not_due_count: row.not_due_count,
            not_due: row.not_due,
            days_1_to_30_count: row.days_1_to_30_count,
            days_1_to_30: row.days_1_to_30,
            days_31_to_60_count: row.days_31_to_60_count,
            days_31_to_60: row.days_31_to_60,
            days_over_60_count: row.days_over_60_count,
            days_over_60: row.days_over_60,
        };
        (row.grant_id, totals)
    });
    Ok(totals.collect())
}

/// Where a disbursement stands in an order; the same text as the statement's `sort_key`.
pub fn position(order: &str, disbursement: &Disbursement) -> Position {
    let day = |day: Option<Date>| day.map(|day| day.to_string()).unwrap_or_default();
    let key = match order {
        "AMOUNT" => format!("{:0>20}", disbursement.amount.to_string()),
        "PAID_ON" => day(disbursement.paid_on),
        "SCHEDULED_FOR" => day(disbursement.scheduled_for),
        _ => String::new(),
    };
    Position { key, id: disbursement.id.0 }
}

/// What of grants is outstanding in advance: asked for, or paid and not accounted for.
pub async fn advanced(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
) -> sqlx::Result<HashMap<GrantId, Money>> {
    let rows = sqlx::query!(
        r#"select grant_id as "grant!: GrantId", sum(balance) as "amount!: Money" from ledger_accounts
            where grant_id = any($1) and kind in ('ADVANCE_PENDING', 'ADVANCE_OPEN') group by grant_id"#,
        grants as _,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.grant, row.amount)).collect())
}

/// The lines of a disbursement as it was last sent in.
pub async fn claims_of(tx: &mut PgConnection, of: &Disbursement) -> sqlx::Result<Vec<ClaimLine>> {
    sqlx::query_as!(
        ClaimLine,
        r#"select c.line_id as "line_id: BudgetLineId", c.amount as "amount: Money",
                  c.approved_amount as "approved_amount: Money", c.new_costs as "new_costs: Money"
             from disbursement_lines c join budget_lines l on l.id = c.line_id
            where c.disbursement_id = $1 and c.submission = $2 order by l.position"#,
        of.id as _,
        of.submission,
    )
    .fetch_all(tx)
    .await
}

/// The lines of many disbursements as they were last sent in.
pub async fn lines_of(
    db: impl PgExecutor<'_>,
    disbursements: &[DisbursementId],
) -> sqlx::Result<HashMap<DisbursementId, Vec<ClaimLine>>> {
    let rows = sqlx::query!(
        r#"select c.disbursement_id as "of: DisbursementId", c.line_id as "line_id: BudgetLineId",
                  c.amount as "amount: Money", c.approved_amount as "approved_amount: Money",
                  c.new_costs as "new_costs: Money"
             from disbursement_lines c
             join disbursements d on d.id = c.disbursement_id and d.submission = c.submission
             join budget_lines l on l.id = c.line_id
            where c.disbursement_id = any($1) order by c.disbursement_id, l.position"#,
        disbursements as _,
    )
    .fetch_all(db)
    .await?;
    let mut lines: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        let line = ClaimLine {
            line_id: row.line_id,
            amount: row.amount,
            approved_amount: row.approved_amount,
            new_costs: row.new_costs,
        };
        lines.entry(row.of).or_default().push(line);
    }
    Ok(lines)
}

pub async fn insert_lines(
    tx: &mut PgConnection,
    of: &Disbursement,
    lines: &[ClaimLine],
) -> sqlx::Result<()> {
    let ids: Vec<BudgetLineId> = lines.iter().map(|line| line.line_id).collect();
    let amounts: Vec<Money> = lines.iter().map(|line| line.amount).collect();
    let told: Vec<Money> = lines.iter().map(|line| line.new_costs).collect();
    sqlx::query!(
        "insert into disbursement_lines (disbursement_id, submission, line_id, amount, new_costs)
         select $1, $2, l.* from unnest($3::uuid[], $4::numeric[], $5::numeric[]) as l",
        of.id as _,
        of.submission,
        ids as _,
        amounts as _,
        told as _,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes what of each line was approved.
pub async fn decide_lines(
    tx: &mut PgConnection,
    of: &Disbursement,
    lines: &[ClaimLine],
) -> sqlx::Result<()> {
    let ids: Vec<BudgetLineId> = lines.iter().map(|line| line.line_id).collect();
    let amounts: Vec<Money> = lines.iter().map(ClaimLine::payable).collect();
    let told: Vec<Money> = lines.iter().map(|line| line.new_costs).collect();
    sqlx::query!(
        "update disbursement_lines l set approved_amount = n.amount, new_costs = n.told
           from unnest($3::uuid[], $4::numeric[], $5::numeric[]) as n (line_id, amount, told)
          where l.disbursement_id = $1 and l.submission = $2 and l.line_id = n.line_id",
        of.id as _,
        of.submission,
        ids as _,
        amounts as _,
        told as _,
    )
    .execute(tx)
    .await?;
    Ok(())
}

pub async fn insert_evidence(
    tx: &mut PgConnection,
    of: DisbursementId,
    documents: &[DocumentId],
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into disbursement_evidence (disbursement_id, document_id)
         select $1, d from unnest($2::uuid[]) as d on conflict do nothing",
        of as _,
        documents as _,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// The documents that disbursements rest on.
pub async fn evidence_of(
    db: impl PgExecutor<'_>,
    disbursements: &[DisbursementId],
) -> sqlx::Result<HashMap<DisbursementId, Vec<DocumentId>>> {
    let rows = sqlx::query!(
        r#"select disbursement_id as "of: DisbursementId", document_id as "document: DocumentId"
             from disbursement_evidence where disbursement_id = any($1) order by disbursement_id, document_id"#,
        disbursements as _,
    )
    .fetch_all(db)
    .await?;
    let mut evidence: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        evidence.entry(row.of).or_default().push(row.document);
    }
    Ok(evidence)
}

/// How many releases of retention a grant had.
pub async fn releases_of(tx: &mut PgConnection, grant: GrantId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from disbursements where grant_id = $1 and kind = 'RETENTION_RELEASE'"#,
        grant as _,
    )
    .fetch_one(tx)
    .await
}

/// The payments of a grant that still withhold something, the oldest first, and how much.
pub async fn retained_of(
    tx: &mut PgConnection,
    grant: GrantId,
) -> sqlx::Result<Vec<(Disbursement, Money)>> {
    let held = sqlx::query!(
        r#"select item_id as "id!: DisbursementId", balance as "balance: Money" from ledger_accounts
            where grant_id = $1 and kind = 'RETAINED' and balance > 0 and item_id is not null"#,
        grant as _,
    )
    .fetch_all(&mut *tx)
    .await?;
    let held: HashMap<_, _> = held.into_iter().map(|row| (row.id, row.balance)).collect();
    let ids: Vec<_> = held.keys().copied().collect();
    let everything = Reach { everything: true, ..Reach::default() };
    let mut payments = find(tx, &everything, &ids).await?;
    payments.sort_by_key(|payment| (payment.paid_on, payment.id));
    let with = |payment: Disbursement| {
        let held = held.get(&payment.id).copied().unwrap_or_default();
        (payment, held)
    };
    Ok(payments.into_iter().map(with).collect())
}

pub async fn insert_release_parts(
    tx: &mut PgConnection,
    release: DisbursementId,
    parts: &[(DisbursementId, Money)],
) -> sqlx::Result<()> {
    let payments: Vec<DisbursementId> = parts.iter().map(|(payment, _)| *payment).collect();
    let amounts: Vec<Money> = parts.iter().map(|(_, amount)| *amount).collect();
    sqlx::query!(
        "insert into retention_release_parts (release_id, payment_id, amount)
         select $1, p.* from unnest($2::uuid[], $3::numeric[]) as p",
        release as _,
        payments as _,
        amounts as _,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// What a release takes of which payments; nothing where it is no release.
pub async fn release_parts(
    tx: &mut PgConnection,
    release: DisbursementId,
) -> sqlx::Result<Vec<(DisbursementId, Money)>> {
    let rows = sqlx::query!(
        r#"select payment_id as "payment: DisbursementId", amount as "amount: Money"
             from retention_release_parts where release_id = $1 order by payment_id"#,
        release as _,
    )
    .fetch_all(tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.payment, row.amount)).collect())
}

/// What became of a payment so far.
pub async fn adjusted(tx: &mut PgConnection, of: DisbursementId) -> sqlx::Result<Adjusted> {
    sqlx::query_as!(
        Adjusted,
        r#"select coalesce(sum(amount) filter (where kind = 'REFUND'), 0) as "refunded!: Money",
                  coalesce(sum(amount) filter (where kind = 'DISALLOWANCE'), 0) as "disallowed!: Money",
                  coalesce(sum(amount) filter (where kind = 'ACCOUNTING'), 0) as "accounted!: Money"
             from payment_adjustments where disbursement_id = $1"#,
        of as _,
    )
    .fetch_one(tx)
    .await
}

/// What each budget line was paid for by a payment, less what came back: of an advance, what was accounted for.
pub async fn paid_lines(tx: &mut PgConnection, of: &Disbursement) -> sqlx::Result<Vec<LineAmount>> {
    sqlx::query_as!(
        LineAmount,
        r#"select l.id as "line: BudgetLineId", sum(p.amount) as "amount!: Money"
             from (select c.line_id, c.approved_amount as amount from disbursement_lines c
                    where c.disbursement_id = $1 and c.submission = $2
                    union all
                   select a.line_id, case x.kind when 'ACCOUNTING' then a.amount else -a.amount end
                     from payment_adjustments x join payment_adjustment_lines a on a.adjustment_id = x.id
                    where x.disbursement_id = $1) p
             join budget_lines l on l.id = p.line_id
            group by l.id, l.position having sum(p.amount) > 0 order by l.position"#,
        of.id as _,
        of.submission,
    )
    .fetch_all(tx)
    .await
}

pub async fn insert_adjustment(
    tx: &mut PgConnection,
    new: &Adjustment,
    lines: &[ClaimLine],
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into payment_adjustments (id, disbursement_id, kind, amount, retained, effective_on, reference, reason,
                                          recorded_by, recorded_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        new.id as _,
        new.disbursement_id as _,
        new.kind as _,
        new.amount as _,
        new.retained as _,
        new.effective_on as _,
        new.reference,
        new.reason,
        new.recorded_by as _,
        new.recorded_at,
    )
    .execute(&mut *tx)
    .await?;
    let ids: Vec<BudgetLineId> = lines.iter().map(|line| line.line_id).collect();
    let amounts: Vec<Money> = lines.iter().map(|line| line.amount).collect();
    sqlx::query!(
        "insert into payment_adjustment_lines (adjustment_id, line_id, amount)
         select $1, l.* from unnest($2::uuid[], $3::numeric[]) as l",
        new.id as _,
        ids as _,
        amounts as _,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// What became of many payments, in order.
pub async fn adjustments_of(
    db: impl PgExecutor<'_>,
    disbursements: &[DisbursementId],
) -> sqlx::Result<HashMap<DisbursementId, Vec<Adjustment>>> {
    let rows = sqlx::query_as!(
        Adjustment,
        "select id, disbursement_id, kind, amount, retained, effective_on, reference, reason, recorded_by, recorded_at
           from payment_adjustments where disbursement_id = any($1) order by disbursement_id, recorded_at, id",
        disbursements as _,
    )
    .fetch_all(db)
    .await?;
    let mut adjustments: HashMap<_, Vec<_>> = HashMap::new();
    for adjustment in rows {
        adjustments.entry(adjustment.disbursement_id).or_default().push(adjustment);
    }
    Ok(adjustments)
}

pub mod exported;
