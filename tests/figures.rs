//! Figures over many grants: groups that sum to the total to the cent, years, days, reach, and how late payments are.

use std::collections::HashMap;

use chrono::{TimeDelta, TimeZone, Utc};
use proptest::prelude::*;
use serde_json::{Value, json};
use thrive::{
    access::{Actor, Role, commands::NewRole},
    disbursements::{
        self, Disbursement, DisbursementKind, NewAdjustment, Payment, PaymentMethod, adjustments,
        payment,
    },
    facts::{FactKind, Subject as OfFact},
    figures::{
        splitting::split,
        summary::{self, Amounts, FundingDimension as By, Period, Subject},
    },
    grants::{self, ActionArea, ActionAreaShare, CityShare, Grant, NewGrant},
    id::{CityId, CountyId, OrganizationId, ProgramId, StreamId},
    money::Money,
    people::OrganizationKind,
    spending::{self, NewEncumbrance, NewExpenditure},
};
use uuid::Uuid;

use crate::{
    statements::counted,
    support::{Cast, Service, date, money, none, request_of, service, start},
};

fn cents(amounts: &[i64]) -> Vec<Money> {
    amounts.iter().copied().map(Money::from_cents).collect()
}

#[test]
fn parts_that_do_not_come_out_even_go_to_the_largest_remainder() {
    let thirds = [3333, 3333, 3334];
    for (amount, expected) in [
        (0, [0, 0, 0]),
        (1, [0, 0, 1]),
        (2, [1, 0, 1]),
        (3, [1, 1, 1]),
        (10_000, [3333, 3333, 3334]),
        (10_001, [3333, 3333, 3335]),
        (-1, [0, 0, -1]),
        (-10_001, [-3333, -3333, -3335]),
        (99_999_999_999_999, [33_329_999_999_999, 33_330_000_000_000, 33_340_000_000_000]),
    ] {
        let parts = split(Money::from_cents(amount), &thirds);
        assert_eq!(parts.iter().copied().sum::<Money>(), Money::from_cents(amount));
        if amount.abs() < 1_000_000 {
            assert_eq!(parts, cents(&expected), "{amount}");
        }
    }
    // Of equal remainders the first, and never to who has no share.
    assert_eq!(split(Money::from_cents(1), &[0, 5000, 5000]), cents(&[0, 1, 0]));
    assert_eq!(split(Money::from_cents(1), &[]), vec![]);
}

proptest! {
    #[test]
    fn parts_sum_to_the_amount_and_each_is_within_a_cent_of_exact(
        amount in -99_999_999_999_999_i64..=99_999_999_999_999,
        weights in proptest::collection::vec(0_i64..=100_000_000, 1..20),
    ) {
        prop_assume!(weights.iter().sum::<i64>() > 0);
        let parts = split(Money::from_cents(amount), &weights);
        prop_assert_eq!(parts.iter().copied().sum::<Money>(), Money::from_cents(amount));
        let whole: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
        for (part, weight) in parts.iter().zip(&weights) {
            let part = part.decimal().mantissa();
            let off = part * whole - i128::from(amount) * i128::from(*weight);
            prop_assert!(off.abs() < whole, "{part} of {amount} by {weight} of {whole}");
        }
    }

    #[test]
    fn groups_sum_to_the_total_whatever_is_grouped_by(grants in proptest::collection::vec(figured(), 1..12)) {
        let mut total = vec![Money::ZERO; Amounts::default().0.len()];
        for (_, periods) in &grants {
            for (sum, amount) in total.iter_mut().zip(periods[0].amounts.0) {
                *sum = sum.plus(amount).unwrap();
            }
        }
        for by in [
            vec![By::Stream], vec![By::Program, By::Recipient], vec![By::City], vec![By::County], vec![By::ActionArea],
            vec![By::City, By::County], vec![By::City, By::ActionArea], vec![By::County, By::ActionArea, By::Stream],
        ] {
            let groups = summary::group(&grants, &by);
            let mut keys: Vec<_> = groups.iter().map(|group| group.key).collect();
            keys.sort();
            keys.dedup();
            prop_assert_eq!(keys.len(), groups.len());
            for (place, total) in total.iter().enumerate() {
                let sum: Money = groups.iter().map(|group| group.amounts.0[place]).sum();
                prop_assert_eq!(sum, *total, "{:?}", by);
            }
        }
    }
}

