//! What counties receive by formulas: divided by the rule of the day, spent by component and layer, reverted in time.

use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use thrive::{
    access::{Actor, Role, commands::NewRole},
    allocations::layers::{self, Layer, Reversion},
    facts::{FactKind, Subject},
    fiscal_year::FiscalYear,
    id::{AllocationComponentId, AllocationReceiptId, RuleId, RuleSetId},
    jobs,
    money::Money,
    people::{self, NewOrganization, Organization, OrganizationKind},
    rule_sets::{
        Rule,
        kinds::{ReversionTerms, RuleTerms},
    },
};
use uuid::Uuid;

use crate::support::{
    Cast, Service,
    at_once::{Mutation, at_once, fifty_times},
    codes, date, none, refused_by, service,
};

const SPEND: Mutation = Mutation {
    name: "spendAllocation",
    input_type: "SpendAllocationInput",
    wanted: "spend { id component amount layers { amount receipt { reference } } }",
};
const RECEIVE: Mutation = Mutation {
    name: "recordAllocationReceipt",
    input_type: "RecordAllocationReceiptInput",
    wanted: "receipt { id fiscalYear amount rule { name citation } components { component amount spent reverted unspent } }",
};

/// A county's behavioral health department, and somebody of its finance staff.
async fn county(service: &Service, cast: &Cast, name: &str, geoid: &str) -> (Organization, Actor) {
    let county = service.city(geoid).await.county_id;
    let new = NewOrganization {
        name: format!("{name} County Behavioral Health (test)"),
        kind: OrganizationKind::County,
        city: None,
        county: Some(county),
        fictional: true,
    };
    let made = people::commands::create_organization(&service.app, &cast.admin, new).await.unwrap();
    let role = NewRole { organization: Some(made.id), ..NewRole::everywhere(Role::CityFinance) };
    let finance = service.actor(&format!("Fin {name}"), role).await;
    (made, finance)
}

const FRESNO: &str = "0627000";
/// In Humboldt County: 136,463 inhabitants.
const EUREKA: &str = "0623042";

async fn create(service: &Service, cast: &Cast, program: &str, recipient: &Organization) -> Value {
    let program = service.program(program).await.to_string();
    let input = json!({ "programId": program, "recipientId": recipient.id.to_string() });
    let wanted = "allocation { id program { code } stream { code } recipient { name } }";
    service.mutate(&cast.manager, "createAllocation", "CreateAllocationInput", wanted, input).await
}

async fn allocation(
    service: &Service,
    cast: &Cast,
    program: &str,
    recipient: &Organization,
) -> String {
    let made = create(service, cast, program, recipient).await;
    made["allocation"]["id"].as_str().unwrap_or_else(|| panic!("{made}")).into()
}

fn receipt(id: &str, on: &str, amount: &str, reference: &str) -> Value {
    json!({ "idempotencyKey": format!("{id} {reference}"), "allocationId": id, "receivedOn": on, "amount": amount,
            "reference": reference })
}

async fn mutated(service: &Service, actor: &Actor, mutation: Mutation, input: Value) -> Value {
    let Mutation { name, input_type, wanted } = mutation;
    service.mutate(actor, name, input_type, wanted, input).await
}

async fn receive(service: &Service, cast: &Cast, id: &str, on: &str, amount: &str) -> Value {
    let made =
        mutated(service, &cast.officer, RECEIVE, receipt(id, on, amount, &format!("W {on}"))).await;
    assert_eq!(made["userErrors"], json!([]));
    made["receipt"].clone()
}

fn spend(id: &str, component: &str, amount: &str, on: &str, key: &str) -> Value {
    json!({ "idempotencyKey": key, "allocationId": id, "component": component, "amount": amount, "spentOn": on,
            "description": "Services" })
}

/// What a spend takes from which receipts.
async fn spent(service: &Service, actor: &Actor, input: Value) -> Value {
    let made = mutated(service, actor, SPEND, input).await;
    assert_eq!(made["userErrors"], json!([]));
    let layers = made["spend"]["layers"].as_array().unwrap();
    layers.iter().map(|one| json!([one["receipt"]["reference"], one["amount"]])).collect()
}

async fn refused(service: &Service, actor: &Actor, mutation: Mutation, input: Value) -> Value {
    let made = mutated(service, actor, mutation, input).await;
    let error = &made["userErrors"][0];
    json!([error["code"], error["field"][1], error["message"]])
}

async fn asked(service: &Service, actor: &Actor, id: &str, fields: &str) -> Value {
    let query = format!("{{ allocation(id: \"{id}\") {{ {fields} }} }}");
    service.data(actor, &query, none()).await["allocation"].take()
}

/// Every account of an allocation, and its months, are what its entries sum to; nothing is left over.
async fn assert_agrees(service: &Service) {
    let wrong: Vec<(Uuid, Value)> = sqlx::query_as(
        "select a.id, to_jsonb(a) from ledger_accounts a
          where a.allocation_id is not null
            and (a.balance <> (select coalesce(sum(case when t.to_account = a.id then t.amount else -t.amount end), 0)
                                 from ledger_transfers t where a.id in (t.from_account, t.to_account))
                 or a.balance <> (select coalesce(sum(m.amount_in - m.amount_out), 0) from ledger_months m
                                   where m.account_id = a.id))
          union all
         select al.id, to_jsonb(al) from allocations al
          where (select sum(balance) from ledger_accounts a where a.allocation_id = al.id) <> 0
             or (select coalesce(sum(amount), 0) from allocation_receipts r where r.allocation_id = al.id)
                <> (select coalesce(-sum(balance), 0) from ledger_accounts a
                     where a.allocation_id = al.id and a.kind = 'SRC_ALLOC')",
    )
    .fetch_all(&service.app.db)
    .await
    .unwrap();
    assert_eq!(wrong, []);
}

/// A program of its own, all of whose money is CSS unless other rules are given.
async fn program(service: &Service, cast: &Cast, code: &str, rules: Value) {
    let stream =
        service.data(&cast.admin, "{ fundingStream(code: \"OTHER\") { id } }", none()).await;
    let input = json!({ "streamId": stream["fundingStream"]["id"], "code": code, "name": "A formula",
        "agency": "An agency", "kind": "FORMULA", "citation": "Its act" });
    let (name, kind) = ("createFundingProgram", "CreateFundingProgramInput");
    let made = service.mutate(&cast.admin, name, kind, "program { id }", input).await;
    let input = json!({ "programId": made["program"]["id"], "sourceUrl": "https://agency.test/rules", "rules": rules });
    let (name, kind) = ("draftRuleSet", "DraftRuleSetInput");
    let set = service.mutate(&cast.admin, name, kind, "ruleSet { id revision }", input).await;
    assert_eq!(set["userErrors"], json!([]));
    let set = &set["ruleSet"];
    let input = json!({ "ruleSetId": set["id"], "revision": set["revision"], "effectiveFrom": "2020-07-01" });
    let (name, kind) = ("activateRuleSet", "ActivateRuleSetInput");
    let active = service.mutate(&cast.admin, name, kind, "ruleSet { id }", input).await;
    assert_eq!(active["userErrors"], json!([]));
}

