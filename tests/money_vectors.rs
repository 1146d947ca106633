//! The vectors of grant accounting, with their values written out: what rules make of money, seen through the API.

use serde_json::{Value, json};
use thrive::{
    access::{Role, commands::NewRole},
    budgets::{self, NewTransfer},
    disbursements::{
        AdjustmentKind, DisbursementKind::*, NewAdjustment, Payment, PaymentMethod, adjustments,
        commands, payment, retention,
    },
    error::UserErrorCode::{InsufficientAvailable, RuleViolated},
    facts::{FactKind, Subject},
    fiscal_year::FiscalYear,
    grants,
    money::Announced,
    spending::{self, NewExpenditure},
};

use crate::support::{
    assert_ledger_agrees, date, money,
    money::{figures, grant, lines, paid, program, request, rule},
    refusal, service,
};

#[tokio::test]
async fn of_three_requests_of_10000_a_fifth_each_is_held_and_released_once_at_closeout() {
    let service = service().await;
    let cast = service.cast().await;
    let rules = rule("RETENTION", "bp = 2000\nrelease = \"CLOSEOUT\"");
    program(&service, "KEPT", "PROP_68", &rules).await;
    let grant = grant(&service, &cast, "KEPT", "V-1", &[("SUPPLIES", "30000.00")]).await;
    for invoice in ["1", "2", "3"] {
        let one = paid(&service, &cast, request(&grant, Reimbursement, invoice, "10000.00")).await;
        assert_eq!((one.net(), one.retained), (money("8000.00"), money("2000.00")));
    }
    let held = "disbursed retained approved availableToDisburse expended reimbursementDue";
    assert_eq!(
        figures(&service, &cast, &grant, held).await,
        json!({ "disbursed": "24000.00", "retained": "6000.00", "approved": "0.00", "availableToDisburse": "0.00",
                "expended": "30000.00", "reimbursementDue": "6000.00" })
    );

    let app = &service.app;
    let release = async |key: &str, amount: Option<&str>| {
        let amount = amount.map(money);
        retention::release(app, &cast.officer, grant.id, amount, "Closeout", key).await
    };
    let early = refusal(release("early", None).await);
    assert_eq!(early.code, RuleViolated);
    assert!(early.message.contains("closeout"), "{}", early.message);
    service.travel("2028-07-03T18:00:00Z".parse().unwrap());
    let more = refusal(release("more", Some("6000.01")).await);
    assert_eq!(
        (more.code, more.message.contains("6000.00 is retained")),
        (InsufficientAvailable, true)
    );
    let all = release("once", None).await.unwrap();
    assert_eq!(all.amount, money("6000.00"));
    assert_eq!(refusal(release("twice", None).await).field.unwrap()[1], "amount");

    // Whoever released it does not pay it.
    let payment = Payment::new(date("2028-07-03"), PaymentMethod::Warrant, "W-4");
    let own = payment::pay(app, &cast.officer, all.id, payment.clone(), "own").await;
    assert_eq!(refusal(own).code, thrive::error::UserErrorCode::SeparationOfDuties);
    let other = service.actor("Olga Officer", NewRole::everywhere(Role::FiscalOfficer)).await;
    payment::pay(app, &other, all.id, payment, "paid").await.unwrap();
    assert_eq!(
        figures(&service, &cast, &grant, "disbursed retained cashOnHand reimbursementDue").await,
        json!({ "disbursed": "30000.00", "retained": "0.00", "cashOnHand": "0.00", "reimbursementDue": "0.00" })
    );
    assert_ledger_agrees(&app.db, grant.id).await;
}

#[tokio::test]
async fn a_quarter_of_400000_may_be_advanced_to_a_disadvantaged_community_and_nothing_to_others() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = grant(&service, &cast, "PROP68-SPP", "V-2", &[("OTHER", "400000.00")]).await;
    let ask = async |invoice: &str, amount: &str| {
        let new = request(&grant, Advance, invoice, amount);
        commands::request(&service.app, &cast.finance, new, invoice).await
    };
    assert_eq!(refusal(ask("1", "1.00").await).code, RuleViolated);
    let recipient = Subject::Organization(cast.recipient.id);
    service.fact(&cast, recipient, FactKind::DisadvantagedCommunity, "NO", "2026-01-01").await;
    assert_eq!(refusal(ask("2", "1.00").await).code, RuleViolated);
    service.fact(&cast, recipient, FactKind::DisadvantagedCommunity, "YES", "2026-02-01").await;
    assert_eq!(refusal(ask("3", "100000.01").await).code, RuleViolated);
    ask("4", "100000.00").await.unwrap();
    assert_eq!(refusal(ask("5", "0.01").await).code, RuleViolated);
}

