//! Deadlines that follow from awards and rules, and move with them.

use std::collections::BTreeMap;

use chrono::{NaiveTime, TimeDelta, TimeZone, Utc};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use thrive::{
    access::Role,
    clock::{CALIFORNIA, Date, instant},
    deadlines::{
        self, Settlement,
        plan::{self, Period, Planned},
    },
    facts::{FactKind, Known, Subject},
    grants::{self, DateRange, Grant, GrantStatus},
    holidays::{self, Calendar, Calendars, Roll},
    id::{DeadlineId, GrantId},
    jobs,
    people::OrganizationKind,
    rule_sets::{
        Rule,
        bound::Bound,
        commands,
        evaluation::Binding,
        file,
        kinds::{Frequency, PeriodAnchor, RuleTerms, Situation},
    },
    streams::Catalog,
};

use crate::support::{Cast, Service, date, money, none, refusal, service, start};

/// A grant of July 2026 to June 2028 with all its dates, bound by rules given as in a file.
fn bound(rules: &[(&str, &str)], signed_on: Option<&str>) -> Bound {
    let situation = Situation {
        amount: money("100000.00"),
        performance: DateRange { start: date("2026-07-01"), end: date("2028-06-30") },
        encumber_by: Some(date("2027-06-30")),
        liquidate_by: Some(date("2029-06-30")),
        final_invoice_by: Some(date("2028-09-30")),
        signed_on: signed_on.map(date),
        recipient: OrganizationKind::CityGovernment,
        federal: false,
        subrecipient: false,
        facts: Known::default(),
    };
    let binding = |(place, (kind, text)): (usize, &(&str, &str))| {
        let mut both = toml::Table::new();
        both.insert("kind".into(), (*kind).into());
        both.insert("params".into(), toml::Value::Table(toml::from_str(text).unwrap()));
        let terms: RuleTerms = toml::Value::Table(both).try_into().unwrap();
        terms.check().unwrap();
        let rule = Rule {
            id: thrive::id::RuleId(uuid::Uuid::from_u128(place as u128)),
            rule_set_id: thrive::id::RuleSetId(uuid::Uuid::nil()),
            name: format!("rule-{place}"),
            terms,
            citation: "A test".into(),
            verified_on: Some(date("2026-01-01")),
        };
        Binding { rule, amended: None }
    };
    Bound::new(None, situation, rules.iter().enumerate().map(binding).collect())
}

fn planned(bound: &Bound, calendars: &Calendars) -> Vec<Planned> {
    plan::plan(GrantStatus::Active, bound, calendars, date("2026-11-24"))
}

fn days(planned: &[Planned]) -> Vec<(&str, String)> {
    planned.iter().map(|one| (one.kind.as_str(), one.due_on.to_string())).collect()
}

#[test]
fn five_dates_of_one_award_stay_five_dates() {
    let closeout = "report = \"CLOSEOUT\"\nfrequency = \"ONCE\"\nanchor = \"AWARD\"\ndueDays = 120\nsubrecipientDueDays = 90";
    let mut grant = bound(&[("REPORT_SCHEDULE", closeout)], Some("2026-11-24"));
    let own = [
        ("ENCUMBER_BY", "2027-06-30"),
        ("PERFORMANCE_END", "2028-06-30"),
        ("FINAL_INVOICE", "2028-09-30"),
        ("LIQUIDATE_BY", "2029-06-30"),
        ("CLOSEOUT", "2028-10-28"),
    ];
    assert_eq!(days(&planned(&grant, &Calendars::default())), own.map(|(k, d)| (k, d.into())));
    grant.situation.performance.end = date("2026-06-30");
    let end = |grant: &Bound| {
        let all = planned(grant, &Calendars::default());
        all.iter().find(|one| one.kind.as_str() == "CLOSEOUT").map(|one| one.due_on.to_string())
    };
    // Before the agreement was signed nothing is due.
    assert_eq!(end(&grant), None);
    grant.situation.signed_on = Some(date("2025-07-01"));
    assert_eq!(end(&grant), Some("2026-10-28".into()));
    grant.situation.subrecipient = true;
    assert_eq!(end(&grant), Some("2026-09-28".into()));

    // All on one day, they are five all the same.
    let same = date("2028-06-30");
    let at_the_end = closeout.replace("dueDays = 120", "dueDays = 0");
    let mut grant = bound(&[("REPORT_SCHEDULE", &at_the_end)], Some("2026-11-24"));
    grant.situation.encumber_by = Some(same);
    grant.situation.liquidate_by = Some(same);
    grant.situation.final_invoice_by = Some(same);
    let all = planned(&grant, &Calendars::default());
    assert_eq!(all.iter().map(|one| one.due_on).collect::<Vec<_>>(), [same; 5]);
    for status in [GrantStatus::Draft, GrantStatus::Closed, GrantStatus::Terminated] {
        assert_eq!(plan::plan(status, &grant, &Calendars::default(), same), []);
    }
}