fn rule(name: &str, terms: Value) -> Value {
    json!({ "name": name, "citation": "Section 1", "verifiedOn": "2026-11-01", "terms": terms })
}

fn all_css() -> Value {
    rule("split", json!({ "allocationSplit": { "steps": [], "residual": "CSS" } }))
}

#[tokio::test]
async fn what_is_received_is_divided_to_the_cent_by_the_rule_of_its_day() {
    let service = service().await;
    let cast = service.cast().await;
    let (fresno, _) = county(&service, &cast, "Fresno", FRESNO).await;
    let made = create(&service, &cast, "MHSA-COUNTY", &fresno).await;
    assert_eq!(made["allocation"]["stream"]["code"], "MHSA");
    assert_eq!(made["allocation"]["recipient"]["name"], "Fresno County Behavioral Health (test)");
    let mhsa = made["allocation"]["id"].as_str().unwrap();
    let bhsa = allocation(&service, &cast, "BHSA-COUNTY", &fresno).await;

    let part = |component: &str, amount: &str| json!({ "component": component, "amount": amount, "spent": "0.00", "reverted": "0.00", "unspent": amount });
    let mut received = receive(&service, &cast, mhsa, "2026-06-30", "1234567.89").await;
    assert_eq!(received["fiscalYear"], "2025-26");
    assert_eq!(received["rule"]["name"], "components");
    assert_eq!(
        received["components"].take(),
        json!([part("INN", "61728.39"), part("PEI", "234567.90"), part("CSS", "938271.60")])
    );
    let mut received = receive(&service, &cast, &bhsa, "2026-07-01", "100.01").await;
    assert_eq!(received["fiscalYear"], "2026-27");
    assert_eq!(
        received["components"].take(),
        json!([part("HOUSING", "30.00"), part("FSP", "35.00"), part("BHSS", "35.01")])
    );
    // A cent has no part for those who take a share of it.
    let mut received = receive(&service, &cast, mhsa, "2026-06-29", "0.01").await;
    assert_eq!(
        received["components"].take(),
        json!([part("INN", "0.00"), part("PEI", "0.00"), part("CSS", "0.01")])
    );
    let balance = asked(
        &service,
        &cast.auditor,
        mhsa,
        "balance { received spent unspent asOf computedAt
        components { component received } } receipts { totalCount nodes { amount receivedOn } }",
    )
    .await;
    assert_eq!(
        balance,
        json!({ "balance": { "received": "1234567.90", "spent": "0.00", "unspent": "1234567.90",
                             "asOf": "2026-11-24", "computedAt": "2026-11-24T18:00:00+00:00",
                             "components": [{ "component": "CSS", "received": "938271.61" },
                                            { "component": "INN", "received": "61728.39" },
                                            { "component": "PEI", "received": "234567.90" }] },
                "receipts": { "totalCount": 2, "nodes": [{ "amount": "1234567.89", "receivedOn": "2026-06-30" },
                                                         { "amount": "0.01", "receivedOn": "2026-06-29" }] } })
    );
    assert_agrees(&service).await;
}

#[tokio::test]
async fn a_receipt_or_allocation_that_cannot_be_says_why() {
    let service = service().await;
    let cast = service.cast().await;
    let (fresno, finance) = county(&service, &cast, "Fresno", FRESNO).await;
    let refusal = |made: Value| {
        let error = &made["userErrors"][0];
        json!([error["code"], error["field"][1], error["message"]])
    };
    assert_eq!(
        refusal(create(&service, &cast, "PROP64-PHS", &fresno).await),
        json!([
            "INVALID_INPUT",
            "programId",
            "PROP64-PHS is COMPETITIVE: allocations are of FORMULA programs, and its money is granted"
        ])
    );
    let mhsa = allocation(&service, &cast, "MHSA-COUNTY", &fresno).await;
    let twice = create(&service, &cast, "MHSA-COUNTY", &fresno).await;
    assert_eq!(codes(&twice), ["ALREADY_EXISTS"]);
    receive(&service, &cast, &mhsa, "2026-06-01", "10.00").await;

    let pei = allocation(&service, &cast, "MHSA-PEI", &fresno).await;
    let unverified = json!([{ "name": "split", "citation": "Section 1",
        "terms": { "allocationSplit": { "steps": [], "residual": "CSS" } } }]);
    program(&service, &cast, "UNREAD", unverified).await;
    let unread = allocation(&service, &cast, "UNREAD", &fresno).await;
    sqlx::query(
        "insert into ledger_closed_months (month, closed_at) values ('2026-05-01', '2026-11-24 18:00:00Z')",
    )
    .execute(&service.app.db)
    .await
    .unwrap();
    for (id, on, amount, reference, expected) in [
        (
            &mhsa,
            "2026-06-02",
            "0.00",
            "n",
            json!([
                "AMOUNT_NOT_POSITIVE",
                "amount",
                "the amount has to be more than zero, not 0.00"
            ]),
        ),
        (
            &mhsa,
            "2026-06-02",
            "1.00",
            " ",
            json!(["INVALID_INPUT", "reference", "`reference` must not be empty"]),
        ),
        (
            &mhsa,
            "2026-11-25",
            "1.00",
            "n",
            json!([
                "INVALID_DATES",
                "receivedOn",
                "2026-11-25 has not come yet; today is 2026-11-24"
            ]),
        ),
        (
            &mhsa,
            "2026-07-01",
            "1.00",
            "n",
            json!([
                "INVALID_DATES",
                "receivedOn",
                "MHSA is not in force on 2026-07-01: record what is received then under the stream that is"
            ]),
        ),
        (
            &mhsa,
            "2026-06-02",
            "1.00",
            " w 2026-06-01",
            json!([
                "ALREADY_EXISTS",
                "reference",
                "a receipt of this allocation has this reference already"
            ]),
        ),
        (
            &mhsa,
            "2026-05-31",
            "1.00",
            "n",
            json!([
                "PERIOD_CLOSED",
                null,
                "that month is closed: give a later date, or have it opened again"
            ]),
        ),
        (
            &pei,
            "2026-06-02",
            "1.00",
            "n",
            json!([
                "INVALID_STATE",
                "receivedOn",
                "no rule of MHSA-PEI divides money on 2026-06-02: enter an ALLOCATION_SPLIT rule first"
            ]),
        ),
        (
            &unread,
            "2026-06-02",
            "1.00",
            "n",
            json!([
                "INVALID_STATE",
                "receivedOn",
                "the rule that divides the money of UNREAD on 2026-06-02 is not verified: compare it with its citation first"
            ]),
        ),
        (
            &"allocation_01990000000070008000000000000000".into(),
            "2026-06-02",
            "1.00",
            "n",
            json!(["NOT_FOUND", "allocationId", "there is no such allocation"]),
        ),
    ] {
        let mut input = receipt(id, on, amount, reference);
        input["idempotencyKey"] = json!("n");
        assert_eq!(refused(&service, &cast.officer, RECEIVE, input).await, expected);
    }
    for actor in [&cast.manager, &cast.approver, &finance, &cast.auditor] {
        let made =
            mutated(&service, actor, RECEIVE, receipt(&mhsa, "2026-06-02", "1.00", "n")).await;
        assert_eq!(codes(&made), ["FORBIDDEN"]);
    }
    let received = asked(&service, &cast.auditor, &mhsa, "balance { received }").await;
    assert_eq!(received["balance"]["received"], "10.00");
    assert_agrees(&service).await;
}