#[tokio::test]
async fn transfers_above_a_tenth_of_500000_need_approval_and_below_the_threshold_none() {
    let service = service().await;
    let cast = service.cast().await;
    let terms = "bp = 1000\nscope = \"CUMULATIVE_OF_TOTAL\"\naboveAward = \"250000.00\"";
    program(&service, "MOVED", "OTHER", &rule("LINE_TRANSFER", terms)).await;
    let mut told = vec![];
    for (number, each) in [("V-3", "250000.00"), ("V-4", "100000.00")] {
        let budget = [("PERSONNEL", each), ("SUPPLIES", each)];
        let grant = grant(&service, &cast, "MOVED", number, &budget).await;
        let ids = lines(&service, &grant).await;
        for amount in ["20000.00", "20000.00", "15000.00"] {
            let new = NewTransfer {
                grant: grant.id,
                from: ids[0],
                to: ids[1],
                amount: money(amount),
                reason: "More supplies".into(),
            };
            let key = format!("{number} {}", told.len());
            let outcome = budgets::commands::transfer(&service.app, &cast.finance, new, &key).await;
            told.push(match outcome {
                Ok(_) => "moved".to_string(),
                Err(thrive::Error::Refused(why)) => why.message,
                Err(other) => panic!("{other}"),
            });
        }
    }
    assert_eq!(
        told,
        [
            "moved",
            "moved",
            "transfers of 55000.00 are above 50000.00: this one needs approval (Section 1)",
            "moved",
            "moved",
            "moved",
        ]
    );
}

#[tokio::test]
async fn indirect_costs_are_a_tenth_of_direct_costs_rounded_half_up() {
    let service = service().await;
    let cast = service.cast().await;
    let terms = "category = \"INDIRECT\"\nbp = 1000\nbase = \"DIRECT\"";
    program(&service, "CAPPED", "OTHER", &rule("COST_CAP", terms)).await;
    let budget = [("PERSONNEL", "100000.00"), ("INDIRECT", "20000.00")];
    let grant = grant(&service, &cast, "CAPPED", "V-5", &budget).await;
    let ids = lines(&service, &grant).await;
    let spend = async |line: usize, amount: &str, key: &str| {
        let new = NewExpenditure {
            grant: grant.id,
            line: Some(ids[line]),
            amount: money(amount),
            incurred_on: date("2026-10-15"),
            effective_on: None,
            vendor: None,
            reference: None,
            description: "Payroll".into(),
            opening: false,
        };
        spending::commands::expend(&service.app, &cast.finance, new, key).await
    };
    spend(0, "90909.09", "direct").await.unwrap();
    let above = refusal(spend(1, "9090.92", "above").await);
    assert_eq!(
        (above.code, above.message.as_str()),
        (RuleViolated, "INDIRECT takes at most 9090.91; with this it takes 9090.92 (Section 1)")
    );
    spend(1, "9090.91", "within").await.unwrap();
    assert_eq!(
        figures(&service, &cast, &grant, "expended unobligated").await,
        json!({ "expended": "100000.00", "unobligated": "20000.00" })
    );
}

#[tokio::test]
async fn a_match_is_a_part_of_the_grant_or_of_the_whole_cost_or_waived() {
    let service = service().await;
    let cast = service.cast().await;
    let waiver = "waivedWhen = { fact = \"MEDIAN_INCOME_SHARE\", below = 6000 }";
    let base = |base: &str, more: &str| {
        rule(
            "MATCH",
            &format!("bp = 2000\nbase = \"{base}\"\nsources = [\"CASH\", \"IN_KIND\"]\n{more}"),
        )
    };
    program(&service, "OF-GRANT", "PROP_68", &base("GRANT", waiver)).await;
    program(&service, "OF-COST", "PROP_68", &base("TOTAL_COST", "")).await;
    let required = async |program: &str, number: &str| -> Value {
        let grant = grant(&service, &cast, program, number, &[("OTHER", "200000.00")]).await;
        figures(&service, &cast, &grant, "matchRequired matchMet matchGap").await
    };
    let told = |required: &str| json!({ "matchRequired": required, "matchMet": "0.00", "matchGap": required });
    assert_eq!(required("OF-GRANT", "V-6").await, told("40000.00"));
    assert_eq!(required("OF-COST", "V-7").await, told("50000.00"));
    let recipient = Subject::Organization(cast.recipient.id);
    let kind = FactKind::MedianIncomeShare;
    service.fact(&cast, recipient, kind, "5999", "2026-01-01").await;
    assert_eq!(required("OF-GRANT", "V-8").await, told("0.00"));
}

