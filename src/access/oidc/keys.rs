//! The provider's addresses and keys, as it publishes them. They are read again now and then, and at once when a token
//! names a key that is not known, though not for every such token; while the provider is down, the last ones hold.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::ensure;
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;
use tokio::{sync::Mutex, time::timeout};

use super::client::{Client, PATIENCE, Question, is_private};

/// From this age on keys are read again, while they still serve.
const OLD_AFTER: Duration = Duration::from_secs(600);
/// However many tokens name unknown keys, the provider is not asked more often.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// What the provider says of itself.
#[derive(Clone, Debug, Deserialize)]
pub struct Provider {
    issuer: String,
    jwks_uri: String,
    pub authorization_endpoint: Option<String>,
    pub token_endpoint: Option<String>,
    pub userinfo_endpoint: Option<String>,
}

#[derive(Debug)]
struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

#[derive(Debug, Default)]
pub struct Held {
    keys: Vec<Key>,
    pub provider: Option<Provider>,
    read_at: Option<Instant>,
}

/// Why there is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoKey {
    /// The provider has none of this name and kind.
    Unknown,
    /// The provider does not answer, so nobody knows.
    Unavailable,
}

#[derive(Debug)]
pub struct Keys {
    issuer: String,
    pub client: Client,
    held: RwLock<Arc<Held>>,
    /// Whoever reads holds it; when the last reading began.
    turn: Mutex<Option<Instant>>,
    failing: AtomicBool,
}

impl Keys {
    pub fn new(issuer: String) -> anyhow::Result<Self> {
        Ok(Self {
            issuer,
            client: Client::new()?,
            held: RwLock::default(),
            turn: Mutex::default(),
            failing: AtomicBool::new(false),
        })
    }

    fn held(&self) -> Arc<Held> {
        Arc::clone(&self.held.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The key that a token names, for the algorithm that it names.
    pub async fn find(
        self: &Arc<Self>,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<DecodingKey, NoKey> {
        let held = self.held();
        if let Some(key) = held.find(id, algorithm) {
            if held.is_old() {
                let keys = Arc::clone(self);
                tokio::spawn(async move { keys.refresh().await });
            }
            return Ok(key);
        }
        self.refresh().await;
        self.held().find(id, algorithm).ok_or(if self.failing.load(Ordering::Relaxed) {
            NoKey::Unavailable
        } else {
            NoKey::Unknown
        })
    }

    /// What the provider says of itself; none while it never answered.
    pub async fn provider(&self) -> Option<Provider> {
        if self.held().provider.is_none() {
            self.refresh().await;
        }
        self.held().provider.clone()
    }

    /// Reads again, unless somebody did just now. Waits for as long as an answer may take and no longer.
    pub async fn refresh(&self) {
        let asked_at = Instant::now();
        let Ok(mut begun_at) = timeout(PATIENCE, self.turn.lock()).await else { return };
        let recent = |begun: Instant| begun > asked_at || begun.elapsed() < AGAIN_AFTER;
        if begun_at.is_some_and(recent) {
            return;
        }
        *begun_at = Some(Instant::now());
        match timeout(PATIENCE, self.read()).await {
            Ok(Ok(held)) => {
                *self.held.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(held);
                self.failing.store(false, Ordering::Relaxed);
                tracing::info!("read the keys of the identity provider");
            }
            failed => {
                self.failing.store(true, Ordering::Relaxed);
                let why = match failed {
                    Ok(Err(error)) => format!("{error:#}"),
                    _ => "it takes too long".into(),
                };
                tracing::warn!("the keys of the identity provider cannot be read: {why}");
            }
        }
    }

    async fn read(&self) -> anyhow::Result<Held> {
        let url = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let provider: Provider =
            serde_json::from_value(self.client.ask(&url, Question::Get).await?)?;
        ensure!(provider.issuer == self.issuer, "{url} is of another issuer, {}", provider.issuer);
        let named = [
            Some(&provider.jwks_uri),
            provider.authorization_endpoint.as_ref(),
            provider.token_endpoint.as_ref(),
            provider.userinfo_endpoint.as_ref(),
        ];
        for address in named.into_iter().flatten() {
            ensure!(is_private(address), "{url} names {address}, which is not https");
        }
        let found = self.client.ask(&provider.jwks_uri, Question::Get).await?;
        let keys: Vec<_> =
            found["keys"].as_array().into_iter().flatten().filter_map(usable).collect();
        ensure!(!keys.is_empty(), "{} has no key for RS256 or ES256", provider.jwks_uri);
        Ok(Held { keys, provider: Some(provider), read_at: Some(Instant::now()) })
    }
}

impl Held {
    /// A token without the name of a key means the only one there is.
    fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<DecodingKey> {
        let mut fitting = self.keys.iter().filter(|key| {
            key.algorithm == algorithm && id.is_none_or(|id| key.id.as_deref() == Some(id))
        });
        let found = fitting.next()?;
        fitting.next().is_none().then(|| found.key.clone())
    }

    fn is_old(&self) -> bool {
        self.read_at.is_none_or(|read| read.elapsed() > OLD_AFTER)
    }
}

/// A key is for the one algorithm that its own kind allows, whatever a token says.
fn usable(jwk: &Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(jwk.clone()).ok()?;
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => {
            Algorithm::ES256
        }
        _ => return None,
    };
    let named = jwk.common.key_algorithm.map(|named| named.to_string());
    let elsewhere = named.is_some_and(|named| named != format!("{algorithm:?}"));
    let signs = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
    if elsewhere || !signs {
        return None;
    }
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    Some(Key { id: jwk.common.key_id, algorithm, key })
}
