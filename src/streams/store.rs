use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor, PgPool};

use super::{FundingProgram, FundingStream, Listed, NewProgram, NewStream};
use crate::id::{ProgramId, StreamId};

/// All of them: tens of rows.
pub async fn list(db: &PgPool) -> sqlx::Result<Listed> {
    let streams = streams(db, None, None).await?;
    let programs = programs(db, None, None).await?;
    Ok(Listed { streams, programs })
}

async fn streams(
    db: impl PgExecutor<'_>,
    id: Option<StreamId>,
    code: Option<&str>,
) -> sqlx::Result<Vec<FundingStream>> {
    sqlx::query_as!(
        FundingStream,
        "select id, code, name, level, statute, effective_from, effective_to, successor_id, revision
           from funding_streams
          where ($1::uuid is null or id = $1) and ($2::text is null or code = $2)
          order by code limit 1000",
        id as _,
        code,
    )
    .fetch_all(db)
    .await
}

async fn programs(
    db: impl PgExecutor<'_>,
    id: Option<ProgramId>,
    code: Option<&str>,
) -> sqlx::Result<Vec<FundingProgram>> {
    sqlx::query_as!(
        FundingProgram,
        "select id, stream_id, parent_id, code, name, agency, kind, citation, verified_on, revision
           from funding_programs
          where ($1::uuid is null or id = $1) and ($2::text is null or code = $2)
          order by code limit 1000",
        id as _,
        code,
    )
    .fetch_all(db)
    .await
}

pub async fn find_stream(
    db: impl PgExecutor<'_>,
    id: StreamId,
) -> sqlx::Result<Option<FundingStream>> {
    Ok(streams(db, Some(id), None).await?.pop())
}

pub async fn find_stream_by_code(
    db: impl PgExecutor<'_>,
    code: &str,
) -> sqlx::Result<Option<FundingStream>> {
    Ok(streams(db, None, Some(code)).await?.pop())
}

pub async fn find_program(
    db: impl PgExecutor<'_>,
    id: ProgramId,
) -> sqlx::Result<Option<FundingProgram>> {
    Ok(programs(db, Some(id), None).await?.pop())
}

pub async fn find_program_by_code(
    db: impl PgExecutor<'_>,
    code: &str,
) -> sqlx::Result<Option<FundingProgram>> {
    Ok(programs(db, None, Some(code)).await?.pop())
}

/// Streams, programs and their rule sets change one transaction after another: they change
/// a few times a year, and what is checked has to stay so.
pub async fn hold_catalog(tx: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("select pg_advisory_xact_lock(hashtext('thrive catalog'))").execute(tx).await?;
    Ok(())
}

pub async fn insert_stream(
    tx: &mut PgConnection,
    id: StreamId,
    new: &NewStream,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into funding_streams (id, code, name, level, statute, effective_from, effective_to, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        id as _,
        new.code,
        new.name.trim(),
        new.level as _,
        new.statute,
        new.effective_from as _,
        new.effective_to as _,
        at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes a changed stream as its next revision.
pub async fn update_stream(
    tx: &mut PgConnection,
    changed: &FundingStream,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update funding_streams
            set name = $2, statute = $3, effective_from = $4, effective_to = $5, successor_id = $6,
                revision = revision + 1, updated_at = $7
          where id = $1",
        changed.id as _,
        changed.name.trim(),
        changed.statute,
        changed.effective_from as _,
        changed.effective_to as _,
        changed.successor_id as _,
        at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

pub async fn insert_program(
    tx: &mut PgConnection,
    id: ProgramId,
    stream: StreamId,
    parent: Option<ProgramId>,
    new: &NewProgram,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into funding_programs (id, stream_id, parent_id, code, name, agency, kind, citation, verified_on,
                                       updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        id as _,
        stream as _,
        parent as _,
        new.code,
        new.name.trim(),
        new.agency.trim(),
        new.kind as _,
        new.citation.trim(),
        new.verified_on as _,
        at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes a changed program as its next revision.
pub async fn update_program(
    tx: &mut PgConnection,
    changed: &FundingProgram,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update funding_programs
            set name = $2, agency = $3, kind = $4, citation = $5, verified_on = $6, parent_id = $7,
                revision = revision + 1, updated_at = $8
          where id = $1",
        changed.id as _,
        changed.name.trim(),
        changed.agency.trim(),
        changed.kind as _,
        changed.citation.trim(),
        changed.verified_on as _,
        changed.parent_id as _,
        at,
    )
    .execute(tx)
    .await?;
    Ok(())
}