/// A grant of some amounts, with shares that sum to the whole.
fn figured() -> impl Strategy<Value = summary::Figured> {
    let shares = || proptest::collection::vec(1_i32..=1000, 0..5);
    let amounts =
        proptest::collection::vec(-1_000_000_i64..=100_000_000, Amounts::default().0.len());
    (0_u128..3, shares(), shares(), amounts).prop_map(|(stream, cities, areas, amounts)| {
        let whole = |shares: Vec<i32>| {
            let last = 10_000 - shares.iter().sum::<i32>();
            shares.into_iter().chain([last]).collect::<Vec<_>>()
        };
        let city = |(place, share): (usize, i32)| {
            let number = place as u128;
            (CityId(Uuid::from_u128(number)), CountyId(Uuid::from_u128(number / 2)), share)
        };
        let area = |(place, share): (usize, i32)| ActionAreaShare {
            action_area: ActionArea::ALL[place],
            share_bp: share,
        };
        let subject = Subject {
            stream: StreamId(Uuid::from_u128(stream)),
            program: Some(ProgramId(Uuid::from_u128(stream * 2))),
            recipient: Some(OrganizationId(Uuid::from_u128(stream))),
            cities: whole(cities).into_iter().enumerate().map(city).collect(),
            areas: whole(areas).into_iter().enumerate().map(area).collect(),
            match_known: true,
        };
        let amounts = Amounts(cents(&amounts).try_into().unwrap());
        (subject, vec![Period { fiscal_year: None, grants: 1, amounts }])
    })
}

async fn made(service: &Service, cast: &Cast, new: NewGrant) -> Grant {
    let draft = grants::commands::create(&service.app, &cast.manager, new).await.unwrap();
    let awarded = grants::commands::award(&service.app, &cast.approver, draft.id, draft.revision);
    let awarded = awarded.await.unwrap();
    let today = service.app.clock.today();
    let signed =
        grants::commands::sign(&service.app, &cast.manager, draft.id, awarded.revision, today)
            .await
            .unwrap();
    service.resolution(cast, &signed).await;
    signed
}

/// For three cities in two counties, and two action areas; nothing comes out even.
async fn shared(service: &Service, cast: &Cast, number: &str, amount: &str) -> Grant {
    let mut new = service.draft_of(cast, number, amount).await;
    let share = |city, share_bp| CityShare { city, share_bp };
    // Fresno and Clovis lie in Fresno County, Oakland in Alameda County.
    let (clovis, oakland) = (service.city("0614218").await.id, service.city("0653000").await.id);
    new.cities = vec![share(cast.city.id, 3333), share(clovis, 3333), share(oakland, 3334)];
    let area = |action_area, share_bp| ActionAreaShare { action_area, share_bp };
    new.action_areas =
        vec![area(ActionArea::YouthDevelopment, 3333), area(ActionArea::SafeStableHousing, 6667)];
    made(service, cast, new).await
}

async fn spend(service: &Service, cast: &Cast, grant: &Grant, amount: &str, on: &str) {
    let new = NewExpenditure {
        grant: grant.id,
        line: None,
        amount: money(amount),
        incurred_on: date(on),
        effective_on: None,
        vendor: None,
        reference: None,
        description: "Work".into(),
        opening: false,
    };
    let key = format!("spend {} {amount} {on}", grant.number);
    spending::commands::expend(&service.app, &cast.finance, new, &key).await.unwrap();
}

async fn encumber(service: &Service, cast: &Cast, grant: &Grant, amount: &str, on: &str) {
    let new = NewEncumbrance {
        grant: grant.id,
        line: None,
        amount: money(amount),
        number: format!("PO {amount}"),
        vendor: "A builder".into(),
        description: "A roof".into(),
        encumbered_on: date(on),
        opening: false,
    };
    let key = format!("order {} {amount}", grant.number);
    spending::commands::encumber(&service.app, &cast.finance, new, &key).await.unwrap();
}

async fn approved(service: &Service, cast: &Cast, id: &Disbursement) {
    let approval = Default::default();
    disbursements::commands::approve(&service.app, &cast.approver, id.id, approval).await.unwrap();
}

