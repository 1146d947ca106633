//! When a disbursement may be scheduled and paid, and what lists of disbursements add up to.

use chrono::{DateTime, Utc};
use serde_json::json;
use thrive::{
    disbursements::{Payment, PaymentMethod, commands, payment},
    error::UserErrorCode::{self, *},
    grants,
};

use crate::support::{date, refusal, refused_by, request_of, service};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_payment_has_a_reference_and_a_day_between_approval_today_and_liquidate_by() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "P-1", "1000.00").await;
    let (app, officer) = (&service.app, &cast.officer);
    let found = service.request(&cast, &grant, "A-1", "10.00").await;
    commands::approve(app, &cast.approver, found.id, Default::default()).await.unwrap();
    let pay = async |on: &str, reference: &str| {
        let payment = Payment::new(date(on), PaymentMethod::Ach, reference);
        payment::pay(app, officer, found.id, payment, &format!("{on} {reference}")).await
    };
    let refused = async |on: &str, reference: &str| -> (UserErrorCode, String) {
        let refused = refusal(pay(on, reference).await);
        (refused.code, refused.field.unwrap()[1].clone())
    };
    assert_eq!(refused("2026-11-24", " ").await, (InvalidInput, "reference".into()));
    assert_eq!(refused("2026-11-25", "R").await, (InvalidDates, "paidOn".into()));
    assert_eq!(refused("2026-11-23", "R").await, (InvalidDates, "paidOn".into()));

    // The last day to pay is 31 December 2028; told on 2 January, a payment of that day is fine.
    service.travel(at("2029-01-02T20:00:00Z"));
    assert_eq!(refused("2029-01-01", "R").await, (OutsidePeriod, "paidOn".into()));
    let late = sqlx::query(
        "update disbursements set status = 'PAID', paid_by = (select id from people where name = 'Omar Officer'),
                paid_on = '2029-01-01', method = 'ACH', reference = 'R' where id = $1",
    )
    .bind(found.id.0)
    .execute(&app.db)
    .await;
    assert_eq!(refused_by(late), "disbursements_paid_in_time");
    let paid = pay("2028-12-31", "R").await.unwrap();
    assert_eq!(paid.paid_on, Some(date("2028-12-31")));
}

#[tokio::test]
async fn nothing_is_requested_after_the_last_day_for_invoices_or_to_pay() {
    let service = service().await;
    let cast = service.cast().await;
    let app = &service.app;
    let invoiced = service.active_grant(&cast, "P-1", "1000.00").await;
    let mut new = service.draft_of(&cast, "P-2", "1000.00").await;
    new.final_invoice_by = None;
    let draft = grants::commands::create(app, &cast.manager, new).await.unwrap();
    grants::commands::award(app, &cast.approver, draft.id, 1).await.unwrap();
    let today = app.clock.today();
    let open = grants::commands::sign(app, &cast.manager, draft.id, 2, today).await.unwrap();
    // Each day ends at midnight in California: in summer at 7, in winter at 8 in UTC.
    for (grant, last, too_late, why) in [
        (&invoiced, "2028-10-01T06:59:59Z", "2028-10-01T07:00:00Z", "2028-09-30"),
        (&open, "2029-01-01T07:59:59Z", "2029-01-01T08:00:00Z", "2028-12-31"),
    ] {
        service.travel(at(last));
        service.request(&cast, grant, why, "10.00").await;
        service.travel(at(too_late));
        let late =
            commands::request(app, &cast.finance, request_of(grant, "late", "10.00"), "late");
        let refused = refusal(late.await);
        assert_eq!(refused.code, OutsidePeriod);
        assert!(refused.message.contains(why), "{}", refused.message);
    }
}

#[tokio::test]
async fn a_payment_is_scheduled_for_a_day_that_is_neither_past_nor_too_late_and_can_be_taken_back()
{
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "P-1", "1000.00").await;
    let found = service.request(&cast, &grant, "A-1", "10.00").await;
    commands::approve(&service.app, &cast.approver, found.id, Default::default()).await.unwrap();
    let schedule = async |day: Option<&str>| {
        let input = json!({ "disbursementId": found.id.to_string(), "scheduledFor": day });
        let wanted = "disbursement { status scheduledFor }";
        service
            .mutate(
                &cast.officer,
                "scheduleDisbursement",
                "ScheduleDisbursementInput",
                wanted,
                input,
            )
            .await
    };
    let refused = |code: &str, message: &str| {
        json!({ "disbursement": null,
                "userErrors": [{ "code": code, "message": message, "field": ["input", "scheduledFor"] }] })
    };
    assert_eq!(
        schedule(Some("2026-11-23")).await,
        refused("INVALID_DATES", "2026-11-23 is past; today is 2026-11-24"),
    );
    assert_eq!(
        schedule(Some("2029-01-01")).await,
        refused(
            "OUTSIDE_PERIOD",
            "the grant has to be liquidated by 2028-12-31 (Government Code 16304.1); 2029-01-01 is too late",
        ),
    );
    let now = |status: &str, day: Option<&str>| json!({ "disbursement": { "status": status, "scheduledFor": day }, "userErrors": [] });
    assert_eq!(schedule(Some("2026-12-24")).await, now("SCHEDULED", Some("2026-12-24")));
    assert_eq!(schedule(None).await, now("APPROVED", None));
    assert_eq!(schedule(Some("2026-11-24")).await, now("SCHEDULED", Some("2026-11-24")));
}

#[tokio::test]
async fn totals_add_up_the_whole_list_by_state_and_not_the_page() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "P-1", "1000.00").await;
    let other = service.active_grant(&cast, "P-2", "1000.00").await;
    let (app, approver, officer) = (&service.app, &cast.approver, &cast.officer);
    for (line, amount) in ["1.01", "2.02", "4.04", "8.08", "16.16", "32.32"].into_iter().enumerate()
    {
        service.tick();
        let id = service.request(&cast, &grant, &format!("A-{line}"), amount).await.id;
        if line == 5 {
            commands::reject(app, approver, id, "no").await.unwrap();
        } else if line > 0 {
            commands::approve(app, approver, id, Default::default()).await.unwrap();
        }
        if line == 2 {
            commands::schedule(app, officer, id, Some(date("2026-12-01"))).await.unwrap();
        } else if line == 3 || line == 4 {
            let payment = Payment::new(date("2026-11-24"), PaymentMethod::Wire, "R");
            payment::pay(app, officer, id, payment, &format!("pay {line}")).await.unwrap();
        }
        if line == 4 {
            payment::reverse(app, officer, id, "wrong account", "reverse").await.unwrap();
        }
    }
    service.request(&cast, &other, "B-1", "500.00").await;

    let query = "query ($id: ID!) {
        disbursements(first: 2, filter: { grants: [$id] }) { nodes { amount } totalCount
            totals { count requested approved paid retained } }
        grant(id: $id) { disbursements(first: 2) { nodes { amount } totalCount
            totals { count requested approved paid retained } } }
    }";
    let answer = service.data(&cast.auditor, query, json!({ "id": grant.id.to_string() })).await;
    let listed = json!({
        "nodes": [{ "amount": "32.32" }, { "amount": "16.16" }],
        "totalCount": 6,
        "totals": { "count": 6, "requested": "1.01", "approved": "6.06", "paid": "8.08", "retained": "0.00" },
    });
    assert_eq!(answer, json!({ "disbursements": listed, "grant": { "disbursements": listed } }));
}
