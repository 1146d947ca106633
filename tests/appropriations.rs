//! What was put into a stream for a fiscal year, and what of it is left to award.

use std::sync::Arc;

use serde_json::{Value, json};
use thrive::{access::Actor, grants};

use crate::support::{
    Cast, Service,
    at_once::{Mutation, at_once},
    codes, none, refused_by, service,
};

const RECORD: Mutation = Mutation {
    name: "recordAppropriation",
    input_type: "RecordAppropriationInput",
    wanted: "appropriation { id fiscalYear amount revision stream { code } }",
};

async fn stream(service: &Service, code: &str) -> Value {
    let query = format!("{{ fundingStream(code: \"{code}\") {{ id }} }}");
    service.data(&Actor::Anyone, &query, none()).await["fundingStream"]["id"].take()
}

fn input(stream: &Value, year: &str, amount: &str, revision: Option<i32>) -> Value {
    json!({ "streamId": stream, "fiscalYear": year, "amount": amount, "source": "Budget Act of 2026, item 1",
            "sourceUrl": "https://ebudget.test/1", "revision": revision })
}

async fn record(service: &Service, actor: &Actor, input: Value) -> Value {
    let Mutation { name, input_type, wanted } = RECORD;
    service.mutate(actor, name, input_type, wanted, input).await
}

async fn recorded(service: &Service, cast: &Cast, input: Value) {
    let made = record(service, &cast.admin, input).await;
    assert_eq!(made["userErrors"], json!([]));
}

async fn appropriations(service: &Service, actor: &Actor, fields: &str) -> Value {
    let query =
        format!("{{ fundingStream(code: \"PROP_64\") {{ appropriations {{ {fields} }} }} }}");
    service.data(actor, &query, none()).await["fundingStream"]["appropriations"].take()
}

const LEFT: &str = "fiscalYear amount awarded leftToAward overAwarded";

fn left(year: &str, amount: &str, awarded: &str, left: &str) -> Value {
    json!({ "fiscalYear": year, "amount": amount, "awarded": awarded, "leftToAward": left,
            "overAwarded": left.starts_with('-') })
}

#[tokio::test]
async fn what_is_left_to_award_is_the_appropriation_less_the_awards_and_amendments_of_its_year() {
    let service = service().await;
    let cast = service.cast().await;
    let prop_64 = stream(&service, "PROP_64").await;
    recorded(&service, &cast, input(&prop_64, "2026-27", "1000000.00", None)).await;
    recorded(&service, &cast, input(&prop_64, "2025-26", "500000.00", None)).await;
    recorded(&service, &cast, input(&stream(&service, "BHSA").await, "2026-27", "7.00", None))
        .await;
    assert_eq!(
        appropriations(&service, &Actor::Anyone, LEFT).await,
        json!([
            left("2025-26", "500000.00", "0.00", "500000.00"),
            left("2026-27", "1000000.00", "0.00", "1000000.00")
        ])
    );

    // The last day of one fiscal year, and the first of the next, in California.
    for (number, at) in [("A-1", "2026-07-01T06:59:00Z"), ("A-2", "2026-07-01T07:00:00Z")] {
        service.travel(at.parse().unwrap());
        let draft = service.draft(&cast, number, "400000.00").await;
        grants::commands::award(&service.app, &cast.approver, draft.id, 1).await.unwrap();
    }
    service.travel("2026-11-24T18:00:00Z".parse().unwrap());
    service.draft(&cast, "A-3", "90000.00").await;
    let first = service
        .data(&cast.manager, "{ grant(number: \"A-1\") { id budget { id } } }", none())
        .await;
    let first = &first["grant"];
    // Part of it is passed on: awarded already.
    let mut child = service.draft_of(&cast, "A-4", "30000.00").await;
    child.parent = first["id"].as_str().map(|id| id.parse().unwrap());
    let child = grants::commands::create(&service.app, &cast.manager, child).await.unwrap();
    grants::commands::award(&service.app, &cast.approver, child.id, 1).await.unwrap();
    let expected = json!([
        left("2025-26", "500000.00", "400000.00", "100000.00"),
        left("2026-27", "1000000.00", "400000.00", "600000.00"),
    ]);
    assert_eq!(appropriations(&service, &Actor::Anyone, LEFT).await, expected);

    // An amendment counts in the year in which it takes effect.
    for (direction, amount) in [("INCREASE", "100000.00"), ("DECREASE", "20000.00")] {
        let change = json!({ "grantId": first["id"], "kind": "AMOUNT", "reason": "More, or less",
            "lines": [{ "lineId": first["budget"][0]["id"], "direction": direction, "amount": amount }] });
        let made = service
            .mutate(&cast.manager, "amendGrant", "AmendGrantInput", "amendment { id }", change)
            .await;
        assert_eq!(made["userErrors"], json!([]));
        let approve = json!({ "amendmentId": made["amendment"]["id"] });
        let (name, kind) = ("approveAmendment", "ApproveAmendmentInput");
        let made =
            service.mutate(&cast.approver, name, kind, "amendment { status }", approve).await;
        assert_eq!(made["userErrors"], json!([]));
    }
    assert_eq!(
        appropriations(&service, &Actor::Anyone, LEFT).await[1],
        left("2026-27", "1000000.00", "480000.00", "520000.00")
    );
    let usage = "usage(asOf: \"2026-11-23\") { awarded leftToAward overAwarded asOf computedAt }";
    assert_eq!(
        appropriations(&service, &Actor::Anyone, usage).await[1]["usage"],
        json!({ "awarded": "400000.00", "leftToAward": "600000.00", "overAwarded": false, "asOf": "2026-11-23",
                "computedAt": "2026-11-24T18:00:00+00:00" })
    );

    // A later act takes away what was awarded: that is shown.
    recorded(&service, &cast, input(&prop_64, "2026-27", "300000.00", Some(1))).await;
    assert_eq!(
        appropriations(&service, &Actor::Anyone, LEFT).await[1],
        left("2026-27", "300000.00", "480000.00", "-180000.00")
    );
}

