//! Where money comes from: funding streams by law, and the programs that agencies
//! hand it out by. A short list that nearly every answer refers to, so each process
//! holds it, and reads it anew when it is a minute old.

pub mod commands;
pub mod graphql;
mod model;
pub mod rows;
pub mod rules;
pub mod store;

use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;

pub use model::{
    FundingProgram, FundingStream, NewProgram, NewStream, ProgramChange, ProgramKind, StreamChange,
    StreamCode, StreamLevel,
};

use crate::{
    App,
    clock::{Clock, Date},
    id::{ProgramId, StreamId},
};

const FRESH: TimeDelta = TimeDelta::seconds(60);

/// The streams and programs as this process last read them.
pub struct Catalog {
    held: RwLock<Held>,
}

struct Held {
    /// None after a change, until it is read again.
    listed: Option<(DateTime<Utc>, Arc<Listed>)>,
    /// Grows with every change, so that what was read before one is not kept after it.
    generation: u64,
}

/// All streams and programs, in the order of their codes.
pub struct Listed {
    pub streams: Vec<FundingStream>,
    pub programs: Vec<FundingProgram>,
}

impl Listed {
    /// The stream itself, or the successor that is in force when it has ended by a day.
    pub fn in_force(&self, stream: StreamId, on: Date) -> Option<StreamId> {
        let mut id = stream;
        // A chain of successors is no longer than the list.
        for _ in &self.streams {
            let stream = self.streams.iter().find(|stream| stream.id == id)?;
            if stream.is_active_on(on) {
                return Some(id);
            }
            let ended = stream.effective_to.is_some_and(|last| last < on);
            id = stream.successor_id.filter(|_| ended)?;
        }
        None
    }
}

impl Catalog {
    pub async fn load(db: &PgPool, clock: &Clock) -> crate::Result<Self> {
        let now = clock.now();
        let listed = store::list(db).await?;
        let listed = Some((now, Arc::new(listed)));
        Ok(Self { held: RwLock::new(Held { listed, generation: 0 }) })
    }

    pub async fn get(app: &App) -> crate::Result<Arc<Listed>> {
        let now = app.clock.now();
        let (listed, generation) = {
            let held = app.catalog.held.read().unwrap_or_else(PoisonError::into_inner);
            (held.listed.clone(), held.generation)
        };
        if let Some((_, listed)) = listed.filter(|(read_at, _)| now - *read_at < FRESH) {
            return Ok(listed);
        }
        let listed = Arc::new(store::list(&app.db).await?);
        {
            let mut held = app.catalog.held.write().unwrap_or_else(PoisonError::into_inner);
            if held.generation == generation {
                held.listed = Some((now, Arc::clone(&listed)));
            }
        }
        Ok(listed)
    }

    /// A program by its id. One that another process entered meanwhile is looked up anew.
    pub async fn program(app: &App, id: ProgramId) -> crate::Result<Option<FundingProgram>> {
        let find =
            |listed: &Listed| listed.programs.iter().find(|program| program.id == id).cloned();
        if let Some(found) = find(&*Self::get(app).await?) {
            return Ok(Some(found));
        }
        Self::forget(app);
        Ok(find(&*Self::get(app).await?))
    }

    /// A stream by its id, as `program`.
    pub async fn stream(app: &App, id: StreamId) -> crate::Result<Option<FundingStream>> {
        let find = |listed: &Listed| listed.streams.iter().find(|stream| stream.id == id).cloned();
        if let Some(found) = find(&*Self::get(app).await?) {
            return Ok(Some(found));
        }
        Self::forget(app);
        Ok(find(&*Self::get(app).await?))
    }

    /// What this process changed, it reads anew. Others follow within a minute.
    pub fn forget(app: &App) {
        let mut held = app.catalog.held.write().unwrap_or_else(PoisonError::into_inner);
        held.listed = None;
        held.generation += 1;
    }
}
