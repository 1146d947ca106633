//! What administrators do to streams and programs.

use super::{
    Catalog, FundingProgram, FundingStream, NewProgram, NewStream, ProgramChange, StreamChange,
    rules, store,
};
use crate::{
    App, Refusal, Result,
    access::{Actor, Permission},
    audit,
    id::{ProgramId, StreamId},
};

/// Enters a funding stream.
#[tracing::instrument(skip_all)]
pub async fn create_stream(app: &App, actor: &Actor, new: NewStream) -> Result<FundingStream> {
    let admin = actor.may(Permission::CreateFundingStream)?;
    rules::check_stream(&new)?;
    let id = StreamId::new(&app.clock);
    let mut tx = audit::begin(app, &admin).await?;
    store::hold_catalog(&mut tx).await?;
    if store::find_stream_by_code(&mut *tx, &new.code).await?.is_some() {
        return Err(rules::taken("stream", &new.code).into());
    }
    store::insert_stream(&mut tx, id, &new, app.clock.now()).await?;
    let made = store::find_stream(&mut *tx, id).await?;
    tx.commit().await?;
    Catalog::forget(app);
    Ok(made.expect("what was entered is there"))
}

/// Changes what a stream is called, its law, its dates or its successor.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn update_stream(
    app: &App,
    actor: &Actor,
    id: StreamId,
    revision: i32,
    change: StreamChange,
) -> Result<FundingStream> {
    let admin = actor.may(Permission::UpdateFundingStream)?;
    let mut tx = audit::begin(app, &admin).await?;
    store::hold_catalog(&mut tx).await?;
    let missing = || Refusal::not_found("stream").on("streamId");
    let found = store::find_stream(&mut *tx, id).await?.ok_or_else(missing)?;
    Refusal::unless_current("stream", revision, found.revision)?;
    let changed = change.of(found);
    Refusal::unless_filled(&changed.name, "name")?;
    rules::check_stream_dates(changed.effective_from, changed.effective_to)?;
    if let Some(successor) = changed.successor_id {
        let missing = || Refusal::not_found("stream").on("successorId");
        let successor = store::find_stream(&mut *tx, successor).await?.ok_or_else(missing)?;
        let mut next = successor.successor_id;
        while let Some(id) = next {
            if id == changed.id {
                return Err(rules::circle(&changed).into());
            }
            next = store::find_stream(&mut *tx, id).await?.and_then(|stream| stream.successor_id);
        }
        rules::check_successor(&changed, &successor)?;
    }
    store::update_stream(&mut tx, &changed, app.clock.now()).await?;
    let changed = store::find_stream(&mut *tx, id).await?;
    tx.commit().await?;
    Catalog::forget(app);
    Ok(changed.expect("a stream is never removed"))
}

/// Enters a program of a stream.
#[tracing::instrument(skip_all)]
pub async fn create_program(
    app: &App,
    actor: &Actor,
    stream: StreamId,
    parent: Option<ProgramId>,
    new: NewProgram,
) -> Result<FundingProgram> {
    let admin = actor.may(Permission::CreateFundingProgram)?;
    rules::check_program(&new, app.clock.today())?;
    let id = ProgramId::new(&app.clock);
    let mut tx = audit::begin(app, &admin).await?;
    store::hold_catalog(&mut tx).await?;
    if store::find_stream(&mut *tx, stream).await?.is_none() {
        return Err(Refusal::not_found("stream").on("streamId").into());
    }
    if store::find_program_by_code(&mut *tx, &new.code).await?.is_some() {
        return Err(rules::taken("program", &new.code).into());
    }
    if let Some(parent) = parent {
        let found = store::find_program(&mut *tx, parent).await?;
        found.ok_or_else(|| Refusal::not_found("program").on("parentId"))?;
    }
    store::insert_program(&mut tx, id, stream, parent, &new, app.clock.now()).await?;
    let made = store::find_program(&mut *tx, id).await?;
    tx.commit().await?;
    Catalog::forget(app);
    Ok(made.expect("what was entered is there"))
}

/// Changes what a program is called, who administers it, and what it is part of.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn update_program(
    app: &App,
    actor: &Actor,
    id: ProgramId,
    revision: i32,
    change: ProgramChange,
) -> Result<FundingProgram> {
    let admin = actor.may(Permission::UpdateFundingProgram)?;
    let mut tx = audit::begin(app, &admin).await?;
    store::hold_catalog(&mut tx).await?;
    let missing = || Refusal::not_found("program").on("programId");
    let found = store::find_program(&mut *tx, id).await?.ok_or_else(missing)?;
    Refusal::unless_current("program", revision, found.revision)?;
    let changed = change.of(found);
    rules::check_program_words(&changed.name, &changed.agency, &changed.citation)?;
    rules::check_verified(changed.verified_on, app.clock.today())?;
    if let Some(parent) = changed.parent_id
        && store::find_program(&mut *tx, parent).await?.is_none()
    {
        return Err(Refusal::not_found("program").on("parentId").into());
    }
    store::update_program(&mut tx, &changed, app.clock.now()).await?;
    let changed = store::find_program(&mut *tx, id).await?;
    tx.commit().await?;
    Catalog::forget(app);
    Ok(changed.expect("a program is never removed"))
}
