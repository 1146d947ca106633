//! What the database itself refuses, whoever writes to it, and balances as of earlier days.

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool};
use thrive::{
    disbursements::{Payment, PaymentMethod, commands, payment},
    grants::Grant,
};

use crate::support::{Service, date, refused_by, service};

/// Two grants, of which 1000.00 and 500.00 are awarded, and 400.00 of the first requested.
async fn scene() -> (Service, Grant, Grant) {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "L-1", "1000.00").await;
    let other = service.active_grant(&cast, "L-2", "500.00").await;
    service.request(&cast, &grant, "A-1", "400.00").await;
    (service, grant, other)
}

/// Everything that must stay as it is when something is refused.
async fn ledger_rows(db: &PgPool) -> serde_json::Value {
    sqlx::query_scalar(
        "select jsonb_build_object(
            'accounts', (select jsonb_agg(a order by a.id) from ledger_accounts a),
            'transfers', (select jsonb_agg(t order by t.id) from ledger_transfers t),
            'months', (select jsonb_agg(m order by m.account_id, m.month) from ledger_months m),
            'events', (select jsonb_agg(e order by e.id) from disbursement_events e))",
    )
    .fetch_one(db)
    .await
    .unwrap()
}

async fn run(db: &PgPool, statement: &str) -> sqlx::Result<u64> {
    Ok(sqlx::raw_sql(AssertSqlSafe(statement)).execute(db).await?.rows_affected())
}

/// Tries each statement and compares what refused it; afterwards no row has changed.
async fn all_refused(db: &PgPool, expected: &[(&str, &str)]) {
    let before = ledger_rows(db).await;
    let mut refused = vec![];
    for (statement, _) in expected {
        refused.push((*statement, refused_by(run(db, statement).await)));
    }
    let refused: Vec<_> = refused.iter().map(|(statement, by)| (*statement, by.as_str())).collect();
    assert_eq!(refused, expected);
    assert_eq!(ledger_rows(db).await, before);
}

/// An entry as raw SQL writes it; `None` leaves the usual value.
#[derive(Clone, Default)]
struct Entry<'a> {
    from: Option<&'a str>,
    to: Option<&'a str>,
    to_grant: Option<&'a Grant>,
    kind: Option<&'a str>,
    amount: Option<&'a str>,
    effective_on: Option<&'a str>,
    reverses: Option<&'a str>,
    cause: Option<&'a str>,
}

impl Entry<'_> {
    /// A request of 100.00 of the grant, unless something else is said.
    async fn insert(&self, db: &PgPool, grant: &Grant) -> sqlx::Result<()> {
        sqlx::query(
            "insert into ledger_transfers
                    (id, from_account, to_account, amount, kind, cause_id, effective_on, recorded_at, reverses_id)
             select gen_random_uuid(), source.id, target.id, $5::numeric, $6, coalesce($7::uuid, gen_random_uuid()),
                    $8::date, '2026-11-24T18:00:00Z', $9::uuid
               from ledger_accounts source, ledger_accounts target
              where source.grant_id = $1 and source.kind = $2 and target.grant_id = $3 and target.kind = $4",
        )
        .bind(grant.id.0)
        .bind(self.from.unwrap_or("AVAILABLE"))
        .bind(self.to_grant.unwrap_or(grant).id.0)
        .bind(self.to.unwrap_or("REQUESTED"))
        .bind(self.amount.unwrap_or("100.00"))
        .bind(self.kind.unwrap_or("REQUEST"))
        .bind(self.cause)
        .bind(self.effective_on.unwrap_or("2026-11-24"))
        .bind(self.reverses)
        .execute(db)
        .await
        .map(|done| assert_eq!(done.rows_affected(), 1))
    }
}

