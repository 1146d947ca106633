//! What the API answers to what it cannot do: each bad input has its own clear error, nothing is
//! written, and faults stay inside.

use serde_json::{Value, json};
use thrive::access::Actor;

use crate::support::{Cast, Service, none, service};

/// How many rows each table has: what changes when something is written.
async fn rows(service: &Service) -> Vec<(String, i64)> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select tablename::text from pg_tables where schemaname = 'public' order by 1",
    )
    .fetch_all(&service.app.db)
    .await
    .unwrap();
    let mut counts = vec![];
    for table in tables {
        let count = format!("select count(*) from {table}");
        let count = sqlx::query_scalar(sqlx::AssertSqlSafe(count))
            .fetch_one(&service.app.db)
            .await
            .unwrap();
        counts.push((table, count));
    }
    counts
}

/// The message and the code of the only error.
async fn error(
    service: &Service,
    actor: &Actor,
    query: &str,
    variables: Value,
) -> (String, String) {
    let answer = service.ask(actor, query, variables).await;
    let errors = answer["errors"].as_array().unwrap_or_else(|| panic!("no error: {answer}"));
    assert_eq!(errors.len(), 1, "{answer}");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&errors[0]["message"]), text(&errors[0]["extensions"]["code"]))
}

/// Each query is answered by one error with this in its message, and code `BAD_USER_INPUT`.
async fn assert_bad_input(service: &Service, actor: &Actor, expected: &[(&str, &str)]) {
    for (query, told) in expected {
        let (message, code) = error(service, actor, query, none()).await;
        assert!(message.contains(told), "{query}\n{message}");
        assert_eq!(code, "BAD_USER_INPUT", "{query}");
    }
}

fn request(amount: Value, grant: &str, changes: &[(&str, Value)]) -> Value {
    let mut input = json!({ "idempotencyKey": "k", "grantId": grant, "amount": amount, "invoiceNumber": "A-1",
        "period": { "start": "2026-10-01", "end": "2026-10-31" } });
    for (field, value) in changes {
        input[*field] = value.clone();
    }
    input
}

#[tokio::test]
async fn a_value_that_does_not_fit_its_type_is_refused_before_anything_happens() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "A-1", "1000.00").await.id.to_string();
    let before = rows(&service).await;
    let query = "mutation ($input: RequestDisbursementInput!) {
        requestDisbursement(input: $input) { disbursement { id } userErrors { code } } }";
    let other_kind = grant.replace("grant_", "disb_");
    let amount = |text: &str| request(json!(text), &grant, &[]);
    let changed =
        |field: &'static str, value: Value| request(json!("1.00"), &grant, &[(field, value)]);
    let expected = [
        (amount("10.001"), "`10.001` has more than two decimals; an amount is to the cent"),
        (amount("1e3"), "`1e3` is not an amount"),
        (amount("1,000.00"), "`1,000.00` is not an amount"),
        (amount("10000000000000"), "`10000000000000` is too large; the most is 999999999999.99"),
        (
            request(json!(10), &grant, &[]),
            "an amount is a string such as \"1250.00\", not a number",
        ),
        (
            request(json!(10.5), &grant, &[]),
            "an amount is a string such as \"1250.00\", not a number",
        ),
        (
            request(json!("1.00"), &other_kind, &[]),
            "expected an id of the form grant_ and 32 hexadecimal digits",
        ),
        (
            request(json!("1.00"), "grant_1", &[]),
            "expected an id of the form grant_ and 32 hexadecimal digits",
        ),
        (changed("kind", json!("GIFT")), "GIFT"),
        (
            changed("period", json!({ "start": "2026-02-30", "end": "2026-03-01" })),
            "`2026-02-30` is not a date; write it as 2026-07-01",
        ),
        (
            changed("period", json!({ "start": "1 March", "end": "2026-03-01" })),
            "`1 March` is not a date",
        ),
        (changed("period", json!({ "start": "2026-03-01" })), "end"),
        (changed("invoiceNumber", Value::Null), "invoiceNumber"),
        (changed("bankAccount", json!("1")), "bankAccount"),
    ];
    for (input, told) in expected {
        let (message, code) =
            error(&service, &cast.finance, query, json!({ "input": input })).await;
        assert!(message.contains(told), "{message}");
        assert_eq!(code, "BAD_USER_INPUT");
    }
    assert_eq!(rows(&service).await, before);
}

