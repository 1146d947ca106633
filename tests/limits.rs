//! What documents cost, with the figures written out, and where each limit stands.

use async_graphql::{Request, Variables};
use serde_json::{Value, json};
use thrive::{
    config::{Introspection, Limits},
    graphql::limits::{Gate, check_json},
};

fn check(limits: Limits, query: &str, variables: Value) -> Result<u32, String> {
    let gate = Gate::new(limits, Introspection::On);
    let request = Request::new(query).variables(Variables::from_json(variables));
    match gate.check(&request) {
        Ok((_, weight)) => Ok(weight.cost),
        Err(answer) => Err(answer.errors[0].message.clone()),
    }
}

fn cost(query: &str, variables: Value) -> u32 {
    check(Limits::DEFAULT, query, variables).unwrap()
}

#[test]
fn a_field_costs_one_and_what_is_below_a_list_counts_for_each_row() {
    for (query, expected) in [
        ("{ viewer { role } }", 2),
        ("{ viewer { role again: role __typename } }", 4),
        // Without rows, a page is not more than its field.
        ("{ grants { totalCount } }", 2),
        // grants, nodes, and 50 rows of one field.
        ("{ grants { nodes { id } } }", 1 + 1 + 50),
        (
            "{ grants(first: 10) { nodes { id title } pageInfo { hasNextPage } } }",
            1 + 1 + 10 * 2 + 2,
        ),
        ("{ grants(last: 10) { edges { node { id } } } }", 1 + 1 + 10 * 2),
        ("{ grants(first: 0) { nodes { id } } }", 1 + 1),
        ("{ grants(first: null) { nodes { id } } }", 1 + 1 + 50),
        // More than a page holds is refused where it is read.
        ("{ grants(first: 1000000) { nodes { id } } }", 1 + 1 + 200),
        // A grant with its field, its list, and 2 rows; 10 times.
        (
            "{ grants(first: 10) { nodes { disbursements(first: 2) { nodes { id } } } } }",
            2 + 10 * (1 + 1 + 2),
        ),
        // A list without pages is taken to have 10 rows.
        ("{ fundingStreams { code programs { code } } }", 1 + 10 * (1 + 1 + 10)),
        ("{ nodes(ids: [\"a\", \"b\", \"c\"]) { id __typename } }", 1 + 3 * 2),
        // Each row is taken to be of every type.
        ("{ nodes(ids: [\"a\"]) { ... on Grant { id } ... on City { id name } } }", 1 + 3),
        (
            "{ grants(first: 10) { ...rows } } fragment rows on GrantConnection { nodes { ...row } } fragment row on Grant { id title }",
            1 + 1 + 10 * 2,
        ),
        // What is skipped is counted too.
        ("{ viewer @skip(if: true) { role } }", 2),
        // The dearest operation counts.
        (
            "query a { viewer { role } } query b { grants { totalCount } city(geoid: \"x\") { name } }",
            4,
        ),
        ("mutation { closePeriod(input: {}) { userErrors { code } } }", 1 + 1 + 10),
    ] {
        assert_eq!(cost(query, json!({})), expected, "{query}");
    }
}

#[test]
fn numbers_of_rows_are_read_from_variables_and_their_defaults() {
    let rows = "query ($n: Int = 7) { grants(first: $n) { nodes { id } } }";
    assert_eq!(cost(rows, json!({})), 2 + 7);
    assert_eq!(cost(rows, json!({ "n": 3 })), 2 + 3);
    assert_eq!(cost(rows, json!({ "n": null })), 2 + 50);
    assert_eq!(cost(rows, json!({ "n": -5 })), 2);
    let ids = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    assert_eq!(cost(ids, json!({ "ids": ["a", "b"] })), 1 + 2);
    // Each operation has its own variables; the dearest counts.
    let two = "query a($n: Int = 2) { ...f } query b($n: Int = 9) { ...f } fragment f on Query { grants(first: $n) { nodes { id } } }";
    assert_eq!(cost(two, json!({})), 2 + 9);
}

