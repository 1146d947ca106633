//! The SQL of lists of reports.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

use super::{Report, ReportStatus};
use crate::{
    access::Reach,
    clock::Date,
    id::{CityId, GrantId, OrganizationId},
    money::Money,
    page::{Position, Window, figures_of, page_of},
    rule_sets::kinds::ReportKind,
    streams::StreamCode,
};

#[derive(Clone, Debug, Default)]
pub struct ReportFilter {
    pub streams: Option<Vec<StreamCode>>,
    pub statuses: Option<Vec<ReportStatus>>,
    pub kinds: Option<Vec<ReportKind>>,
    pub grants: Option<Vec<GrantId>>,
    pub cities: Option<Vec<CityId>>,
    pub recipients: Option<Vec<OrganizationId>>,
    pub is_final: Option<bool>,
    pub overdue_on: Option<Date>,
    pub due_from: Option<Date>,
    pub due_to: Option<Date>,
    pub updated_since: Option<DateTime<Utc>>,
}

macro_rules! listed {
    ($shape:ident, ($($head:tt)*), ($($window:tt)*), $filter:expr, $reach:expr) => {
        $shape!(
            $($head)*,
            "select r.*, case $8::text when 'DUE_ON' then to_char(r.due_on, 'YYYY-MM-DD') collate \"C\"
                                       when 'PERIOD_END' then to_char(r.period_end, 'YYYY-MM-DD') collate \"C\"
                                       else '' end as sort_key
               from reports r
               join grants g on g.id = r.grant_id
              where not r.withdrawn
                and ($9::bool or g.recipient_id = any($10::uuid[])
                     or exists (select from grant_cities c where c.grant_id = g.id and c.city_id = any($11::uuid[])))
                and ($12::text[] is null
                     or g.program_id in (select p.id from funding_programs p join funding_streams s on s.id = p.stream_id
                                          where s.code = any($12)))
                and ($13::text[] is null or r.status = any($13))
                and ($14::text[] is null or r.kind = any($14))
                and ($15::uuid[] is null or r.grant_id = any($15))
                and ($16::uuid[] is null
                     or exists (select from grant_cities c where c.grant_id = g.id and c.city_id = any($16)))
                and ($17::uuid[] is null or g.recipient_id = any($17))
                and ($18::bool is null or r.is_final = $18)
                and ($19::date is null
                     or (r.status in ('DUE', 'RETURNED') and r.due_on < $19
                         and exists (select from deadlines d where d.id = r.deadline_id and d.status = 'OPEN')))
                and ($20::date is null or r.due_on >= $20)
                and ($21::date is null or r.due_on <= $21)
                and ($22::timestamptz is null or r.updated_at >= $22)",
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
            $filter.is_final,
            $filter.overdue_on as _,
            $filter.due_from as _,
            $filter.due_to as _,
            $filter.updated_since
        )
    };
}

pub async fn list(
    db: impl PgExecutor<'_>,
    window: &Window,
    filter: &ReportFilter,
    reach: &Reach,
) -> sqlx::Result<Vec<Report>> {
    listed!(
        page_of,
        (
            Report,
            "id, grant_id, deadline_id, kind, period_start, period_end, due_on, is_final, status, program_income,
             interest_earned, narrative, url, sha256, submitted_by, submitted_at, reason, accepted_by, accepted_at,
             certified_by, certified_at, revision, created_at, updated_at"
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
    pub program_income: Money,
    pub interest_earned: Money,
}

pub async fn totals(
    db: impl PgExecutor<'_>,
    filter: &ReportFilter,
    reach: &Reach,
) -> sqlx::Result<Totals> {
    listed!(
        figures_of,
        (
            Totals,
            r#"count(*) as "count!",
               coalesce(sum(program_income), 0) as "program_income!: Money",
               coalesce(sum(interest_earned), 0) as "interest_earned!: Money""#
        ),
        (),
        filter,
        reach
    )
    .fetch_one(db)
    .await
}

/// One page of the reports of each of many grants, by due date, in one statement.
pub async fn of_grants(
    db: impl PgExecutor<'_>,
    window: &Window,
    grants: &[GrantId],
) -> sqlx::Result<HashMap<GrantId, Vec<Report>>> {
    let rows = sqlx::query_as!(
        Report,
        "select page.id, page.grant_id, page.deadline_id, page.kind, page.period_start, page.period_end, page.due_on,
                page.is_final, page.status, page.program_income, page.interest_earned, page.narrative, page.url,
                page.sha256, page.submitted_by, page.submitted_at, page.reason, page.accepted_by, page.accepted_at,
                page.certified_by, page.certified_at, page.revision, page.created_at, page.updated_at
           from unnest($1::uuid[]) with ordinality as wanted (grant_id, place)
          cross join lateral (
                select listed.*, row_number() over (order by case when not $6::bool then sort_key end,
                                                          case when $6::bool then sort_key end desc,
                                                          case when not $6::bool then id end,
                                                          case when $6::bool then id end desc) as line
                  from (select r.*, to_char(r.due_on, 'YYYY-MM-DD') collate \"C\" as sort_key
                          from reports r
                         where r.grant_id = wanted.grant_id and not r.withdrawn) listed
                 where ($2::text is null or (sort_key, id) > ($2, $3::uuid))
                   and ($4::text is null or (sort_key, id) < ($4, $5::uuid))
                 order by line
                 limit $7::bigint) page
          order by wanted.place, page.line",
        grants as _,
        window.after.as_ref().map(|at| at.key.as_str()),
        window.after.as_ref().map(|at| at.id),
        window.before.as_ref().map(|at| at.key.as_str()),
        window.before.as_ref().map(|at| at.id),
        window.reads_descending(),
        window.limit(),
    )
    .fetch_all(db)
    .await?;
    let mut pages: HashMap<_, Vec<_>> = HashMap::new();
    for report in rows {
        pages.entry(report.grant_id).or_default().push(report);
    }
    Ok(pages)
}

/// Sums over all reports of each of many grants.
pub async fn totals_of_grants(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
) -> sqlx::Result<HashMap<GrantId, Totals>> {
    let rows = sqlx::query!(
        r#"select grant_id as "grant: GrantId", count(*) as "count!",
                  coalesce(sum(program_income), 0) as "program_income!: Money",
                  coalesce(sum(interest_earned), 0) as "interest_earned!: Money"
             from reports
            where grant_id = any($1) and not withdrawn
            group by grant_id"#,
        grants as _,
    )
    .fetch_all(db)
    .await?;
    let totals = rows.into_iter().map(|row| {
        let totals = Totals {
            count: row.count,
            program_income: row.program_income,
            interest_earned: row.interest_earned,
        };
        (row.grant, totals)
    });
    Ok(totals.collect())
}

/// Where a report stands in an order; the same text as the statement's `sort_key`.
pub fn position(order: &str, report: &Report) -> Position {
    let key = match order {
        "DUE_ON" => report.due_on.to_string(),
        "PERIOD_END" => report.period_end.to_string(),
        _ => String::new(),
    };
    Position { key, id: report.id.0 }
}
