//! A grant from its draft to its end.

use chrono::{TimeZone, Utc};
use serde_json::{Value, json};
use thrive::{
    Error, Refusal,
    access::{Actor, Role, commands::NewRole},
    disbursements,
    error::UserErrorCode::{self, *},
    grants::{DateRange, Grant, GrantStatus, commands},
    money::Money,
};

use crate::support::{Cast, Service, date, money, money::waive_reports, request_of, service};

fn refusal<T: std::fmt::Debug>(outcome: thrive::Result<T>) -> Refusal {
    match outcome {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

fn refused<T: std::fmt::Debug>(outcome: thrive::Result<T>, code: UserErrorCode, words: &str) {
    let refusal = refusal(outcome);
    assert_eq!(refusal.code, code, "{}", refusal.message);
    assert!(refusal.message.contains(words), "{}", refusal.message);
}

async fn balance(service: &Service, cast: &Cast, grant: &Grant) -> Value {
    let query = "query ($id: ID!) { grant(id: $id) { status balance { awarded availableToDisburse lapsed } } }";
    service.ask(&cast.auditor, query, json!({ "id": grant.id.to_string() })).await["data"]["grant"]
        .clone()
}

#[tokio::test]
async fn money_becomes_available_when_another_person_awards_the_draft() {
    let service = service().await;
    let cast = service.cast().await;
    let draft = service.draft(&cast, "G-1", "1000.00").await;
    assert_eq!(balance(&service, &cast, &draft).await["balance"]["awarded"], "0.00");

    // The drafter is an approver too, and still may not.
    let Actor::Person(mut drafter) = cast.manager.clone() else { unreachable!() };
    drafter.role = Role::Approver;
    let own = commands::award(&service.app, &Actor::Person(drafter), draft.id, 1).await;
    refused(own, SeparationOfDuties, "whoever drafted a grant does not award it");
    let limited =
        NewRole { approval_limit: Some(money("999.99")), ..NewRole::everywhere(Role::Approver) };
    let limited = service.actor("Lim Limited", limited).await;
    refused(
        commands::award(&service.app, &limited, draft.id, 1).await,
        ApprovalLimitExceeded,
        "999.99",
    );
    refused(
        commands::award(&service.app, &cast.manager, draft.id, 1).await,
        Forbidden,
        "needs the role APPROVER",
    );
    refused(
        commands::award(&service.app, &cast.approver, draft.id, 2).await,
        RevisionConflict,
        "at 1 now",
    );
    assert_eq!(balance(&service, &cast, &draft).await["balance"]["awarded"], "0.00");

    let awarded = commands::award(&service.app, &cast.approver, draft.id, 1).await.unwrap();

    assert_eq!((awarded.status, awarded.revision), (GrantStatus::Awarded, 2));
    let expected =
        json!({ "awarded": "1000.00", "availableToDisburse": "1000.00", "lapsed": "0.00" });
    assert_eq!(balance(&service, &cast, &draft).await["balance"], expected);
    refused(
        commands::award(&service.app, &cast.approver, draft.id, 2).await,
        InvalidState,
        "is AWARDED, which allows SIGN, TRANSFER_BUDGET, AMEND, TERMINATE",
    );
}

#[tokio::test]
async fn an_agreement_is_signed_on_a_day_that_has_come_and_in_time() {
    let service = service().await;
    let cast = service.cast().await;
    let draft = service.draft(&cast, "G-1", "1000.00").await;
    refused(
        commands::sign(&service.app, &cast.manager, draft.id, 1, date("2026-11-24")).await,
        InvalidState,
        "is DRAFT",
    );
    let awarded = commands::award(&service.app, &cast.approver, draft.id, 1).await.unwrap();

    let sign = async |day: &str| {
        commands::sign(&service.app, &cast.manager, draft.id, awarded.revision, date(day)).await
    };
    refused(sign("2026-11-25").await, InvalidDates, "has not come yet");
    service.travel(Utc.with_ymd_and_hms(2027, 7, 2, 12, 0, 0).unwrap());
    refused(
        sign("2027-07-01").await,
        OutsidePeriod,
        "encumbered by 2027-06-30 (Government Code 16304)",
    );
    assert_eq!(sign("2027-06-30").await.unwrap().status, GrantStatus::Active);
}

#[tokio::test]
async fn a_suspended_grant_pays_nothing_until_it_is_resumed() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "G-1", "1000.00").await;
    let waiting = service.request(&cast, &grant, "1", "100.00").await;

    let suspended =
        commands::suspend(&service.app, &cast.manager, grant.id, grant.revision).await.unwrap();
    let request = disbursements::commands::request(
        &service.app,
        &cast.finance,
        request_of(&grant, "2", "1.00"),
        "k",
    )
    .await;
    refused(
        request,
        InvalidState,
        "is SUSPENDED, which allows RECORD_EXPENDITURE, ENCUMBER, TRANSFER_BUDGET, AMEND, RESUME",
    );
    let approved = disbursements::commands::approve(
        &service.app,
        &cast.approver,
        waiting.id,
        Default::default(),
    )
    .await;
    refused(approved, InvalidState, "is SUSPENDED");

    commands::resume(&service.app, &cast.manager, grant.id, suspended.revision).await.unwrap();
    disbursements::commands::approve(&service.app, &cast.approver, waiting.id, Default::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_grant_closes_after_its_period_with_nothing_on_its_way_and_the_rest_lapses() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "G-1", "1000.00").await;
    let waiting = service.request(&cast, &grant, "1", "100.00").await;
    let close =
        async || commands::close(&service.app, &cast.officer, grant.id, grant.revision).await;

    refused(close().await, OutsidePeriod, "goes on to 2028-06-30");
    service.travel(Utc.with_ymd_and_hms(2028, 7, 1, 12, 0, 0).unwrap());
    refused(close().await, InvalidState, "grant G-1: 100.00 is requested or approved and not paid");
    disbursements::commands::reject(&service.app, &cast.approver, waiting.id, "Too late.")
        .await
        .unwrap();
    refused(close().await, InvalidState, "grant G-1: not accepted yet: ");
    waive_reports(&service, &cast, &grant).await;
    assert_eq!(close().await.unwrap().status, GrantStatus::Closed);

    let expected =
        json!({ "awarded": "1000.00", "availableToDisburse": "0.00", "lapsed": "1000.00" });
    assert_eq!(
        balance(&service, &cast, &grant).await,
        json!({ "status": "CLOSED", "balance": expected })
    );
    let late = disbursements::commands::request(
        &service.app,
        &cast.finance,
        request_of(&grant, "2", "1.00"),
        "k",
    )
    .await;
    refused(late, InvalidState, "is CLOSED, which allows nothing more");
}

