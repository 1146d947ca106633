//! Many people at once, on real connections: money that is there once is moved once.

use std::sync::Arc;

use serde_json::{Value, json};
use thrive::{
    disbursements::{Disbursement, commands},
    error::UserErrorCode::*,
    facts::{FactKind, Subject},
    grants::{self, Grant},
};

use crate::support::{
    Cast, Service, assert_ledger_agrees,
    at_once::{APPROVE, PAY, REQUEST, REVERSE, at_once, entries},
    codes, refusal, request_of, service,
};

const BALANCE: &str = "query ($id: ID!) { grant(id: $id) {
    balance { awarded requested approved disbursed availableToDisburse }
    disbursements { totalCount totals { requested approved paid } } } }";

fn request_input(grant: &Grant, key: &str, invoice: &str, amount: &str) -> Value {
    json!({ "idempotencyKey": key, "grantId": grant.id.to_string(), "amount": amount, "invoiceNumber": invoice,
            "period": { "start": "2026-10-01", "end": "2026-10-31" } })
}

/// The payloads that changed something, which all say the same state; the others; by their refusals.
fn parted(payloads: Vec<Value>, status: &str) -> (Vec<Value>, Vec<Value>) {
    let (done, refused): (Vec<_>, Vec<_>) =
        payloads.into_iter().partition(|payload| payload["userErrors"] == json!([]));
    assert!(done.iter().all(|payload| payload["disbursement"]["status"] == status), "{done:?}");
    assert!(refused.iter().all(|payload| payload["disbursement"].is_null()), "{refused:?}");
    (done, refused)
}

async fn scene(number: &str, amount: &str) -> (Arc<Service>, Cast, Grant) {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, number, amount).await;
    (Arc::new(service), cast, grant)
}

