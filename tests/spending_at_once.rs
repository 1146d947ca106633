//! Each way to spend, tried by many at the same moment: exactly what fits succeeds.

use std::{future::Future, sync::Arc};

use thrive::{
    App, Result,
    access::Actor,
    budgets::{
        AmendmentKind, Direction, NewAmendment, NewAmendmentLine, NewTransfer, PeriodChange,
        amendments, commands::transfer,
    },
    disbursements::{
        AdjustmentKind, Disbursement, DisbursementKind::*, LineAmount, NewAdjustment, adjustments,
        commands, retention,
    },
    error::UserErrorCode::{self, *},
    grants::Grant,
    id::BudgetLineId,
    money::Money,
    spending::{self, NewEncumbrance, NewExpenditure, commands::Liquidation},
};

use crate::support::{
    Cast, Service, assert_ledger_agrees, date, money,
    money::{figures, grant, lines, paid, program, request, rule},
    service,
};

/// Lets all of them begin at the same moment; answers how many succeeded, and why the others were refused.
async fn race<T: Send + 'static, F>(
    tries: impl IntoIterator<Item = F>,
) -> (usize, Vec<UserErrorCode>)
where
    F: Future<Output = Result<T>> + Send + 'static,
{
    let tries: Vec<_> = tries.into_iter().collect();
    let barrier = Arc::new(tokio::sync::Barrier::new(tries.len()));
    let tasks: Vec<_> = tries
        .into_iter()
        .map(|one| {
            let barrier = Arc::clone(&barrier);
            tokio::spawn(async move {
                barrier.wait().await;
                one.await
            })
        })
        .collect();
    let (mut done, mut refused) = (0, vec![]);
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => done += 1,
            Err(thrive::Error::Refused(why)) => refused.push(why.code),
            Err(other) => panic!("a fault: {other:?}"),
        }
    }
    (done, refused)
}

const MANY: usize = 16;

/// A grant of 1,000.00 in two lines, of a program that holds a fifth of each payment back.
async fn scene() -> (Service, Cast, Grant, Vec<BudgetLineId>) {
    let service = service().await;
    let cast = service.cast().await;
    let rules = rule("RETENTION", "bp = 2000\nrelease = \"MILESTONE\"");
    program(&service, "KEPT", "OTHER", &rules).await;
    let budget = [("PERSONNEL", "600.00"), ("SUPPLIES", "400.00")];
    let grant = grant(&service, &cast, "KEPT", "R-1", &budget).await;
    let ids = lines(&service, &grant).await;
    (service, cast, grant, ids)
}

fn adjustment(kind: AdjustmentKind, amount: &str) -> NewAdjustment {
    let (amount, reason) = (money(amount), "At once".into());
    NewAdjustment { kind, amount, lines: vec![], effective_on: None, reference: None, reason }
}