async fn paid(
    service: &Service,
    cast: &Cast,
    grant: &Grant,
    invoice: &str,
    amount: &str,
) -> Disbursement {
    let request = service.request(cast, grant, invoice, amount).await;
    approved(service, cast, &request).await;
    let payment = Payment::new(service.app.clock.today(), PaymentMethod::Warrant, invoice);
    payment::pay(&service.app, &cast.officer, request.id, payment, invoice).await.unwrap()
}

const FIGURES: &str = "awarded encumbered expended requested approved disbursed retained lapsed availableToDisburse
    unobligated cashOnHand reimbursementDue advanceOutstanding matchRequired matchMet matchGap burnRate spentPercent";

async fn summary(service: &Service, actor: &Actor, arguments: &str) -> Value {
    let query = format!(
        "{{ fundingSummary({arguments}) {{ grantCount unknownMatchCount asOf total {{ {FIGURES} }}
            groups {{ key {{ stream {{ code }} program {{ code }} city {{ name }} county {{ name }} actionArea
                      fiscalYear recipient {{ name }} }} grantCount unknownMatchCount figures {{ {FIGURES} }} }} }} }}"
    );
    service.data(actor, &query, none()).await["fundingSummary"].take()
}

/// A figure of each group, by part of its key.
fn by<'a>(found: &'a Value, key: &str, figure: &str) -> HashMap<String, &'a str> {
    let groups = found["groups"].as_array().unwrap().iter();
    let named = |group: &'a Value| {
        let key = group["key"].pointer(key).unwrap().as_str().unwrap().to_owned();
        (key, group["figures"][figure].as_str().unwrap())
    };
    groups.map(named).collect()
}

