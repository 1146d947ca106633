//! The web pages, and the schema as text.

use std::sync::Arc;

use poem::{
    Request, Response, handler,
    http::{HeaderValue, StatusCode, header},
    web::Data,
};
use rust_embed::RustEmbed;

use super::{
    Service,
    answers::{JSON, failed},
    identity::{By, admit},
};
use crate::graphql::{self, limits::tells_schema};

/// To those who may ask for it by introspection too.
#[handler]
pub async fn schema_text(request: &Request, service: Data<&Arc<Service>>) -> Response {
    let actor = match admit(request, &service, JSON, By::Looking).await {
        Ok(sender) => sender.actor,
        Err(response) => return response,
    };
    if !tells_schema(service.introspection, &actor) {
        let message = "the schema is not told here, or to those who have signed in only: send the header \
                       `Authorization: Bearer <token>`";
        return failed(JSON, StatusCode::FORBIDDEN, "FORBIDDEN", message);
    }
    Response::builder().content_type("text/plain; charset=utf-8").body(graphql::sdl())
}

#[handler]
pub fn home() -> Response {
    Response::builder().status(StatusCode::SEE_OTHER).header(header::LOCATION, "/graphiql").finish()
}

/// The web pages, built by `npm run build` in `web/`. A release holds them in itself; a
/// debug build reads them from there.
#[derive(RustEmbed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Pages;

/// What the explorer's editor needs: styles of its own making, fonts and images in its stylesheet.
const EXPLORER_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    connect-src 'self'; worker-src 'self'; font-src 'self' data:; img-src 'self' data:; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

#[handler]
pub fn explorer() -> Response {
    let mut response = page("graphiql.html", "no-cache");
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(EXPLORER_POLICY));
    response
}

#[handler]
pub fn asset(poem::web::Path(path): poem::web::Path<String>) -> Response {
    // Names carry a hash of their content.
    page(&format!("assets/{path}"), "public, max-age=31536000, immutable")
}

fn page(name: &str, cache: &str) -> Response {
    match Pages::get(name) {
        Some(file) => Response::builder()
            .content_type(file.metadata.mimetype())
            .header(header::CACHE_CONTROL, cache)
            .body(file.data.into_owned()),
        None => Response::builder()
            .status(StatusCode::NOT_FOUND)
            .body("not found; the pages are built by `make web`\n"),
    }
}
