//! What the open sockets of a process share: how far the feed of events is numbered, how many sockets there may
//! be, and that the process is about to end.

use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// How many sockets a process holds open unless told otherwise.
pub const MOST_SOCKETS: u32 = 1000;

pub struct Live {
    newest: watch::Sender<i64>,
    stopping: watch::Sender<bool>,
    places: Arc<Semaphore>,
    most_sockets: u32,
}

impl Default for Live {
    fn default() -> Self {
        Self::new(MOST_SOCKETS)
    }
}

impl Live {
    pub fn new(most_sockets: u32) -> Self {
        Self {
            newest: watch::Sender::new(0),
            stopping: watch::Sender::new(false),
            places: Arc::new(Semaphore::new(most_sockets as usize)),
            most_sockets,
        }
    }

    /// Tells everybody who waits that events up to this position can be read.
    pub fn advance(&self, position: i64) {
        self.newest.send_if_modified(|newest| {
            let further = position > *newest;
            *newest = (*newest).max(position);
            further
        });
    }

    pub fn newest(&self) -> watch::Receiver<i64> {
        self.newest.subscribe()
    }

    /// A place for one socket, unless there are as many as there may be.
    pub fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// Asks sockets and the feed to end.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    pub async fn stopped(&self) {
        // The sender is this value's own: it cannot be gone while somebody waits here.
        let _ = self.stopping.subscribe().wait_for(|stopping| *stopping).await;
    }

    /// Waits until every socket has ended, as long as this.
    pub async fn emptied(&self, patience: Duration) -> bool {
        let all = self.places.acquire_many(self.most_sockets);
        tokio::time::timeout(patience, all).await.is_ok()
    }
}