fn expected<const N: usize>(pairs: [(&str, &'static str); N]) -> HashMap<String, &'static str> {
    pairs.into_iter().map(|(key, amount)| (key.to_owned(), amount)).collect()
}

/// Every amount of the groups sums to that of the total.
fn assert_whole(found: &Value) {
    let groups = found["groups"].as_array().unwrap();
    for (figure, total) in found["total"].as_object().unwrap() {
        if figure != "spentPercent" {
            let amount = |group: &Value| money(group["figures"][figure].as_str().unwrap());
            let sum: Money = groups.iter().map(amount).sum();
            assert_eq!(sum, money(total.as_str().unwrap()), "{figure}");
        }
    }
}

#[tokio::test]
async fn shares_of_cities_counties_and_action_areas_sum_to_the_grant_to_the_cent() {
    let service = service().await;
    let cast = service.cast().await;
    shared(&service, &cast, "F-1", "0.01").await;
    let cities = summary(&service, &cast.manager, "groupBy: [CITY]").await;
    assert_eq!(
        by(&cities, "/city/name", "awarded"),
        expected([("Fresno", "0.00"), ("Clovis", "0.00"), ("Oakland", "0.01")])
    );
    let grant = shared(&service, &cast, "F-2", "100.00").await;
    spend(&service, &cast, &grant, "0.02", "2026-11-01").await;
    let cities = summary(&service, &cast.manager, "groupBy: [CITY]").await;
    assert_eq!(
        by(&cities, "/city/name", "awarded"),
        expected([("Fresno", "33.33"), ("Clovis", "33.33"), ("Oakland", "33.35")])
    );
    let counties = summary(&service, &cast.manager, "groupBy: [COUNTY]").await;
    assert_eq!(
        by(&counties, "/county/name", "awarded"),
        expected([("Fresno", "66.67"), ("Alameda", "33.34")])
    );
    for groups in ["CITY", "COUNTY", "ACTION_AREA", "CITY, ACTION_AREA", "COUNTY, CITY, STREAM"] {
        let found = summary(&service, &cast.manager, &format!("groupBy: [{groups}]")).await;
        assert_eq!(found["total"]["awarded"], "100.01");
        assert_whole(&found);
    }
    let both = summary(&service, &cast.manager, "groupBy: [CITY, ACTION_AREA]").await;
    assert_eq!(both["groups"].as_array().unwrap().len(), 6);
    assert_eq!(both["groups"][0]["grantCount"], 2);
    // The same dimension twice is the same, and none answers the total.
    let twice = summary(&service, &cast.manager, "groupBy: [CITY, CITY]").await;
    assert_eq!(twice["groups"], cities["groups"]);
    assert_eq!(summary(&service, &cast.manager, "groupBy: []").await["groups"], json!([]));
}

#[tokio::test]
async fn by_fiscal_year_flows_are_of_the_year_and_stocks_of_its_end() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "F-1", "1000.00").await;
    spend(&service, &cast, &grant, "100.00", "2026-11-24").await;
    paid(&service, &cast, &grant, "A-1", "100.00").await;
    encumber(&service, &cast, &grant, "50.00", "2026-11-24").await;
    // In the next fiscal year.
    service.travel(Utc.with_ymd_and_hms(2027, 7, 2, 18, 0, 0).unwrap());
    spend(&service, &cast, &grant, "30.00", "2027-07-02").await;
    service.request(&cast, &grant, "A-2", "30.00").await;
    // Nothing happens until the one after.
    service.travel(Utc.with_ymd_and_hms(2028, 7, 2, 18, 0, 0).unwrap());

    let found = summary(&service, &cast.manager, "groupBy: [FISCAL_YEAR]").await;
    let years: Vec<_> = found["groups"].as_array().unwrap().iter().collect();
    let told = |place: usize, figures: &[&str]| -> Vec<Value> {
        figures.iter().map(|figure| years[place]["figures"][*figure].clone()).collect()
    };
    let figures = [
        "awarded",
        "expended",
        "disbursed",
        "requested",
        "encumbered",
        "availableToDisburse",
        "unobligated",
        "reimbursementDue",
    ];
    let keys: Vec<_> = years.iter().map(|year| year["key"]["fiscalYear"].clone()).collect();
    assert_eq!(json!(keys), json!(["2026-27", "2027-28", "2028-29"]));
    assert_eq!(
        json!(told(0, &figures)),
        json!(["1000.00", "100.00", "100.00", "0.00", "50.00", "900.00", "850.00", "0.00"])
    );
    assert_eq!(
        json!(told(1, &figures)),
        json!(["0.00", "30.00", "0.00", "30.00", "50.00", "870.00", "820.00", "30.00"])
    );
    assert_eq!(
        json!(told(2, &figures)),
        json!(["0.00", "0.00", "0.00", "30.00", "50.00", "870.00", "820.00", "30.00"])
    );
    assert_eq!(years[0]["figures"]["burnRate"], Value::Null);
    assert_eq!(years[0]["figures"]["spentPercent"], Value::Null);
    assert_eq!(found["total"]["expended"], "130.00");
    assert_eq!(found["total"]["spentPercent"], "13.00");

    // The last year ends on the day that is asked for; what was posted later is not in it.
    let early = "groupBy: [FISCAL_YEAR], asOf: \"2027-07-01\"";
    let early = summary(&service, &cast.manager, early).await;
    let last = &early["groups"][1];
    assert_eq!(last["key"]["fiscalYear"], "2027-28");
    assert_eq!(last["figures"]["expended"], "0.00");
    assert_eq!(last["figures"]["availableToDisburse"], "900.00");
    assert_eq!(early["total"]["expended"], "100.00");

    // As it was known before the second year began: the same, from the entries themselves.
    let known = "groupBy: [FISCAL_YEAR], asOf: \"2027-07-02\", knownAt: \"2027-07-01T00:00:00Z\"";
    let known = summary(&service, &cast.manager, known).await;
    assert_eq!(known["groups"], early["groups"]);
}

#[tokio::test]
async fn groups_of_a_year_are_split_by_shares_too() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = shared(&service, &cast, "F-1", "100.01").await;
    spend(&service, &cast, &grant, "0.05", "2026-11-24").await;
    let found = summary(&service, &cast.manager, "groupBy: [FISCAL_YEAR, CITY]").await;
    let groups = found["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 3);
    for figure in ["awarded", "expended", "unobligated", "availableToDisburse"] {
        let amount = |group: &Value| money(group["figures"][figure].as_str().unwrap());
        let sum: Money = groups.iter().map(amount).sum();
        assert_eq!(sum, money(found["total"][figure].as_str().unwrap()), "{figure}");
    }
}

#[tokio::test]
async fn a_summary_as_of_a_day_counts_what_was_effective_by_then() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "F-1", "1000.00").await;
    service.travel(start() + TimeDelta::days(20));
    spend(&service, &cast, &grant, "100.00", "2026-12-10").await;
    let now = summary(&service, &cast.manager, "groupBy: [STREAM]").await;
    assert_eq!(now["total"]["expended"], "100.00");
    assert_eq!(now["asOf"], Value::Null);
    let then = summary(&service, &cast.manager, "groupBy: [STREAM], asOf: \"2026-12-09\"").await;
    assert_eq!(then["total"]["expended"], "0.00");
    assert_eq!(then["total"]["awarded"], "1000.00");
    assert_eq!(then["asOf"], "2026-12-09");
    let before = summary(&service, &cast.manager, "groupBy: [STREAM], asOf: \"2026-11-23\"").await;
    assert_eq!(before["total"]["awarded"], "0.00");
    assert_eq!(before["total"]["spentPercent"], Value::Null);

    let asked = "{ fundingSummary(groupBy: [], knownAt: \"2026-12-14T18:00:00Z\") { grantCount } }";
    let refused = service.ask(&cast.manager, asked, none()).await;
    let message = refused["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("at least 60 seconds back"), "{message}");
}

