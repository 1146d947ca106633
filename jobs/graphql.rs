use async_graphql::{Context, InputObject, Object, connection::Connection};

use chrono::{DateTime, Utc};

use super::{JobOutcome, JobRun, store};
use crate::{
    Result,
    access::Permission,
    graphql::ContextExt,
    page::{OrderDirection, PageArgs, Window},
};

/// Which runs to list.
#[derive(InputObject, Default)]
pub struct JobRunFilter {
    /// Of one of these jobs, such as `deadline_reminders`.
    jobs: Option<Vec<String>>,
    /// Ended so.
    outcomes: Option<Vec<JobOutcome>>,
    /// Ended at or after this moment.
    updated_since: Option<DateTime<Utc>>,
}

/// What is known about a whole list of runs.
pub struct JobRunsListed {
    filter: store::JobRunFilter,
}

#[Object]
impl JobRunsListed {
    /// How many runs the filter finds, on all pages.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        Ok(store::count(&ctx.app().db, &self.filter).await?)
    }
}

#[derive(Default)]
pub struct JobQuery;

#[Object]
impl JobQuery {
    /// What the scheduled jobs did, the newest first. For staff: roles that see everything.
    async fn job_runs(
        &self,
        ctx: &Context<'_>,
        #[graphql(default)] filter: JobRunFilter,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, JobRun, JobRunsListed>> {
        ctx.actor().may_read(Permission::ReadJobRuns)?;
        let window = Window::new(
            "STARTED_AT",
            OrderDirection::Desc,
            PageArgs { first, after, last, before },
        )?;
        let filter = store::JobRunFilter {
            jobs: filter.jobs,
            outcomes: filter.outcomes,
            updated_since: filter.updated_since,
        };
        let rows = store::list(&ctx.app().db, &window, &filter).await?;
        Ok(window.page(rows, store::position, JobRunsListed { filter }))
    }
}
