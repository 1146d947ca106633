//! What recipients add to grants: what is required, what counts, and that nothing counts twice.

use std::sync::Arc;

use serde_json::{Value, json};
use sqlx::PgPool;
use thrive::{
    access::{Actor, Role},
    disbursements::{self, Payment, PaymentMethod},
    facts::{FactKind, Subject},
    grants::{self, Grant},
    id::MatchContributionId,
    people::OrganizationKind,
};
use uuid::Uuid;

use crate::support::{
    Cast, Service,
    at_once::{Mutation, at_once},
    codes, date, none, refused_by, service,
};

const RECORD: Mutation = Mutation {
    name: "recordMatch",
    input_type: "RecordMatchInput",
    wanted: "contribution { id status amount unused reference flags effectiveOn hours hourlyRate }",
};
const ACCEPT: Mutation = Mutation {
    name: "acceptMatch",
    input_type: "AcceptMatchInput",
    wanted: "contribution { id status unused flags acceptances { amount grant { number } acceptedBy { name } } }",
};
const DECLINE: Mutation = Mutation {
    name: "declineMatch",
    input_type: "DeclineMatchInput",
    wanted: "contribution { id status unused declineReason declinedBy { name } }",
};
const BALANCE: &str = "query ($id: ID!) { grant(id: $id) {
    balance { matchRequired matchMet matchGap }
    matchStatus { required met gap proportionalRequired behind keepsPace } } }";

async fn run(service: &Service, actor: &Actor, mutation: Mutation, input: Value) -> Value {
    service.mutate(actor, mutation.name, mutation.input_type, mutation.wanted, input).await
}

/// A contribution of 1000.00 in cash, under a voucher of its own, with what differs.
fn voucher(grant: &Grant, reference: &str, with: Value) -> Value {
    let mut input = json!({
        "idempotencyKey": format!("key {reference}"), "grantId": grant.id.to_string(), "contributor": "Parks department",
        "source": "CASH", "amount": "1000.00", "contributedOn": "2026-10-15", "description": "Playground benches",
        "reference": reference,
    });
    let fields = with.as_object().unwrap().clone();
    input.as_object_mut().unwrap().extend(fields);
    input
}

async fn recorded(service: &Service, cast: &Cast, input: Value) -> Value {
    let made = run(service, &cast.finance, RECORD, input).await;
    assert_eq!(made["userErrors"], json!([]), "{made}");
    made["contribution"].clone()
}

/// Why it was refused: the code, the field, and the message.
fn why(payload: &Value) -> (String, Value, String) {
    assert!(payload["contribution"].is_null(), "not refused: {payload}");
    let error = &payload["userErrors"][0];
    let text = |name: &str| error[name].as_str().unwrap().to_string();
    (text("code"), error["field"][1].clone(), text("message"))
}

/// A program with such a rule of match, of a stream of this level.
async fn program(service: &Service, cast: &Cast, code: &str, level: &str, terms: Value) -> String {
    let stream =
        json!({ "code": code, "name": "A stream", "level": level, "effectiveFrom": "2020-01-01" });
    let wanted = "stream { id }";
    let stream = service
        .mutate(&cast.admin, "createFundingStream", "CreateFundingStreamInput", wanted, stream)
        .await;
    let input = json!({
        "streamId": stream["stream"]["id"], "code": format!("{code}-1"), "name": "A program",
        "agency": "An agency", "kind": "COMPETITIVE", "citation": "Its announcement",
    });
    let name = "createFundingProgram";
    let made = service
        .mutate(&cast.admin, name, "CreateFundingProgramInput", "program { id }", input)
        .await;
    let program = made["program"]["id"].as_str().unwrap().to_string();
    let rule = json!({ "name": "match", "citation": "Announcement, page 3", "verifiedOn": "2026-11-01",
        "terms": { "match": terms } });
    let set =
        json!({ "programId": program, "sourceUrl": "https://agency.test/rules", "rules": [rule] });
    let wanted = "ruleSet { id revision }";
    let set =
        service.mutate(&cast.admin, "draftRuleSet", "DraftRuleSetInput", wanted, set).await["ruleSet"].clone();
    let input = json!({ "ruleSetId": set["id"], "revision": set["revision"], "effectiveFrom": "2026-01-01" });
    let active =
        service.mutate(&cast.admin, "activateRuleSet", "ActivateRuleSetInput", wanted, input).await;
    assert_eq!(active["userErrors"], json!([]));
    program
}

