//! Who holds a socket, and whether that still holds: a token that was revoked or has expired ends it, and so does a
//! change of what its owner may see.

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value};
use tokio::time::Instant;

use super::{Service, identity::identify_by, transport_ws::Close};
use crate::{Error, access::Actor};

pub struct Standing {
    service: Arc<Service>,
    /// `Bearer ...`, as the client last said it; none when it says nothing.
    authorization: Option<String>,
    actor: Actor,
    asked_at: Instant,
}

impl Standing {
    /// With the request's own header, for clients that can send one.
    pub fn new(service: &Arc<Service>, header: Option<String>) -> Self {
        Self {
            service: Arc::clone(service),
            authorization: header,
            actor: Actor::Anyone,
            asked_at: Instant::now(),
        }
    }

    pub fn actor(&self) -> Actor {
        self.actor.clone()
    }

    /// With what the client says of itself when it begins.
    pub async fn begin(&mut self, payload: &Map<String, Value>) -> Result<(), Close> {
        let named = payload.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        if let Some((_, said)) = named {
            // What is no text is no token either, and does not pass for none.
            self.authorization = Some(said.as_str().unwrap_or_default().to_owned());
        }
        let Some(authorization) = &self.authorization else { return Ok(()) };
        self.asked_at = Instant::now();
        match identify_by(authorization, &self.service).await {
            Ok(actor) => {
                self.actor = actor;
                Ok(())
            }
            Err(Error::Unauthenticated) => Err(Close::forbidden(
                "Forbidden: the token is not known, has expired or was revoked",
            )),
            Err(error) => {
                tracing::error!("{error:?}");
                Err(Close::new(1013, "the database does not answer: try again shortly"))
            }
        }
    }

    /// Asks again, unless that was done within this time.
    pub async fn ask(&mut self, within: Duration) -> Result<(), Close> {
        let Some(before) = self.actor.identity() else { return Ok(()) };
        if self.asked_at.elapsed() < within {
            return Ok(());
        }
        let authorization = self.authorization.as_deref().unwrap_or_default();
        let now = identify_by(authorization, &self.service).await;
        self.asked_at = Instant::now();
        match now {
            Ok(actor) if actor.identity() == Some(before) => Ok(()),
            Ok(_) => Err(Close::new(1012, "what you may see has changed: connect again")),
            Err(Error::Unauthenticated) => {
                Err(Close::forbidden("Forbidden: the token has expired or was revoked"))
            }
            // Without the database nothing is read either, and so nothing is told.
            Err(error) => {
                tracing::warn!("a token could not be looked up: {error:?}");
                Ok(())
            }
        }
    }
}
