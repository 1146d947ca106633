//! Anything by its id: what is yours comes back, what is not is as if it were not there; and what
//! each viewer is told about people and may do.

use serde_json::{Value, json};
use thrive::{
    access::{Actor, Role, commands::NewRole},
    deadlines::{self, DeadlineKind, NewDeadline},
    disbursements::commands,
    grants::{self, Grant},
    jobs,
    people::{self, NewPerson, Person},
};

use crate::support::{Cast, Service, date, none, service};

/// A grant of Fresno with everything that can hang on one, and the mail that tells of it.
async fn scene() -> (Service, Cast, Grant) {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "N-1", "1000.00").await;
    service.request(&cast, &grant, "A-1", "10.00").await;
    let Actor::Person(finance) = &cast.finance else { unreachable!() };
    let new = NewDeadline {
        kind: DeadlineKind::Invoice,
        title: "Invoice".into(),
        grant: Some(grant.id),
        city: None,
        due_on: date("2026-12-01"),
        due_time: None,
        responsible: vec![finance.person],
    };
    deadlines::commands::create(&service.app, &cast.manager, new).await.unwrap();
    let plan = json!({ "cityId": cast.city.id.to_string(), "summary": "Goes on",
        "years": [{ "fiscalYear": "2027-28", "cost": "10.00", "secured": "4.00" }] });
    let wanted = "sustainabilityPlan { id }";
    let name = "createSustainabilityPlan";
    service.mutate(&cast.manager, name, "CreateSustainabilityPlanInput", wanted, plan).await;
    jobs::run_by_hand(&service.app, "deadline_reminders", Some(date("2026-11-24")), false)
        .await
        .unwrap();
    (service, cast, grant)
}

/// An id of every type there is, as an auditor finds it.
async fn known(service: &Service, cast: &Cast, grant: &Grant) -> Vec<(String, String)> {
    let query = "query ($grant: ID!) {
        grant(id: $grant) { __typename id
            program { __typename id } stream { __typename id } recipient { __typename id } draftedBy { __typename id }
            cities { city { __typename id county { __typename id } } }
            disbursements { nodes { __typename id } } deadlines { nodes { __typename id } } }
        sustainabilityPlans { nodes { __typename id } }
        emails { nodes { __typename id } }
        jobRuns { nodes { __typename id } }
    }";
    let answer = service.data(&cast.auditor, query, json!({ "grant": grant.id.to_string() })).await;
    let mut found = vec![];
    collect(&answer, &mut found);
    found
}

/// Every object with an id.
fn collect(value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            if let (Some(Value::String(kind)), Some(Value::String(id))) =
                (fields.get("__typename"), fields.get("id"))
            {
                found.push((kind.clone(), id.clone()));
            }
            fields.values().for_each(|value| collect(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
        _ => {}
    }
}

const NODES: &str = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }";

/// The kinds of what an actor gets back of all these.
async fn seen(service: &Service, actor: &Actor, all: &[(String, String)]) -> Vec<String> {
    let ids: Vec<_> = all.iter().map(|(_, id)| id).collect();
    let nodes = service.data(actor, NODES, json!({ "ids": ids })).await["nodes"].take();
    let mut kinds = vec![];
    for ((kind, id), node) in all.iter().zip(nodes.as_array().unwrap()) {
        let alone = "query ($id: ID!) { node(id: $id) { __typename id } }";
        assert_eq!(&service.data(actor, alone, json!({ "id": id })).await["node"], node);
        if !node.is_null() {
            assert_eq!(node, &json!({ "__typename": kind, "id": id }));
            kinds.push(kind.clone());
        }
    }
    kinds.sort();
    kinds.dedup();
    kinds
}