/// Paid for personnel.
async fn paid_for_personnel(
    service: &Service,
    cast: &Cast,
    grant: &Grant,
    line: BudgetLineId,
    amount: &str,
) -> Disbursement {
    let mut new = request(grant, Reimbursement, &format!("P-{amount}"), amount);
    new.lines = vec![LineAmount { line, amount: money(amount) }];
    paid(service, cast, new).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn retention_is_released_as_far_as_it_is_held() {
    let (service, cast, grant, ids) = scene().await;
    paid_for_personnel(&service, &cast, &grant, ids[0], "500.00").await;
    let release = |n: usize| {
        let (app, officer, grant) = (service.app.clone(), cast.officer.clone(), grant.id);
        async move {
            let (amount, key) = (Some(money("30.00")), format!("r{n}"));
            retention::release(&app, &officer, grant, amount, "Milestone", &key).await
        }
    };
    // Of 100.00 that is held.
    let (done, refused) = race((0..MANY).map(release)).await;
    assert_eq!((done, refused), (3, vec![InsufficientAvailable; MANY - 3]));
    let told = figures(&service, &cast, &grant, "retained approved disbursed").await;
    assert_eq!(
        told,
        serde_json::json!({ "retained": "10.00", "approved": "90.00", "disbursed": "400.00" })
    );
    assert_ledger_agrees(&service.app.db, grant.id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_payment_comes_back_as_far_as_it_was_made() {
    let (service, cast, grant, ids) = scene().await;
    let advance = paid(&service, &cast, request(&grant, Advance, "A", "200.00")).await;
    let costs = paid_for_personnel(&service, &cast, &grant, ids[0], "100.00").await;
    let record = |id, kind, amount: &'static str| {
        let (app, officer) = (service.app.clone(), cast.officer.clone());
        move |n: usize| {
            let (app, officer) = (app.clone(), officer.clone());
            async move {
                let key = format!("{kind} {n}");
                adjustments::record(&app, &officer, id, adjustment(kind, amount), &key).await
            }
        }
    };
    let (done, refused) =
        race((0..MANY).map(record(advance.id, AdjustmentKind::Refund, "70.00"))).await;
    assert_eq!((done, refused), (2, vec![InsufficientAvailable; MANY - 2]));
    let (done, refused) =
        race((0..MANY).map(record(costs.id, AdjustmentKind::Disallowance, "30.00"))).await;
    assert_eq!((done, refused), (3, vec![InsufficientAvailable; MANY - 3]));
    let told = "disbursed retained advanceOutstanding expended availableToDisburse";
    assert_eq!(
        figures(&service, &cast, &grant, told).await,
        // 60.00 of the advance, and of 10.00 of costs 8.00 with 2.00 still held.
        serde_json::json!({ "disbursed": "68.00", "retained": "2.00", "advanceOutstanding": "60.00",
                            "expended": "10.00", "availableToDisburse": "930.00" })
    );
    assert_ledger_agrees(&service.app.db, grant.id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_advance_is_accounted_for_as_far_as_it_was_paid() {
    let (service, cast, grant, ids) = scene().await;
    let advance = paid(&service, &cast, request(&grant, Advance, "A", "200.00")).await;
    let account = |n: usize| {
        let (app, finance, line) = (service.app.clone(), cast.finance.clone(), ids[0]);
        async move {
            let mut new = adjustment(AdjustmentKind::Accounting, "30.00");
            new.lines = vec![LineAmount { line, amount: money("30.00") }];
            adjustments::record(&app, &finance, advance.id, new, &format!("a{n}")).await
        }
    };
    let (done, refused) = race((0..MANY).map(account)).await;
    assert_eq!((done, refused), (6, vec![InsufficientAvailable; MANY - 6]));
    assert_eq!(
        figures(&service, &cast, &grant, "advanceOutstanding expended cashOnHand").await,
        serde_json::json!({ "advanceOutstanding": "20.00", "expended": "180.00", "cashOnHand": "20.00" })
    );
    assert_ledger_agrees(&service.app.db, grant.id).await;
}

async fn propose(
    app: &App,
    manager: &Actor,
    grant: &Grant,
    line: BudgetLineId,
) -> thrive::id::AmendmentId {
    let new = NewAmendment {
        grant: grant.id,
        kind: AmendmentKind::Amount,
        reason: "Less is needed".into(),
        document: None,
        effective_on: None,
        lines: vec![NewAmendmentLine {
            line: Some(line),
            category: None,
            title: None,
            direction: Direction::Decrease,
            amount: money("150.00"),
        }],
        period: PeriodChange::default(),
        title: None,
        scope: None,
    };
    amendments::propose(app, manager, new).await.unwrap().id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_award_is_lowered_as_far_as_nobody_asked_for_it_or_spent_it() {
    let (service, cast, grant, ids) = scene().await;
    let mut proposed = vec![];
    for _ in 0..MANY {
        proposed.push(propose(&service.app, &cast.manager, &grant, ids[0]).await);
    }
    let approve = |id| {
        let (app, approver) = (service.app.clone(), cast.approver.clone());
        async move { amendments::approve(&app, &approver, id).await }
    };
    // Of 600.00 in the line.
    let (done, refused) = race(proposed.into_iter().map(approve)).await;
    assert_eq!((done, refused), (4, vec![InsufficientAvailable; MANY - 4]));
    assert_eq!(
        figures(&service, &cast, &grant, "awarded availableToDisburse unobligated").await,
        serde_json::json!({ "awarded": "400.00", "availableToDisburse": "400.00", "unobligated": "400.00" })
    );
    assert_ledger_agrees(&service.app.db, grant.id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_budget_line_gives_what_it_has_left() {
    let (service, cast, grant, ids) = scene().await;
    let from_to = (ids[0], ids[1]);
    let give = |n: usize| {
        let (app, manager, grant) = (service.app.clone(), cast.manager.clone(), grant.id);
        async move {
            let (from, to) = from_to;
            let amount = money("250.00");
            let new = NewTransfer { grant, from, to, amount, reason: "At once".into() };
            transfer(&app, &manager, new, &format!("t{n}")).await
        }
    };
    let (done, refused) = race((0..MANY).map(give)).await;
    assert_eq!((done, refused), (2, vec![InsufficientAvailable; MANY - 2]));
    let lines = thrive::budgets::store::lines_of(&service.app.db, &[grant.id]).await.unwrap();
    let amounts: Vec<Money> = lines[&grant.id].iter().map(|line| line.amount).collect();
    assert_eq!(amounts, [money("100.00"), money("900.00")]);
    assert_ledger_agrees(&service.app.db, grant.id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_budget_line_bears_costs_and_orders_as_far_as_it_goes() {
    let (service, cast, grant, ids) = scene().await;
    let line = Some(ids[1]);
    let finance = || (service.app.clone(), cast.finance.clone(), grant.id);
    let order = |n: usize| {
        let (app, finance, grant) = finance();
        async move {
            let new = NewEncumbrance {
                grant,
                line,
                amount: money("130.00"),
                number: format!("PO-{n}"),
                vendor: "A vendor".into(),
                description: "Chairs".into(),
                encumbered_on: date("2026-10-15"),
                opening: false,
            };
            spending::commands::encumber(&app, &finance, new, &format!("o{n}")).await
        }
    };
    let (done, refused) = race((0..MANY).map(order)).await;
    assert_eq!((done, refused), (3, vec![InsufficientAvailable; MANY - 3]));
    let spend = |n: usize| {
        let (app, finance, grant) = finance();
        async move {
            let new = NewExpenditure {
                grant,
                line,
                amount: money("4.00"),
                incurred_on: date("2026-10-20"),
                effective_on: None,
                vendor: None,
                reference: None,
                description: "Paper".into(),
                opening: false,
            };
            spending::commands::expend(&app, &finance, new, &format!("e{n}")).await
        }
    };
    // 10.00 are left.
    let (done, refused) = race((0..MANY).map(spend)).await;
    assert_eq!((done, refused), (2, vec![InsufficientAvailable; MANY - 2]));

    let open: Vec<thrive::id::EncumbranceId> =
        sqlx::query_scalar("select id from encumbrances order by id")
            .fetch_all(&service.app.db)
            .await
            .unwrap();
    let liquidate = |n: usize| {
        let (app, finance, _) = finance();
        let id = open[0];
        async move {
            let amount = Some(money("50.00"));
            let cost = Liquidation { amount, incurred_on: date("2026-11-01"), reference: None };
            spending::commands::liquidate(&app, &finance, id, cost, &format!("l{n}")).await
        }
    };
    let (done, refused) = race((0..MANY).map(liquidate)).await;
    assert_eq!((done, refused), (2, vec![InsufficientAvailable; MANY - 2]));
    let cancel = |n: usize| {
        let (app, finance, _) = finance();
        let id = open[0];
        async move {
            let amount = Some(money("20.00"));
            spending::commands::cancel(&app, &finance, id, amount, "Less", &format!("c{n}")).await
        }
    };
    let (done, refused) = race((0..MANY).map(cancel)).await;
    assert_eq!((done, refused), (1, vec![InsufficientAvailable; MANY - 1]));
    assert_eq!(
        figures(&service, &cast, &grant, "encumbered expended unobligated").await,
        serde_json::json!({ "encumbered": "270.00", "expended": "108.00", "unobligated": "622.00" })
    );
    assert_ledger_agrees(&service.app.db, grant.id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn recorded_costs_are_claimed_and_taken_back_once() {
    let (service, cast, grant, ids) = scene().await;
    let new = NewExpenditure {
        grant: grant.id,
        line: Some(ids[1]),
        amount: money("100.00"),
        incurred_on: date("2026-10-20"),
        effective_on: None,
        vendor: None,
        reference: None,
        description: "Paper".into(),
        opening: false,
    };
    let cost = spending::commands::expend(&service.app, &cast.finance, new, "cost").await.unwrap();
    let back = |n: usize| {
        let (app, finance) = (service.app.clone(), cast.finance.clone());
        async move {
            spending::commands::reverse(&app, &finance, cost.id, "None", &format!("b{n}")).await
        }
    };
    let claim = |n: usize| {
        let (app, finance) = (service.app.clone(), cast.finance.clone());
        // Without lines it is covered by recorded costs, or not at all.
        let new = request(&grant, Reimbursement, &format!("C-{n}"), "100.00");
        async move { commands::request(&app, &finance, new, &format!("c{n}")).await }
    };
    let claims = race((0..MANY).map(claim));
    let backs = race((0..MANY).map(back));
    let ((claimed, _), (taken, _)) = tokio::join!(claims, backs);
    assert_eq!(claimed + taken, 1, "claimed {claimed}, taken back {taken}");
    assert_ledger_agrees(&service.app.db, grant.id).await;
}
