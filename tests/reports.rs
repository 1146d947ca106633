//! Reports: how they become due, who hands them in, accepts and certifies them, and what that shuts.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use thrive::{
    access::{Actor, Identity, Reach, Role, commands::NewRole},
    clock::Date,
    deadlines::{self, Settlement},
    disbursements::{self, Approval, Disbursement, Payment, PaymentMethod},
    error::UserErrorCode::{self, *},
    grants::{self, DateRange, Grant},
    holidays,
    id::ReportId,
    jobs,
    ledger::GrantBalance,
    people::OrganizationKind,
    reports::{NewReport, Report, Submission, commands, store},
    rule_sets::{self, file, kinds::ReportKind},
    streams::Catalog,
};

use crate::support::{
    Cast, Service, codes, date, money, none, refusal, refused_by, request_of, service,
};

const RULES: &str = r#"
source = "https://agency.test"
effectiveFrom = "2026-01-01"

[program]
code = "REPORTED"
stream = "OTHER"
name = "Reported"
agency = "An agency"
kind = "COMPETITIVE"
citation = "Its announcement"

[[rules]]
name = "quarterly"
kind = "REPORT_SCHEDULE"
citation = "Exhibit D"
verifiedOn = "2026-11-01"
report = "FINANCIAL"
frequency = "QUARTER"
anchor = "FISCAL_YEAR"
dueDays = 30
roll = "FOLLOWING"

[[rules]]
name = "closeout"
kind = "REPORT_SCHEDULE"
citation = "2 CFR 200.344"
verifiedOn = "2026-11-01"
report = "CLOSEOUT"
frequency = "ONCE"
anchor = "AWARD"
dueDays = 120

[[rules]]
name = "invoices"
kind = "REPORT_SCHEDULE"
citation = "Exhibit B"
verifiedOn = "2026-11-01"
report = "INVOICE"
frequency = "YEAR"
anchor = "FISCAL_YEAR"
dueDays = 45

[[rules]]
name = "upwards"
kind = "REPORT_SCHEDULE"
citation = "Exhibit E"
verifiedOn = "2026-11-01"
report = "PROGRESS"
frequency = "YEAR"
anchor = "FISCAL_YEAR"
dueDays = 60
responsible = "FUNDER"

[[rules]]
name = "gate"
kind = "PAYMENT_GATE"
citation = "Exhibit B"
verifiedOn = "2026-11-01"
reports = ["FINANCIAL"]
"#;

/// A signed grant of July 2026 to June 2028 that owes quarterly financial reports and a closeout.
async fn reported(service: &Service, cast: &Cast, number: &str) -> Grant {
    let file = file::read(RULES, service.app.clock.today()).unwrap();
    let mut tx = service.app.db.begin().await.unwrap();
    rule_sets::commands::import(&mut tx, &service.app.clock, &file).await.unwrap();
    tx.commit().await.unwrap();
    Catalog::forget(&service.app);
    let mut new = service.draft_of(cast, number, "1000.00").await;
    new.program = service.program("REPORTED").await;
    let app = &service.app;
    let draft = grants::commands::create(app, &cast.manager, new).await.unwrap();
    let awarded = grants::commands::award(app, &cast.approver, draft.id, 1).await.unwrap();
    let today = app.clock.today();
    grants::commands::sign(app, &cast.manager, draft.id, awarded.revision, today).await.unwrap()
}

pub async fn scene() -> (Service, Cast, Grant) {
    let service = service().await;
    let cast = service.cast().await;
    let grant = reported(&service, &cast, "R-1").await;
    (service, cast, grant)
}

/// Noon of a day in California, or an hour off.
pub fn on(service: &Service, day: &str) {
    service.travel(format!("{day}T20:00:00Z").parse().unwrap());
}

async fn listed(service: &Service, actor: &Actor, grant: &Grant) -> Vec<Value> {
    let query = "query ($id: ID!) { grant(id: $id) { reports(first: 100) { nodes {
        id kind status dueOn final isOverdue revision period { start end } allowedActions
        deadline { id title status revision report { id } responsible { name } }
        certifiedFigures { figure amount } } } } }";
    let found = service.data(actor, query, json!({ "id": grant.id.to_string() })).await;
    found["grant"]["reports"]["nodes"].as_array().unwrap().clone()
}

/// The first report of a grant: on October to December 2026, due on 1 February 2027.
pub async fn first(service: &Service, cast: &Cast, grant: &Grant) -> Report {
    let id = listed(service, &cast.auditor, grant).await[0]["id"].as_str().unwrap().to_string();
    let reach = Reach { everything: true, ..Reach::default() };
    let found = store::find(&service.app.db, &reach, &[id.parse().unwrap()]).await.unwrap();
    found.into_iter().next().unwrap()
}

fn filed() -> Submission {
    Submission {
        program_income: Some(money("12.50")),
        interest_earned: Some(money("0.75")),
        narrative: Some(" Opened the center. ".into()),
        url: Some("https://city.test/q2.pdf".into()),
        sha256: Some("a".repeat(64)),
    }
}

pub async fn submitted(service: &Service, cast: &Cast, report: &Report) -> Report {
    commands::submit(&service.app, &cast.finance, report.id, report.revision, filed())
        .await
        .unwrap()
}

async fn certified(service: &Service, cast: &Cast, report: &Report) -> Report {
    let app = &service.app;
    let handed_in = submitted(service, cast, report).await;
    let accepted =
        commands::accept(app, &cast.manager, report.id, handed_in.revision).await.unwrap();
    commands::certify(app, &cast.officer, report.id, accepted.revision).await.unwrap()
}

/// The same person in another role.
fn also(actor: &Actor, role: Role) -> Actor {
    let Actor::Person(identity) = actor else { unreachable!() };
    let reach = Reach { everything: true, ..Reach::default() };
    Actor::Person(Identity { role, reach, ..identity.clone() })
}

const WANTED: &str = "report { id status revision reason programIncome interestEarned narrative url sha256
    submittedAt submittedBy { name } acceptedBy { name } certifiedBy { name } allowedActions deadline { status }
    events { status reason programIncome sha256 person { name } } }";

async fn submit(service: &Service, actor: &Actor, input: Value) -> Value {
    service.mutate(actor, "submitReport", "SubmitReportInput", WANTED, input).await
}