/// What a changed row of the ledger, or a way around its triggers, meets as the service's role.
const FORBIDDEN_TO_THE_SERVICE: &[(&str, &str)] = &[
    (
        "update ledger_transfers set amount = amount + 1",
        "permission denied for table ledger_transfers",
    ),
    ("delete from ledger_transfers", "permission denied for table ledger_transfers"),
    ("truncate ledger_transfers", "permission denied for table ledger_transfers"),
    (
        "update ledger_accounts set balance = balance + 1",
        "permission denied for table ledger_accounts",
    ),
    ("delete from ledger_accounts", "permission denied for table ledger_accounts"),
    ("truncate ledger_accounts cascade", "permission denied for table ledger_accounts"),
    (
        "insert into ledger_months select id, '2020-01-01', 5, 0 from ledger_accounts",
        "permission denied for table ledger_months",
    ),
    (
        "update ledger_months set amount_in = amount_in + 1",
        "permission denied for table ledger_months",
    ),
    ("delete from ledger_months", "permission denied for table ledger_months"),
    ("truncate ledger_months", "permission denied for table ledger_months"),
    (
        "update disbursement_events set reason = 'x'",
        "permission denied for table disbursement_events",
    ),
    ("delete from disbursement_events", "permission denied for table disbursement_events"),
    ("truncate disbursement_events", "permission denied for table disbursement_events"),
    ("delete from disbursements", "permission denied for table disbursements"),
    ("delete from grants", "permission denied for table grants"),
    ("truncate grants cascade", "permission denied for table grants"),
    (
        "insert into ledger_moves values ('GIFT', 'SRC_PAY', 'PAID')",
        "permission denied for table ledger_moves",
    ),
    (
        "update ledger_account_kinds set chain = 'USE'",
        "permission denied for table ledger_account_kinds",
    ),
    ("delete from ledger_closed_months", "permission denied for table ledger_closed_months"),
    (
        "insert into disbursement_transitions values ('PAID', 'REQUESTED')",
        "permission denied for table disbursement_transitions",
    ),
    ("alter table ledger_transfers disable trigger all", "must be owner of table ledger_transfers"),
    (
        "drop trigger ledger_accounts_not_direct on ledger_accounts",
        "must be owner of relation ledger_accounts",
    ),
    (
        "set session_replication_role = replica",
        "permission denied to set parameter \"session_replication_role\"",
    ),
    ("set role thrive_owner", "permission denied to set role \"thrive_owner\""),
];

#[tokio::test]
async fn the_service_can_neither_change_nor_remove_what_the_ledger_holds() {
    let (service, ..) = scene().await;
    let role: String =
        sqlx::query_scalar("select current_user::text").fetch_one(&service.app.db).await.unwrap();
    assert_eq!(role, "thrive_app");
    all_refused(&service.app.db, FORBIDDEN_TO_THE_SERVICE).await;
}

/// The owner has every right: only triggers stand in the way.
const REFUSED_TO_THE_OWNER: &[(&str, &str)] = &[
    (
        "update ledger_transfers set amount = amount + 1",
        "ledger_transfers is append-only: record a reversal instead",
    ),
    ("delete from ledger_transfers", "ledger_transfers is append-only: record a reversal instead"),
    ("truncate ledger_transfers", "ledger_transfers is append-only: record a reversal instead"),
    (
        "update ledger_accounts set balance = balance + 1",
        "ledger_accounts follows ledger_transfers and is not written directly",
    ),
    ("delete from ledger_accounts", "ledger_accounts is append-only: record a reversal instead"),
    // The first of the tables that depend on the accounts to refuse speaks for all.
    (
        "truncate ledger_accounts, ledger_transfers, ledger_months",
        "ledger_accounts is append-only: record a reversal instead",
    ),
    (
        "insert into ledger_months select id, '2020-01-01', 5, 0 from ledger_accounts",
        "ledger_months follows ledger_transfers and is not written directly",
    ),
    (
        "update ledger_months set amount_in = 5",
        "ledger_months follows ledger_transfers and is not written directly",
    ),
    ("delete from ledger_months", "ledger_months is append-only: record a reversal instead"),
    ("truncate ledger_months", "ledger_months is append-only: record a reversal instead"),
    (
        "update disbursement_events set reason = 'x'",
        "disbursement_events is append-only: record a reversal instead",
    ),
    (
        "delete from disbursement_events",
        "disbursement_events is append-only: record a reversal instead",
    ),
    (
        "truncate disbursement_events",
        "disbursement_events is append-only: record a reversal instead",
    ),
];

#[tokio::test]
async fn triggers_refuse_even_the_owner_to_change_what_the_ledger_holds() {
    let (service, ..) = scene().await;
    all_refused(&service.as_owner().await, REFUSED_TO_THE_OWNER).await;
}

