//! Every bad input gets its own clear error, and nothing is written.

use serde_json::{Value, json};

use crate::support::{Cast, Service, service};

/// How many rows each table holds.
async fn counts(service: &Service) -> Vec<(String, i64)> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select table_name::text from information_schema.tables
          where table_schema = 'public' and table_type = 'BASE TABLE' and table_name <> 'access_tokens' order by 1",
    )
    .fetch_all(&service.as_owner().await)
    .await
    .unwrap();
    let mut counts = Vec::new();
    for table in tables {
        let count = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
        let count = sqlx::query_scalar(count).fetch_one(&service.as_owner().await).await.unwrap();
        counts.push((table, count));
    }
    counts
}

/// Asks for a disbursement as the city's finance officer, with some of the input changed.
async fn request(service: &Service, cast: &Cast, changed: Value) -> Value {
    let mut input = json!({
        "idempotencyKey": "one", "grantId": "grant_01990000000070008000000000000000", "amount": "10.00",
        "invoiceNumber": "1", "period": { "start": "2026-10-01", "end": "2026-10-31" },
    });
    for (key, value) in changed.as_object().unwrap() {
        input[key] = value.clone();
    }
    let query =
        "mutation ($input: RequestDisbursementInput!) { requestDisbursement(input: $input) {
        disbursement { id } userErrors { code message field } } }";
    service.ask(&cast.finance, query, json!({ "input": input })).await
}

#[tokio::test]
async fn a_value_that_does_not_fit_its_type_is_named_with_what_it_should_be() {
    let service = service().await;
    let cast = service.cast().await;
    let before = counts(&service).await;

    for (changed, complaint) in [
        (
            json!({ "amount": "10.005" }),
            "`10.005` has more than two decimals; an amount is to the cent",
        ),
        (json!({ "amount": 10.5 }), "an amount is a string such as \"1250.00\", not a number"),
        (json!({ "amount": "ten" }), "`ten` is not an amount"),
        (json!({ "amount": "1e9" }), "`1e9` is not an amount"),
        (json!({ "amount": "99999999999999.00" }), "is too large"),
        (
            json!({ "grantId": "disb_01990000000070008000000000000000" }),
            "expected an id of the form grant_",
        ),
        (json!({ "grantId": "grant_1" }), "expected an id of the form grant_"),
        (json!({ "kind": "PRESENT" }), "PRESENT"),
        (
            json!({ "period": { "start": "2026-02-30", "end": "2026-03-01" } }),
            "`2026-02-30` is not a date",
        ),
        (
            json!({ "period": { "start": "2026-3-1", "end": "2026-03-01" } }),
            "`2026-3-1` is not a date",
        ),
        (json!({ "period": { "start": "2026-03-01" } }), "end"),
    ] {
        let answer = request(&service, &cast, changed.clone()).await;
        let error = &answer["errors"][0];
        assert!(error["message"].as_str().unwrap().contains(complaint), "{changed}: {answer}");
        assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT", "{changed}");
    }
    assert_eq!(counts(&service).await, before, "nothing is written");
}

#[tokio::test]
async fn a_request_that_a_rule_refuses_names_the_field_and_the_reason() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "G-1", "1000.00").await;
    let before = counts(&service).await;
    let grant_id = grant.id.to_string();

    for (changed, code, field, complaint) in [
        (json!({}), "NOT_FOUND", "grantId", "there is no such grant"),
        (
            json!({ "grantId": grant_id, "amount": "0.00" }),
            "AMOUNT_NOT_POSITIVE",
            "amount",
            "more than zero",
        ),
        (
            json!({ "grantId": grant_id, "amount": "-1.00" }),
            "AMOUNT_NOT_POSITIVE",
            "amount",
            "more than zero",
        ),
        (
            json!({ "grantId": grant_id, "amount": "1000.01" }),
            "INSUFFICIENT_AVAILABLE",
            "amount",
            "1000.01 was asked for and 1000.00 is available",
        ),
        (
            json!({ "grantId": grant_id, "period": { "start": "2026-10-31", "end": "2026-10-01" } }),
            "INVALID_DATES",
            "period",
            "before it starts",
        ),
        (
            json!({ "grantId": grant_id, "period": { "start": "2026-06-30", "end": "2026-10-01" } }),
            "OUTSIDE_PERIOD",
            "period",
            "costs may arise from 2026-07-01",
        ),
        (
            json!({ "grantId": grant_id, "invoiceNumber": "  " }),
            "INVALID_INPUT",
            "invoiceNumber",
            "must not be empty",
        ),
        (
            json!({ "grantId": grant_id, "idempotencyKey": "" }),
            "INVALID_INPUT",
            "idempotencyKey",
            "1 to 200",
        ),
    ] {
        let answer = request(&service, &cast, changed.clone()).await;
        let error = &answer["data"]["requestDisbursement"]["userErrors"][0];
        assert_eq!(
            (&error["code"], &error["field"]),
            (&json!(code), &json!(["input", field])),
            "{changed}: {answer}"
        );
        assert!(error["message"].as_str().unwrap().contains(complaint), "{changed}: {answer}");
        assert_eq!(answer["data"]["requestDisbursement"]["disbursement"], Value::Null);
    }
    assert_eq!(counts(&service).await, before, "nothing is written");
}

