//! Input that nobody thought of: nothing panics, and every answer is data or has a code. Bounded by default; many
//! more cases with THRIVE_TEST_THOROUGH.

use std::future::Future;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use proptest::{
    prelude::*,
    sample::select,
    test_runner::{Config, TestCaseError, TestRunner},
};
use serde_json::{Value, json};
use thrive::{
    access::Actor,
    fiscal_year::FiscalYear,
    id::{CityId, GrantId, PersonId},
    imports::{Kind, People, commands},
    money::Money,
};

use crate::support::{Cast, Service, service};

/// Cases of what only computes, or of what asks the database too.
fn cases(usual: u32) -> Config {
    let thorough = std::env::var_os("THRIVE_TEST_THOROUGH").is_some();
    let cases = if thorough { usual * 50 } else { usual };
    Config { cases, failure_persistence: None, ..Config::default() }
}

/// Runs cases against one service.
fn against_a_service<S: Strategy, F: Future<Output = Result<(), TestCaseError>>>(
    cases: Config,
    strategy: &S,
    test: impl Fn(&'static Scene, S::Value) -> F,
) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let scene: &'static Scene = Box::leak(Box::new(runtime.block_on(Scene::begin())));
    let mut runner = TestRunner::new(cases);
    runner.run(strategy, |value| runtime.block_on(test(scene, value))).unwrap();
}

struct Scene {
    service: Service,
    cast: Cast,
    people: People,
}

impl Scene {
    async fn begin() -> Self {
        let service = service().await;
        let cast = service.cast().await;
        for number in 0..3 {
            service.draft(&cast, &format!("G-{number}"), "10.00").await;
            service.tick();
        }
        let people = People::find(
            &service.app,
            "mara.manager@people.test",
            "ada.approver@people.test",
            "omar.officer@people.test",
        );
        let people = people.await.unwrap();
        Self { service, cast, people }
    }

    async fn coded(
        &self,
        actor: &Actor,
        query: &str,
        variables: Value,
    ) -> Result<(), TestCaseError> {
        coded(&self.service.ask(actor, query, variables).await)
    }
}

/// Data, or errors each of which has a code; and no fault.
fn coded(answer: &Value) -> Result<(), TestCaseError> {
    for error in answer["errors"].as_array().into_iter().flatten() {
        let code = error["extensions"]["code"].as_str().unwrap_or("none");
        let known = ["BAD_USER_INPUT", "QUERY_TOO_COMPLEX", "FORBIDDEN", "UNAUTHENTICATED"];
        prop_assert!(known.contains(&code), "{}", answer);
        prop_assert!(
            error["message"].as_str().is_some_and(|told| told.len() < 1_100),
            "{}",
            answer
        );
    }
    Ok(())
}

/// Text near what is expected somewhere, and text far from it.
fn text() -> impl Strategy<Value = String> {
    let near = select(vec![
        "",
        "0",
        "-1",
        "2026-07-01",
        "2026-02-30",
        "9999-12-31",
        "-0001-01-01",
        "2026-27",
        "2026-28",
        "1250.00",
        "1e9",
        "grant_",
        "city_01935b8e000070008000000000000000",
        "2026-07-01T00:00:00Z",
        "262142-12-31T23:59:59Z",
        "null",
        "PROP_64",
        "'; drop table grants; --",
        "%",
        "\\",
        "\u{0}",
        "\u{202e}",
        "👩‍👩‍👧‍👦",
        "NaN",
        "0x10",
        "+1",
    ]);
    prop_oneof![
        3 => near.prop_map(str::to_owned),
        1 => "\\PC{0,40}",
        1 => any::<String>(),
        1 => "[0-9]{1,40}(\\.[0-9]{0,5})?",
        1 => "[a-z]{2,12}_[0-9a-f]{30,34}",
        1 => "[0-9]{1,6}-[0-9]{1,2}-[0-9]{1,2}(T[0-9:.]{1,12}Z?)?",
        1 => (1_usize..3_000).prop_map(|length| "a".repeat(length)),
    ]
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn values_that_are_read_are_printed_as_what_is_read_again(text in text()) {
        if let Ok(amount) = text.parse::<Money>() {
            prop_assert_eq!(amount.to_string().parse(), Ok(amount));
        }
        if let Ok(year) = text.parse::<FiscalYear>() {
            prop_assert_eq!(year.to_string().parse::<FiscalYear>().ok(), Some(year));
        }
        if let Ok(day) = text.parse::<thrive::clock::Date>() {
            prop_assert_eq!(day.to_string().parse(), Ok(day));
        }
        if let Ok(id) = text.parse::<GrantId>() {
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }
        prop_assert!(!(text.parse::<CityId>().is_ok() && text.parse::<PersonId>().is_ok()));
    }
}

