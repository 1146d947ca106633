use std::collections::HashMap;

use sqlx::{PgConnection, PgExecutor};

use super::{Appropriation, AppropriationRevision};
use crate::{
    clock::Date,
    fiscal_year::FiscalYear,
    id::{AppropriationId, StreamId},
    money::Money,
};

pub async fn find(
    db: impl PgExecutor<'_>,
    ids: &[AppropriationId],
) -> sqlx::Result<Vec<Appropriation>> {
    appropriations(db, Some(ids), None).await
}

/// The appropriations of streams, the earliest fiscal year first.
pub async fn of_streams(
    db: impl PgExecutor<'_>,
    streams: &[StreamId],
) -> sqlx::Result<HashMap<StreamId, Vec<Appropriation>>> {
    let mut of_stream: HashMap<_, Vec<_>> = HashMap::new();
    for one in appropriations(db, None, Some(streams)).await? {
        of_stream.entry(one.stream_id).or_default().push(one);
    }
    Ok(of_stream)
}

async fn appropriations(
    db: impl PgExecutor<'_>,
    ids: Option<&[AppropriationId]>,
    streams: Option<&[StreamId]>,
) -> sqlx::Result<Vec<Appropriation>> {
    sqlx::query_as!(
        Appropriation,
        "select a.id, a.stream_id, a.fiscal_year, latest.amount, latest.source, latest.source_url,
                latest.number as revision, latest.recorded_by, latest.recorded_at
           from appropriations a
           join appropriation_revisions latest on latest.appropriation_id = a.id
          where latest.number = (select max(r.number) from appropriation_revisions r where r.appropriation_id = a.id)
            and ($1::uuid[] is null or a.id = any($1)) and ($2::uuid[] is null or a.stream_id = any($2))
          order by a.stream_id, a.fiscal_year, a.id
          limit 10000",
        ids as _,
        streams as _,
    )
    .fetch_all(db)
    .await
}

/// All revisions of appropriations, the latest first.
pub async fn revisions_of(
    db: impl PgExecutor<'_>,
    ids: &[AppropriationId],
) -> sqlx::Result<HashMap<AppropriationId, Vec<AppropriationRevision>>> {
    let rows = sqlx::query_as!(
        AppropriationRevision,
        "select appropriation_id, number, amount, source, source_url, recorded_by, recorded_at
           from appropriation_revisions where appropriation_id = any($1) order by appropriation_id, number desc",
        ids as _,
    )
    .fetch_all(db)
    .await?;
    let mut of_appropriation: HashMap<_, Vec<_>> = HashMap::new();
    for revision in rows {
        of_appropriation.entry(revision.appropriation_id).or_default().push(revision);
    }
    Ok(of_appropriation)
}

pub async fn insert(
    tx: &mut PgConnection,
    id: AppropriationId,
    stream: StreamId,
    fiscal_year: FiscalYear,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into appropriations (id, stream_id, fiscal_year) values ($1, $2, $3)",
        id as _,
        stream as _,
        fiscal_year as _,
    )
    .execute(tx)
    .await?;
    Ok(())
}

pub async fn insert_revision(
    tx: &mut PgConnection,
    new: &AppropriationRevision,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into appropriation_revisions (appropriation_id, number, amount, source, source_url, recorded_by,
                                              recorded_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        new.appropriation_id as _,
        new.number,
        new.amount as _,
        new.source,
        new.source_url,
        new.recorded_by as _,
        new.recorded_at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// What was awarded of streams by fiscal year: awards and their amendments, effective on or before a day. A grant that
/// passes on money of another grant was awarded with that one, and is not counted again.
pub async fn awarded(
    db: impl PgExecutor<'_>,
    streams: &[StreamId],
    as_of: Option<Date>,
) -> sqlx::Result<HashMap<(StreamId, FiscalYear), Money>> {
    let rows = sqlx::query!(
        r#"
        select p.stream_id, moved.fiscal_year as "fiscal_year!: FiscalYear", sum(moved.amount) as "amount!: Money"
          from funding_programs p
          join grants g on g.program_id = p.id and g.parent_id is null
          join ledger_accounts a on a.grant_id = g.id and a.kind = 'SRC_PAY'
         cross join lateral (
               select (extract(year from t.effective_on) - (extract(month from t.effective_on) < 7)::int)::int as fiscal_year,
                      case when t.from_account = a.id then t.amount else -t.amount end as amount
                 from ledger_transfers t
                where a.id in (t.from_account, t.to_account) and t.kind in ('AWARD', 'AMEND_UP', 'AMEND_DOWN')
                  and ($2::date is null or t.effective_on <= $2)) moved
         where p.stream_id = any($1)
         group by p.stream_id, moved.fiscal_year
        "#,
        streams as _,
        as_of as _,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| ((row.stream_id, row.fiscal_year), row.amount)).collect())
}
