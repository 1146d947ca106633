//! What every part of the service may use: one value, cloned cheaply, built once.

use std::sync::Arc;

use sqlx::PgPool;

use crate::{
    access::{Memory, oidc::Oidc},
    clock::Clock,
    email::Outgoing,
    live::Live,
    streams::Catalog,
};

#[derive(Clone)]
pub struct App {
    pub db: PgPool,
    pub clock: Clock,
    /// The funding streams and programs: a short list that everything refers to.
    pub catalog: Arc<Catalog>,
    /// Whom tokens spoke for.
    pub memory: Arc<Memory>,
    /// How mail leaves.
    pub outgoing: Arc<Outgoing>,
    /// What its open sockets share.
    pub live: Arc<Live>,
    /// The address under which people reach Thrive, without a slash at its end.
    pub public_url: Arc<str>,
    /// The identity provider, where there is one.
    pub provider: Option<Arc<Oidc>>,
}

impl App {
    pub async fn open(db: PgPool, clock: Clock, outgoing: Outgoing) -> crate::Result<Self> {
        let catalog = Catalog::load(&db, &clock).await?;
        Ok(Self {
            db,
            clock,
            catalog: Arc::new(catalog),
            memory: Arc::default(),
            outgoing: Arc::new(outgoing),
            public_url: "http://127.0.0.1:8080".into(),
            provider: None,
            live: Arc::default(),
        })
    }

    /// The same, reached under this address.
    pub fn at(self, public_url: &str) -> Self {
        Self { public_url: public_url.trim_end_matches('/').into(), ..self }
    }

    /// The same, where people sign in by an identity provider too.
    pub fn with_provider(self, provider: Option<Oidc>) -> Self {
        Self { provider: provider.map(Arc::new), ..self }
    }
}
