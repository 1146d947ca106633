//! Runs a GraphQL operation level by level: loads begin only when no resolver can go on
//! without them, so that each kind of load is one statement for all rows of a level.
//!
//! By itself a data loader waits a fixed time for others to join. The executor takes
//! longer than any useful wait to ask for the children of many rows, so how many
//! statements an answer took would depend on how busy the machine is.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered, task::AtomicWaker};

/// Loads that were asked for and have not begun.
#[derive(Clone, Default)]
pub struct Loads(Arc<Mutex<Vec<BoxFuture<'static, ()>>>>);

impl Loads {
    pub fn push(&self, load: BoxFuture<'static, ()>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(load);
    }

    fn take(&self) -> Vec<BoxFuture<'static, ()>> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Drives an operation together with the loads it asks for.
pub async fn run<T>(operation: impl Future<Output = T>, loads: Loads) -> T {
    let mut operation = pin!(operation);
    let mut running = FuturesUnordered::new();
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    poll_fn(move |cx| {
        woken.outer.register(cx.waker());
        loop {
            woken.flag.store(false, Ordering::SeqCst);
            if let Poll::Ready(answer) = operation.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Poll::Ready(answer);
            }
            // The executor stops now and then in the middle of its work, and asks to be called again.
            if woken.flag.load(Ordering::SeqCst) {
                continue;
            }
            if running.is_empty() {
                running.extend(loads.take());
            }
            match running.poll_next_unpin(cx) {
                // What it brought may let resolvers go on.
                Poll::Ready(Some(())) => {}
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await
}

/// Tells whether the operation asked to be called again.
#[derive(Default)]
struct Woken {
    flag: AtomicBool,
    outer: AtomicWaker,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.flag.store(true, Ordering::SeqCst);
        self.outer.wake();
    }
}