#[tokio::test]
async fn a_summary_counts_the_grants_that_its_filter_finds_and_its_reader_may_see() {
    let service = service().await;
    let cast = service.cast().await;
    service.active_grant(&cast, "F-1", "1000.00").await;
    shared(&service, &cast, "F-2", "100.00").await;
    service.draft(&cast, "F-3", "10.00").await;
    let oakland = service.city("0653000").await;
    let other = service
        .organization("City of Oakland (test)", OrganizationKind::CityGovernment, Some(&oakland))
        .await;
    let mut new = service.draft_of(&cast, "F-4", "7.00").await;
    new.recipient = other.id;
    new.cities = vec![CityShare { city: oakland.id, share_bp: 10_000 }];
    made(&service, &cast, new).await;

    let counts = |found: &Value| (found["grantCount"].clone(), found["total"]["awarded"].clone());
    let all = summary(&service, &cast.manager, "groupBy: [RECIPIENT]").await;
    assert_eq!(counts(&all), (json!(4), json!("1107.00")));
    assert_eq!(
        by(&all, "/recipient/name", "awarded"),
        expected([("City of Fresno (test)", "1100.00"), ("City of Oakland (test)", "7.00")])
    );
    let found = "filter: { search: \"F-2\", statuses: [ACTIVE] }, groupBy: [PROGRAM]";
    let found = summary(&service, &cast.manager, found).await;
    assert_eq!(counts(&found), (json!(1), json!("100.00")));
    assert_eq!(by(&found, "/program/code", "awarded"), expected([("PROP64-PHS", "100.00")]));

    let own = summary(&service, &cast.finance, "groupBy: [STREAM]").await;
    assert_eq!(counts(&own), (json!(3), json!("1100.00")));
    let member = NewRole { city: Some(oakland.id), ..NewRole::everywhere(Role::CityMember) };
    let member = service.actor("Olga Oakland", member).await;
    let theirs = summary(&service, &member, "groupBy: [STREAM]").await;
    assert_eq!(counts(&theirs), (json!(2), json!("107.00")));
}