const DAYS: &str =
    "receipts { nodes { components { component spendBy revertsOn reversionEnforced atRisk
    reversionRule { name citation } } } }";

#[tokio::test]
async fn the_day_of_reversion_follows_from_the_year_of_receipt_and_the_countys_population() {
    let service = service().await;
    let cast = service.cast().await;
    let day = async |id: &str| {
        let found = asked(&service, &cast.auditor, id, DAYS).await;
        let css = &found["receipts"]["nodes"][0]["components"][2];
        assert_eq!(css["component"], "CSS");
        json!([
            css["spendBy"],
            css["revertsOn"],
            css["reversionEnforced"],
            css["reversionRule"]["name"]
        ])
    };
    let (fresno, _) = county(&service, &cast, "Fresno", FRESNO).await;
    let large = allocation(&service, &cast, "MHSA-COUNTY", &fresno).await;
    receive(&service, &cast, &large, "2024-03-15", "1000.00").await;
    assert_eq!(day(&large).await, json!(["2026-06-30", "2026-07-01", true, "reversion"]));

    let (humboldt, _) = county(&service, &cast, "Humboldt", EUREKA).await;
    let small = allocation(&service, &cast, "MHSA-COUNTY", &humboldt).await;
    receive(&service, &cast, &small, "2024-03-15", "1000.00").await;
    // Nobody verified that rule yet: it tells its day.
    let of_small = json!(["2028-06-30", "2028-07-01", false, "reversion-small-county"]);
    assert_eq!(day(&small).await, of_small);

    // The population of 1 January of the fiscal year before counts, and no later one.
    let place = Subject::County(humboldt.county_id.unwrap());
    service.fact(&cast, place, FactKind::Population, "300000", "2023-01-02").await;
    assert_eq!(day(&small).await, of_small);
    service.fact(&cast, place, FactKind::Population, "200000", "2023-01-01").await;
    assert_eq!(day(&small).await, json!(["2026-06-30", "2026-07-01", true, "reversion"]));
    service.tick();
    service.fact(&cast, place, FactKind::Population, "199999", "2023-01-01").await;
    assert_eq!(day(&small).await, of_small);
}