#[test]
fn each_limit_lets_pass_what_it_says_and_refuses_one_more() {
    let limit = |change: fn(&mut Limits)| {
        let mut limits = Limits::DEFAULT;
        change(&mut limits);
        limits
    };
    for (limits, passes, fails, told) in [
        (
            limit(|l| l.document_bytes = 5),
            "{ a }",
            "{ ab }",
            "bytes of the document: at least 6, and at most 5 are answered",
        ),
        (
            limit(|l| l.tokens = 4),
            "{ a b }",
            "{ a b c }",
            "words and signs: at least 5, and at most 4",
        ),
        (
            limit(|l| l.nesting = 2),
            "{ a(b: 1) { c } }",
            "{ a { b(c: 1) } }",
            "brackets in brackets: at least 3, and at most 2",
        ),
        (
            limit(|l| l.depth = 2),
            "{ a { b } }",
            "{ a { b { c } } }",
            "fields in fields: at least 3, and at most 2",
        ),
        (
            limit(|l| l.depth = 2),
            "{ a { ...f } } fragment f on A { b }",
            "{ a { ...f } } fragment f on A { b { c } }",
            "fields in fields",
        ),
        (
            limit(|l| l.fields = 3),
            "{ a b c }",
            "{ ...f ...f } fragment f on Query { a b }",
            "wherever they are spread: at least 4, and at most 3",
        ),
        (
            limit(|l| l.root_fields = 1),
            "{ a { b c } }",
            "{ a b }",
            "fields of the operation itself: at least 2, and at most 1",
        ),
        (
            limit(|l| l.aliases = 1),
            "{ a: b c }",
            "{ a: b c: b }",
            "aliases: at least 2, and at most 1",
        ),
        (
            limit(|l| l.directives = 2),
            "{ a @x b @y }",
            "{ a @x b @y c @z }",
            "directives: at least 3, and at most 2",
        ),
        (
            limit(|l| l.directives_in_place = 1),
            "{ a @x b @y }",
            "{ a @x @y }",
            "directives at one place: at least 2, and at most 1",
        ),
        (
            limit(|l| l.fragments = 1),
            "{ ...f } fragment f on Query { a }",
            "{ ...f } fragment f on Query { a } fragment g on Query { a }",
            "fragments: at least 2, and at most 1",
        ),
        (
            limit(|l| l.operations = 1),
            "query a { a }",
            "query a { a } query b { a }",
            "operations: at least 2, and at most 1",
        ),
        (
            limit(|l| l.cost = 52),
            "{ grants { nodes { id } } }",
            "{ grants { nodes { id } totalCount } }",
            "cost, a field for each row of its list: at least 53, and at most 52",
        ),
    ] {
        assert!(check(limits.clone(), passes, json!({})).is_ok(), "{passes}");
        let message = check(limits, fails, json!({})).unwrap_err();
        assert!(message.contains(told), "{fails}: {message}");
    }
}

#[test]
fn strings_and_comments_are_not_taken_for_brackets() {
    let limits = Limits { nesting: 2, tokens: 7, ..Limits::DEFAULT };
    for query in [
        "{ a(b: \"{{{{\") }",
        "{ a(b: \"\\\"{{{{\") }",
        "{ a(b: \"\"\"{{ \" {{ \\\"\"\" {{\"\"\") }",
        "{ a # {{{{ (((\n (b: 1) }",
    ] {
        // One bracket in another, and seven tokens with the string as one.
        let message = check(limits.clone(), query, json!({})).unwrap_err();
        assert!(message.contains("words and signs: at least 8"), "{message}");
        assert!(check(Limits { tokens: 8, ..limits.clone() }, query, json!({})).is_ok(), "{query}");
    }
    let few = Limits { json_values: 3, ..Limits::DEFAULT };
    assert!(check_json(br#"{"a,[{":"\",,,"}"#, &few).is_ok());
    assert!(check_json(br#"[1,2]"#, &few).is_ok());
    assert!(check_json(br#"[1,2,3]"#, &few).is_err());
}

#[test]
fn a_fragment_that_contains_itself_is_told_by_name_and_a_bomb_costs_no_time() {
    let cycle =
        "{ ...a } fragment a on Query { ...b } fragment b on Query { viewer { role } ...a }";
    let message = check(Limits::DEFAULT, cycle, json!({})).unwrap_err();
    assert!(message.contains("contains itself: leave it out of itself"), "{message}");
    let level = |n: usize| {
        format!("fragment f{n} on Query {{ {} }} ", format!("...f{} ", n + 1).repeat(30))
    };
    let levels: String = (0..40).map(level).collect();
    let bomb = format!("{{ ...f0 }} {levels} fragment f40 on Query {{ viewer {{ role }} }}");
    let begin = std::time::Instant::now();
    assert!(check(Limits::DEFAULT, &bomb, json!({})).is_err());
    assert!(begin.elapsed().as_secs() < 5, "30 to the 40th is not counted one by one");
}

#[test]
fn what_tools_ask_of_the_schema_passes_and_what_multiplies_it_does_not() {
    let full = include_str!("../src/graphql/limits/introspection.graphql");
    assert!(cost(full, json!({})) < 10);
    let bomb = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }";
    let message = check(Limits::DEFAULT, bomb, json!({})).unwrap_err();
    assert!(
        message.starts_with("lists of types in lists of types: at least 3, and at most 2"),
        "{message}"
    );
    let (first, rest) = full.split_once("{\n  __schema {").unwrap();
    let (inside, fragments) = rest.split_once("\n  }\n}\n").unwrap();
    let twice =
        format!("{first} {{ a: __schema {{ {inside} }} b: __schema {{ {inside} }} }} {fragments}");
    let message = check(Limits::DEFAULT, &twice, json!({})).unwrap_err();
    assert!(
        message.starts_with("`__schema` in one operation: at least 2, and at most 1"),
        "{message}"
    );
    let more = inside.replacen(
        "types {",
        "again: types { ...FullType } more: types { ...FullType } types {",
        1,
    );
    let message = check(
        Limits::DEFAULT,
        &format!("{first} {{ __schema {{ {more} }} }} {fragments}"),
        json!({}),
    );
    assert!(message.unwrap_err().starts_with("rows of the schema: at least"));
    assert_eq!(
        cost("{ a: __type(name: \"A\") { name } b: __type(name: \"B\") { name } }", json!({})),
        2
    );
}

#[test]
fn the_documents_of_the_readme_pass_with_room_to_spare() {
    let readme = include_str!("../README.md");
    let tour = readme.split("```graphql\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut count = 0;
    for query in tour {
        let found = cost(query, json!({}));
        println!("{found}  {query:.60}");
        assert!(found <= Limits::DEFAULT.cost / 5, "{query}");
        count += 1;
    }
    assert!(count >= 5);
}