#[tokio::test]
async fn a_page_that_cannot_be_is_refused_with_what_to_ask_for() {
    let service = service().await;
    let cast = service.cast().await;
    for number in 0..3 {
        service.draft(&cast, &format!("A-{number}"), "10.00").await;
    }
    let page = service
        .data(
            &cast.auditor,
            "{ grants { pageInfo { endCursor } } cities { pageInfo { endCursor } } }",
            none(),
        )
        .await;
    let of_grants = page["grants"]["pageInfo"]["endCursor"].as_str().unwrap();
    let with_cursor =
        |rest: &str| format!("{{ grants(after: \"{of_grants}\" {rest}) {{ totalCount }} }}");
    let many = "a page holds 0 to 200 rows, and 201 were asked for: ask for fewer and continue with `after`";
    let garbage = "the cursor is not one of this list; take it from `pageInfo` or an edge";
    let ids = format!("{{ nodes(ids: [{}]) {{ id }} }}", "\"x\" ".repeat(101));
    assert_bad_input(
        &service,
        &cast.auditor,
        &[
            ("{ grants(first: 201) { totalCount } }", many),
            ("{ disbursements(last: 201) { totalCount } }", many),
            ("{ cities(first: 201) { totalCount } }", many),
            ("{ deadlines(first: 201) { totalCount } }", many),
            ("{ people(first: 201) { totalCount } }", many),
            ("{ sustainabilityPlans(first: 201) { totalCount } }", many),
            ("{ grants(first: 1) { nodes { disbursements(first: 201) { totalCount } } } }", many),
            ("{ grants(first: 1) { nodes { deadlines(last: 201) { totalCount } } } }", many),
            ("{ grants(first: -1) { totalCount } }", "and -1 were asked for"),
            ("{ grants(last: -1) { totalCount } }", "and -1 were asked for"),
            ("{ grants(first: 1, last: 1) { totalCount } }", "ask for `first` or for `last`, not for both"),
            ("{ grants(after: \"\") { totalCount } }", garbage),
            ("{ grants(after: \"nonsense\") { totalCount } }", garbage),
            ("{ grants(before: \"%%%\") { totalCount } }", garbage),
            ("{ deadlines(after: \"8J-YgA\") { totalCount } }", garbage),
            (&with_cursor("orderBy: { field: NUMBER }"), "the cursor belongs to another order of this list"),
            (&with_cursor("orderBy: { field: CREATED_AT, direction: ASC }"), "the cursor belongs to another order of this list"),
            (&ids, "at most 100 ids at once, and 101 were asked for"),
            ("{ grant { id } }", "name the grant either by `id` or by `number`"),
            ("{ city(id: \"city_01935b8e000070008000000000000000\", geoid: \"0644000\") { id } }", "either by `id` or by `geoid`"),
            ("{ node(id: \"nothing\") { id } }", "`nothing` is not an id of Thrive"),
            ("{ node(id: \"house_01935b8e000070008000000000000000\") { id } }", "is not an id of Thrive"),
            ("{ node(id: \"grant_1\") { id } }", "expected an id of the form grant_ and 32 hexadecimal digits"),
            ("{ grants(filter: { statuses: [OPEN] }) { totalCount } }", "OPEN"),
            ("{ grants(filter: { activeOn: \"2026-02-30\" }) { totalCount } }", "`2026-02-30` is not a date"),
            ("{ grants(filter: { updatedSince: \"yesterday\" }) { totalCount } }", "DateTime"),
            ("{ grants { nodes { secret } } }", "secret"),
            ("{ grants {", "expected"),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_the_database_cannot_hold_is_bad_input_and_not_a_fault() {
    let service = service().await;
    let cast = service.cast().await;
    let before = rows(&service).await;
    let nothing_of_that = "text cannot hold the character U+0000: leave it out";
    assert_bad_input(
        &service,
        &cast.admin,
        &[
            ("{ grants(filter: { search: \"a\\u0000b\" }) { nodes { id } } }", nothing_of_that),
            ("{ people(filter: { search: \"\\u0000\" }) { totalCount } }", nothing_of_that),
            ("{ cities(filter: { search: \"\\u0000\" }) { totalCount } }", nothing_of_that),
            ("{ grant(number: \"\\u0000\") { id } }", nothing_of_that),
            ("{ city(geoid: \"\\u0000\") { id } }", nothing_of_that),
            (
                "mutation { createOrganization(input: { name: \"a\\u0000\", kind: CBO }) { organization { id } } }",
                nothing_of_that,
            ),
            ("{ grants(filter: { updatedSince: \"-200000-01-01T00:00:00Z\" }) { nodes { id } } }", ""),
            ("{ deadlines(filter: { dueOn: { from: \"-99999-01-01\" } }) { nodes { id } } }", "is not a date"),
        ],
    )
    .await;
    assert_eq!(rows(&service).await, before);
}

#[tokio::test]
async fn without_a_token_only_what_is_public_is_answered() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.draft(&cast, "A-1", "10.00").await.id;
    let before = rows(&service).await;
    let mutation = format!(
        "mutation {{ awardGrant(input: {{ grantId: \"{grant}\", revision: 1 }}) {{ userErrors {{ code }} }} }}"
    );
    for query in [
        "{ grants { totalCount } }",
        "{ grant(number: \"A-1\") { id } }",
        "{ disbursements { totalCount } }",
        "{ deadlines { totalCount } }",
        "{ people { totalCount } }",
        "{ sustainabilityPlans { totalCount } }",
        &mutation,
    ] {
        let told = (
            "sign in first: send the header `Authorization: Bearer <token>`".into(),
            "UNAUTHENTICATED".into(),
        );
        assert_eq!(error(&service, &Actor::Anyone, query, none()).await, told, "{query}");
    }
    assert_eq!(rows(&service).await, before);
    let in_force = ["ACT_DIRECT", "BHSA", "OTHER", "PROP_64", "PROP_68"]
        .map(|code| json!({ "code": code, "successor": null }));
    let public = "query ($grant: ID!) { viewer { role person { name } seesEverything }
        city(geoid: \"0644000\") { name county { name } } cities { totalCount }
        fundingStreams(activeOn: \"2026-07-01\") { code successor { code } } node(id: $grant) { id } }";
    assert_eq!(
        service.data(&Actor::Anyone, public, json!({ "grant": grant.to_string() })).await,
        json!({
            "viewer": { "role": null, "person": null, "seesEverything": false },
            "city": { "name": "Los Angeles", "county": { "name": "Los Angeles" } },
            "cities": { "totalCount": 482 },
            "fundingStreams": in_force,
            "node": null,
        }),
    );
    let mhsa = "{ fundingStream(code: \"MHSA\") { effectiveTo successor { code programs { code } } } none: fundingStream(code: \"X\") { id } }";
    assert_eq!(
        service.data(&Actor::Anyone, mhsa, none()).await,
        json!({ "none": null, "fundingStream": { "effectiveTo": "2026-06-30",
            "successor": { "code": "BHSA", "programs": [{ "code": "BHSA-BHSS" }, { "code": "BHSA-COUNTY" },
                { "code": "BHSA-PREVENTION" }] } } }),
    );
}

#[tokio::test]
async fn a_fault_is_an_internal_error_that_tells_nothing_of_the_inside() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "A-1", "10.00").await;
    sqlx::raw_sql("alter table ledger_accounts rename to elsewhere; alter table organizations rename to elsewhere_too")
        .execute(&service.as_owner().await)
        .await
        .unwrap();
    let id = grant.id.to_string();
    // In a resolver, in a loader, and in a command.
    let queries = [
        "query ($id: ID!) { grant(id: $id) { balance { awarded } } }",
        "query ($id: ID!) { grant(id: $id) { recipient { name } } }",
        "mutation ($id: ID!) { requestDisbursement(input: { idempotencyKey: \"k\", grantId: $id, amount: \"1.00\",
            invoiceNumber: \"A\", period: { start: \"2026-10-01\", end: \"2026-10-31\" } }) { userErrors { message } } }",
    ];
    for query in queries {
        let answer = service.ask(&cast.finance, query, json!({ "id": id })).await;
        assert_eq!(answer["errors"][0]["message"], "internal error");
        assert_eq!(answer["errors"][0]["extensions"]["code"], "INTERNAL");
        let told = answer.to_string();
        for inside in ["ledger", "accounts", "organizations", "relation", "sqlx", "42P01"] {
            assert!(!told.contains(inside), "{told}");
        }
    }
}

const DEEP: &str =
    "parent { parent { parent { parent { parent { parent { parent { parent { parent { parent {
    parent { parent { parent { parent { parent { parent { id } } } } } } } } } } } } } } } }";

#[tokio::test]
async fn a_document_that_asks_for_too_much_is_refused_as_too_complex() {
    let service = service().await;
    let cast: Cast = service.cast().await;
    let deep = format!("{{ grants {{ nodes {{ {DEEP} }} }} }}");
    let wide: String = (0..10_001).map(|n| format!("a{n}: viewer {{ role }} ")).collect();
    for query in [deep, format!("{{ {wide} }}")] {
        let (message, code) = error(&service, &cast.auditor, &query, none()).await;
        assert_eq!(code, "QUERY_TOO_COMPLEX", "{message}");
    }
}
