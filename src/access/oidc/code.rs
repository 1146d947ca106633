//! A browser's way through the provider: the authorization code flow with PKCE. All that has to be kept apart (state,
//! nonce and verifier) is made from one secret that only the browser has, in a cookie; the database has its hash.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{Disbelief, Known, Oidc, Said, client::Question};
use crate::{
    App, Error, Refusal, Result,
    access::{Role, Secret, account_store},
    error::UserErrorCode::Forbidden,
};

/// How long somebody may take to sign in at the provider.
pub const VALID: TimeDelta = TimeDelta::minutes(10);

/// A sign-in that sets out.
pub struct Begun {
    /// For the browser to keep.
    pub browser: Secret,
    /// Where the browser goes.
    pub url: String,
}

/// What a browser brings back.
pub struct Returned {
    pub browser: Secret,
    pub state: String,
    pub code: String,
    /// Which provider says so, where it does.
    pub issuer: Option<String>,
}

fn refused(message: &str) -> Error {
    Refusal::new(Forbidden, message).into()
}

const DOWN: &str = "the identity provider does not answer: try again shortly";

impl Oidc {
    /// Sends a browser to the provider.
    pub async fn begin(&self, app: &App, role: Option<Role>) -> Result<Begun> {
        let provider = self.keys.provider().await.ok_or_else(|| refused(DOWN))?;
        let (Some(client_id), Some(endpoint)) =
            (&self.config.client_id, provider.authorization_endpoint)
        else {
            return Err(refused("browsers cannot sign in at this identity provider"));
        };
        let browser = Secret::generate()?;
        let now = app.clock.now();
        account_store::begin_sign_in(&app.db, &browser, role, now, now + VALID).await?;
        let challenge =
            BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(derived(&browser, "verifier")));
        let query = serde_urlencoded::to_string([
            ("response_type", "code"),
            ("client_id", client_id),
            ("redirect_uri", &redirect_uri(app)),
            ("scope", &self.config.scopes),
            ("state", &derived(&browser, "state")),
            ("nonce", &derived(&browser, "nonce")),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ])
        .map_err(anyhow::Error::from)?;
        let joint = if endpoint.contains('?') { '&' } else { '?' };
        Ok(Begun { browser, url: format!("{endpoint}{joint}{query}") })
    }

    /// Takes a browser back in. Answers who it is, and the role it set out for.
    pub async fn finish(&self, app: &App, returned: Returned) -> Result<(Known, Option<Role>)> {
        let now = app.clock.now();
        let role = account_store::finish_sign_in(&app.db, &returned.browser, now).await?;
        let again = "this sign-in has expired, or was finished already: begin again";
        let role = role.ok_or_else(|| refused(again))?;
        if returned.state != derived(&returned.browser, "state")
            || returned.issuer.is_some_and(|issuer| issuer != self.config.issuer)
        {
            return Err(refused("this answer belongs to another sign-in: begin again"));
        }
        let said = self.exchange(app, &returned.browser, &returned.code).await?;
        Ok((self.recognize(app, &said).await?, role))
    }

    async fn exchange(&self, app: &App, browser: &Secret, code: &str) -> Result<Said> {
        let provider = self.keys.provider().await.ok_or_else(|| refused(DOWN))?;
        let (Some(client_id), Some(endpoint)) = (&self.config.client_id, &provider.token_endpoint)
        else {
            return Err(refused("browsers cannot sign in at this identity provider"));
        };
        let verifier = derived(browser, "verifier");
        let redirect_uri = redirect_uri(app);
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &redirect_uri),
            ("client_id", client_id),
            ("code_verifier", &verifier),
        ];
        let client =
            self.config.client_secret.as_deref().map(|secret| (client_id.as_str(), secret));
        let question = Question::Form { fields: &fields, client };
        let answer = self.keys.client.ask(endpoint, question).await.map_err(|error| {
            tracing::warn!("a sign-in could not be finished: {error:#}");
            refused("the identity provider did not confirm the sign-in: begin again")
        })?;
        let text = |name: &str| answer[name].as_str().unwrap_or_default();
        let nonce = derived(browser, "nonce");
        let said = self.id_token(text("id_token"), client_id, &nonce, app.clock.now()).await;
        let mut said = said.map_err(|why| {
            tracing::warn!("the token of a sign-in is not believed: {why:?}");
            refused(if why == Disbelief::Unavailable {
                DOWN
            } else {
                "the identity provider's word could not be verified: begin again"
            })
        })?;
        if let Some(endpoint) =
            provider.userinfo_endpoint.filter(|_| !said.claims.contains_key("email"))
        {
            let more = self.keys.client.ask(&endpoint, Question::GetAs(text("access_token"))).await;
            said.add(more.ok());
        }
        Ok(said)
    }
}

impl Said {
    /// Adds what the provider tells on asking of the same account; what was signed stays.
    fn add(&mut self, more: Option<Value>) {
        let Some(Value::Object(more)) = more else { return };
        if more.get("sub").and_then(Value::as_str) == Some(&self.subject) {
            let signed: Map<_, _> = std::mem::take(&mut self.claims);
            self.claims = more.into_iter().chain(signed).collect();
        }
    }
}

/// Where the provider sends browsers back to; it has to be registered there.
fn redirect_uri(app: &App) -> String {
    format!("{}/sign-in/callback", app.public_url)
}

/// What the browser's secret makes of a name. None of them tells the secret or another.
fn derived(browser: &Secret, name: &str) -> String {
    let text = format!("{name} {}", browser.reveal());
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(text))
}
