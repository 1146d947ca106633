//! The web server: its paths, and what holds for every request.

mod answers;
mod columns;
mod export;
mod graphql;
mod health;
mod identity;
mod operations;
mod origin;
mod pages;
mod socket;
mod standing;
mod traces;
mod transport_ws;

use std::sync::Arc;

use poem::{Endpoint, EndpointExt, Route, get};

pub use health::health;

use crate::{
    App,
    graphql::{self as api, Schema},
};

#[derive(Clone)]
struct Service {
    app: App,
    schema: Schema,
}

/// All paths of a process that serves the API.
pub fn routes(app: &App) -> impl Endpoint + use<> {
    let service = Arc::new(Service { app: app.clone(), schema: api::schema() });
    Route::new()
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
        .at("/schema.graphql", get(pages::schema_text))
        .at("/graphiql", get(pages::explorer))
        .at("/assets/*path", get(pages::asset))
        .at("/", get(pages::home))
        .data(service)
        .around(|endpoint, request| async move { Ok(traces::traced(endpoint, request).await) })
}
