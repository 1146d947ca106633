//! Who holds a socket, and whether that still holds: a token that was revoked or has expired ends it, and so does a
//! change of what its owner may see.

use std::{net::IpAddr, sync::Arc, time::Duration};

use serde_json::{Map, Value};
use tokio::time::Instant;

use super::{
    Service,
    identity::{NotIdentified, ROLE, identify_by},
    transport_ws::Close,
};
use crate::access::Actor;

pub struct Standing {
    service: Arc<Service>,
    /// Where the socket comes from.
    address: IpAddr,
    /// `Bearer ...`, as the client last said it; none when it says nothing.
    authorization: Option<String>,
    /// The role to act in, where the token gives several.
    role: Option<String>,
    actor: Actor,
    asked_at: Instant,
}

impl Standing {
    /// With the request's own header, for clients that can send one.
    pub fn new(
        service: &Arc<Service>,
        address: IpAddr,
        header: Option<String>,
        role: Option<String>,
    ) -> Self {
        Self {
            service: Arc::clone(service),
            address,
            authorization: header,
            role,
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
        let role = payload.iter().find(|(name, _)| name.eq_ignore_ascii_case(ROLE));
        if let Some((_, said)) = role {
            self.role = Some(said.as_str().unwrap_or_default().to_owned());
        }
        let Some(authorization) = &self.authorization else { return Ok(()) };
        self.asked_at = Instant::now();
        match identify_by(authorization, self.role.as_deref(), &self.service.app).await {
            Ok(actor) => {
                self.actor = actor;
                Ok(())
            }
            Err(NotIdentified::Fault(error)) => {
                tracing::error!("{error:?}");
                Err(Close::new(1013, "the database does not answer: try again shortly"))
            }
            Err(NotIdentified::Unavailable(message)) => Err(Close::new(1013, message)),
            Err(NotIdentified::Forbidden(message)) => {
                Err(Close::forbidden(&format!("Forbidden: {message}")))
            }
            Err(_) => {
                let counted = self.service.rates.failure(self.address);
                counted.map_err(|too| Close::new(1013, &too.message))?;
                let why = "Forbidden: the token is not known, has expired or was revoked";
                Err(Close::forbidden(why))
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
        let now = identify_by(authorization, self.role.as_deref(), &self.service.app).await;
        self.asked_at = Instant::now();
        match now {
            Ok(actor) if actor.identity() == Some(before) => Ok(()),
            Ok(_) => Err(Close::new(1012, "what you may see has changed: connect again")),
            // Without the database nothing is read either, and so nothing is told.
            Err(error @ (NotIdentified::Fault(_) | NotIdentified::Unavailable(_))) => {
                tracing::warn!("a token could not be looked up: {error:?}");
                Ok(())
            }
            Err(_) => Err(Close::forbidden("Forbidden: the token has expired or was revoked")),
        }
    }
}
