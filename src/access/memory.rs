//! Whom tokens spoke for when they were last looked up. It saves a statement a request, and never decides alone: an
//! answer counts only where the stamp of who may do what, read with it, is still the one that was read with the
//! identity. So a token that is revoked, or a role that ends, counts from the next answer on.

use std::{
    num::NonZero,
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use lru::LruCache;

use super::{Identity, Secret};

/// Who a token speaks for, until when at most, and under which stamp that was so.
#[derive(Clone, Debug)]
pub struct Known {
    pub identity: Identity,
    pub expires_at: DateTime<Utc>,
    pub stamp: i64,
}

#[derive(Debug)]
struct Held {
    known: Known,
    read_at: DateTime<Utc>,
}

/// By the hash of the token.
pub struct Memory(Mutex<LruCache<Vec<u8>, Held>>);

/// Then it is looked up, which also notes that the token is used.
const FOR: TimeDelta = TimeDelta::seconds(60);
const MOST: NonZero<usize> = NonZero::new(4_096).expect("more than none");

impl Default for Memory {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(MOST)))
    }
}

impl Memory {
    pub fn recall(&self, secret: &Secret, now: DateTime<Utc>) -> Option<Known> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Held { known, read_at } = held.get(&secret.hash())?;
        let fresh = (TimeDelta::zero()..FOR).contains(&(now - *read_at)) && now < known.expires_at;
        fresh.then(|| known.clone())
    }

    pub fn keep(&self, secret: &Secret, known: &Known, now: DateTime<Utc>) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.put(secret.hash(), Held { known: known.clone(), read_at: now });
    }
}