async fn signed(
    service: &Service,
    cast: &Cast,
    program: &str,
    number: &str,
    amount: &str,
) -> Grant {
    let mut new = service.draft_of(cast, number, amount).await;
    new.program = match program.parse() {
        Ok(id) => id,
        Err(_) => service.program(program).await,
    };
    let draft = grants::commands::create(&service.app, &cast.manager, new).await.unwrap();
    let app = &service.app;
    let awarded = grants::commands::award(app, &cast.approver, draft.id, 1).await.unwrap();
    let today = app.clock.today();
    grants::commands::sign(app, &cast.manager, draft.id, awarded.revision, today).await.unwrap()
}

async fn of_grant(service: &Service, cast: &Cast, grant: &Grant) -> Value {
    service.data(&cast.auditor, BALANCE, json!({ "id": grant.id.to_string() })).await["grant"]
        .clone()
}

fn figures(required: &str, met: &str, gap: &str) -> Value {
    json!({ "matchRequired": required, "matchMet": met, "matchGap": gap })
}

/// The service, its people, and a grant of 200,000.00 that 20 percent are to be added to.
async fn scene() -> (Arc<Service>, Cast, Grant) {
    let service = service().await;
    let cast = service.cast().await;
    let grant = signed(&service, &cast, "PROP68-PERCAPITA", "PARK-1", "200000.00").await;
    (Arc::new(service), cast, grant)
}

#[tokio::test]
async fn a_match_of_a_fifth_is_taken_of_the_grant_or_of_the_whole_cost_and_may_be_waived() {
    let (service, cast, park) = scene().await;
    let terms = json!({ "bp": 2000, "base": "TOTAL_COST", "sources": ["CASH"] });
    let program = program(&service, &cast, "TOTAL", "STATE", terms).await;
    let whole = signed(&service, &cast, &program, "WHOLE-1", "200000.00").await;

    let expected = figures("40000.00", "0.00", "40000.00");
    assert_eq!(of_grant(&service, &cast, &park).await["balance"], expected);
    let expected = figures("50000.00", "0.00", "50000.00");
    assert_eq!(of_grant(&service, &cast, &whole).await["balance"], expected);

    // Median household income below 60 percent of the statewide one.
    let city = Subject::City(cast.city.id);
    service.fact(&cast, city, FactKind::MedianIncomeShare, "5500", "2026-11-01").await;
    let expected = figures("0.00", "0.00", "0.00");
    assert_eq!(of_grant(&service, &cast, &park).await["balance"], expected);
    let query = "query ($id: ID!) { grant(id: $id) { findings { severity amount message rule { name } } } }";
    let found = service.data(&cast.finance, query, json!({ "id": park.id.to_string() })).await;
    let findings = found["grant"]["findings"].as_array().unwrap();
    let reason = findings.iter().find(|finding| finding["rule"]["name"] == "match").unwrap();
    assert_eq!(
        reason,
        &json!({ "severity": "INFO", "amount": "0.00", "rule": { "name": "match" },
            "message": "the match of 40000.00 is waived: MEDIAN_INCOME_SHARE is 5500 as of 2026-11-01" })
    );
}

