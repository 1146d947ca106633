//! GraphQL over HTTP, by the letter of its specification: queries by GET and POST, mutations by POST only,
//! `application/graphql-response+json`, and status codes that tell a bad request from an answer.

use std::sync::Arc;

use async_graphql::{
    BatchResponse, Request as Operation, Response as Answer, Value, Variables,
    parser::types::{DocumentOperations, OperationType},
};
use poem::{
    Body, Request, Response, handler,
    http::{HeaderValue, Method, StatusCode, Uri, header},
    web::Data,
};
use serde::Deserialize;

use super::{
    Service,
    answers::{Bad, JSON, RESPONSE_JSON, bad, json, refuse, unauthenticated, unavailable},
    identity::identify,
};
use crate::graphql::{self, RequestId};

/// A document, its variables and its inputs fit; an upload does not.
pub const BODY_LIMIT: usize = 1024 * 1024;

#[handler]
pub async fn execute(request: &Request, body: Body, service: Data<&Arc<Service>>) -> Response {
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
    let mut actor = actor;
    if let Some(id) = id {
        actor = actor.in_request(&id.0);
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
    operation_of(given).map_err(|error| bad(format!("the request: {error}")))
}

/// An operation from the parameters of a request, however they came.
pub fn operation_of(given: serde_json::Value) -> Result<Operation, String> {
    let given: Parameters = serde_json::from_value(given).map_err(|error| error.to_string())?;
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

/// An answer with data, even partial, is 200. Where the request itself was wrong, the
/// specification's media type says 400, and there is no `data`.
fn respond(media: &'static str, answer: Answer) -> Response {
    let failed_before_execution = failed_before_execution(&answer);
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

/// Whether the request itself was wrong, so that nothing was executed.
pub fn failed_before_execution(answer: &Answer) -> bool {
    answer.data == Value::Null
        && !answer.errors.is_empty()
        && answer.errors.iter().all(|error| error.path.is_empty())
}

#[handler]
pub fn not_allowed() -> Response {
    let mut response = refuse(JSON, StatusCode::METHOD_NOT_ALLOWED, "use GET or POST");
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
    response
}