#[test]
fn dates_that_a_grant_does_not_name_are_its_rules() {
    let rules = [
        ("FINAL_INVOICE_BY", "due = { from = \"LIQUIDATE_BY\", days = -60 }"),
        ("LIQUIDATE_BY", "due = { from = \"ENCUMBER_BY\", months = 24, federalMonths = 48 }"),
        ("ENCUMBER_BY", "due = { on = \"2026-06-30\" }"),
    ];
    let mut plain = bound(&[], None).situation;
    plain.encumber_by = None;
    plain.liquidate_by = None;
    plain.final_invoice_by = None;
    let with = |federal: bool| -> BTreeMap<String, String> {
        let situation = Situation { federal, ..plain.clone() };
        let all = Bound::new(None, situation, bound(&rules, None).rules);
        let planned = planned(&all, &Calendars::default());
        days(&planned).into_iter().map(|(kind, day)| (kind.into(), day)).collect()
    };
    let state = with(false);
    assert_eq!(state["ENCUMBER_BY"], "2026-06-30");
    assert_eq!(state["LIQUIDATE_BY"], "2028-06-30");
    assert_eq!(state["FINAL_INVOICE"], "2028-05-01");
    assert_eq!(with(true)["LIQUIDATE_BY"], "2030-06-30");
}

#[test]
fn periods_follow_the_fiscal_year_the_calendar_or_the_award() {
    let of = |start: &str, end: &str, frequency, anchor| -> Vec<(String, String, String, bool)> {
        let range = DateRange { start: date(start), end: date(end) };
        let told = |Period { key, range, last, .. }: Period| {
            (key, range.start.to_string(), range.end.to_string(), last)
        };
        plan::periods(range, frequency, anchor).into_iter().map(told).collect()
    };
    let row =
        |key: &str, start: &str, end: &str, last| (key.into(), start.into(), end.into(), last);
    assert_eq!(
        of("2026-06-30", "2026-12-15", Frequency::Quarter, PeriodAnchor::FiscalYear),
        [
            row("2026-04-01", "2026-06-30", "2026-06-30", false),
            row("2026-07-01", "2026-07-01", "2026-09-30", false),
            row("2026-10-01", "2026-10-01", "2026-12-15", true),
        ]
    );
    assert_eq!(
        of("2026-06-30", "2027-07-01", Frequency::Year, PeriodAnchor::FiscalYear),
        [
            row("2025-07-01", "2026-06-30", "2026-06-30", false),
            row("2026-07-01", "2026-07-01", "2027-06-30", false),
            row("2027-07-01", "2027-07-01", "2027-07-01", true),
        ]
    );
    assert_eq!(
        of("2026-02-01", "2026-12-31", Frequency::Half, PeriodAnchor::Calendar),
        [
            row("2026-01-01", "2026-02-01", "2026-06-30", false),
            row("2026-07-01", "2026-07-01", "2026-12-31", true)
        ]
    );
    // From the 31st on: short months end a day early, and long ones are whole again.
    assert_eq!(
        of("2028-01-31", "2028-04-29", Frequency::Month, PeriodAnchor::Award),
        [
            row("1", "2028-01-31", "2028-02-28", false),
            row("2", "2028-02-29", "2028-03-30", false),
            row("3", "2028-03-31", "2028-04-29", true),
        ]
    );
    assert_eq!(
        of("2026-01-01", "2026-12-31", Frequency::Once, PeriodAnchor::Award),
        [row("once", "2026-01-01", "2026-12-31", true)]
    );
    assert_eq!(of("2024-02-29", "2024-02-29", Frequency::Month, PeriodAnchor::Award).len(), 1);
}

