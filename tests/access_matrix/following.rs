//! The subscription as every role.

use std::{sync::Arc, time::Duration};

use async_graphql::{Request, Variables};
use futures_util::StreamExt;
use serde_json::{Value, json};
use thrive::{
    access::Actor,
    graphql::{self, parsed::Document},
};

use super::{
    expected::{self, COLUMNS, Cell},
    mutations, name,
    scene::{Scene, Side, scene, unknown},
};

/// The subscriptions that are tried here.
pub const CASES: &[&str] = &["Subscription.disbursementChanged"];

/// Long enough for what must not come to come.
const A_WHILE: Duration = Duration::from_millis(100);

/// The next answers of a subscription from a cursor on, as many as come, but no more than this.
async fn told(
    scene: &Scene,
    actor: &Actor,
    after: &Value,
    grants: Option<&Value>,
    most: usize,
) -> Vec<Value> {
    let query = "subscription ($after: String!, $grants: [ID!]) {
                 disbursementChanged(after: $after, grantIds: $grants) { disbursement { id } } }";
    let variables = Variables::from_json(json!({ "after": after, "grants": grants }));
    let request = Request::new(query).variables(variables);
    let (app, schema) = (&scene.service.app, &scene.service.schema);
    let document = Arc::new(Document::parse(&request.query).unwrap());
    let mut stream = Box::pin(graphql::subscribe(app, schema, actor.clone(), request, document));
    let mut answers = vec![];
    while answers.len() < most {
        let Ok(Some(next)) = tokio::time::timeout(A_WHILE, stream.next()).await else { break };
        answers.push(serde_json::to_value(next).unwrap());
    }
    answers
}

#[tokio::test]
async fn each_role_is_told_of_what_happens_to_its_own_and_nothing_of_what_is_foreign() {
    let scene = scene().await;
    let (own, foreign) = (scene.things(Side::Own).clone(), scene.things(Side::Foreign).clone());
    let cursor = "{ disbursementCursor }";
    let cursor =
        &scene.service.data(scene.auditor(), cursor, json!({})).await["disbursementCursor"];
    // What is own happens before and after what is foreign: nobody gets past that.
    scene.step(Side::Own, mutations::of("cancelDisbursement"), &mut own.clone()).await;
    let numbered = sqlx::query_scalar("select number_disbursement_events(1000)");
    let numbered: i32 = numbered.fetch_one(&scene.service.app.db).await.unwrap();
    assert_eq!(numbered, 3);
    let change = |things: &Value| {
        let disbursement = json!({ "id": things["disbursement"]["id"] });
        json!({ "data": { "disbursementChanged": { "disbursement": disbursement } } })
    };
    let (of_own, of_foreign) = (change(&own), change(&foreign));
    let nowhere = unknown(&own);
    for column in 0..COLUMNS.len() {
        let (actor, who) = (&scene.actors[column], name(column));
        let all = told(&scene, actor, cursor, None, 4).await;
        let foreign = told(&scene, actor, cursor, Some(&json!([foreign["grant"]["id"]])), 2).await;
        let unknown = told(&scene, actor, cursor, Some(&json!([nowhere["grant"]["id"]])), 2).await;
        match expected::cell(expected::read(CASES[0]), column) {
            Cell::No => {
                assert_eq!(all.len(), 1, "{who}: {all:?}");
                assert_eq!(all[0]["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{who}");
                assert_eq!((&all, &foreign), (&unknown, &unknown), "{who}");
            }
            Cell::Own => {
                assert_eq!(all, [of_own.clone(), of_own.clone()], "{who}");
                assert_eq!((foreign.len(), unknown.len()), (0, 0), "{who}: {foreign:?}");
            }
            Cell::All => {
                assert_eq!(all, [&of_own, &of_foreign, &of_own].map(Clone::clone), "{who}");
                assert_eq!((foreign, unknown.len()), (vec![of_foreign.clone()], 0), "{who}");
            }
        }
    }
}