#[tokio::test]
async fn a_grant_is_made_under_the_law_in_force_when_it_begins() {
    let service = service().await;
    let cast = service.cast().await;
    let program = async |code: &str| -> thrive::id::ProgramId {
        let query = "{ fundingStreams { programs { id code } } }";
        let streams = service.ask(&cast.manager, query, json!({})).await;
        let all = streams["data"]["fundingStreams"].as_array().unwrap().iter();
        let programs: Vec<_> =
            all.flat_map(|stream| stream["programs"].as_array().unwrap().clone()).collect();
        let found = programs.iter().find(|program| program["code"] == code).unwrap();
        found["id"].as_str().unwrap().parse().unwrap()
    };
    let (mhsa, bhsa) = (program("MHSA-PEI").await, program("BHSA-BHSS").await);
    let draft = async |number: &str, program, start: &str| {
        let mut new = service.draft_of(&cast, number, "1000.00").await;
        new.program = program;
        new.performance = DateRange { start: date(start), end: date("2028-06-30") };
        commands::create(&service.app, &cast.manager, new).await
    };

    assert!(draft("G-1", mhsa, "2026-06-30").await.is_ok());
    refused(
        draft("G-2", mhsa, "2026-07-01").await,
        OutsidePeriod,
        "MHSA can be granted from 2005-01-01 to 2026-06-30",
    );
    assert!(draft("G-3", bhsa, "2026-07-01").await.is_ok());
    refused(
        draft("G-4", bhsa, "2026-06-30").await,
        OutsidePeriod,
        "BHSA can be granted from 2026-07-01",
    );
    refused(draft(" g-1 ", mhsa, "2026-06-30").await, AlreadyExists, "a grant with this number");
}

