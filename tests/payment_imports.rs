//! Files of payments: what a preview tells is what happens, all lines of a file are paid or none, and nothing is paid twice.

use std::sync::Arc;

use poem::{http::StatusCode, test::TestClient};
use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection};
use thrive::{
    access::{Actor, Role, commands::NewRole},
    disbursements::{
        Disbursement, DisbursementStatus, Payment, PaymentMethod, commands, payment, store,
    },
    grants::Grant,
    http,
    payment_imports::{self, Examined, PaymentOutcome},
};

use crate::support::{Cast, Service, assert_ledger_agrees, codes, date, money, service};

const HEADER: &str = "disbursement,grant,invoice_number,amount,paid_on,method,reference";

fn file(lines: &[String]) -> String {
    format!("{HEADER}\n{}\n", lines.join("\n"))
}

/// A line that names a disbursement by its id.
fn of(id: impl std::fmt::Display, amount: &str, reference: &str) -> String {
    format!("{id},,,{amount},2026-11-24,WARRANT,{reference}")
}

async fn approved(
    service: &Service,
    cast: &Cast,
    grant: &Grant,
    invoice: &str,
    amount: &str,
) -> Disbursement {
    let asked = service.request(cast, grant, invoice, amount).await;
    commands::approve(&service.app, &cast.approver, asked.id, Default::default()).await.unwrap()
}

const ROWS: &str =
    "file { import { paid alreadyPaid amount importedBy { name } } paid alreadyPaid refused amount
    rows(first: 200) { totalCount nodes { line outcome amount disbursement { id }
                                          error { code message field rule { citation } } } } }";

async fn import(service: &Service, actor: &Actor, file: &str, preview: bool, key: &str) -> Value {
    let input = json!({ "idempotencyKey": key, "file": file, "preview": preview });
    service.mutate(actor, "importPayments", "ImportPaymentsInput", ROWS, input).await
}

async fn status(service: &Service, of: &Disbursement) -> DisbursementStatus {
    let mut db = service.app.db.acquire().await.unwrap();
    store::read(&mut db, of.id).await.unwrap().unwrap().status
}

/// How many rows the tables have that a payment writes to.
async fn counted(service: &Service) -> Vec<(String, i64)> {
    let mut counts = vec![];
    for table in [
        "disbursement_events",
        "ledger_transfers",
        "ledger_accounts",
        "audit_entries",
        "idempotency_keys",
        "payment_imports",
        "payment_import_rows",
        "disbursement_feed",
    ] {
        let count = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
        let count = sqlx::query_scalar(count).fetch_one(&service.app.db).await.unwrap();
        counts.push((table.to_owned(), count));
    }
    counts
}

/// The lines on a page of a preview, what it says of its neighbors, and its last and first cursor.
async fn page(
    service: &Service,
    actor: &Actor,
    text: &str,
    arguments: &str,
) -> (Vec<i64>, [bool; 2], [String; 2]) {
    let shown = format!(
        "file {{ rows({arguments}) {{ totalCount nodes {{ line }} pageInfo {{ hasPreviousPage hasNextPage startCursor endCursor }} }} }}"
    );
    let input = json!({ "idempotencyKey": "pages", "file": text, "preview": true });
    let payload =
        service.mutate(actor, "importPayments", "ImportPaymentsInput", &shown, input).await;
    let rows = &payload["file"]["rows"];
    assert_eq!(rows["totalCount"], 5);
    let lines = rows["nodes"].as_array().unwrap().iter().map(|row| row["line"].as_i64().unwrap());
    let info = |name: &str| rows["pageInfo"][name].clone();
    let is = |name| info(name).as_bool().unwrap();
    let cursor = |name| info(name).as_str().unwrap_or_default().to_owned();
    (
        lines.collect(),
        [is("hasPreviousPage"), is("hasNextPage")],
        [cursor("startCursor"), cursor("endCursor")],
    )
}

