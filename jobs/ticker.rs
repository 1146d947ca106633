//! Asks every few seconds what is due. The scheduler only ticks: when a job runs, and
//! in which process, is decided by its row.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::Mutex;
use tokio_cron_scheduler::{Job as CronJob, JobScheduler};

use super::{ALL, Job, Run, Schedule};
use crate::App;

/// Every other second, in UTC: a message leaves soon after it is queued.
const TICK: &str = "*/2 * * * * *";

/// A job with what this process knows of it; locked while it runs here.
struct Ticked {
    job: &'static Job,
    schedule: Mutex<Schedule>,
}

pub struct Ticker {
    scheduler: JobScheduler,
    ticked: Arc<Vec<Ticked>>,
    stop: Arc<AtomicBool>,
}

/// Runs every job on its schedule until stopped.
pub async fn start(app: &App) -> anyhow::Result<Ticker> {
    let mut ticked = Vec::new();
    for job in ALL {
        ticked.push(Ticked { job, schedule: Mutex::new(job.schedule()?) });
    }
    let ticked = Arc::new(ticked);
    let stop = Arc::new(AtomicBool::new(false));
    let scheduler = JobScheduler::new().await?;
    let (app, all, stopping) = (app.clone(), Arc::clone(&ticked), Arc::clone(&stop));
    scheduler
        .add(CronJob::new_async(TICK, move |_, _| {
            let (app, all, stopping) = (app.clone(), Arc::clone(&all), Arc::clone(&stopping));
            Box::pin(async move {
                for place in 0..all.len() {
                    // Each by itself: sending mail does not wait for a long run of another.
                    let (app, all, stopping) =
                        (app.clone(), Arc::clone(&all), Arc::clone(&stopping));
                    tokio::spawn(async move { tick(&app, &all[place], &stopping).await });
                }
            })
        })?)
        .await?;
    scheduler.start().await?;
    Ok(Ticker { scheduler, ticked, stop })
}

async fn tick(app: &App, ticked: &Ticked, stop: &Arc<AtomicBool>) {
    // Still at it since an earlier tick.
    let Ok(schedule) = ticked.schedule.try_lock() else { return };
    if stop.load(Ordering::Relaxed) {
        return;
    }
    let outcome = if schedule.alone {
        ticked.job.run_if_due(app, &schedule, Arc::clone(stop)).await.map(drop)
    } else {
        let mut run = Run::new(app.clock.today(), false, &schedule);
        run.stop = Arc::clone(stop);
        (ticked.job.run)(app, &run).await.map(drop).map_err(Into::into)
    };
    if let Err(error) = outcome {
        tracing::error!(job = ticked.job.name, "the job failed: {error:?}");
    }
}

impl Ticker {
    /// Begins nothing more, and waits until what runs has come to a good place to stop.
    pub async fn stop(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Err(error) = self.scheduler.shutdown().await {
            tracing::warn!("the scheduler did not stop cleanly: {error}");
        }
        let ended = async {
            for ticked in self.ticked.iter() {
                drop(ticked.schedule.lock().await);
            }
        };
        if tokio::time::timeout(Duration::from_secs(60), ended).await.is_err() {
            tracing::warn!("a job is still running; what it has not finished is done later");
        }
    }
}
