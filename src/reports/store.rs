use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

use super::{CertifiedFigure, Income, Report, ReportEvent, ReportStatus};
use crate::{
    access::Reach,
    clock::Date,
    id::{DeadlineId, GrantId, PersonId, ReportId},
    money::Money,
};

/// The reports with these ids that an actor may see.
pub async fn find(
    db: impl PgExecutor<'_>,
    reach: &Reach,
    ids: &[ReportId],
) -> sqlx::Result<Vec<Report>> {
    sqlx::query_as!(
        Report,
        "select r.id, r.grant_id, r.deadline_id, r.kind, r.period_start, r.period_end, r.due_on, r.is_final, r.status,
                r.program_income, r.interest_earned, r.narrative, r.url, r.sha256, r.submitted_by, r.submitted_at,
                r.reason, r.accepted_by, r.accepted_at, r.certified_by, r.certified_at, r.revision, r.created_at,
                r.updated_at
           from reports r
           join grants g on g.id = r.grant_id
          where r.id = any($1) and not r.withdrawn
            and ($2::bool or g.recipient_id = any($3::uuid[])
                 or exists (select from grant_cities c where c.grant_id = g.id and c.city_id = any($4::uuid[])))
          order by r.id",
        ids as _,
        reach.everything,
        reach.organizations.as_slice() as _,
        reach.cities.as_slice() as _,
    )
    .fetch_all(db)
    .await
}

/// The reports of these deadlines that an actor may see: a report has its deadline's number.
pub async fn of_deadlines(
    db: impl PgExecutor<'_>,
    reach: &Reach,
    deadlines: &[DeadlineId],
) -> sqlx::Result<HashMap<DeadlineId, Report>> {
    let ids: Vec<_> = deadlines.iter().map(|deadline| ReportId(deadline.0)).collect();
    let found = find(db, reach, &ids).await?;
    Ok(found.into_iter().map(|report| (report.deadline_id, report)).collect())
}

/// Where the report of a deadline stands, if it is one's.
pub async fn status_of_deadline(
    db: impl PgExecutor<'_>,
    deadline: DeadlineId,
) -> sqlx::Result<Option<ReportStatus>> {
    sqlx::query_scalar!(
        r#"select status as "status: ReportStatus" from reports where deadline_id = $1 and not withdrawn"#,
        deadline as _,
    )
    .fetch_optional(db)
    .await
}

/// Reads a report of a grant that the caller holds.
pub async fn read(tx: &mut PgConnection, id: ReportId) -> sqlx::Result<Option<Report>> {
    sqlx::query_as!(
        Report,
        "select id, grant_id, deadline_id, kind, period_start, period_end, due_on, is_final, status, program_income,
                interest_earned, narrative, url, sha256, submitted_by, submitted_at, reason, accepted_by, accepted_at,
                certified_by, certified_at, revision, created_at, updated_at
           from reports where id = $1 and not withdrawn",
        id as _,
    )
    .fetch_optional(tx)
    .await
}

/// The grant that a report belongs to, whoever asks: for taking the grant's lock.
pub async fn grant_of(tx: &mut PgConnection, id: ReportId) -> sqlx::Result<Option<GrantId>> {
    sqlx::query_scalar!(r#"select grant_id as "id: GrantId" from reports where id = $1"#, id as _)
        .fetch_optional(tx)
        .await
}

/// Whether a grant has a report of this kind about the same days.
pub async fn has_like(tx: &mut PgConnection, new: &Report) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from reports
                           where grant_id = $1 and kind = $2 and period_start = $3 and period_end = $4
                             and not withdrawn) as "exists!""#,
        new.grant_id as _,
        new.kind as _,
        new.period_start as _,
        new.period_end as _,
    )
    .fetch_one(tx)
    .await
}

/// Who hands in the reports of a grant: the recipient's finance staff, or whoever drafted it where there is nobody.
pub async fn handing_in(tx: &mut PgConnection, grant: GrantId) -> sqlx::Result<Vec<PersonId>> {
    sqlx::query_scalar!(
        r#"with staff as (
               select distinct r.person_id
                 from grants g
                 join role_grants r on r.organization_id = g.recipient_id and r.role = 'CITY_FINANCE' and r.ended_at is null
                where g.id = $1
           )
           select person_id as "person!: PersonId" from staff
            union
           select drafted_by from grants where id = $1 and not exists (select from staff)"#,
        grant as _,
    )
    .fetch_all(tx)
    .await
}

