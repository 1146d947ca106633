//! The web server. GraphQL over HTTP is answered by the letter of its specification:
//! queries by GET and POST, mutations by POST only, `application/graphql-response+json`,
//! and status codes that tell a bad request from an answer.

mod columns;
mod export;

use std::{sync::Arc, time::Duration};

use async_graphql::{
    BatchResponse, Request as Operation, Response as Answer, Value, Variables,
    parser::types::{DocumentOperations, OperationType},
};
use opentelemetry::propagation::Extractor;
use poem::{
    Body, Endpoint, EndpointExt, IntoResponse, Request, Response, Route, get, handler,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    web::Data,
};
use rust_embed::RustEmbed;
use serde::Deserialize;
use tracing::Instrument;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use uuid::{NoContext, Timestamp, Uuid};

use crate::{
    App,
    access::{self, Actor, Secret},
    graphql::{self, RequestId, Schema},
};

/// A document, its variables and its inputs fit; an upload does not.
const BODY_LIMIT: usize = 1024 * 1024;
const RESPONSE_JSON: &str = "application/graphql-response+json";
const JSON: &str = "application/json";

#[derive(Clone)]
struct Service {
    app: App,
    schema: Schema,
}

/// All paths of a process that serves the API.
pub fn routes(app: &App) -> impl Endpoint + use<> {
    let service = Arc::new(Service { app: app.clone(), schema: graphql::schema() });
    Route::new()
        .nest("/health", health(app))
        .at(
            "/graphql",
            get(execute).post(execute).put(not_allowed).delete(not_allowed).patch(not_allowed),
        )
        .at("/export/:file", get(export::export))
        .at("/schema.graphql", get(schema_text))
        .at("/graphiql", get(explorer))
        .at("/assets/*path", get(asset))
        .at("/", get(home))
        .data(service)
        .around(|endpoint, request| async move { Ok(traced(endpoint, request).await) })
}

/// The paths of a process that only runs jobs.
pub fn health(app: &App) -> impl Endpoint + use<> {
    Route::new().at("/live", get(live)).at("/ready", get(ready)).data(app.clone())
}

/// One span per request, under the caller's trace if it names one.
async fn traced<E: Endpoint>(endpoint: Arc<E>, mut request: Request) -> Response {
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

#[handler]
async fn execute(request: &Request, body: Body, service: Data<&Arc<Service>>) -> Response {
    match graphql(request, body, &service).await {
        Ok(response) | Err(response) => response,
    }
}

async fn graphql(request: &Request, body: Body, service: &Service) -> Result<Response, Response> {
    let Some(media) = negotiate(request) else {
        let message = "accept application/graphql-response+json or application/json";
        return Err(refuse(JSON, StatusCode::NOT_ACCEPTABLE, message));
    };
    let operation = match *request.method() {
        Method::GET => from_query(request.uri()),
        _ => from_body(request, body).await,
    }
    .map_err(|(status, message)| refuse(media, status, &message))?;
    let mut operation = operation;
    if *request.method() == Method::GET && !only_queries(&mut operation) {
        let mut response = refuse(
            media,
            StatusCode::METHOD_NOT_ALLOWED,
            "GET runs queries only: send a mutation by POST",
        );
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        return Err(response);
    }
    let actor = identify(request, service).await.map_err(|error| match error {
        crate::Error::Unauthenticated => unauthenticated(media),
        error => {
            tracing::error!("{error:?}");
            unavailable(media)
        }
    })?;
    let id = request.data::<RequestId>().cloned();
    if let Some(id) = id {
        operation = operation.data(id);
    }
    Ok(respond(media, graphql::execute(&service.app, &service.schema, actor, operation).await))
}

/// What the client accepts: the specification's own media type, or JSON as older clients expect it.
fn negotiate(request: &Request) -> Option<&'static str> {
    let Some(accept) = request.header(header::ACCEPT) else { return Some(JSON) };
    let mut kinds = accept.split(',').map(|kind| kind.split(';').next().unwrap_or_default().trim());
    if kinds.clone().any(|kind| kind == RESPONSE_JSON) {
        return Some(RESPONSE_JSON);
    }
    kinds.any(|kind| matches!(kind, JSON | "application/*" | "*/*")).then_some(JSON)
}