#[tokio::test]
async fn an_appropriation_is_revised_by_who_read_it_and_its_history_stays_to_be_read() {
    let service = service().await;
    let cast = service.cast().await;
    let prop_64 = stream(&service, "PROP_64").await;
    let made = record(&service, &cast.manager, input(&prop_64, "2026-27", "10.00", None)).await;
    let id = made["appropriation"]["id"].clone();
    let again = record(&service, &cast.admin, input(&prop_64, "2026-27", "12.00", Some(1))).await;
    assert_eq!(
        again["appropriation"],
        json!({ "id": id, "fiscalYear": "2026-27", "amount": "12.00", "revision": 2, "stream": { "code": "PROP_64" } })
    );
    for (actor, input, expected) in [
        (&cast.admin, input(&prop_64, "2026-27", "9.00", Some(1)), "REVISION_CONFLICT"),
        (&cast.admin, input(&prop_64, "2026-27", "9.00", None), "ALREADY_EXISTS"),
        (&cast.admin, input(&prop_64, "2027-28", "9.00", Some(1)), "INVALID_INPUT"),
        (&cast.admin, input(&prop_64, "2027-28", "-0.01", None), "INVALID_INPUT"),
        (&cast.admin, input(&prop_64, "2015-16", "1.00", None), "INVALID_DATES"),
        (
            &cast.admin,
            input(&stream(&service, "MHSA").await, "2026-27", "1.00", None),
            "INVALID_DATES",
        ),
        (
            &cast.admin,
            input(&json!("stream_01990000000070008000000000000000"), "2026-27", "1.00", None),
            "NOT_FOUND",
        ),
        (&cast.officer, input(&prop_64, "2027-28", "9.00", None), "FORBIDDEN"),
        (&cast.finance, input(&prop_64, "2027-28", "9.00", None), "FORBIDDEN"),
    ] {
        assert_eq!(codes(&record(&service, actor, input.clone()).await), [expected], "{input}");
    }
    for (field, value) in [("source", " "), ("sourceUrl", "ebudget.test")] {
        let mut input = input(&prop_64, "2027-28", "9.00", None);
        input[field] = json!(value);
        let made = record(&service, &cast.admin, input).await;
        assert_eq!(made["userErrors"][0]["field"], json!(["input", field]));
    }

    let fields = "id revision recordedBy { name } history { number amount source sourceUrl recordedBy { name } }";
    let revision = |number: i32, amount: &str, by: Value| {
        json!({ "number": number, "amount": amount, "source": "Budget Act of 2026, item 1",
                "sourceUrl": "https://ebudget.test/1", "recordedBy": by })
    };
    let (admin, manager) = (json!({ "name": "Pat Admin" }), json!({ "name": "Mara Manager" }));
    assert_eq!(
        appropriations(&service, &cast.auditor, fields).await,
        json!([{ "id": id, "revision": 2, "recordedBy": admin,
                 "history": [revision(2, "12.00", admin.clone()), revision(1, "10.00", manager)] }])
    );
    // In public nobody is named.
    assert_eq!(
        appropriations(&service, &Actor::Anyone, fields).await,
        json!([{ "id": id, "revision": 2, "recordedBy": null,
                 "history": [revision(2, "12.00", json!(null)), revision(1, "10.00", json!(null))] }])
    );
    let node = "query ($id: ID!) { node(id: $id) { __typename id } }";
    let node = service.data(&Actor::Anyone, node, json!({ "id": id })).await;
    assert_eq!(node["node"], json!({ "__typename": "Appropriation", "id": id }));

    let owner = service.as_owner().await;
    for (statement, refused) in [
        (
            "update appropriation_revisions set amount = 1",
            "permission denied for table appropriation_revisions",
        ),
        ("delete from appropriations", "permission denied for table appropriations"),
        ("truncate appropriation_revisions", "permission denied for table appropriation_revisions"),
    ] {
        assert_eq!(refused_by(sqlx::query(statement).execute(&service.app.db).await), refused);
    }
    assert_eq!(
        refused_by(
            sqlx::query("update appropriation_revisions set amount = 1").execute(&owner).await
        ),
        "appropriation_revisions is append-only: record a reversal instead"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_record_or_revise_at_once_one_does() {
    let service = service().await;
    let cast = service.cast().await;
    let prop_64 = stream(&service, "PROP_64").await;
    let service = Arc::new(service);
    for revision in [None, Some(1)] {
        let inputs =
            (0..16).map(|n| input(&prop_64, "2026-27", &format!("{n}.00"), revision)).collect();
        let payloads = at_once(&service, &cast.admin, RECORD, inputs).await;
        let (done, refused): (Vec<_>, Vec<_>) =
            payloads.into_iter().partition(|payload| payload["userErrors"] == json!([]));
        assert_eq!((done.len(), refused.len()), (1, 15));
        let known = ["REVISION_CONFLICT", "ALREADY_EXISTS"];
        assert!(refused.iter().all(|payload| known.contains(&codes(payload)[0])), "{refused:?}");
    }
}
