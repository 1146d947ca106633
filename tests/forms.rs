//! The federal forms, line by line.

use chrono::TimeDelta;
use serde_json::{Value, json};
use thrive::{
    budgets::NewLine,
    disbursements::{self, Payment, PaymentMethod, payment},
    figures::forms::{
        AdvanceEstimate, IndirectCosts, IndirectRateType, ProgramIncome, Sf270Lines, Sf425Lines,
        Sf425Type, indirect_expense, sf270_lines, sf425_lines, sf425_type,
    },
    grants::{self, DateRange, Grant},
    ledger::GrantBalance,
    money::Money,
    rule_sets::kinds::CostCategory,
    spending::{self, NewEncumbrance, NewExpenditure},
};

use crate::{
    reports,
    statements::counted,
    support::{Cast, Service, date, money, none, request_of, service, start},
};

/// Authorized 100,000, expended 40,000, orders of 15,000, received 45,000; a match of 25,000, and 10,000 of it met.
fn vector() -> GrantBalance {
    GrantBalance {
        awarded: money("100000.00"),
        expended: money("40000.00"),
        encumbered: money("15000.00"),
        disbursed: money("45000.00"),
        match_required: money("25000.00"),
        match_met: money("10000.00"),
        ..GrantBalance::default()
    }
}

fn written<const N: usize>(lines: &[thrive::figures::forms::FormLine]) -> [(&str, String); N] {
    let lines: Vec<_> = lines.iter().map(|line| (line.line, line.amount.to_string())).collect();
    lines.try_into().unwrap()
}

#[test]
fn an_sf_425_has_the_lines_of_its_vector() {
    let lines = sf425_lines(&vector(), ProgramIncome::default());
    let expected = [
        ("10a", "45000.00"),
        ("10b", "40000.00"),
        ("10c", "5000.00"),
        ("10d", "100000.00"),
        ("10e", "40000.00"),
        ("10f", "15000.00"),
        ("10g", "55000.00"),
        ("10h", "45000.00"),
        ("10i", "25000.00"),
        ("10j", "10000.00"),
        ("10k", "15000.00"),
        ("10l", "0.00"),
        ("10m", "0.00"),
        ("10n", "0.00"),
        ("10o", "0.00"),
    ];
    assert_eq!(
        written::<15>(&lines.in_order()),
        expected.map(|(line, sum)| (line, sum.to_owned()))
    );
}

#[test]
fn cash_is_paid_out_of_what_was_received_and_the_recipients_share_is_never_below_zero() {
    let figures =
        GrantBalance { disbursed: money("30000.00"), match_met: money("26000.00"), ..vector() };
    let Sf425Lines { cash_disbursements, cash_on_hand, recipient_share_remaining, .. } =
        sf425_lines(&figures, ProgramIncome::default());
    assert_eq!(cash_disbursements, money("30000.00"));
    assert_eq!(cash_on_hand, Money::ZERO);
    assert_eq!(recipient_share_remaining, Money::ZERO);
}

#[test]
fn program_income_that_is_not_used_is_left() {
    let income = ProgramIncome {
        earned: money("900.00"),
        deducted: money("200.00"),
        added: money("300.50"),
    };
    let lines = sf425_lines(&vector(), income);
    assert_eq!(lines.income_earned, money("900.00"));
    assert_eq!(lines.income_deducted, money("200.00"));
    assert_eq!(lines.income_added, money("300.50"));
    assert_eq!(lines.income_unexpended, money("399.50"));
    let lines = sf270_lines(&vector(), money("900.00"), None);
    assert_eq!(lines.program_income, money("900.00"));
    assert_eq!(lines.net_outlays, money("49100.00"));
}

