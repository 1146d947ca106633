//! Who sends a request: by a token in its header, or by the cookie of a browser that signed in.

use poem::{
    Request, Response,
    http::{HeaderValue, Method, StatusCode, header},
};

use super::{
    Service,
    answers::{failed, unauthenticated, unavailable},
    cookies,
    rates::Who,
};
use crate::{
    App, Error,
    access::{
        self, Actor, Identity, Role, Secret,
        oidc::{Disbelief, Oidc},
    },
};

/// Names the role to act in where a token gives several.
pub const ROLE: &str = "thrive-role";

/// Why nobody knows who sends a request.
#[derive(Debug)]
pub enum NotIdentified {
    /// The token opens nothing.
    Unknown,
    /// It was good once.
    Expired,
    /// It is good, and still opens nothing; the sender learns why.
    Forbidden(String),
    /// A browser has to choose one of these roles.
    Several(Vec<&'static str>),
    /// It could not be checked.
    Unavailable(&'static str),
    Fault(Error),
}
use NotIdentified::{Expired, Fault, Forbidden, Several, Unavailable, Unknown};

impl NotIdentified {
    /// The answer, in the form of GraphQL's.
    pub fn answer(self, media: &'static str) -> Response {
        match self {
            Unknown => unauthenticated(media),
            Expired => {
                let message = "the token has expired: get a new one from the identity provider";
                let mut response =
                    failed(media, StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", message);
                let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
                response
            }
            Forbidden(message) => failed(media, StatusCode::FORBIDDEN, "FORBIDDEN", &message),
            Several(roles) => {
                let message = format!("choose one of the roles {}", roles.join(", "));
                failed(media, StatusCode::FORBIDDEN, "FORBIDDEN", &message)
            }
            Unavailable(message) => {
                failed(media, StatusCode::SERVICE_UNAVAILABLE, "INTERNAL", message)
            }
            Fault(error) => {
                tracing::error!("{error:?}");
                unavailable(media)
            }
        }
    }
}

impl From<Error> for NotIdentified {
    fn from(error: Error) -> Self {
        match error {
            Error::Unauthenticated => Unknown,
            Error::Refused(refusal) => Forbidden(refusal.message),
            Error::Forbidden(message) => Forbidden(message),
            other => Fault(other),
        }
    }
}

/// How it is known who sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// By looking it up now.
    Looking,
    /// By memory too, where there is one: then whoever answers compares its stamp.
    Memory,
}

/// Who sends a request.
pub struct Sender {
    pub actor: Actor,
    pub who: Who,
    /// The stamp of the memory that it was known by; none when it was looked up.
    pub stamp: Option<i64>,
}

impl Sender {
    /// The same, looked up.
    pub async fn looked_up(
        self,
        request: &Request,
        service: &Service,
        media: &'static str,
    ) -> Result<Self, Response> {
        if self.stamp.is_none() {
            return Ok(self);
        }
        let (actor, stamp) = identified(request, service, media, By::Looking).await?;
        Ok(Self { actor, stamp, ..self })
    }
}

/// Who sends a request, counted among those who ask.
pub async fn admit(
    request: &Request,
    service: &Service,
    media: &'static str,
    by: By,
) -> Result<Sender, Response> {
    let (actor, stamp) = identified(request, service, media, by).await?;
    let who = service.rates.who(request, &actor);
    service.rates.request(who).map_err(|too| too.response(media))?;
    Ok(Sender { actor, who, stamp })
}

async fn identified(
    request: &Request,
    service: &Service,
    media: &'static str,
    by: By,
) -> Result<(Actor, Option<i64>), Response> {
    match identify(request, service, by).await {
        Ok(found) => Ok(found),
        Err(why) => {
            if let Unknown | Expired = why {
                let address = service.rates.address(request);
                service.rates.failure(address).map_err(|too| too.response(media))?;
            }
            Err(why.answer(media))
        }
    }
}

async fn identify(
    request: &Request,
    service: &Service,
    by: By,
) -> Result<(Actor, Option<i64>), NotIdentified> {
    let app = &service.app;
    if let Some(header) = request.headers().get(header::AUTHORIZATION) {
        // What is not text is not a token either, and does not pass for none.
        let text = header.to_str().unwrap_or_default();
        return by_header(text, request.header(ROLE), app, by).await;
    }
    let Some(secret) = cookies::session(request, app) else { return Ok((Actor::Anyone, None)) };
    if !of_our_own_pages(request, app) {
        let message = "a browser's session is for Thrive's own pages, and another page sent this: open it from there, or \
                       send a token in the header `Authorization: Bearer <token>`";
        return Err(Forbidden(message.into()));
    }
    by_secret(app, &secret, by).await
}

/// By the text of such a header, whichever way it came, and of the one that names the role to act in.
pub async fn identify_by(
    text: &str,
    role: Option<&str>,
    app: &App,
) -> Result<Actor, NotIdentified> {
    Ok(by_header(text, role, app, By::Looking).await?.0)
}

async fn by_header(
    text: &str,
    role: Option<&str>,
    app: &App,
    by: By,
) -> Result<(Actor, Option<i64>), NotIdentified> {
    let token = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let (_, token) = token.ok_or(Unknown)?;
    let token = token.trim();
    // A JWT has two dots, and a token of Thrive's has none.
    match app.provider.as_ref().filter(|_| token.matches('.').count() == 2) {
        Some(provider) => Ok((Actor::Person(by_jwt(provider, role, app, token).await?), None)),
        None => by_secret(app, &Secret::presented(token), by).await,
    }
}

async fn by_jwt(
    provider: &Oidc,
    role: Option<&str>,
    app: &App,
    token: &str,
) -> Result<Identity, NotIdentified> {
    let said = provider.access_token(token, app.clock.now()).await.map_err(|why| match why {
        Disbelief::Bad(reason) => {
            tracing::info!(reason, "a bearer token is not believed");
            Unknown
        }
        Disbelief::Expired => Expired,
        Disbelief::Unavailable => {
            Unavailable("the identity provider does not answer, so the token cannot be checked: try again shortly")
        }
    })?;
    let wanted: Option<Role> = match role {
        Some(text) => Some(text.parse().map_err(|why| Forbidden(format!("`Thrive-Role`: {why}")))?),
        None => None,
    };
    let known = provider.recognize(app, &said).await?;
    Ok(known.act(app, wanted).await?)
}

/// The holder of a token that Thrive made, with the stamp of the memory that they are known by.
async fn by_secret(
    app: &App,
    secret: &Secret,
    by: By,
) -> Result<(Actor, Option<i64>), NotIdentified> {
    let remembered = || app.memory.recall(secret, app.clock.now());
    match (by == By::Memory).then(remembered).flatten() {
        Some(known) => Ok((Actor::Person(known.identity), Some(known.stamp))),
        None => Ok((Actor::Person(known(app, secret).await?), None)),
    }
}

/// The holder of a token that Thrive made, looked up.
pub async fn known(app: &App, secret: &Secret) -> Result<Identity, NotIdentified> {
    let now = app.clock.now();
    let found = access::store::look_up(&app.db, secret, now).await;
    let known = found.map_err(Error::from)?.ok_or(Unknown)?;
    app.memory.keep(secret, &known, now);
    Ok(known.identity)
}

/// Browsers send cookies along with what any page asks of us, so a cookie alone proves nothing. They say themselves,
/// beyond the reach of pages, where a request comes from.
pub fn of_our_own_pages(request: &Request, app: &App) -> bool {
    let typed_in =
        || request.method() == Method::GET && request.uri().path().starts_with("/export/");
    match request.header("sec-fetch-site") {
        Some("same-origin") => true,
        // Somebody opened the address by hand: harmless where the answer is a file for that person.
        Some("none") => typed_in(),
        Some(_) => false,
        None => request.header(header::ORIGIN).is_some_and(|origin| origin == &*app.public_url),
    }
}
