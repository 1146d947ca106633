//! Months of the ledger that close in order, take nothing more, and are opened again by somebody else.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgPool;
use thrive::{
    access::{Actor, Role, commands::NewRole},
    grants::Grant,
};

use crate::support::{Cast, Service, codes, none, refused_by, service};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

const PERIOD: &str = "period { month closed closedAt closedBy { name } }";

async fn close(service: &Service, actor: &Actor, month: &str) -> Value {
    service
        .mutate(actor, "closePeriod", "ClosePeriodInput", PERIOD, json!({ "month": month }))
        .await
}

async fn reopen(service: &Service, actor: &Actor, month: &str, reason: &str) -> Value {
    let input = json!({ "month": month, "reason": reason });
    service.mutate(actor, "reopenPeriod", "ReopenPeriodInput", PERIOD, input).await
}

/// The code and the message of a refusal.
fn why(payload: &Value) -> (&str, &str) {
    let error = &payload["userErrors"][0];
    (error["code"].as_str().unwrap_or("none"), error["message"].as_str().unwrap_or("none"))
}

/// A grant of October, with a cost in each of October and November, seen from 2 January.
async fn scene() -> (Arc<Service>, Cast, Grant) {
    let service = service().await;
    service.travel(at("2026-10-10T18:00:00Z"));
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "P-1", "1000.00").await;
    service.travel(at("2027-01-02T18:00:00Z"));
    for day in ["2026-10-20", "2026-11-20"] {
        assert_eq!(codes(&spend(&service, &cast, &grant, day, day).await), [""; 0]);
    }
    (Arc::new(service), cast, grant)
}

async fn spend(service: &Service, cast: &Cast, grant: &Grant, day: &str, key: &str) -> Value {
    let input = json!({ "idempotencyKey": key, "grantId": grant.id.to_string(), "amount": "1.00", "incurredOn": day,
        "description": "Paint" });
    let wanted = "expenditure { effectiveOn }";
    service
        .mutate(&cast.finance, "recordExpenditure", "RecordExpenditureInput", wanted, input)
        .await
}

#[tokio::test]
async fn months_close_in_order_once_they_are_over_and_take_no_more_entries() {
    let (service, cast, grant) = scene().await;
    for actor in [&cast.admin, &cast.approver, &cast.manager, &cast.finance, &cast.auditor] {
        assert_eq!(why(&close(&service, actor, "2026-10-01").await).0, "FORBIDDEN");
    }
    let november = close(&service, &cast.officer, "2026-11-15").await;
    assert_eq!(
        why(&november),
        (
            "INVALID_STATE",
            "months close in order: 2026-10 has entries and is open, so close it first"
        )
    );
    let january = close(&service, &cast.officer, "2027-01-01").await;
    assert_eq!(
        why(&january),
        ("INVALID_DATES", "2027-01 is not over: it can be closed from 2027-02-01 on")
    );

    let october = close(&service, &cast.officer, "2026-10-31").await;
    assert_eq!(
        october["period"],
        json!({ "month": "2026-10-01", "closed": true, "closedAt": "2027-01-02T18:00:00+00:00",
            "closedBy": { "name": "Omar Officer" } })
    );
    let again = close(&service, &cast.officer, "2026-10-01").await;
    assert_eq!(
        why(&again),
        ("INVALID_STATE", "2026-10 is closed already: all is, through 2026-10")
    );

    // By the API, and by hand.
    let late = spend(&service, &cast, &grant, "2026-10-21", "late").await;
    assert_eq!(
        why(&late),
        ("PERIOD_CLOSED", "that month is closed: give a later date, or have it opened again")
    );
    for (day, taken) in
        [("2026-10-31", false), ("2026-10-01", false), ("2026-09-30", false), ("2026-11-01", true)]
    {
        for db in [&service.app.db, &service.as_owner().await] {
            let posted = post(db, &grant, day).await;
            if taken {
                posted.unwrap();
            } else {
                assert_eq!(refused_by(posted), "ledger_transfers_open_month", "{day}");
            }
        }
    }
    // What arose then is counted later.
    assert_eq!(codes(&spend(&service, &cast, &grant, "2026-11-21", "open").await), [""; 0]);
}

