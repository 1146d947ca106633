//! Facts as of a day, with their history, and who is eligible by them.

use serde_json::{Value, json};
use thrive::{
    access::Actor,
    facts::{FactKind, Subject},
    people::OrganizationKind,
};

use crate::support::{Service, codes, none, refused_by, service};

async fn record(service: &Service, actor: &Actor, input: Value) -> Value {
    service.mutate(actor, "recordFact", "RecordFactInput", "fact { id value asOf }", input).await
}

#[tokio::test]
async fn the_latest_value_on_or_before_a_day_holds_and_history_stays() {
    let service = service().await;
    let cast = service.cast().await;
    let city = service.city("0644000").await.id.to_string();
    let of = |value: &str, as_of: &str| json!({ "subjectId": city, "kind": "CANNABIS_ORDINANCE", "value": value, "asOf": as_of, "source": "Ordinance 12" });
    for (value, as_of) in [
        ("BANS_RETAIL", "2024-01-01"),
        ("NO_BAN", "2026-03-01"),
        ("BANS_CULTIVATION", "2025-01-01"),
    ] {
        assert_eq!(
            record(&service, &cast.manager, of(value, as_of)).await["userErrors"],
            json!([])
        );
    }
    // A correction of the same day, recorded later.
    service.tick();
    record(&service, &cast.admin, of("BANS_CULTIVATION_AND_RETAIL", "2025-01-01")).await;

    let query = "query ($on: Date!) { city(geoid: \"0644000\") { facts(on: $on) { kind value asOf city { name } } } }";
    for (on, expected) in [
        ("2023-12-31", None),
        ("2024-01-01", Some("BANS_RETAIL")),
        ("2025-06-01", Some("BANS_CULTIVATION_AND_RETAIL")),
        ("2026-02-28", Some("BANS_CULTIVATION_AND_RETAIL")),
        ("2026-03-01", Some("NO_BAN")),
    ] {
        let found = service.data(&Actor::Anyone, query, json!({ "on": on })).await;
        let facts = found["city"]["facts"].as_array().unwrap();
        assert_eq!(facts.first().map(|fact| fact["value"].as_str().unwrap()), expected, "{on}");
    }
    // Who recorded it is for those who signed in.
    let who = "{ city(geoid: \"0644000\") { facts { recordedBy { name } } } }";
    let name = async |actor: &Actor| {
        service.data(actor, who, none()).await["city"]["facts"][0]["recordedBy"]["name"].clone()
    };
    assert_eq!(
        (name(&Actor::Anyone).await, name(&cast.finance).await),
        (json!(null), json!("Mara Manager"))
    );
    let history = "query ($city: ID!) { facts(filter: { cities: [$city] }) { totalCount nodes { value asOf recordedBy { name } } } }";
    let found = service.data(&cast.auditor, history, json!({ "city": city })).await;
    let told: Vec<_> = found["facts"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fact| fact["asOf"].as_str().unwrap())
        .collect();
    assert_eq!(told, ["2026-03-01", "2025-01-01", "2025-01-01", "2024-01-01"]);
    assert_eq!(found["facts"]["totalCount"], 4);
}

#[tokio::test]
async fn a_fact_has_the_form_of_its_kind_a_source_and_a_subject() {
    let service = service().await;
    let cast = service.cast().await;
    let city = cast.city.id.to_string();
    let fact = |kind: &str, value: &str| json!({ "subjectId": city, "kind": kind, "value": value, "asOf": "2026-01-01", "source": "S" });
    for (kind, value, code) in [
        ("CANNABIS_ORDINANCE", "NONE", Some("INVALID_INPUT")),
        ("DISADVANTAGED_COMMUNITY", "yes", Some("INVALID_INPUT")),
        ("DISADVANTAGED_COMMUNITY", "YES", None),
        ("POPULATION", "-1", Some("INVALID_INPUT")),
        ("POPULATION", "012", Some("INVALID_INPUT")),
        ("POPULATION", "1000000000", Some("INVALID_INPUT")),
        ("POPULATION", "999999999", None),
        ("MEDIAN_INCOME_SHARE", "59.99", Some("INVALID_INPUT")),
        ("MEDIAN_INCOME_SHARE", "5999", None),
        ("PARTICIPATION_LEVEL", "PILOT", None),
    ] {
        let told = record(&service, &cast.admin, fact(kind, value)).await;
        assert_eq!(codes(&told).first().copied(), code, "{kind} {value}");
    }
    let mut late = fact("POPULATION", "5");
    late["asOf"] = "2026-11-25".into();
    assert_eq!(codes(&record(&service, &cast.admin, late).await), ["INVALID_DATES"]);
    let mut bare = fact("POPULATION", "5");
    bare["source"] = " ".into();
    assert_eq!(codes(&record(&service, &cast.admin, bare).await), ["INVALID_INPUT"]);
    let mut linked = fact("POPULATION", "5");
    linked["sourceUrl"] = "ftp://x".into();
    assert_eq!(codes(&record(&service, &cast.admin, linked).await), ["INVALID_INPUT"]);
    for unknown in [
        "city_00000000000000000000000000000000",
        "county_00000000000000000000000000000000",
        "org_00000000000000000000000000000000",
    ] {
        let mut fact = fact("POPULATION", "5");
        fact["subjectId"] = unknown.into();
        assert_eq!(codes(&record(&service, &cast.admin, fact).await), ["NOT_FOUND"]);
    }
    for actor in [&cast.finance, &cast.auditor, &cast.approver] {
        assert_eq!(codes(&record(&service, actor, fact("POPULATION", "5")).await), ["FORBIDDEN"]);
    }

    // The database states the same.
    let owner = service.as_owner().await;
    let insert = |kind: &str, value: &str, county: &str| {
        format!("insert into facts (id, city_id, county_id, kind, value, as_of, source, recorded_at)
                 select gen_random_uuid(), id, {county}, '{kind}', '{value}', '2026-01-01', 'S', now() from cities limit 1")
    };
    for (statement, expected) in [
        (insert("POPULATION", "many", "null"), "facts_value_form"),
        (insert("COLOUR", "red", "null"), "facts_value_form"),
        (insert("POPULATION", "5", "county_id"), "facts_one_subject"),
    ] {
        assert_eq!(
            refused_by(sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&owner).await),
            expected
        );
    }
    for statement in ["update facts set value = '6'", "delete from facts"] {
        assert!(refused_by(sqlx::raw_sql(statement).execute(&owner).await).contains("append-only"));
    }
    assert!(
        refused_by(sqlx::raw_sql("update facts set value = '6'").execute(&service.app.db).await)
            .contains("permission denied")
    );
}

