//! What administrators, managers and coaches enter: cities, parties, deadlines, plans.

use chrono::TimeDelta;
use serde_json::{Value, json};
use thrive::access::{Role, commands::NewRole};

use crate::support::{Cast, Service, service};

/// Sends a mutation with one input and answers its payload.
async fn mutate(
    service: &Service,
    actor: &thrive::access::Actor,
    name: &str,
    fields: &str,
    input: Value,
) -> Value {
    let kind = format!("{}{}Input", name[..1].to_uppercase(), &name[1..]);
    let query = format!(
        "mutation ($input: {kind}!) {{ {name}(input: $input) {{ {fields} userErrors {{ code field message }} }} }}"
    );
    let answer = service.ask(actor, &query, json!({ "input": input })).await;
    assert!(answer.get("errors").is_none(), "{answer}");
    answer["data"][name].clone()
}

fn code(payload: &Value) -> &str {
    payload["userErrors"][0]["code"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn an_administrator_enters_a_city_its_government_and_a_person_once() {
    let service = service().await;
    let cast = service.cast().await;
    let county = "{ city(geoid: \"0675000\") { county { id } } }";
    let county =
        service.ask(&cast.admin, county, json!({})).await["data"]["city"]["county"]["id"].clone();
    let city =
        json!({ "geoid": "0699999", "gnis": "99999999", "name": "Newtown", "countyId": county });

    let made = mutate(
        &service,
        &cast.admin,
        "createCity",
        "city { id name population county { name } }",
        city.clone(),
    )
    .await;
    let id = made["city"]["id"].clone();
    assert_eq!(made["city"]["county"]["name"], "San Joaquin");
    assert_eq!(made["city"]["population"], Value::Null, "unknown is not zero");
    let again = mutate(&service, &cast.admin, "createCity", "city { id }", city).await;
    assert_eq!(code(&again), "ALREADY_EXISTS");
    let bad = json!({ "geoid": "99", "gnis": "1", "name": "Nowhere", "countyId": county });
    assert_eq!(
        mutate(&service, &cast.admin, "createCity", "city { id }", bad).await["userErrors"][0]["field"],
        json!(["input", "geoid"])
    );

    let government = json!({ "name": "City of Newtown", "kind": "CITY_GOVERNMENT" });
    assert_eq!(
        code(
            &mutate(&service, &cast.admin, "createOrganization", "organization { id }", government)
                .await
        ),
        "INVALID_INPUT"
    );
    let government = json!({ "name": "City of Newtown", "kind": "CITY_GOVERNMENT", "cityId": id });
    let made = mutate(
        &service,
        &cast.manager,
        "createOrganization",
        "organization { id city { name } }",
        government,
    )
    .await;
    assert_eq!(made["organization"]["city"]["name"], "Newtown");

    let person = json!({ "name": "Nora Diaz", "email": "nora@newtown.test", "organizationId": made["organization"]["id"] });
    let fields = "person { email organization { name } }";
    let made = mutate(&service, &cast.admin, "createPerson", fields, person).await;
    assert_eq!(
        made["person"],
        json!({ "email": "nora@newtown.test", "organization": { "name": "City of Newtown" } })
    );
    let twin = json!({ "name": "Nora Diaz", "email": "NORA@newtown.test" });
    assert_eq!(
        code(&mutate(&service, &cast.admin, "createPerson", fields, twin).await),
        "ALREADY_EXISTS"
    );
    for bad in [
        json!({ "name": "Eve\r\nBcc: all@x.test", "email": "eve@x.test" }),
        json!({ "name": "Eve", "email": "eve" }),
    ] {
        assert_eq!(
            code(&mutate(&service, &cast.admin, "createPerson", fields, bad).await),
            "INVALID_INPUT"
        );
    }
    let refused = json!({ "name": "Eve", "email": "eve@x.test" });
    assert_eq!(
        code(&mutate(&service, &cast.manager, "createPerson", fields, refused).await),
        "FORBIDDEN"
    );
}

async fn deadline(service: &Service, cast: &Cast, changed: Value) -> Value {
    let thrive::access::Actor::Person(manager) = &cast.manager else { unreachable!() };
    let mut input = json!({
        "kind": "PROGRESS_REPORT", "title": "Progress report", "cityId": cast.city.id.to_string(),
        "dueOn": "2026-11-24", "responsibleIds": [manager.person.to_string()],
    });
    for (key, value) in changed.as_object().unwrap() {
        input[key] = value.clone();
    }
    let fields = "deadline { id revision status dueAt daysLeft responsible { name } }";
    mutate(service, &cast.manager, "createDeadline", fields, input).await
}

#[tokio::test]
async fn a_deadline_is_overdue_after_its_time_and_ends_by_completion_or_for_a_reason() {
    let service = service().await;
    let cast = service.cast().await;
    // It is ten in the morning in California.
    let at_noon =
        deadline(&service, &cast, json!({ "dueTime": "12:00" })).await["deadline"].clone();
    assert_eq!(
        (&at_noon["status"], &at_noon["dueAt"]),
        (&json!("OPEN"), &json!("2026-11-24T20:00:00+00:00"))
    );
    let at_nine =
        deadline(&service, &cast, json!({ "dueTime": "09:00" })).await["deadline"].clone();
    assert_eq!((&at_nine["status"], &at_nine["daysLeft"]), (&json!("OVERDUE"), &json!(0)));
    let today = deadline(&service, &cast, json!({})).await["deadline"].clone();
    assert_eq!(today["dueAt"], "2026-11-25T07:59:59+00:00");
    let overdue = "{ deadlines(filter: { statuses: [OVERDUE] }) { totalCount nodes { id } } }";
    let overdue = service.ask(&cast.manager, overdue, json!({})).await["data"]["deadlines"].clone();
    assert_eq!(overdue, json!({ "totalCount": 1, "nodes": [{ "id": at_nine["id"] }] }));

    let fields = "deadline { status reason snoozedUntil settledBy { name } }";
    let named = |deadline: &Value, more: Value| {
        let mut input = json!({ "deadlineId": deadline["id"], "revision": deadline["revision"] });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let snoozed = json!({ "until": "2026-12-01", "reason": "The portal is closed." });
    let snoozed =
        mutate(&service, &cast.manager, "snoozeDeadline", fields, named(&at_noon, snoozed)).await;
    assert_eq!(snoozed["deadline"]["snoozedUntil"], "2026-12-01");
    let stale = named(&at_noon, json!({ "reason": "No longer asked for." }));
    assert_eq!(
        code(&mutate(&service, &cast.manager, "waiveDeadline", fields, stale).await),
        "REVISION_CONFLICT"
    );
    let reasonless = named(&at_nine, json!({ "reason": " " }));
    assert_eq!(
        code(&mutate(&service, &cast.manager, "waiveDeadline", fields, reasonless).await),
        "INVALID_INPUT"
    );
    let waived = named(&at_nine, json!({ "reason": "No longer asked for." }));
    let waived = mutate(&service, &cast.manager, "waiveDeadline", fields, waived).await;
    assert_eq!(waived["deadline"]["status"], "WAIVED");
    let done =
        mutate(&service, &cast.manager, "completeDeadline", fields, named(&today, json!({}))).await;
    assert_eq!(done["deadline"]["settledBy"]["name"], "Mara Manager");
    assert_eq!(
        code(
            &mutate(&service, &cast.manager, "completeDeadline", fields, named(&today, json!({})))
                .await
        ),
        "INVALID_STATE"
    );

    for (changed, field) in [
        (json!({ "cityId": null }), "grantId"),
        (json!({ "responsibleIds": [] }), "responsibleIds"),
        (
            json!({ "responsibleIds": ["person_01990000000070008000000000000000"] }),
            "responsibleIds",
        ),
        (json!({ "title": "two\nlines" }), "title"),
    ] {
        let refused = deadline(&service, &cast, changed).await;
        assert_eq!(refused["userErrors"][0]["field"], json!(["input", field]), "{refused}");
    }
}

#[tokio::test]
async fn a_city_adopts_one_plan_at_a_time_and_its_coach_sees_no_other_city_s() {
    let service = service().await;
    let cast = service.cast().await;
    let coach = NewRole { city: Some(cast.city.id), ..NewRole::everywhere(Role::Coach) };
    let coach = service.actor("Cora Coach", coach).await;
    let create = async |city: &str| {
        let years = json!([
            { "fiscalYear": "2026-27", "cost": "100.00", "secured": "75.50" },
            { "fiscalYear": "2027-28", "cost": "100.00", "secured": "130.00" },
        ]);
        let input = json!({ "cityId": city, "summary": "How to go on.", "years": years });
        let fields = "sustainabilityPlan { id edition revision gap years { fiscalYear gap coveragePercent } }";
        mutate(&service, &coach, "createSustainabilityPlan", fields, input).await
    };
    let fresno = cast.city.id.to_string();

    let first = create(&fresno).await["sustainabilityPlan"].clone();
    assert_eq!(
        (&first["edition"], &first["gap"]),
        (&json!(1), &json!("24.50")),
        "a surplus fills no other year's gap"
    );
    assert_eq!(
        first["years"][1],
        json!({ "fiscalYear": "2027-28", "gap": "0.00", "coveragePercent": "130.00" })
    );
    let elsewhere = service.city("0644000").await.id.to_string();
    assert_eq!(code(&create(&elsewhere).await), "NOT_FOUND", "not the coach's city");

    service.travel(service.app.clock.now() + TimeDelta::hours(1));
    let second = create(&fresno).await["sustainabilityPlan"].clone();
    let adopt = async |plan: &Value| {
        let input = json!({ "planId": plan["id"], "revision": plan["revision"], "adoptedOn": "2026-11-24" });
        mutate(&service, &coach, "adoptSustainabilityPlan", "sustainabilityPlan { status }", input)
            .await
    };
    assert_eq!(adopt(&first).await["sustainabilityPlan"]["status"], "ADOPTED");
    assert_eq!(adopt(&second).await["sustainabilityPlan"]["status"], "ADOPTED");
    assert_eq!(code(&adopt(&first).await), "INVALID_STATE");
    let plans = "{ sustainabilityPlans { totalCount nodes { edition status } } }";
    assert_eq!(
        service.ask(&coach, plans, json!({})).await["data"]["sustainabilityPlans"],
        json!({ "totalCount": 2, "nodes": [
            { "edition": 2, "status": "ADOPTED" }, { "edition": 1, "status": "SUPERSEDED" },
        ] })
    );
    let own = format!("{{ node(id: {}) {{ id }} }}", first["id"]);
    assert_eq!(
        service.ask(&cast.finance, &own, json!({})).await["data"]["node"]["id"],
        first["id"],
        "the own city's"
    );
    let other = NewRole {
        city: Some(service.city("0644000").await.id),
        ..NewRole::everywhere(Role::CityMember)
    };
    let other = service.actor("Oz Other", other).await;
    assert_eq!(service.ask(&other, &own, json!({})).await["data"]["node"], Value::Null);
    assert_eq!(
        service.ask(&other, plans, json!({})).await["data"]["sustainabilityPlans"]["totalCount"],
        0
    );
}
