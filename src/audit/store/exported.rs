//! The audit log as an export reads it: a chunk at a time, in the order in which entries were written.

use chrono::{DateTime, Utc};
use sqlx::PgExecutor;
use uuid::Uuid;

use super::{AuditChange, AuditFilter};
use crate::{
    access::Role,
    id::{AuditEntryId, PersonId},
    page::exported,
};

/// What an export shows of an entry.
pub struct Exported {
    pub number: i64,
    pub id: AuditEntryId,
    pub recorded_at: DateTime<Utc>,
    pub person_id: Option<PersonId>,
    pub person: Option<String>,
    pub role: Option<Role>,
    pub request_id: Option<String>,
    pub action: Option<String>,
    pub table_name: String,
    pub object_id: Option<Uuid>,
    pub change: AuditChange,
    pub before: Option<serde_json::Value>,
    pub after: Option<serde_json::Value>,
    pub reason: Option<String>,
    pub position: Option<i64>,
    pub hash: Option<Vec<u8>>,
}

/// Where an entry stands in the log.
pub async fn number_of(db: impl PgExecutor<'_>, id: AuditEntryId) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!("select number from audit_entries where id = $1", id as _)
        .fetch_optional(db)
        .await
}

/// The next entries after one that a filter finds.
pub async fn next(
    db: impl PgExecutor<'_>,
    filter: &AuditFilter,
    after: Option<i64>,
    limit: i64,
) -> sqlx::Result<Vec<Exported>> {
    listed!(
        exported,
        (
            Exported,
            r#"listed.number as "number!", listed.id as "id!: AuditEntryId", listed.recorded_at as "recorded_at!",
               listed.person_id as "person_id: PersonId", w.name as "person?", listed.role as "role: Role",
               listed.request_id, listed.action, listed.table_name as "table_name!", listed.object_id,
               listed.change as "change!: AuditChange", listed.before, listed.after, listed.reason,
               listed.position as "position?", listed.hash as "hash?""#,
            "left join people w on w.id = listed.person_id",
            "$3::bigint is null or listed.number > $3",
            "listed.number"
        ),
        (after, limit,),
        filter
    )
    .fetch_all(db)
    .await
}
