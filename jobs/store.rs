use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

use super::{JobOutcome, JobRun};
use crate::{
    clock::Date,
    id::JobRunId,
    page::{Count, Position, Window, figures_of, page_of},
};

/// Makes a job known, with its first run; one that is known stays as it is.
pub async fn enter(
    db: impl PgExecutor<'_>,
    job: &str,
    next_run_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into jobs (name, next_run_at) values ($1, $2) on conflict do nothing",
        job,
        next_run_at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes a job that nobody else runs, when it is due or in any case. The number is this run's
/// alone.
pub async fn lease(
    db: impl PgExecutor<'_>,
    job: &str,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
    only_when_due: bool,
) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!(
        "update jobs set claimed_until = $3, run_number = run_number + 1
          where name = $1 and (claimed_until is null or claimed_until <= $2) and (next_run_at <= $2 or not $4)
         returning run_number",
        job,
        now,
        until,
        only_when_due,
    )
    .fetch_optional(db)
    .await
}

/// Gives a job back, with its next run if that changes. Whoever lost the lease changes nothing.
pub async fn release(
    db: impl PgExecutor<'_>,
    job: &str,
    run_number: i64,
    next_run_at: Option<DateTime<Utc>>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update jobs set claimed_until = null, next_run_at = coalesce($3, next_run_at)
          where name = $1 and run_number = $2",
        job,
        run_number,
        next_run_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn insert_run(db: impl PgExecutor<'_>, run: &JobRun) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into job_runs (id, job, run_on, run_number, started_at, finished_at, outcome, summary)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        run.id as _,
        run.job,
        run.run_on as _,
        run.run_number,
        run.started_at,
        run.finished_at,
        run.outcome as _,
        run.summary,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn find(db: impl PgExecutor<'_>, ids: &[JobRunId]) -> sqlx::Result<Vec<JobRun>> {
    sqlx::query_as!(
        JobRun,
        "select id, job, run_on, run_number, started_at, finished_at, outcome, summary
           from job_runs where id = any($1) order by id",
        ids as _,
    )
    .fetch_all(db)
    .await
}

#[derive(Clone, Debug, Default)]
pub struct JobRunFilter {
    pub jobs: Option<Vec<String>>,
    pub outcomes: Option<Vec<JobOutcome>>,
    pub updated_since: Option<DateTime<Utc>>,
}

macro_rules! listed {
    ($shape:ident, ($($head:tt)*), ($($window:tt)*), $filter:expr) => {
        $shape!(
            $($head)*,
            "select r.*, coalesce(left($8::text, 0), '') as sort_key
               from job_runs r
              where ($9::text[] is null or r.job = any($9))
                and ($10::text[] is null or r.outcome = any($10))
                and ($11::timestamptz is null or r.finished_at >= $11)",
            $($window)*
            $filter.jobs.as_deref() as _,
            $filter.outcomes.as_deref() as _,
            $filter.updated_since
        )
    };
}

pub async fn list(
    db: impl PgExecutor<'_>,
    window: &Window,
    filter: &JobRunFilter,
) -> sqlx::Result<Vec<JobRun>> {
    listed!(
        page_of,
        (JobRun, "id, job, run_on, run_number, started_at, finished_at, outcome, summary"),
        (window,),
        filter
    )
    .fetch_all(db)
    .await
}

pub async fn count(db: impl PgExecutor<'_>, filter: &JobRunFilter) -> sqlx::Result<i64> {
    Ok(listed!(figures_of, (Count, r#"count(*) as "count!""#), (), filter)
        .fetch_one(db)
        .await?
        .count)
}

pub fn position(run: &JobRun) -> Position {
    Position { key: String::new(), id: run.id.0 }
}

/// Where a run for a day that was cut short goes on; none at the beginning.
pub async fn resume_after(
    db: impl PgExecutor<'_>,
    job: &str,
    on: Date,
) -> sqlx::Result<Option<uuid::Uuid>> {
    let row = sqlx::query!(
        "select resume_after from jobs where name = $1 and resume_on = $2",
        job,
        on as _,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.and_then(|row| row.resume_after))
}

/// Notes how far a run has come; none when it is through. Whoever lost the lease notes nothing.
pub async fn note_progress(
    db: impl PgExecutor<'_>,
    job: &str,
    run_number: i64,
    on: Date,
    after: Option<uuid::Uuid>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update jobs set resume_after = $4, resume_on = $3 where name = $1 and run_number = $2",
        job,
        run_number,
        on as _,
        after,
    )
    .execute(db)
    .await?;
    Ok(())
}