async fn eligible(
    service: &Service,
    actor: &Actor,
    subject: &str,
    program: &str,
    on: &str,
) -> Value {
    let query = "query ($subject: ID!, $program: ID!, $on: Date!) { eligibility(subject: $subject, program: $program, on: $on) {
        answer message requirements { requirement answer decides message rule { citation status } fact { value } } } }";
    let program = service.program(program).await.to_string();
    let variables = json!({ "subject": subject, "program": program, "on": on });
    service.data(actor, query, variables).await["eligibility"].clone()
}

#[tokio::test]
async fn prop_64_wants_no_ban_on_that_day() {
    let service = service().await;
    let cast = service.cast().await;
    let city = Subject::City(cast.city.id);
    let id = cast.city.id.to_string();
    service.fact(&cast, city, FactKind::CannabisOrdinance, "BANS_RETAIL", "2022-01-01").await;
    service.fact(&cast, city, FactKind::CannabisOrdinance, "NO_BAN", "2026-08-01").await;
    for (on, answer) in [
        ("2021-12-31", "UNKNOWN"),
        ("2022-01-01", "NO"),
        ("2026-07-31", "NO"),
        ("2026-08-01", "YES"),
    ] {
        let found = eligible(&service, &Actor::Anyone, &id, "PROP64-PHS", on).await;
        assert_eq!(found["answer"], answer, "{on}: {found}");
    }
    let found = eligible(&service, &Actor::Anyone, &id, "PROP64-PHS", "2026-07-31").await;
    let ban = &found["requirements"][1];
    assert_eq!((&ban["answer"], &ban["fact"]["value"]), (&json!("NO"), &json!("BANS_RETAIL")));
    assert!(ban["rule"]["citation"].as_str().unwrap().contains("34019(f)(3)(C)"));
    assert!(
        found["message"].as_str().unwrap().starts_with("not met: CANNABIS_ORDINANCE is NO_BAN or")
    );

    // The recipient's own kind counts: a community organization is none that may apply.
    let cbo =
        service.organization("Youth Org (test)", OrganizationKind::Cbo, Some(&cast.city)).await;
    let found =
        eligible(&service, &cast.manager, &cbo.id.to_string(), "PROP64-PHS", "2026-11-01").await;
    assert_eq!(found["answer"], "NO");
    // A city's organization is judged by its city's ordinance.
    let government = cast.recipient.id.to_string();
    let found = eligible(&service, &cast.manager, &government, "PROP64-PHS", "2026-11-01").await;
    assert_eq!(found["answer"], "YES");
}

#[tokio::test]
async fn the_match_of_prop_68_is_waived_for_a_severely_disadvantaged_community() {
    let service = service().await;
    let cast = service.cast().await;
    let id = cast.city.id.to_string();
    let waiver = async || {
        let found = eligible(&service, &Actor::Anyone, &id, "PROP68-PERCAPITA", "2026-11-01").await;
        let all = found["requirements"].as_array().unwrap();
        let waiver = all
            .iter()
            .find(|one| one["requirement"].as_str().unwrap().starts_with("the match is waived"));
        let waiver = waiver.unwrap();
        assert_eq!(waiver["decides"], false);
        (
            found["answer"].as_str().unwrap().to_string(),
            waiver["answer"].as_str().unwrap().to_string(),
        )
    };
    // Whether the match is waived does not decide who is eligible.
    assert_eq!(waiver().await, ("YES".into(), "UNKNOWN".into()));
    let city = Subject::City(cast.city.id);
    service.fact(&cast, city, FactKind::MedianIncomeShare, "6000", "2025-01-01").await;
    assert_eq!(waiver().await, ("YES".into(), "NO".into()));
    service.fact(&cast, city, FactKind::MedianIncomeShare, "5999", "2026-01-01").await;
    assert_eq!(waiver().await, ("YES".into(), "YES".into()));
}