/// Sets one cent of a grant aside for a request, by hand, on a day, and takes it back on that day.
async fn post(db: &PgPool, grant: &Grant, day: &str) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    sqlx::query("insert into ledger_accounts (id, grant_id, kind, item_id) values (gen_random_uuid(), $1, 'ENCUMBERED', $1)
                 on conflict do nothing")
        .bind(grant.id.0)
        .execute(&mut *tx)
        .await?;
    for (kind, from, to) in [
        ("ENCUMBER", "UNOBLIGATED", "ENCUMBERED"),
        ("CANCEL_ENCUMBRANCE", "ENCUMBERED", "UNOBLIGATED"),
    ] {
        sqlx::query(
            "insert into ledger_transfers (id, from_account, to_account, amount, kind, cause_id, effective_on, recorded_at)
             select gen_random_uuid(), s.id, t.id, 0.01, $2, gen_random_uuid(), $5::date, '2027-01-02 18:00Z'
               from ledger_accounts s, ledger_accounts t
              where s.grant_id = $1 and s.kind = $3 and t.grant_id = $1 and t.kind = $4",
        )
        .bind(grant.id.0)
        .bind(kind)
        .bind(from)
        .bind(to)
        .bind(day)
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await
}

#[tokio::test]
async fn the_latest_closed_month_is_opened_by_another_person_for_a_reason_and_takes_entries_again()
{
    let (service, cast, grant) = scene().await;
    for month in ["2026-10-01", "2026-11-01"] {
        assert_eq!(codes(&close(&service, &cast.officer, month).await), [""; 0]);
    }
    let other = service.actor("Ola Officer", NewRole::everywhere(Role::FiscalOfficer)).await;
    let refused = [
        (
            reopen(&service, &cast.officer, "2026-11-01", "an invoice came late").await,
            "SEPARATION_OF_DUTIES",
        ),
        (reopen(&service, &other, "2026-10-01", "an invoice came late").await, "INVALID_STATE"),
        (reopen(&service, &other, "2026-12-01", "an invoice came late").await, "INVALID_STATE"),
        (reopen(&service, &other, "2026-11-01", " ").await, "INVALID_INPUT"),
        (reopen(&service, &cast.manager, "2026-11-01", "late").await, "FORBIDDEN"),
    ];
    for (payload, code) in &refused {
        assert_eq!(why(payload).0, *code, "{payload}");
    }
    assert_eq!(why(&spend(&service, &cast, &grant, "2026-11-21", "k").await).0, "PERIOD_CLOSED");

    service.tick();
    let opened = reopen(&service, &other, "2026-11-30", " an invoice came late ").await;
    assert_eq!(
        opened["period"],
        json!({ "month": "2026-11-01", "closed": false, "closedAt": null, "closedBy": null })
    );
    assert_eq!(codes(&spend(&service, &cast, &grant, "2026-11-21", "k").await), [""; 0]);
    assert_eq!(why(&spend(&service, &cast, &grant, "2026-10-21", "k2").await).0, "PERIOD_CLOSED");
    service.tick();
    assert_eq!(codes(&close(&service, &other, "2026-11-01").await), [""; 0]);

    let query = "{ ledgerPeriods(first: 10) { totalCount nodes { month closed closedBy { name } allowedActions
        history { closedBy { name } reopenedBy { name } reopenReason } } } }";
    let listed = service.data(&cast.admin, query, none()).await;
    let omar = json!({ "name": "Omar Officer" });
    let ola = json!({ "name": "Ola Officer" });
    let history = json!([
        { "closedBy": omar, "reopenedBy": ola, "reopenReason": "an invoice came late" },
        { "closedBy": ola, "reopenedBy": null, "reopenReason": null },
    ]);
    assert_eq!(
        listed["ledgerPeriods"],
        json!({ "totalCount": 2, "nodes": [
            { "month": "2026-11-01", "closed": true, "closedBy": ola, "allowedActions": ["REOPEN"], "history": history },
            { "month": "2026-10-01", "closed": true, "closedBy": omar, "allowedActions": [],
              "history": [{ "closedBy": omar, "reopenedBy": null, "reopenReason": null }] } ] })
    );
}

