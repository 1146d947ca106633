//! Lists and forms as files. An export is a client of the API like any other: the same query, filters and rights,
//! page after page, and one row a line.

use std::sync::Arc;

use async_graphql::{Request as Operation, Variables};
use futures_util::{StreamExt, TryStreamExt, stream};
use poem::{
    Body, Request, Response, handler,
    http::{StatusCode, Uri, header},
    web::{Data, Path},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Service,
    answers::{Bad, JSON, bad, failed, refuse},
    columns::{self, Column, Format},
    identity::{By, admit},
};
use crate::{
    access::Actor,
    clock::Date,
    graphql::{self, parsed::Document},
};

/// A list that can be exported.
struct List {
    name: &'static str,
    /// Asks for a page of 200, the earliest entered first: what is entered meanwhile comes at the end.
    query: &'static str,
    columns: &'static [Column],
    /// Whether its figures can be asked for as of a day.
    as_of: bool,
}

const LISTS: [List; 4] = [
    List {
        name: "audit_entries",
        query: include_str!("export_audit_entries.graphql"),
        columns: columns::AUDIT_ENTRIES,
        as_of: false,
    },
    List {
        name: "grants",
        query: include_str!("export_grants.graphql"),
        columns: columns::GRANTS,
        as_of: true,
    },
    List {
        name: "disbursements",
        query: include_str!("export_disbursements.graphql"),
        columns: columns::DISBURSEMENTS,
        as_of: false,
    },
    List {
        name: "expenditures",
        query: include_str!("export_expenditures.graphql"),
        columns: columns::EXPENDITURES,
        as_of: false,
    },
];

#[handler]
pub async fn export(
    request: &Request,
    Path(file): Path<String>,
    service: Data<&Arc<Service>>,
) -> Response {
    match answer(request, &file, &service).await {
        Ok(response) | Err(response) => response,
    }
}

async fn answer(
    request: &Request,
    file: &str,
    service: &Arc<Service>,
) -> Result<Response, Response> {
    let actor = admit(request, service, JSON, By::Looking).await?.actor;
    let (name, format) = file
        .rsplit_once('.')
        .and_then(|(name, ending)| Some((name, Format::of(ending)?)))
        .ok_or_else(no_such_file)?;
    let asking = Asking { service: Arc::clone(service), actor };
    if let Some(list) = LISTS.iter().find(|list| list.name == name) {
        let variables = list_variables(list, request.uri()).map_err(bad_request)?;
        let first = asking.page(list, &variables, None).await?;
        return Ok(asking.send(list, format, variables, first));
    }
    if format != Format::Csv {
        return Err(no_such_file());
    }
    match name {
        "sf425" => asking.form(&SF_425, request.uri()).await,
        "sf270" => asking.form(&SF_270, request.uri()).await,
        _ => Err(no_such_file()),
    }
}

fn no_such_file() -> Response {
    let message = "there are grants, disbursements, expenditures and audit_entries, each as .csv and .jsonl, and sf425.csv and sf270.csv";
    failed(JSON, StatusCode::NOT_FOUND, "BAD_USER_INPUT", message)
}

fn bad_request((status, message): Bad) -> Response {
    refuse(JSON, status, &message)
}

fn list_variables(list: &List, uri: &Uri) -> Result<Map<String, Value>, Bad> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct InUrl {
        filter: Option<String>,
        as_of: Option<String>,
    }
    let given: InUrl = serde_urlencoded::from_str(uri.query().unwrap_or_default())
        .map_err(|error| bad(format!("the address: {error}")))?;
    let filter: Value = match given.filter.as_deref() {
        None | Some("") => json!({}),
        Some(text) => serde_json::from_str(text)
            .ok()
            .filter(Value::is_object)
            .ok_or_else(|| bad("`filter` is a JSON object, the same as the list takes"))?,
    };
    let mut variables = Map::from_iter([("filter".to_owned(), filter)]);
    if given.as_of.is_some() && !list.as_of {
        return Err(bad("`asOf` is for the figures of grants"));
    }
    if let Some(day) = given.as_of {
        variables.insert("asOf".into(), day.into());
    }
    Ok(variables)
}