#[tokio::test]
async fn a_city_that_does_not_exist_and_dates_that_contradict_each_other_are_refused() {
    let service = service().await;
    let cast = service.cast().await;
    let program = service.draft_of(&cast, "X", "1.00").await.program.to_string();
    let before = counts(&service).await;
    let create = async |changed: Value| {
        let mut input = json!({
            "number": "G-1", "title": "A grant", "programId": program, "recipientId": cast.recipient.id.to_string(),
            "amount": "100.00", "performance": { "start": "2026-07-01", "end": "2028-06-30" },
            "cities": [{ "cityId": cast.city.id.to_string(), "shareBp": 10000 }],
            "actionAreas": [{ "actionArea": "YOUTH_DEVELOPMENT", "shareBp": 10000 }],
        });
        for (key, value) in changed.as_object().unwrap() {
            input[key] = value.clone();
        }
        let query =
            "mutation ($input: CreateGrantInput!) { createGrant(input: $input) { grant { id }
            userErrors { code field message } } }";
        service.ask(&cast.manager, query, json!({ "input": input })).await["data"]["createGrant"]["userErrors"][0].clone()
    };
    let nowhere = "city_01990000000070008000000000000000";

    for (changed, code, field) in [
        (json!({ "cities": [{ "cityId": nowhere, "shareBp": 10000 }] }), "NOT_FOUND", "cities"),
        (
            json!({ "cities": [{ "cityId": cast.city.id.to_string(), "shareBp": 9999 }] }),
            "SHARES_NOT_WHOLE",
            "cities",
        ),
        (json!({ "actionAreas": [] }), "SHARES_NOT_WHOLE", "actionAreas"),
        (
            json!({ "performance": { "start": "2026-07-01", "end": "2026-06-30" } }),
            "INVALID_DATES",
            "performance",
        ),
        (
            json!({ "encumberBy": "2027-06-30", "liquidateBy": "2027-06-29" }),
            "INVALID_DATES",
            "liquidateBy",
        ),
        (json!({ "title": "" }), "INVALID_INPUT", "title"),
        (
            json!({ "recipientId": "org_01990000000070008000000000000000" }),
            "NOT_FOUND",
            "recipientId",
        ),
    ] {
        let error = create(changed.clone()).await;
        assert_eq!(
            (&error["code"], &error["field"]),
            (&json!(code), &json!(["input", field])),
            "{changed}: {error}"
        );
    }
    assert_eq!(counts(&service).await, before, "nothing is written");
}

#[tokio::test]
async fn a_page_that_cannot_be_is_a_clear_error() {
    let service = service().await;
    let cast = service.cast().await;
    let cursor = "{ cities(first: 1) { pageInfo { endCursor } } }";
    let cursor = service.ask(&cast.manager, cursor, json!({})).await["data"]["cities"]["pageInfo"]
        ["endCursor"]
        .clone();
    let cursor = cursor.as_str().unwrap();

    for (arguments, complaint) in [
        ("first: 201", "a page holds 0 to 200 rows, and 201 were asked for"),
        ("first: -1", "a page holds 0 to 200 rows, and -1 were asked for"),
        ("first: 1, last: 1", "ask for `first` or for `last`"),
        ("first: 1, after: \"\"", "not one of this list"),
        ("first: 1, after: \"bm9uc2Vuc2U\"", "not one of this list"),
        (
            &format!("first: 1, after: \"{cursor}\", orderBy: {{ field: POPULATION }}"),
            "belongs to another order",
        ),
        (
            &format!("first: 1, before: \"{cursor}\", orderBy: {{ field: NAME, direction: DESC }}"),
            "belongs to another order",
        ),
    ] {
        let answer = service
            .ask(&cast.manager, &format!("{{ cities({arguments}) {{ totalCount }} }}"), json!({}))
            .await;
        let error = &answer["errors"][0];
        assert!(error["message"].as_str().unwrap().contains(complaint), "{arguments}: {answer}");
        assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT", "{arguments}");
    }
}

#[tokio::test]
async fn without_a_token_only_what_is_public_is_answered() {
    use thrive::access::Actor::Anyone;
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "G-1", "1000.00").await;

    let public = service
        .ask(&Anyone, "{ city(geoid: \"0644000\") { name county { name } } fundingStream(code: \"BHSA\") { effectiveFrom } }", json!({}))
        .await;
    assert_eq!(
        public["data"],
        json!({
            "city": { "name": "Los Angeles", "county": { "name": "Los Angeles" } },
            "fundingStream": { "effectiveFrom": "2026-07-01" },
        })
    );
    for field in [
        "grants",
        "disbursements",
        "deadlines",
        "people",
        "sustainabilityPlans",
        "emails",
        "jobRuns",
    ] {
        let answer =
            service.ask(&Anyone, &format!("{{ {field} {{ totalCount }} }}"), json!({})).await;
        assert_eq!(
            answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED",
            "{field}: {answer}"
        );
    }
    let node = format!("{{ node(id: \"{}\") {{ id }} }}", grant.id);
    assert_eq!(service.ask(&Anyone, &node, json!({})).await["data"]["node"], Value::Null);
    assert_eq!(
        service.ask(&cast.finance, &node, json!({})).await["data"]["node"]["id"],
        grant.id.to_string()
    );
}

#[tokio::test]
async fn a_character_that_text_cannot_hold_is_the_caller_s_mistake() {
    let service = service().await;
    let cast = service.cast().await;

    let query = "query ($search: String!) { cities(filter: { search: $search }) { totalCount } }";
    let answer = service.ask(&cast.manager, query, json!({ "search": "a\0b" })).await;

    assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
}

#[tokio::test]
async fn a_fault_is_masked_and_told_by_its_request() {
    let service = service().await;
    let cast = service.cast().await;
    sqlx::query("alter table cities rename to hidden_cities")
        .execute(&service.as_owner().await)
        .await
        .unwrap();

    let answer = service.ask(&cast.manager, "{ cities { totalCount } }", json!({})).await;

    assert_eq!(answer["errors"][0]["message"], "internal error");
    assert_eq!(answer["errors"][0]["extensions"]["code"], "INTERNAL");
    assert!(!answer.to_string().contains("hidden"), "{answer}");
}
