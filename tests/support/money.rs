//! Grants of programs with rules of the test's own, and steps of their money by the right people.

use serde_json::{Value, json};
use thrive::{
    budgets::NewLine,
    deadlines::{self, Settlement},
    disbursements::{
        self, Disbursement, DisbursementKind, NewRequest, Payment, PaymentMethod, payment,
    },
    grants::{self, DateRange, Grant},
    rule_sets::{commands, file},
    streams::Catalog,
};

use super::{Cast, Service, date, money, request_of};

/// A program of these rules, as in a file.
pub async fn program(service: &Service, code: &str, stream: &str, rules: &str) {
    let text = format!(
        "source = \"https://agency.test\"\neffectiveFrom = \"2020-01-01\"\n\n[program]\ncode = \"{code}\"\n\
         stream = \"{stream}\"\nname = \"{code}\"\nagency = \"An agency\"\nkind = \"COMPETITIVE\"\n\
         citation = \"Its announcement\"\n\n{rules}"
    );
    let file = file::read(&text, service.app.clock.today()).unwrap();
    let mut tx = service.app.db.begin().await.unwrap();
    commands::import(&mut tx, &service.app.clock, &file).await.unwrap();
    tx.commit().await.unwrap();
    Catalog::forget(&service.app);
}

/// A rule of a file, in force.
pub fn rule(kind: &str, terms: &str) -> String {
    format!(
        "[[rules]]\nname = \"{}\"\nkind = \"{kind}\"\ncitation = \"Section 1\"\nverifiedOn = \"2026-11-01\"\n{terms}\n",
        kind.to_lowercase().replace('_', "-")
    )
}

/// A signed grant of a program with a budget: category and amount of each line.
pub async fn grant(
    service: &Service,
    cast: &Cast,
    program: &str,
    number: &str,
    lines: &[(&str, &str)],
) -> Grant {
    let line = |(category, amount): &(&str, &str)| NewLine {
        category: category.parse().unwrap(),
        title: None,
        amount: money(amount),
    };
    let budget: Vec<_> = lines.iter().map(line).collect();
    let amount: thrive::money::Money = budget.iter().map(|line| line.amount).sum();
    let mut new = service.draft_of(cast, number, &amount.to_string()).await;
    new.program = service.program(program).await;
    new.budget = budget;
    let draft = grants::commands::create(&service.app, &cast.manager, new).await.unwrap();
    let awarded = grants::commands::award(&service.app, &cast.approver, draft.id, 1).await.unwrap();
    let today = service.app.clock.today();
    grants::commands::sign(&service.app, &cast.manager, draft.id, awarded.revision, today)
        .await
        .unwrap()
}

/// A request of a kind for October 2026.
pub fn request(grant: &Grant, kind: DisbursementKind, invoice: &str, amount: &str) -> NewRequest {
    let period = DateRange { start: date("2026-10-01"), end: date("2026-10-31") };
    NewRequest { kind, period, ..request_of(grant, invoice, amount) }
}

/// Requested, approved and paid today.
pub async fn paid(service: &Service, cast: &Cast, new: NewRequest) -> Disbursement {
    let (app, key) = (&service.app, format!("paid {} {}", new.grant, new.invoice_number));
    let asked = disbursements::commands::request(app, &cast.finance, new, &key).await.unwrap();
    disbursements::commands::approve(app, &cast.approver, asked.id, Default::default())
        .await
        .unwrap();
    let today = app.clock.today();
    let payment = Payment::new(today, PaymentMethod::Ach, &key);
    payment::pay(app, &cast.officer, asked.id, payment, &key).await.unwrap()
}

/// Waives what reports of a grant are still due, so that it can be closed.
pub async fn waive_reports(service: &Service, cast: &Cast, grant: &Grant) {
    let query = "query ($id: ID!) { grant(id: $id) { reports(first: 200) { nodes { status deadline { id revision } } } } }";
    let answer = service.data(&cast.manager, query, json!({ "id": grant.id.to_string() })).await;
    for report in answer["grant"]["reports"]["nodes"].as_array().unwrap() {
        if report["status"] != "DUE" {
            continue;
        }
        let id = report["deadline"]["id"].as_str().unwrap().parse().unwrap();
        let revision = report["deadline"]["revision"].as_i64().unwrap().try_into().unwrap();
        let how = Settlement::Waived { reason: "Not needed".into() };
        deadlines::commands::settle(&service.app, &cast.manager, id, revision, how).await.unwrap();
    }
}

/// Figures of a grant, by their names in the API.
pub async fn figures(service: &Service, cast: &Cast, grant: &Grant, names: &str) -> Value {
    let query = format!("query ($id: ID!) {{ grant(id: $id) {{ balance {{ {names} }} }} }}");
    let answer = service.data(&cast.auditor, &query, json!({ "id": grant.id.to_string() })).await;
    answer["grant"]["balance"].clone()
}

/// The ids of a grant's budget lines, in their order.
pub async fn lines(service: &Service, grant: &Grant) -> Vec<thrive::id::BudgetLineId> {
    let lines = thrive::budgets::store::lines_of(&service.app.db, &[grant.id]).await.unwrap();
    lines[&grant.id].iter().map(|line| line.id).collect()
}