#[tokio::test]
async fn of_two_requests_at_once_of_30000_with_40000_left_one_is_told_that_10000_is_available() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "V-9", "100000.00").await;
    paid(&service, &cast, request(&grant, Reimbursement, "0", "60000.00")).await;
    let ask = |invoice: &str| {
        let (app, finance) = (service.app.clone(), cast.finance.clone());
        let new = request(&grant, Reimbursement, invoice, "30000.00");
        let key = invoice.to_string();
        tokio::spawn(async move { commands::request(&app, &finance, new, &key).await })
    };
    let (one, other) = (ask("1"), ask("2"));
    let outcomes = [one.await.unwrap(), other.await.unwrap()];
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let second = refusal(outcomes.into_iter().find(Result::is_err).unwrap());
    assert_eq!(second.code, InsufficientAvailable);
    assert_eq!(second.message, "30000.00 was asked for and 10000.00 is available");
}

#[tokio::test]
async fn closeout_is_due_120_days_after_performance_and_90_for_a_subrecipient() {
    let service = service().await;
    let cast = service.cast().await;
    let parent = service.active_grant(&cast, "V-10", "1000.00").await;
    let mut due = vec![];
    for (number, parent) in [("V-11", None), ("V-12", Some(parent.id))] {
        let mut new = service.draft_of(&cast, number, "500.00").await;
        new.performance.start = date("2025-07-01");
        new.performance.end = date("2026-06-30");
        new.program = service.program("PROP64-PHS").await;
        new.parent = parent;
        let draft = grants::commands::create(&service.app, &cast.manager, new).await.unwrap();
        let query = "query ($id: ID!) { grant(id: $id) { closeout { dueOn } } }";
        let answer =
            service.data(&cast.auditor, query, json!({ "id": draft.id.to_string() })).await;
        due.push(answer["grant"]["closeout"]["dueOn"].clone());
    }
    assert_eq!(due, [json!("2026-10-28"), json!("2026-09-28")]);
}

#[test]
fn amounts_in_words_and_fiscal_years_are_read_as_they_are_meant() {
    assert_eq!(
        Announced::read("Between $500 and $10,000"),
        Announced::Between(money("500"), money("10000"))
    );
    let label = |day: &str| FiscalYear::of(date(day)).to_string();
    assert_eq!([label("2026-06-30"), label("2026-07-01")], ["2025-26", "2026-27"]);
}

#[tokio::test]
async fn of_a_payment_no_more_comes_back_than_reached_the_recipient() {
    let service = service().await;
    let cast = service.cast().await;
    program(&service, "KEPT", "OTHER", &rule("RETENTION", "bp = 1000\nrelease = \"MILESTONE\""))
        .await;
    let grant = grant(&service, &cast, "KEPT", "V-20", &[("SUPPLIES", "300.00")]).await;
    let first = paid(&service, &cast, request(&grant, Reimbursement, "1", "100.00")).await;
    let second = paid(&service, &cast, request(&grant, Reimbursement, "2", "200.00")).await;
    let record = async |id, kind, amount: &str| {
        let (app, officer) = (&service.app, &cast.officer);
        let (reason, key) = ("A credit".into(), format!("{id} {amount}"));
        let (lines, amount) = (vec![], money(amount));
        let (effective_on, reference) = (None, None);
        let new = NewAdjustment { kind, amount, lines, effective_on, reference, reason };
        adjustments::record(app, officer, id, new, &key).await
    };
    // 90.00 were paid of the first, and 10.00 are withheld.
    let refused = refusal(record(first.id, AdjustmentKind::Refund, "90.01").await);
    assert_eq!(refused.message, "90.01 is more than the 90.00 that is left of what was paid");
    record(first.id, AdjustmentKind::Refund, "90.00").await.unwrap();
    record(second.id, AdjustmentKind::Refund, "180.00").await.unwrap();
    // What is disallowed then is what was withheld.
    record(first.id, AdjustmentKind::Disallowance, "10.00").await.unwrap();
    assert_eq!(
        figures(&service, &cast, &grant, "disbursed retained expended availableToDisburse").await,
        json!({ "disbursed": "0.00", "retained": "20.00", "expended": "20.00", "availableToDisburse": "280.00" })
    );
    assert_ledger_agrees(&service.app.db, grant.id).await;
}