#[tokio::test]
async fn parts_of_a_contribution_count_for_several_grants_and_together_for_no_more_than_it_is() {
    let (service, cast, first) = scene().await;
    let second = signed(&service, &cast, "PROP68-PERCAPITA", "PARK-2", "100000.00").await;
    let made =
        recorded(&service, &cast, voucher(&first, " V-1 ", json!({ "amount": "50000.00" }))).await;
    assert_eq!(
        made,
        json!({ "id": made["id"], "status": "RECORDED", "amount": "50000.00", "unused": "50000.00", "reference": "V-1",
            "flags": [], "effectiveOn": "2026-10-15", "hours": null, "hourlyRate": null })
    );
    let id = &made["id"];
    // Recorded is not accepted.
    assert_eq!(
        of_grant(&service, &cast, &first).await["balance"],
        figures("40000.00", "0.00", "40000.00")
    );

    let accept = async |with: Value| {
        let mut input = json!({ "contributionId": id });
        input.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
        run(&service, &cast.manager, ACCEPT, input).await
    };
    let (code, field, _) = why(&accept(json!({ "amount": "40000.00" })).await);
    assert_eq!((code.as_str(), &field), ("INVALID_INPUT", &json!("idempotencyKey")));
    let part = json!({ "amount": "40000.00", "idempotencyKey": "a" });
    let once = accept(part.clone()).await;
    assert_eq!(once, accept(part).await, "the same key is the same acceptance");
    let (code, field, message) = why(&accept(
        json!({ "amount": "10000.01", "idempotencyKey": "b", "grantId": second.id.to_string() }),
    )
    .await);
    assert_eq!((code.as_str(), &field), ("INSUFFICIENT_AVAILABLE", &json!("amount")));
    assert_eq!(message, "10000.01 is more than the 10000.00 that is left of it");

    service.tick();
    let rest = accept(json!({ "grantId": second.id.to_string() })).await;
    assert_eq!(
        rest["contribution"],
        json!({ "id": id, "status": "ACCEPTED", "unused": "0.00", "flags": ["SPLIT"], "acceptances": [
            { "amount": "40000.00", "grant": { "number": "PARK-1" }, "acceptedBy": { "name": "Mara Manager" } },
            { "amount": "10000.00", "grant": { "number": "PARK-2" }, "acceptedBy": { "name": "Mara Manager" } } ] })
    );
    assert_eq!(
        of_grant(&service, &cast, &first).await["balance"],
        figures("40000.00", "40000.00", "0.00")
    );
    assert_eq!(
        of_grant(&service, &cast, &second).await["balance"],
        figures("20000.00", "10000.00", "10000.00")
    );
    let (code, _, message) = why(&accept(json!({})).await);
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("INVALID_STATE", "all of the contribution is accepted already")
    );
    assert_match_agrees(&service.app.db).await;

    let query = "query ($id: ID!, $match: ID!) {
        grant(id: $id) {
            matchContributions { totalCount totals { count amount unused } nodes { reference } }
            matchAcceptances { totalCount totalAmount nodes { amount contribution { reference grant { number } } } } }
        node(id: $match) { ... on MatchContribution { reference } } }";
    let listed = service
        .data(&cast.finance, query, json!({ "id": second.id.to_string(), "match": id }))
        .await;
    let acceptance = json!({ "amount": "10000.00", "contribution": { "reference": "V-1", "grant": { "number": "PARK-1" } } });
    assert_eq!(
        listed,
        json!({ "node": { "reference": "V-1" }, "grant": {
            "matchContributions": { "totalCount": 0, "totals": { "count": 0, "amount": "0.00", "unused": "0.00" }, "nodes": [] },
            "matchAcceptances": { "totalCount": 1, "totalAmount": "10000.00", "nodes": [acceptance] } } })
    );
}

/// Each contribution is what is unused and what was accepted of it, in rows and in accounts; and so is each grant's match.
async fn assert_match_agrees(db: &PgPool) {
    let wrong: Vec<(String,)> = sqlx::query_as(
        "select c.reference from match_contributions c
          where coalesce((select balance from ledger_accounts where contribution_id = c.id and kind = 'MATCH_UNUSED'), 0)
                <> (case when c.declined_at is null then c.amount else 0 end)
                   - coalesce((select sum(amount) from match_acceptances where contribution_id = c.id), 0)
         union all
         select g.number from grants g
          where grant_balance(g.id, 'MATCH_MET')
                <> coalesce((select sum(amount) from match_acceptances where grant_id = g.id), 0)
         union all
         select 'all' where (select coalesce(sum(balance), 0) from ledger_accounts
                              where kind in ('SRC_MATCH', 'MATCH_UNUSED', 'MATCH_MET')) <> 0",
    )
    .fetch_all(db)
    .await
    .unwrap();
    assert_eq!(wrong, []);
}

#[tokio::test]
async fn whoever_recorded_a_contribution_does_not_decide_it_and_others_roles_do_not_either() {
    let (service, cast, grant) = scene().await;
    let made = recorded(&service, &cast, voucher(&grant, "V-1", json!({}))).await;
    let id = json!({ "contributionId": made["id"] });
    let declining = json!({ "contributionId": made["id"], "reason": "no receipt" });
    // The same person as a grant manager: duties separate people, not tokens.
    let Actor::Person(mut own) = cast.finance.clone() else { unreachable!() };
    own.role = Role::GrantManager;
    own.reach.everything = true;
    let own = Actor::Person(own);
    for (mutation, input) in [(ACCEPT, &id), (DECLINE, &declining)] {
        let (code, ..) = why(&run(&service, &own, mutation, input.clone()).await);
        assert_eq!(code, "SEPARATION_OF_DUTIES");
        for actor in [&cast.finance, &cast.approver, &cast.officer, &cast.auditor] {
            assert_eq!(why(&run(&service, actor, mutation, input.clone()).await).0, "FORBIDDEN");
        }
    }
    for actor in [&cast.manager, &cast.approver, &cast.auditor] {
        let refused = run(&service, actor, RECORD, voucher(&grant, "V-2", json!({}))).await;
        assert_eq!(why(&refused).0, "FORBIDDEN");
    }
    let query = "query ($id: ID!) { node(id: $id) { ... on MatchContribution { allowedActions recordedBy { name } } } }";
    for (actor, expected) in [
        (&cast.manager, json!(["ACCEPT", "DECLINE"])),
        (&cast.finance, json!([])),
        (&own, json!([])),
    ] {
        let node = service.data(actor, query, json!({ "id": made["id"] })).await["node"].clone();
        assert_eq!(
            node,
            json!({ "allowedActions": expected, "recordedBy": { "name": "Fay Finance" } })
        );
    }
}

