//! Every query field, mutation and type of node, as every role, on what is own and what is foreign, compared with
//! expectations written by hand: what is allowed answers with the thing, and what is not is answered as if there
//! were no such thing, by the same statements.

mod answers;
mod doing;
mod expected;
mod following;
mod mutations;
mod reads;
mod scene;
mod schema;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use answers::asked;
use expected::{COLUMNS, Cell};
use reads::{List, Read, tells_nothing};
use scene::{Scene, Side, scene, unknown};

/// Elements without the cases of one.
fn elements<'a>(names: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    names.map(|name| name.split(", ").next().unwrap().to_string()).collect()
}

#[test]
fn every_element_of_the_schema_has_its_row_and_its_case() {
    let schema = schema::Schema::live();
    let mut all: BTreeSet<String> =
        schema.fields("Query").iter().map(|field| format!("Query.{field}")).collect();
    all.extend(schema.nodes());
    let followed = schema.fields("Subscription");
    all.extend(followed.iter().map(|field| format!("Subscription.{field}")));
    assert_eq!(elements(expected::READ.iter().map(|(element, _)| *element)), all);
    let cases = reads::CASES.iter().map(|(element, _)| *element);
    assert_eq!(elements(cases.chain(following::CASES.iter().copied())), all);
    let mutations: BTreeSet<String> = schema.fields("Mutation").into_iter().collect();
    assert_eq!(elements(expected::DONE.iter().map(|(mutation, _)| *mutation)), mutations);
    assert_eq!(elements(mutations::CASES.iter().map(|case| case.name)), mutations);
    // Each cell is written, and no row is there twice.
    for (element, _) in expected::READ {
        (0..COLUMNS.len()).for_each(|column| _ = expected::cell(expected::read(element), column));
    }
    for (mutation, _) in expected::DONE {
        (0..COLUMNS.len()).for_each(|column| _ = expected::cell(expected::done(mutation), column));
    }
}

/// What a failure calls a column.
fn name(column: usize) -> &'static str {
    COLUMNS[column].map_or("nobody", |role| role.as_str())
}

#[tokio::test]
async fn each_role_reads_what_is_its_own_and_of_the_rest_not_even_whether_it_is_there() {
    let scene = scene().await;
    let mut wrong = vec![];
    for column in 0..COLUMNS.len() {
        let own = scene.own_of(column).await;
        for (element, read) in reads::CASES {
            let expected = expected::cell(expected::read(element), column);
            if let Err(why) = check_read(&scene, column, expected, *read, &own).await {
                wrong.push(format!("{element} as {}, expected {expected:?}: {why}", name(column)));
            }
        }
        if let Err(why) = check_sums(&scene, column, &own).await {
            wrong.push(format!("sums without a filter as {}: {why}", name(column)));
        }
    }
    assert!(wrong.is_empty(), "{} cells:\n{}", wrong.len(), wrong.join("\n"));
}

/// What a column sums without a filter: the own side, as an auditor sees it, or everything.
async fn check_sums(scene: &Scene, column: usize, own: &Value) -> Result<(), String> {
    let document = |filter: &str| {
        let what = "grantCount total { awarded requested expended encumbered matchMet }";
        format!(
            "{{ fundingSummary(groupBy: [CITY]{filter}) {{ {what} groups {{ grantCount }} }} }}"
        )
    };
    let of_own = match expected::cell(expected::read("Query.fundingSummary"), column) {
        Cell::All => String::new(),
        _ => format!(", filter: {{ recipients: [{}] }}", own["organization"]["id"]),
    };
    let sums = scene.service.data(&scene.actors[column], &document(""), json!({})).await;
    let due = scene.service.data(scene.auditor(), &document(&of_own), json!({})).await;
    if sums != due || due["fundingSummary"]["total"]["expended"] == "0.00" {
        return Err(format!("{sums}\n  an auditor {due}"));
    }
    Ok(())
}

async fn check_read(
    scene: &Scene,
    column: usize,
    expected: Cell,
    read: Read,
    own: &Value,
) -> Result<(), String> {
    let (actor, place) = (&scene.actors[column], read.place());
    let foreign = scene.things(Side::Foreign);
    let ask = async |things: &Value| {
        let (answer, told) = asked(&scene.service, actor, &read.document(things), json!({})).await;
        (tells_nothing(&answer, &place), holds(&answer, read, things), told)
    };
    let (own_empty, own_there, of_own) = ask(own).await;
    let (foreign_empty, foreign_there, of_foreign) = ask(foreign).await;
    let (_, _, of_unknown) = ask(&nowhere(own)).await;
    let same = |what: &str, told: &answers::Told| {
        let same = *told == of_unknown;
        same.then_some(()).ok_or_else(|| format!("{what} {told:?}\n  unknown {of_unknown:?}"))
    };
    match expected {
        Cell::No if !own_empty || !foreign_empty => return Err(format!("{of_own:?}")),
        Cell::No => same("own", &of_own).and_then(|()| same("foreign", &of_foreign))?,
        Cell::Own | Cell::All if own_empty || !own_there => return Err(format!("own {of_own:?}")),
        Cell::Own if !foreign_empty => return Err(format!("foreign {of_foreign:?}")),
        Cell::Own => same("foreign", &of_foreign)?,
        Cell::All if foreign_empty || !foreign_there => {
            return Err(format!("foreign {of_foreign:?}"));
        }
        Cell::All => {}
    }
    match (expected, read) {
        (Cell::Own, Read::List(list)) if list.whole => check_whole(scene, column, list, own).await,
        _ => Ok(()),
    }
}

/// Things that nobody has.
fn nowhere(own: &Value) -> Value {
    let mut things = unknown(own);
    things["grant"]["number"] = "NONE".into();
    things
}

/// Whether a list holds what it should; other answers are told by themselves.
fn holds(answer: &Value, read: Read, things: &Value) -> bool {
    let Read::List(list) = read else { return true };
    let nodes = answer.pointer(&read.place()).and_then(Value::as_array);
    nodes.is_some_and(|nodes| {
        let count = &answer["data"][list.field]["totalCount"];
        let there = nodes.iter().any(|node| node["id"] == things[list.thing]["id"]);
        there && (nodes.len() == 200 || *count == json!(nodes.len()))
    })
}

/// Without a filter the list, its count and its sums are those of the own side, as an auditor sees them.
async fn check_whole(scene: &Scene, column: usize, list: List, own: &Value) -> Result<(), String> {
    let all = scene.service.ask(&scene.actors[column], &list.document(""), json!({})).await;
    let filter = format!(", filter: {{ {} }}", (list.filter)(own));
    let own = scene.service.ask(scene.auditor(), &list.document(&filter), json!({})).await;
    if all != own {
        return Err(format!("without a filter {all}\n  the own side's {own}"));
    }
    Ok(())
}
