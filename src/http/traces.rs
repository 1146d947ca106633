//! What a request is known by in logs, traces and answers.

use std::sync::Arc;

use opentelemetry::propagation::Extractor;
use poem::{
    Endpoint, IntoResponse, Request, Response,
    http::{HeaderMap, HeaderValue},
};
use tracing::Instrument;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use uuid::{NoContext, Timestamp, Uuid};

use super::Service;
use crate::graphql::RequestId;

/// One span per request, under the caller's trace if it names one.
pub async fn traced<E: Endpoint>(endpoint: Arc<E>, mut request: Request) -> Response {
    let id = request_id(&request);
    let path = request.uri().path().to_owned();
    let span = tracing::info_span!(
        "request",
        otel.kind = "server",
        otel.name = format!("{} {path}", request.method()),
        http.request.method = %request.method(),
        url.path = %path,
        http.response.status_code = tracing::field::Empty,
        request_id = %id.0,
    );
    let parent = opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.extract(&TraceHeaders(request.headers()))
    });
    // Without a collector there is nothing to set the parent of.
    drop(span.set_parent(parent));
    request.set_data(id.clone());
    let mut response = async {
        let response = match endpoint.call(request).await {
            Ok(response) => response.into_response(),
            Err(error) => error.into_response(),
        };
        tracing::Span::current().record("http.response.status_code", response.status().as_u16());
        let quiet = path.starts_with("/health/");
        if quiet {
            tracing::debug!(status = response.status().as_u16(), "answered");
        } else {
            tracing::info!(status = response.status().as_u16(), "answered");
        }
        response
    }
    .instrument(span)
    .await;
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}

struct TraceHeaders<'a>(&'a HeaderMap);

impl Extractor for TraceHeaders<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(|name| name.as_str()).collect()
    }
}

/// The caller's, if it gave a decent one, else a new one.
fn request_id(request: &Request) -> RequestId {
    let given = request.header("x-request-id").filter(|id| {
        (8..=64).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    });
    let service = request.data::<Arc<Service>>();
    let made = || {
        let clock =
            service.map_or(crate::clock::Clock::System, |service| service.app.clock.clone());
        let now = clock.now();
        let seconds = now.timestamp().try_into().unwrap_or_default();
        Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, now.timestamp_subsec_nanos()))
            .simple()
            .to_string()
    };
    RequestId(given.map_or_else(made, Into::into))
}