#[tokio::test]
async fn a_grant_is_seen_by_its_recipient_and_its_cities_and_is_not_there_for_others() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "G-1", "1000.00").await;
    let disbursement = service.request(&cast, &grant, "1", "100.00").await;
    let member = |city| NewRole { city: Some(city), ..NewRole::everywhere(Role::CityMember) };
    let own = service.actor("Olga Own", member(cast.city.id)).await;
    let foreign = service.actor("Finn Foreign", member(service.city("0644000").await.id)).await;
    let query = |grant: &str, disbursement: &str| {
        format!(
            "{{ grant(id: \"{grant}\") {{ number }} byNumber: grant(number: \"G-1\") {{ number }}
               grants {{ totalCount nodes {{ id }} }} disbursements {{ totalCount totals {{ requested }} }}
               node(id: \"{disbursement}\") {{ id }} }}"
        )
    };
    let real = query(&grant.id.to_string(), &disbursement.id.to_string());

    for actor in [&own, &cast.finance, &cast.manager, &cast.auditor] {
        let seen = service.ask(actor, &real, json!({})).await["data"].clone();
        assert_eq!(seen["grant"]["number"], "G-1");
        assert_eq!(seen["byNumber"]["number"], "G-1");
        assert_eq!(seen["node"]["id"], disbursement.id.to_string());
        assert_eq!(
            seen["disbursements"],
            json!({ "totalCount": 1, "totals": { "requested": "100.00" } })
        );
    }
    let unseen = service.ask(&foreign, &real, json!({})).await;
    let nothing =
        query("grant_01990000000070008000000000000000", "disb_01990000000070008000000000000000");
    assert_eq!(
        unseen,
        service.ask(&foreign, &nothing.replace("G-1", "G-none"), json!({})).await,
        "not yours is not there"
    );
    assert_eq!(unseen["data"]["grants"]["totalCount"], 0);
    assert_eq!(unseen["data"]["disbursements"]["totals"]["requested"], Money::ZERO.to_string());
}

#[tokio::test]
async fn a_payment_of_a_closed_grant_is_not_reversed_any_more() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "G-1", "1000.00").await;
    let paid = service.request(&cast, &grant, "1", "100.00").await;
    disbursements::commands::approve(&service.app, &cast.approver, paid.id, Default::default())
        .await
        .unwrap();
    let payment = disbursements::Payment::new(
        date("2026-11-24"),
        disbursements::PaymentMethod::Warrant,
        "W-1",
    );
    disbursements::payment::pay(&service.app, &cast.officer, paid.id, payment, "k").await.unwrap();
    service.travel(Utc.with_ymd_and_hms(2028, 7, 1, 12, 0, 0).unwrap());
    waive_reports(&service, &cast, &grant).await;
    commands::close(&service.app, &cast.officer, grant.id, grant.revision).await.unwrap();

    // What came back could neither be used nor lapse.
    let reversed =
        disbursements::payment::reverse(&service.app, &cast.officer, paid.id, "Why not.", "r")
            .await;

    refused(reversed, InvalidState, "is CLOSED, which does not allow REVERSE");
}

#[tokio::test]
async fn a_limit_that_differs_from_the_one_held_is_refused_and_not_ignored() {
    let service = service().await;
    let person = service.person("Ada Approver").await;
    let create = async |limit: Option<&str>| {
        let role =
            NewRole { approval_limit: limit.map(money), ..NewRole::everywhere(Role::Approver) };
        thrive::access::commands::create_token(&service.app, &person, &role, 30)
            .await
            .map(|(id, _)| id)
    };
    create(None).await.unwrap();

    refused(create(Some("50.00")).await, InvalidInput, "holds APPROVER without a limit already");
    refused(create(Some("0.00")).await, InvalidInput, "more than zero");
    create(None).await.unwrap();
}

