use sqlx::PgPool;

use super::{FundingProgram, FundingStream, Listed};

/// All of them: tens of rows.
pub async fn list(db: &PgPool) -> sqlx::Result<Listed> {
    let streams = sqlx::query_as!(
        FundingStream,
        "select id, code, name, level, statute, effective_from, effective_to, successor_id
           from funding_streams order by code limit 1000",
    )
    .fetch_all(db)
    .await?;
    let programs = sqlx::query_as!(
        FundingProgram,
        "select id, stream_id, parent_id, code, name, agency, kind, citation, verified_on
           from funding_programs order by code limit 1000",
    )
    .fetch_all(db)
    .await?;
    Ok(Listed { streams, programs })
}
