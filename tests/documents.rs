//! Documents that a grant rests on, and the gates that ask for them.

use serde_json::{Value, json};
use thrive::{
    access::{Actor, Role, commands::NewRole},
    disbursements::{self, Payment, PaymentMethod},
    error::UserErrorCode::RuleViolated,
    grants::Grant,
    people::OrganizationKind,
};

use crate::support::{Service, codes, refusal, refused_by, service};

fn resolution(grant: &Grant, digit: &str) -> Value {
    json!({
        "grantId": grant.id.to_string(), "kind": "RESOLUTION", "title": "Resolution 2026-114", "datedOn": "2026-11-12",
        "url": "https://city.test/resolutions/2026-114.pdf", "sha256": digit.repeat(64),
    })
}

async fn add(service: &Service, actor: &Actor, input: Value) -> Value {
    let wanted = "document { id title datedOn addedBy { name } grant { number } }";
    service.mutate(actor, "addGrantDocument", "AddGrantDocumentInput", wanted, input).await
}

#[tokio::test]
async fn a_resolution_that_is_entered_opens_the_gate_that_asks_for_one() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.signed_grant(&cast, "G-1", "1000.00").await;
    let request = service.request(&cast, &grant, "1", "100.00").await;
    let gate = async || -> Vec<Value> {
        let query = "query ($id: ID!) { node(id: $id) { ... on Disbursement { findings { severity message rule { kind } } } } }";
        let found =
            service.data(&cast.finance, query, json!({ "id": request.id.to_string() })).await;
        let all = found["node"]["findings"].as_array().unwrap().clone();
        all.into_iter().filter(|one| one["rule"]["kind"] == "PAYMENT_GATE").collect()
    };
    let why = "nothing is paid without the governing body's resolution; none is recorded: enter it by `addGrantDocument`";
    let asked = json!({ "severity": "BLOCK", "rule": { "kind": "PAYMENT_GATE" }, "message": why });
    assert_eq!(gate().await, [asked]);
    let (app, id) = (&service.app, request.id);
    disbursements::commands::approve(app, &cast.approver, id, Default::default()).await.unwrap();
    let pay = async || {
        let payment = Payment::new(app.clock.today(), PaymentMethod::Ach, "R");
        disbursements::payment::pay(app, &cast.officer, id, payment, "pay").await
    };
    let refused = refusal(pay().await);
    assert_eq!(refused.code, RuleViolated);
    assert!(refused.message.starts_with(why) && refused.rule_id.is_some(), "{}", refused.message);

    let added = add(&service, &cast.finance, resolution(&grant, "a")).await;
    assert_eq!(added["userErrors"], json!([]));
    assert_eq!(added["document"]["grant"]["number"], "G-1");
    assert_eq!(added["document"]["addedBy"]["name"], "Fay Finance");
    assert_eq!(gate().await, Vec::<Value>::new());
    assert_eq!(pay().await.unwrap().net(), "100.00".parse().unwrap());
}

#[tokio::test]
async fn a_document_has_an_address_a_date_and_a_hash_and_is_entered_once() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.signed_grant(&cast, "G-1", "1000.00").await;
    for (field, value, code) in [
        ("title", " ", "INVALID_INPUT"),
        ("title", "two\nlines", "INVALID_INPUT"),
        ("url", "file:///etc/passwd", "INVALID_INPUT"),
        ("sha256", "abc", "INVALID_INPUT"),
        ("datedOn", "2026-11-25", "INVALID_DATES"),
        ("grantId", "grant_00000000000000000000000000000000", "NOT_FOUND"),
    ] {
        let mut input = resolution(&grant, "a");
        input[field] = value.into();
        assert_eq!(codes(&add(&service, &cast.manager, input).await), [code], "{field}");
    }
    let mut upper = resolution(&grant, "a");
    upper["sha256"] = "A".repeat(64).into();
    assert_eq!(codes(&add(&service, &cast.manager, upper).await), ["INVALID_INPUT"]);
    assert_eq!(
        add(&service, &cast.manager, resolution(&grant, "a")).await["userErrors"],
        json!([])
    );
    assert_eq!(
        codes(&add(&service, &cast.manager, resolution(&grant, "a")).await),
        ["ALREADY_EXISTS"]
    );
    for actor in [&cast.auditor, &cast.approver] {
        assert_eq!(codes(&add(&service, actor, resolution(&grant, "b")).await), ["FORBIDDEN"]);
    }

    let owner = service.as_owner().await;
    for statement in ["update grant_documents set title = 'X'", "delete from grant_documents"] {
        assert!(refused_by(sqlx::raw_sql(statement).execute(&owner).await).contains("append-only"));
    }
    let insert = |url: &str, digest: &str| {
        format!(
            "insert into grant_documents select gen_random_uuid(), grant_id, kind, title, dated_on, '{url}', '{digest}', added_by, added_at
               from grant_documents"
        )
    };
    let digest = "c".repeat(64);
    for (statement, expected) in [
        (insert("ftp://x", &digest), "grant_documents_url_form"),
        (insert("https://x", "c"), "grant_documents_sha256_form"),
    ] {
        let refused = sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&owner).await;
        assert_eq!(refused_by(refused), expected);
    }
}

#[tokio::test]
async fn a_grants_documents_come_the_latest_first_and_only_to_those_who_see_the_grant() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.signed_grant(&cast, "G-1", "1000.00").await;
    for (digit, day) in [("1", "2026-03-01"), ("2", "2026-05-01"), ("3", "2026-04-01")] {
        let mut input = resolution(&grant, digit);
        input["datedOn"] = day.into();
        add(&service, &cast.manager, input).await;
    }
    let query =
        "query ($id: ID!, $after: String) { grant(id: $id) { documents(first: 2, after: $after) {
        totalCount nodes { id datedOn } pageInfo { endCursor hasNextPage } } } }";
    let page = async |after: Value| {
        let variables = json!({ "id": grant.id.to_string(), "after": after });
        service.data(&cast.finance, query, variables).await["grant"]["documents"].clone()
    };
    let days = |page: &Value| -> Vec<String> {
        page["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|node| node["datedOn"].as_str().unwrap().into())
            .collect()
    };
    let first = page(json!(null)).await;
    assert_eq!(
        (days(&first), &first["totalCount"]),
        (vec!["2026-05-01".into(), "2026-04-01".into()], &json!(3))
    );
    let second = page(first["pageInfo"]["endCursor"].clone()).await;
    assert_eq!(
        (days(&second), &second["pageInfo"]["hasNextPage"]),
        (vec!["2026-03-01".into()], &json!(false))
    );

    let other = service.organization("Other (test)", OrganizationKind::Cbo, None).await;
    let role = NewRole { organization: Some(other.id), ..NewRole::everywhere(Role::CityFinance) };
    let stranger = service.actor("Sam Stranger", role).await;
    let node = "query ($id: ID!) { node(id: $id) { id } }";
    let id = json!({ "id": first["nodes"][0]["id"] });
    assert_eq!(service.data(&stranger, node, id.clone()).await["node"], json!(null));
    assert_eq!(service.data(&Actor::Anyone, node, id.clone()).await["node"], json!(null));
    assert_eq!(service.data(&cast.finance, node, id.clone()).await["node"], id);
    assert_eq!(codes(&add(&service, &stranger, resolution(&grant, "9")).await), ["NOT_FOUND"]);
}