#[tokio::test]
async fn everybody_may_sum_grants_that_are_no_drafts_and_single_out_none() {
    let service = service().await;
    let cast = service.cast().await;
    service.active_grant(&cast, "F-1", "1000.00").await;
    service.draft(&cast, "F-2", "10.00").await;
    // The only one of its program, of which nobody else may know.
    let mut other = service.draft_of(&cast, "F-3", "20.00").await;
    other.program = service.program("ACT-DIRECT").await;
    grants::commands::create(&service.app, &cast.manager, other).await.unwrap();
    for group in ["STREAM", "PROGRAM", "CITY", "COUNTY", "ACTION_AREA", "FISCAL_YEAR"] {
        let found = summary(&service, &Actor::Anyone, &format!("groupBy: [{group}]")).await;
        assert_eq!(found["grantCount"], 1, "{group}");
        assert_eq!(found["groups"][0]["figures"]["awarded"], "1000.00", "{group}");
    }
    // What the totals of all grants answer.
    for group in ["STREAM", "PROGRAM"] {
        let query = format!(
            "{{ fundingSummary(groupBy: [{group}]) {{ groups {{ grantCount figures {{ awarded }} }} }} }}"
        );
        let told = service.data(&Actor::Anyone, &query, none()).await;
        let one = json!([{ "grantCount": 1, "figures": { "awarded": "1000.00" } }]);
        assert_eq!(told["fundingSummary"]["groups"], one, "{group}");
    }
    let drafts = "filter: { statuses: [DRAFT] }, groupBy: [STREAM]";
    assert_eq!(summary(&service, &Actor::Anyone, drafts).await["grantCount"], 0);
    for singled_out in [
        "groupBy: [RECIPIENT]",
        "groupBy: [], filter: { search: \"F-1\" }",
        "groupBy: [], filter: { accountingKey: \"V-1\" }",
        &format!("groupBy: [], filter: {{ recipients: [\"{}\"] }}", cast.recipient.id),
        "groupBy: [], filter: { updatedSince: \"2026-11-24T00:00:00Z\" }",
    ] {
        let query = format!("{{ fundingSummary({singled_out}) {{ grantCount }} }}");
        let answer = service.ask(&Actor::Anyone, &query, none()).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{singled_out}");
    }
}

#[tokio::test]
async fn what_match_is_required_is_unknown_without_rules_and_counted_so() {
    let service = service().await;
    let cast = service.cast().await;
    // These rules ask for no match.
    service.active_grant(&cast, "F-1", "1000.00").await;
    let found = summary(&service, &cast.manager, "groupBy: []").await;
    assert_eq!(found["unknownMatchCount"], 0);

    let program = program_without_rules(&service, &cast).await;
    let grant = |number: &'static str| {
        let (service, cast, program) = (&service, &cast, &program);
        async move {
            let mut new = service.draft_of(cast, number, "2000.00").await;
            new.program = program.parse().unwrap();
            made(service, cast, new).await
        }
    };
    grant("F-2").await;
    let found = summary(&service, &cast.manager, "groupBy: [PROGRAM]").await;
    assert_eq!(found["unknownMatchCount"], 1);
    let unknown = |group: &Value| {
        (group["key"]["program"]["code"].clone(), group["unknownMatchCount"].clone())
    };
    let groups: Vec<_> = found["groups"].as_array().unwrap().iter().map(unknown).collect();
    assert_eq!(groups, [(json!("TEST-1"), json!(1)), (json!("PROP64-PHS"), json!(0))]);

    let terms = json!({ "bp": 2000, "base": "GRANT", "sources": ["CASH"] });
    let mut waived = terms.clone();
    waived["waivedWhen"] = json!({ "fact": "DISADVANTAGED_COMMUNITY", "oneOf": ["YES"] });
    for (number, verified, terms, unknown, required) in [
        ("F-3", None, &terms, 2, "0.00"),
        ("F-4", Some("2026-11-01"), &terms, 2, "400.00"),
        // Required, unless a fact that nobody recorded waives it.
        ("F-5", Some("2026-11-01"), &waived, 3, "800.00"),
    ] {
        let rules = json!([{ "name": "match", "citation": "Agreement", "verifiedOn": verified,
                             "terms": { "match": terms } }]);
        service.travel(service.app.clock.now() + TimeDelta::days(1));
        let input =
            json!({ "programId": program, "sourceUrl": "https://agency.test", "rules": rules });
        rules_from_today(&service, &cast, input).await;
        grant(number).await;
        let found = summary(&service, &cast.manager, "groupBy: []").await;
        assert_eq!(found["unknownMatchCount"], unknown, "{number}");
        assert_eq!(found["total"]["matchRequired"], required, "{number}");
    }
    service
        .fact(
            &cast,
            OfFact::City(cast.city.id),
            FactKind::DisadvantagedCommunity,
            "YES",
            "2026-01-01",
        )
        .await;
    let found = summary(&service, &cast.manager, "groupBy: []").await;
    assert_eq!(found["unknownMatchCount"], 2);
    assert_eq!(found["total"]["matchRequired"], "400.00");
}