async fn assert_balance(service: &Service, cast: &Cast, grant: &Grant, expected: Value) {
    let answer = service.data(&cast.auditor, BALANCE, json!({ "id": grant.id.to_string() })).await;
    assert_eq!(answer["grant"], expected);
    assert_ledger_agrees(&service.app.db, grant.id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_clients_ask_for_a_tenth_each_and_ten_get_it_once() {
    let (service, cast, grant) = scene("M-1", "100000.10").await;
    let inputs = (0..64)
        .map(|n| request_input(&grant, &format!("k{n}"), &format!("I-{n}"), "10000.01"))
        .collect();
    let (done, refused) =
        parted(at_once(&service, &cast.finance, REQUEST, inputs).await, "REQUESTED");
    assert_eq!((done.len(), refused.len()), (10, 54));
    for payload in &refused {
        let error = json!([{ "code": "INSUFFICIENT_AVAILABLE", "field": ["input", "amount"],
            "message": "10000.01 was asked for and 0.00 is available" }]);
        assert_eq!(payload["userErrors"], error);
    }
    let totals = json!({ "requested": "100000.10", "approved": "0.00", "paid": "0.00" });
    let balance = json!({ "awarded": "100000.10", "requested": "100000.10", "approved": "0.00", "disbursed": "0.00",
        "availableToDisburse": "0.00" });
    assert_balance(
        &service,
        &cast,
        &grant,
        json!({ "balance": balance, "disbursements": { "totalCount": 10, "totals": totals } }),
    )
    .await;

    for payload in &done {
        let input = json!({ "disbursementId": payload["disbursement"]["id"] });
        let payloads = at_once(&service, &cast.approver, APPROVE, vec![input; 64]).await;
        let (approved, refused) = parted(payloads, "APPROVED");
        assert_eq!((approved.len(), refused.len()), (1, 63));
        assert!(refused.iter().all(|payload| codes(payload) == ["INVALID_STATE"]));
    }
    assert_eq!(entries(&service, &grant).await["APPROVE"], 10);
    let totals = json!({ "requested": "0.00", "approved": "100000.10", "paid": "0.00" });
    let balance = json!({ "awarded": "100000.10", "requested": "0.00", "approved": "100000.10", "disbursed": "0.00",
        "availableToDisburse": "0.00" });
    assert_balance(
        &service,
        &cast,
        &grant,
        json!({ "balance": balance, "disbursements": { "totalCount": 10, "totals": totals } }),
    )
    .await;
}

async fn approved(
    service: &Service,
    cast: &Cast,
    grant: &Grant,
    invoice: &str,
    amount: &str,
) -> Disbursement {
    let found = service.request(cast, grant, invoice, amount).await;
    commands::approve(&service.app, &cast.approver, found.id, Default::default()).await.unwrap()
}

fn pay_input(found: &Disbursement, key: &str) -> Value {
    json!({ "idempotencyKey": key, "disbursementId": found.id.to_string(), "paidOn": "2026-11-24",
            "method": "WARRANT", "reference": "W-1" })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_requests_that_do_not_both_fit_the_second_is_told_what_is_available() {
    let (service, cast, grant) = scene("M-1", "100000.00").await;
    let paid = approved(&service, &cast, &grant, "I-0", "60000.00").await;
    parted(at_once(&service, &cast.officer, PAY, vec![pay_input(&paid, "p")]).await, "PAID");
    let inputs = ["a", "b"].map(|key| request_input(&grant, key, key, "30000.00"));
    let (done, refused) =
        parted(at_once(&service, &cast.finance, REQUEST, inputs.into()).await, "REQUESTED");
    assert_eq!((done.len(), refused.len()), (1, 1));
    assert_eq!(
        refused[0]["userErrors"][0]["message"],
        "30000.00 was asked for and 10000.00 is available"
    );
    let totals = json!({ "requested": "30000.00", "approved": "0.00", "paid": "60000.00" });
    let balance = json!({ "awarded": "100000.00", "requested": "30000.00", "approved": "0.00", "disbursed": "60000.00",
        "availableToDisburse": "10000.00" });
    assert_balance(
        &service,
        &cast,
        &grant,
        json!({ "balance": balance, "disbursements": { "totalCount": 2, "totals": totals } }),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_disbursement_is_paid_once_and_reversed_once_however_many_try() {
    let (service, cast, grant) = scene("M-1", "1000.00").await;
    let found = approved(&service, &cast, &grant, "I-0", "300.00").await;
    let inputs = (0..32).map(|n| pay_input(&found, &format!("p{n}"))).collect();
    let (done, refused) = parted(at_once(&service, &cast.officer, PAY, inputs).await, "PAID");
    assert_eq!((done.len(), refused.len()), (1, 31));
    assert!(refused.iter().all(|payload| codes(payload) == ["INVALID_STATE"]));

    let id = found.id.to_string();
    let reverse = |n| json!({ "idempotencyKey": format!("r{n}"), "disbursementId": id, "reason": "paid twice" });
    let (done, refused) = parted(
        at_once(&service, &cast.officer, REVERSE, (0..32).map(reverse).collect()).await,
        "REVERSED",
    );
    assert_eq!((done.len(), refused.len()), (1, 31));
    let moved = entries(&service, &grant).await;
    assert_eq!((&moved["PAY"], &moved["REVERSE_PAYMENT"]), (&json!(1), &json!(1)));
    assert_ledger_agrees(&service.app.db, grant.id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn approvals_and_withdrawals_at_once_leave_each_request_in_one_of_the_two() {
    let (service, cast, grant) = scene("M-1", "1000.00").await;
    for round in 0..10 {
        let id = service.request(&cast, &grant, &format!("I-{round}"), "100.00").await.id;
        let (app, approver, finance) =
            (service.app.clone(), cast.approver.clone(), cast.finance.clone());
        let approve = tokio::spawn({
            let app = app.clone();
            async move { commands::approve(&app, &approver, id, Default::default()).await }
        });
        let reject = tokio::spawn({
            let (app, approver) = (app.clone(), cast.approver.clone());
            async move { commands::reject(&app, &approver, id, "no").await }
        });
        let cancel =
            tokio::spawn(async move { commands::cancel(&app, &finance, id, "a mistake").await });
        let (approved, rejected) = (approve.await.unwrap(), reject.await.unwrap());
        let cancelled = cancel.await.unwrap();
        // An approved one may still be withdrawn; what was turned down or withdrawn stays so.
        match (approved.is_ok(), rejected.is_ok(), cancelled.is_ok()) {
            (true, false, _) | (false, true, false) | (false, false, true) => {}
            outcome => panic!("{outcome:?}"),
        }
        assert_ledger_agrees(&service.app.db, grant.id).await;
    }
}

#[tokio::test]
async fn a_key_belongs_to_one_input_of_one_person_and_a_refusal_does_not_use_it_up() {
    let (service, cast, grant) = scene("M-1", "1000.00").await;
    let app = &service.app;
    let request = async |amount: &str, key: &str| {
        commands::request(app, &cast.finance, request_of(&grant, "I-1", amount), key).await
    };
    assert_eq!(refusal(request("1000.01", "k").await).code, InsufficientAvailable);
    let made = request("10.00", "k").await.unwrap();
    assert_eq!(request("10.00", "k").await.unwrap().id, made.id);
    // The same amount, written otherwise, is the same request.
    assert_eq!(request("10", "k").await.unwrap().id, made.id);
    let reused = refusal(request("10.01", "k").await);
    assert_eq!(
        (reused.code, reused.field.unwrap()[1].as_str()),
        (IdempotencyKeyReused, "idempotencyKey")
    );

    // Answered again as it stands now, also when it could not be asked for any more.
    commands::cancel(app, &cast.officer, made.id, "a mistake").await.unwrap();
    let again = request("10.00", "k").await.unwrap();
    assert_eq!((again.id, again.status.as_str()), (made.id, "CANCELLED"));

    // It is remembered for 90 days, and then forgotten.
    service.travel(app.clock.now() + chrono::TimeDelta::days(90));
    assert_eq!(request("10.00", "k").await.unwrap().id, made.id);
    service.tick();
    assert_ne!(request("10.00", "k").await.unwrap().id, made.id);
    assert_ledger_agrees(&app.db, grant.id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_advances_at_once_exactly_as_many_as_the_cap_holds_are_accepted() {
    let service = service().await;
    let cast = service.cast().await;
    let recipient = Subject::Organization(cast.recipient.id);
    service.fact(&cast, recipient, FactKind::DisadvantagedCommunity, "YES", "2026-01-01").await;
    let mut new = service.draft_of(&cast, "PARK", "400000.00").await;
    new.program = service.program("PROP68-SPP").await;
    let draft = grants::commands::create(&service.app, &cast.manager, new).await.unwrap();
    let awarded = grants::commands::award(&service.app, &cast.approver, draft.id, 1).await.unwrap();
    let today = service.app.clock.today();
    let grant =
        grants::commands::sign(&service.app, &cast.manager, draft.id, awarded.revision, today)
            .await
            .unwrap();
    let service = Arc::new(service);

    // A quarter of the award may be outstanding: four of these.
    let inputs = (0..32).map(|number| {
        let mut input =
            request_input(&grant, &format!("key {number}"), &format!("{number}"), "25000.00");
        input["kind"] = "ADVANCE".into();
        input
    });
    let payloads = at_once(&service, &cast.finance, REQUEST, inputs.collect()).await;

    let (done, refused) = parted(payloads, "REQUESTED");
    assert_eq!((done.len(), refused.len()), (4, 28));
    assert!(refused.iter().all(|payload| codes(payload) == ["RULE_VIOLATED"]), "{refused:?}");
    assert_ledger_agrees(&service.app.db, grant.id).await;
}
