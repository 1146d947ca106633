//! The web server: its paths, and what holds for every request.

mod answers;
mod cookies;
mod export;
mod graphql;
mod guard;
mod health;
mod identity;
mod import;
mod operations;
mod origin;
mod pages;
pub mod persisted;
pub mod rates;
mod settings;
mod sign_in;
mod socket;
mod standing;
mod traces;
mod transport_ws;

use std::{sync::Arc, time::Duration};

use poem::{Endpoint, EndpointExt, Route, get, post};

pub use health::health;
pub use settings::Settings;

use crate::{
    App,
    config::{Introspection, Limits},
    graphql::{self as api, Schema, limits::Gate},
};

#[derive(Clone)]
struct Service {
    app: App,
    schema: Schema,
    rates: Arc<rates::Rates>,
    documents: Arc<persisted::Documents>,
    limits: Limits,
    body_timeout: Duration,
    introspection: Introspection,
    /// Sites whose pages may open a socket.
    origins: Vec<String>,
}

/// All paths of a process that serves the API, with the settings that are usual.
pub fn routes(app: &App) -> impl Endpoint + use<> {
    routes_with(app, Settings::default())
}

/// All paths of a process that serves the API.
pub fn routes_with(app: &App, settings: Settings) -> impl Endpoint + use<> {
    let gate = Gate::new(settings.limits.clone(), settings.web.introspection);
    let origins = [vec![app.public_url.to_string()], settings.web.allowed_origins.clone()].concat();
    let service = Arc::new(Service {
        origins,
        app: app.clone(),
        schema: api::schema_behind(gate),
        rates: Arc::new(rates::Rates::new(&settings.web)),
        documents: Arc::new(settings.documents),
        limits: settings.limits,
        body_timeout: Duration::from_secs(settings.web.body_timeout_seconds),
        introspection: settings.web.introspection,
    });
    let routes = Route::new()
        .nest("/health", health(app))
        .at(
            "/graphql",
            get(graphql::execute)
                .post(graphql::execute)
                .put(graphql::not_allowed)
                .delete(graphql::not_allowed)
                .patch(graphql::not_allowed),
        )
        .at("/graphql/ws", get(socket::open))
        .at("/export/:file", get(export::export))
        .at("/import/payments.csv", post(import::payments))
        .at("/sign-in", get(sign_in::begin).post(sign_in::paste))
        .at("/sign-in/callback", get(sign_in::callback))
        .at("/sign-out", post(sign_in::sign_out))
        .at("/schema.graphql", get(pages::schema_text))
        .at("/graphiql", get(pages::explorer))
        .at("/assets/*path", get(pages::asset))
        .at("/", get(pages::home));
    settings
        .guard
        .around(routes)
        .data(service)
        .around(|endpoint, request| async move { Ok(traces::traced(endpoint, request).await) })
}
