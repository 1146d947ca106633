use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

use super::{DisbursementEvent, DisbursementStatus};
use crate::{
    access::Reach,
    id::{DisbursementEventId, DisbursementId, GrantId, PersonId},
};

/// An event with its place in the feed.
pub struct FedEvent {
    pub position: i64,
    /// The state before; none for a request.
    pub previous: Option<DisbursementStatus>,
    pub id: DisbursementEventId,
    pub disbursement_id: DisbursementId,
    pub status: DisbursementStatus,
    pub person_id: PersonId,
    pub reason: Option<String>,
    pub occurred_at: DateTime<Utc>,
}

impl FedEvent {
    pub fn event(self) -> DisbursementEvent {
        DisbursementEvent {
            id: self.id,
            disbursement_id: self.disbursement_id,
            status: self.status,
            person_id: self.person_id,
            reason: self.reason,
            occurred_at: self.occurred_at,
        }
    }
}

/// Which events somebody follows.
#[derive(Clone, Debug, Default)]
pub struct Followed {
    pub grants: Option<Vec<GrantId>>,
    pub statuses: Option<Vec<DisbursementStatus>>,
}

/// Gives positions to events that have none yet, unless another process does just that. Answers to how many.
pub async fn number(db: impl PgExecutor<'_>, at_most: i32) -> sqlx::Result<i32> {
    sqlx::query_scalar!(r#"select number_disbursement_events($1) as "numbered!""#, at_most)
        .fetch_one(db)
        .await
}

/// The last position given: everything up to it can be read, and nothing comes to stand below it.
pub async fn newest(db: impl PgExecutor<'_>) -> sqlx::Result<i64> {
    sqlx::query_scalar!("select position from disbursement_feed_head").fetch_one(db).await
}

/// What an actor may see of the events after a position, in order.
pub async fn after(
    db: impl PgExecutor<'_>,
    reach: &Reach,
    followed: &Followed,
    position: i64,
    at_most: i64,
) -> sqlx::Result<Vec<FedEvent>> {
    sqlx::query_as!(
        FedEvent,
        r#"select f.position as "position!", e.id, e.disbursement_id, e.status, e.person_id, e.reason, e.occurred_at,
                (select b.status
                   from disbursement_events b
                   join disbursement_feed p on p.event_id = b.id
                  where b.disbursement_id = e.disbursement_id and p.position < f.position
                  order by p.position desc
                  limit 1) as "previous: DisbursementStatus"
           from disbursement_feed f
           join disbursement_events e on e.id = f.event_id
           join disbursements d on d.id = e.disbursement_id
           join grants g on g.id = d.grant_id
          where f.position > $1
            and ($2::bool or g.recipient_id = any($3::uuid[])
                 or exists (select from grant_cities c where c.grant_id = g.id and c.city_id = any($4::uuid[])))
            and ($5::uuid[] is null or d.grant_id = any($5))
            and ($6::text[] is null or e.status = any($6))
          order by f.position
          limit $7"#,
        position,
        reach.everything,
        reach.organizations.as_slice() as _,
        reach.cities.as_slice() as _,
        followed.grants.as_deref() as _,
        followed.statuses.as_deref() as _,
        at_most,
    )
    .fetch_all(db)
    .await
}