#[tokio::test]
async fn the_database_keeps_the_order_of_months_whoever_writes_them() {
    let (service, cast, _) = scene().await;
    let Actor::Person(officer) = &cast.officer else { unreachable!() };
    let insert = async |db: &PgPool, month: &str, when: &str| {
        sqlx::query(
            "insert into ledger_closed_months (month, closed_by, closed_at) values ($1::date, $2, $3::timestamptz)",
        )
        .bind(month)
        .bind(officer.person.0)
        .bind(when)
        .execute(db)
        .await
    };
    let owner = service.as_owner().await;
    let (db, now) = (&service.app.db, "2027-01-02T18:00:00Z");
    for db in [db, &owner] {
        assert_eq!(
            refused_by(insert(db, "2026-11-01", now).await),
            "ledger_closed_months_in_order"
        );
        let early = insert(db, "2026-10-01", "2026-11-01T06:59:59Z").await;
        assert_eq!(refused_by(early), "ledger_closed_months_over");
    }
    for month in ["2026-10-01", "2026-11-01"] {
        insert(db, month, now).await.unwrap();
    }
    let open = |month: &str, by: &str| {
        format!(
            "update ledger_closed_months set reopened_at = '2027-01-03', reopen_reason = 'late', reopened_by = {by}
              where month = '{month}'"
        )
    };
    let another = "(select id from people where name = 'Pat Admin')";
    for db in [db, &owner] {
        let refused = [
            (open("2026-10-01", another), "ledger_closed_months_latest"),
            (open("2026-11-01", "closed_by"), "ledger_closed_months_reopened_by_another"),
            (
                "update ledger_closed_months set closed_at = now()".into(),
                "ledger_closed_months_fixed",
            ),
        ];
        for (statement, constraint) in refused {
            let outcome = sqlx::query(sqlx::AssertSqlSafe(statement)).execute(db).await;
            assert_eq!(refused_by(outcome), constraint);
        }
        // What was closed before is closed with it.
        assert_eq!(
            refused_by(insert(db, "2026-09-01", now).await),
            "ledger_closed_months_in_order"
        );
    }
    let deleted = sqlx::query("delete from ledger_closed_months").execute(&owner).await;
    assert!(refused_by(deleted).contains("append-only"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_entry_at_the_moment_of_closing_lands_before_it_or_is_refused() {
    let (service, cast, grant) = scene().await;
    let expended = async || -> String {
        sqlx::query_scalar("select sum(amount_in)::text from ledger_months m join ledger_accounts a on a.id = m.account_id
                             where a.grant_id = $1 and a.kind = 'UNCLAIMED' and m.month = '2026-10-01'")
            .bind(grant.id.0)
            .fetch_one(&service.app.db)
            .await
            .unwrap()
    };
    let cast = Arc::new(cast);
    let barrier = Arc::new(tokio::sync::Barrier::new(31));
    let tasks: Vec<_> = (0..30)
        .map(|n| {
            let (service, cast, grant) = (Arc::clone(&service), Arc::clone(&cast), grant.clone());
            let barrier = Arc::clone(&barrier);
            tokio::spawn(async move {
                barrier.wait().await;
                spend(&service, &cast, &grant, "2026-10-21", &format!("at once {n}")).await
            })
        })
        .collect();
    barrier.wait().await;
    tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    let closed = close(&service, &cast.officer, "2026-10-01").await;
    assert_eq!(codes(&closed), [""; 0]);
    // What is in the month now stays.
    let then = expended().await;
    let mut landed = 0;
    for task in tasks {
        let payload = task.await.unwrap();
        match why(&payload).0 {
            "none" => landed += 1,
            code => assert_eq!(code, "PERIOD_CLOSED", "{payload}"),
        }
    }
    assert_eq!(expended().await, then);
    assert_eq!(then, format!("{}.00", landed + 1));
}

#[tokio::test]
async fn a_month_that_is_in_no_books_is_neither_closed_nor_opened_and_nobody_is_held_up() {
    let (service, cast, _) = scene().await;
    for month in ["0584-02-01", "1989-12-31"] {
        let payload = close(&service, &cast.officer, month).await;
        let (code, message) = why(&payload);
        assert_eq!(code, "INVALID_DATES", "{payload}");
        assert!(message.contains("the books begin in 1990"), "{message}");
    }
    for month in ["4968-08-31", "0584-02-01", "2090-01-01"] {
        let payload = reopen(&service, &cast.admin, month, "A slip").await;
        assert_eq!(why(&payload).0, "INVALID_STATE", "{payload}");
        let raw = sqlx::query("insert into ledger_closed_months (id, month, closed_at, closed_by) values (gen_random_uuid(), date_trunc('month', $1)::date, now(), $2)")
            .bind(month.parse::<chrono::NaiveDate>().unwrap())
            .bind(cast.officer.identity().unwrap().person.0);
        let refused = raw.execute(&service.app.db).await.unwrap_err().to_string();
        assert!(refused.contains("in the books"), "{refused}");
    }
}