#[tokio::test]
async fn an_entry_that_must_not_be_is_refused_by_the_database_whoever_writes_it() {
    let (service, grant, other) = scene().await;
    let owner = service.as_owner().await;
    run(&owner, "insert into ledger_closed_months values ('2026-10-01', '2026-11-10T00:00:00Z')")
        .await
        .unwrap();
    let requested: (uuid::Uuid, uuid::Uuid) =
        sqlx::query_as("select id, cause_id from ledger_transfers where kind = 'REQUEST'")
            .fetch_one(&owner)
            .await
            .unwrap();
    let (request, cause) = (requested.0.to_string(), requested.1.to_string());
    let back = Entry {
        from: Some("REQUESTED"),
        to: Some("AVAILABLE"),
        kind: Some("CANCEL"),
        ..Entry::default()
    };

    let refused = [
        (Entry { amount: Some("600.01"), ..Entry::default() }, "ledger_accounts_not_overdrawn"),
        (Entry { kind: Some("PAY"), ..Entry::default() }, "ledger_transfers_listed"),
        (Entry { to: Some("PAID"), ..Entry::default() }, "ledger_transfers_listed"),
        (Entry { kind: Some("GIFT"), ..Entry::default() }, "ledger_transfers_listed"),
        (Entry { amount: Some("0"), ..Entry::default() }, "ledger_transfers_positive"),
        // The month totals, which may not sink, speak before the entry's own check.
        (Entry { amount: Some("-1.00"), ..Entry::default() }, "ledger_months_amount_out_check"),
        (
            Entry { effective_on: Some("2026-11-25"), ..Entry::default() },
            "ledger_transfers_not_in_future",
        ),
        (
            Entry { effective_on: Some("2026-10-31"), ..Entry::default() },
            "ledger_transfers_open_month",
        ),
        (Entry { to_grant: Some(&other), ..Entry::default() }, "ledger_transfers_same_owner"),
        (Entry { cause: Some(&cause), ..Entry::default() }, "ledger_transfers_once"),
        (Entry { reverses: Some(&request), ..back.clone() }, "ledger_transfers_reversal"),
        (
            Entry {
                reverses: Some(&request),
                amount: Some("400.00"),
                effective_on: Some("2026-11-23"),
                ..back.clone()
            },
            "ledger_transfers_reversal",
        ),
        (
            Entry { reverses: Some(&request), amount: Some("400.00"), ..Entry::default() },
            "ledger_transfers_reversal",
        ),
    ];
    for db in [&service.app.db, &owner] {
        let before = ledger_rows(db).await;
        for (entry, constraint) in &refused {
            assert_eq!(refused_by(entry.insert(db, &grant).await), *constraint);
        }
        let to_itself = Entry { to: Some("AVAILABLE"), ..Entry::default() };
        refused_by(to_itself.insert(db, &grant).await);
        assert_eq!(ledger_rows(db).await, before);
    }

    // A request without a row that asks for it is none, when the transaction ends.
    for entry in [Entry { amount: Some("600.00"), ..Entry::default() }, back] {
        assert_eq!(refused_by(entry.insert(&owner, &grant).await), "disbursements_in_ledger");
    }

    // What differs from the refused ones in one thing only is accepted.
    let lapse = Entry {
        to: Some("LAPSED"),
        kind: Some("LAPSE"),
        amount: Some("600.00"),
        ..Entry::default()
    };
    lapse.insert(&service.app.db, &grant).await.unwrap();
    let cost = Entry {
        from: Some("UNOBLIGATED"),
        to: Some("UNCLAIMED"),
        kind: Some("EXPEND"),
        cause: Some("01935b8e-0000-7000-8000-000000000001"),
        ..Entry::default()
    };
    cost.insert(&service.app.db, &grant).await.unwrap();
    let spent: uuid::Uuid = sqlx::query_scalar(
        "select id from ledger_transfers where cause_id = '01935b8e-0000-7000-8000-000000000001'",
    )
    .fetch_one(&owner)
    .await
    .unwrap();
    let spent = spent.to_string();
    let reversal = Entry {
        from: Some("UNCLAIMED"),
        to: Some("UNOBLIGATED"),
        kind: Some("REVERSE_EXPENDITURE"),
        reverses: Some(&spent),
        ..Entry::default()
    };
    reversal.insert(&service.app.db, &grant).await.unwrap();
    cost_again(&cost).insert(&service.app.db, &grant).await.unwrap();
    assert_eq!(
        refused_by(reversal.insert(&service.app.db, &grant).await),
        "ledger_transfers_reversed_once"
    );
}