/// Whoever asks, and where.
struct Asking {
    service: Arc<Service>,
    actor: Actor,
}

/// A page of a list.
struct Page {
    rows: Vec<Value>,
    /// None on the last page.
    next: Option<Value>,
}

impl Asking {
    /// What a query answers, or the response that says why not.
    async fn data(&self, query: &str, variables: Map<String, Value>) -> Result<Value, Response> {
        let operation = Operation::new(query).variables(Variables::from_json(variables.into()));
        let Service { app, schema, .. } = &*self.service;
        // The service's own document: what it costs is known.
        let document = Arc::new(Document::parse(query).expect("a test asks for each export"));
        let answer = graphql::run(app, schema, self.actor.clone(), operation, &document).await;
        let answer = serde_json::to_value(answer).unwrap_or_default();
        let Some(error) = answer.pointer("/errors/0") else { return Ok(answer["data"].clone()) };
        let message = error["message"].as_str().unwrap_or_default();
        Err(match error.pointer("/extensions/code").and_then(Value::as_str) {
            Some("BAD_USER_INPUT") => bad_request(bad(message)),
            Some("UNAUTHENTICATED") => {
                failed(JSON, StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", message)
            }
            Some("FORBIDDEN") => failed(JSON, StatusCode::FORBIDDEN, "FORBIDDEN", message),
            _ => failed(JSON, StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", message),
        })
    }

    async fn page(
        &self,
        list: &List,
        variables: &Map<String, Value>,
        after: Option<Value>,
    ) -> Result<Page, Response> {
        let mut variables = variables.clone();
        variables.extend(after.map(|cursor| ("after".into(), cursor)));
        let mut data = self.data(list.query, variables).await?;
        let next = data["page"]["pageInfo"]["hasNextPage"] == true;
        let cursor = data["page"]["pageInfo"]["endCursor"].take();
        let rows = data["page"]["nodes"].as_array_mut().map(std::mem::take).unwrap_or_default();
        Ok(Page { rows, next: next.then_some(cursor) })
    }

    /// The first page, and then the others as fast as they are read.
    fn send(
        self,
        list: &'static List,
        format: Format,
        variables: Map<String, Value>,
        first: Page,
    ) -> Response {
        let name = format!("{}-{}.{}", list.name, self.service.app.clock.today(), format.ending());
        let mut begin = format.head(list.columns);
        begin.extend(format.rows(list.columns, &first.rows));
        let rest = stream::try_unfold((self, first.next), move |(asking, after)| {
            let variables = variables.clone();
            async move {
                let Some(cursor) = after else { return Ok(None) };
                let page = asking.page(list, &variables, Some(cursor)).await;
                // The answer has begun: all that is left is to break it off, so that nobody takes it for whole.
                let page = page.map_err(|_| std::io::Error::other("the export broke off"))?;
                Ok(Some((format.rows(list.columns, &page.rows), (asking, page.next))))
            }
        })
        .inspect_err(|error| tracing::error!("{error}"));
        let body = stream::once(async { Ok::<_, std::io::Error>(begin) }).chain(rest);
        file(&name, format, Body::from_bytes_stream(body))
    }
}

fn file(name: &str, format: Format, body: Body) -> Response {
    Response::builder()
        .content_type(format.media())
        .header(header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))
        .body(body)
}

/// A form of a grant.
struct Form {
    name: &'static str,
    query: &'static str,
    /// Beside its lines: the number on the form, what it is called, and where it is found.
    head: &'static [(&'static str, &'static str, &'static str)],
    tail: &'static [(&'static str, &'static str, &'static str)],
}