#[tokio::test]
async fn a_component_is_spent_from_its_oldest_receipts_and_from_no_other_component() {
    let service = service().await;
    let cast = service.cast().await;
    let (fresno, finance) = county(&service, &cast, "Fresno", FRESNO).await;
    let id = allocation(&service, &cast, "MHSA-COUNTY", &fresno).await;
    // Entered in another order than received: INN 50, PEI 190, CSS 760 of each.
    receive(&service, &cast, &id, "2025-08-01", "1000.00").await;
    receive(&service, &cast, &id, "2024-03-15", "1000.00").await;

    let input = spend(&id, "CSS", "700.00", "2025-01-10", "a");
    assert_eq!(spent(&service, &finance, input.clone()).await, json!([["W 2024-03-15", "700.00"]]));
    // The same request is answered again.
    assert_eq!(spent(&service, &finance, input).await, json!([["W 2024-03-15", "700.00"]]));
    assert_eq!(
        spent(&service, &finance, spend(&id, "CSS", "100.00", "2025-08-01", "b")).await,
        json!([["W 2024-03-15", "60.00"], ["W 2025-08-01", "40.00"]])
    );
    assert_eq!(
        spent(&service, &cast.officer, spend(&id, "INN", "50.00", "2024-03-15", "c")).await,
        json!([["W 2024-03-15", "50.00"]])
    );
    let short = |asked: &str, component: &str, available: &str, on: &str| {
        json!([
            "INSUFFICIENT_AVAILABLE",
            "amount",
            format!(
                "{asked} of {component} was asked for and {available} of it is available on {on}; other components do not pay for it"
            )
        ])
    };
    for (input, expected) in [
        // 910 of the others is no help.
        (
            spend(&id, "CSS", "720.01", "2026-06-01", "d"),
            short("720.01", "CSS", "720.00", "2026-06-01"),
        ),
        // What came later cannot have been spent before.
        (
            spend(&id, "PEI", "200.00", "2025-07-31", "d"),
            short("200.00", "PEI", "190.00", "2025-07-31"),
        ),
        (spend(&id, "PEI", "0.01", "2024-03-14", "d"), short("0.01", "PEI", "0.00", "2024-03-14")),
        // The first receipt's last day was 30 June 2026.
        (
            spend(&id, "PEI", "190.01", "2026-07-01", "d"),
            short("190.01", "PEI", "190.00", "2026-07-01"),
        ),
        (
            spend(&id, "WET", "1.00", "2026-06-01", "d"),
            json!([
                "INVALID_INPUT",
                "component",
                "`WET` is no component of this allocation: CSS, INN, PEI"
            ]),
        ),
        (
            spend(&id, "CSS", "1.00", "2026-11-25", "d"),
            json!(["INVALID_DATES", "spentOn", "2026-11-25 has not come yet; today is 2026-11-24"]),
        ),
        (
            spend(&id, "CSS", "-1.00", "2026-06-01", "d"),
            json!([
                "AMOUNT_NOT_POSITIVE",
                "amount",
                "the amount has to be more than zero, not -1.00"
            ]),
        ),
        (
            spend(&id, "CSS", "2.00", "2025-08-01", "b"),
            json!([
                "IDEMPOTENCY_KEY_REUSED",
                "idempotencyKey",
                "this idempotency key was used for another request; send a new key"
            ]),
        ),
    ] {
        assert_eq!(refused(&service, &finance, SPEND, input).await, expected);
    }
    let at = async |as_of: &str| {
        let fields = format!(
            "balance(asOf: \"{as_of}\") {{ received spent unspent components {{ component spent }} }}"
        );
        asked(&service, &cast.auditor, &id, &fields).await["balance"].take()
    };
    let of = |css: &str, inn: &str| {
        json!([{ "component": "CSS", "spent": css }, { "component": "INN", "spent": inn },
               { "component": "PEI", "spent": "0.00" }])
    };
    assert_eq!(at("2024-03-14").await["received"], "0.00");
    assert_eq!(
        at("2025-07-31").await,
        json!({ "received": "1000.00", "spent": "750.00", "unspent": "250.00", "components": of("700.00", "50.00") })
    );
    assert_eq!(
        at("2025-08-01").await,
        json!({ "received": "2000.00", "spent": "850.00", "unspent": "1150.00", "components": of("800.00", "50.00") })
    );
    let spends = asked(
        &service,
        &finance,
        &id,
        "spends { totalCount nodes { component spentOn description
        recordedBy { name } allocation { id } } } allowedActions",
    )
    .await;
    assert_eq!(
        spends["spends"]["nodes"][0],
        json!({ "component": "CSS", "spentOn": "2025-08-01", "description": "Services",
                "recordedBy": { "name": "Fin Fresno" }, "allocation": { "id": id } })
    );
    assert_eq!(
        (&spends["spends"]["totalCount"], &spends["allowedActions"]),
        (&json!(3), &json!(["SPEND"]))
    );
    assert_agrees(&service).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_spends_at_once_exactly_as_many_as_the_component_holds_succeed() {
    let service = service().await;
    let cast = service.cast().await;
    let (fresno, finance) = county(&service, &cast, "Fresno", FRESNO).await;
    let id = allocation(&service, &cast, "MHSA-COUNTY", &fresno).await;
    receive(&service, &cast, &id, "2026-03-15", "1000.00").await;
    receive(&service, &cast, &id, "2026-04-15", "1000.00").await;
    let service = Arc::new(service);

    // 1,520 of CSS: ten of these, one of which takes from both receipts.
    let inputs = (0..40).map(|n| spend(&id, "CSS", "152.00", "2026-05-01", &format!("k{n}")));
    let payloads = at_once(&service, &finance, SPEND, inputs.collect()).await;
    let (done, refused): (Vec<_>, Vec<_>) =
        payloads.into_iter().partition(|payload| payload["userErrors"] == json!([]));
    assert_eq!((done.len(), refused.len()), (10, 30));
    assert!(refused.iter().all(|payload| codes(payload) == ["INSUFFICIENT_AVAILABLE"]));
    let balance =
        asked(&service, &cast.auditor, &id, "balance { components { component unspent } }").await;
    assert_eq!(
        balance["balance"]["components"],
        json!([{ "component": "CSS", "unspent": "0.00" }, { "component": "INN", "unspent": "100.00" },
               { "component": "PEI", "unspent": "380.00" }])
    );

    let input = spend(&id, "PEI", "10.00", "2026-05-01", "the same");
    fifty_times(&service, &finance, SPEND, input).await;
    let input = receipt(&id, "2026-05-15", "500.00", "the same");
    fifty_times(&service, &cast.officer, RECEIVE, input).await;
    let balance = asked(&service, &cast.auditor, &id, "balance { received spent }").await;
    assert_eq!(balance["balance"], json!({ "received": "2500.00", "spent": "1530.00" }));
    assert_agrees(&service).await;
}

async fn revert(service: &Service, on: &str, dry_run: bool) -> String {
    let ran =
        jobs::run_by_hand(&service.app, "allocation_reversion", Some(date(on)), dry_run).await;
    ran.unwrap().summary.text
}

#[tokio::test]
async fn what_is_unspent_after_its_last_day_goes_back_once() {
    let service = service().await;
    let cast = service.cast().await;
    let (fresno, finance) = county(&service, &cast, "Fresno", FRESNO).await;
    let id = allocation(&service, &cast, "MHSA-COUNTY", &fresno).await;
    receive(&service, &cast, &id, "2024-03-15", "1000.00").await;
    receive(&service, &cast, &id, "2024-07-01", "1000.00").await;
    spent(&service, &finance, spend(&id, "CSS", "500.00", "2026-06-30", "a")).await;
    spent(&service, &finance, spend(&id, "INN", "50.00", "2026-06-30", "b")).await;
    let (humboldt, _) = county(&service, &cast, "Humboldt", EUREKA).await;
    let small = allocation(&service, &cast, "MHSA-COUNTY", &humboldt).await;
    receive(&service, &cast, &small, "2018-03-15", "1000.00").await;

    // Its last day belongs to it; a day to come takes nothing.
    assert_eq!(
        revert(&service, "2026-06-30", false).await,
        "allocations 2, layers reverted 0, 0.00 in all"
    );
    let due = "allocations 2, layers reverted 2, 450.00 in all";
    assert_eq!(revert(&service, "2026-11-24", true).await, due);
    assert_eq!(revert(&service, "2029-11-24", false).await, due);
    for _ in 0..2 {
        assert_eq!(
            revert(&service, "2026-11-24", false).await,
            "allocations 2, layers reverted 0, 0.00 in all"
        );
    }
    let at = async |as_of: &str| {
        let fields = format!("balance(asOf: \"{as_of}\") {{ spent reverted unspent }}");
        asked(&service, &finance, &id, &fields).await["balance"].take()
    };
    assert_eq!(
        at("2026-06-30").await,
        json!({ "spent": "550.00", "reverted": "0.00", "unspent": "1450.00" })
    );
    assert_eq!(
        at("2026-07-01").await,
        json!({ "spent": "550.00", "reverted": "450.00", "unspent": "1000.00" })
    );
    let fields = "receipts(last: 1) { nodes { receivedOn components { component spent reverted unspent revertedOn atRisk } } }";
    let oldest = asked(&service, &finance, &id, fields).await["receipts"]["nodes"][0].take();
    let part = |component: &str, spent: &str, reverted: &str, on: Value| {
        json!({ "component": component, "spent": spent, "reverted": reverted, "unspent": "0.00", "revertedOn": on,
                "atRisk": "0.00" })
    };
    assert_eq!(
        oldest,
        json!({ "receivedOn": "2024-03-15", "components": [
            part("INN", "50.00", "0.00", json!(null)),
            part("PEI", "0.00", "190.00", json!("2026-07-01")),
            part("CSS", "500.00", "260.00", json!("2026-07-01")),
        ] })
    );
    // Nothing is left to be spent of it, not even on a day before.
    assert_eq!(
        spent(&service, &finance, spend(&id, "CSS", "1.00", "2026-06-30", "c")).await,
        json!([["W 2024-07-01", "1.00"]])
    );
    assert_agrees(&service).await;
}