#[tokio::test]
async fn a_contribution_that_is_declined_counts_for_nothing_and_may_be_recorded_again() {
    let (service, cast, grant) = scene().await;
    let made = recorded(&service, &cast, voucher(&grant, "V-1", json!({}))).await;
    let decline = async |reason: &str| {
        let input = json!({ "contributionId": made["id"], "reason": reason });
        run(&service, &cast.manager, DECLINE, input).await
    };
    assert_eq!(why(&decline("  ").await).1, json!("reason"));
    let declined = decline("the receipt is of 900.00").await;
    assert_eq!(
        declined["contribution"],
        json!({ "id": made["id"], "status": "DECLINED", "unused": "0.00", "declineReason": "the receipt is of 900.00",
            "declinedBy": { "name": "Mara Manager" } })
    );
    for refused in [
        decline("again").await,
        run(&service, &cast.manager, ACCEPT, json!({ "contributionId": made["id"] })).await,
    ] {
        let (code, _, message) = why(&refused);
        assert_eq!(code, "INVALID_STATE");
        assert_eq!(message, "the contribution was declined: record it again, corrected");
    }

    let corrected = json!({ "amount": "900.00", "idempotencyKey": "corrected" });
    let again = recorded(&service, &cast, voucher(&grant, "v-1", corrected)).await;
    let input = json!({ "contributionId": again["id"], "amount": "100.00", "idempotencyKey": "p" });
    assert_eq!(codes(&run(&service, &cast.manager, ACCEPT, input).await), [""; 0]);
    let input = json!({ "contributionId": again["id"], "reason": "after all" });
    let (code, _, message) = why(&run(&service, &cast.manager, DECLINE, input).await);
    assert_eq!(code, "INVALID_STATE");
    assert!(message.contains("part of the contribution is accepted"), "{message}");
    assert_match_agrees(&service.app.db).await;
}

#[tokio::test]
async fn what_is_recorded_has_its_day_its_worth_and_its_proof() {
    let (service, cast, grant) = scene().await;
    let volunteers = json!({ "source": "VOLUNTEER", "valuationBasis": "Rate of the city's own staff", "amount": "262.54",
        "hours": "7.50", "hourlyRate": "35.005" });
    let rate = |rate: &str| {
        let mut with = volunteers.clone();
        with["hourlyRate"] = json!(rate);
        with
    };
    let refused = [
        (json!({ "amount": "0.00" }), "AMOUNT_NOT_POSITIVE", "amount", "more than zero"),
        (json!({ "contributor": " " }), "INVALID_INPUT", "contributor", "must not be empty"),
        (json!({ "reference": "" }), "INVALID_INPUT", "reference", "must not be empty"),
        (json!({ "description": "" }), "INVALID_INPUT", "description", "must not be empty"),
        (
            json!({ "contributedOn": "2026-06-30" }),
            "OUTSIDE_PERIOD",
            "contributedOn",
            "from 2026-07-01 to 2028-06-30",
        ),
        (
            json!({ "contributedOn": "2026-11-25" }),
            "INVALID_DATES",
            "contributedOn",
            "has not come yet",
        ),
        (
            json!({ "effectiveOn": "2026-10-14" }),
            "INVALID_DATES",
            "effectiveOn",
            "from 2026-10-15 to 2026-11-24",
        ),
        (
            json!({ "effectiveOn": "2026-11-25" }),
            "INVALID_DATES",
            "effectiveOn",
            "not from 2026-11-25",
        ),
        (json!({ "source": "IN_KIND" }), "INVALID_INPUT", "valuationBasis", "IN_KIND is not money"),
        (
            json!({ "source": "VOLUNTEER", "valuationBasis": " " }),
            "INVALID_INPUT",
            "valuationBasis",
            "must not be empty",
        ),
        (
            json!({ "hours": "7.50", "hourlyRate": "35.00" }),
            "INVALID_INPUT",
            "hours",
            "not of CASH",
        ),
        (json!({ "hours": "7.50" }), "INVALID_INPUT", "hourlyRate", "together, or neither"),
        (rate("0.00"), "INVALID_INPUT", "hourlyRate", "more than zero"),
        (rate("35.00"), "INVALID_INPUT", "amount", "worth 262.50, and `amount` is 262.54"),
    ];
    for (number, (with, code, field, words)) in refused.into_iter().enumerate() {
        let mut input = voucher(&grant, &format!("V-{number}"), json!({}));
        input.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
        let (found, at, message) = why(&run(&service, &cast.finance, RECORD, input.clone()).await);
        assert_eq!((found.as_str(), &at), (code, &json!(field)), "{input}: {message}");
        assert!(message.contains(words), "{message}");
    }
    let count: i64 = sqlx::query_scalar(
        "select count(*) from ledger_accounts where contribution_id is not null",
    )
    .fetch_one(&service.app.db)
    .await
    .unwrap();
    assert_eq!(count, 0);

    // 7.50 hours at 35.01 are 262.575, half a cent of which rounds up.
    let mut right = rate("35.01");
    right["amount"] = json!("262.58");
    let made = recorded(&service, &cast, voucher(&grant, "T-1", right)).await;
    assert_eq!((&made["hours"], &made["hourlyRate"]), (&json!("7.50"), &json!("35.01")));
    assert_eq!(made["flags"], json!(["VALUED"]));
}

