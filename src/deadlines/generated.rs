//! The SQL of deadlines that follow from awards, many grants at a time.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveTime, Utc};
use sqlx::{PgConnection, PgExecutor};

use super::{DeadlineKind, plan::Planned};
use crate::{
    clock::Date,
    grants::GrantStatus,
    id::{DeadlineChangeId, DeadlineId, GrantId, PersonId, RuleId},
    rule_sets::kinds::Duty,
};

/// A deadline that followed from an award, as it is.
pub struct Generated {
    pub id: DeadlineId,
    pub obligation: String,
    pub kind: DeadlineKind,
    pub duty: Duty,
    pub revision: i32,
    pub title: String,
    pub due_on: Date,
    pub due_time: Option<NaiveTime>,
    pub zone: String,
    pub status: String,
    pub settled_by: Option<PersonId>,
    pub rule_id: Option<RuleId>,
    pub period_start: Option<Date>,
    pub period_end: Option<Date>,
}

impl Generated {
    pub fn is_as(&self, planned: &Planned) -> bool {
        let period = planned.period;
        self.due_on == planned.due_on
            && self.due_time == planned.due_time
            && self.zone == planned.zone.name()
            && self.kind == planned.kind
            && self.duty == planned.duty
            && self.title == planned.title
            && self.rule_id == planned.rule
            && self.period_start == period.map(|period| period.start)
            && self.period_end == period.map(|period| period.end)
    }
}

/// What a generated deadline becomes.
pub struct Moved {
    before: Generated,
    after: Option<Planned>,
    status: &'static str,
}

impl Moved {
    pub fn to(before: Generated, after: Planned, status: &'static str) -> Self {
        Self { before, after: Some(after), status }
    }

    pub fn withdrawn(before: Generated) -> Self {
        Self { before, after: None, status: "WITHDRAWN" }
    }

    fn due_on(&self) -> Date {
        self.after.as_ref().map_or(self.before.due_on, |after| after.due_on)
    }

    pub fn id(&self) -> DeadlineId {
        self.before.id
    }

    /// Another title is no history; another date or standing is.
    pub fn is_history(&self) -> bool {
        self.before.due_on != self.due_on() || self.before.status != self.status
    }
}

pub async fn statuses(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
) -> sqlx::Result<HashMap<GrantId, GrantStatus>> {
    let rows = sqlx::query!(
        r#"select id as "id: GrantId", status as "status: GrantStatus" from grants where id = any($1)"#,
        grants as _,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.status)).collect())
}

pub async fn generated_of(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
) -> sqlx::Result<HashMap<GrantId, Vec<Generated>>> {
    let rows = sqlx::query!(
        r#"select grant_id as "grant!: GrantId", id, obligation as "obligation!", kind, duty as "duty!", revision, title, due_on, due_time, zone, status,
                  settled_by, rule_id, period_start, period_end
             from deadlines where grant_id = any($1) and obligation is not null"#,
        grants as _,
    )
    .fetch_all(db)
    .await?;
    let mut of_grant: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        let generated = Generated {
            id: row.id,
            obligation: row.obligation,
            kind: row.kind,
            duty: row.duty,
            revision: row.revision,
            title: row.title,
            due_on: row.due_on,
            due_time: row.due_time,
            zone: row.zone,
            status: row.status,
            settled_by: row.settled_by,
            rule_id: row.rule_id,
            period_start: row.period_start,
            period_end: row.period_end,
        };
        of_grant.entry(row.grant).or_default().push(generated);
    }
    Ok(of_grant)
}

