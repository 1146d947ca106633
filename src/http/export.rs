//! Lists and forms as files: the same filters and rights as the API, and one row a line.

use std::sync::Arc;

use async_graphql::{InputType, Request as Operation, Variables};
use poem::{
    Body, Request, Response, handler,
    http::{StatusCode, Uri, header},
    web::{Data, Path},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Service,
    answers::{Bad, JSON, bad, failed, not_answered, refuse},
    identity::{By, admit},
};
use crate::{
    access::{Actor, Permission},
    audit::graphql::AuditFilter,
    clock::Date,
    disbursements::graphql::DisbursementFilter,
    exports::{
        AuditEntries, Cell, Disbursements, Expenditures, Format, Grants, Lines, List, written,
    },
    figures::balances::Of,
    grants::graphql::GrantFilter,
    graphql::{self, parsed::Document},
    id::{AuditEntryId, DisbursementId, ExpenditureId, GrantId},
    money::Money,
    spending::lists::ExpenditureFilter,
};

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
    match (name, format) {
        ("grants", _) => asking.grants(format, request.uri()).await,
        ("disbursements", _) => asking.disbursements(format, request.uri()).await,
        ("expenditures", _) => asking.expenditures(format, request.uri()).await,
        ("audit_entries", _) => asking.audit_entries(format, request.uri()).await,
        ("sf425", Format::Csv) => asking.form(&SF_425, request.uri()).await,
        ("sf270", Format::Csv) => asking.form(&SF_270, request.uri()).await,
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

/// What the address of a list says.
struct Asked {
    filter: Value,
    as_of: Option<Date>,
    after: Option<String>,
}

impl Asked {
    fn read(uri: &Uri) -> Result<Self, Bad> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        struct InUrl {
            filter: Option<String>,
            as_of: Option<String>,
            after: Option<String>,
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
        let as_of = given.as_of.map(|day| day.parse()).transpose().map_err(bad)?;
        Ok(Self { filter, as_of, after: given.after.filter(|id| !id.is_empty()) })
    }

    /// Figures are those of now.
    fn of_now(uri: &Uri) -> Result<Self, Bad> {
        let asked = Self::read(uri)?;
        match asked.as_of {
            None => Ok(asked),
            Some(_) => Err(bad("`asOf` is for the figures of grants")),
        }
    }

    /// The row behind which to go on.
    fn after<T: std::str::FromStr<Err = &'static str>>(&self) -> Result<Option<T>, Bad> {
        let wrong = |why| bad(format!("`after` is the `id` of the last row that you have: {why}"));
        self.after.as_deref().map(str::parse).transpose().map_err(wrong)
    }
}

/// Whoever asks, and where.
struct Asking {
    service: Arc<Service>,
    actor: Actor,
}

impl Asking {
    async fn grants(&self, format: Format, uri: &Uri) -> Result<Response, Response> {
        let reach = self.actor.may_read(Permission::ReadGrants).map_err(not_answered)?;
        let asked = Asked::read(uri).map_err(bad_request)?;
        let filter: GrantFilter = self.filter("grants", "GrantFilter", &asked).await?;
        let after = asked.after::<GrantId>().map_err(bad_request)?.map(|id| id.0);
        let of = Of { as_of: asked.as_of, known_at: None };
        self.send("grants", format, Grants { filter: filter.into(), reach, after, of }).await
    }

    async fn disbursements(&self, format: Format, uri: &Uri) -> Result<Response, Response> {
        let reach = self.actor.may_read(Permission::ReadDisbursements).map_err(not_answered)?;
        let asked = Asked::of_now(uri).map_err(bad_request)?;
        let filter: DisbursementFilter =
            self.filter("disbursements", "DisbursementFilter", &asked).await?;
        let after = asked.after::<DisbursementId>().map_err(bad_request)?.map(|id| id.0);
        let list = Disbursements::new(filter.into(), reach, after);
        self.send("disbursements", format, list).await
    }