async fn program_without_rules(service: &Service, cast: &Cast) -> String {
    let stream =
        service.data(&cast.admin, "{ fundingStream(code: \"OTHER\") { id } }", none()).await;
    let input = json!({
        "streamId": stream["fundingStream"]["id"], "code": "TEST-1", "name": "A program", "agency": "An agency",
        "kind": "COMPETITIVE", "citation": "Its announcement",
    });
    let (mutation, input_type) = ("createFundingProgram", "CreateFundingProgramInput");
    let made = service.mutate(&cast.admin, mutation, input_type, "program { id }", input).await;
    made["program"]["id"].as_str().unwrap().to_owned()
}

async fn rules_from_today(service: &Service, cast: &Cast, input: Value) {
    let wanted = "ruleSet { id revision }";
    let (mutation, input_type) = ("draftRuleSet", "DraftRuleSetInput");
    let set = service.mutate(&cast.admin, mutation, input_type, wanted, input).await;
    assert_eq!(set["userErrors"], json!([]));
    let set = &set["ruleSet"];
    let today = service.app.clock.today().to_string();
    let input =
        json!({ "ruleSetId": set["id"], "revision": set["revision"], "effectiveFrom": today });
    let (mutation, input_type) = ("activateRuleSet", "ActivateRuleSetInput");
    let done = service.mutate(&cast.admin, mutation, input_type, wanted, input).await;
    assert_eq!(done["userErrors"], json!([]));
}

#[tokio::test]
async fn a_summary_takes_as_many_statements_however_many_grants_there_are() {
    let service = service().await;
    let cast = service.cast().await;
    let every = "{ fundingSummary(groupBy: [STREAM, PROGRAM, CITY, COUNTY, ACTION_AREA, FISCAL_YEAR, RECIPIENT]) {
        total { awarded burnRate } groups { key { stream { code } program { code } city { name } county { name } actionArea
        fiscalYear recipient { name } } figures { awarded matchGap } } } }";
    shared(&service, &cast, "F-1", "100.00").await;
    let (_, few) = counted(&service, &cast, every).await;
    for number in 2..30 {
        shared(&service, &cast, &format!("F-{number}"), "100.00").await;
    }
    let (found, many) = counted(&service, &cast, every).await;
    assert_eq!(found["fundingSummary"]["total"]["awarded"], "2900.00");
    assert_eq!(found["fundingSummary"]["groups"].as_array().unwrap().len(), 6);
    assert_eq!(few, many);
    assert!((10..=20).contains(&many), "{many} statements");
}

#[tokio::test]
async fn a_scheduled_payment_is_as_late_as_its_days_after_the_day_it_was_due() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "F-1", "1000.00").await;
    let today = service.app.clock.today();
    let later = 61;
    for late in [-1, 0, 1, 30, 31, 60, 61] {
        let found = service.request(&cast, &grant, &format!("late {late}"), "1.00").await;
        approved(&service, &cast, &found).await;
        let day = Some(today.plus_days(later - late));
        disbursements::commands::schedule(&service.app, &cast.officer, found.id, day)
            .await
            .unwrap();
    }
    // Only what is scheduled ages.
    let unscheduled = service.request(&cast, &grant, "approved", "5.00").await;
    approved(&service, &cast, &unscheduled).await;
    service.travel(start() + TimeDelta::days(later));
    let buckets =
        "aging { notDue { count amount } days1To30 { count amount } days31To60 { count amount }
                           daysOver60 { count amount } }";
    let all = format!("{{ disbursements {{ totalCount {buckets} }} }}");
    let expected = json!({
        "notDue": { "count": 2, "amount": "2.00" }, "days1To30": { "count": 2, "amount": "2.00" },
        "days31To60": { "count": 2, "amount": "2.00" }, "daysOver60": { "count": 1, "amount": "1.00" },
    });
    let found = service.data(&cast.manager, &all, none()).await;
    assert_eq!(found["disbursements"], json!({ "totalCount": 8, "aging": expected }));
    let of_grant = format!("{{ grants {{ nodes {{ disbursements {{ {buckets} }} }} }} }}");
    let found = service.data(&cast.manager, &of_grant, none()).await;
    assert_eq!(found["grants"]["nodes"][0]["disbursements"]["aging"], expected);

    let bounds =
        json!({ "filter": { "scheduledFor": { "from": "2026-11-25", "to": "2026-12-25" } } });
    let query = "query ($filter: DisbursementFilter!) { disbursements(filter: $filter) { nodes { scheduledFor } } }";
    let found = service.data(&cast.manager, query, bounds).await;
    let mut days: Vec<_> = found["disbursements"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| node["scheduledFor"].as_str().unwrap())
        .collect();
    days.sort_unstable();
    assert_eq!(days, ["2026-11-25", "2026-12-24", "2026-12-25"]);
}