#[tokio::test]
async fn one_reference_is_one_contribution_across_awards_and_no_cost_that_a_grant_bears() {
    let (service, cast, grant) = scene().await;
    let other = signed(&service, &cast, "PROP68-PERCAPITA", "PARK-2", "1000.00").await;
    let first = recorded(&service, &cast, voucher(&grant, "V-1", json!({}))).await;
    let again = run(&service, &cast.finance, RECORD, voucher(&grant, "V-1", json!({}))).await;
    assert_eq!(again["contribution"], first, "the same key is answered again");

    let (code, field, message) = why(&run(
        &service,
        &cast.finance,
        RECORD,
        voucher(&other, "  v-1", json!({ "idempotencyKey": "2" })),
    )
    .await);
    assert_eq!((code.as_str(), &field), ("ALREADY_EXISTS", &json!("reference")));
    assert!(message.contains("for grant PARK-1"), "{message}");

    let spend = async |reference: &str| {
        let input = json!({ "idempotencyKey": format!("cost {reference}"), "grantId": other.id.to_string(),
            "amount": "10.00", "incurredOn": "2026-10-15", "description": "Benches", "reference": reference });
        let wanted = "expenditure { id }";
        service
            .mutate(&cast.finance, "recordExpenditure", "RecordExpenditureInput", wanted, input)
            .await
    };
    let cost = spend("C-1").await;
    assert_eq!(cost["userErrors"], json!([]));
    let (code, field, message) =
        why(&run(&service, &cast.finance, RECORD, voucher(&grant, "c-1 ", json!({}))).await);
    assert_eq!((code.as_str(), &field), ("INVALID_INPUT", &json!("reference")));
    assert!(message.contains("grant PARK-2 bears"), "{message}");
    let charged = spend(" V-1").await;
    assert_eq!(charged["userErrors"][0]["field"], json!(["input", "reference"]));
    assert!(
        charged["userErrors"][0]["message"].as_str().unwrap().contains("no cost of a grant"),
        "{charged}"
    );

    // Another recipient has vouchers of its own.
    let elsewhere =
        service.organization("Fresno Youth Works (test)", OrganizationKind::Cbo, None).await;
    let theirs = thrive::access::commands::NewRole {
        organization: Some(elsewhere.id),
        ..thrive::access::commands::NewRole::everywhere(Role::CityFinance)
    };
    let theirs = service.actor("Fio Finance", theirs).await;
    let (code, ..) = why(&run(&service, &theirs, RECORD, voucher(&grant, "W-1", json!({}))).await);
    assert_eq!(code, "NOT_FOUND");
    let mut new = service.draft_of(&cast, "YOUTH-1", "1000.00").await;
    new.recipient = elsewhere.id;
    let draft = grants::commands::create(&service.app, &cast.manager, new).await.unwrap();
    sqlx::query("alter table match_contributions disable trigger match_contributions_posted")
        .execute(&service.as_owner().await)
        .await
        .unwrap();
    let copied = "insert into match_contributions select (jsonb_populate_record(c, jsonb_build_object(
        'id', gen_random_uuid(), 'grant_id', $1::uuid, 'recipient_id', $2::uuid))).* from match_contributions c";
    let done =
        sqlx::query(copied).bind(draft.id.0).bind(elsewhere.id.0).execute(&service.app.db).await;
    assert_eq!(done.unwrap().rows_affected(), 1);
}

