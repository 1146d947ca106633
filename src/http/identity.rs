//! Who sends a request.

use poem::{Request, http::header};

use super::Service;
use crate::access::{self, Actor, Secret};

pub async fn identify(request: &Request, service: &Service) -> crate::Result<Actor> {
    let Some(header) = request.headers().get(header::AUTHORIZATION) else {
        return Ok(Actor::Anyone);
    };
    // What is not text is not a token either, and does not pass for none.
    identify_by(header.to_str().unwrap_or_default(), service).await
}

/// By the text of such a header, whichever way it came.
pub async fn identify_by(text: &str, service: &Service) -> crate::Result<Actor> {
    let token = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((_, token)) = token else { return Err(crate::Error::Unauthenticated) };
    let secret = Secret::presented(token.trim());
    let identity =
        access::store::identify(&service.app.db, &secret, service.app.clock.now()).await?;
    identity.map(Actor::Person).ok_or(crate::Error::Unauthenticated)
}
