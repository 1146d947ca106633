//! Files that come in as they are. A request of GraphQL's is small so that reading it costs little whoever sends it;
//! a file of 10,000 payments is four times as large, so it has a path of its own, which does what `importPayments` does.

use std::sync::Arc;

use poem::{
    Body, Request, Response,
    error::ReadBodyError,
    handler,
    http::{StatusCode, header},
    web::Data,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Service,
    answers::{self, Bad, JSON, bad, failed, not_answered, refuse},
    identity::{By, admit},
};
use crate::{
    App, Refusal, Result,
    access::{Actor, Permission},
    id::RuleId,
    payment_imports::{Examined, ImportedRow, PaymentOutcome, commands},
    rule_sets,
};

/// 10,000 lines of four hundred bytes.
const MOST_BYTES: usize = 4 * 1024 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct InUrl {
    idempotency_key: String,
    #[serde(default)]
    preview: bool,
}

#[handler]
pub async fn payments(request: &Request, body: Body, service: Data<&Arc<Service>>) -> Response {
    match answer(request, body, &service).await {
        Ok(response) | Err(response) => response,
    }
}

async fn answer(request: &Request, body: Body, service: &Service) -> Result<Response, Response> {
    let actor = admit(request, service, JSON, By::Looking).await?.actor;
    // Before the file is read: nobody else is waited for.
    actor.may(Permission::ImportPayments).map_err(not_allowed)?;
    let refused = |(status, message): Bad| refuse(JSON, status, &message);
    let asked: InUrl = serde_urlencoded::from_str(request.uri().query().unwrap_or_default())
        .map_err(|error| refused(bad(format!("the address: {error}"))))?;
    let text = text(request, body, service).await.map_err(refused)?;
    let outcome = import(&service.app, &actor, &text, asked.preview, &asked.idempotency_key).await;
    let (status, told) = outcome.map_err(not_answered)?;
    Ok(answers::json(JSON, status, &told))
}

/// A role that may not is forbidden, as in an export.
fn not_allowed(error: crate::Error) -> Response {
    match error {
        crate::Error::Refused(why) => {
            failed(JSON, StatusCode::FORBIDDEN, "FORBIDDEN", &why.message)
        }
        other => not_answered(other),
    }
}

async fn text(request: &Request, body: Body, service: &Service) -> Result<String, Bad> {
    let kind = request.header(header::CONTENT_TYPE).unwrap_or_default();
    if kind.split(';').next().is_none_or(|kind| !kind.trim().eq_ignore_ascii_case("text/csv")) {
        let message = "send the file with the header `Content-Type: text/csv`";
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, message.into()));
    }
    let arriving = tokio::time::timeout(service.body_timeout, body.into_bytes_limit(MOST_BYTES));
    let bytes = arriving.await.map_err(|_| {
        let seconds = service.body_timeout.as_secs();
        (StatusCode::REQUEST_TIMEOUT, format!("the file did not arrive within {seconds} seconds"))
    })?;
    let bytes = bytes.map_err(|error| match error {
        ReadBodyError::PayloadTooLarge => (
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the file is larger than {MOST_BYTES} bytes: split it into several"),
        ),
        error => bad(format!("the file cannot be read: {error}")),
    })?;
    String::from_utf8(bytes.into()).map_err(|_| bad("the file is not text in UTF-8"))
}

async fn import(
    app: &App,
    actor: &Actor,
    text: &str,
    preview: bool,
    key: &str,
) -> Result<(StatusCode, Value)> {
    let outcome = commands::import(app, actor, text, preview, key).await;
    let examined = match commands::whole(outcome)? {
        Ok(examined) => examined,
        Err(why) => {
            let told = json!({ "rows": [], "userErrors": [refusal(&why, None)] });
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, told));
        }
    };
    let done = preview || examined.import.is_some();
    let status = if done { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, told(app, &examined, preview).await?))
}

async fn told(app: &App, examined: &Examined, preview: bool) -> Result<Value> {
    let refusals = examined.rows.iter().filter_map(|row| row.refusal.as_ref());
    let mut rules: Vec<RuleId> = refusals.filter_map(|why| why.rule_id).collect();
    rules.sort_unstable();
    rules.dedup();
    let rules = rule_sets::store::find_rules(&app.db, &rules, true).await?;
    let citation = |why: &Refusal| {
        let rule = why.rule_id.and_then(|id| rules.iter().find(|rule| rule.id == id));
        rule.map(|rule| rule.citation.clone())
    };
    let row = |row: &ImportedRow| {
        json!({
            "line": row.line,
            "outcome": row.outcome,
            "disbursementId": row.disbursement.map(|id| id.to_string()),
            "amount": row.amount,
            "error": row.refusal.as_ref().map(|why| refusal(why, citation(why))),
        })
    };
    Ok(json!({
        "preview": preview,
        "imported": examined.import.is_some(),
        "paid": examined.count(PaymentOutcome::Paid),
        "alreadyPaid": examined.count(PaymentOutcome::AlreadyPaid),
        "refused": examined.count(PaymentOutcome::Refused),
        "amount": examined.amount(),
        "rows": examined.rows.iter().map(row).collect::<Vec<_>>(),
        "userErrors": [],
    }))
}

fn refusal(why: &Refusal, citation: Option<String>) -> Value {
    let code = async_graphql::resolver_utils::enum_value(why.code);
    json!({ "code": code, "message": why.message, "field": why.field, "citation": citation })
}
