//! What every part of the service may use: one value, cloned cheaply, built once.

use std::sync::Arc;

use sqlx::PgPool;

use crate::{clock::Clock, email::Outgoing, streams::Catalog};

#[derive(Clone)]
pub struct App {
    pub db: PgPool,
    pub clock: Clock,
    /// The funding streams and programs: a short list that everything refers to.
    pub catalog: Arc<Catalog>,
    /// How mail leaves.
    pub outgoing: Arc<Outgoing>,
}

impl App {
    pub async fn open(db: PgPool, clock: Clock, outgoing: Outgoing) -> crate::Result<Self> {
        let catalog = Catalog::load(&db, &clock).await?;
        Ok(Self { db, clock, catalog: Arc::new(catalog), outgoing: Arc::new(outgoing) })
    }
}
