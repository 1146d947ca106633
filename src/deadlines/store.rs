use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

use super::{Deadline, DeadlineChange, DeadlineKind, DeadlineStatus, NewDeadline};
use crate::{
    access::Reach,
    clock::Date,
    id::{CityId, DeadlineId, GrantId, PersonId},
    page::{Count, Position, Window, figures_of, page_of},
};

/// The deadlines with these ids that an actor may see: of visible grants and cities,
/// and those the person is responsible for.
pub async fn find(
    db: impl PgExecutor<'_>,
    viewer: PersonId,
    reach: &Reach,
    ids: &[DeadlineId],
) -> sqlx::Result<Vec<Deadline>> {
    sqlx::query_as!(
        Deadline,
        "select id, kind, title, grant_id, city_id, due_on, due_time, zone, status, snoozed_until, reason,
                settled_at, settled_by, obligation, duty, rule_id, period_start, period_end, revision, created_at,
                updated_at
           from deadlines d
          where id = any($1)
            and ($2::bool or d.city_id = any($4::uuid[])
                 or exists (select from deadline_people p where p.deadline_id = d.id and p.person_id = $5)
                 or exists (select from grants g where g.id = d.grant_id and (g.recipient_id = any($3::uuid[])
                            or exists (select from grant_cities c
                                        where c.grant_id = g.id and c.city_id = any($4::uuid[])))))
          order by id",
        ids as _,
        reach.everything,
        reach.organizations.as_slice() as _,
        reach.cities.as_slice() as _,
        viewer as _,
    )
    .fetch_all(db)
    .await
}

pub async fn lock(tx: &mut PgConnection, id: DeadlineId) -> sqlx::Result<()> {
    sqlx::query!("select id from deadlines where id = $1 for no key update", id as _)
        .fetch_optional(tx)
        .await?;
    Ok(())
}

