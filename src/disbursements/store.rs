use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

use super::{Disbursement, DisbursementEvent, DisbursementKind, DisbursementStatus};
use crate::{
    access::Reach,
    clock::Date,
    id::{CityId, DisbursementId, GrantId, OrganizationId},
    money::Money,
    page::{Position, Window, figures_of, page_of},
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
        "select d.id, d.grant_id, d.status, d.kind, d.amount, d.retained, d.invoice_number, d.period_start,
                d.period_end, d.requested_by, d.requested_at, d.approved_by, d.approved_at, d.scheduled_for,
                d.paid_by, d.paid_on, d.method, d.reference, d.reason, d.revision, d.updated_at
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
        "select id, grant_id, status, kind, amount, retained, invoice_number, period_start, period_end,
                requested_by, requested_at, approved_by, approved_at, scheduled_for, paid_by, paid_on, method,
                reference, reason, revision, updated_at
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
                                    requested_by, requested_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)",
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
                method = $12, reference = $13, reason = $14, revision = $15, updated_at = $16, requested_by = $17
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
    pub updated_since: Option<DateTime<Utc>>,
}

macro_rules! listed {
    ($shape:ident, ($($head:tt)*), ($($window:tt)*), $filter:expr, $reach:expr) => {
        $shape!(
            $($head)*,
            "select d.*, case $8::text when 'AMOUNT' then lpad(d.amount::text, 20, '0') collate \"C\"
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
                and ($22::timestamptz is null or d.updated_at >= $22)",
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
            $filter.updated_since
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
            "id, grant_id, status, kind, amount, retained, invoice_number, period_start, period_end,
             requested_by, requested_at, approved_by, approved_at, scheduled_for, paid_by, paid_on, method,
             reference, reason, revision, updated_at"
        ),
        (window,),
        filter,
        reach
    )
    .fetch_all(db)
    .await
}

/// Sums over a whole list.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    pub count: i64,
    pub requested: Money,
    pub approved: Money,
    pub paid: Money,
    pub retained: Money,
}

pub async fn totals(
    db: impl PgExecutor<'_>,
    filter: &DisbursementFilter,
    reach: &Reach,
) -> sqlx::Result<Totals> {
    listed!(
        figures_of,
        (
            Totals,
            r#"count(*) as "count!",
               coalesce(sum(amount) filter (where status = 'REQUESTED'), 0) as "requested!: Money",
               coalesce(sum(amount) filter (where status in ('APPROVED', 'SCHEDULED')), 0) as "approved!: Money",
               coalesce(sum(amount - retained) filter (where status = 'PAID'), 0) as "paid!: Money",
               coalesce(sum(retained) filter (where status = 'PAID'), 0) as "retained!: Money""#
        ),
        (),
        filter,
        reach
    )
    .fetch_one(db)
    .await
}

/// One page of the disbursements of each of many grants, in one statement.
pub async fn of_grants(
    db: impl PgExecutor<'_>,
    window: &Window,
    grants: &[GrantId],
) -> sqlx::Result<HashMap<GrantId, Vec<Disbursement>>> {
    let rows = sqlx::query_as!(
        Disbursement,
        "select page.id, page.grant_id, page.status, page.kind, page.amount, page.retained, page.invoice_number,
                page.period_start, page.period_end, page.requested_by, page.requested_at, page.approved_by,
                page.approved_at, page.scheduled_for, page.paid_by, page.paid_on, page.method, page.reference,
                page.reason, page.revision, page.updated_at
           from unnest($1::uuid[]) with ordinality as wanted (grant_id, place)
          cross join lateral (
                select listed.*, row_number() over (order by case when not $7::bool then sort_key end,
                                                          case when $7::bool then sort_key end desc,
                                                          case when not $7::bool then id end,
                                                          case when $7::bool then id end desc) as line
                  from (select d.*, case $9::text when 'AMOUNT' then lpad(d.amount::text, 20, '0') collate \"C\"
                                                  when 'PAID_ON'
                                                  then coalesce(to_char(d.paid_on, 'YYYY-MM-DD'), '') collate \"C\"
                                                  when 'SCHEDULED_FOR'
                                                  then coalesce(to_char(d.scheduled_for, 'YYYY-MM-DD'), '') collate \"C\"
                                                  else '' end as sort_key
                          from disbursements d
                         where d.grant_id = wanted.grant_id) listed
                 where ($3::text is null
                        or case when $2::bool then (sort_key, id) < ($3, $4::uuid) else (sort_key, id) > ($3, $4::uuid) end)
                   and ($5::text is null
                        or case when $2::bool then (sort_key, id) > ($5, $6::uuid) else (sort_key, id) < ($5, $6::uuid) end)
                 order by line
                 limit $8::bigint) page
          order by wanted.place, page.line",
        grants as _,
        window.descending,
        window.after.as_ref().map(|at| at.key.as_str()),
        window.after.as_ref().map(|at| at.id),
        window.before.as_ref().map(|at| at.key.as_str()),
        window.before.as_ref().map(|at| at.id),
        window.reads_descending(),
        window.limit(),
        window.order,
    )
    .fetch_all(db)
    .await?;
    let mut pages: HashMap<_, Vec<_>> = HashMap::new();
    for disbursement in rows {
        pages.entry(disbursement.grant_id).or_default().push(disbursement);
    }
    Ok(pages)
}

/// Sums over all disbursements of each of many grants.
pub async fn totals_of_grants(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
) -> sqlx::Result<HashMap<GrantId, Totals>> {
    let rows = sqlx::query!(
        r#"
        select grant_id as "grant: GrantId", count(*) as "count!",
               coalesce(sum(amount) filter (where status = 'REQUESTED'), 0) as "requested!: Money",
               coalesce(sum(amount) filter (where status in ('APPROVED', 'SCHEDULED')), 0) as "approved!: Money",
               coalesce(sum(amount - retained) filter (where status = 'PAID'), 0) as "paid!: Money",
               coalesce(sum(retained) filter (where status = 'PAID'), 0) as "retained!: Money"
          from disbursements
         where grant_id = any($1)
         group by grant_id
        "#,
        grants as _,
    )
    .fetch_all(db)
    .await?;
    let totals = rows.into_iter().map(|row| {
        let totals = Totals {
            count: row.count,
            requested: row.requested,
            approved: row.approved,
            paid: row.paid,
            retained: row.retained,
        };
        (row.grant, totals)
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

/// What was paid in advance or asked for, for grants that have such. Nothing is accounted for yet.
pub async fn advanced(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
) -> sqlx::Result<HashMap<GrantId, Money>> {
    let rows = sqlx::query!(
        r#"select grant_id as "grant: GrantId", sum(amount) as "amount!: Money" from disbursements
            where grant_id = any($1) and kind = 'ADVANCE' and status in ('REQUESTED', 'APPROVED', 'SCHEDULED', 'PAID')
            group by grant_id"#,
        grants as _,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.grant, row.amount)).collect())
}