type Bad = (StatusCode, String);

/// What a request may hold, by the specification.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    query: String,
    operation_name: Option<String>,
    variables: Option<serde_json::Map<String, serde_json::Value>>,
    #[serde(rename = "extensions")]
    _extensions: Option<serde_json::Map<String, serde_json::Value>>,
}

impl From<Parameters> for Operation {
    fn from(given: Parameters) -> Self {
        let variables = given
            .variables
            .map(|variables| Variables::from_json(serde_json::Value::Object(variables)));
        let operation = Operation::new(given.query).variables(variables.unwrap_or_default());
        match given.operation_name {
            Some(name) => operation.operation_name(name),
            None => operation,
        }
    }
}

async fn from_body(request: &Request, body: Body) -> Result<Operation, Bad> {
    let kind = request.header(header::CONTENT_TYPE).unwrap_or_default();
    let mut parts = kind.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case(JSON));
    let is_utf8 = parts.all(|part| {
        part.strip_prefix("charset=")
            .is_none_or(|charset| charset.trim_matches('"').eq_ignore_ascii_case("utf-8"))
    });
    if !is_json || !is_utf8 {
        let message = "send the request as JSON, with the header `Content-Type: application/json`";
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, message.into()));
    }
    let bytes = body.into_bytes_limit(BODY_LIMIT).await.map_err(|_| {
        (StatusCode::PAYLOAD_TOO_LARGE, format!("the request is larger than {BODY_LIMIT} bytes"))
    })?;
    let given: serde_json::Value = serde_json::from_slice(&bytes)
        .map_err(|error| bad(format!("the request is not valid JSON: {error}")))?;
    if !given.is_object() {
        return Err(bad("the request is one JSON object with `query`; batches are not answered"));
    }
    let given: Parameters =
        serde_json::from_value(given).map_err(|error| bad(format!("the request: {error}")))?;
    Ok(given.into())
}

fn from_query(uri: &Uri) -> Result<Operation, Bad> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct InUrl {
        query: Option<String>,
        operation_name: Option<String>,
        variables: Option<String>,
        extensions: Option<String>,
    }
    let given: InUrl = serde_urlencoded::from_str(uri.query().unwrap_or_default())
        .map_err(|error| bad(format!("the address: {error}")))?;
    let object = |text: Option<String>, name: &str| match text.as_deref() {
        None | Some("" | "null") => Ok(None),
        Some(text) => serde_json::from_str(text)
            .map(Some)
            .map_err(|_| bad(format!("`{name}` is not a JSON object"))),
    };
    Ok(Parameters {
        query: given.query.ok_or_else(|| bad("`query` is missing"))?,
        operation_name: given.operation_name,
        variables: object(given.variables, "variables")?,
        _extensions: object(given.extensions, "extensions")?,
    }
    .into())
}

fn bad(message: impl Into<String>) -> Bad {
    (StatusCode::BAD_REQUEST, message.into())
}

/// A document that cannot be parsed passes: it fails with its own error.
fn only_queries(operation: &mut Operation) -> bool {
    let name = operation.operation_name.clone();
    let Ok(document) = operation.parsed_query() else { return true };
    match &document.operations {
        DocumentOperations::Single(only) => only.node.ty == OperationType::Query,
        DocumentOperations::Multiple(many) => many
            .iter()
            .filter(|(each, _)| name.as_ref().is_none_or(|name| name == each.as_str()))
            .all(|(_, each)| each.node.ty == OperationType::Query),
    }
}