#[tokio::test]
async fn the_lines_of_a_file_are_paged_from_either_end() {
    let service = service().await;
    let cast = service.cast().await;
    let of_nothing = |place: i32| format!(",G-0,A-{place},1.00,2026-11-24,ACH,W-{place}");
    let text = file(&(2..7).map(of_nothing).collect::<Vec<_>>());
    let page = async |arguments: &str| page(&service, &cast.officer, &text, arguments).await;

    let (lines, neighbors, [_, end]) = page("first: 2").await;
    assert_eq!((lines, neighbors), (vec![2, 3], [false, true]));
    let (lines, neighbors, [start, _]) = page(&format!("first: 3, after: {end:?}")).await;
    assert_eq!((lines, neighbors), (vec![4, 5, 6], [true, false]));
    let (lines, neighbors, _) = page(&format!("last: 1, before: {start:?}")).await;
    assert_eq!((lines, neighbors), (vec![3], [true, true]));
    let (lines, neighbors, [start, end]) = page("last: 4").await;
    assert_eq!((lines, neighbors), (vec![3, 4, 5, 6], [true, false]));
    let (lines, ..) = page(&format!("after: {start:?}, before: {end:?}")).await;
    assert_eq!(lines, [4, 5]);

    let ask = async |arguments: &str| {
        let query = format!(
            "mutation($input: ImportPaymentsInput!) {{ importPayments(input: $input) {{ file {{ rows({arguments}) {{ totalCount }} }} }} }}"
        );
        let input =
            json!({ "input": { "idempotencyKey": "pages", "file": text, "preview": true } });
        service.ask(&cast.officer, &query, input).await.to_string()
    };
    assert!(ask("first: 1, last: 1").await.contains("not for both"));
    assert!(ask("after: \"2\"").await.contains("not one of this list"));
}

#[tokio::test]
async fn a_preview_tells_what_importing_does_and_the_same_file_again_pays_nothing_twice() {
    let service = service().await;
    let cast = service.cast().await;
    let (one, two) = (
        service.active_grant(&cast, "G-1", "1000.00").await,
        service.active_grant(&cast, "G-2", "1000.00").await,
    );
    let first = approved(&service, &cast, &one, "A-1", "100.00").await;
    let second = approved(&service, &cast, &two, "A-2", "40.50").await;
    let known = approved(&service, &cast, &one, "A-3", "7.00").await;
    let paid = Payment::new(date("2026-11-24"), PaymentMethod::Ach, "W-3");
    payment::pay(&service.app, &cast.officer, known.id, paid, "known").await.unwrap();
    let text = file(&[
        of(first.id, "100.00", "W-1"),
        // By grant and invoice, in any case.
        ",g-2, a-2 ,40.50,2026-11-24,ACH,W-2".into(),
        of(known.id, "7.00", "W-3"),
    ]);

    let before = counted(&service).await;
    let preview = import(&service, &cast.officer, &text, true, "once").await;
    assert_eq!(counted(&service).await, before, "a preview writes nothing");
    assert_eq!(preview["file"]["import"], Value::Null);
    assert_eq!(status(&service, &first).await, DisbursementStatus::Approved);

    let done = import(&service, &cast.officer, &text, false, "once").await;
    assert_eq!(done["userErrors"], json!([]));
    assert_eq!(
        done["file"]["import"],
        json!({ "paid": 2, "alreadyPaid": 1, "amount": "140.50", "importedBy": { "name": "Omar Officer" } })
    );
    let told = |payload: &Value| {
        let mut file = payload["file"].clone();
        file["import"] = Value::Null;
        file
    };
    assert_eq!(told(&preview), told(&done));
    let row = |line: i32, outcome: &str, amount: &str, of: &Disbursement| {
        json!({ "line": line, "outcome": outcome, "amount": amount, "disbursement": { "id": of.id.to_string() },
                "error": null })
    };
    assert_eq!(
        done["file"]["rows"],
        json!({ "totalCount": 3, "nodes": [row(2, "PAID", "100.00", &first), row(3, "PAID", "40.50", &second),
                                           row(4, "ALREADY_PAID", "7.00", &known)] })
    );
    for (of, reference, method) in
        [(&first, "W-1", PaymentMethod::Warrant), (&second, "W-2", PaymentMethod::Ach)]
    {
        let mut db = service.app.db.acquire().await.unwrap();
        let paid = store::read(&mut db, of.id).await.unwrap().unwrap();
        assert_eq!(paid.status, DisbursementStatus::Paid);
        assert_eq!((paid.reference.as_deref(), paid.method), (Some(reference), Some(method)));
        assert_eq!(paid.paid_on, Some(date("2026-11-24")));
    }
    for grant in [&one, &two] {
        assert_ledger_agrees(&service.app.db, grant.id).await;
    }

    // Sent again, it is answered again; under another key its payments are known.
    let after = counted(&service).await;
    assert_eq!(import(&service, &cast.officer, &text, false, "once").await, done);
    assert_eq!(counted(&service).await, after);
    let again = import(&service, &cast.officer, &text, false, "another").await;
    assert_eq!(again["file"]["import"]["alreadyPaid"], 3);
    assert_eq!(again["file"]["paid"], 0);
    let events = |counts: &[(String, i64)]| counts[..3].to_vec();
    assert_eq!(events(&counted(&service).await), events(&after));
    let other = file(&[of(first.id, "100.00", "W-9")]);
    let reused = import(&service, &cast.officer, &other, false, "once").await;
    assert_eq!(codes(&reused), ["IDEMPOTENCY_KEY_REUSED"]);
}