#[tokio::test]
async fn federal_money_matches_a_federal_award_only_by_a_statute_and_a_rule_names_what_matches() {
    let (service, cast, _) = scene().await;
    let all = json!({ "bp": 2000, "base": "GRANT", "sources": ["CASH", "FEDERAL"] });
    let federal = program(&service, &cast, "FED", "FEDERAL", all).await;
    let federal = signed(&service, &cast, &federal, "FED-1", "1000.00").await;
    let cash = json!({ "bp": 2000, "base": "GRANT", "sources": ["CASH"] });
    let strict = program(&service, &cast, "STRICT", "STATE", cash).await;
    let strict = signed(&service, &cast, &strict, "STRICT-1", "1000.00").await;

    let (code, field, message) = why(&run(
        &service,
        &cast.finance,
        RECORD,
        voucher(&federal, "F-1", json!({ "source": "FEDERAL" })),
    )
    .await);
    assert_eq!((code.as_str(), &field), ("RULE_VIOLATED", &json!("authorizingStatute")));
    assert!(message.contains("2 CFR 200.306(b)(5)"), "{message}");
    let (code, _, message) = why(&run(
        &service,
        &cast.finance,
        RECORD,
        voucher(&strict, "F-1", json!({ "source": "FEDERAL" })),
    )
    .await);
    assert_eq!(code, "RULE_VIOLATED");
    assert_eq!(message, "the match may be made of CASH, and not of FEDERAL (Announcement, page 3)");

    let by_statute = json!({ "source": "FEDERAL", "authorizingStatute": "23 U.S.C. 120(j)" });
    let made = recorded(&service, &cast, voucher(&federal, "F-1", by_statute)).await;
    assert_eq!(made["flags"], json!(["FEDERAL_FOR_FEDERAL"]));
    // Nor is it accepted for a grant whose rule does not name it.
    let input = json!({ "contributionId": made["id"], "grantId": strict.id.to_string() });
    assert_eq!(why(&run(&service, &cast.manager, ACCEPT, input).await).0, "RULE_VIOLATED");
}

#[tokio::test]
async fn a_part_counts_only_for_a_grant_in_whose_period_it_arose() {
    let (service, cast, grant) = scene().await;
    let mut later = service.draft_of(&cast, "LATE-1", "1000.00").await;
    later.performance.start = date("2026-11-01");
    let draft = grants::commands::create(&service.app, &cast.manager, later).await.unwrap();
    let app = &service.app;
    let awarded = grants::commands::award(app, &cast.approver, draft.id, 1).await.unwrap();
    let made = recorded(&service, &cast, voucher(&grant, "V-1", json!({}))).await;
    let input = json!({ "contributionId": made["id"], "grantId": draft.id.to_string() });

    let (code, _, message) = why(&run(&service, &cast.manager, ACCEPT, input.clone()).await);
    assert_eq!(code, "INVALID_STATE");
    assert!(message.contains("is AWARDED"), "{message}");
    let today = app.clock.today();
    grants::commands::sign(app, &cast.manager, draft.id, awarded.revision, today).await.unwrap();
    let (code, field, message) = why(&run(&service, &cast.manager, ACCEPT, input).await);
    assert_eq!((code.as_str(), &field), ("OUTSIDE_PERIOD", &json!("grantId")));
    assert!(message.contains("from 2026-11-01"), "{message}");
}