async fn decide(service: &Service, actor: &Actor, name: &str, report: &Value) -> Value {
    let input = json!({ "reportId": report["id"], "revision": report["revision"] });
    service.mutate(actor, name, "DecideReportInput", WANTED, input).await
}

async fn send_back(service: &Service, actor: &Actor, report: &Value, reason: &str) -> Value {
    let input =
        json!({ "reportId": report["id"], "revision": report["revision"], "reason": reason });
    service.mutate(actor, "returnReport", "ReturnReportInput", WANTED, input).await
}

async fn approved(service: &Service, cast: &Cast, grant: &Grant, invoice: &str) -> Disbursement {
    let new = request_of(grant, invoice, "100.00");
    let requested =
        disbursements::commands::request(&service.app, &cast.finance, new, invoice).await.unwrap();
    disbursements::commands::approve(
        &service.app,
        &cast.approver,
        requested.id,
        Approval::default(),
    )
    .await
    .unwrap()
}

async fn pay(
    service: &Service,
    cast: &Cast,
    what: &Disbursement,
    paid_on: Date,
) -> thrive::Result<Disbursement> {
    let payment = Payment::new(paid_on, PaymentMethod::Ach, "ACH 1");
    let key = format!("pay {} {paid_on} {}", what.id, service.app.clock.now());
    disbursements::payment::pay(&service.app, &cast.officer, what.id, payment, &key).await
}

#[tokio::test]
async fn a_signature_brings_the_reports_that_rules_schedule_with_their_deadlines() {
    let (service, cast, grant) = scene().await;
    let nodes = listed(&service, &cast.finance, &grant).await;
    let told: Vec<_> = nodes
        .iter()
        .map(|node| {
            let text = |field: &str| node[field].as_str().unwrap();
            (text("kind"), text("dueOn"), text("status"), node["final"].as_bool().unwrap())
        })
        .collect();
    let quarter = |day| ("FINANCIAL", day, "DUE", false);
    assert_eq!(
        told,
        [
            quarter("2027-02-01"),
            quarter("2027-04-30"),
            quarter("2027-07-30"),
            quarter("2027-11-01"),
            quarter("2028-01-31"),
            quarter("2028-05-01"),
            ("FINANCIAL", "2028-07-31", "DUE", true),
            ("CLOSEOUT", "2028-10-28", "DUE", true),
        ]
    );
    assert_eq!(nodes[0]["period"], json!({ "start": "2026-10-01", "end": "2026-12-31" }));
    let deadline = &nodes[0]["deadline"];
    assert_eq!(deadline["title"], "Financial report for 1 October to 31 December 2026");
    assert_eq!(deadline["responsible"], json!([{ "name": "Fay Finance" }]));
    assert_eq!(deadline["report"]["id"], nodes[0]["id"]);
    // Invoices are asked for as disbursements, and what the funder owes is no report of the recipient.
    let query = "query ($id: ID!) { grant(id: $id) { deadlines(first: 100) { nodes { kind report { id } } } } }";
    let all = service.data(&cast.auditor, query, json!({ "id": grant.id.to_string() })).await;
    let without: Vec<_> = all["grant"]["deadlines"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|node| node["report"].is_null())
        .map(|node| node["kind"].as_str().unwrap())
        .collect();
    for kind in ["INVOICE", "PROGRESS_REPORT", "LIQUIDATE_BY"] {
        assert!(without.contains(&kind), "{without:?}");
    }
    assert!(!without.contains(&"FINANCIAL_REPORT"));
}

#[tokio::test]
async fn a_report_goes_from_due_to_certified_by_three_people() {
    let (service, cast, grant) = scene().await;
    on(&service, "2027-01-15");
    let due = listed(&service, &cast.finance, &grant).await[0].clone();
    let actions = async |expected: [Value; 4]| {
        for (actor, expected) in
            [&cast.finance, &cast.manager, &cast.officer, &cast.auditor].into_iter().zip(expected)
        {
            assert_eq!(listed(&service, actor, &grant).await[0]["allowedActions"], expected);
        }
    };
    actions([json!(["SUBMIT"]), json!([]), json!([]), json!([])]).await;
    let input = json!({ "reportId": due["id"], "revision": 1, "programIncome": "12.50", "interestEarned": "0.75",
        "narrative": " Opened the center. ", "url": "https://city.test/q2.pdf", "sha256": "a".repeat(64) });
    let handed_in = submit(&service, &cast.finance, input).await;
    assert_eq!(handed_in["userErrors"], json!([]));
    let report = &handed_in["report"];
    assert_eq!(report["deadline"]["status"], "COMPLETED");
    assert_eq!(report["submittedBy"]["name"], "Fay Finance");
    assert_eq!(
        (&report["programIncome"], &report["interestEarned"], &report["narrative"]),
        (&json!("12.50"), &json!("0.75"), &json!("Opened the center."))
    );
    actions([json!([]), json!(["RETURN", "ACCEPT"]), json!([]), json!([])]).await;

    service.tick();
    let accepted = decide(&service, &cast.manager, "acceptReport", report).await;
    assert_eq!(accepted["report"]["acceptedBy"]["name"], "Mara Manager");
    actions([json!([]), json!([]), json!(["CERTIFY"]), json!([])]).await;
    service.tick();
    let done = decide(&service, &cast.officer, "certifyReport", &accepted["report"]).await;
    let report = &done["report"];
    assert_eq!((&report["status"], &report["revision"]), (&json!("CERTIFIED"), &json!(4)));
    assert_eq!(report["certifiedBy"]["name"], "Omar Officer");
    actions([json!([]), json!([]), json!([]), json!([])]).await;
    let event = |status: &str, name: &str| {
        json!({ "status": status, "reason": null, "programIncome": "12.50", "sha256": "a".repeat(64),
                "person": { "name": name } })
    };
    assert_eq!(
        report["events"],
        json!([
            event("SUBMITTED", "Fay Finance"),
            event("ACCEPTED", "Mara Manager"),
            event("CERTIFIED", "Omar Officer"),
        ])
    );
    let again = decide(&service, &cast.officer, "certifyReport", report).await;
    assert_eq!(codes(&again), ["INVALID_STATE"]);
    assert_eq!(
        again["userErrors"][0]["message"],
        "the report is CERTIFIED, which allows nothing more"
    );
}