pub async fn insert(
    tx: &mut PgConnection,
    id: DeadlineId,
    new: &NewDeadline,
    zone: &str,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into deadlines (id, kind, title, grant_id, city_id, due_on, due_time, zone, status, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, 'OPEN', $9, $9)",
        id as _,
        new.kind as _,
        new.title.trim(),
        new.grant as _,
        new.city as _,
        new.due_on as _,
        new.due_time,
        zone,
        at,
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "insert into deadline_people (deadline_id, person_id) select $1, unnest($2::uuid[]) on conflict do nothing",
        id as _,
        new.responsible.as_slice() as _,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes how a deadline that the caller holds ended, or until when it rests.
pub async fn settle(tx: &mut PgConnection, changed: &Deadline) -> sqlx::Result<()> {
    sqlx::query!(
        "update deadlines
            set status = $2, snoozed_until = $3, reason = $4, settled_at = $5, settled_by = $6,
                revision = $7, updated_at = $8
          where id = $1",
        changed.id as _,
        changed.status,
        changed.snoozed_until as _,
        changed.reason,
        changed.settled_at,
        changed.settled_by as _,
        changed.revision,
        changed.updated_at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Completes the deadline of what was handed in, unless it was waived.
pub async fn meet(
    tx: &mut PgConnection,
    id: DeadlineId,
    person: PersonId,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update deadlines
            set status = 'COMPLETED', settled_at = $3, settled_by = $2, revision = revision + 1, updated_at = $3
          where id = $1 and status in ('OPEN', 'WITHDRAWN')",
        id as _,
        person as _,
        at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Opens the deadline of what was returned again, unless it was waived; whoever was quiet about it is told.
pub async fn reopen(tx: &mut PgConnection, id: DeadlineId, at: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "update deadlines
            set status = 'OPEN', settled_at = null, settled_by = null, snoozed_until = null, revision = revision + 1,
                updated_at = $2
          where id = $1 and status = 'COMPLETED'",
        id as _,
        at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

#[derive(Clone, Debug, Default)]
pub struct DeadlineFilter {
    pub kinds: Option<Vec<DeadlineKind>>,
    pub statuses: Option<Vec<DeadlineStatus>>,
    pub grants: Option<Vec<GrantId>>,
    pub cities: Option<Vec<CityId>>,
    pub responsible: Option<Vec<PersonId>>,
    pub due_from: Option<Date>,
    pub due_to: Option<Date>,
    pub updated_since: Option<DateTime<Utc>>,
    /// What `OVERDUE` is measured against.
    pub now: DateTime<Utc>,
}

macro_rules! listed {
    ($shape:ident, ($($head:tt)*), ($($window:tt)*), $filter:expr, $viewer:expr, $reach:expr) => {
        $shape!(
            $($head)*,
            "select d.*, case when $8::text = 'DUE_ON' then to_char(d.due_on, 'YYYY-MM-DD') collate \"C\"
                              else '' end as sort_key
               from deadlines d
              where ($9::bool or d.city_id = any($11::uuid[])
                     or exists (select from deadline_people p where p.deadline_id = d.id and p.person_id = $12)
                     or exists (select from grants g where g.id = d.grant_id and (g.recipient_id = any($10::uuid[])
                                or exists (select from grant_cities c
                                            where c.grant_id = g.id and c.city_id = any($11::uuid[])))))
                and ($13::text[] is null or d.kind = any($13))
                and ($14::text[] is null
                     or case when d.status <> 'OPEN' then d.status
                             when (d.due_on + coalesce(d.due_time, time '23:59:59')) at time zone d.zone < $15
                             then 'OVERDUE' else 'OPEN' end = any($14))
                and ($16::uuid[] is null or d.grant_id = any($16))
                and ($17::uuid[] is null or d.city_id = any($17)
                     or exists (select from grant_cities c where c.grant_id = d.grant_id and c.city_id = any($17)))
                and ($18::uuid[] is null
                     or exists (select from deadline_people p where p.deadline_id = d.id and p.person_id = any($18)))
                and ($19::date is null or d.due_on >= $19)
                and ($20::date is null or d.due_on <= $20)
                and ($21::timestamptz is null or d.updated_at >= $21)",
            $($window)*
            $reach.everything,
            $reach.organizations.as_slice() as _,
            $reach.cities.as_slice() as _,
            $viewer as _,
            $filter.kinds.as_deref() as _,
            $filter.statuses.as_deref() as _,
            $filter.now,
            $filter.grants.as_deref() as _,
            $filter.cities.as_deref() as _,
            $filter.responsible.as_deref() as _,
            $filter.due_from as _,
            $filter.due_to as _,
            $filter.updated_since
        )
    };
}

pub async fn list(
    db: impl PgExecutor<'_>,
    window: &Window,
    filter: &DeadlineFilter,
    viewer: PersonId,
    reach: &Reach,
) -> sqlx::Result<Vec<Deadline>> {
    listed!(
        page_of,
        (
            Deadline,
            "id, kind, title, grant_id, city_id, due_on, due_time, zone, status, snoozed_until, reason,
             settled_at, settled_by, obligation, duty, rule_id, period_start, period_end, revision, created_at,
                updated_at"
        ),
        (window,),
        filter,
        viewer,
        reach
    )
    .fetch_all(db)
    .await
}

pub async fn count(
    db: impl PgExecutor<'_>,
    filter: &DeadlineFilter,
    viewer: PersonId,
    reach: &Reach,
) -> sqlx::Result<i64> {
    let row = listed!(figures_of, (Count, r#"count(*) as "count!""#), (), filter, viewer, reach)
        .fetch_one(db)
        .await?;
    Ok(row.count)
}

/// One page of the deadlines of each of many grants, by due date, in one statement.
pub async fn of_grants(
    db: impl PgExecutor<'_>,
    window: &Window,
    grants: &[GrantId],
) -> sqlx::Result<HashMap<GrantId, Vec<Deadline>>> {
    let rows = sqlx::query_as!(
        Deadline,
        "select page.id, page.kind, page.title, page.grant_id, page.city_id, page.due_on, page.due_time, page.zone,
                page.status, page.snoozed_until, page.reason, page.settled_at, page.settled_by, page.obligation,
                page.duty, page.rule_id, page.period_start, page.period_end, page.revision, page.created_at, page.updated_at
           from unnest($1::uuid[]) with ordinality as wanted (grant_id, place)
          cross join lateral (
                select listed.*, row_number() over (order by case when not $6::bool then sort_key end,
                                                          case when $6::bool then sort_key end desc,
                                                          case when not $6::bool then id end,
                                                          case when $6::bool then id end desc) as line
                  from (select d.*, to_char(d.due_on, 'YYYY-MM-DD') collate \"C\" as sort_key
                          from deadlines d
                         where d.grant_id = wanted.grant_id) listed
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
    for deadline in rows {
        if let Some(grant) = deadline.grant_id {
            pages.entry(grant).or_default().push(deadline);
        }
    }
    Ok(pages)
}

pub async fn count_of_grants(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
) -> sqlx::Result<HashMap<GrantId, i64>> {
    let rows = sqlx::query!(
        r#"select grant_id as "grant!: GrantId", count(*) as "count!" from deadlines
            where grant_id = any($1) group by grant_id"#,
        grants as _,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.grant, row.count)).collect())
}

/// Who is responsible for each of many deadlines.
pub async fn responsible_of(
    db: impl PgExecutor<'_>,
    deadlines: &[DeadlineId],
) -> sqlx::Result<HashMap<DeadlineId, Vec<PersonId>>> {
    let rows = sqlx::query!(
        "select deadline_id, person_id from deadline_people where deadline_id = any($1) order by deadline_id, person_id",
        deadlines as _,
    )
    .fetch_all(db)
    .await?;
    let mut people: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        people.entry(row.deadline_id).or_default().push(row.person_id);
    }
    Ok(people)
}

/// Where a deadline stands in an order; the same text as the statement's `sort_key`.
pub fn position(order: &str, deadline: &Deadline) -> Position {
    let key = if order == "DUE_ON" { deadline.due_on.to_string() } else { String::new() };
    Position { key, id: deadline.id.0 }
}

/// What a deadline was before, the latest change first.
pub async fn changes_of(
    db: impl PgExecutor<'_>,
    deadlines: &[DeadlineId],
) -> sqlx::Result<HashMap<DeadlineId, Vec<DeadlineChange>>> {
    let rows = sqlx::query_as!(
        DeadlineChange,
        "select id, deadline_id, due_from, due_to, status_from, status_to, reason, changed_at
           from deadline_changes where deadline_id = any($1) order by deadline_id, changed_at desc, id desc",
        deadlines as _,
    )
    .fetch_all(db)
    .await?;
    let mut of_deadline: HashMap<_, Vec<_>> = HashMap::new();
    for change in rows {
        of_deadline.entry(change.deadline_id).or_default().push(change);
    }
    Ok(of_deadline)
}

/// What recipients were to hand in for grants and is overdue at a moment, in words. The deadline of a report is open
/// while the report is due or returned.
pub async fn overdue_deliverables(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
    now: DateTime<Utc>,
) -> sqlx::Result<HashMap<GrantId, Vec<(DeadlineKind, String)>>> {
    let rows = sqlx::query!(
        r#"select grant_id as "grant!: GrantId", kind as "kind!: DeadlineKind", title as "title!"
             from overdue_deliverables($1, $2)"#,
        grants as _,
        now,
    )
    .fetch_all(db)
    .await?;
    let mut of_grant: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        of_grant.entry(row.grant).or_default().push((row.kind, row.title));
    }
    Ok(of_grant)
}