#[tokio::test]
async fn each_line_that_cannot_be_paid_says_why_and_then_none_is_paid() {
    let service = service().await;
    let cast = service.cast().await;
    let app = &service.app;
    let grant = service.active_grant(&cast, "G-1", "1000.00").await;
    let unresolved = service.signed_grant(&cast, "G-2", "1000.00").await;
    let good = approved(&service, &cast, &grant, "A-1", "100.00").await;
    let wrong = approved(&service, &cast, &grant, "A-2", "10.00").await;
    let asked = service.request(&cast, &grant, "A-3", "10.00").await;
    let gated = approved(&service, &cast, &unresolved, "A-4", "10.00").await;
    let paid = approved(&service, &cast, &grant, "A-5", "10.00").await;
    let known = Payment::new(date("2026-11-24"), PaymentMethod::Ach, "W-5");
    payment::pay(app, &cast.officer, paid.id, known, "known").await.unwrap();
    let rejected = service.request(&cast, &grant, "A-6", "10.00").await;
    commands::reject(app, &cast.approver, rejected.id, "no").await.unwrap();
    // Approved by somebody who is an officer too.
    let both = service.person("Bo Both").await;
    let mut acts = vec![];
    for role in [Role::Approver, Role::FiscalOfficer] {
        let made =
            thrive::access::commands::create_token(app, &both, &NewRole::everywhere(role), 30)
                .await;
        let identity =
            thrive::access::store::identify(&app.db, &made.unwrap().1, app.clock.now()).await;
        acts.push(Actor::Person(identity.unwrap().unwrap()));
    }
    let own = service.request(&cast, &grant, "A-7", "10.00").await;
    commands::approve(app, &acts[0], own.id, Default::default()).await.unwrap();
    let nobody = thrive::id::DisbursementId::new(&app.clock);
    let dated = |id: thrive::id::DisbursementId, day: &str| format!("{id},,,10.00,{day},ACH,W");
    let text = file(&[
        of(good.id, "100.00", "W-1"),
        of(wrong.id, "9.99", "W-2"),
        of(good.id, "100.00", "W-1"),
        of(asked.id, "10.00", "W-3"),
        of(gated.id, "10.00", "W-4"),
        of(paid.id, "10.00", "W-6"),
        of(own.id, "10.00", "W-7"),
        of(nobody, "10.00", "W-8"),
        ",G-1,A-6,10.00,2026-11-24,ACH,W-9".into(),
        format!("{},G-2,,10.00,2026-11-24,ACH,W-10", wrong.id),
        ",,,10.00,2026-11-24,ACH,W-11".into(),
        dated(approved(&service, &cast, &grant, "A-8", "10.00").await.id, "2026-11-25"),
        dated(approved(&service, &cast, &grant, "A-9", "10.00").await.id, "2026-11-23"),
        "disb_1,,,10.00,2026-11-24,ACH,W-12".into(),
        format!("{},,,ten,2026-11-24,ACH,W-13", wrong.id),
        format!("{},,,10.00,24.11.2026,ACH,W-14", wrong.id),
        format!("{},,,10.00,2026-11-24,CASH,W-15", wrong.id),
        format!("{},,,10.00,2026-11-24,ACH,", wrong.id),
    ]);
    let before = counted(&service).await;
    let refused = import(&service, &acts[1], &text, false, "once").await;
    assert_eq!(counted(&service).await, before);
    assert_eq!(status(&service, &good).await, DisbursementStatus::Approved);
    assert_eq!(refused["file"]["import"], Value::Null);
    assert_eq!(refused["file"]["refused"], 17);
    let rows = refused["file"]["rows"]["nodes"].as_array().unwrap();
    let found: Vec<_> =
        rows.iter().map(|row| row["error"]["code"].as_str().unwrap_or("")).collect();
    assert_eq!(
        found,
        [
            "",
            "INVALID_INPUT",
            "INVALID_INPUT",
            "INVALID_STATE",
            "RULE_VIOLATED",
            "INVALID_STATE",
            "SEPARATION_OF_DUTIES",
            "NOT_FOUND",
            "NOT_FOUND",
            "NOT_FOUND",
            "INVALID_INPUT",
            "INVALID_DATES",
            "INVALID_DATES",
            "INVALID_INPUT",
            "INVALID_INPUT",
            "INVALID_INPUT",
            "INVALID_INPUT",
            "INVALID_INPUT",
        ]
    );
    let message = |place: usize| rows[place]["error"]["message"].as_str().unwrap();
    assert_eq!(
        message(1),
        "the file says 9.99, and 10.00 is to be paid: what was approved less what is withheld"
    );
    assert_eq!(message(2), "an earlier line of the file pays this disbursement");
    assert_eq!(rows[1]["error"]["field"], json!(["input", "file", "3", "amount"]));
    assert!(rows[4]["error"]["rule"]["citation"].is_string(), "{}", rows[4]);
    // What is told of lines is told of the file as well, and a preview tells the same.
    let errors = refused["userErrors"].as_array().unwrap();
    assert_eq!(errors.len(), 17);
    assert_eq!(errors[3]["code"], "RULE_VIOLATED");
    let preview = import(&service, &acts[1], &text, true, "once").await;
    assert_eq!(preview["file"], refused["file"]);
    assert_eq!(preview["userErrors"], json!([]));

    // What is wrong with a file as a whole.
    for (text, told) in [
        ("", "lacks"),
        ("disbursement,amount,paid_on,method,reference\n", "no rows"),
        ("disbursement,amount,paid_on,method,reference,iban\nx,1,2,3,4,5\n", "`iban` is no column"),
    ] {
        let payload = import(&service, &cast.officer, text, true, "whole").await;
        assert_eq!(payload["file"], Value::Null);
        let why = payload["userErrors"][0]["message"].as_str().unwrap();
        assert!(why.contains(told), "{why}");
    }
    let many = file(&vec![of(nobody, "1.00", "W"); 10_001]);
    let outcome = payment_imports::commands::import(app, &cast.officer, &many, true, "many").await;
    let why = crate::support::refusal(outcome).message;
    assert_eq!(why, "the file has 10001 rows, and 10000 are paid at once: split it into several");
}