#[test]
fn reports_are_due_so_long_after_their_period_or_on_a_day_of_the_year_and_roll() {
    let quarter =
        "report = \"FINANCIAL\"\nfrequency = \"QUARTER\"\nanchor = \"FISCAL_YEAR\"\ndueDays = 30";
    let days = ["2027-07-30", "2027-08-02"].map(|day| ("CALIFORNIA".to_string(), date(day)));
    let holidays = Calendars::of(days.into_iter().chain([("OJAI".into(), date("2026-10-30"))]));
    let due = |text: &str| {
        let all = planned(&bound(&[("REPORT_SCHEDULE", text)], Some("2026-07-01")), &holidays);
        let reports = all.into_iter().filter(|one| one.period.is_some());
        reports.map(|one| one.due_on.to_string()).collect::<Vec<_>>()
    };
    // 30 October 2026 is a Friday, 30 January 2027 a Saturday, 30 July 2027 a holiday.
    assert_eq!(
        due(quarter)[..5],
        ["2026-10-30", "2027-01-30", "2027-04-30", "2027-07-30", "2027-10-30"]
    );
    let following = due(&format!("{quarter}\nroll = \"FOLLOWING\""));
    assert_eq!(
        following[..5],
        ["2026-10-30", "2027-02-01", "2027-04-30", "2027-08-03", "2027-11-01"]
    );
    let preceding = due(&format!("{quarter}\nroll = \"PRECEDING\""));
    assert_eq!(
        preceding[..5],
        ["2026-10-30", "2027-01-29", "2027-04-30", "2027-07-29", "2027-10-29"]
    );
    let ojai = due(&format!("{quarter}\nroll = \"FOLLOWING\"\ncalendar = \"OJAI\""));
    assert_eq!(ojai[..4], ["2026-11-02", "2027-02-01", "2027-04-30", "2027-07-30"]);
    assert_eq!(due(&format!("{quarter}\nfinalDueDays = 90")).last().unwrap(), "2028-09-28");
    let arer = "report = \"FINANCIAL\"\nfrequency = \"YEAR\"\nanchor = \"FISCAL_YEAR\"\ndueMonthDay = \"01-31\"";
    assert_eq!(due(arer), ["2028-01-31", "2029-01-31"]);
    // A grant that ends within a fiscal year owes that year's report when the year is over.
    let mut early = bound(&[("REPORT_SCHEDULE", arer)], Some("2026-07-01"));
    early.situation.performance.end = date("2027-01-15");
    let only: Vec<_> =
        planned(&early, &holidays).into_iter().filter(|one| one.period.is_some()).collect();
    assert_eq!(only.iter().map(|one| one.due_on).collect::<Vec<_>>(), [date("2028-01-31")]);
    let same_year = arer.replace("01-31", "09-01");
    assert_eq!(due(&same_year), ["2027-09-01", "2028-09-01"]);
    let timed = planned(
        &bound(
            &[(
                "REPORT_SCHEDULE",
                &format!(
                    "{quarter}\ndueTime = \"17:00\"\nzone = \"America/New_York\"\nresponsible = \"FUNDER\""
                ),
            )],
            Some("2026-07-01"),
        ),
        &holidays,
    );
    assert_eq!(timed.last().unwrap().due_time, NaiveTime::from_hms_opt(17, 0, 0));
    assert_eq!(timed.last().unwrap().duty.as_str(), "FUNDER");
    assert_eq!(timed.last().unwrap().zone, chrono_tz::America::New_York);
}

#[test]
fn a_match_that_is_required_is_checked_and_one_that_is_waived_is_not() {
    let text = "bp = 2000\nbase = \"GRANT\"\nsources = [\"CASH\"]\nwaivedWhen = { fact = \"MEDIAN_INCOME_SHARE\", below = 6000 }";
    let mut grant = bound(&[("MATCH", text)], None);
    let checks = |grant: &Bound| {
        let all = planned(grant, &Calendars::default());
        all.into_iter()
            .filter(|one| one.kind.as_str() == "MATCH_CHECK")
            .map(|one| one.title)
            .collect::<Vec<_>>()
    };
    assert_eq!(checks(&grant), ["Match of 20000.00 met"]);
    // Two matches are two duties.
    let volunteers = "bp = 500\nbase = \"GRANT\"\nsources = [\"VOLUNTEER\"]";
    let both =
        planned(&bound(&[("MATCH", text), ("MATCH", volunteers)], None), &Calendars::default());
    let duties: Vec<_> = both
        .iter()
        .filter(|one| one.kind.as_str() == "MATCH_CHECK")
        .map(|one| one.obligation.as_str())
        .collect();
    assert_eq!(duties, ["rule-0/match", "rule-1/match"]);
    let fact =
        thrive::facts::KnownFact { value: "5000".into(), as_of: date("2026-01-01"), fact: None };
    grant.situation.facts.insert(FactKind::MedianIncomeShare, fact);
    assert_eq!(checks(&grant), Vec::<String>::new());
}

#[test]
fn business_days_skip_weekends_and_holidays_both_ways() {
    let calendar = Calendar::of(["2026-12-25", "2027-01-01", "2026-07-03"].map(date));
    for (day, following, preceding) in [
        ("2026-12-24", "2026-12-24", "2026-12-24"),
        ("2026-12-25", "2026-12-28", "2026-12-24"),
        ("2026-12-26", "2026-12-28", "2026-12-24"),
        ("2027-01-01", "2027-01-04", "2026-12-31"),
        ("2026-07-04", "2026-07-06", "2026-07-02"),
        ("2026-02-28", "2026-03-02", "2026-02-27"),
        ("2028-02-29", "2028-02-29", "2028-02-29"),
        ("2026-03-08", "2026-03-09", "2026-03-06"),
        ("2026-11-01", "2026-11-02", "2026-10-30"),
    ] {
        let rolls = [Roll::None, Roll::Following, Roll::Preceding]
            .map(|roll| calendar.roll(date(day), roll));
        assert_eq!(rolls, [day, following, preceding].map(date));
    }
}