#[tokio::test]
async fn each_id_gives_its_thing_back_to_whoever_may_see_it_and_nothing_to_others() {
    let (service, cast, grant) = scene().await;
    let all = known(&service, &cast, &grant).await;
    let public = ["City", "County", "FundingProgram", "FundingStream"];
    let of_fresno = [
        "City",
        "County",
        "Deadline",
        "Disbursement",
        "FundingProgram",
        "FundingStream",
        "Grant",
        "Organization",
        "SustainabilityPlan",
    ];
    let everything = [
        "City",
        "County",
        "Deadline",
        "Disbursement",
        "Email",
        "FundingProgram",
        "FundingStream",
        "Grant",
        "JobRun",
        "Organization",
        "Person",
        "SustainabilityPlan",
    ];
    let member = |city| NewRole { city: Some(city), ..NewRole::everywhere(Role::CityMember) };
    let own = service.actor("Olga Own", member(cast.city.id)).await;
    let foreign = service.actor("Finn Foreign", member(service.city("0644000").await.id)).await;

    assert_eq!(seen(&service, &cast.auditor, &all).await, everything);
    assert_eq!(seen(&service, &cast.manager, &all).await, everything);
    assert_eq!(seen(&service, &own, &all).await, of_fresno);
    // The recipient's officer gets the mail, too.
    let mut finance = of_fresno.to_vec();
    finance.insert(4, "Email");
    assert_eq!(seen(&service, &cast.finance, &all).await, finance);
    let mut signed_in = public.to_vec();
    signed_in.push("Organization");
    assert_eq!(seen(&service, &foreign, &all).await, signed_in);
    assert_eq!(seen(&service, &Actor::Anyone, &all).await, public);
}

#[tokio::test]
async fn nodes_come_in_the_order_of_their_ids_with_null_for_what_is_not_there() {
    let (service, cast, grant) = scene().await;
    let (grant, city) = (grant.id.to_string(), cast.city.id.to_string());
    let ids = [
        &city,
        "grant_01990000000070008000000000000000",
        &grant,
        &city,
        "email_01990000000070008000000000000000",
    ];
    let node = |kind: &str, id: &str| json!({ "__typename": kind, "id": id });
    assert_eq!(
        service.data(&cast.auditor, NODES, json!({ "ids": ids })).await["nodes"],
        json!([node("City", &city), null, node("Grant", &grant), node("City", &city), null]),
    );
}

async fn with_contact(service: &Service, cast: &Cast) -> Person {
    let new = NewPerson {
        name: "Carla Contact".into(),
        email: "carla@fresno.test".into(),
        phone: Some("559 555 0100".into()),
        mailing_address: Some("1 Main Street".into()),
        position: Some("Finance Director".into()),
        organization: Some(cast.recipient.id),
        city: Some(cast.city.id),
        fictional: true,
    };
    people::commands::create_person(&service.app, &cast.admin, new).await.unwrap()
}

#[tokio::test]
async fn how_to_reach_a_person_is_told_to_the_person_and_to_three_roles() {
    let service = service().await;
    let cast = service.cast().await;
    let carla = with_contact(&service, &cast).await;
    let query = "{ people(filter: { search: \"carla\" }) { nodes { name position email phone mailingAddress } } }";
    let told = |email: Value, phone: Value, address: Value| {
        json!([{ "name": "Carla Contact", "position": "Finance Director", "email": email, "phone": phone,
                 "mailingAddress": address }])
    };
    let all = told(json!("carla@fresno.test"), json!("559 555 0100"), json!("1 Main Street"));
    let nothing = told(Value::Null, Value::Null, Value::Null);
    let Actor::Person(finance) = &cast.finance else { unreachable!() };
    let mut herself = finance.clone();
    herself.person = carla.id;
    for actor in [&cast.manager, &cast.admin, &cast.auditor, &Actor::Person(herself)] {
        assert_eq!(service.data(actor, query, none()).await["people"]["nodes"], all);
    }
    for actor in [&cast.finance, &cast.approver, &cast.officer] {
        assert_eq!(service.data(actor, query, none()).await["people"]["nodes"], nothing);
    }
    // Somebody of another city does not see her at all.
    let role = NewRole {
        city: Some(service.city("0644000").await.id),
        ..NewRole::everywhere(Role::CityMember)
    };
    let foreign = service.actor("Finn Foreign", role).await;
    assert_eq!(service.data(&foreign, query, none()).await["people"]["nodes"], json!([]));
}

