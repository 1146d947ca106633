//! What makes a JWT one to believe: who signed it, for whom, and until when.

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde_json::{Map, Value};

use super::{Oidc, keys::NoKey};

/// By how much clocks may differ.
const LEEWAY: TimeDelta = TimeDelta::seconds(60);
const ALGORITHMS: [Algorithm; 2] = [Algorithm::RS256, Algorithm::ES256];
const LONGEST: usize = 16 * 1024;

/// What a believed token says.
#[derive(Debug)]
pub struct Said {
    pub subject: String,
    pub at: DateTime<Utc>,
    pub claims: Map<String, Value>,
}

/// Why a token is not believed. The reason is for the log: whoever sent a bad token learns only that it is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disbelief {
    Bad(&'static str),
    /// It was good once.
    Expired,
    /// The keys to check it cannot be had.
    Unavailable,
}
use Disbelief::Bad;

impl Oidc {
    /// A token that lets in at the API: an access token for our audience, not an ID token.
    pub async fn access_token(&self, text: &str, now: DateTime<Utc>) -> Result<Said, Disbelief> {
        let (kind, said) = self.believe(text, &self.config.audience, now).await?;
        let named = kind.as_deref().map(|kind| kind.trim_start_matches("application/"));
        let access = named.is_some_and(|kind| kind.eq_ignore_ascii_case("at+jwt"));
        let plain = named.is_none_or(|kind| kind.eq_ignore_ascii_case("jwt"));
        let of_sign_in = ["nonce", "at_hash", "c_hash"];
        if !access && (!plain || of_sign_in.iter().any(|name| said.claims.contains_key(*name))) {
            return Err(Bad("its kind is not that of an access token"));
        }
        Ok(said)
    }

    /// The token by which a browser's sign-in tells who signed in: for this client, and for this sign-in.
    pub async fn id_token(
        &self,
        text: &str,
        client_id: &str,
        nonce: &str,
        now: DateTime<Utc>,
    ) -> Result<Said, Disbelief> {
        let (kind, said) = self.believe(text, client_id, now).await?;
        if kind.is_some_and(|kind| !kind.eq_ignore_ascii_case("jwt")) {
            return Err(Bad("its kind is not that of an ID token"));
        }
        let text = |name: &str| said.claims.get(name).and_then(Value::as_str);
        if text("nonce") != Some(nonce) {
            return Err(Bad("it is of another sign-in"));
        }
        let many = said.claims["aud"].as_array().is_some_and(|all| all.len() > 1);
        if (many || said.claims.contains_key("azp")) && text("azp") != Some(client_id) {
            return Err(Bad("it was made for another client"));
        }
        Ok(said)
    }

    async fn believe(
        &self,
        text: &str,
        audience: &str,
        now: DateTime<Utc>,
    ) -> Result<(Option<String>, Said), Disbelief> {
        if text.len() > LONGEST {
            return Err(Bad("it is too long"));
        }
        let header = decode_header(text).map_err(|_| Bad("its header cannot be read"))?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(Bad("its algorithm is neither RS256 nor ES256"));
        }
        if header.extras.inner().contains_key("crit") {
            return Err(Bad("it asks for extensions that are not known"));
        }
        let key = self.keys.find(header.kid.as_deref(), header.alg).await;
        let key = key.map_err(|why| match why {
            NoKey::Unknown => Bad("its key is not one of the provider's"),
            NoKey::Unavailable => Disbelief::Unavailable,
        })?;
        let mut validation = Validation::new(header.alg);
        validation.set_issuer(&[&self.config.issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // By our own clock, below.
        validation.validate_exp = false;
        let token = decode::<Map<String, Value>>(text, &key, &validation).map_err(|error| {
            use jsonwebtoken::errors::ErrorKind::*;
            Bad(match error.kind() {
                InvalidSignature => "its signature is wrong",
                InvalidIssuer => "it is of another issuer",
                InvalidAudience => "it is meant for somebody else",
                MissingRequiredClaim(_) => "it lacks exp, iss, aud or sub",
                _ => "it cannot be read",
            })
        })?;
        let said = in_time(token.claims, now)?;
        if said.claims["iss"] != self.config.issuer.as_str() {
            return Err(Bad("it is of another issuer"));
        }
        Ok((header.typ, said))
    }
}

fn in_time(claims: Map<String, Value>, now: DateTime<Utc>) -> Result<Said, Disbelief> {
    // What is there and is no time is refused, not passed over.
    let time = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => seconds(value).map(Some).ok_or(Bad("one of its times is none")),
    };
    let expires = time("exp")?.ok_or(Bad("it never expires"))?;
    if now >= expires + LEEWAY {
        return Err(Disbelief::Expired);
    }
    if time("nbf")?.is_some_and(|begins| begins > now + LEEWAY) {
        return Err(Bad("it is not good yet"));
    }
    let at = time("iat")?.unwrap_or(now);
    if at > now + LEEWAY {
        return Err(Bad("it was made in the future"));
    }
    let subject = claims["sub"].as_str().filter(|subject| !subject.is_empty());
    let subject = subject.ok_or(Bad("it is of nobody"))?.to_owned();
    Ok(Said { subject, at, claims })
}

fn seconds(value: &Value) -> Option<DateTime<Utc>> {
    let whole = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds.trunc() as i64))?;
    // Far from the ends of what can be told, so that adding does not overflow.
    (0..=253_402_300_799).contains(&whole).then(|| DateTime::from_timestamp(whole, 0)).flatten()
}
