//! Answers are what the GraphQL specification makes of fields that fail and of fields that are not selected.

use serde_json::{Value, json};
use thrive::access::Actor;

use crate::support::{none, service};

/// More than a page may have, which is told where the page is read.
const FAILS: &str = "totalCount nodes { id }";

/// With `$id` a grant's, and `$none` nobody's.
fn with_ids(query: &str, grant: &str) -> String {
    query
        .replace("$id", &format!("{grant:?}"))
        .replace("$none", "\"grant_00000000000000000000000000000000\"")
}

#[tokio::test]
async fn a_field_that_failed_is_null_or_what_it_may_not_be_null_in() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "A-1", "10.00").await.id.to_string();
    let page = format!("disbursements(last: 300) {{ {FAILS} }}");
    let answers = [
        // Past the objects that it is in, to all of the answer, or to the nearest that may be null.
        (
            format!(
                "viewer {{ role awaiting {{ ruleOverrides(last: 300) {{ {FAILS} }} }} }} one: fundingStream(code: \"BHSA\") {{ code }}"
            ),
            vec![json!(["viewer", "awaiting", "ruleOverrides"])],
            Value::Null,
        ),
        (
            format!("grant(id: $id) {{ number {page} }} none: grant(number: \"Z\") {{ {page} }}"),
            vec![json!(["grant", "disbursements"])],
            json!({ "grant": null, "none": null }),
        ),
        // Two at once, and through fragments on an interface and on what it is.
        (
            format!("node(id: $id) {{ __typename ... on Grant {{ many: {page} ...G }} }}"),
            vec![json!(["node", "many"]), json!(["node", "also"])],
            json!({ "node": null }),
        ),
        // Under a key that for another type may be null.
        (
            format!(
                "node(id: $id) {{ ... on Deadline {{ x: grant {{ id }} }} ... on Grant {{ x: {page} }} }}"
            ),
            vec![json!(["node", "x"])],
            json!({ "node": null }),
        ),
        // In a list of what may be null, and in one of what may not be.
        (
            format!("nodes(ids: [$id, $none]) {{ id ... on Grant {{ {page} }} }}"),
            vec![json!(["nodes", 0, "disbursements"])],
            json!({ "nodes": [null, null] }),
        ),
        (
            format!("viewer {{ role }} grants {{ nodes {{ number {page} }} }}"),
            vec![json!(["grants", "nodes", 0, "disbursements"])],
            Value::Null,
        ),
    ];
    let fragment = format!("fragment G on Grant {{ also: {page} }}");
    for (selection, paths, data) in answers {
        let spread = if selection.contains("...G") { fragment.as_str() } else { "" };
        let query = with_ids(&format!("{{ {selection} }} {spread}"), &grant);
        let answer = service.ask(&cast.manager, &query, none()).await;
        let errors = answer["errors"].as_array().unwrap().iter();
        let mut found: Vec<_> = errors.map(|error| error["path"].clone()).collect();
        // They are told as they happen.
        found.sort_by_key(|path| paths.iter().position(|expected| path == expected));
        assert_eq!(found, paths, "{answer}");
        assert_eq!(answer["data"], data, "{query}");
    }
}

#[tokio::test]
async fn an_object_of_which_nothing_is_selected_is_empty_and_what_is_not_there_is_null() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "A-1", "10.00").await.id.to_string();
    let answers = [
        ("node(id: $id) { ... on City { name } }", json!({ "node": {} })),
        ("node(id: $none) { ... on City { name } }", json!({ "node": null })),
        (
            "nodes(ids: [$id, $none]) { ... on Disbursement { id } ...C }",
            json!({ "nodes": [{}, null] }),
        ),
        (
            "viewer { role @skip(if: true) ... @include(if: false) { name: __typename } }",
            json!({ "viewer": {} }),
        ),
        ("viewer @include(if: false) { role }", json!({})),
        (
            "grant(id: $id) { recipient { ... @skip(if: true) { name } } stream { ...S } number }",
            json!({ "grant": { "recipient": {}, "stream": {}, "number": "A-1" } }),
        ),
        ("grants { nodes { number @skip(if: true) } }", json!({ "grants": { "nodes": [{}] } })),
    ];
    for (selection, data) in answers {
        let city = if selection.contains("...C") { "fragment C on City { name }" } else { "" };
        let stream = "fragment S on FundingStream { code @skip(if: true) }";
        let stream = if selection.contains("...S") { stream } else { "" };
        let query = with_ids(&format!("{{ {selection} }} {city} {stream}"), &grant);
        let told = service.data(&cast.manager, &query, none()).await;
        assert_eq!(told, data, "{query}");
    }
    let skipped = "mutation { awardGrant(input: { grantId: \"grant_x\", revision: 1 }) @skip(if: true) { userErrors { code } } }";
    assert_eq!(service.data(&Actor::Anyone, skipped, none()).await, json!({}));
}