pub async fn insert_generated(
    tx: &mut PgConnection,
    new: &[(DeadlineId, GrantId, Planned)],
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    let ids: Vec<DeadlineId> = new.iter().map(|(id, ..)| *id).collect();
    let grants: Vec<GrantId> = new.iter().map(|(_, grant, _)| *grant).collect();
    let planned = || new.iter().map(|(.., planned)| planned);
    let obligations: Vec<&str> = planned().map(|planned| planned.obligation.as_str()).collect();
    let kinds: Vec<DeadlineKind> = planned().map(|planned| planned.kind).collect();
    let titles: Vec<&str> = planned().map(|planned| planned.title.as_str()).collect();
    let days: Vec<Date> = planned().map(|planned| planned.due_on).collect();
    let times: Vec<Option<NaiveTime>> = planned().map(|planned| planned.due_time).collect();
    let rules: Vec<Option<RuleId>> = planned().map(|planned| planned.rule).collect();
    let starts: Vec<Option<Date>> =
        planned().map(|p| p.period.map(|period| period.start)).collect();
    let ends: Vec<Option<Date>> = planned().map(|p| p.period.map(|period| period.end)).collect();
    let duties: Vec<Duty> = planned().map(|planned| planned.duty).collect();
    let zones: Vec<&str> = planned().map(|planned| planned.zone.name()).collect();
    let met: Vec<bool> = planned().map(|planned| planned.met).collect();
    sqlx::query!(
        "insert into deadlines (id, grant_id, obligation, kind, title, due_on, due_time, rule_id, period_start,
                                period_end, duty, zone, status, settled_at, created_at, updated_at)
         select n.id, n.grant_id, n.obligation, n.kind, n.title, n.due_on, n.due_time, n.rule_id, n.period_start,
                n.period_end, n.duty, n.zone, case when n.met then 'COMPLETED' else 'OPEN' end,
                case when n.met then $14::timestamptz end, $14, $14
           from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::date[], $7::time[], $8::uuid[],
                       $9::date[], $10::date[], $11::text[], $12::bool[], $13::text[])
                as n (id, grant_id, obligation, kind, title, due_on, due_time, rule_id, period_start, period_end, duty,
                      met, zone)",
        ids as _,
        grants as _,
        obligations as _,
        kinds as _,
        titles as _,
        days as _,
        times as _,
        rules as _,
        starts as _,
        ends as _,
        duties as _,
        &met,
        zones as _,
        at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes what generated deadlines become, and answers which were written: one that somebody
/// settled meanwhile stays as that person left it. A withdrawn one keeps its date; whoever was
/// quiet about an earlier date is told of the new one.
pub async fn move_generated(
    tx: &mut PgConnection,
    moved: &[Moved],
    at: DateTime<Utc>,
) -> sqlx::Result<HashSet<DeadlineId>> {
    if moved.is_empty() {
        return Ok(HashSet::new());
    }
    let ids: Vec<DeadlineId> = moved.iter().map(|moved| moved.before.id).collect();
    let revisions: Vec<i32> = moved.iter().map(|moved| moved.before.revision).collect();
    let statuses: Vec<&str> = moved.iter().map(|moved| moved.status).collect();
    let after = || moved.iter().map(|moved| moved.after.as_ref());
    let days: Vec<Date> = moved.iter().map(Moved::due_on).collect();
    let kinds: Vec<Option<DeadlineKind>> = after().map(|a| a.map(|after| after.kind)).collect();
    let duties: Vec<Option<Duty>> = after().map(|a| a.map(|after| after.duty)).collect();
    let titles: Vec<Option<&str>> = after().map(|a| a.map(|after| after.title.as_str())).collect();
    let times: Vec<Option<NaiveTime>> =
        after().map(|a| a.and_then(|after| after.due_time)).collect();
    let zones: Vec<Option<&str>> = after().map(|a| a.map(|after| after.zone.name())).collect();
    let rules: Vec<Option<RuleId>> = after().map(|a| a.and_then(|after| after.rule)).collect();
    let period = || after().map(|a| a.and_then(|after| after.period));
    let starts: Vec<Option<Date>> = period().map(|p| p.map(|period| period.start)).collect();
    let ends: Vec<Option<Date>> = period().map(|p| p.map(|period| period.end)).collect();
    let written = sqlx::query_scalar!(
        r#"update deadlines d
            set status = m.status, due_on = m.due_on,
                settled_at = case when m.status = 'OPEN' then null else $12::timestamptz end, settled_by = null,
                snoozed_until = case when (m.due_on, m.status) = (d.due_on, d.status) then d.snoozed_until end,
                kind = coalesce(m.kind, d.kind), duty = coalesce(m.duty, d.duty), title = coalesce(m.title, d.title), zone = coalesce(m.zone, d.zone),
                due_time = case when m.title is null then d.due_time else m.due_time end,
                rule_id = case when m.title is null then d.rule_id else m.rule_id end,
                period_start = case when m.title is null then d.period_start else m.period_start end,
                period_end = case when m.title is null then d.period_end else m.period_end end,
                revision = d.revision + 1, updated_at = $12
           from unnest($1::uuid[], $2::int[], $3::text[], $4::date[], $5::text[], $6::text[], $7::text[], $8::time[],
                       $9::uuid[], $10::date[], $11::date[], $13::text[])
                as m (id, revision, status, due_on, kind, duty, title, due_time, rule_id, period_start, period_end, zone)
          where d.id = m.id and d.revision = m.revision
         returning d.id as "id: DeadlineId""#,
        ids as _,
        &revisions,
        statuses as _,
        days as _,
        kinds as _,
        duties as _,
        titles as _,
        times as _,
        rules as _,
        starts as _,
        ends as _,
        at,
        zones as _,
    )
    .fetch_all(tx)
    .await?;
    Ok(written.into_iter().collect())
}