#[tokio::test]
async fn a_returned_report_is_due_again_until_it_is_handed_in_corrected() {
    let (service, cast, grant) = scene().await;
    on(&service, "2027-01-15");
    let due = listed(&service, &cast.finance, &grant).await[0].clone();
    let early = send_back(&service, &cast.manager, &due, "No signature.").await;
    assert_eq!(early["userErrors"][0]["message"], "the report is DUE, which allows SUBMIT");
    let plain = json!({ "reportId": due["id"], "revision": 1, "programIncome": "99.00" });
    let handed_in = submit(&service, &cast.finance, plain.clone()).await["report"].clone();
    assert_eq!(
        submit(&service, &cast.finance, plain).await["userErrors"][0]["message"],
        "the report is SUBMITTED, which allows RETURN, ACCEPT"
    );
    assert_eq!(
        codes(&send_back(&service, &cast.manager, &handed_in, " ").await),
        ["INVALID_INPUT"]
    );
    service.tick();
    let returned = send_back(&service, &cast.manager, &handed_in, "No signature. ").await;
    let report = &returned["report"];
    assert_eq!(
        (&report["status"], &report["reason"], &report["deadline"]["status"]),
        (&json!("RETURNED"), &json!("No signature."), &json!("OPEN"))
    );
    // Whoever read it before it was returned has to read it again.
    let stale = json!({ "reportId": due["id"], "revision": 2 });
    let refused = submit(&service, &cast.finance, stale).await;
    assert_eq!(codes(&refused), ["REVISION_CONFLICT"]);
    assert_eq!(refused["userErrors"][0]["field"], json!(["input", "revision"]));
    on(&service, "2027-02-02");
    let overdue = &listed(&service, &cast.auditor, &grant).await[0];
    assert_eq!((&overdue["isOverdue"], &overdue["status"]), (&json!(true), &json!("RETURNED")));
    let corrected = json!({ "reportId": due["id"], "revision": 3, "programIncome": "98.00" });
    let again = submit(&service, &cast.finance, corrected).await;
    let report = &again["report"];
    assert_eq!(
        (&report["reason"], &report["programIncome"], &report["deadline"]["status"]),
        (&Value::Null, &json!("98.00"), &json!("COMPLETED"))
    );
    // What was handed in first is still told.
    let told: Vec<_> = report["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| (event["status"].as_str().unwrap(), event["programIncome"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("SUBMITTED", "99.00"), ("RETURNED", "99.00"), ("SUBMITTED", "98.00")]);
}

#[tokio::test]
async fn each_step_is_for_its_role_and_for_another_person_than_the_one_before() {
    let (service, cast, grant) = scene().await;
    let app = &service.app;
    on(&service, "2027-01-15");
    let report = first(&service, &cast, &grant).await;
    let code = |outcome| refusal::<Report>(outcome).code;
    for actor in [&cast.manager, &cast.approver, &cast.officer, &cast.admin, &cast.auditor] {
        assert_eq!(code(commands::submit(app, actor, report.id, 1, filed()).await), Forbidden);
    }
    let other = service.organization("Other (test)", OrganizationKind::Cbo, None).await;
    let role = NewRole { organization: Some(other.id), ..NewRole::everywhere(Role::CityFinance) };
    let stranger = service.actor("Sam Stranger", role).await;
    assert_eq!(code(commands::submit(app, &stranger, report.id, 1, filed()).await), NotFound);
    // Finance staff of another organization of the city see the grant, and do not report for its recipient.
    let role = NewRole {
        organization: Some(other.id),
        city: Some(cast.city.id),
        ..NewRole::everywhere(Role::CityFinance)
    };
    let neighbor = service.actor("Ned Neighbor", role).await;
    assert_eq!(code(commands::submit(app, &neighbor, report.id, 1, filed()).await), Forbidden);

    let handed_in = submitted(&service, &cast, &report).await;
    for actor in [&cast.finance, &cast.approver, &cast.officer] {
        assert_eq!(code(commands::accept(app, actor, report.id, 2).await), Forbidden);
        assert_eq!(code(commands::send_back(app, actor, report.id, 2, "No.").await), Forbidden);
    }
    let herself = also(&cast.finance, Role::GrantManager);
    let refused = refusal(commands::accept(app, &herself, report.id, 2).await);
    assert_eq!(
        (refused.code, refused.message.as_str()),
        (
            SeparationOfDuties,
            "whoever handed a report in does not accept it: ask another grant manager"
        )
    );
    let accepted =
        commands::accept(app, &cast.manager, report.id, handed_in.revision).await.unwrap();
    for actor in [&cast.finance, &cast.manager, &cast.approver] {
        assert_eq!(code(commands::certify(app, actor, report.id, 3).await), Forbidden);
    }
    for actor in [&cast.finance, &cast.manager] {
        let in_office = also(actor, Role::FiscalOfficer);
        assert_eq!(
            code(commands::certify(app, &in_office, report.id, 3).await),
            SeparationOfDuties
        );
        assert_eq!(accepted.actions_for(&in_office, &grant, app.clock.today()), []);
    }
    assert!(matches!(
        commands::accept(app, &Actor::Anyone, report.id, 3).await,
        Err(thrive::Error::Unauthenticated)
    ));
}

#[tokio::test]
async fn a_submission_that_cannot_be_is_refused_with_the_field_to_correct() {
    let (service, cast, grant) = scene().await;
    let report = first(&service, &cast, &grant).await;
    let refused = async |submission: Submission| {
        let outcome = commands::submit(&service.app, &cast.finance, report.id, 1, submission).await;
        let refusal = refusal(outcome);
        (refusal.code, refusal.field.map(|path| path[1].clone()))
    };
    // In November its period still runs.
    assert_eq!(refused(filed()).await, (InvalidDates, None));
    on(&service, "2027-01-15");
    let on_field = |code: UserErrorCode, field: &str| (code, Some(field.to_string()));
    for (submission, expected) in [
        (
            Submission { program_income: Some(money("-0.01")), ..filed() },
            on_field(InvalidInput, "programIncome"),
        ),
        (
            Submission { interest_earned: Some(money("-1.00")), ..filed() },
            on_field(InvalidInput, "interestEarned"),
        ),
        (Submission { sha256: None, ..filed() }, on_field(InvalidInput, "sha256")),
        (Submission { url: None, ..filed() }, on_field(InvalidInput, "url")),
        (Submission { url: Some("ftp://x".into()), ..filed() }, on_field(InvalidInput, "url")),
        (Submission { sha256: Some("A".repeat(64)), ..filed() }, on_field(InvalidInput, "sha256")),
    ] {
        assert_eq!(refused(submission).await, expected);
    }
    // Nothing has to be told: what is unknown is not zero.
    let bare =
        commands::submit(&service.app, &cast.finance, report.id, 1, Submission::default()).await;
    assert_eq!(bare.unwrap().program_income, None);
}

#[tokio::test]
async fn an_overdue_report_shuts_payments_until_it_is_handed_in_and_again_when_it_is_returned() {
    let (service, cast, grant) = scene().await;
    let one = approved(&service, &cast, &grant, "1").await;
    let two = approved(&service, &cast, &grant, "2").await;
    let report = first(&service, &cast, &grant).await;
    on(&service, "2027-02-02");
    let today = service.app.clock.today();
    let shut = refusal(pay(&service, &cast, &one, today).await);
    assert_eq!(
        (shut.code, shut.message.as_str()),
        (
            RuleViolated,
            "nothing is paid while this is overdue: Financial report for 1 October to 31 December 2026, due on 2027-02-01 (Exhibit B)"
        )
    );
    // By hand it is not done.
    let by_hand = deadlines::commands::settle(
        &service.app,
        &cast.finance,
        report.deadline_id,
        1,
        Settlement::Completed,
    )
    .await;
    let by_hand = refusal(by_hand);
    assert_eq!(
        (by_hand.code, by_hand.message.as_str()),
        (
            InvalidState,
            "its report is DUE: submit the report (`submitReport`), which completes the deadline"
        )
    );
    let handed_in = submitted(&service, &cast, &report).await;
    pay(&service, &cast, &one, today).await.unwrap();

    commands::send_back(&service.app, &cast.manager, report.id, handed_in.revision, "Unsigned.")
        .await
        .unwrap();
    let shut = refusal(pay(&service, &cast, &two, today).await);
    assert!(shut.message.ends_with("due on 2027-02-01, returned (Exhibit B)"), "{}", shut.message);
    let returned = first(&service, &cast, &grant).await;
    submitted(&service, &cast, &returned).await;
    pay(&service, &cast, &two, today).await.unwrap();

    // One that a person entered shuts them as well.
    let three = approved(&service, &cast, &grant, "3").await;
    let entered = NewReport { kind: ReportKind::Financial, ..progress(&grant) };
    let entered = commands::create(&service.app, &cast.manager, entered).await.unwrap();
    let shut = refusal(pay(&service, &cast, &three, today).await);
    assert!(shut.message.contains("1 July to 31 December 2026"), "{}", shut.message);
    submitted(&service, &cast, &entered).await;
    pay(&service, &cast, &three, today).await.unwrap();
}

#[tokio::test]
async fn of_many_who_hand_a_report_in_at_once_one_does() {
    let (service, cast, grant) = scene().await;
    let report = first(&service, &cast, &grant).await;
    on(&service, "2027-01-15");
    let at_once =
        (0..6).map(|_| commands::submit(&service.app, &cast.finance, report.id, 1, filed()));
    let outcomes = futures_util::future::join_all(at_once).await;
    let (done, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!((done.len(), refused.len()), (1, 5));
    for refused in refused {
        assert_eq!(refusal(refused).code, InvalidState);
    }
    let events = store::events_of(&service.app.db, &[report.id]).await.unwrap();
    assert_eq!(events[&report.id].len(), 1);
}

#[tokio::test]
async fn a_report_that_is_waived_is_not_asked_for() {
    let (service, cast, grant) = scene().await;
    let app = &service.app;
    let request = approved(&service, &cast, &grant, "1").await;
    let report = first(&service, &cast, &grant).await;
    on(&service, "2027-02-02");
    let overdue = "{ reports(filter: { overdueOn: \"2027-02-02\" }) { totalCount } }";
    let count = async || {
        service.data(&cast.finance, overdue, none()).await["reports"]["totalCount"].clone()
    };
    assert_eq!(count().await, 1);
    let owed = async || {
        store::unaccepted(&app.db, &[grant.id]).await.unwrap().remove(&grant.id).unwrap_or_default()
    };
    assert_eq!(owed().await.len(), 8);
    let waived = Settlement::Waived { reason: "Agreed by letter.".into() };
    deadlines::commands::settle(app, &cast.manager, report.deadline_id, 1, waived).await.unwrap();
    assert_eq!(count().await, 0);
    assert_eq!(owed().await.len(), 7);
    pay(&service, &cast, &request, app.clock.today()).await.unwrap();
    // Handed in all the same, it waits for a decision like any other, and its deadline stays waived.
    let handed_in = submitted(&service, &cast, &report).await;
    assert_eq!(
        owed().await[0],
        "Financial report for 1 October to 31 December 2026, due on 2027-02-01, SUBMITTED"
    );
    assert_eq!(listed(&service, &cast.finance, &grant).await[0]["deadline"]["status"], "WAIVED");
    commands::accept(app, &cast.manager, report.id, handed_in.revision).await.unwrap();
    assert_eq!(owed().await.len(), 7);
}

#[tokio::test]
async fn a_certified_report_keeps_its_figures_while_the_grant_goes_on() {
    let (service, cast, grant) = scene().await;
    let one = approved(&service, &cast, &grant, "1").await;
    let two = approved(&service, &cast, &grant, "2").await;
    on(&service, "2026-12-10");
    pay(&service, &cast, &one, date("2026-12-10")).await.unwrap();
    on(&service, "2027-01-15");
    // Paid in the next period: not of this report.
    pay(&service, &cast, &two, date("2027-01-05")).await.unwrap();
    let three = approved(&service, &cast, &grant, "3").await;
    let report = first(&service, &cast, &grant).await;
    certified(&service, &cast, &report).await;
    let figures = async || {
        let nodes = listed(&service, &cast.finance, &grant).await;
        let all = nodes[0]["certifiedFigures"].as_array().unwrap().iter();
        let text = |one: &Value, field: &str| one[field].as_str().unwrap().to_string();
        all.map(|one| format!("{} {}", text(one, "figure"), text(one, "amount")))
            .collect::<Vec<_>>()
    };
    let before = figures().await;
    for expected in [
        "approved 100.00",
        "availableToDisburse 800.00",
        "awarded 1000.00",
        "disbursed 100.00",
        "expended 200.00",
        "interestEarned 0.75",
        "programIncome 12.50",
        "reimbursementDue 100.00",
    ] {
        assert!(before.contains(&expected.to_string()), "{before:?}");
    }
    // Every figure of the balance, and the two of reports.
    assert_eq!(before.len(), GrantBalance::default().amounts().len() + 2);

    on(&service, "2027-01-20");
    pay(&service, &cast, &three, date("2027-01-20")).await.unwrap();
    disbursements::payment::reverse(&service.app, &cast.officer, one.id, "Paid twice.", "back")
        .await
        .unwrap();
    assert_eq!(figures().await, before);
    // As of that day the ledger says the same: nothing could come into it.
    let query = "query ($id: ID!) { grant(id: $id) { balance(asOf: \"2026-12-31\") { disbursed approved } } }";
    let found = service.data(&cast.finance, query, json!({ "id": grant.id.to_string() })).await;
    assert_eq!(found["grant"]["balance"], json!({ "disbursed": "100.00", "approved": "100.00" }));
}

/// An entry as raw SQL writes it.
async fn post(db: &PgPool, grant: &Grant, day: &str) -> sqlx::Result<()> {
    sqlx::query(
        "insert into ledger_transfers (id, from_account, to_account, amount, kind, cause_id, effective_on, recorded_at)
         select gen_random_uuid(), source.id, target.id, 1, 'LAPSE', gen_random_uuid(), $2, '2027-06-30T12:00:00Z'
           from ledger_accounts source, ledger_accounts target
          where source.grant_id = $1 and source.kind = 'AVAILABLE' and target.grant_id = $1 and target.kind = 'LAPSED'",
    )
    .bind(grant.id.0)
    .bind(date(day))
    .execute(db)
    .await
    .map(|done| assert_eq!(done.rows_affected(), 1))
}

#[tokio::test]
async fn nothing_is_posted_into_days_that_a_certified_financial_report_covers() {
    let (service, cast, grant) = scene().await;
    let app = &service.app;
    let bystander = reported(&service, &cast, "R-2").await;
    let request = approved(&service, &cast, &grant, "1").await;
    let report = first(&service, &cast, &grant).await;
    on(&service, "2027-01-15");
    // A progress report tells nothing that money follows.
    let progress = commands::create(app, &cast.manager, progress(&grant)).await.unwrap();
    certified(&service, &cast, &progress).await;
    post(&app.db, &grant, "2026-12-31").await.unwrap();

    certified(&service, &cast, &report).await;
    for day in ["2026-12-31", "2026-12-01", "2026-07-01"] {
        let refused = refused_by(post(&app.db, &grant, day).await);
        assert_eq!(refused, "ledger_transfers_certified", "{day}");
    }
    let owner = service.as_owner().await;
    assert_eq!(refused_by(post(&owner, &grant, "2026-12-31").await), "ledger_transfers_certified");
    post(&app.db, &grant, "2027-01-01").await.unwrap();
    post(&app.db, &bystander, "2026-12-31").await.unwrap();

    // And in words, to whoever dates a payment back.
    let refused = refusal(pay(&service, &cast, &request, date("2026-12-20")).await);
    assert_eq!(
        (refused.code, refused.message.as_str()),
        (
            PeriodClosed,
            "a certified report of the grant covers that day: nothing more is posted into it"
        )
    );
    pay(&service, &cast, &request, date("2027-01-02")).await.unwrap();
}

#[tokio::test]
async fn what_is_posted_while_a_report_is_certified_is_counted_or_refused() {
    let (service, cast, grant) = scene().await;
    let app = &service.app;
    let report = first(&service, &cast, &grant).await;
    on(&service, "2027-01-15");
    let handed_in = submitted(&service, &cast, &report).await;
    let accepted =
        commands::accept(app, &cast.manager, report.id, handed_in.revision).await.unwrap();

    // An entry is on its way when the report is certified: the certificate waits, and counts it.
    let mut early = app.db.begin().await.unwrap();
    sqlx::query(
        "insert into ledger_transfers (id, from_account, to_account, amount, kind, cause_id, effective_on, recorded_at)
         select gen_random_uuid(), source.id, target.id, 7, 'LAPSE', gen_random_uuid(), '2026-12-31', '2027-01-15T12:00:00Z'
           from ledger_accounts source, ledger_accounts target
          where source.grant_id = $1 and source.kind = 'AVAILABLE' and target.grant_id = $1 and target.kind = 'LAPSED'",
    )
    .bind(grant.id.0)
    .execute(&mut *early)
    .await
    .unwrap();
    let certifying = tokio::spawn({
        let (app, officer) = (app.clone(), cast.officer.clone());
        async move { commands::certify(&app, &officer, report.id, accepted.revision).await }
    });
    let waiting = "select exists (select from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and query like '%from grants%')";
    while !sqlx::query_scalar::<_, bool>(waiting).fetch_one(&app.db).await.unwrap() {
        assert!(!certifying.is_finished(), "it does not wait");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    early.commit().await.unwrap();
    certifying.await.unwrap().unwrap();
    let figures =
        store::figures_of(&app.db, &[report.id]).await.unwrap().remove(&report.id).unwrap();
    let lapsed = figures.iter().find(|figure| figure.figure == "lapsed").unwrap();
    assert_eq!(lapsed.amount, money("7.00"));
    assert_eq!(refused_by(post(&app.db, &grant, "2026-12-31").await), "ledger_transfers_certified");
}

/// A report that no rule schedules.
fn progress(grant: &Grant) -> NewReport {
    NewReport {
        grant: grant.id,
        kind: ReportKind::Progress,
        period: DateRange { start: date("2026-07-01"), end: date("2026-12-31") },
        due_on: date("2027-01-31"),
        is_final: false,
    }
}

#[tokio::test]
async fn a_grant_manager_enters_a_report_that_no_rule_schedules() {
    let (service, cast, grant) = scene().await;
    let input = json!({ "grantId": grant.id.to_string(), "kind": "PROGRESS", "dueOn": "2027-01-31", "final": true,
        "period": { "start": "2026-07-01", "end": "2026-12-31" } });
    let create = async |actor: &Actor, changed: Value| {
        let mut input = input.clone();
        input.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
        let wanted = "report { status final deadline { kind title dueOn responsible { name } report { kind } }
            events { status person { name } } }";
        service.mutate(actor, "createReport", "CreateReportInput", wanted, input).await
    };
    for (changed, code, field) in [
        (json!({ "kind": "INVOICE" }), "INVALID_INPUT", "kind"),
        (json!({ "kind": "MATCH_CHECK" }), "INVALID_INPUT", "kind"),
        (
            json!({ "period": { "start": "2026-12-31", "end": "2026-12-30" } }),
            "INVALID_DATES",
            "period",
        ),
        (
            json!({ "period": { "start": "2026-06-30", "end": "2026-12-30" } }),
            "OUTSIDE_PERIOD",
            "period",
        ),
        (json!({ "dueOn": "2026-12-30" }), "INVALID_DATES", "dueOn"),
        (json!({ "dueOn": "2101-01-01" }), "INVALID_DATES", "dueOn"),
        // A rule schedules this one already.
        (
            json!({ "kind": "FINANCIAL", "period": { "start": "2026-10-01", "end": "2026-12-31" } }),
            "ALREADY_EXISTS",
            "period",
        ),
        (json!({ "grantId": "grant_00000000000000000000000000000000" }), "NOT_FOUND", "grantId"),
    ] {
        let refused = create(&cast.manager, changed).await;
        assert_eq!(codes(&refused), [code]);
        assert_eq!(refused["userErrors"][0]["field"], json!(["input", field]));
    }
    assert_eq!(codes(&create(&cast.finance, json!({})).await), ["FORBIDDEN"]);
    let draft = service.draft(&cast, "D-1", "10.00").await;
    let refused = create(&cast.manager, json!({ "grantId": draft.id.to_string() })).await;
    assert_eq!(
        refused["userErrors"][0]["message"],
        "grant D-1 is DRAFT: reports are due of a signed grant that has not ended"
    );

    let made = create(&cast.manager, json!({})).await;
    assert_eq!(
        made["report"],
        json!({ "status": "DUE", "final": true,
            "deadline": { "kind": "PROGRESS_REPORT", "dueOn": "2027-01-31",
                "title": "Progress report for 1 July to 31 December 2026",
                "responsible": [{ "name": "Fay Finance" }], "report": { "kind": "PROGRESS" } },
            "events": [{ "status": "DUE", "person": { "name": "Mara Manager" } }] })
    );
    // The schedule leaves alone what people entered.
    jobs::run_by_hand(&service.app, "deadline_schedule", None, false).await.unwrap();
    assert_eq!(listed(&service, &cast.finance, &grant).await.len(), 9);
}

async fn run(service: &Service) {
    service.tick();
    jobs::run_by_hand(&service.app, "deadline_schedule", None, false).await.unwrap();
}

#[tokio::test]
async fn a_report_follows_its_deadline_until_it_is_handed_in() {
    let (service, cast, grant) = scene().await;
    let app = &service.app;
    on(&service, "2027-04-15");
    let before = listed(&service, &cast.finance, &grant).await;
    let report = first(&service, &cast, &grant).await;
    let handed_in = submitted(&service, &cast, &report).await;
    let days = ["2027-02-01", "2027-04-30"]
        .map(|day| format!("[[holidays]]\nday = \"{day}\"\nname = \"Closed\"\n"));
    let file =
        format!("code = \"CALIFORNIA\"\nname = \"Test\"\nsource = \"A test\"\n{}", days.concat());
    let mut tx = app.db.begin().await.unwrap();
    holidays::commands::import(&mut tx, &file).await.unwrap();
    tx.commit().await.unwrap();
    run(&service).await;
    let told = |nodes: &[Value], place: usize| {
        let node = nodes.iter().find(|node| node["id"] == before[place]["id"]).unwrap();
        (node["dueOn"].as_str().unwrap().to_string(), node["revision"].as_i64().unwrap())
    };
    let after = listed(&service, &cast.finance, &grant).await;
    assert_eq!(told(&after, 0), ("2027-02-01".into(), 2));
    assert_eq!(told(&after, 1), ("2027-05-03".into(), 2));
    assert_eq!(told(&after, 2), (before[2]["dueOn"].as_str().unwrap().into(), 1));
    // Returned, it is due again, and by the day that holds now.
    commands::send_back(app, &cast.manager, report.id, handed_in.revision, "Unsigned.")
        .await
        .unwrap();
    run(&service).await;
    assert_eq!(told(&listed(&service, &cast.finance, &grant).await, 0), ("2027-02-02".into(), 4));

    // A longer period of performance has another last report, and a shorter one fewer.
    let owner = service.as_owner().await;
    let until = async |day: &str| {
        let statement = format!(
            "alter table grants disable trigger grants_guard; update grants set performance_end = '{day}'"
        );
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&owner).await.unwrap();
        run(&service).await;
        let nodes = listed(&service, &cast.finance, &grant).await;
        let last = nodes.iter().filter(|node| node["kind"] == "FINANCIAL" && node["final"] == true);
        let last: Vec<_> =
            last.map(|node| node["period"]["end"].as_str().unwrap().to_string()).collect();
        (nodes.len(), last)
    };
    assert_eq!(until("2028-09-30").await, (9, vec!["2028-09-30".into()]));
    assert_eq!(until("2027-12-31").await, (6, vec!["2027-12-31".into()]));
    assert_eq!(until("2028-06-30").await, (8, vec!["2028-06-30".into()]));
}

#[tokio::test]
async fn a_report_that_is_no_longer_due_is_out_of_sight_unless_it_was_handed_in() {
    let (service, cast, grant) = scene().await;
    let app = &service.app;
    on(&service, "2027-01-15");
    let report = first(&service, &cast, &grant).await;
    let handed_in = submitted(&service, &cast, &report).await;
    let open = listed(&service, &cast.finance, &grant).await[1].clone();
    on(&service, "2028-07-01");
    grants::commands::terminate(app, &cast.officer, grant.id, grant.revision).await.unwrap();
    let left = listed(&service, &cast.finance, &grant).await;
    assert_eq!((left.len(), &left[0]["status"]), (1, &json!("SUBMITTED")));
    let node = "query ($id: ID!) { node(id: $id) { id } }";
    let gone = service.data(&cast.auditor, node, json!({ "id": open["id"] })).await;
    assert_eq!(gone["node"], Value::Null);
    let id: ReportId = open["id"].as_str().unwrap().parse().unwrap();
    let late = commands::submit(app, &cast.finance, id, 2, filed()).await;
    assert_eq!(refusal(late).code, NotFound);
    assert_eq!(store::unaccepted(&app.db, &[grant.id]).await.unwrap()[&grant.id].len(), 1);
    // What was handed in is decided also after the end.
    let accepted =
        commands::accept(app, &cast.manager, report.id, handed_in.revision).await.unwrap();
    commands::certify(app, &cast.officer, report.id, accepted.revision).await.unwrap();
    assert_eq!(store::unaccepted(&app.db, &[grant.id]).await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_report_is_certified_when_its_period_is_over() {
    let (service, cast, grant) = scene().await;
    let app = &service.app;
    let report = first(&service, &cast, &grant).await;
    // On its last day a period is reported on, and not yet over.
    on(&service, "2026-12-31");
    let handed_in = submitted(&service, &cast, &report).await;
    let accepted =
        commands::accept(app, &cast.manager, report.id, handed_in.revision).await.unwrap();
    let early = refusal(commands::certify(app, &cast.officer, report.id, accepted.revision).await);
    assert_eq!((early.code, early.field), (InvalidDates, None));
    assert_eq!(accepted.actions_for(&cast.officer, &grant, app.clock.today()), []);
    on(&service, "2027-01-01");
    commands::certify(app, &cast.officer, report.id, accepted.revision).await.unwrap();
}

#[tokio::test]
async fn income_is_what_accepted_reports_tell_up_to_a_day() {
    let (service, cast, grant) = scene().await;
    let app = &service.app;
    let income = async |day: Option<&str>| {
        let found = store::income(&app.db, &[grant.id], day.map(date)).await.unwrap();
        found.get(&grant.id).map(|of| format!("{} {}", of.program_income, of.interest_earned))
    };
    let report = first(&service, &cast, &grant).await;
    on(&service, "2027-04-15");
    let handed_in = submitted(&service, &cast, &report).await;
    assert_eq!(income(None).await, None);
    commands::accept(app, &cast.manager, report.id, handed_in.revision).await.unwrap();
    assert_eq!(income(None).await, Some("12.50 0.75".into()));
    assert_eq!(income(Some("2026-12-30")).await, None);
    let next = listed(&service, &cast.finance, &grant).await[1]["id"].clone();
    let next: ReportId = next.as_str().unwrap().parse().unwrap();
    let handed_in = commands::submit(app, &cast.finance, next, 1, filed()).await.unwrap();
    let accepted = commands::accept(app, &cast.manager, next, handed_in.revision).await.unwrap();
    assert_eq!(income(Some("2026-12-31")).await, Some("12.50 0.75".into()));
    assert_eq!(income(Some("2027-03-31")).await, Some("25.00 1.50".into()));
    // A certified report tells the sums of its day.
    commands::certify(app, &cast.officer, next, accepted.revision).await.unwrap();
    let figures = store::figures_of(&app.db, &[next]).await.unwrap().remove(&next).unwrap();
    let told = figures.iter().find(|figure| figure.figure == "programIncome").unwrap();
    assert_eq!(told.amount, money("25.00"));
}

#[tokio::test]
async fn the_database_keeps_a_report_on_its_way_and_a_certified_one_as_it_is() {
    let (service, cast, grant) = scene().await;
    let app = &service.app;
    on(&service, "2027-01-15");
    let report = first(&service, &cast, &grant).await;
    let attempt = async |statement: &str| {
        let statement = statement.replace("ITS", &format!("id = '{}'", report.id.0));
        refused_by(sqlx::raw_sql(AssertSqlSafe(statement)).execute(&app.db).await)
    };
    let figure = format!("insert into report_figures values ('{}', 'awarded', 1)", report.id.0);
    for (statement, expected) in [
        ("update reports set status = 'ACCEPTED' where ITS", "reports_transition"),
        ("update reports set status = 'SUBMITTED' where ITS", "reports_submitted"),
        ("update reports set program_income = 1 where ITS", "reports_fixed"),
        ("update reports set deadline_id = gen_random_uuid() where ITS", "reports_fixed"),
        (&figure, "report_figures_at_certification"),
        (
            "update deadlines set status = 'COMPLETED', settled_at = now() where ITS",
            "deadlines_report_first",
        ),
        ("delete from reports", "permission denied for table reports"),
    ] {
        assert_eq!(attempt(statement).await, expected, "{statement}");
    }
    submitted(&service, &cast, &report).await;
    for (statement, expected) in [
        (
            "update reports set status = 'ACCEPTED', accepted_by = submitted_by, accepted_at = now() where ITS",
            "reports_acceptor_is_another",
        ),
        ("update reports set status = 'RETURNED' where ITS", "reports_returned_with_reason"),
        ("update reports set program_income = 1 where ITS", "reports_fixed"),
        ("update reports set due_on = '2030-01-01' where ITS", "reports_fixed"),
    ] {
        assert_eq!(attempt(statement).await, expected, "{statement}");
    }
    commands::accept(app, &cast.manager, report.id, 2).await.unwrap();
    let certify = "update reports set status = 'CERTIFIED', certified_at = '2027-01-15T20:00:00Z',
        certified_by = ";
    assert_eq!(
        attempt(&format!("{certify} (select drafted_by from grants limit 1) where ITS")).await,
        "reports_certified_with_figures"
    );
    let both = format!("{figure}; {certify} (select accepted_by from reports where ITS) where ITS");
    assert_eq!(attempt(&both).await, "reports_certifier_is_another");
    let early = format!(
        "{figure}; update reports set status = 'CERTIFIED', certified_at = '2026-12-31T20:00:00Z',
            certified_by = (select awarded_by from grants limit 1) where ITS"
    );
    assert_eq!(attempt(&early).await, "reports_certified_when_over");
    commands::certify(app, &cast.officer, report.id, 3).await.unwrap();

    for statement in [
        "update reports set narrative = 'X' where ITS",
        "update reports set updated_at = now() where ITS",
    ] {
        assert_eq!(attempt(statement).await, "reports_certified_fixed");
    }
    let more = figure.replace("'awarded'", "'more'");
    assert_eq!(attempt(&more).await, "report_figures_at_certification");
    let owner = service.as_owner().await;
    for table in ["report_figures", "report_events", "reports"] {
        for statement in [format!("delete from {table}"), format!("truncate {table} cascade")] {
            let refused = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&owner).await;
            assert!(refused_by(refused).contains("append-only"), "{table}");
        }
        let denied = attempt(&format!("delete from {table}")).await;
        assert!(denied.contains("permission denied"), "{denied}");
    }
    for change in ["update report_figures set amount = 0", "update report_events set reason = ''"] {
        let refused = sqlx::raw_sql(change).execute(&owner).await;
        assert!(refused_by(refused).contains("append-only"));
        assert!(attempt(change).await.contains("permission denied"));
    }
}

#[tokio::test]
async fn reports_overdue_by_city_are_one_filter_and_others_see_nothing() {
    let (service, cast, grant) = scene().await;
    let app = &service.app;
    // Another city's grant owes the same reports.
    let elsewhere = service.city("0644000").await;
    let other = service.organization("Other (test)", OrganizationKind::Cbo, Some(&elsewhere)).await;
    let mut new = service.draft_of(&cast, "R-9", "500.00").await;
    new.program = service.program("REPORTED").await;
    new.recipient = other.id;
    new.cities[0].city = elsewhere.id;
    let draft = grants::commands::create(app, &cast.manager, new).await.unwrap();
    let awarded = grants::commands::award(app, &cast.approver, draft.id, 1).await.unwrap();
    grants::commands::sign(app, &cast.manager, draft.id, awarded.revision, app.clock.today())
        .await
        .unwrap();
    on(&service, "2027-05-15");
    let report = first(&service, &cast, &grant).await;
    submitted(&service, &cast, &report).await;

    let count = async |actor: &Actor, filter: &str| {
        let query =
            format!("{{ reports(filter: {{ {filter} }}) {{ totalCount nodes {{ id }} }} }}");
        let found = service.data(actor, &query, none()).await["reports"].clone();
        assert_eq!(found["nodes"].as_array().unwrap().len() as i64, found["totalCount"]);
        found["totalCount"].as_i64().unwrap()
    };
    let (fresno, there) = (cast.city.id, elsewhere.id);
    for (filter, expected) in [
        (String::new(), 16),
        ("overdueOn: \"2027-05-15\"".into(), 3),
        (format!("overdueOn: \"2027-05-15\", cities: [\"{fresno}\"]"), 1),
        (format!("overdueOn: \"2027-05-15\", cities: [\"{there}\"]"), 2),
        ("overdueOn: \"2027-02-01\"".into(), 0),
        ("overdueOn: \"2027-02-02\"".into(), 1),
        (format!("recipients: [\"{}\"]", other.id), 8),
        (format!("grants: [\"{}\"]", grant.id), 8),
        ("statuses: [SUBMITTED]".into(), 1),
        ("statuses: [DUE, RETURNED], kinds: [CLOSEOUT]".into(), 2),
        ("final: true".into(), 4),
        ("final: true, kinds: [FINANCIAL]".into(), 2),
        ("dueOn: { from: \"2027-02-01\", to: \"2027-04-30\" }".into(), 4),
        ("streams: [OTHER]".into(), 16),
        ("streams: [PROP_64]".into(), 0),
        ("updatedSince: \"2027-05-01T00:00:00Z\"".into(), 1),
    ] {
        assert_eq!(count(&cast.manager, &filter).await, expected, "{filter}");
    }
    assert_eq!(count(&cast.finance, "").await, 8);
    assert_eq!(count(&cast.finance, &format!("cities: [\"{there}\"]")).await, 0);

    let role = NewRole { organization: Some(other.id), ..NewRole::everywhere(Role::CityFinance) };
    let stranger = service.actor("Sam Stranger", role).await;
    assert_eq!(count(&stranger, &format!("grants: [\"{}\"]", grant.id)).await, 0);
    let node = "query ($id: ID!) { node(id: $id) { ... on Report { id } } }";
    let id = json!({ "id": report.id.to_string() });
    assert_eq!(service.data(&stranger, node, id.clone()).await["node"], Value::Null);
    assert_eq!(service.data(&Actor::Anyone, node, id.clone()).await["node"], Value::Null);
    assert_eq!(service.data(&cast.finance, node, id.clone()).await["node"], id);
    let signed_out = service.ask(&Actor::Anyone, "{ reports { totalCount } }", none()).await;
    assert_eq!(signed_out["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");

    // Whoever is only responsible for a deadline sees neither the grant nor its report.
    let Actor::Person(identity) = &stranger else { unreachable!() };
    sqlx::query("insert into deadline_people (deadline_id, person_id) values ($1, $2)")
        .bind(report.deadline_id.0)
        .bind(identity.person.0)
        .execute(&app.db)
        .await
        .unwrap();
    let query = "query ($id: ID!) { node(id: $id) { ... on Deadline { title grant { id } report { id } } } }";
    let of = json!({ "id": report.deadline_id.to_string() });
    let seen = service.data(&stranger, query, of).await["node"].clone();
    assert_eq!((&seen["grant"], &seen["report"]), (&Value::Null, &Value::Null));
    assert!(seen["title"].is_string());

    // Page after page, either way, it is the whole list.
    for (order, direction) in [("DUE_ON", "ASC"), ("PERIOD_END", "DESC"), ("CREATED_AT", "ASC")] {
        let page = async |args: String| {
            let query = format!(
                "{{ reports(orderBy: {{ field: {order}, direction: {direction} }}, {args}) {{
                    nodes {{ id }} pageInfo {{ endCursor hasNextPage }} totals {{ count programIncome interestEarned }} }} }}"
            );
            service.data(&cast.manager, &query, none()).await["reports"].clone()
        };
        let whole = page("first: 100".into()).await;
        assert_eq!(
            whole["totals"],
            json!({ "count": 16, "programIncome": "12.50", "interestEarned": "0.75" })
        );
        let (mut all, mut after) = (vec![], String::new());
        loop {
            let part = page(format!("first: 5{after}")).await;
            all.extend(part["nodes"].as_array().unwrap().clone());
            if part["pageInfo"]["hasNextPage"] == false {
                break;
            }
            after = format!(", after: {}", part["pageInfo"]["endCursor"]);
        }
        assert_eq!(json!(all), whole["nodes"], "{order}");
    }
}