#[test]
fn a_day_ends_when_california_says_so_also_when_clocks_change() {
    for (day, time, expected) in [
        ("2026-03-07", None, "2026-03-08T07:59:59+00:00"),
        // 8 March has 23 hours and 1 November 25.
        ("2026-03-08", None, "2026-03-09T06:59:59+00:00"),
        ("2026-03-08", Some((2, 30)), "2026-03-08T10:00:00+00:00"),
        ("2026-10-31", None, "2026-11-01T06:59:59+00:00"),
        ("2026-11-01", None, "2026-11-02T07:59:59+00:00"),
        ("2026-11-01", Some((1, 30)), "2026-11-01T08:30:00+00:00"),
        ("2028-02-29", Some((17, 0)), "2028-03-01T01:00:00+00:00"),
        ("2026-06-30", None, "2026-07-01T06:59:59+00:00"),
    ] {
        let time = time.map_or_else(thrive::clock::end_of_day, |(hour, minute)| {
            NaiveTime::from_hms_opt(hour, minute, 0).unwrap()
        });
        assert_eq!(instant(CALIFORNIA, date(day).and_time(time)).to_rfc3339(), expected);
    }
}

async fn listed(service: &Service, cast: &Cast, grant: &Grant) -> Vec<Value> {
    let query = "query ($id: ID!) { grant(id: $id) { deadlines(first: 100) { nodes {
        id kind title dueOn status revision isGenerated period { start end } rule { name } responsible { name }
        history { dueFrom dueTo statusFrom statusTo reason } } } } }";
    let found = service.data(&cast.auditor, query, json!({ "id": grant.id.to_string() })).await;
    found["grant"]["deadlines"]["nodes"].as_array().unwrap().clone()
}

fn of<'a>(nodes: &'a [Value], kind: &str) -> &'a Value {
    nodes
        .iter()
        .find(|node| node["kind"] == kind)
        .unwrap_or_else(|| panic!("no {kind}: {nodes:#?}"))
}

const RULES: &str = r#"
source = "https://agency.test"
effectiveFrom = "2026-01-01"

[program]
code = "SCHEDULED"
stream = "OTHER"
name = "Scheduled"
agency = "An agency"
kind = "COMPETITIVE"
citation = "Its announcement"

[[rules]]
name = "reports"
kind = "REPORT_SCHEDULE"
citation = "Exhibit D"
verifiedOn = "2026-11-01"
report = "FINANCIAL"
frequency = "QUARTER"
anchor = "FISCAL_YEAR"
dueDays = 30
roll = "FOLLOWING"
"#;

async fn import(service: &Service) {
    let file = file::read(RULES, service.app.clock.today()).unwrap();
    let mut tx = service.app.db.begin().await.unwrap();
    commands::import(&mut tx, &service.app.clock, &file).await.unwrap();
    tx.commit().await.unwrap();
    Catalog::forget(&service.app);
}

async fn scheduled(service: &Service, cast: &Cast, number: &str) -> Grant {
    let mut new = service.draft_of(cast, number, "1000.00").await;
    new.program = service.program("SCHEDULED").await;
    let draft = grants::commands::create(&service.app, &cast.manager, new).await.unwrap();
    assert_eq!(listed(service, cast, &draft).await, Vec::<Value>::new());
    let awarded = grants::commands::award(&service.app, &cast.approver, draft.id, 1).await.unwrap();
    let of_award = listed(service, cast, &draft).await;
    assert_eq!(of(&of_award, "ENCUMBER_BY")["status"], "OPEN");
    let today = service.app.clock.today();
    grants::commands::sign(&service.app, &cast.manager, draft.id, awarded.revision, today)
        .await
        .unwrap()
}

#[tokio::test]
async fn an_award_brings_its_dates_and_a_signature_its_reports_with_the_right_people() {
    let service = service().await;
    let cast = service.cast().await;
    import(&service).await;
    let grant = scheduled(&service, &cast, "S-1").await;
    let nodes = listed(&service, &cast, &grant).await;
    let told: Vec<_> = nodes
        .iter()
        .map(|node| {
            let text = |field: &str| node[field].as_str().unwrap();
            let people =
                node["responsible"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap());
            (text("kind"), text("dueOn"), text("status"), people.collect::<Vec<_>>().join(", "))
        })
        .collect();
    let report = |day: &'static str| ("FINANCIAL_REPORT", day, "OPEN", "Fay Finance".to_string());
    assert_eq!(
        told,
        [
            report("2027-02-01"),
            report("2027-04-30"),
            ("ENCUMBER_BY", "2027-06-30", "COMPLETED", "Mara Manager".into()),
            report("2027-07-30"),
            report("2027-11-01"),
            report("2028-01-31"),
            report("2028-05-01"),
            ("PERFORMANCE_END", "2028-06-30", "OPEN", "Fay Finance".into()),
            report("2028-07-31"),
            ("FINAL_INVOICE", "2028-09-30", "OPEN", "Fay Finance".into()),
            ("LIQUIDATE_BY", "2028-12-31", "OPEN", "Mara Manager".into()),
        ]
    );
    let first = &nodes[0];
    assert_eq!(first["title"], "Financial report for 1 October to 31 December 2026");
    assert_eq!(first["period"], json!({ "start": "2026-10-01", "end": "2026-12-31" }));
    assert_eq!((&first["rule"]["name"], &first["isGenerated"]), (&json!("reports"), &json!(true)));
    let signing = &of(&nodes, "ENCUMBER_BY")["history"][0];
    assert_eq!(
        (&signing["statusTo"], &signing["reason"]),
        (&json!("COMPLETED"), &json!("the agreement was signed"))
    );
    // Whoever joins the recipient's staff is told as well, and nobody is told twice.
    let role = thrive::access::commands::NewRole {
        organization: Some(cast.recipient.id),
        ..thrive::access::commands::NewRole::everywhere(Role::CityFinance)
    };
    service.actor("Nia New", role).await;
    jobs::run_by_hand(&service.app, "deadline_schedule", None, false).await.unwrap();
    let nodes = listed(&service, &cast, &grant).await;
    assert_eq!(nodes[0]["responsible"].as_array().unwrap().len(), 2);
    assert_eq!(of(&nodes, "LIQUIDATE_BY")["responsible"].as_array().unwrap().len(), 1);
}