    async fn expenditures(&self, format: Format, uri: &Uri) -> Result<Response, Response> {
        let reach = self.actor.may_read(Permission::ReadExpenditures).map_err(not_answered)?;
        let asked = Asked::of_now(uri).map_err(bad_request)?;
        let filter: ExpenditureFilter =
            self.filter("expenditures", "ExpenditureFilter", &asked).await?;
        let after = asked.after::<ExpenditureId>().map_err(bad_request)?.map(|id| id.0);
        let list = Expenditures::new(filter.into(), reach, after);
        self.send("expenditures", format, list).await
    }

    async fn audit_entries(&self, format: Format, uri: &Uri) -> Result<Response, Response> {
        self.actor.may_read(Permission::ReadAuditEntries).map_err(not_answered)?;
        let asked = Asked::of_now(uri).map_err(bad_request)?;
        let filter: AuditFilter = self.filter("auditEntries", "AuditFilter", &asked).await?;
        let filter = filter.read().map_err(not_answered)?;
        let after = asked.after::<AuditEntryId>().map_err(bad_request)?;
        let list = AuditEntries::after(&self.service.app, filter, after).await;
        self.send("audit_entries", format, list.map_err(not_answered)?).await
    }

    /// A filter as the list takes it. The schema says what is wrong with it, as it does to the list; nothing is read.
    async fn filter<T: InputType>(
        &self,
        list: &str,
        of_type: &str,
        asked: &Asked,
    ) -> Result<T, Response> {
        let document = format!(
            "query ($filter: {of_type}!) {{ {list}(filter: $filter) @skip(if: true) {{ totalCount }} }}"
        );
        let variables = Map::from_iter([("filter".to_owned(), asked.filter.clone())]);
        self.data(&document, variables).await?;
        let filter = async_graphql::Value::from_json(asked.filter.clone()).unwrap_or_default();
        T::parse(Some(filter)).map_err(|error| {
            let message = error.into_server_error(async_graphql::Pos::default()).message;
            bad_request(bad(message))
        })
    }

    /// The first chunk is read before anything is sent: what cannot be answered is told.
    async fn send<L: List>(
        &self,
        name: &str,
        format: Format,
        mut list: L,
    ) -> Result<Response, Response> {
        let app = &self.service.app;
        let first = list.next(app).await.map_err(not_answered)?;
        let name = format!("{name}-{}.{}", app.clock.today(), format.ending());
        let body = written(app.clone(), list, format, first);
        Ok(file(&name, format, Body::from_bytes_stream(body)))
    }

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
        let mut text = Lines::new(Format::Csv, 4 * 1024);
        text.head(&["line", "description", "value"]);
        let beside = |text: &mut Lines, rows: &[(&str, &str, &str)]| {
            for (line, description, path) in rows {
                form_line(text, line, description, &value(path));
            }
        };
        beside(&mut text, form.head);
        for row in value("/lines/listed").as_array().into_iter().flatten() {
            let text_of = |name: &str| row[name].as_str().unwrap_or_default();
            form_line(&mut text, text_of("line"), text_of("description"), &row["value"]);
        }
        beside(&mut text, form.tail);
        let number = value("/grant/number").as_str().unwrap_or_default().to_owned();
        let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
        let number = number.replace(|letter| !plain(letter), "_");
        let name = format!("{}-{number}-{period_end}.csv", form.name);
        Ok(file(&name, Format::Csv, Body::from(text.into_bytes())))
    }
}

/// An amount is Thrive's own, and anything else what somebody wrote.
fn form_line(text: &mut Lines, line: &str, description: &str, value: &Value) {
    text.cell("line", Cell::Word(line));
    text.cell("description", Cell::Word(description));
    let written = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let amount = written.parse::<Money>().is_ok();
    text.cell("value", if amount { Cell::Word(&written) } else { Cell::Text(&written) });
    text.end();
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