/// The same cost of another event.
fn cost_again<'a>(cost: &Entry<'a>) -> Entry<'a> {
    Entry { cause: None, ..cost.clone() }
}

#[tokio::test]
async fn an_account_opens_empty_and_once_with_one_owner() {
    let (service, grant, _) = scene().await;
    let insert = |columns: &str, values: &str| {
        format!(
            "insert into ledger_accounts (id, kind, {columns}) select gen_random_uuid(), {values}"
        )
    };
    let id = grant.id.0;
    let expected = [
        (
            insert("grant_id, balance", &format!("'ENCUMBERED', '{id}', 5")),
            "ledger_accounts_open_empty",
        ),
        (insert("grant_id", &format!("'AVAILABLE', '{id}'")), "ledger_accounts_once"),
        (
            insert("grant_id, allocation_id", &format!("'ENCUMBERED', '{id}', '{id}'")),
            "ledger_accounts_one_owner",
        ),
        (insert("grant_id", "'ENCUMBERED', null::uuid"), "ledger_accounts_one_owner"),
        (insert("grant_id", &format!("'POCKET', '{id}'")), "ledger_accounts_kind_fkey"),
    ];
    let expected: Vec<_> =
        expected.iter().map(|(statement, by)| (statement.as_str(), *by)).collect();
    all_refused(&service.app.db, &expected).await;
    all_refused(&service.as_owner().await, &expected).await;
}

/// A moment in UTC.
fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

const AS_OF: &str = "query ($id: ID!, $day: Date) { grant(id: $id) { balance(asOf: $day) {
    awarded requested approved disbursed availableToDisburse asOf } } }";

#[tokio::test]
async fn a_balance_as_of_a_day_counts_what_was_effective_by_its_end_in_california() {
    let service = service().await;
    let cast = service.cast().await;
    let (app, officer) = (&service.app, &cast.officer);
    // 23:59:59 on 24 November in California, which is the 25th in UTC.
    service.travel(at("2026-11-25T07:59:59Z"));
    let grant = service.active_grant(&cast, "T-1", "1000.00").await;
    service.travel(at("2026-11-30T20:00:00Z"));
    let first = service.request(&cast, &grant, "T-1-1", "400.00").await;
    service.travel(at("2026-12-01T08:00:00Z"));
    commands::approve(app, &cast.approver, first.id, Default::default()).await.unwrap();
    service.travel(at("2027-01-15T20:00:00Z"));
    // Told later than it happened, over the year's end.
    let payment = Payment::new(date("2026-12-31"), PaymentMethod::Warrant, "W-1");
    payment::pay(app, officer, first.id, payment, "T-1-1").await.unwrap();
    // The last second of the fiscal year, and the first of the next.
    service.travel(at("2027-07-01T06:59:59Z"));
    let second = service.request(&cast, &grant, "T-1-2", "250.25").await;
    service.travel(at("2027-07-01T07:00:00Z"));
    commands::reject(app, &cast.approver, second.id, "not covered").await.unwrap();
    service.travel(at("2027-08-01T20:00:00Z"));
    payment::reverse(app, officer, first.id, "paid twice", "T-1-3").await.unwrap();

    let expected = [
        ("2026-11-23", ["0.00", "0.00", "0.00", "0.00", "0.00"]),
        ("2026-11-24", ["1000.00", "0.00", "0.00", "0.00", "1000.00"]),
        ("2026-11-29", ["1000.00", "0.00", "0.00", "0.00", "1000.00"]),
        ("2026-11-30", ["1000.00", "400.00", "0.00", "0.00", "600.00"]),
        ("2026-12-01", ["1000.00", "0.00", "400.00", "0.00", "600.00"]),
        ("2026-12-30", ["1000.00", "0.00", "400.00", "0.00", "600.00"]),
        ("2026-12-31", ["1000.00", "0.00", "0.00", "400.00", "600.00"]),
        ("2027-06-29", ["1000.00", "0.00", "0.00", "400.00", "600.00"]),
        ("2027-06-30", ["1000.00", "250.25", "0.00", "400.00", "349.75"]),
        ("2027-07-01", ["1000.00", "0.00", "0.00", "400.00", "600.00"]),
        ("2027-07-31", ["1000.00", "0.00", "0.00", "400.00", "600.00"]),
        ("2027-08-01", ["1000.00", "0.00", "0.00", "0.00", "1000.00"]),
        ("2099-12-31", ["1000.00", "0.00", "0.00", "0.00", "1000.00"]),
    ];
    for (day, [awarded, requested, approved, disbursed, available]) in expected {
        let variables = json!({ "id": grant.id.to_string(), "day": day });
        let answer = service.data(&cast.auditor, AS_OF, variables).await;
        assert_eq!(
            answer["grant"]["balance"],
            json!({ "awarded": awarded, "requested": requested, "approved": approved, "disbursed": disbursed,
                    "availableToDisburse": available, "asOf": day }),
        );
    }
}