#[tokio::test]
async fn act_grants_and_grant_support_are_for_pilot_and_vanguard_cities() {
    let service = service().await;
    let cast = service.cast().await;
    let id = cast.city.id.to_string();
    let city = Subject::City(cast.city.id);
    for (level, as_of, answer) in [
        (None, "2026-01-01", "UNKNOWN"),
        (Some("AFFILIATE"), "2026-02-01", "NO"),
        (Some("PILOT"), "2026-03-01", "YES"),
        (Some("VANGUARD"), "2026-04-01", "YES"),
    ] {
        if let Some(level) = level {
            service.fact(&cast, city, FactKind::ParticipationLevel, level, as_of).await;
        }
        for program in ["ACT-DIRECT", "ACT-GRANT-SUPPORT"] {
            let found = eligible(&service, &Actor::Anyone, &id, program, as_of).await;
            assert_eq!(found["answer"], answer, "{program} {level:?}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_answered_says_so() {
    let service = service().await;
    let cast = service.cast().await;
    let id = cast.city.id.to_string();
    // No verified rule says who is eligible; the law had ended; there is no such place.
    let found = eligible(&service, &Actor::Anyone, &id, "OTHER", "2026-11-01").await;
    assert_eq!(
        (&found["answer"], &found["message"]),
        (&json!("UNKNOWN"), &json!("no verified rule says who is eligible"))
    );
    let found = eligible(&service, &Actor::Anyone, &id, "MHSA-PEI", "2026-07-01").await;
    assert_eq!(found["message"], "MHSA is not in force on 2026-07-01: nothing is granted of it");
    let nowhere = "city_00000000000000000000000000000000";
    assert_eq!(
        eligible(&service, &Actor::Anyone, nowhere, "OTHER", "2026-11-01").await,
        json!(null)
    );

    let program = service.program("BHSA-COUNTY").await.to_string();
    let ask = async |actor: &Actor, query: &str| {
        let answer = service.ask(actor, query, none()).await;
        (answer["errors"][0]["extensions"]["code"].clone(), answer["errors"][0]["message"].clone())
    };
    for (query, code) in [
        (
            format!("{{ eligibility(subject: \"grant_1\", program: \"{program}\") {{ answer }} }}"),
            "BAD_USER_INPUT",
        ),
        (
            format!(
                "{{ eligibility(subject: \"{}\", program: \"{program}\") {{ answer }} }}",
                cast.recipient.id
            ),
            "UNAUTHENTICATED",
        ),
        (
            format!("{{ splitAllocation(program: \"{program}\", amount: \"0.00\") {{ amount }} }}"),
            "BAD_USER_INPUT",
        ),
        (
            format!(
                "{{ splitAllocation(program: \"{program}\", amount: \"5.00\", on: \"2026-06-30\") {{ amount }} }}"
            ),
            "BAD_USER_INPUT",
        ),
    ] {
        assert_eq!(ask(&Actor::Anyone, &query).await.0, code, "{query}");
    }
}

#[tokio::test]
async fn allocations_are_split_by_the_rules_of_the_day() {
    let service = service().await;
    let split = async |program: &str, amount: &str, on: &str| {
        let program = service.program(program).await;
        let query = format!(
            "{{ splitAllocation(program: \"{program}\", amount: \"{amount}\", on: \"{on}\") {{ component amount limits {{ kind amount }} }} }}"
        );
        let found = service.data(&Actor::Anyone, &query, none()).await;
        found["splitAllocation"].clone()
    };
    let share = |component: &str, amount: &str| json!({ "component": component, "amount": amount, "limits": [] });
    assert_eq!(
        split("MHSA-COUNTY", "1234567.89", "2026-06-30").await,
        json!([share("INN", "61728.39"), share("PEI", "234567.90"), share("CSS", "938271.60")])
    );
    let mut housing = share("HOUSING", "3000000.00");
    housing["limits"] = json!([{ "kind": "FLOOR", "amount": "1500000.00" }, { "kind": "CAP", "amount": "750000.00" }]);
    assert_eq!(
        split("BHSA-COUNTY", "10000000.00", "2026-07-01").await,
        json!([housing, share("FSP", "3500000.00"), share("BHSS", "3500000.00")])
    );
    let mut prevention = share("TOTAL", "100.00");
    prevention["limits"] = json!([{ "kind": "FLOOR", "amount": "51.00" }]);
    assert_eq!(split("BHSA-PREVENTION", "100.00", "2026-07-01").await, json!([prevention]));
}