#[tokio::test]
async fn what_is_too_late_to_pay_or_lies_in_a_closed_month_is_found_line_by_line() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "G-1", "1000.00").await;
    let late = approved(&service, &cast, &grant, "A-1", "10.00").await;
    let closed = approved(&service, &cast, &grant, "A-2", "10.00").await;
    service.travel("2029-01-02T20:00:00Z".parse().unwrap());
    let input = json!({ "month": "2026-11-01" });
    let done = service
        .mutate(&cast.officer, "closePeriod", "ClosePeriodInput", "period { closed }", input)
        .await;
    assert_eq!(codes(&done), [""; 0], "{done}");
    let text = file(&[
        format!("{},,,10.00,2029-01-01,ACH,W-1", late.id),
        format!("{},,,10.00,2026-11-30,ACH,W-2", closed.id),
    ]);
    let preview = import(&service, &cast.officer, &text, true, "once").await;
    let rows = preview["file"]["rows"]["nodes"].as_array().unwrap();
    let found: Vec<_> = rows.iter().map(|row| &row["error"]["code"]).collect();
    assert_eq!(found, ["OUTSIDE_PERIOD", "PERIOD_CLOSED"]);
    // The ledger says the same of a payment by itself.
    let alone = Payment::new(date("2026-11-30"), PaymentMethod::Ach, "W-2");
    let alone = payment::pay(&service.app, &cast.officer, closed.id, alone, "alone").await;
    let why = crate::support::refusal(alone);
    assert_eq!(rows[1]["error"]["message"], why.message);
}