#[tokio::test]
async fn an_award_is_made_once_with_the_amount_of_its_grant_whose_terms_stay() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "L-1", "1000.00").await;
    let draft = service.draft(&cast, "L-2", "500.00").await;
    let award = async |grant: uuid::Uuid, amount: &str| {
        let posted = sqlx::query(
            "insert into ledger_transfers (id, from_account, to_account, from_kind, to_kind, amount, kind, cause_id,
                                           effective_on, recorded_at)
             select gen_random_uuid(), s.id, a.id, s.kind, a.kind, $2::numeric, 'AWARD', gen_random_uuid(),
                    '2026-11-24', '2026-11-24 18:00:00Z'
               from ledger_accounts s, ledger_accounts a
              where s.grant_id = $1 and s.kind = 'SRC_PAY' and a.grant_id = $1 and a.kind = 'AVAILABLE'",
        );
        refused_by(posted.bind(grant).bind(amount).execute(&service.app.db).await)
    };
    assert_eq!(award(grant.id.0, "1000.00").await, "ledger_transfers_awarded_once");
    assert_eq!(award(draft.id.0, "500.01").await, "ledger_transfers_award");

    for change in [
        "amount = 2000",
        "liquidate_by = null",
        "recipient_id = gen_random_uuid()",
        "status = 'DRAFT'",
    ] {
        let update = format!("update grants set {change} where number = 'L-1'");
        assert_eq!(refused_by(run(&service.app.db, &update).await), "grants_fixed", "{change}");
    }
}

#[tokio::test]
async fn a_request_keeps_its_terms_and_a_decision_stays() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "L-1", "1000.00").await;
    let found = service.request(&cast, &grant, "A-1", "100.00").await;
    let change = async |set: &str| {
        let update = format!("update disbursements set {set}");
        refused_by(run(&service.app.db, &update).await)
    };

    for set in
        ["amount = 200", "retained = 1", "invoice_number = 'B-1'", "period_end = '2026-11-01'"]
    {
        assert_eq!(change(set).await, "disbursements_fixed", "{set}");
    }
    commands::approve(&service.app, &cast.approver, found.id, Default::default()).await.unwrap();
    assert_eq!(change("approved_at = now()").await, "disbursements_fixed");
}

#[tokio::test]
async fn accounts_of_other_chains_and_items_leave_a_balance_as_it_is() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "L-1", "1000.00").await;
    sqlx::query(
        "insert into ledger_accounts (id, grant_id, kind, item_id)
         values (gen_random_uuid(), $1, 'LAPSED_USE', null), (gen_random_uuid(), $1, 'ENCUMBERED', gen_random_uuid())",
    )
    .bind(grant.id.0)
    .execute(&service.app.db)
    .await
    .unwrap();

    let query = "query ($id: ID!) { grant(id: $id) { now: balance { availableToDisburse }
        then: balance(asOf: \"2026-11-24\") { availableToDisburse } } }";
    let answer = service.ask(&cast.manager, query, json!({ "id": grant.id.to_string() })).await;

    let expected = json!({ "availableToDisburse": "1000.00" });
    assert_eq!(answer["data"]["grant"], json!({ "now": expected, "then": expected }));
}