#[tokio::test]
async fn totals_tell_what_came_back_and_what_an_advance_still_owes() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "F-1", "1000.00").await;
    let paid = paid(&service, &cast, &grant, "A-1", "100.00").await;
    let mut advance = request_of(&grant, "ADV", "200.00");
    advance.kind = DisbursementKind::Advance;
    let advance =
        disbursements::commands::request(&service.app, &cast.finance, advance, "adv").await;
    let advance = advance.unwrap();
    approved(&service, &cast, &advance).await;
    let payment = Payment::new(service.app.clock.today(), PaymentMethod::Warrant, "ADV");
    payment::pay(&service.app, &cast.officer, advance.id, payment, "pay adv").await.unwrap();
    use thrive::disbursements::AdjustmentKind::{Disallowance, Refund};
    for (of, kind, amount) in
        [(&advance, Refund, "50.00"), (&paid, Disallowance, "30.00"), (&paid, Refund, "4.00")]
    {
        let new = NewAdjustment {
            kind,
            amount: money(amount),
            lines: vec![],
            effective_on: None,
            reference: None,
            reason: "a credit".into(),
        };
        adjustments::record(&service.app, &cast.officer, of.id, new, amount).await.unwrap();
    }
    let query = "{ disbursements { totals { count requested approved paid retained retainedOpen refunded disallowed
        advanceOpen } } grants { nodes { disbursements { totals { refunded disallowed advanceOpen } } } } }";
    let found = service.data(&cast.manager, query, none()).await;
    assert_eq!(
        found["disbursements"]["totals"],
        json!({ "count": 2, "requested": "0.00", "approved": "0.00", "paid": "300.00", "retained": "0.00",
                "retainedOpen": "0.00", "refunded": "54.00", "disallowed": "30.00", "advanceOpen": "150.00" })
    );
    let of_grant = &found["grants"]["nodes"][0]["disbursements"]["totals"];
    assert_eq!(
        of_grant,
        &json!({ "refunded": "54.00", "disallowed": "30.00", "advanceOpen": "150.00" })
    );
}

#[tokio::test]
async fn disbursements_are_found_by_accounting_keys_and_by_the_ids_of_streams() {
    let service = service().await;
    let cast = service.cast().await;
    let mut new = service.draft_of(&cast, "F-1", "1000.00").await;
    new.accounting.vendor_number = Some("V-1".into());
    new.accounting.fund_string = Some("3790-101".into());
    let grant = made(&service, &cast, new).await;
    let request = service.request(&cast, &grant, "A-1", "10.00").await;
    approved(&service, &cast, &request).await;
    let mut payment = Payment::new(service.app.clock.today(), PaymentMethod::Warrant, "W");
    payment.warrant_number = Some("W-77".into());
    payment.accounting.purchase_order = Some("PO-9".into());
    payment.accounting.fund_string = Some("3790-999".into());
    payment::pay(&service.app, &cast.officer, request.id, payment, "pay").await.unwrap();
    let stream =
        service.data(&cast.manager, "{ grants { nodes { stream { id } } } }", none()).await;
    let stream = &stream["grants"]["nodes"][0]["stream"]["id"];
    let query =
        "query ($filter: DisbursementFilter!) { disbursements(filter: $filter) { totalCount } }";
    for (filter, count) in [
        (json!({ "accountingKey": " v-1 " }), 1),
        (json!({ "accountingKey": "po-9" }), 1),
        (json!({ "accountingKey": "w-77" }), 1),
        (json!({ "accountingKey": "3790-999" }), 1),
        // The payment has a fund string of its own.
        (json!({ "accountingKey": "3790-101" }), 0),
        (json!({ "streamIds": [stream] }), 1),
        (json!({ "streamIds": [] }), 0),
    ] {
        let found = service.data(&cast.manager, query, json!({ "filter": filter })).await;
        assert_eq!(found["disbursements"]["totalCount"], count, "{filter}");
    }
}