/// Approved disbursements of a dollar each, so many of each of so many grants, as the ledger would have them: one grant is
/// made as grants are, and the others are copies of it.
async fn many(service: &Service, cast: &Cast, grants: i32, of_each: i32) {
    let grant = service.active_grant(cast, "M-0", "100000.00").await;
    let person = |actor: &Actor| actor.identity().unwrap().person.0;
    let options = service.owner_options.clone().username("postgres");
    let mut db = PgConnection::connect_with(&options).await.unwrap();
    db.execute("set session_replication_role = replica").await.unwrap();
    let copies = "create temporary table copies as
        select gen_random_uuid() as id, gen_random_uuid() as line, n from generate_series(1, NUMBER) n";
    let copies = copies.replace("NUMBER", &(grants - 1).to_string());
    db.execute(sqlx::AssertSqlSafe(copies)).await.unwrap();
    for table in [
        "grants",
        "grant_cities",
        "grant_action_areas",
        "grant_documents",
        "budget_lines",
        "ledger_accounts",
    ] {
        let (key, own) = match table {
            "grants" => ("id", "'id', c.id, 'number', 'M-' || c.n"),
            "budget_lines" => ("grant_id", "'id', c.line, 'grant_id', c.id"),
            "ledger_accounts" => (
                "grant_id",
                "'id', gen_random_uuid(), 'grant_id', c.id, 'item_id', case when o.item_id is not null then c.line end",
            ),
            "grant_documents" => ("grant_id", "'id', gen_random_uuid(), 'grant_id', c.id"),
            _ => ("grant_id", "'grant_id', c.id"),
        };
        let copy = format!(
            "insert into {table} select made.* from {table} o, copies c,
                    jsonb_populate_record(null::{table}, to_jsonb(o) || jsonb_build_object({own})) made
              where o.{key} = '{}'",
            grant.id.0
        );
        db.execute(sqlx::AssertSqlSafe(copy)).await.unwrap();
    }
    sqlx::query(
        "with made as (
            insert into disbursements (id, grant_id, recipient_id, stream_id, status, kind, amount, approved_amount, invoice_number, period_start,
                                       period_end, requested_by, requested_at, approved_by, approved_at, updated_at)
            select gen_random_uuid(), g.id, g.recipient_id, g.stream_id, 'APPROVED', 'REIMBURSEMENT', 1, 1, 'INV-' || n, '2026-10-01', '2026-10-31',
                   $2, '2026-11-24 18:00Z', $3, '2026-11-24 18:00Z', '2026-11-24 18:00Z'
              from grants g, generate_series(1, $1) n
            returning id, grant_id
         ), claimed as (
            insert into disbursement_lines (disbursement_id, submission, line_id, amount, approved_amount, new_costs)
            select m.id, 1, l.id, 1, 1, 1 from made m join budget_lines l on l.grant_id = m.grant_id
         ), opened as (
            insert into ledger_accounts (id, grant_id, kind, item_id, balance)
            select gen_random_uuid(), l.grant_id, 'CLAIM_PENDING', l.id, $1 from budget_lines l
         )
         update ledger_accounts set balance = balance + case when kind = 'APPROVED' then $1 else -$1 end
          where kind in ('APPROVED', 'AVAILABLE', 'UNOBLIGATED')",
    )
    .bind(of_each)
    .bind(person(&cast.finance))
    .bind(person(&cast.approver))
    .execute(&mut db)
    .await
    .unwrap();
    // What came before each: the ledger is as long as it would be.
    db.execute(
        "insert into ledger_transfers (id, from_account, to_account, from_kind, to_kind, amount, kind, cause_id,
                                       effective_on, recorded_at)
         select gen_random_uuid(), source.id, target.id, source.kind, target.kind, d.amount, step.kind, gen_random_uuid(),
                '2026-11-24', '2026-11-24 18:00Z'
           from disbursements d,
                (values ('REQUEST', 'AVAILABLE', 'REQUESTED'), ('APPROVE', 'REQUESTED', 'APPROVED'))
                    as step (kind, from_kind, to_kind),
                ledger_accounts source, ledger_accounts target
          where source.grant_id = d.grant_id and source.kind = step.from_kind
            and target.grant_id = d.grant_id and target.kind = step.to_kind",
    )
    .await
    .unwrap();
    db.execute("select fill_funding_totals()").await.unwrap();
    db.execute("analyze").await.unwrap();
}