#[tokio::test]
async fn a_small_countys_money_goes_back_after_five_years_by_a_verified_rule_and_today_where_the_month_is_closed()
 {
    let service = service().await;
    let cast = service.cast().await;
    let when = |condition: Value, years: i32| json!({ "reversion": { "years": years, "when": condition } });
    let rules = json!([
        all_css(),
        rule("large", when(json!({ "fact": "POPULATION", "atLeast": 200000 }), 3)),
        rule("small", when(json!({ "fact": "POPULATION", "below": 200000 }), 5)),
    ]);
    program(&service, &cast, "FORMULA-1", rules).await;
    let (humboldt, _) = county(&service, &cast, "Humboldt", EUREKA).await;
    let id = allocation(&service, &cast, "FORMULA-1", &humboldt).await;
    receive(&service, &cast, &id, "2024-03-15", "1000.00").await;
    let (fresno, _) = county(&service, &cast, "Fresno", FRESNO).await;
    let large = allocation(&service, &cast, "FORMULA-1", &fresno).await;
    receive(&service, &cast, &large, "2024-03-15", "1000.00").await;
    sqlx::query(
        "insert into ledger_closed_months (month, closed_at) values ('2026-07-01', '2026-11-24 18:00:00Z')",
    )
    .execute(&service.app.db)
    .await
    .unwrap();

    assert_eq!(
        revert(&service, "2026-11-24", false).await,
        "allocations 2, layers reverted 1, 1000.00 in all"
    );
    let fields = "receipts { nodes { components { reverted revertedOn revertsOn } } }";
    let part = async |id: &str| {
        asked(&service, &cast.auditor, id, fields).await["receipts"]["nodes"][0]["components"][0]
            .take()
    };
    let went = |reverted: &str, on: Value, due: &str| json!({ "reverted": reverted, "revertedOn": on, "revertsOn": due });
    assert_eq!(part(&large).await, went("1000.00", json!("2026-11-24"), "2026-07-01"));
    assert_eq!(part(&id).await, went("0.00", json!(null), "2028-07-01"));

    service.travel("2028-07-01T06:59:00Z".parse().unwrap());
    assert_eq!(
        revert(&service, "2028-07-01", false).await,
        "allocations 1, layers reverted 0, 0.00 in all"
    );
    service.travel("2028-07-01T07:00:00Z".parse().unwrap());
    assert_eq!(
        revert(&service, "2028-07-01", false).await,
        "allocations 1, layers reverted 1, 1000.00 in all"
    );
    assert_eq!(part(&id).await, went("1000.00", json!("2028-07-01"), "2028-07-01"));
    assert_agrees(&service).await;
}