#[tokio::test]
async fn the_match_is_to_keep_pace_with_what_is_paid_and_a_request_says_how_it_stands() {
    let (service, cast, grant) = scene().await;
    let app = &service.app;
    let request = service.request(&cast, &grant, "I-1", "50000.00").await;
    let query = "query ($id: ID!) { node(id: $id) { ... on Disbursement { findings { severity amount message rule { name } } } } }";
    let finding = async || {
        let found =
            service.data(&cast.finance, query, json!({ "id": request.id.to_string() })).await;
        let findings = found["node"]["findings"].as_array().unwrap().clone();
        findings.into_iter().find(|finding| finding["rule"]["name"] == "match").unwrap()
    };
    let expected = |severity: &str, amount: &str, message: &str| {
        json!({ "severity": severity, "amount": amount, "message": message,
        "rule": { "name": "match" } })
    };
    assert_eq!(
        finding().await,
        expected(
            "WARN",
            "10000.00",
            "the match is 10000.00 behind: 0.00 is accepted, and 10000.00 goes with 50000.00 of the award's 200000.00"
        )
    );

    let made =
        recorded(&service, &cast, voucher(&grant, "V-1", json!({ "amount": "10000.00" }))).await;
    run(&service, &cast.manager, ACCEPT, json!({ "contributionId": made["id"] })).await;
    assert_eq!(
        finding().await,
        expected(
            "INFO",
            "0.00",
            "the match keeps pace: 10000.00 is accepted, and 10000.00 goes with 50000.00 of the award's 200000.00"
        )
    );

    let standing = |proportional: &str, behind: &str, pace: bool| {
        json!({ "required": "40000.00", "met": "10000.00", "gap": "30000.00",
        "proportionalRequired": proportional, "behind": behind, "keepsPace": pace })
    };
    assert_eq!(
        of_grant(&service, &cast, &grant).await["matchStatus"],
        standing("0.00", "0.00", true)
    );
    let document = json!({ "grantId": grant.id.to_string(), "kind": "RESOLUTION", "title": "Resolution 1",
        "datedOn": "2026-11-01", "url": "https://city.test/1", "sha256": "0".repeat(64) });
    service
        .mutate(
            &cast.manager,
            "addGrantDocument",
            "AddGrantDocumentInput",
            "document { id }",
            document,
        )
        .await;
    for (invoice, amount) in [("I-1", "50000.00"), ("I-2", "25000.00")] {
        let request = match invoice {
            "I-1" => request.clone(),
            _ => service.request(&cast, &grant, invoice, amount).await,
        };
        disbursements::commands::approve(app, &cast.approver, request.id, Default::default())
            .await
            .unwrap();
        let payment = Payment::new(app.clock.today(), PaymentMethod::Ach, invoice);
        disbursements::payment::pay(app, &cast.officer, request.id, payment, invoice)
            .await
            .unwrap();
    }
    let paid: String = sqlx::query_scalar("select grant_balance($1, 'PAID')::text")
        .bind(grant.id.0)
        .fetch_one(&app.db)
        .await
        .unwrap();
    let stands = of_grant(&service, &cast, &grant).await["matchStatus"].clone();
    match paid.as_str() {
        "75000.00" => assert_eq!(stands, standing("15000.00", "5000.00", false)),
        // What is withheld is not paid yet.
        withheld => panic!("{withheld} was paid, and {stands} told"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_acceptances_at_once_take_each_part_once_and_no_more_than_was_contributed() {
    let (service, cast, first) = scene().await;
    let second = signed(&service, &cast, "PROP68-PERCAPITA", "PARK-2", "100000.00").await;
    let made =
        recorded(&service, &cast, voucher(&first, "V-1", json!({ "amount": "1000.10" }))).await;
    let part = |n: usize| {
        let grant = if n.is_multiple_of(2) { &first } else { &second };
        json!({ "contributionId": made["id"], "grantId": grant.id.to_string(), "amount": "100.01",
            "idempotencyKey": format!("k{n}") })
    };
    let payloads = at_once(&service, &cast.manager, ACCEPT, (0..40).map(part).collect()).await;
    let (done, refused): (Vec<_>, Vec<_>) =
        payloads.into_iter().partition(|payload| payload["userErrors"] == json!([]));
    assert_eq!((done.len(), refused.len()), (10, 30));
    assert!(refused.iter().all(|payload| codes(payload) == ["INVALID_STATE"]), "{refused:?}");
    let met =
        async |grant: &Grant| of_grant(&service, &cast, grant).await["balance"]["matchMet"].clone();
    let met = [met(&first).await, met(&second).await];
    let sum: thrive::money::Money =
        met.iter().map(|met| met.as_str().unwrap().parse::<thrive::money::Money>().unwrap()).sum();
    assert_eq!(sum.to_string(), "1000.10", "{met:?}");

    // The same voucher many times, under many keys.
    let inputs = (0..20)
        .map(|n| voucher(&first, "V-2", json!({ "idempotencyKey": format!("r{n}") })))
        .collect();
    let payloads = at_once(&service, &cast.finance, RECORD, inputs).await;
    let done = payloads.iter().filter(|payload| payload["userErrors"] == json!([])).count();
    assert_eq!(done, 1);
    assert_eq!(payloads.iter().filter(|payload| codes(payload) == ["ALREADY_EXISTS"]).count(), 19);
    assert_match_agrees(&service.app.db).await;
}

async fn raw(db: &PgPool, statement: &str, ids: &[Uuid]) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    sqlx::query("set constraints all immediate").execute(&mut *tx).await?;
    let mut query = sqlx::query(sqlx::AssertSqlSafe(statement));
    for id in ids {
        query = query.bind(*id);
    }
    query.execute(&mut *tx).await?;
    tx.commit().await
}

#[tokio::test]
async fn the_database_refuses_match_that_must_not_be_whoever_writes_it() {
    let (service, cast, grant) = scene().await;
    let all = json!({ "bp": 2000, "base": "GRANT", "sources": ["CASH", "FEDERAL"] });
    let federal = program(&service, &cast, "FED", "FEDERAL", all).await;
    let federal = signed(&service, &cast, &federal, "FED-1", "1000.00").await;
    let made = recorded(&service, &cast, voucher(&grant, "V-1", json!({}))).await;
    let id = made["id"].as_str().unwrap().parse::<MatchContributionId>().unwrap().0;
    let Actor::Person(manager) = &cast.manager else { unreachable!() };
    let Actor::Person(finance) = &cast.finance else { unreachable!() };
    let elsewhere = service.organization("Elsewhere (test)", OrganizationKind::Cbo, None).await;
    let copy = |changes: &str| {
        format!(
            "insert into match_contributions select (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid(),
             'reference', 'X', {changes}))).* from match_contributions c where id = $1"
        )
    };
    let accept = |amount: &str, by: Uuid, grant: Uuid| {
        format!(
            "insert into match_acceptances values (gen_random_uuid(), $1, '{grant}', {amount}, '{by}', '2026-11-24 18:00Z')"
        )
    };
    let (by, own, to) = (manager.person.0, finance.person.0, grant.id.0);
    let transfer = |kind: &str, from: &str, to: &str| {
        format!(
            "insert into ledger_transfers (id, from_account, to_account, amount, kind, cause_id, effective_on, recorded_at)
             select gen_random_uuid(), s.id, t.id, 1, '{kind}', gen_random_uuid(), '2026-11-24', '2026-11-24 18:00Z'
               from ledger_accounts s, ledger_accounts t
              where s.contribution_id = $1 and s.kind = '{from}' and {to}"
        )
    };
    for db in [&service.app.db, &service.as_owner().await] {
        let open = "insert into ledger_accounts (id, grant_id, kind) values (gen_random_uuid(), $1, 'MATCH_MET')
                    on conflict do nothing";
        raw(db, open, &[to]).await.unwrap();
        let unused = "t.contribution_id = s.contribution_id and t.kind = 'MATCH_UNUSED'";
        let source = "t.contribution_id = s.contribution_id and t.kind = 'SRC_MATCH'";
        let met = format!("t.grant_id = '{to}' and t.kind = 'MATCH_MET'");
        let refused = [
            (copy("'reference', ' v-1'"), "match_contributions_reference_once"),
            (
                copy("'contributed_on', '2026-06-30', 'effective_on', '2026-06-30'"),
                "match_in_period",
            ),
            (copy("'effective_on', '2026-10-14'"), "match_contributions_counted_after"),
            (copy("'source', 'IN_KIND'"), "match_contributions_valued"),
            (copy("'hours', 1, 'hourly_rate', 999"), "match_contributions_hours"),
            (copy(&format!("'recipient_id', '{}'", elsewhere.id.0)), "match_same_recipient"),
            (
                copy(&format!("'source', 'FEDERAL', 'grant_id', '{}'", federal.id.0)),
                "match_federal_by_statute",
            ),
            (copy("'amount', 5"), "spending_posted"),
            (
                "update match_contributions set amount = 2 where id = $1".into(),
                "match_contributions_fixed",
            ),
            (accept("1000.01", by, to), "match_acceptances_within"),
            (accept("1", own, to), "match_acceptances_by_another"),
            (accept("1", by, to), "spending_posted"),
            (transfer("CONTRIBUTE", "SRC_MATCH", unused), "ledger_transfers_of_match"),
            (transfer("DECLINE_MATCH", "MATCH_UNUSED", source), "ledger_transfers_of_match"),
            (transfer("ACCEPT_MATCH", "MATCH_UNUSED", &met), "ledger_transfers_of_match"),
            (
                format!(
                    "update match_contributions set declined_by = '{by}', declined_at = now(), decline_reason = 'x' where id = $1"
                ),
                "match_contributions_declined_posted",
            ),
        ];
        for (statement, constraint) in refused {
            assert_eq!(refused_by(raw(db, &statement, &[id]).await), constraint, "{statement}");
        }
    }
    let owner = service.as_owner().await;
    run_all_refused(&owner).await;
    // A contribution whose grant takes federal money on a statute is not accepted there without it.
    let other =
        recorded(&service, &cast, voucher(&grant, "F-2", json!({ "source": "FEDERAL" }))).await;
    let other = other["id"].as_str().unwrap().parse::<MatchContributionId>().unwrap().0;
    let accepted = raw(&owner, &accept("1", by, federal.id.0), &[other]).await;
    assert_eq!(refused_by(accepted), "match_federal_by_statute");
    assert_eq!(service.data(&cast.auditor, "{ __typename }", none()).await["__typename"], "Query");
}

async fn run_all_refused(owner: &PgPool) {
    for (statement, words) in [
        ("delete from match_contributions", "match_contributions is append-only"),
        ("truncate match_contributions cascade", "append-only"),
        ("truncate match_acceptances", "match_acceptances is append-only"),
    ] {
        let message = refused_by(sqlx::query(statement).execute(owner).await);
        assert!(message.contains(words), "{message}");
    }
}