async fn listed(service: &Service) -> Vec<String> {
    let ids: Vec<uuid::Uuid> = sqlx::query_scalar(
        "select id from disbursements where status = 'APPROVED' order by grant_id, id",
    )
    .fetch_all(&service.app.db)
    .await
    .unwrap();
    let line = |id: uuid::Uuid| {
        let id = thrive::id::DisbursementId(id);
        of(id, "1.00", &format!("W-{}", id.0.simple()))
    };
    ids.into_iter().map(line).collect()
}

/// Every disbursement is paid, and its money has moved once.
async fn assert_paid_once(service: &Service, grants: i64, of_each: i64) {
    let all = grants * of_each;
    let found: (i64, i64, i64, bool) = sqlx::query_as(
        "select (select count(*) from disbursements where status = 'PAID'),
                (select count(*) from disbursement_events where status = 'PAID'),
                (select count(*) from ledger_transfers where kind = 'PAY' and to_kind = 'PAID'),
                (select bool_and(balance = case kind when 'PAID' then $1 else 0 end) from ledger_accounts
                  where kind in ('PAID', 'APPROVED', 'CLAIM_PENDING'))",
    )
    .bind(sqlx::types::Decimal::from(of_each))
    .fetch_one(&service.app.db)
    .await
    .unwrap();
    assert_eq!(found, (all, all, all, true));
}