pub async fn insert(tx: &mut PgConnection, new: &Report) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into reports (id, grant_id, deadline_id, kind, period_start, period_end, due_on, is_final, status,
                              created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, 'DUE', $9, $9)",
        new.id as _,
        new.grant_id as _,
        new.deadline_id as _,
        new.kind as _,
        new.period_start as _,
        new.period_end as _,
        new.due_on as _,
        new.is_final,
        new.created_at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes what a command changed in a report of a grant that it holds.
pub async fn update(tx: &mut PgConnection, changed: &Report) -> sqlx::Result<()> {
    sqlx::query!(
        "update reports
            set status = $2, program_income = $3, interest_earned = $4, narrative = $5, url = $6, sha256 = $7,
                submitted_by = $8, submitted_at = $9, reason = $10, accepted_by = $11, accepted_at = $12,
                certified_by = $13, certified_at = $14, revision = $15, updated_at = $16
          where id = $1",
        changed.id as _,
        changed.status as _,
        changed.program_income as _,
        changed.interest_earned as _,
        changed.narrative,
        changed.url,
        changed.sha256,
        changed.submitted_by as _,
        changed.submitted_at,
        changed.reason,
        changed.accepted_by as _,
        changed.accepted_at,
        changed.certified_by as _,
        changed.certified_at,
        changed.revision,
        changed.updated_at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

pub async fn insert_event(tx: &mut PgConnection, event: &ReportEvent) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into report_events (id, report_id, status, person_id, reason, program_income, interest_earned, narrative,
                                    url, sha256, occurred_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        event.id as _,
        event.report_id as _,
        event.status as _,
        event.person_id as _,
        event.reason,
        event.program_income as _,
        event.interest_earned as _,
        event.narrative,
        event.url,
        event.sha256,
        event.occurred_at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// What happened to many reports, in order.
pub async fn events_of(
    db: impl PgExecutor<'_>,
    reports: &[ReportId],
) -> sqlx::Result<HashMap<ReportId, Vec<ReportEvent>>> {
    let rows = sqlx::query_as!(
        ReportEvent,
        "select id, report_id, status, person_id, reason, program_income, interest_earned, narrative, url, sha256,
                occurred_at
           from report_events where report_id = any($1) order by occurred_at, id",
        reports as _,
    )
    .fetch_all(db)
    .await?;
    let mut events: HashMap<_, Vec<_>> = HashMap::new();
    for event in rows {
        events.entry(event.report_id).or_default().push(event);
    }
    Ok(events)
}

/// Stores the figures of a report that is being certified.
pub async fn insert_figures(
    tx: &mut PgConnection,
    report: ReportId,
    figures: &[(&'static str, Money)],
) -> sqlx::Result<()> {
    let names: Vec<&str> = figures.iter().map(|(name, _)| *name).collect();
    let amounts: Vec<Money> = figures.iter().map(|(_, amount)| *amount).collect();
    sqlx::query!(
        "insert into report_figures (report_id, figure, amount) select $1, * from unnest($2::text[], $3::numeric[])",
        report as _,
        names as _,
        amounts as _,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// The figures that many reports keep, by name.
pub async fn figures_of(
    db: impl PgExecutor<'_>,
    reports: &[ReportId],
) -> sqlx::Result<HashMap<ReportId, Vec<CertifiedFigure>>> {
    let rows = sqlx::query_as!(
        CertifiedFigure,
        r#"select report_id, figure, amount from report_figures
            where report_id = any($1) order by report_id, figure collate "C""#,
        reports as _,
    )
    .fetch_all(db)
    .await?;
    let mut figures: HashMap<_, Vec<_>> = HashMap::new();
    for figure in rows {
        figures.entry(figure.report_id).or_default().push(figure);
    }
    Ok(figures)
}

/// What each of many grants earned, as its accepted reports on periods that had ended by a day tell; without a day, all of
/// them. A grant without such a report is left out.
pub async fn income(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
    as_of: Option<Date>,
) -> sqlx::Result<HashMap<GrantId, Income>> {
    let rows = sqlx::query!(
        r#"select grant_id as "grant: GrantId", coalesce(sum(program_income), 0) as "program_income!: Money",
                  coalesce(sum(interest_earned), 0) as "interest_earned!: Money"
             from reports
            where grant_id = any($1) and status in ('ACCEPTED', 'CERTIFIED') and ($2::date is null or period_end <= $2)
            group by grant_id"#,
        grants as _,
        as_of as _,
    )
    .fetch_all(db)
    .await?;
    let of = |program_income, interest_earned| Income { program_income, interest_earned };
    Ok(rows
        .into_iter()
        .map(|row| (row.grant, of(row.program_income, row.interest_earned)))
        .collect())
}

/// The reports of many grants that nobody has accepted yet, in words, the earliest first. Those whose deadline was waived or
/// withdrawn are not asked for, unless they were handed in.
pub async fn unaccepted(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
) -> sqlx::Result<HashMap<GrantId, Vec<String>>> {
    let rows = sqlx::query!(
        r#"select r.grant_id as "grant: GrantId", d.title || ', due on ' || r.due_on || ', ' || r.status as "title!"
             from reports r
             join deadlines d on d.id = r.deadline_id
            where r.grant_id = any($1) and not r.withdrawn
              and (r.status = 'SUBMITTED' or r.status in ('DUE', 'RETURNED') and d.status = 'OPEN')
            order by r.grant_id, r.due_on, r.id"#,
        grants as _,
    )
    .fetch_all(db)
    .await?;
    let mut titles: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        titles.entry(row.grant).or_default().push(row.title);
    }
    Ok(titles)
}

/// Gives each of these deadlines that is open and of a report that follows from an award its report, and lets the reports that
/// were not handed in follow: to another day or period, away when nothing is due any more, and back. Each row is found by
/// its number, so that a batch reads no more than its own, whatever the planner knows of the tables.
pub async fn follow_deadlines(
    tx: &mut PgConnection,
    deadlines: &[DeadlineId],
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    if deadlines.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "with wanted as (
             select d.id, d.grant_id, d.due_on, d.period_start, d.period_end, d.status,
                    case when d.duty = 'RECIPIENT' and d.period_end is not null
                         then case d.kind when 'PROGRESS_REPORT' then 'PROGRESS' when 'FINANCIAL_REPORT' then 'FINANCIAL'
                                          when 'CLOSEOUT' then 'CLOSEOUT' end end as kind,
                    d.kind = 'CLOSEOUT' or d.period_end >= g.performance_end as is_final, r as report
               from deadlines d
               join grants g on g.id = d.grant_id
               left join reports r on r.id = d.id
              where d.id = any($1) and d.obligation is not null
         ), entered as (
             insert into reports (id, grant_id, deadline_id, kind, period_start, period_end, due_on, is_final, status,
                                  created_at, updated_at)
             select id, grant_id, id, kind, period_start, period_end, due_on, is_final, 'DUE', $2, $2
               from wanted
              where kind is not null and status = 'OPEN' and (report).id is null
         ), followed as (
             select w.id, n.*
               from wanted w
              cross join lateral (
                    select coalesce(w.kind, (w.report).kind) as kind,
                           case when w.kind is null then (w.report).period_start else w.period_start end as period_start,
                           case when w.kind is null then (w.report).period_end else w.period_end end as period_end,
                           case when w.kind is null then (w.report).due_on else w.due_on end as due_on,
                           case when w.kind is null then (w.report).is_final else w.is_final end as is_final,
                           (w.report).status = 'DUE' and (w.kind is null or w.status = 'WITHDRAWN') as withdrawn) n
              where (w.report).status in ('DUE', 'RETURNED')
                and ((w.report).kind, (w.report).period_start, (w.report).period_end, (w.report).due_on,
                     (w.report).is_final, (w.report).withdrawn)
                    is distinct from (n.kind, n.period_start, n.period_end, n.due_on, n.is_final, n.withdrawn)
         )
         update reports r
            set kind = f.kind, period_start = f.period_start, period_end = f.period_end, due_on = f.due_on,
                is_final = f.is_final, withdrawn = f.withdrawn, revision = r.revision + 1, updated_at = $2
           from followed f
          where r.id = f.id",
        deadlines as _,
        at,
    )
    .execute(tx)
    .await?;
    Ok(())
}