#[tokio::test]
async fn what_an_actor_may_do_now_is_told_with_each_grant_and_disbursement() {
    let service = service().await;
    let cast = service.cast().await;
    let (app, approver) = (&service.app, &cast.approver);
    let grant = service.draft(&cast, "N-1", "1000.00").await;
    let allowed = async |expected: [(&Actor, Value, Value); 5]| {
        let query = "query ($id: ID!) { grant(id: $id) { allowedActions disbursements { nodes { allowedActions } } } }";
        for (actor, of_grant, of_disbursement) in expected {
            let answer = service.data(actor, query, json!({ "id": grant.id.to_string() })).await;
            assert_eq!(answer["grant"]["allowedActions"], of_grant);
            let listed = &answer["grant"]["disbursements"]["nodes"];
            assert_eq!(
                listed.get(0).map_or(json!([]), |node| node["allowedActions"].clone()),
                of_disbursement
            );
        }
    };
    let Cast { manager, officer, finance, auditor, .. } = &cast;
    let nobody = json!([]);
    allowed([
        (manager, json!(["SET_BUDGET"]), nobody.clone()),
        (approver, json!(["AWARD"]), nobody.clone()),
        (officer, json!([]), nobody.clone()),
        (finance, json!([]), nobody.clone()),
        (auditor, json!([]), nobody.clone()),
    ])
    .await;
    grants::commands::award(app, approver, grant.id, 1).await.unwrap();
    let signed =
        grants::commands::sign(app, manager, grant.id, 2, app.clock.today()).await.unwrap();
    let found = service.request(&cast, &signed, "A-1", "10.00").await;
    allowed([
        (manager, json!(["TRANSFER_BUDGET", "AMEND", "SUSPEND"]), json!(["RETURN"])),
        (approver, json!([]), json!(["RETURN", "APPROVE", "REJECT"])),
        (officer, json!(["RELEASE_RETENTION", "TERMINATE"]), json!(["CANCEL"])),
        (
            finance,
            json!(["RECORD_EXPENDITURE", "ENCUMBER", "REQUEST_DISBURSEMENT", "TRANSFER_BUDGET"]),
            json!(["CANCEL"]),
        ),
        (auditor, json!([]), nobody.clone()),
    ])
    .await;
    commands::approve(app, approver, found.id, Default::default()).await.unwrap();
    allowed([
        (manager, json!(["TRANSFER_BUDGET", "AMEND", "SUSPEND"]), nobody.clone()),
        (approver, json!([]), nobody.clone()),
        (officer, json!(["RELEASE_RETENTION", "TERMINATE"]), json!(["SCHEDULE", "PAY", "CANCEL"])),
        (
            finance,
            json!(["RECORD_EXPENDITURE", "ENCUMBER", "REQUEST_DISBURSEMENT", "TRANSFER_BUDGET"]),
            json!(["CANCEL"]),
        ),
        (auditor, json!([]), nobody.clone()),
    ])
    .await;
    // A stopped grant stops its payments; after its period it can be closed.
    grants::commands::suspend(app, manager, grant.id, 3).await.unwrap();
    service.travel("2028-07-01T07:00:00Z".parse().unwrap());
    allowed([
        (manager, json!(["TRANSFER_BUDGET", "AMEND", "RESUME", "START_CLOSEOUT"]), nobody.clone()),
        (approver, json!([]), nobody.clone()),
        (officer, json!(["CLOSE", "TERMINATE"]), json!(["CANCEL"])),
        (finance, json!(["RECORD_EXPENDITURE", "ENCUMBER", "TRANSFER_BUDGET"]), json!(["CANCEL"])),
        (auditor, json!([]), nobody.clone()),
    ])
    .await;
}
