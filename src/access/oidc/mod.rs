//! Sign-in by an identity provider (OpenID Connect): tokens that it signs, and browsers that it sends. The provider says
//! who somebody is, by an account; Thrive says which person that account is, and a file which of its groups are roles.

mod client;
mod code;
mod crypto;
mod jwt;
mod keys;
mod people;
mod roles;

use std::{path::PathBuf, sync::Arc};

use anyhow::ensure;

pub use code::{Begun, Returned, VALID as SIGN_IN};
pub use jwt::{Disbelief, Said};
pub use people::Known;

use crate::App;
use keys::Keys;
use roles::Mapping;

/// Which provider, and what we are to it.
#[derive(Clone, Debug)]
pub struct OidcConfig {
    pub issuer: String,
    /// What access tokens for us are made for.
    pub audience: String,
    /// Who we are when a browser signs in; without it, none does.
    pub client_id: Option<String>,
    pub client_secret: Option<String>,
    pub scopes: String,
    pub roles_claim: String,
    /// Without it, roles are those given in Thrive.
    pub roles_file: Option<PathBuf>,
}

#[derive(Debug)]
pub struct Oidc {
    config: OidcConfig,
    keys: Arc<Keys>,
    mapping: Option<Mapping>,
}

impl Oidc {
    /// Checks what was configured. The provider itself may be down: then it is asked again when somebody comes.
    pub async fn open(app: &App, config: OidcConfig) -> anyhow::Result<Self> {
        ensure!(
            client::is_private(&config.issuer),
            "the issuer {} has to begin with https:// (or be on this machine)",
            config.issuer
        );
        ensure!(!config.audience.trim().is_empty(), "the audience of access tokens is empty");
        ensure!(
            config.client_id.as_ref() != Some(&config.audience),
            "the audience and the client id are both {}: then an ID token could not be told from an access token; \
             have the provider make access tokens for an audience of their own",
            config.audience
        );
        let mapping = match &config.roles_file {
            Some(path) => Some(Mapping::read(app, path, &config.roles_claim).await?),
            None => None,
        };
        crypto::install();
        let keys = Arc::new(Keys::new(config.issuer.clone())?);
        let first = Arc::clone(&keys);
        tokio::spawn(async move { first.refresh().await });
        Ok(Self { config, keys, mapping })
    }

    /// Whether browsers can sign in.
    pub fn takes_browsers(&self) -> bool {
        self.config.client_id.is_some()
    }
}