async fn identify(request: &Request, service: &Service) -> crate::Result<Actor> {
    let Some(header) = request.headers().get(header::AUTHORIZATION) else {
        return Ok(Actor::Anyone);
    };
    // What is not text is not a token either, and does not pass for none.
    let text = header.to_str().unwrap_or_default();
    let token = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((_, token)) = token else { return Err(crate::Error::Unauthenticated) };
    let secret = Secret::presented(token.trim());
    let identity =
        access::store::identify(&service.app.db, &secret, service.app.clock.now()).await?;
    identity.map(Actor::Person).ok_or(crate::Error::Unauthenticated)
}

/// An answer with data, even partial, is 200. Where the request itself was wrong, the
/// specification's media type says 400, and there is no `data`.
fn respond(media: &'static str, answer: Answer) -> Response {
    let failed_before_execution = answer.data == Value::Null
        && !answer.errors.is_empty()
        && answer.errors.iter().all(|error| error.path.is_empty());
    let status = if failed_before_execution && media == RESPONSE_JSON {
        StatusCode::BAD_REQUEST
    } else {
        StatusCode::OK
    };
    if failed_before_execution {
        let errors: Vec<_> = answer.errors.iter().map(|error| serde_json::json!(error)).collect();
        return json(media, status, &serde_json::json!({ "errors": errors }));
    }
    json(media, status, &BatchResponse::Single(answer))
}

fn refuse(media: &'static str, status: StatusCode, message: &str) -> Response {
    failed(media, status, "BAD_USER_INPUT", message)
}

fn unavailable(media: &'static str) -> Response {
    let message = "the database does not answer: try again shortly";
    failed(media, StatusCode::SERVICE_UNAVAILABLE, "INTERNAL", message)
}

fn unauthenticated(media: &'static str) -> Response {
    let message = "the token is not known, has expired or was revoked: send the header `Authorization: Bearer <token>` \
                   with one made by `thrive token create`, or no such header";
    let mut response = failed(media, StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", message);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

/// An answer without an operation: one error, in the form of GraphQL's.
fn failed(media: &'static str, status: StatusCode, code: &str, message: &str) -> Response {
    let error = serde_json::json!({ "message": message, "extensions": { "code": code } });
    json(media, status, &serde_json::json!({ "errors": [error] }))
}

fn json(media: &'static str, status: StatusCode, body: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => Response::builder()
            .status(status)
            .content_type(format!("{media}; charset=utf-8"))
            .body(bytes),
        Err(error) => {
            tracing::error!("an answer cannot be written as JSON: {error}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[handler]
fn not_allowed() -> Response {
    let mut response = refuse(JSON, StatusCode::METHOD_NOT_ALLOWED, "use GET or POST");
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
    response
}

#[handler]
fn live() -> &'static str {
    "alive"
}

/// Ready when the database answers within two seconds.
#[handler]
async fn ready(app: Data<&App>) -> Response {
    let asked = sqlx::query_scalar!(r#"select 1 as "one!""#).fetch_one(&app.db);
    match tokio::time::timeout(Duration::from_secs(2), asked).await {
        Ok(Ok(_)) => "ready".into_response(),
        _ => Response::builder()
            .status(StatusCode::SERVICE_UNAVAILABLE)
            .body("the database does not answer"),
    }
}

#[handler]
fn schema_text() -> Response {
    Response::builder().content_type("text/plain; charset=utf-8").body(graphql::sdl())
}

#[handler]
fn home() -> Response {
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
fn explorer() -> Response {
    let mut response = page("graphiql.html", "no-cache");
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(EXPLORER_POLICY));
    response
}

#[handler]
fn asset(poem::web::Path(path): poem::web::Path<String>) -> Response {
    // Names carry a hash of their content.
    page(&format!("assets/{path}"), "public, max-age=31536000, immutable")
}

fn page(name: &str, cache: &str) -> Response {
    match Pages::get(name) {
        Some(file) => Response::builder()
            .content_type(file.metadata.mimetype())
            .header(header::CACHE_CONTROL, cache)
            .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
            .body(file.data.into_owned()),
        None => Response::builder()
            .status(StatusCode::NOT_FOUND)
            .body("not found; the pages are built by `make web`\n"),
    }
}
