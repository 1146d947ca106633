//! Events of disbursements, to be followed as they happen. Every process that serves the API numbers what waits
//! (one at a time, whoever comes first) and looks how far the feed goes: when PostgreSQL tells it to, and every
//! second all the same, since a message may be lost and a row is not.

use std::{future::Future, sync::Arc, time::Duration};

use sqlx::{PgPool, postgres::PgListener};
use tokio::{task::JoinHandle, time::sleep};

use super::feed_store;
use crate::live::Live;

const CHANNEL: &str = "disbursement_feed";
/// How long an event may wait for its position.
const NUMBERED_EVERY: Duration = Duration::from_millis(200);
const LOOKED_EVERY: Duration = Duration::from_secs(1);
/// How many events get their position in one transaction.
const BATCH: i32 = 1000;

/// Keeps numbering and looking until the process ends.
pub struct Feed(Vec<JoinHandle<()>>);

impl Feed {
    /// On connections that lead straight to PostgreSQL: a pooler does not pass its messages on.
    pub fn start(db: &PgPool, live: &Arc<Live>) -> Self {
        let tasks = [
            tokio::spawn(until_stopped(Arc::clone(live), relay(db.clone()))),
            tokio::spawn(until_stopped(Arc::clone(live), look(db.clone(), Arc::clone(live)))),
            tokio::spawn(until_stopped(Arc::clone(live), listen(db.clone(), Arc::clone(live)))),
        ];
        Self(tasks.into())
    }

    /// Waits for the end of what `Live::stop` told to end.
    pub async fn stopped(self) {
        for task in self.0 {
            if let Err(error) = task.await {
                tracing::error!("following events of disbursements failed: {error}");
            }
        }
    }
}

async fn until_stopped(live: Arc<Live>, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        () = live.stopped() => {}
    }
}

/// One statement each time: cut off, it has happened or it has not, and the next one goes on.
async fn relay(db: PgPool) {
    let mut trouble = Trouble::default();
    loop {
        let numbered = feed_store::number(&db, BATCH).await;
        // A full batch has more behind it.
        let more = trouble.tell(numbered, "giving events their positions") == Some(BATCH);
        if !more {
            sleep(NUMBERED_EVERY).await;
        }
    }
}

async fn look(db: PgPool, live: Arc<Live>) {
    let mut trouble = Trouble::default();
    loop {
        let newest = feed_store::newest(&db).await;
        if let Some(newest) = trouble.tell(newest, "looking for events") {
            live.advance(newest);
        }
        sleep(LOOKED_EVERY).await;
    }
}

/// What is heard is the position itself, and true: it was sent with the commit that gave it.
async fn listen(db: PgPool, live: Arc<Live>) {
    let mut trouble = Trouble::default();
    loop {
        let listened = async {
            let mut listener = PgListener::connect_with(&db).await?;
            listener.listen(CHANNEL).await?;
            trouble.over();
            // Where the connection is lost, it is made again here.
            loop {
                let heard = listener.recv().await?;
                if let Ok(position) = heard.payload().parse() {
                    live.advance(position);
                }
            }
        };
        let ended: sqlx::Result<()> = listened.await;
        trouble.tell(ended, "listening for events");
        sleep(LOOKED_EVERY).await;
    }
}

/// Says once that something does not work, and once that it works again.
#[derive(Default)]
struct Trouble(bool);

impl Trouble {
    fn tell<T>(&mut self, outcome: sqlx::Result<T>, what: &str) -> Option<T> {
        match outcome {
            Ok(value) => {
                self.over();
                Some(value)
            }
            Err(error) => {
                if !self.0 {
                    tracing::warn!("{what} does not work, and is tried again: {error}");
                }
                self.0 = true;
                None
            }
        }
    }

    fn over(&mut self) {
        if std::mem::take(&mut self.0) {
            tracing::info!("events of disbursements are followed again");
        }
    }
}