const SF_425: Form = Form {
    name: "sf425",
    query: include_str!("export_sf425.graphql"),
    head: &[
        ("1", "Federal agency", "/agency"),
        ("2", "Award number", "/grant/number"),
        ("3", "Recipient", "/grant/recipient/name"),
        ("6", "Report type", "/reportType"),
        ("7", "Basis of accounting", "/basis"),
        ("8", "Project or grant period from", "/grantPeriod/start"),
        ("8", "Project or grant period to", "/grantPeriod/end"),
        ("9", "Reporting period end date", "/period/end"),
    ],
    tail: &[
        ("11a", "Indirect expense: type of rate", "/indirect/rateType"),
        ("11b", "Indirect expense: rate, in hundredths of the base", "/indirect/rate"),
        ("11c", "Indirect expense: period from", "/indirect/period/start"),
        ("11c", "Indirect expense: period to", "/indirect/period/end"),
        ("11d", "Indirect expense: base", "/indirect/base"),
        ("11e", "Indirect expense: amount charged", "/indirect/charged"),
        ("11f", "Indirect expense: federal share", "/indirect/federalShare"),
    ],
};

const SF_270: Form = Form {
    name: "sf270",
    query: include_str!("export_sf270.graphql"),
    head: &[
        ("2", "Basis of request", "/basis"),
        ("3", "Federal sponsoring agency", "/agency"),
        ("4", "Federal grant number", "/grant/number"),
        ("8", "Period covered by this request from", "/period/start"),
        ("8", "Period covered by this request to", "/period/end"),
        ("9", "Recipient organization", "/grant/recipient/name"),
    ],
    tail: &[],
};

impl Asking {
    async fn form(&self, form: &Form, uri: &Uri) -> Result<Response, Response> {
        let (variables, period_end) = form_variables(form, uri).map_err(bad_request)?;
        let data = self.data(form.query, variables).await?;
        let Some(found) = data.pointer("/grant/form") else {
            let message = "there is no such grant";
            return Err(failed(JSON, StatusCode::NOT_FOUND, "BAD_USER_INPUT", message));
        };
        let value = |path: &str| found.pointer(path).cloned().unwrap_or_default();
        let beside = |rows: &[(&str, &str, &str)]| -> Vec<Value> {
            let row = |(line, description, path): &(&str, &str, &str)| json!({ "line": line, "description": description, "value": value(path) });
            rows.iter().map(row).collect()
        };
        let mut rows = beside(form.head);
        rows.extend(value("/lines/listed").as_array().cloned().unwrap_or_default());
        rows.extend(beside(form.tail));
        let mut text = Format::Csv.head(columns::FORM);
        text.extend(Format::Csv.rows(columns::FORM, &rows));
        let number = value("/grant/number").as_str().unwrap_or_default().to_owned();
        let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
        let number = number.replace(|letter| !plain(letter), "_");
        let name = format!("{}-{number}-{period_end}.csv", form.name);
        Ok(file(&name, Format::Csv, Body::from(text)))
    }
}

/// The variables of a form's query, and the last day of its period.
fn form_variables(form: &Form, uri: &Uri) -> Result<(Map<String, Value>, String), Bad> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct InUrl {
        grant: String,
        from: String,
        to: String,
        r#final: Option<bool>,
        estimated_outlays: Option<String>,
    }
    let given: InUrl = serde_urlencoded::from_str(uri.query().unwrap_or_default())
        .map_err(|error| bad(format!("the address: {error}")))?;
    let sf_425 = form.name == SF_425.name;
    let misplaced =
        if sf_425 { given.estimated_outlays.is_some() } else { given.r#final.is_some() };
    if misplaced {
        return Err(bad("`final` is for sf425.csv, and `estimatedOutlays` for sf270.csv"));
    }
    let period: Result<Vec<Date>, String> =
        [&given.from, &given.to].into_iter().map(|day| day.parse()).collect();
    period.map_err(bad)?;
    let by = if given.grant.starts_with("grant_") { "id" } else { "number" };
    let mut variables = Map::from_iter([
        (by.to_owned(), given.grant.into()),
        ("period".to_owned(), json!({ "start": given.from, "end": given.to })),
    ]);
    variables.extend(given.r#final.map(|last| ("final".to_owned(), last.into())));
    variables
        .extend(given.estimated_outlays.map(|sum| ("estimatedOutlays".to_owned(), sum.into())));
    Ok((variables, given.to))
}