#[tokio::test]
async fn a_draft_is_read_back_as_it_was_entered() {
    let service = service().await;
    let cast = service.cast().await;
    let parent = service.draft(&cast, "G-0", "5000.00").await;
    let program = parent.program_id.to_string();
    let other = service.city("0644000").await.id.to_string();
    let input = json!({
        "number": " G-1 ", "title": " A park ", "programId": program, "recipientId": cast.recipient.id.to_string(),
        "parentId": parent.id.to_string(), "amount": "1234.5",
        "performance": { "start": "2026-07-01", "end": "2028-06-30" },
        "encumberBy": "2027-06-30", "liquidateBy": "2029-06-30", "finalInvoiceBy": "2028-09-30",
        "cities": [{ "cityId": cast.city.id.to_string(), "shareBp": 3333 }, { "cityId": other, "shareBp": 6667 }],
        "actionAreas": [{ "actionArea": "SAFE_STABLE_HOUSING", "shareBp": 1 }, { "actionArea": "YOUTH_DEVELOPMENT", "shareBp": 9999 }],
    });
    let wanted = "grant { number title status amount encumberBy liquidateBy finalInvoiceBy signedOn awardedAt revision
        performance { start end } parent { number } program { code stream { code } } recipient { name }
        cities { shareBp city { name } } actionAreas { shareBp actionArea } draftedBy { name } awardedBy { name }
        balance { awarded availableToDisburse } }";

    let made =
        service.mutate(&cast.manager, "createGrant", "CreateGrantInput", wanted, input).await;

    let expected = json!({
        "number": "G-1", "title": "A park", "status": "DRAFT", "amount": "1234.50", "revision": 1,
        "performance": { "start": "2026-07-01", "end": "2028-06-30" },
        "encumberBy": "2027-06-30", "liquidateBy": "2029-06-30", "finalInvoiceBy": "2028-09-30",
        "signedOn": null, "awardedAt": null, "awardedBy": null, "draftedBy": { "name": "Mara Manager" },
        "parent": { "number": "G-0" }, "recipient": { "name": "City of Fresno (test)" },
        "program": { "code": "PROP64-PHS", "stream": { "code": "PROP_64" } },
        "cities": [{ "shareBp": 6667, "city": { "name": "Los Angeles" } }, { "shareBp": 3333, "city": { "name": "Fresno" } }],
        "actionAreas": [{ "shareBp": 9999, "actionArea": "YOUTH_DEVELOPMENT" }, { "shareBp": 1, "actionArea": "SAFE_STABLE_HOUSING" }],
        "balance": { "awarded": "0.00", "availableToDisburse": "0.00" },
    });
    assert_eq!(made, json!({ "grant": expected, "userErrors": [] }));
}

#[tokio::test]
async fn the_database_refuses_shares_that_are_not_whole_when_their_transaction_ends() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.draft(&cast, "G-1", "1000.00").await;
    let other = service.draft(&cast, "G-2", "1000.00").await;
    let los_angeles = service.city("0644000").await.id.0;
    let add = "insert into grant_cities (grant_id, city_id, share_bp) values ($1, $3, 4000)";
    let lessen = "update grant_cities set share_bp = 6000 where grant_id = $1";
    let attempts = [
        (vec![lessen], "grant_cities_whole"),
        (vec![add], "grant_cities_whole"),
        (
            vec!["update grant_action_areas set share_bp = 9999 where grant_id = $1"],
            "grant_action_areas_whole",
        ),
        (vec!["update grant_cities set share_bp = 0 where grant_id = $1"], "grant_cities_share"),
        (
            vec!["update grant_cities set share_bp = 10001 where grant_id = $1"],
            "grant_cities_share",
        ),
        (
            vec!["update grant_cities set grant_id = $2, city_id = $3 where grant_id = $1"],
            "grant_shares_stay",
        ),
        (vec![lessen, add], "accepted"),
    ];
    for (statements, expected) in attempts {
        let outcome: sqlx::Result<()> = async {
            let mut tx = service.app.db.begin().await?;
            for statement in &statements {
                // Every statement names all three, so that all take the same parameters.
                let statement =
                    format!("with named as (select $1::uuid, $2::uuid, $3::uuid) {statement}");
                let query = sqlx::query(sqlx::AssertSqlSafe(statement));
                query.bind(grant.id.0).bind(other.id.0).bind(los_angeles).execute(&mut *tx).await?;
            }
            tx.commit().await
        }
        .await;
        let outcome = match outcome {
            Ok(()) => "accepted".into(),
            refused => crate::support::refused_by(refused),
        };
        assert_eq!(outcome, expected, "{statements:?}");
    }
}