#[test]
fn ids_and_cursors_of_any_form_are_answered_with_a_code() {
    let lists = [
        "grants",
        "disbursements",
        "expenditures",
        "deadlines",
        "people",
        "cities",
        "emails",
        "jobRuns",
        "sustainabilityPlans",
    ];
    let order = select(vec![
        "created_at:desc",
        "created_at:asc",
        "number:asc",
        "name:asc",
        "due_on:asc",
        "",
        ":",
    ]);
    let id = select(vec![
        "01935b8e000070008000000000000000",
        "",
        "x",
        "01935b8e-0000-7000-8000-000000000000",
    ]);
    let made = (order, id, text())
        .prop_map(|(order, id, key)| BASE64_URL_SAFE_NO_PAD.encode(format!("{order}|{id}|{key}")));
    let cursor = prop_oneof![2 => made, 1 => text()];
    let strategy = (select(lists.to_vec()), cursor, select(vec!["after", "before"]), text());
    against_a_service(cases(200), &strategy, async |scene, (list, cursor, side, id)| {
        let query = format!(
            "query ($cursor: String, $id: ID!) {{ {list}({side}: $cursor, first: 2) {{ totalCount nodes {{ id }} }} node(id: $id) {{ id }} }}"
        );
        scene.coded(&scene.cast.auditor, &query, json!({ "cursor": cursor, "id": id })).await?;
        let real = "query ($id: ID!) { grant(id: $id) { id } nodes(ids: [$id, $id]) { id } }";
        scene.coded(&scene.cast.auditor, real, json!({ "id": id })).await
    });
}

#[test]
fn filters_of_any_values_are_answered_with_a_code() {
    let value = || {
        prop_oneof![
            4 => text().prop_map(Value::from),
            1 => any::<i64>().prop_map(Value::from),
            1 => any::<bool>().prop_map(Value::from),
            1 => Just(Value::Null),
        ]
    };
    let strategy = (proptest::collection::vec(value(), 8), any::<i32>());
    against_a_service(cases(100), &strategy, async |scene, (values, first)| {
        let [a, b, c, d, e, f, g, h] = values.try_into().unwrap();
        let filters = [
            ("grants", "GrantFilter", json!({ "search": a })),
            ("grants", "GrantFilter", json!({ "cities": [b], "activeOn": c })),
            ("grants", "GrantFilter", json!({ "updatedSince": d, "recipients": [e] })),
            (
                "disbursements",
                "DisbursementFilter",
                json!({ "paidOn": { "from": f, "to": g }, "grants": [h] }),
            ),
            ("deadlines", "DeadlineFilter", json!({ "dueOn": { "from": c }, "statuses": [a] })),
            ("people", "PersonFilter", json!({ "search": g })),
            ("cities", "CityFilter", json!({ "search": h, "counties": [b] })),
        ];
        for (list, filter_type, filter) in filters {
            let query = format!(
                "query ($filter: {filter_type}, $first: Int) {{ {list}(filter: $filter, first: $first) {{ totalCount nodes {{ id }} }} }}"
            );
            scene
                .coded(&scene.cast.auditor, &query, json!({ "filter": filter, "first": first }))
                .await?;
        }
        let balance = "query ($on: Date) { grants { nodes { balance(asOf: $on) { awarded } } } }";
        scene.coded(&scene.cast.auditor, balance, json!({ "on": c })).await
    });
}

#[test]
fn amounts_of_any_form_are_answered_and_move_no_money() {
    against_a_service(
        cases(100),
        &(text(), text(), text()),
        async |scene, (amount, invoice, day)| {
            let query = "mutation ($input: RequestDisbursementInput!) { requestDisbursement(input: $input) { disbursement { id } userErrors { code } } }";
            let input = json!({ "idempotencyKey": "k", "grantId": "grant_01935b8e000070008000000000000000", "amount": amount,
            "invoiceNumber": invoice, "period": { "start": day, "end": "2026-10-31" } });
            let answer =
                scene.service.ask(&scene.cast.finance, query, json!({ "input": input })).await;
            coded(&answer)?;
            prop_assert_eq!(&answer["data"]["requestDisbursement"]["disbursement"], &Value::Null);
            Ok(())
        },
    );
}