#[test]
fn an_sf_270_asks_for_what_was_laid_out_and_not_asked_for_before() {
    // 40,000 of the grant and 10,000 of match; 20,000 paid, 2,000 withheld, 3,000 approved, 5,000 waiting.
    let figures = GrantBalance {
        disbursed: money("20000.00"),
        retained: money("2000.00"),
        approved: money("3000.00"),
        requested: money("5000.00"),
        ..vector()
    };
    let lines = sf270_lines(&figures, Money::ZERO, None);
    let expected = [
        ("11a", "50000.00"),
        ("11b", "0.00"),
        ("11c", "50000.00"),
        ("11d", "0.00"),
        ("11e", "50000.00"),
        ("11f", "10000.00"),
        ("11g", "40000.00"),
        ("11h", "30000.00"),
        ("11i", "10000.00"),
    ];
    assert_eq!(written::<9>(&lines.in_order()), expected.map(|(line, sum)| (line, sum.to_owned())));

    let estimate = AdvanceEstimate { outlays: money("8000.00"), cash_on_hand: money("1500.00") };
    let lines = sf270_lines(&figures, Money::ZERO, Some(estimate));
    let lines = lines.in_order();
    let last = written::<12>(&lines);
    let expected =
        [("11i", "18000.00"), ("12a", "8000.00"), ("12b", "1500.00"), ("12c", "6500.00")];
    assert_eq!(last[8..], expected.map(|(line, sum)| (line, sum.to_owned())));

    // With more on hand than is needed nothing is asked for.
    let rich = AdvanceEstimate { outlays: money("1.00"), cash_on_hand: money("2.00") };
    let figures = GrantBalance { disbursed: money("99000.00"), ..figures };
    let Sf270Lines { now_requested, advance, .. } = sf270_lines(&figures, Money::ZERO, Some(rich));
    assert_eq!((now_requested, advance.unwrap().requested), (Money::ZERO, Money::ZERO));
}

#[test]
fn a_report_is_of_its_months() {
    for (from, to, last, expected) in [
        ("2026-07-01", "2026-09-30", false, Some(Sf425Type::Quarterly)),
        ("2026-07-01", "2026-12-31", false, Some(Sf425Type::SemiAnnual)),
        ("2026-07-01", "2027-06-30", false, Some(Sf425Type::Annual)),
        ("2026-07-01", "2026-07-31", false, None),
        ("2026-07-02", "2026-10-01", false, None),
        ("2026-07-01", "2026-07-31", true, Some(Sf425Type::Final)),
    ] {
        let period = DateRange { start: date(from), end: date(to) };
        assert_eq!(sf425_type(period, last), expected, "{from} to {to}");
    }
}

#[test]
fn indirect_costs_are_those_of_their_category_over_the_direct_ones() {
    let costs = [
        (CostCategory::Personnel, money("80000.00")),
        (CostCategory::Supplies, money("10909.09")),
        (CostCategory::Indirect, money("9090.91")),
    ];
    let costs = IndirectCosts::of(&costs, None);
    let period = DateRange { start: date("2026-07-01"), end: date("2026-09-30") };
    let told = indirect_expense(&costs, period);
    assert_eq!(told.base, money("90909.09"));
    assert_eq!(told.charged, money("9090.91"));
    assert_eq!(told.rate_type, IndirectRateType::NotStated);
    assert_eq!(told.rate, money("10.00").percent_of(money("100.00")));
    let none = indirect_expense(&IndirectCosts::of(&[], None), period);
    assert_eq!((none.rate, none.base), (None, Money::ZERO));
}

