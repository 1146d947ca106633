//! GraphQL over HTTP, by the letter of its specification: queries by GET and POST, mutations by POST only,
//! `application/graphql-response+json`, and status codes that tell a bad request from an answer.

use std::sync::Arc;

use async_graphql::{
    BatchResponse, Request as Operation, Response as Answer, Value, Variables,
    parser::types::{DocumentOperations, OperationType},
};
use poem::{
    Body, Request, Response,
    error::ReadBodyError,
    handler,
    http::{HeaderValue, Method, StatusCode, Uri, header},
    web::Data,
};
use serde::Deserialize;

use super::{
    Service,
    answers::{Bad, JSON, RESPONSE_JSON, bad, failed, json, refuse, written},
    identity::{By, admit},
    persisted::{Asked, NOT_FOUND},
    rates::{TooOften, Who},
};
use crate::{
    access::Actor,
    graphql::{self, RequestId, limits::check_json, parsed::Document},
    rows::Answered,
};

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
    let sender = admit(request, service, media, By::Memory).await?;
    let given = match *request.method() {
        Method::GET => from_query(request.uri()),
        _ => from_body(request, body, service).await,
    }
    .map_err(|(status, message)| refuse(media, status, &message))?;
    let mut operation = operation(service, given).map_err(|(code, message)| {
        // What is not found is no mistake: clients read it, and send the document.
        let mistake = code != NOT_FOUND || media == RESPONSE_JSON;
        let status = if mistake { StatusCode::BAD_REQUEST } else { StatusCode::OK };
        failed(media, status, code, &message)
    })?;
    let passed = pass(service, &operation, &sender.actor, sender.who);
    let document = passed.map_err(|why| match why {
        NotPassed::Told(answer) => respond(media, *answer),
        NotPassed::TooOften(too) => too.response(media),
    })?;
    if *request.method() == Method::GET && !only_queries(&document, &operation) {
        let mut response = refuse(
            media,
            StatusCode::METHOD_NOT_ALLOWED,
            "GET runs queries only: send a mutation by POST",
        );
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        return Err(response);
    }
    let id = request.data::<RequestId>();
    let Service { app, schema, .. } = service;
    match graphql::straight(app, &sender.actor, sender.stamp, &operation, &document).await {
        Answered::Written(body) => return Ok(written(media, body)),
        Answered::Failed { field, error } => {
            return Ok(respond(media, graphql::failed(&field, error, id)));
        }
        Answered::NotCovered | Answered::Stale => {}
    }
    let mut actor = sender.looked_up(request, service, media).await?.actor;
    if let Some(id) = id.cloned() {
        actor = actor.in_request(&id.0);
        operation = operation.data(id);
    }
    Ok(respond(media, graphql::run(app, schema, actor, operation, &document).await))
}

/// Why an operation is not carried out.
pub enum NotPassed {
    Told(Box<Answer>),
    TooOften(TooOften),
}

/// Lets an operation pass that asks for no more than somebody may, now.
pub fn pass(
    service: &Service,
    operation: &Operation,
    actor: &Actor,
    who: Who,
) -> Result<Arc<Document>, NotPassed> {
    let gate = graphql::gate(&service.schema);
    let (document, weight) = gate.check(operation).map_err(NotPassed::Told)?;
    gate.admit(&weight, actor).map_err(NotPassed::Told)?;
    service.rates.cost(who, weight.cost).map_err(NotPassed::TooOften)?;
    Ok(document)
}

/// The operation of a request, whose document it sends or names.
pub fn operation(
    service: &Service,
    given: Parameters,
) -> Result<Operation, (&'static str, String)> {
    let persisted = given.extensions.as_ref().and_then(|all| all.get("persistedQuery"));
    let hash = persisted.and_then(|persisted| persisted.get("sha256Hash")?.as_str());
    let hash = given.document_id.clone().or_else(|| hash.map(str::to_owned));
    let keep = hash.is_some() && given.query.is_some();
    let asked = Asked { query: given.query, hash };
    let document = service.documents.find(asked)?;
    if keep && document.len() <= service.limits.document_bytes {
        service.documents.keep(&document);
    }
    let variables = given.variables.map(|all| Variables::from_json(serde_json::Value::Object(all)));
    let operation = Operation::new(document).variables(variables.unwrap_or_default());
    Ok(match given.operation_name {
        Some(name) => operation.operation_name(name),
        None => operation,
    })
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
pub struct Parameters {
    query: Option<String>,
    document_id: Option<String>,
    operation_name: Option<String>,
    variables: Option<serde_json::Map<String, serde_json::Value>>,
    extensions: Option<serde_json::Map<String, serde_json::Value>>,
}

async fn from_body(request: &Request, body: Body, service: &Service) -> Result<Parameters, Bad> {
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
    let most = service.limits.body_bytes;
    let arriving = tokio::time::timeout(service.body_timeout, body.into_bytes_limit(most));
    let bytes = arriving.await.map_err(|_| {
        let seconds = service.body_timeout.as_secs();
        (
            StatusCode::REQUEST_TIMEOUT,
            format!("the request did not arrive within {seconds} seconds"),
        )
    })?;
    let bytes = bytes.map_err(|error| match error {
        ReadBodyError::PayloadTooLarge => (
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the request is larger than {most} bytes: send less at once"),
        ),
        error => bad(format!("the request cannot be read: {error}")),
    })?;
    check_json(&bytes, &service.limits).map_err(|why| (StatusCode::PAYLOAD_TOO_LARGE, why))?;
    let given: serde_json::Value = serde_json::from_slice(&bytes)
        .map_err(|error| bad(format!("the request is not valid JSON: {error}")))?;
    if !given.is_object() {
        return Err(bad("the request is one JSON object with `query`; batches are not answered"));
    }
    parameters(given).map_err(|error| bad(format!("the request: {error}")))
}

impl Parameters {
    /// Whether it says what is to be run: by a document, or by the name of one.
    pub fn says_what(&self) -> bool {
        let extensions = self.extensions.as_ref();
        self.query.is_some()
            || self.document_id.is_some()
            || extensions.is_some_and(|all| all.contains_key("persistedQuery"))
    }
}

/// The parameters of a request, however they came.
pub fn parameters(given: serde_json::Value) -> Result<Parameters, String> {
    serde_json::from_value(given).map_err(|error| error.to_string())
}

fn from_query(uri: &Uri) -> Result<Parameters, Bad> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct InUrl {
        query: Option<String>,
        document_id: Option<String>,
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
        query: given.query,
        document_id: given.document_id,
        operation_name: given.operation_name,
        variables: object(given.variables, "variables")?,
        extensions: object(given.extensions, "extensions")?,
    })
}

fn only_queries(document: &Document, operation: &Operation) -> bool {
    let name = operation.operation_name.as_deref();
    match &document.parsed.operations {
        DocumentOperations::Single(only) => only.node.ty == OperationType::Query,
        DocumentOperations::Multiple(many) => many
            .iter()
            .filter(|(each, _)| name.is_none_or(|name| name == each.as_str()))
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