async fn run(service: &Service) -> String {
    let report = jobs::run_by_hand(&service.app, "deadline_schedule", None, false).await.unwrap();
    report.summary.text
}

async fn holidays_are(service: &Service, days: &[&str]) {
    let days: String = days
        .iter()
        .map(|day| format!("[[holidays]]\nday = \"{day}\"\nname = \"Closed\"\n"))
        .collect();
    let file = format!("code = \"CALIFORNIA\"\nname = \"Test\"\nsource = \"A test\"\n{days}");
    let mut tx = service.app.db.begin().await.unwrap();
    holidays::commands::import(&mut tx, &file).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn deadlines_move_with_what_they_follow_from_and_keep_their_history() {
    let service = service().await;
    let cast = service.cast().await;
    import(&service).await;
    let grant = scheduled(&service, &cast, "S-1").await;
    assert_eq!(run(&service).await, "grants 1, deadlines added 0, moved 0, withdrawn 0, settled 0");
    let before = listed(&service, &cast, &grant).await;

    // Two are waived, one is snoozed: what people did stays.
    let settle = async |place: usize, how| {
        let id: DeadlineId = before[place]["id"].as_str().unwrap().parse().unwrap();
        deadlines::commands::settle(&service.app, &cast.manager, id, 1, how).await.unwrap();
    };
    settle(1, Settlement::Waived { reason: "Told by telephone.".into() }).await;
    settle(3, Settlement::Waived { reason: "Agreed by letter.".into() }).await;
    settle(4, Settlement::Snoozed { until: date("2027-01-01"), reason: "Away.".into() }).await;

    holidays_are(&service, &["2027-02-01", "2027-04-30", "2027-07-30", "2027-11-01"]).await;
    service.tick();
    assert_eq!(run(&service).await, "grants 1, deadlines added 0, moved 2, withdrawn 0, settled 0");
    let after = listed(&service, &cast, &grant).await;
    let told = |nodes: &[Value], place: usize| {
        let id = &before[place]["id"];
        let node = nodes.iter().find(|node| node["id"] == *id).unwrap().clone();
        (
            node["dueOn"].as_str().unwrap().to_string(),
            node["status"].as_str().unwrap().to_string(),
            node["history"].clone(),
        )
    };
    let moved = |from: &str, to: &str| {
        json!([{ "dueFrom": from, "dueTo": to, "statusFrom": "OPEN", "statusTo": "OPEN",
                 "reason": "dates, rules, facts or holidays changed" }])
    };
    assert_eq!(
        told(&after, 0),
        ("2027-02-02".into(), "OPEN".into(), moved("2027-02-01", "2027-02-02"))
    );
    assert_eq!(told(&after, 1), ("2027-04-30".into(), "WAIVED".into(), json!([])));
    assert_eq!(told(&after, 3), ("2027-07-30".into(), "WAIVED".into(), json!([])));
    assert_eq!(
        told(&after, 4),
        ("2027-11-02".into(), "OPEN".into(), moved("2027-11-01", "2027-11-02"))
    );
    // Whoever was quiet about the earlier date is told of the new one.
    let quiet: Option<Date> =
        sqlx::query_scalar("select snoozed_until from deadlines where due_on = '2027-11-02'")
            .fetch_one(&service.app.db)
            .await
            .unwrap();
    assert_eq!(quiet, None);
    assert_eq!(after.len(), before.len());
    // An edit of what moved has to read it again.
    let id: DeadlineId = before[0]["id"].as_str().unwrap().parse().unwrap();
    let stale =
        deadlines::commands::settle(&service.app, &cast.manager, id, 1, Settlement::Completed)
            .await;
    assert_eq!(refusal(stale).code, thrive::error::UserErrorCode::RevisionConflict);

    // The end comes by itself, and ending the grant withdraws what is open.
    service.travel(Utc.with_ymd_and_hms(2028, 7, 1, 12, 0, 0).unwrap());
    assert_eq!(run(&service).await, "grants 1, deadlines added 0, moved 0, withdrawn 0, settled 1");
    assert_eq!(
        of(&listed(&service, &cast, &grant).await, "PERFORMANCE_END")["status"],
        "COMPLETED"
    );
    grants::commands::terminate(&service.app, &cast.officer, grant.id, grant.revision)
        .await
        .unwrap();
    let closed = listed(&service, &cast, &grant).await;
    let mut statuses = BTreeMap::new();
    for node in &closed {
        *statuses.entry(node["status"].as_str().unwrap()).or_insert(0) += 1;
    }
    assert_eq!(statuses, BTreeMap::from([("COMPLETED", 2), ("WAIVED", 2), ("WITHDRAWN", 7)]));
    let invoice = of(&closed, "FINAL_INVOICE");
    assert_eq!(invoice["history"][0]["reason"], "the grant was terminated");
    let filter = "{ deadlines(filter: { statuses: [WITHDRAWN] }) { totalCount } }";
    assert_eq!(service.data(&cast.auditor, filter, none()).await["deadlines"]["totalCount"], 7);
    assert_eq!(run(&service).await, "grants 0, deadlines added 0, moved 0, withdrawn 0, settled 0");
}

#[tokio::test]
async fn a_deadline_of_a_federal_portal_is_due_by_its_clock() {
    let service = service().await;
    let cast = service.cast().await;
    let text = RULES
        .replace("dueDays = 30", "dueDays = 30\ndueTime = \"17:00\"\nzone = \"America/New_York\"");
    let file = file::read(&text, service.app.clock.today()).unwrap();
    let mut tx = service.app.db.begin().await.unwrap();
    commands::import(&mut tx, &service.app.clock, &file).await.unwrap();
    tx.commit().await.unwrap();
    Catalog::forget(&service.app);
    let grant = scheduled(&service, &cast, "S-1").await;
    let query = "query ($id: ID!) { grant(id: $id) { deadlines(first: 2) { nodes { dueOn dueAt zone } } } }";
    let found = service.data(&cast.finance, query, json!({ "id": grant.id.to_string() })).await;
    assert_eq!(
        found["grant"]["deadlines"]["nodes"],
        json!([
            { "dueOn": "2027-02-01", "dueAt": "2027-02-01T22:00:00+00:00", "zone": "America/New_York" },
            { "dueOn": "2027-04-30", "dueAt": "2027-04-30T21:00:00+00:00", "zone": "America/New_York" },
        ]),
    );
}

#[tokio::test]
async fn a_fact_or_an_override_changes_what_is_due() {
    let service = service().await;
    let cast = service.cast().await;
    let mut new = service.draft_of(&cast, "PARK", "200000.00").await;
    new.program = service.program("PROP68-PERCAPITA").await;
    new.liquidate_by = None;
    let draft = grants::commands::create(&service.app, &cast.manager, new).await.unwrap();
    let awarded = grants::commands::award(&service.app, &cast.approver, draft.id, 1).await.unwrap();
    let grant = grants::commands::sign(
        &service.app,
        &cast.manager,
        draft.id,
        awarded.revision,
        date("2026-11-24"),
    )
    .await
    .unwrap();
    let nodes = listed(&service, &cast, &grant).await;
    assert_eq!(of(&nodes, "MATCH_CHECK")["title"], "Match of 40000.00 met");
    // Counted from 30 June 2027 by the rule.
    let last = of(&nodes, "LIQUIDATE_BY");
    assert_eq!(
        (&last["dueOn"], &last["rule"]["name"]),
        (&json!("2029-06-30"), &json!("liquidate-by"))
    );

    let city = Subject::City(cast.city.id);
    service.fact(&cast, city, FactKind::MedianIncomeShare, "5500", "2026-11-01").await;
    assert_eq!(run(&service).await, "grants 1, deadlines added 0, moved 0, withdrawn 1, settled 0");
    assert_eq!(of(&listed(&service, &cast, &grant).await, "MATCH_CHECK")["status"], "WITHDRAWN");
    service.tick();
    service.fact(&cast, city, FactKind::MedianIncomeShare, "6100", "2026-11-02").await;
    assert_eq!(run(&service).await, "grants 1, deadlines added 0, moved 1, withdrawn 0, settled 0");
    assert_eq!(of(&listed(&service, &cast, &grant).await, "MATCH_CHECK")["status"], "OPEN");

    let rule = last["rule"].clone();
    assert_eq!(rule["name"], "liquidate-by");
    let query = "query ($id: ID!) { grant(id: $id) { ruleSet { rules { id name } } } }";
    let found = service.data(&cast.manager, query, json!({ "id": grant.id.to_string() })).await;
    let rules = found["grant"]["ruleSet"]["rules"].as_array().unwrap();
    let id = &rules.iter().find(|rule| rule["name"] == "liquidate-by").unwrap()["id"];
    let input = json!({
        "grantId": grant.id.to_string(), "ruleId": id, "reason": "Reappropriated.", "documentUrl": "https://leg.test/act",
        "terms": { "liquidateBy": { "due": { "on": "2031-06-30" } } },
    });
    let proposed = service
        .mutate(
            &cast.manager,
            "proposeRuleOverride",
            "ProposeRuleOverrideInput",
            "ruleOverride { id }",
            input,
        )
        .await;
    let input = json!({ "overrideId": proposed["ruleOverride"]["id"] });
    service
        .mutate(
            &cast.approver,
            "approveRuleOverride",
            "DecideRuleOverrideInput",
            "ruleOverride { id }",
            input,
        )
        .await;
    let last = of(&listed(&service, &cast, &grant).await, "LIQUIDATE_BY").clone();
    assert_eq!(last["dueOn"], "2031-06-30");
    assert_eq!(last["history"][0]["reason"], "a rule was amended for the grant");
}

/// Awarded grants without deadlines, as if they had come before the rules: the owner enters them at once.
async fn many(service: &Service, cast: &Cast, count: i32) {
    let thrive::access::Actor::Person(manager) = &cast.manager else { unreachable!() };
    let thrive::access::Actor::Person(approver) = &cast.approver else { unreachable!() };
    let mut owner = PgConnection::connect_with(&service.owner_options).await.unwrap();
    let mut tx = owner.begin().await.unwrap();
    let made =
        "create temp table made as select gen_random_uuid() as id, n from generate_series(1, $1) n";
    sqlx::query(made).bind(count).execute(&mut *tx).await.unwrap();
    sqlx::query(
        "insert into grants (id, number, title, status, program_id, recipient_id, amount, performance_start,
                             performance_end, drafted_by, awarded_by, awarded_at, created_at, updated_at)
         select id, 'M-' || n, 'Many', 'AWARDED', $1, $2, 10, '2026-07-01', '2028-06-30', $3, $4, now(), now(), now()
           from made",
    )
    .bind(service.program("SCHEDULED").await.0)
    .bind(cast.recipient.id.0)
    .bind(manager.person.0)
    .bind(approver.person.0)
    .execute(&mut *tx)
    .await
    .unwrap();
    let shares =
        "insert into grant_cities (grant_id, city_id, share_bp) select id, $1, 10000 from made";
    sqlx::query(shares).bind(cast.city.id.0).execute(&mut *tx).await.unwrap();
    sqlx::query("insert into grant_action_areas select id, 'YOUTH_DEVELOPMENT', 10000 from made")
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_run_that_is_cut_short_goes_on_where_it_stopped() {
    let service = service().await;
    let cast = service.cast().await;
    import(&service).await;
    many(&service, &cast, 1_300).await;
    let scheduled = async || -> i64 {
        sqlx::query_scalar("select count(distinct grant_id) from deadlines")
            .fetch_one(&service.app.db)
            .await
            .unwrap()
    };

    // Somebody holds a grant of the second batch, so the run waits there; and then its process is gone.
    let ids: Vec<GrantId> = sqlx::query_scalar("select id from grants order by id")
        .fetch_all(&service.app.db)
        .await
        .unwrap();
    let mut holder = service.app.db.begin().await.unwrap();
    sqlx::query("select from grants where id = $1 for update")
        .bind(ids[700].0)
        .execute(&mut *holder)
        .await
        .unwrap();
    let first = {
        let app = service.app.clone();
        tokio::spawn(async move {
            jobs::run_by_hand(&app, "deadline_schedule", None, false).await.map(drop)
        })
    };
    while scheduled().await < 750 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    holder.rollback().await.unwrap();
    // The first batch and the half of the second that nobody held: each half as a whole or not at all.
    assert_eq!(scheduled().await, 750);

    // Its lease runs out, and the next run does what is left.
    service.travel(start() + TimeDelta::minutes(16));
    assert_eq!(
        run(&service).await,
        "grants 800 (went on where the last run was cut short), deadlines added 550, moved 0, withdrawn 0, settled 0"
    );
    assert_eq!(scheduled().await, 1_300);
    assert_eq!(
        run(&service).await,
        "grants 1300, deadlines added 0, moved 0, withdrawn 0, settled 0"
    );
    let dry = jobs::run_by_hand(&service.app, "deadline_schedule", None, true).await.unwrap();
    assert!(dry.to_string().contains("dry run, nothing is done"), "{dry}");
}

#[tokio::test]
async fn two_that_schedule_one_grant_at_once_enter_each_deadline_once() {
    let service = service().await;
    let cast = service.cast().await;
    import(&service).await;
    many(&service, &cast, 3).await;
    let at_once = (0..6).map(|_| async {
        let mut tx = service.app.db.begin().await.unwrap();
        let grants = deadlines::generated::live_grants(&mut *tx, None, 10).await.unwrap();
        deadlines::generated::lock(&mut tx, &grants).await.unwrap();
        let calendar = Calendars::default();
        let today: Date = service.app.clock.today();
        deadlines::schedule::regenerate(
            &mut tx,
            &service.app.clock,
            &grants,
            &calendar,
            today,
            "a test",
        )
        .await
        .unwrap();
        tx.commit().await.unwrap();
    });
    futures_util::future::join_all(at_once).await;
    let (all, distinct): (i64, i64) =
        sqlx::query_as("select count(*), count(distinct (grant_id, obligation)) from deadlines")
            .fetch_one(&service.app.db)
            .await
            .unwrap();
    assert_eq!((all, distinct), (3, 3));
}

#[tokio::test]
async fn what_a_person_settles_while_a_run_is_at_it_stays_settled() {
    let service = service().await;
    let cast = service.cast().await;
    import(&service).await;
    let grant = scheduled(&service, &cast, "S-1").await;
    let mut tx = service.app.db.begin().await.unwrap();
    let read = deadlines::generated::generated_of(&mut *tx, &[grant.id]).await.unwrap();
    let report =
        read[&grant.id].iter().position(|row| row.obligation == "reports/2026-10-01").unwrap();
    let mut read = read.into_values().next().unwrap();
    let row = read.swap_remove(report);
    let id = row.id;

    let waived = Settlement::Waived { reason: "Agreed by letter.".into() };
    deadlines::commands::settle(&service.app, &cast.manager, id, row.revision, waived)
        .await
        .unwrap();

    let late = deadlines::generated::Moved::withdrawn(row);
    let written = deadlines::generated::move_generated(&mut tx, &[late], service.app.clock.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert!(written.is_empty());
    let nodes = listed(&service, &cast, &grant).await;
    let node = nodes.iter().find(|node| node["id"] == id.to_string()).unwrap();
    assert_eq!((&node["status"], &node["history"]), (&json!("WAIVED"), &json!([])));
}

#[tokio::test]
async fn what_the_funder_has_to_do_is_not_for_the_recipient_to_settle() {
    let service = service().await;
    let cast = service.cast().await;
    import(&service).await;
    let grant = scheduled(&service, &cast, "S-1").await;
    let nodes = listed(&service, &cast, &grant).await;
    let settle = async |kind: &str| {
        let id: DeadlineId = of(&nodes, kind)["id"].as_str().unwrap().parse().unwrap();
        deadlines::commands::settle(&service.app, &cast.finance, id, 1, Settlement::Completed).await
    };
    let refused = refusal(settle("LIQUIDATE_BY").await);
    assert_eq!(refused.message, "this is the funder's to do: ask the grant manager");
    assert!(settle("FINAL_INVOICE").await.is_ok());
}

#[tokio::test]
async fn one_grant_that_fails_does_not_hold_up_the_others() {
    let service = service().await;
    let cast = service.cast().await;
    import(&service).await;
    many(&service, &cast, 12).await;
    sqlx::raw_sql(
        "create function refuse_one() returns trigger language plpgsql as $$
         begin
             if (select number from grants where id = new.grant_id) = 'M-7' then raise exception 'not this one'; end if;
             return new;
         end $$;
         create trigger refuse_one before insert on deadlines for each row execute function refuse_one();",
    )
    .execute(&service.as_owner().await)
    .await
    .unwrap();
    let told = run(&service).await;
    assert_eq!(
        told,
        "grants 12, deadlines added 11, moved 0, withdrawn 0, settled 0, grants failed 1; the log tells which"
    );
}

#[tokio::test]
async fn a_run_for_another_day_begins_at_the_beginning() {
    let service = service().await;
    let cast = service.cast().await;
    import(&service).await;
    many(&service, &cast, 3).await;
    run(&service).await;
    let cut_short = "update jobs set resume_after = (select max(id::text)::uuid from grants), resume_on = '2026-11-24'
                      where name = 'deadline_schedule'";
    sqlx::raw_sql(cut_short).execute(&service.app.db).await.unwrap();
    service.travel(start() + TimeDelta::days(1));
    assert_eq!(run(&service).await, "grants 3, deadlines added 0, moved 0, withdrawn 0, settled 0");
}

#[tokio::test]
async fn a_run_without_a_database_fails_and_skips_nobody() {
    let service = service().await;
    let cast = service.cast().await;
    import(&service).await;
    many(&service, &cast, 3).await;
    let lone = thrive::db::pool(&service.service_options, 2).await.unwrap();
    let mut app = service.app.clone();
    app.db = lone.clone();
    lone.close().await;
    assert!(jobs::run_by_hand(&app, "deadline_schedule", None, false).await.is_err());
    let outage = thrive::Error::from(sqlx::Error::PoolClosed);
    assert!(outage.is_outage() && !thrive::Error::BadInput("x".into()).is_outage());
    assert_eq!(run(&service).await, "grants 3, deadlines added 3, moved 0, withdrawn 0, settled 0");
}

#[tokio::test]
async fn holidays_that_an_operator_brought_in_outlast_an_upgrade() {
    let service = service().await;
    holidays_are(&service, &["2027-03-05"]).await;
    let owner = service.as_owner().await;
    thrive::rule_sets::bundled::load(&owner, &service.app.clock).await.unwrap();
    let query = "{ holidayCalendars { source holidays(from: \"2027-01-01\", to: \"2027-12-31\") { day } } }";
    let found = service.data(&thrive::access::Actor::Anyone, query, none()).await;
    assert_eq!(
        found["holidayCalendars"],
        json!([{ "source": "A test", "holidays": [{ "day": "2027-03-05" }] }])
    );
}