pub async fn insert_changes(
    tx: &mut PgConnection,
    changes: &[(DeadlineChangeId, &Moved)],
    reason: &str,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let ids: Vec<DeadlineChangeId> = changes.iter().map(|(id, _)| *id).collect();
    let deadlines: Vec<DeadlineId> = changes.iter().map(|(_, moved)| moved.before.id).collect();
    let due_from: Vec<Date> = changes.iter().map(|(_, moved)| moved.before.due_on).collect();
    let due_to: Vec<Date> = changes.iter().map(|(_, moved)| moved.due_on()).collect();
    let status_from: Vec<&str> = changes.iter().map(|(_, m)| m.before.status.as_str()).collect();
    let status_to: Vec<&str> = changes.iter().map(|(_, moved)| moved.status).collect();
    sqlx::query!(
        "insert into deadline_changes (id, deadline_id, due_from, due_to, status_from, status_to, reason, changed_at)
         select c.id, c.deadline_id, c.due_from, c.due_to, c.status_from, c.status_to, $7, $8
           from unnest($1::uuid[], $2::uuid[], $3::date[], $4::date[], $5::text[], $6::text[])
                as c (id, deadline_id, due_from, due_to, status_from, status_to)",
        ids as _,
        deadlines as _,
        due_from as _,
        due_to as _,
        status_from as _,
        status_to as _,
        reason,
        at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Makes the right people responsible for the open generated deadlines of grants: the
/// recipient's finance staff, or whoever drafted the grant where the duty is the funder's or
/// the recipient has nobody. Nobody is taken away.
pub async fn add_responsible(tx: &mut PgConnection, grants: &[GrantId]) -> sqlx::Result<()> {
    sqlx::query!(
        "with holders (grant_id, duty, person_id) as (
             select g.id, 'RECIPIENT', r.person_id
               from grants g
               join role_grants r on r.organization_id = g.recipient_id and r.role = 'CITY_FINANCE' and r.ended_at is null
              where g.id = any($1)
              union
             select g.id, 'FUNDER', g.drafted_by from grants g where g.id = any($1)
              union
             select g.id, 'RECIPIENT', g.drafted_by
               from grants g
              where g.id = any($1)
                and not exists (select from role_grants r where r.organization_id = g.recipient_id
                                                            and r.role = 'CITY_FINANCE' and r.ended_at is null)
         )
         insert into deadline_people (deadline_id, person_id)
         select d.id, h.person_id
           from deadlines d
           join holders h on h.grant_id = d.grant_id and h.duty = d.duty
          where d.grant_id = any($1) and d.status = 'OPEN'
            and not exists (select from deadline_people p where p.deadline_id = d.id and p.person_id = h.person_id)
             on conflict do nothing",
        grants as _,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// The grants after one, in the order of their ids, that may have generated deadlines.
pub async fn live_grants(
    db: impl PgExecutor<'_>,
    after: Option<GrantId>,
    limit: i64,
) -> sqlx::Result<Vec<GrantId>> {
    sqlx::query_scalar!(
        r#"select id as "id: GrantId" from grants
            where ($1::uuid is null or id > $1) and status in ('AWARDED', 'ACTIVE', 'SUSPENDED', 'CLOSING')
            order by id limit $2"#,
        after as _,
        limit,
    )
    .fetch_all(db)
    .await
}

/// Holds grants until the transaction ends: whoever changes one follows with its deadlines.
pub async fn lock(tx: &mut PgConnection, grants: &[GrantId]) -> sqlx::Result<()> {
    sqlx::query!(
        "select id from grants where id = any($1) order by id for no key update",
        grants as _,
    )
    .fetch_all(tx)
    .await?;
    Ok(())
}
