//! What people do to appropriations: record them, and their revisions.

use super::{Appropriation, AppropriationRevision, NewAppropriation, rules, store};
use crate::{
    App, Refusal, Result,
    access::{Actor, Permission},
    audit,
    id::AppropriationId,
    streams::Catalog,
};

/// Records what was put into a stream for a fiscal year, or how a later act changed that.
#[tracing::instrument(skip_all)]
pub async fn record(app: &App, actor: &Actor, new: NewAppropriation) -> Result<Appropriation> {
    let recorder = actor.may(Permission::RecordAppropriation)?;
    let stream = Catalog::stream(app, new.stream).await?;
    let stream = stream.ok_or_else(|| Refusal::not_found("stream").on("streamId"))?;
    rules::check_new(&new, &stream)?;
    let mut tx = audit::begin(app, &recorder).await?;
    let known = store::of_streams(&mut *tx, &[stream.id]).await?.remove(&stream.id);
    let current =
        known.unwrap_or_default().into_iter().find(|one| one.fiscal_year == new.fiscal_year);
    let number = rules::check_revision(&new, current.as_ref().map(|one| one.revision))?;
    let id = match current {
        Some(current) => current.id,
        None => {
            let id = AppropriationId::new(&app.clock);
            store::insert(&mut tx, id, stream.id, new.fiscal_year).await?;
            id
        }
    };
    let revision = AppropriationRevision {
        appropriation_id: id,
        number,
        amount: new.amount,
        source: new.source.trim().into(),
        source_url: new.source_url,
        recorded_by: recorder.person,
        recorded_at: app.clock.now(),
    };
    // Of two that revise the same one, the second is refused by its number.
    store::insert_revision(&mut tx, &revision).await?;
    tx.commit().await?;
    Ok(Appropriation {
        id,
        stream_id: stream.id,
        fiscal_year: new.fiscal_year,
        amount: revision.amount,
        source: revision.source,
        source_url: revision.source_url,
        revision: number,
        recorded_by: revision.recorded_by,
        recorded_at: revision.recorded_at,
    })
}
