//! What every part of the service may use: one value, cloned cheaply, built once.

use std::sync::Arc;

use sqlx::PgPool;

use crate::{clock::Clock, email::Outgoing, live::Live, streams::Catalog};

#[derive(Clone)]
pub struct App {
    pub db: PgPool,
    pub clock: Clock,
    /// The funding streams and programs: a short list that everything refers to.
    pub catalog: Arc<Catalog>,
    /// How mail leaves.
    pub outgoing: Arc<Outgoing>,
    /// What its open sockets share.
    pub live: Arc<Live>,
}

impl App {
    pub async fn open(db: PgPool, clock: Clock, outgoing: Outgoing) -> crate::Result<Self> {
        let catalog = Catalog::load(&db, &clock).await?;
        let (catalog, outgoing) = (Arc::new(catalog), Arc::new(outgoing));
        Ok(Self { db, clock, catalog, outgoing, live: Arc::default() })
    }
}
