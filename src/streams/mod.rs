//! Where money comes from: funding streams by law, and the programs that agencies
//! hand it out by. A short list that nearly every answer refers to, so each process
//! holds it, and reads it anew when it is a minute old.

pub mod graphql;
mod model;
pub mod store;

use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;

pub use model::{FundingProgram, FundingStream, ProgramKind, StreamCode, StreamLevel};

use crate::{App, clock::Clock};

const FRESH: TimeDelta = TimeDelta::seconds(60);

/// The streams and programs as this process last read them.
pub struct Catalog {
    listed: RwLock<(DateTime<Utc>, Arc<Listed>)>,
}

/// All streams and programs, in the order of their codes.
pub struct Listed {
    pub streams: Vec<FundingStream>,
    pub programs: Vec<FundingProgram>,
}

impl Catalog {
    pub async fn load(db: &PgPool, clock: &Clock) -> crate::Result<Self> {
        let now = clock.now();
        let listed = store::list(db).await?;
        Ok(Self { listed: RwLock::new((now, Arc::new(listed))) })
    }

    pub async fn get(app: &App) -> crate::Result<Arc<Listed>> {
        let now = app.clock.now();
        let (read_at, listed) =
            app.catalog.listed.read().unwrap_or_else(PoisonError::into_inner).clone();
        if now - read_at < FRESH {
            return Ok(listed);
        }
        let listed = Arc::new(store::list(&app.db).await?);
        *app.catalog.listed.write().unwrap_or_else(PoisonError::into_inner) =
            (now, Arc::clone(&listed));
        Ok(listed)
    }
}