/// With a line of direct costs and one of indirect ones; spent in October, paid in part, ordered something.
pub async fn spent_grant(service: &Service, cast: &Cast) -> Grant {
    let mut new = service.draft_of(cast, "=F-1", "1000.00").await;
    let line = |category, amount| NewLine { category, title: None, amount: money(amount) };
    new.budget =
        vec![line(CostCategory::Personnel, "900.00"), line(CostCategory::Indirect, "100.00")];
    let app = &service.app;
    let draft = grants::commands::create(app, &cast.manager, new).await.unwrap();
    let awarded = grants::commands::award(app, &cast.approver, draft.id, draft.revision);
    let awarded = awarded.await.unwrap();
    let today = app.clock.today();
    let signed = grants::commands::sign(app, &cast.manager, draft.id, awarded.revision, today);
    let grant = signed.await.unwrap();
    service.resolution(cast, &grant).await;
    let mut db = app.db.acquire().await.unwrap();
    let lines = thrive::budgets::store::lines_of(&mut *db, &[grant.id]).await.unwrap();
    let lines = &lines[&grant.id];
    for (line, amount) in [(0, "400.00"), (1, "40.00")] {
        let new = NewExpenditure {
            grant: grant.id,
            line: Some(lines[line].id),
            amount: money(amount),
            incurred_on: today,
            effective_on: None,
            vendor: Some("+1 Supplies".into()),
            reference: Some("-17".into()),
            description: "@home, \"quoted\"\r\nand on a second line".into(),
            opening: false,
        };
        // One after the other, so that they are listed so.
        service.tick();
        spending::commands::expend(app, &cast.finance, new, amount).await.unwrap();
    }
    let order = NewEncumbrance {
        grant: grant.id,
        line: Some(lines[0].id),
        amount: money("150.00"),
        number: "PO-1".into(),
        vendor: "A builder".into(),
        description: "A roof".into(),
        encumbered_on: today,
        opening: false,
    };
    spending::commands::encumber(app, &cast.finance, order, "order").await.unwrap();
    let mut request = request_of(&grant, "=HYPERLINK(1)", "300.00");
    request.lines = vec![disbursements::LineAmount { line: lines[0].id, amount: money("300.00") }];
    let request =
        disbursements::commands::request(app, &cast.finance, request, "ask").await.unwrap();
    disbursements::commands::approve(app, &cast.approver, request.id, Default::default())
        .await
        .unwrap();
    let payment = Payment::new(today, PaymentMethod::Warrant, "W-1");
    payment::pay(app, &cast.officer, request.id, payment, "pay").await.unwrap();
    grant
}

#[tokio::test]
async fn forms_of_a_grant_are_cumulative_to_the_end_of_their_period() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = spent_grant(&service, &cast).await;
    service.travel(start() + TimeDelta::days(60));
    let query = "query ($id: ID!, $period: DateRangeInput!, $final: Boolean, $estimate: Money) { grant(id: $id) {
        sf425(period: $period, final: $final) { agency reportType basis grant { number } period { end }
          lines { cashReceipts cashDisbursements cashOnHand authorized expenditures unliquidatedObligations totalShare
                  unobligatedBalance listed { line amount } }
          indirect { rateType rate limitBp base charged period { start end } } }
        sf270(period: $period, estimatedOutlays: $estimate) {
          lines { totalOutlays federalShare previouslyRequested nowRequested
                  advance { estimatedOutlays cashOnHand requested } } } } }";
    let ask = |from: &str, to: &str, more: Value| {
        let mut variables =
            json!({ "id": grant.id.to_string(), "period": { "start": from, "end": to } });
        for (name, value) in more.as_object().unwrap() {
            variables[name] = value.clone();
        }
        service.data(&cast.finance, query, variables)
    };
    let found = ask("2026-10-01", "2026-12-31", none()).await;
    let report = &found["grant"]["sf425"];
    assert_eq!(report["reportType"], "QUARTERLY");
    assert_eq!(report["basis"], "ACCRUAL");
    assert_eq!(report["grant"]["number"], "=F-1");
    assert!(!report["agency"].as_str().unwrap().is_empty());
    let lines = &report["lines"];
    let figures = [
        ("cashReceipts", "300.00"),
        ("cashDisbursements", "300.00"),
        ("cashOnHand", "0.00"),
        ("authorized", "1000.00"),
        ("expenditures", "440.00"),
        ("unliquidatedObligations", "150.00"),
        ("totalShare", "590.00"),
        ("unobligatedBalance", "410.00"),
    ];
    for (figure, amount) in figures {
        assert_eq!(lines[figure], amount, "{figure}");
    }
    assert_eq!(lines["listed"][4], json!({ "line": "10e", "amount": "440.00" }));
    assert_eq!(
        report["indirect"],
        json!({ "rateType": "NOT_STATED", "rate": "10.00", "limitBp": null, "base": "400.00", "charged": "40.00",
                "period": { "start": "2026-07-01", "end": "2026-12-31" } })
    );
    let asked = &found["grant"]["sf270"]["lines"];
    assert_eq!(
        asked,
        &json!({ "totalOutlays": "440.00", "federalShare": "440.00", "previouslyRequested": "300.00",
                 "nowRequested": "140.00", "advance": null })
    );

    // Before anything was posted.
    let found = ask("2026-07-01", "2026-09-30", json!({ "final": true })).await;
    assert_eq!(found["grant"]["sf425"]["reportType"], "FINAL");
    assert_eq!(found["grant"]["sf425"]["lines"]["authorized"], "0.00");

    let found = ask("2027-01-01", "2027-03-31", json!({ "estimate": "500.00" })).await;
    assert_eq!(
        found["grant"]["sf270"]["lines"]["advance"],
        json!({ "estimatedOutlays": "500.00", "cashOnHand": "0.00", "requested": "500.00" })
    );
    let backwards = json!({ "id": grant.id.to_string(), "period": { "start": "2026-12-31", "end": "2026-12-01" } });
    let refused = service.ask(&cast.finance, query, backwards).await;
    assert_eq!(refused["errors"][0]["message"], "the period ends before it begins");
}

