use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

use super::{Email, EmailStatus, NewEmail, Outgoing, Tried};
use crate::{
    clock::Date,
    id::{EmailId, PersonId},
    page::{Count, Position, Window, figures_of, page_of},
};

/// Queues messages in the caller's transaction. A person who has one of the kind for the
/// day already gets no second one. Answers which were queued.
pub async fn queue(
    tx: &mut PgConnection,
    outgoing: &Outgoing,
    emails: &[NewEmail],
    at: DateTime<Utc>,
) -> sqlx::Result<Vec<EmailId>> {
    let ids: Vec<EmailId> = emails.iter().map(|email| email.id).collect();
    let message_ids: Vec<String> = ids.iter().map(|id| outgoing.message_id(*id)).collect();
    let jobs: Vec<String> = emails.iter().map(|email| email.job.into()).collect();
    let kinds: Vec<String> = emails.iter().map(|email| email.kind.into()).collect();
    let people: Vec<PersonId> = emails.iter().map(|email| email.person).collect();
    let days: Vec<Date> = emails.iter().map(|email| email.run_on).collect();
    let recipients: Vec<String> = emails.iter().map(|email| email.recipient.clone()).collect();
    let subjects: Vec<String> = emails.iter().map(|email| email.subject.clone()).collect();
    let texts: Vec<String> = emails.iter().map(|email| email.body_text.clone()).collect();
    let pages: Vec<String> = emails.iter().map(|email| email.body_html.clone()).collect();
    sqlx::query_scalar!(
        r#"
        insert into emails (id, job, kind, person_id, run_on, recipient, subject, body_text, body_html, message_id,
                            status, next_try_at, queued_at, updated_at)
        select e.id, e.job, e.kind, e.person_id, e.run_on, e.recipient, e.subject, e.body_text, e.body_html,
               e.message_id, 'QUEUED', $11, $11, $11
          from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::date[], $6::text[], $7::text[], $8::text[],
                      $9::text[], $10::text[])
               as e (id, job, kind, person_id, run_on, recipient, subject, body_text, body_html, message_id)
        on conflict on constraint emails_once do nothing
        returning id
        "#,
        ids as _,
        &jobs,
        &kinds,
        people as _,
        days as _,
        &recipients,
        &subjects,
        &texts,
        &pages,
        &message_ids,
        at,
    )
    .fetch_all(tx)
    .await
}

/// Takes the next message that is due, and holds it until `until`: a sender that dies
/// lets go of it then.
pub async fn claim(
    db: impl PgExecutor<'_>,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> sqlx::Result<Option<Email>> {
    sqlx::query_as!(
        Email,
        "update emails
            set claimed_until = $2, attempts = attempts + 1, updated_at = $1
          where id = (select id from emails
                       where status = 'QUEUED' and next_try_at <= $1 and (claimed_until is null or claimed_until <= $1)
                       order by next_try_at, id
                       limit 1
                         for update skip locked)
         returning id, job, kind, person_id, run_on, recipient, subject, body_text, body_html, message_id, status,
                   attempts, last_error, queued_at, sent_at, updated_at",
        now,
        until,
    )
    .fetch_optional(db)
    .await
}

/// Marks what came of a try. A sender that lost its hold meanwhile can still tell that the
/// message was accepted, and nothing else.
pub async fn mark(
    db: impl PgExecutor<'_>,
    claimed: &Email,
    tried: &Tried,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    let (status, error, until) = match tried {
        Tried::Sent => (EmailStatus::Sent, None, None),
        Tried::Delayed { error, until } | Tried::Untried { error, until } => {
            (EmailStatus::Queued, Some(error), Some(*until))
        }
        Tried::GivenUp { error } => (EmailStatus::Failed, Some(error), None),
    };
    sqlx::query!(
        "update emails
            set status = $3::text, last_error = $4, next_try_at = coalesce($5, next_try_at), claimed_until = null,
                sent_at = case when $3 = 'SENT' then $6::timestamptz end, updated_at = $6,
                attempts = attempts - case when $7 then 1 else 0 end
          where id = $1 and status = 'QUEUED' and (attempts = $2 or $3 = 'SENT')",
        claimed.id as _,
        claimed.attempts,
        status as _,
        error,
        until,
        at,
        matches!(tried, Tried::Untried { .. }),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The messages with these ids that a person may see: their own, or everybody's.
pub async fn find(
    db: impl PgExecutor<'_>,
    viewer: PersonId,
    everybodys: bool,
    ids: &[EmailId],
) -> sqlx::Result<Vec<Email>> {
    sqlx::query_as!(
        Email,
        "select id, job, kind, person_id, run_on, recipient, subject, body_text, body_html, message_id, status,
                attempts, last_error, queued_at, sent_at, updated_at
           from emails
          where id = any($1) and ($2::bool or person_id = $3)
          order by id",
        ids as _,
        everybodys,
        viewer as _,
    )
    .fetch_all(db)
    .await
}

#[derive(Clone, Debug, Default)]
pub struct EmailFilter {
    pub statuses: Option<Vec<EmailStatus>>,
    pub people: Option<Vec<PersonId>>,
    pub run_from: Option<Date>,
    pub run_to: Option<Date>,
    pub updated_since: Option<DateTime<Utc>>,
}

macro_rules! listed {
    ($shape:ident, ($($head:tt)*), ($($window:tt)*), $filter:expr, $viewer:expr, $everybodys:expr) => {
        $shape!(
            $($head)*,
            "select e.*, coalesce(left($8::text, 0), '') as sort_key
               from emails e
              where ($9::bool or e.person_id = $10::uuid)
                and ($11::text[] is null or e.status = any($11))
                and ($12::uuid[] is null or e.person_id = any($12))
                and ($13::date is null or e.run_on >= $13)
                and ($14::date is null or e.run_on <= $14)
                and ($15::timestamptz is null or e.updated_at >= $15)",
            $($window)*
            $everybodys,
            $viewer as _,
            $filter.statuses.as_deref() as _,
            $filter.people.as_deref() as _,
            $filter.run_from as _,
            $filter.run_to as _,
            $filter.updated_since
        )
    };
}

pub async fn list(
    db: impl PgExecutor<'_>,
    window: &Window,
    filter: &EmailFilter,
    viewer: PersonId,
    everybodys: bool,
) -> sqlx::Result<Vec<Email>> {
    listed!(
        page_of,
        (
            Email,
            "id, job, kind, person_id, run_on, recipient, subject, body_text, body_html, message_id, status,
             attempts, last_error, queued_at, sent_at, updated_at"
        ),
        (window,),
        filter,
        viewer,
        everybodys
    )
    .fetch_all(db)
    .await
}

pub async fn count(
    db: impl PgExecutor<'_>,
    filter: &EmailFilter,
    viewer: PersonId,
    everybodys: bool,
) -> sqlx::Result<i64> {
    let row =
        listed!(figures_of, (Count, r#"count(*) as "count!""#), (), filter, viewer, everybodys)
            .fetch_one(db)
            .await?;
    Ok(row.count)
}

pub fn position(email: &Email) -> Position {
    Position { key: String::new(), id: email.id.0 }
}
