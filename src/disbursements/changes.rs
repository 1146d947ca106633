//! What one subscriber has still to be told. Rows are read by position, a batch at a time and only when the last
//! one was taken: a slow subscriber holds up nobody and fills no memory.

use std::{collections::VecDeque, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use tokio::{sync::watch, time::sleep};

use super::{
    Disbursement, DisbursementEvent, DisbursementStatus,
    feed_store::{self, FedEvent, Followed},
    store,
};
use crate::{App, Error, Result, access::Reach};

const BATCH: i64 = 100;
const TRIED_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// What a cursor says before its position, so that another list's is refused.
const CURSOR: &str = "disbursement_feed:";

/// Something that happened to a disbursement, with the disbursement as it is by now.
pub struct Change {
    pub cursor: String,
    pub disbursement: Disbursement,
    pub event: DisbursementEvent,
    pub previous: Option<DisbursementStatus>,
}

pub struct Changes {
    app: App,
    reach: Reach,
    followed: Followed,
    /// Everything up to here was told, or is none of the subscriber's.
    position: i64,
    newest: watch::Receiver<i64>,
    read: VecDeque<FedEvent>,
}

impl Changes {
    /// From the cursor on, or from now on.
    pub async fn follow(
        app: &App,
        reach: Reach,
        followed: Followed,
        after: Option<&str>,
    ) -> Result<Self> {
        let newest = feed_store::newest(&app.db).await?;
        let position = after.map_or(Ok(newest), position_of)?;
        if position > newest {
            let message = "`after` is ahead of everything that happened: read the list again, and subscribe without it";
            return Err(Error::BadInput(message.into()));
        }
        app.live.advance(newest);
        let newest = app.live.newest();
        Ok(Self { app: app.clone(), reach, followed, position, newest, read: VecDeque::new() })
    }

    /// The next change, whenever it happens.
    pub async fn next(&mut self) -> Change {
        loop {
            match self.advance().await {
                Ok(Some(change)) => return change,
                Ok(None) => {}
                // Nothing is skipped: what could not be read is read again.
                Err(error) => {
                    tracing::warn!("a subscriber waits for the database: {error}");
                    sleep(TRIED_AGAIN_AFTER).await;
                }
            }
        }
    }

    async fn advance(&mut self) -> sqlx::Result<Option<Change>> {
        let Some(next) = self.read.front() else {
            self.refill().await?;
            return Ok(None);
        };
        // Whether it may be seen is asked again when it is told: a batch may have waited long.
        let ids = [next.disbursement_id];
        let disbursement = store::find(&self.app.db, &self.reach, &ids).await?.pop();
        let told = self.read.pop_front();
        Ok(told.zip(disbursement).map(|(told, disbursement)| {
            let (position, previous) = (told.position, told.previous);
            Change { cursor: cursor_of(position), disbursement, event: told.event(), previous }
        }))
    }

    async fn refill(&mut self) -> sqlx::Result<()> {
        let mut known = *self.newest.borrow_and_update();
        while known <= self.position {
            // The process holds the other end as long as it serves.
            let _ = self.newest.changed().await;
            known = *self.newest.borrow_and_update();
        }
        let rows =
            feed_store::after(&self.app.db, &self.reach, &self.followed, self.position, BATCH)
                .await?;
        self.read = rows.into();
        let whole = self.read.len() < usize::try_from(BATCH).unwrap_or_default();
        let last = self.read.back().map_or(known, |row| row.position);
        self.position = if whole { last.max(known) } else { last };
        Ok(())
    }
}

/// The cursor of the newest change: whoever subscribes after it misses nothing that happens from now on.
pub async fn newest_cursor(app: &App) -> Result<String> {
    Ok(cursor_of(feed_store::newest(&app.db).await?))
}

fn cursor_of(position: i64) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("{CURSOR}{position}"))
}

fn position_of(cursor: &str) -> Result<i64> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let position = text.and_then(|text| text.strip_prefix(CURSOR)?.parse().ok());
    position.filter(|position| *position >= 0).ok_or_else(|| {
        let message =
            "`after` is not the cursor of a disbursement's change: pass what `cursor` gave";
        Error::BadInput(message.into())
    })
}