#[tokio::test]
async fn forms_of_many_grants_take_as_many_statements_as_of_one() {
    let service = service().await;
    let cast = service.cast().await;
    for number in 0..20 {
        service.draft(&cast, &format!("G-{number}"), "10.00").await;
    }
    let query = |size: i32| {
        let period = "period: { start: \"2026-10-01\", end: \"2026-12-31\" }";
        format!(
            "{{ grants(first: {size}) {{ nodes {{ sf425({period}) {{ agency lines {{ authorized }} indirect {{ charged }} }}
               sf270({period}, estimatedOutlays: \"1.00\") {{ lines {{ nowRequested }} }} }} }} }}"
        )
    };
    let (_, few) = counted(&service, &cast, &query(2)).await;
    let (found, many) = counted(&service, &cast, &query(20)).await;
    assert_eq!(found["grants"]["nodes"].as_array().unwrap().len(), 20);
    assert_eq!(few, many);
}

#[tokio::test]
async fn program_income_is_what_accepted_reports_on_periods_to_that_day_tell() {
    let (service, cast, grant) = reports::scene().await;
    reports::on(&service, "2027-01-05");
    let report = reports::first(&service, &cast, &grant).await;
    let query = |end: &str| {
        let period = format!("period: {{ start: \"2026-10-01\", end: \"{end}\" }}");
        format!(
            "{{ grant(id: \"{}\") {{ sf425({period}) {{ lines {{ incomeEarned incomeUnexpended }} }}
               sf270({period}) {{ lines {{ programIncome }} }} }} }}",
            grant.id
        )
    };
    let told = |earned: &str| {
        json!({ "grant": { "sf425": { "lines": { "incomeEarned": earned, "incomeUnexpended": earned } },
                           "sf270": { "lines": { "programIncome": earned } } } })
    };
    let report = reports::submitted(&service, &cast, &report).await;
    let found = service.data(&cast.auditor, &query("2026-12-31"), none()).await;
    assert_eq!(found, told("0.00"));
    let accepted =
        thrive::reports::commands::accept(&service.app, &cast.manager, report.id, report.revision);
    accepted.await.unwrap();
    for (end, earned) in [("2026-12-31", "12.50"), ("2026-12-30", "0.00")] {
        let found = service.data(&cast.auditor, &query(end), none()).await;
        assert_eq!(found, told(earned), "{end}");
    }
}