#[tokio::test]
async fn the_projection_spends_the_oldest_layers_at_the_pace_of_three_months_and_tells_what_will_revert()
 {
    let service = service().await;
    let cast = service.cast().await;
    let (fresno, finance) = county(&service, &cast, "Fresno", FRESNO).await;
    let id = allocation(&service, &cast, "MHSA-COUNTY", &fresno).await;
    receive(&service, &cast, &id, "2024-07-15", "1000.00").await;
    receive(&service, &cast, &id, "2025-09-01", "1000.00").await;
    // 90 in August to October: 30 a month; July and November do not count.
    for (line, (amount, on)) in [
        ("20.00", "2026-07-31"),
        ("40.00", "2026-08-01"),
        ("50.00", "2026-10-31"),
        ("10.00", "2026-11-01"),
    ]
    .into_iter()
    .enumerate()
    {
        spent(&service, &finance, spend(&id, "CSS", amount, on, &format!("s{line}"))).await;
    }
    let found = asked(&service, &finance, &id, "projection { component fiscalYear unspent burnRate projectedSpent
        projectedReversion spendBy revertsOn enforced rule { name } asOf }
        atRiskOfReversion before: atRiskOfReversion(asOf: \"2026-06-30\") later: atRiskOfReversion(asOf: \"2027-07-01\")
        balance { components { component burnRate } atRiskOfReversion withoutReversionDay }").await;
    let projected = |component: &str,
                     year: &str,
                     unspent: &str,
                     burn: &str,
                     spent: &str,
                     reverting: &str| {
        let (by, on) = if year == "2024-25" {
            ("2027-06-30", "2027-07-01")
        } else {
            ("2028-06-30", "2028-07-01")
        };
        json!({ "component": component, "fiscalYear": year, "unspent": unspent, "burnRate": burn,
                "projectedSpent": spent, "projectedReversion": reverting, "spendBy": by, "revertsOn": on,
                "enforced": true, "rule": { "name": "reversion" }, "asOf": "2026-11-24" })
    };
    assert_eq!(
        found["projection"],
        json!([
            projected("INN", "2024-25", "50.00", "0.00", "0.00", "50.00"),
            projected("PEI", "2024-25", "190.00", "0.00", "0.00", "190.00"),
            // December 2026 to June 2027 is seven months; to June 2028 twelve more.
            projected("CSS", "2024-25", "640.00", "30.00", "210.00", "430.00"),
            projected("INN", "2025-26", "50.00", "0.00", "0.00", "50.00"),
            projected("PEI", "2025-26", "190.00", "0.00", "0.00", "190.00"),
            projected("CSS", "2025-26", "760.00", "30.00", "360.00", "400.00"),
        ])
    );
    // 640 + 190 + 50 of the older layer; both layers a year later.
    assert_eq!(found["atRiskOfReversion"], "880.00");
    assert_eq!((&found["before"], &found["later"]), (&json!("0.00"), &json!("1880.00")));
    assert_eq!(
        found["balance"],
        json!({ "components": [{ "component": "CSS", "burnRate": "30.00" }, { "component": "INN", "burnRate": "0.00" },
                               { "component": "PEI", "burnRate": "0.00" }],
                "atRiskOfReversion": "880.00", "withoutReversionDay": "0.00" })
    );
}

#[tokio::test]
async fn a_prudent_reserve_lies_between_parts_of_the_average_of_five_years() {
    let service = service().await;
    let cast = service.cast().await;
    let band =
        json!({ "reserveBand": { "component": "CSS", "years": 5, "minBp": 500, "maxBp": 3300 } });
    program(&service, &cast, "FORMULA-1", json!([all_css(), rule("reserve", band)])).await;
    let (fresno, _) = county(&service, &cast, "Fresno", FRESNO).await;
    let id = allocation(&service, &cast, "FORMULA-1", &fresno).await;
    let reserves = async |as_of: &str| {
        let fields = format!(
            "reserves(asOf: \"{as_of}\") {{ component average years least most rule {{ name }} }}"
        );
        asked(&service, &cast.auditor, &id, &fields).await["reserves"].take()
    };
    assert_eq!(reserves("2026-11-24").await, json!([]));
    // A year before those that count, the five, in parts, and the one that goes on.
    for (on, amount) in [
        ("2021-06-30", "99000000.00"),
        ("2021-07-01", "10000000.00"),
        ("2022-08-01", "12000000.00"),
        ("2023-08-01", "14000000.00"),
        ("2024-08-01", "16000000.00"),
        ("2025-08-01", "17999999.99"),
        ("2026-06-30", "0.01"),
        ("2026-07-01", "50000000.00"),
    ] {
        receive(&service, &cast, &id, on, amount).await;
    }
    let found = |average: &str, years: i32, least: &str, most: &str| {
        json!([{ "component": "CSS", "average": average, "years": years, "least": least, "most": most,
                 "rule": { "name": "reserve" } }])
    };
    assert_eq!(reserves("2026-11-24").await, found("14000000.00", 5, "700000.00", "4620000.00"));
    assert_eq!(reserves("2022-06-30").await, found("99000000.00", 1, "4950000.00", "32670000.00"));
    // Nothing of it has a day to go back on: no rule says so.
    let balance = asked(
        &service,
        &cast.auditor,
        &id,
        "atRiskOfReversion balance { withoutReversionDay unspent }",
    )
    .await;
    assert_eq!(
        balance,
        json!({ "atRiskOfReversion": "0.00",
                "balance": { "withoutReversionDay": "219000000.00", "unspent": "219000000.00" } })
    );
}

#[tokio::test]
async fn recipients_see_and_spend_their_own_and_others_see_nothing() {
    let service = service().await;
    let cast = service.cast().await;
    let (fresno, own) = county(&service, &cast, "Fresno", FRESNO).await;
    let (humboldt, other) = county(&service, &cast, "Humboldt", EUREKA).await;
    let id = allocation(&service, &cast, "MHSA-COUNTY", &fresno).await;
    let theirs = allocation(&service, &cast, "BHSA-COUNTY", &humboldt).await;
    let received = receive(&service, &cast, &id, "2026-06-15", "1000.00").await;
    receive(&service, &cast, &theirs, "2026-07-15", "500.00").await;
    let made = mutated(&service, &own, SPEND, spend(&id, "CSS", "1.00", "2026-06-20", "a")).await;

    let ids = json!([id, received["id"], made["spend"]["id"]]);
    let query = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename }
        allocations { totalCount totals { count received spent unspent } nodes { recipient { name } } } }";
    let kinds = json!(["Allocation", "AllocationReceipt", "AllocationSpend"]);
    let sums = |count: i32, received: &str, spent: &str, unspent: &str| json!({ "count": count, "received": received, "spent": spent, "unspent": unspent });
    for (actor, sees, totals) in [
        (&own, true, sums(1, "1000.00", "1.00", "999.00")),
        (&other, false, sums(1, "500.00", "0.00", "500.00")),
        (&cast.finance, false, sums(0, "0.00", "0.00", "0.00")),
        (&cast.auditor, true, sums(2, "1500.00", "1.00", "1499.00")),
    ] {
        let found = service.data(actor, query, json!({ "ids": ids })).await;
        let nodes: Vec<_> = found["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|node| node["__typename"].clone())
            .collect();
        assert_eq!(json!(nodes), if sees { kinds.clone() } else { json!([null, null, null]) });
        assert_eq!(found["allocations"]["totals"], totals);
        assert_eq!(found["allocations"]["totalCount"], totals["count"]);
        assert_eq!(asked(&service, actor, &id, "id").await.is_null(), !sees);
    }
    let hidden =
        mutated(&service, &other, SPEND, spend(&id, "CSS", "1.00", "2026-06-20", "b")).await;
    assert_eq!(codes(&hidden), ["NOT_FOUND"]);
    for actor in [&cast.manager, &cast.approver, &cast.auditor] {
        let made =
            mutated(&service, actor, SPEND, spend(&id, "CSS", "1.00", "2026-06-20", "b")).await;
        assert_eq!(codes(&made), ["FORBIDDEN"]);
    }
    for query in [
        format!("{{ allocation(id: \"{id}\") {{ id }} }}"),
        "{ allocations { totalCount } }".into(),
    ] {
        let answer = service.ask(&Actor::Anyone, &query, none()).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    }
}

#[tokio::test]
async fn allocations_are_found_by_stream_program_recipient_and_change_and_ordered_by_recipient() {
    let service = service().await;
    let cast = service.cast().await;
    let (fresno, _) = county(&service, &cast, "Fresno", FRESNO).await;
    let (humboldt, _) = county(&service, &cast, "humboldt", EUREKA).await;
    let first = allocation(&service, &cast, "MHSA-COUNTY", &humboldt).await;
    service.tick();
    allocation(&service, &cast, "BHSA-COUNTY", &fresno).await;
    service.tick();
    allocation(&service, &cast, "BHSA-COUNTY", &humboldt).await;
    let program = service.program("BHSA-COUNTY").await;
    let since = service.app.clock.now() + chrono::TimeDelta::seconds(1);
    service.tick();
    receive(&service, &cast, &first, "2026-06-15", "10.00").await;
    let found = async |arguments: String| {
        let query = format!(
            "{{ allocations{arguments} {{ nodes {{ stream {{ code }} recipient {{ name }} }} }} }}"
        );
        let found =
            service.data(&cast.auditor, &query, none()).await["allocations"]["nodes"].take();
        let short = |node: &Value| {
            let (code, name) =
                (node["stream"]["code"].as_str(), node["recipient"]["name"].as_str());
            format!("{} {}", code.unwrap(), &name.unwrap()[..1])
        };
        found.as_array().unwrap().iter().map(short).collect::<Vec<_>>()
    };
    assert_eq!(found(String::new()).await, ["BHSA h", "BHSA F", "MHSA h"]);
    assert_eq!(found("(filter: { streams: [MHSA] })".into()).await, ["MHSA h"]);
    assert_eq!(
        found(format!("(filter: {{ programs: [\"{program}\"] }})")).await,
        ["BHSA h", "BHSA F"]
    );
    assert_eq!(found(format!("(filter: {{ recipients: [\"{}\"] }})", fresno.id)).await, ["BHSA F"]);
    assert_eq!(
        found(format!("(filter: {{ updatedSince: \"{}\" }})", since.to_rfc3339())).await,
        ["MHSA h"]
    );
    assert_eq!(
        found("(orderBy: { field: RECIPIENT })".into()).await,
        ["BHSA F", "MHSA h", "BHSA h"]
    );
    let query = "{ allocations(orderBy: { field: RECIPIENT }, first: 1) { edges { cursor } } }";
    let page = service.data(&cast.auditor, query, none()).await;
    let cursor = page["allocations"]["edges"][0]["cursor"].as_str().unwrap();
    assert_eq!(
        found(format!("(orderBy: {{ field: RECIPIENT }}, first: 1, after: \"{cursor}\")")).await,
        ["MHSA h"]
    );
}