#[tokio::test]
async fn thousands_of_lines_are_paid_in_one_go() {
    let service = service().await;
    let cast = service.cast().await;
    // All that there may be take half of the time that a transaction has: on a machine with nothing else to do.
    let grants = if std::env::var_os("THRIVE_TEST_THOROUGH").is_some() { 1_000 } else { 150 };
    many(&service, &cast, grants, 10).await;
    let text = file(&listed(&service).await);
    let began = std::time::Instant::now();
    let client = TestClient::new(http::routes(&service.app));
    let officer = sign_in(&service, Role::FiscalOfficer).await;
    let sent = |query: &str| {
        let path = format!("/import/payments.csv?{query}");
        client
            .post(path)
            .header("authorization", &officer)
            .content_type("text/csv")
            .body(text.clone())
            .send()
    };
    let preview = sent("idempotencyKey=all&preview=true").await;
    preview.assert_status_is_ok();
    println!("previewed in {:?}", began.elapsed());
    let preview: Value = preview.json().await.value().deserialize();
    assert_eq!((&preview["paid"], &preview["refused"]), (&json!(grants * 10), &json!(0)));
    assert_eq!(preview["amount"], format!("{}.00", grants * 10));
    let began = std::time::Instant::now();
    let done = sent("idempotencyKey=all").await;
    done.assert_status_is_ok();
    println!("paid in {:?}", began.elapsed());
    let done: Value = done.json().await.value().deserialize();
    assert_eq!((&done["imported"], &done["rows"]), (&json!(true), &preview["rows"]));
    assert_paid_once(&service, grants.into(), 10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn files_and_single_payments_at_once_pay_each_disbursement_once_and_wait_for_none_in_a_circle()
 {
    let service = Arc::new(service().await);
    let cast = service.cast().await;
    many(&service, &cast, 8, 5).await;
    let lines = listed(&service).await;
    let mut backwards = lines.clone();
    backwards.reverse();
    let mut tasks = vec![];
    for number in 0..6 {
        let text = file(if number % 2 == 0 { &lines } else { &backwards });
        let (app, officer) = (service.app.clone(), cast.officer.clone());
        tasks.push(tokio::spawn(async move {
            let key = format!("file {number}");
            payment_imports::commands::import(&app, &officer, &text, false, &key).await
        }));
    }
    let single = lines.iter().map(|line| line.split(',').next().unwrap().to_owned()).map(|id| {
        let (app, officer) = (service.app.clone(), cast.officer.clone());
        tokio::spawn(async move {
            let id: thrive::id::DisbursementId = id.parse().unwrap();
            let reference = format!("W-{}", id.0.simple());
            let by = Payment::new(date("2026-11-24"), PaymentMethod::Warrant, &reference);
            payment::pay(&app, &officer, id, by, &reference).await
        })
    });
    let single: Vec<_> = single.collect();
    let mut outcomes = vec![];
    for task in tasks {
        outcomes.push(task.await.unwrap().unwrap());
    }
    let mut alone = 0;
    for task in single {
        match task.await.unwrap() {
            Ok(_) => alone += 1,
            refused => {
                let why = crate::support::refusal(refused);
                assert_eq!(why.code, thrive::error::UserErrorCode::InvalidState);
            }
        }
    }
    let by_files: usize =
        outcomes.iter().map(|one: &Examined| one.count(PaymentOutcome::Paid)).sum();
    assert_eq!(by_files + alone, lines.len(), "each was paid by one of them");
    assert!(outcomes.iter().all(|one| one.import.is_some()), "what others paid is known");
    assert_paid_once(&service, 8, 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_file_sent_twenty_times_at_once_under_one_key_is_brought_in_once() {
    let service = Arc::new(service().await);
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "G-1", "1000.00").await;
    let one = approved(&service, &cast, &grant, "A-1", "100.00").await;
    let text = file(&[of(one.id, "100.00", "W-1")]);
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let (service, officer, text) =
                (Arc::clone(&service), cast.officer.clone(), text.clone());
            tokio::spawn(async move { import(&service, &officer, &text, false, "once").await })
        })
        .collect();
    let mut answers = vec![];
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(answers[0]["file"]["import"]["paid"], 1);
    let imports: i64 = sqlx::query_scalar("select count(*) from payment_imports")
        .fetch_one(&service.app.db)
        .await
        .unwrap();
    assert_eq!(imports, 1);
    assert_ledger_agrees(&service.app.db, grant.id).await;
    assert_eq!(money("100.00"), one.amount);
}

/// The header of somebody new in a role.
async fn sign_in(service: &Service, role: Role) -> String {
    let person = service.person(&format!("Sender {role}")).await;
    let role = NewRole::everywhere(role);
    let made = thrive::access::commands::create_token(&service.app, &person, &role, 30).await;
    format!("Bearer {}", made.unwrap().1.reveal())
}

#[tokio::test]
async fn a_file_is_sent_as_it_is_by_whoever_may_pay_and_is_refused_before_it_is_read_otherwise() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "G-1", "1000.00").await;
    let one = approved(&service, &cast, &grant, "A-1", "100.00").await;
    let client = TestClient::new(http::routes(&service.app));
    let officer = sign_in(&service, Role::FiscalOfficer).await;
    let manager = sign_in(&service, Role::GrantManager).await;
    let wrong = file(&[of(one.id, "99.00", "W-1")]);
    let send = async |token: &str, kind: &str, query: &str, body: String| {
        let mut request =
            client.post(format!("/import/payments.csv{query}")).content_type(kind).body(body);
        if !token.is_empty() {
            request = request.header("authorization", token);
        }
        request.send().await
    };
    let key = "?idempotencyKey=k";
    for (token, kind, query, body, expected) in [
        ("", "text/csv", key, wrong.clone(), StatusCode::UNAUTHORIZED),
        (manager.as_str(), "text/csv", key, wrong.clone(), StatusCode::FORBIDDEN),
        (&officer, "application/json", key, wrong.clone(), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (&officer, "text/csv", "", wrong.clone(), StatusCode::BAD_REQUEST),
        (&officer, "text/csv", "?idempotencyKey=k&dry=1", wrong.clone(), StatusCode::BAD_REQUEST),
        (&officer, "text/csv", key, "x".repeat(5 << 20), StatusCode::PAYLOAD_TOO_LARGE),
        (&officer, "text/csv", key, "amount\n1".into(), StatusCode::UNPROCESSABLE_ENTITY),
        (&officer, "text/csv", key, wrong.clone(), StatusCode::UNPROCESSABLE_ENTITY),
        (&officer, "text/csv", "?idempotencyKey=k&preview=true", wrong, StatusCode::OK),
    ] {
        let answer = send(token, kind, query, body).await;
        assert_eq!(answer.0.status(), expected, "{kind} {query}");
    }
    assert_eq!(status(&service, &one).await, DisbursementStatus::Approved);
    let right = file(&[of(one.id, "100.00", "W-1")]);
    let done = send(&officer, "text/csv; charset=utf-8", key, right).await;
    let done: Value = done.json().await.value().deserialize();
    assert_eq!(done["rows"][0]["outcome"], "PAID");
    assert_eq!(status(&service, &one).await, DisbursementStatus::Paid);
}
