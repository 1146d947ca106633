//! What happens by itself. A job looks at what is due in the database and does it, so
//! running it twice, late, or after a crash is harmless. Add a job: a folder here, and
//! a line in `ALL`.

mod allocation_reversion;
mod audit_seal;
mod deadline_reminders;
mod deadline_schedule;
mod funding_totals;
mod funding_totals_fold;
pub mod graphql;
mod ledger_days;
mod model;
mod schedule;
mod send_emails;
pub mod store;
mod ticker;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use anyhow::{Context, bail};
use chrono::TimeDelta;
use futures_util::future::BoxFuture;
use tracing::Instrument;

pub use model::{JobOutcome, JobRun, Report, Summary};
pub use schedule::Schedule;
pub use ticker::{Ticker, start};

use crate::{App, Result, clock::Date, id::JobRunId};

pub struct Job {
    pub name: &'static str,
    /// The text of its `job.toml`.
    pub settings: &'static str,
    pub run: for<'a> fn(&'a App, &'a Run) -> BoxFuture<'a, Result<Summary>>,
}

pub const ALL: &[Job] = &[
    Job {
        name: ledger_days::NAME,
        settings: include_str!("ledger_days/job.toml"),
        run: |app, run| Box::pin(ledger_days::run(app, run)),
    },
    Job {
        name: allocation_reversion::NAME,
        settings: include_str!("allocation_reversion/job.toml"),
        run: |app, run| Box::pin(allocation_reversion::run(app, run)),
    },
    Job {
        name: deadline_schedule::NAME,
        settings: include_str!("deadline_schedule/job.toml"),
        run: |app, run| Box::pin(deadline_schedule::run(app, run)),
    },
    Job {
        name: deadline_reminders::NAME,
        settings: include_str!("deadline_reminders/job.toml"),
        run: |app, run| Box::pin(deadline_reminders::run(app, run)),
    },
    Job {
        name: audit_seal::NAME,
        settings: include_str!("audit_seal/job.toml"),
        run: |app, run| Box::pin(audit_seal::run(app, run)),
    },
    Job {
        name: funding_totals_fold::NAME,
        settings: include_str!("funding_totals_fold/job.toml"),
        run: |app, run| Box::pin(funding_totals_fold::run(app, run)),
    },
    Job {
        name: funding_totals::NAME,
        settings: include_str!("funding_totals/job.toml"),
        run: |app, run| Box::pin(funding_totals::run(app, run)),
    },
    Job {
        name: send_emails::NAME,
        settings: include_str!("send_emails/job.toml"),
        run: |app, run| Box::pin(send_emails::run(app, run)),
    },
];

/// What a job is asked to do.
pub struct Run {
    /// The day that it runs for, in California.
    pub on: Date,
    /// Tell, and do nothing.
    pub dry_run: bool,
    /// How many at a time.
    pub batch: i64,
    /// The number that this run has by its lease; zero without one.
    pub number: i64,
    stop: Arc<AtomicBool>,
}

impl Run {
    pub fn new(on: Date, dry_run: bool, schedule: &Schedule) -> Self {
        Self { on, dry_run, batch: schedule.batch, number: 0, stop: Arc::default() }
    }

    /// The process is asked to end: finish what is begun, begin nothing.
    pub fn must_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

impl Job {
    pub fn named(name: &str) -> anyhow::Result<&'static Self> {
        let names = || ALL.iter().map(|job| job.name).collect::<Vec<_>>().join(", ");
        ALL.iter()
            .find(|job| job.name == name)
            .with_context(|| format!("there is no job `{name}`, but {}", names()))
    }

    pub fn schedule(&self) -> anyhow::Result<Schedule> {
        Schedule::read(self.settings).with_context(|| format!("jobs/{}/job.toml", self.name))
    }

    /// Runs it if it is due and no other process is at it. None when not.
    pub async fn run_if_due(
        &self,
        app: &App,
        schedule: &Schedule,
        stop: Arc<AtomicBool>,
    ) -> anyhow::Result<Option<Summary>> {
        let now = app.clock.now();
        store::enter(&app.db, self.name, schedule.next_after(now)?).await?;
        let until = now + TimeDelta::seconds(schedule.lease_seconds);
        let Some(lease) = store::lease(&app.db, self.name, now, until, true).await? else {
            return Ok(None);
        };
        let mut run = Run::new(app.clock.today(), false, schedule);
        run.stop = stop;
        run.number = lease;
        let outcome = self.record(app, &run).await;
        let now = app.clock.now();
        let mut next = schedule.next_after(now)?;
        match &outcome {
            Ok(summary) if summary.cut_short => next = now,
            Ok(_) => {}
            Err(_) => next = next.min(now + TimeDelta::seconds(schedule.retry_seconds)),
        }
        store::release(&app.db, self.name, lease, Some(next)).await?;
        outcome.map(Some)
    }

    /// Runs it, and notes the run.
    async fn record(&self, app: &App, run: &Run) -> anyhow::Result<Summary> {
        let started_at = app.clock.now();
        let span = tracing::info_span!("job", name = self.name, on = %run.on);
        let outcome = (self.run)(app, run).instrument(span).await;
        let (kind, summary) = match &outcome {
            Ok(summary) => (JobOutcome::Succeeded, summary.to_string()),
            // The cause is in the log; what everyone with the role reads says only that.
            Err(error) => {
                tracing::error!(job = self.name, "the job failed: {error:?}");
                (JobOutcome::Failed, "failed; the log tells why".into())
            }
        };
        if !run.dry_run {
            let row = JobRun {
                id: JobRunId::new(&app.clock),
                job: self.name.into(),
                run_on: run.on,
                run_number: run.number,
                started_at,
                finished_at: app.clock.now(),
                outcome: kind,
                summary,
            };
            store::insert_run(&app.db, &row).await?;
        }
        outcome.map_err(|error| match error {
            crate::Error::Internal(cause) => cause,
            other => other.into(),
        })
    }
}

/// Runs a job now, whatever its schedule says, and delivers the mail that waits.
pub async fn run_by_hand(
    app: &App,
    name: &str,
    on: Option<Date>,
    dry_run: bool,
) -> anyhow::Result<Report> {
    let job = Job::named(name)?;
    let schedule = job.schedule()?;
    let mut run = Run::new(on.unwrap_or_else(|| app.clock.today()), dry_run, &schedule);
    let summary = if !schedule.alone || dry_run {
        job.record(app, &run).await?
    } else {
        let now = app.clock.now();
        store::enter(&app.db, job.name, schedule.next_after(now)?).await?;
        let until = now + TimeDelta::seconds(schedule.lease_seconds);
        let Some(lease) = store::lease(&app.db, job.name, now, until, false).await? else {
            bail!("{name} is running elsewhere: try again when it has ended");
        };
        run.number = lease;
        let outcome = job.record(app, &run).await;
        store::release(&app.db, job.name, lease, None).await?;
        outcome?
    };
    let mut delivered = None;
    if !dry_run && job.name != send_emails::NAME {
        let sender = Job::named(send_emails::NAME)?;
        let run = Run::new(run.on, false, &sender.schedule()?);
        delivered = Some(sender.record(app, &run).await?);
    }
    Ok(Report { job: job.name, on: run.on, dry_run, summary, delivered })
}
