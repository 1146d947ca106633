//! Every mutation as every role.

use serde_json::{Value, json};

use super::{
    expected::{self, COLUMNS, Cell},
    mutations::{AFTER_THE_PERIOD, CASES, Case},
    name,
    scene::{Scene, Side, person, scene, unknown},
};

/// The cells of this kind, mutation by mutation.
fn cells(of: &[Cell]) -> Vec<(&'static Case, usize)> {
    let columns = |case| (0..COLUMNS.len()).map(move |column| (case, column));
    let all = CASES.iter().flat_map(columns);
    all.filter(|(case, column)| of.contains(&expected::cell(expected::done(case.name), *column)))
        .collect()
}

/// Why an answer did not do it: the code of the one user error, or of the one error.
fn code<'a>(answer: &'a Value, case: &Case) -> &'a Value {
    let payload = &answer["data"][case.name];
    if payload.is_object() {
        return &payload["userErrors"][0]["code"];
    }
    &answer["errors"][0]["extensions"]["code"]
}

#[tokio::test]
async fn who_may_not_do_it_is_told_so_whether_the_thing_is_there_or_not_and_nothing_changes() {
    let scene = scene().await;
    let before = scene.rows().await;
    let mut wrong = vec![];
    for (case, column) in cells(&[Cell::No]) {
        let (actor, entries) = (&scene.actors[column], scene.entries().await);
        let own = scene.things(Side::Own);
        let (answer, of_own) = scene.refused(actor, case, own).await;
        let (_, of_foreign) = scene.refused(actor, case, scene.things(Side::Foreign)).await;
        let (_, of_unknown) = scene.refused(actor, case, &unknown(own)).await;
        let expected = if column == 0 { "UNAUTHENTICATED" } else { "FORBIDDEN" };
        let changed = scene.entries().await - entries;
        if code(&answer, case) != expected
            || of_own != of_unknown
            || of_foreign != of_unknown
            || changed != 0
        {
            let (of, who) = (case.name, name(column));
            wrong.push(format!("{of} as {who}, {changed} changes:\n  own {of_own:?}\n  foreign {of_foreign:?}\n  unknown {of_unknown:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} cells:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(scene.rows().await, before);
}

#[tokio::test]
async fn what_is_foreign_is_as_if_it_were_not_there_for_who_may_do_it_with_their_own() {
    let scene = scene().await;
    let mut wrong = vec![];
    for (case, column) in cells(&[Cell::Own]) {
        let actor = &scene.actors[column];
        let foreign = scene.prepared(Side::Foreign, case).await;
        let before = scene.rows().await;
        let (answer, of_foreign) = scene.refused(actor, case, &foreign).await;
        let (_, of_unknown) = scene.refused(actor, case, &unknown(&foreign)).await;
        let same_rows = scene.rows().await == before;
        // Nobody makes tokens for others, whoever they are.
        let expected = if case.name == "createAccessToken" { "FORBIDDEN" } else { "NOT_FOUND" };
        if code(&answer, case) != expected || of_foreign != of_unknown || !same_rows {
            let (of, who) = (case.name, name(column));
            wrong.push(format!("{of} as {who}, the same rows: {same_rows}\n  foreign {of_foreign:?}\n  unknown {of_unknown:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} cells:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn who_may_do_it_does_it_and_the_audit_log_says_who_did_what() {
    let scene = scene().await;
    let mut wrong = vec![];
    let (last, first): (Vec<_>, Vec<_>) = cells(&[Cell::Own, Cell::All])
        .into_iter()
        .partition(|(case, _)| AFTER_THE_PERIOD.contains(&case.name));
    for (case, column) in first {
        let things = scene.prepared_for(column, case).await;
        wrong.extend(does(&scene, case, column, &things).await.err());
    }
    let mut ready = vec![];
    for (case, column) in last {
        ready.push((case, column, scene.prepared_for(column, case).await));
    }
    scene.service.travel("2028-07-05T18:00:00Z".parse().unwrap());
    for (case, column, things) in ready {
        wrong.extend(does(&scene, case, column, &things).await.err());
    }
    assert!(wrong.is_empty(), "{} cells:\n{}", wrong.len(), wrong.join("\n"));

    let unattributed: Vec<(String, String)> = sqlx::query_as(
        "select table_name, change from audit_entries where action is null group by 1, 2",
    )
    .fetch_all(&scene.service.app.db)
    .await
    .unwrap();
    assert_eq!(unattributed, []);
}

/// Does it with a person's own, and finds who did it in the audit log.
async fn does(scene: &Scene, case: &Case, column: usize, things: &Value) -> Result<(), String> {
    let (actor, role) = (&scene.actors[column], name(column));
    let (payload, field) = scene.tried(actor, case, things).await;
    if payload["userErrors"] != json!([]) || !payload[&field].is_object() {
        return Err(format!("{} as {role}: {payload}", case.name));
    }
    let query = "query ($who: ID!, $what: String!) {
                 auditEntries(filter: { people: [$who], actions: [$what] }) { nodes { role } } }";
    let variables = json!({ "who": person(actor), "what": case.name });
    let mut found = scene.service.data(scene.auditor(), query, variables).await;
    let entries = found["auditEntries"]["nodes"].take();
    let entries = entries.as_array().unwrap();
    if entries.is_empty() || entries.iter().any(|entry| entry["role"] != role) {
        return Err(format!("{} as {role}, in the audit log: {entries:?}", case.name));
    }
    Ok(())
}
