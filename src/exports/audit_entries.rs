use super::{Cell, Chunk, List, lists::columns};
use crate::{
    App, Error, Result,
    audit::{
        chain, graphql,
        store::{
            AuditFilter,
            exported::{self, Exported},
        },
    },
    id::{AuditEntryId, PersonId},
};

/// Read at once: what a row was before and after may be long.
const CHUNK: i64 = 1_000;

/// The entries of the audit log that a filter finds, in the order in which they were written.
pub struct AuditEntries {
    filter: AuditFilter,
    after: Option<i64>,
}

impl AuditEntries {
    /// Those after one. Its id says nothing of its place, so it has to be there.
    pub async fn after(app: &App, filter: AuditFilter, id: Option<AuditEntryId>) -> Result<Self> {
        let after = match id {
            Some(id) => Some(exported::number_of(&app.db, id).await?.ok_or_else(|| {
                Error::BadInput(
                    "`after` is no entry of the log: give the `id` of the last row that you read"
                        .into(),
                )
            })?),
            None => None,
        };
        Ok(Self { filter, after })
    }
}

impl List for AuditEntries {
    type Row = Exported;

    async fn next(&mut self, app: &App) -> Result<Chunk<Exported>> {
        let rows = exported::next(&app.db, &self.filter, self.after, CHUNK).await?;
        self.after = rows.last().map(|row| row.number);
        Ok(Chunk { more: rows.len() as i64 == CHUNK, rows })
    }

    columns! {
        row => Exported {
            "id": Cell::Id(AuditEntryId::PREFIX, row.id.0),
            "recordedAt": Cell::Moment(row.recorded_at),
            "personId": Cell::of(row.person_id, |person| Cell::Id(PersonId::PREFIX, person.0)),
            "person": Cell::text(&row.person),
            "role": Cell::of(row.role, |role| Cell::Word(role.as_str())),
            "requestId": Cell::of(row.request_id.as_deref(), Cell::Word),
            "action": Cell::of(row.action.as_deref(), Cell::Word),
            "table": Cell::Word(&row.table_name),
            "objectId": Cell::of(
                graphql::prefix(&row.table_name).zip(row.object_id),
                |(prefix, id)| Cell::Id(prefix, id),
            ),
            "change": Cell::Word(row.change.as_str()),
            "before": Cell::of(row.before.as_ref(), Cell::Json),
            "after": Cell::of(row.after.as_ref(), Cell::Json),
            "reason": Cell::text(&row.reason),
            "position": Cell::of(row.position, Cell::Number),
            "hash": Cell::of(row.hash.as_deref().map(chain::hex).as_deref(), Cell::Word),
        }
    }
}