/// Words and signs of the language, in any order; and documents of ours with a part taken out, doubled or replaced.
fn documents() -> impl Strategy<Value = String> {
    let words = [
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        ":",
        "$",
        "!",
        "=",
        "@",
        "...",
        "|",
        "&",
        "query",
        "mutation",
        "subscription",
        "fragment",
        "on",
        "grants",
        "nodes",
        "id",
        "first",
        "viewer",
        "role",
        "__schema",
        "__typename",
        "Grant",
        "Query",
        "1",
        "-1",
        "1.5e3",
        "\"text\"",
        "\"\"\"block\"\"\"",
        "\"\\u00zz\"",
        "null",
        "true",
        "skip",
        "include",
        "if",
        "$n",
        "#",
        "\n",
        ",",
        "\u{feff}",
        "é",
    ];
    let soup =
        proptest::collection::vec(select(words.to_vec()), 0..60).prop_map(|words| words.join(" "));
    let readme = include_str!("../README.md");
    let tour = readme.split("```graphql\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let known: Vec<String> = tour.map(str::to_owned).collect();
    let place = || any::<prop::sample::Index>();
    let changed = (select(known), place(), place(), select(words.to_vec()), 0..3).prop_map(
        |(text, from, to, word, kind)| {
            let letters: Vec<char> = text.chars().collect();
            let (from, to) = (from.index(letters.len()), to.index(letters.len()));
            let (from, to) = (from.min(to), from.max(to).min(from.min(to) + 40));
            let of = |part: &[char]| part.iter().collect::<String>();
            let middle = match kind {
                0 => String::new(),
                1 => of(&letters[from..to]).repeat(2),
                _ => word.to_owned(),
            };
            format!("{}{middle}{}", of(&letters[..from]), of(&letters[to..]))
        },
    );
    prop_oneof![1 => soup, 2 => changed]
}

#[test]
fn documents_near_the_grammar_are_answered_with_a_code() {
    let strategy = (documents(), any::<Option<i32>>());
    against_a_service(cases(200), &strategy, async |scene, (query, number)| {
        scene.coded(&scene.cast.auditor, &query, json!({ "n": number })).await?;
        scene.coded(&Actor::Anyone, &query, json!({})).await
    });
}

#[test]
fn files_of_any_content_are_brought_in_or_refused_row_by_row() {
    let files = [
        (
            Kind::Grants,
            "number,title,program,recipient,amount,performance_start,performance_end,awarded_on,signed_on,cities,action_areas",
            "G-9,Title,PROP64-PHS,City of Fresno (test),100.00,2026-07-01,2028-06-30,2026-07-10,2026-08-01,0627000:10000,YOUTH_DEVELOPMENT:10000",
        ),
        (Kind::Budgets, "grant,category,line,amount", "G-0,PERSONNEL,Coordinator,10.00"),
        (
            Kind::Expenditures,
            "grant,category,amount,incurred_on,description,vendor,reference",
            "G-0,PERSONNEL,1.00,2026-08-31,Payroll,,P-8",
        ),
        (
            Kind::Disbursements,
            "grant,invoice_number,kind,amount,period_start,period_end,requested_on,paid_on,method,reference",
            "G-0,INV-1,REIMBURSEMENT,1.00,2026-08-01,2026-08-31,2026-09-10,2026-10-01,WARRANT,W-1",
        ),
    ];
    let cell = (any::<prop::sample::Index>(), text());
    let rows = proptest::collection::vec(proptest::collection::vec(cell, 0..4), 1..4);
    let noise = prop_oneof![3 => Just(String::new()), 1 => "[\"\\r\\n,]{1,4}", 1 => text()];
    let strategy = (select(files.to_vec()), rows, noise, any::<bool>());
    against_a_service(
        cases(100),
        &strategy,
        async |scene, ((kind, header, row), rows, noise, quoted)| {
            let mut file = format!("{header}\n");
            for changes in rows {
                let mut cells: Vec<String> = row.split(',').map(str::to_owned).collect();
                for (place, text) in changes {
                    let place = place.index(cells.len());
                    cells[place] =
                        if quoted { format!("\"{}\"", text.replace('"', "\"\"")) } else { text };
                }
                file += &format!("{}\n", cells.join(","));
            }
            file += &noise;
            match commands::import(&scene.service.app, kind, &file, &scene.people, true).await {
                Ok(report) => prop_assert!(!report.kept && !report.rows.is_empty()),
                // A file that is none, told in words and not as a fault of the database.
                Err(error) => prop_assert!(
                    error.downcast_ref::<thrive::Error>().is_none(),
                    "{:?}\n{}",
                    error,
                    file
                ),
            }
            Ok(())
        },
    );
}
