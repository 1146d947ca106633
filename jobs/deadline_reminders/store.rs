use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

use crate::{
    clock::Date,
    id::{DeadlineId, EmailId, PersonId, ReminderId},
};

/// A reminder that a person has to get.
#[derive(Clone, Debug)]
pub struct Due {
    pub person_id: PersonId,
    pub name: String,
    pub email: String,
    pub deadline_id: DeadlineId,
    pub title: String,
    pub due_on: Date,
    /// Days before the due date; below zero is days past it.
    pub offset_days: i32,
    pub grant_number: Option<String>,
    pub grant_title: Option<String>,
    pub recipient: Option<String>,
    pub city: Option<String>,
}

/// Who has to be reminded of something on a day, and got no digest for it yet.
pub async fn people_with_reminders(
    db: impl PgExecutor<'_>,
    on: Date,
) -> sqlx::Result<Vec<PersonId>> {
    sqlx::query_scalar!(
        r#"
        select distinct dp.person_id as "id: PersonId"
          from deadlines d
          join deadline_people dp on dp.deadline_id = d.id
         cross join lateral latest_reminder(d.kind, d.due_on, $1) as latest
         where d.status = 'OPEN' and (d.snoozed_until is null or d.snoozed_until < $1)
           and latest.offset_days is not null
           and not exists (select from reminders r
                            where r.person_id = dp.person_id and r.deadline_id = d.id and r.due_on = d.due_on
                              and r.offset_days = latest.offset_days)
           and not exists (select from emails e
                            where e.job = 'deadline_reminders' and e.kind = 'DIGEST' and e.person_id = dp.person_id
                              and e.run_on = $1)
         order by dp.person_id
        "#,
        on as _,
    )
    .fetch_all(db)
    .await
}

/// What some people have to be reminded of on a day: for each deadline the latest lead time
/// that has come, unless they were reminded of that before. By person, the most urgent first.
pub async fn due(db: impl PgExecutor<'_>, on: Date, people: &[PersonId]) -> sqlx::Result<Vec<Due>> {
    sqlx::query_as!(
        Due,
        r#"
        select dp.person_id, p.name, p.email, d.id as deadline_id, d.title, d.due_on,
               latest.offset_days as "offset_days!", g.number as "grant_number?", g.title as "grant_title?",
               o.name as "recipient?", c.name as "city?"
          from deadline_people dp
          join people p on p.id = dp.person_id
          join deadlines d on d.id = dp.deadline_id
         cross join lateral latest_reminder(d.kind, d.due_on, $1) as latest
          left join grants g on g.id = d.grant_id
          left join organizations o on o.id = g.recipient_id
          left join cities c on c.id = d.city_id
         where dp.person_id = any($2)
           and d.status = 'OPEN' and (d.snoozed_until is null or d.snoozed_until < $1)
           and latest.offset_days is not null
           and not exists (select from reminders r
                            where r.person_id = dp.person_id and r.deadline_id = d.id and r.due_on = d.due_on
                              and r.offset_days = latest.offset_days)
         order by dp.person_id, d.due_on, d.id
        "#,
        on as _,
        people as _,
    )
    .fetch_all(db)
    .await
}

/// A reminder with the message that carries it.
pub struct NewReminder {
    pub id: ReminderId,
    pub person: PersonId,
    pub deadline: DeadlineId,
    pub offset_days: i32,
    pub due_on: Date,
    pub email: EmailId,
}

impl NewReminder {
    pub fn of(due: &Due, id: ReminderId, email: EmailId) -> Self {
        Self {
            id,
            person: due.person_id,
            deadline: due.deadline_id,
            offset_days: due.offset_days,
            due_on: due.due_on,
            email,
        }
    }
}

pub async fn insert(
    tx: &mut PgConnection,
    reminders: &[NewReminder],
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    let ids: Vec<ReminderId> = reminders.iter().map(|reminder| reminder.id).collect();
    let people: Vec<PersonId> = reminders.iter().map(|reminder| reminder.person).collect();
    let deadlines: Vec<DeadlineId> = reminders.iter().map(|reminder| reminder.deadline).collect();
    let offsets: Vec<i32> = reminders.iter().map(|reminder| reminder.offset_days).collect();
    let days: Vec<Date> = reminders.iter().map(|reminder| reminder.due_on).collect();
    let emails: Vec<EmailId> = reminders.iter().map(|reminder| reminder.email).collect();
    sqlx::query!(
        "insert into reminders (id, person_id, deadline_id, kind, offset_days, due_on, email_id, created_at)
         select r.id, r.person_id, r.deadline_id, case when r.offset_days < 0 then 'OVERDUE' else 'DUE' end,
                r.offset_days, r.due_on, r.email_id, $7
           from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::date[], $6::uuid[])
                as r (id, person_id, deadline_id, offset_days, due_on, email_id)",
        ids as _,
        people as _,
        deadlines as _,
        &offsets,
        days as _,
        emails as _,
        at,
    )
    .execute(tx)
    .await?;
    Ok(())
}