/// What the service's role tries in one transaction, and the constraint or message that refuses it.
async fn attempt(service: &Service, statements: &str) -> String {
    let mut tx = service.app.db.begin().await.unwrap();
    match sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut *tx).await {
        Err(error) => refused_by::<()>(Err(error)),
        Ok(_) => refused_by(tx.commit().await),
    }
}

#[tokio::test]
async fn the_database_charges_no_other_component_overspends_nothing_and_takes_no_half_of_an_event()
{
    let service = service().await;
    let cast = service.cast().await;
    let (fresno, finance) = county(&service, &cast, "Fresno", FRESNO).await;
    let id = allocation(&service, &cast, "MHSA-COUNTY", &fresno).await;
    receive(&service, &cast, &id, "2026-05-15", "1000.00").await;
    spent(&service, &finance, spend(&id, "CSS", "1.00", "2026-05-20", "a")).await;
    spent(&service, &finance, spend(&id, "INN", "1.00", "2026-05-20", "b")).await;
    let other = allocation(&service, &cast, "BHSA-COUNTY", &fresno).await;
    receive(&service, &cast, &other, "2026-07-15", "1000.00").await;

    let uuid = |id: &str| id.split_once('_').unwrap().1.to_string();
    let (id, other) = (uuid(&id), uuid(&other));
    let event = "01990000-0000-7000-8000-000000000001";
    let spend_row = |component: &str, amount: &str| {
        format!("insert into allocation_spends (id, allocation_id, component, amount, spent_on, description, recorded_by,
                        recorded_at)
                 select '{event}', '{id}', '{component}', {amount}, '2026-06-01', 'x', recorded_by, recorded_at
                   from allocation_spends limit 1;")
    };
    let entry = |kind: &str, from: &str, to: &str, amount: &str, cause: &str| {
        format!("insert into ledger_transfers (id, from_account, to_account, amount, kind, cause_id, effective_on, recorded_at)
                 select gen_random_uuid(), ({from}), ({to}), {amount}, '{kind}', {cause}, '2026-06-01', '2026-11-24 18:00Z';")
    };
    let component = |code: &str| {
        format!("select a.id from ledger_accounts a join allocation_components c on c.id = a.item_id
                  where a.allocation_id = '{id}' and a.kind = 'COMPONENT' and c.component = '{code}'")
    };
    let gone =
        format!("select id from ledger_accounts where allocation_id = '{id}' and kind = 'SPENT'");
    let source = format!(
        "select id from ledger_accounts where allocation_id = '{id}' and kind = 'SRC_ALLOC'"
    );
    let own = format!("'{event}'");
    let known = "(select id from allocation_spends where component = 'CSS')".to_string();
    let part_of_other =
        format!("(select id from allocation_components where allocation_id = '{other}' limit 1)");
    let take = |code: &str, amount: &str, cause: &str| {
        entry("SPEND", &component(code), &gone, amount, cause)
    };
    for (statements, refused) in [
        // A spend of one component is taken from another, in whole or in part, or is no spend at all.
        (spend_row("CSS", "5") + &take("INN", "5", &own), "allocation_entries_own_component"),
        (spend_row("CSS", "5") + &take("CSS", "3", &own) + &take("PEI", "2", &own), "allocation_entries_own_component"),
        (take("CSS", "5", "gen_random_uuid()"), "allocation_entries_own_component"),
        (spend_row("CSS", "759.01") + &take("CSS", "759.01", &own), "ledger_accounts_not_overdrawn"),
        // Half of a spend, more than a spend, and a spend that moves nothing.
        (spend_row("CSS", "5") + &take("CSS", "4", &own), "allocation_events_whole"),
        (spend_row("CSS", "5") + &take("CSS", "6", &own), "allocation_events_whole"),
        (spend_row("CSS", "5"), "allocation_events_whole"),
        (take("CSS", "5", &known).replace("'2026-06-01'", "'2026-05-20'"), "ledger_transfers_once"),
        // Money that nobody received, and that nothing says reverted.
        (entry("RECEIVE", &source, &component("CSS"), "5", "gen_random_uuid()"),
         "allocation_entries_own_component"),
        (format!("insert into allocation_receipts (id, allocation_id, received_on, amount, reference, recorded_by, recorded_at)
                  select '{event}', allocation_id, received_on, 5, 'x', recorded_by, recorded_at
                    from allocation_receipts limit 1"), "allocation_events_whole"),
        (format!("insert into allocation_components (id, receipt_id, allocation_id, place, component, amount)
                  select '{event}', id, allocation_id, 9, 'MORE', 0.01 from allocation_receipts limit 1"),
         "allocation_events_whole"),
        (format!("insert into ledger_accounts (id, allocation_id, kind, item_id)
                  select gen_random_uuid(), '{id}', 'REVERTED', item_id from ledger_accounts
                   where id = ({}); ", component("CSS"))
         + &entry("REVERT", &component("CSS"),
                  &format!("select id from ledger_accounts where allocation_id = '{id}' and kind = 'REVERTED'"), "5", &own),
         "allocation_entries_own_component"),
        // Accounts of what is another's, of nothing, and of a grant's kind.
        (format!("insert into ledger_accounts (id, allocation_id, kind, item_id)
                  values (gen_random_uuid(), '{id}', 'COMPONENT', {part_of_other})"), "ledger_accounts_own_component"),
        (format!("insert into ledger_accounts (id, allocation_id, kind) values (gen_random_uuid(), '{id}', 'COMPONENT')"),
         "ledger_accounts_own_component"),
        (format!("insert into ledger_accounts (id, allocation_id, kind) values (gen_random_uuid(), '{id}', 'AVAILABLE')"),
         "ledger_accounts_own_chain"),
        (format!("insert into ledger_accounts (id, allocation_id, kind) values (gen_random_uuid(), '{event}', 'SPENT')"),
         "ledger_accounts_allocation_id_fkey"),
        // What happened stays.
        ("update allocation_receipts set amount = 1".into(), "permission denied for table allocation_receipts"),
        ("update allocation_components set component = 'CSS'".into(), "permission denied for table allocation_components"),
        ("update allocation_spends set component = 'INN'".into(), "permission denied for table allocation_spends"),
        ("delete from allocation_spends".into(), "permission denied for table allocation_spends"),
        ("truncate allocation_reversions".into(), "permission denied for table allocation_reversions"),
        ("update allocations set program_id = gen_random_uuid()".into(), "permission denied for table allocations"),
    ] {
        assert_eq!(attempt(&service, &statements).await, refused, "{statements}");
    }
    let owner = service.as_owner().await;
    for (statement, table) in [
        ("update allocation_spends set component = 'INN'", "allocation_spends"),
        ("delete from allocation_components", "allocation_components"),
        ("truncate allocation_reversions", "allocation_reversions"),
    ] {
        let refused = refused_by(sqlx::query(statement).execute(&owner).await);
        assert_eq!(refused, format!("{table} is append-only: record a reversal instead"));
    }
    assert_agrees(&service).await;
}

/// A layer of a component, received in a month of 2024 or later, that reverts after some years, or never.
fn layer(number: usize, component: &str, month: i32, cents: i64, years: Option<i32>) -> Layer {
    let received_on = date("2024-01-15").plus_months(month);
    let terms = |years| ReversionTerms { years, components: vec![], when: None };
    let rule = |years| Rule {
        id: RuleId(Uuid::nil()),
        rule_set_id: RuleSetId(Uuid::nil()),
        name: "reversion".into(),
        terms: RuleTerms::Reversion(terms(years)),
        citation: "A test".into(),
        verified_on: Some(date("2026-01-01")),
    };
    Layer {
        id: AllocationComponentId(Uuid::from_u128(number as u128)),
        receipt: AllocationReceiptId(Uuid::nil()),
        fiscal_year: FiscalYear::of(received_on),
        received_on,
        component: component.into(),
        amount: Money::from_cents(cents),
        spent: Money::ZERO,
        reverted: Money::ZERO,
        reverted_on: None,
        reversion: years.map(|years| Reversion {
            rule: rule(years),
            spend_by: terms(years).last_day(received_on),
        }),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_spend_takes_exactly_its_amount_from_open_layers_of_its_component_the_oldest_first(
        parts in prop::collection::vec((0..2usize, 0..30i32, 0..1000i64, prop::option::of(1..4i32)), 1..12),
        asked in 1..3000i64,
        month in 0..60i32,
    ) {
        let mut parts = parts;
        parts.sort_by_key(|(_, month, ..)| *month);
        let layers: Vec<_> = parts.iter().enumerate()
            .map(|(number, (which, month, cents, years))| layer(number, ["CSS", "PEI"][*which], *month, *cents, *years))
            .collect();
        let on = date("2024-01-20").plus_months(month);
        let open: Vec<_> = layers.iter().filter(|layer| {
            layer.component == "CSS" && layer.received_on <= on
                && layer.reversion.as_ref().is_none_or(|reversion| on <= reversion.spend_by)
        }).collect();
        let available: Money = open.iter().map(|layer| layer.amount).sum();
        match layers::draw(&layers, "CSS", Money::from_cents(asked), on) {
            Ok(drawn) => {
                prop_assert_eq!(drawn.iter().map(|(_, amount)| *amount).sum::<Money>(), Money::from_cents(asked));
                // All but the last that is drawn from are emptied, and none is passed by.
                let holding: Vec<_> = open.iter().filter(|layer| layer.amount.is_positive()).collect();
                for (place, (id, amount)) in drawn.iter().enumerate() {
                    prop_assert_eq!(holding[place].id, *id);
                    let emptied = holding[place].amount == *amount;
                    prop_assert!(emptied || place + 1 == drawn.len() && *amount < holding[place].amount);
                }
            }
            Err(_) => prop_assert!(available < Money::from_cents(asked)),
        }
    }

    #[test]
    fn what_is_projected_of_a_layer_is_spent_or_reverts_and_no_month_costs_more_than_the_pace(
        parts in prop::collection::vec((0..30i32, 0..100_000i64, prop::option::of(1..5i32)), 1..12),
        recent in 0..50_000i64,
        month in 0..60i32,
    ) {
        let mut parts = parts;
        parts.sort_by_key(|(month, ..)| *month);
        let layers: Vec<_> = parts.iter().enumerate()
            .map(|(number, (month, cents, years))| layer(number, "CSS", *month, *cents, *years))
            .collect();
        let on = date("2024-01-20").plus_months(month);
        let recent = BTreeMap::from([("CSS".to_string(), Money::from_cents(recent))]);
        let mut spent_so_far = Money::ZERO;
        for one in layers::project(&layers, &recent, on) {
            prop_assert_eq!(one.spent.plus(one.reverting).unwrap(), one.layer.unspent());
            prop_assert!(one.spent >= Money::ZERO && one.reverting >= Money::ZERO);
            spent_so_far = spent_so_far.plus(one.spent).unwrap();
            let months = i32::try_from((on.days_until(one.reversion.spend_by).max(0) + 31) / 28).unwrap();
            let most = recent["CSS"].ratio_half_up(months + 1, 3).unwrap();
            prop_assert!(one.spent <= most, "{} of {most}", one.spent);
        }
        prop_assert!(spent_so_far <= layers.iter().map(Layer::unspent).sum());
    }
}

#[test]
fn a_verified_rule_goes_before_another_and_the_earliest_day_of_several_counts() {
    let rule = |years, verified: Option<&str>| Rule {
        verified_on: verified.map(date),
        ..layer(0, "CSS", 0, 1, Some(years)).reversion.unwrap().rule
    };
    let day = |rules: &[Rule]| {
        let found = Reversion::of(rules, &Default::default(), "CSS", date("2024-03-15"));
        found.map(|found| (found.spend_by.to_string(), found.is_enforced()))
    };
    let (unread, five, three) =
        (rule(2, None), rule(5, Some("2026-01-01")), rule(3, Some("2026-01-01")));
    assert_eq!(day(&[]), None);
    assert_eq!(day(std::slice::from_ref(&unread)), Some(("2025-06-30".into(), false)));
    assert_eq!(day(&[unread.clone(), five.clone()]), Some(("2028-06-30".into(), true)));
    assert_eq!(day(&[unread, five, three]), Some(("2026-06-30".into(), true)));
}
