//! What is left of a payment whose connection or process dies at any moment: all of it or nothing,
//! and asking again completes it. And how often a payment has to wait for the database.

use std::time::Duration;

use thrive::{
    App, Error,
    access::{self, Role, commands::NewRole},
    clock::Clock,
    db,
    disbursements::{Disbursement, DisbursementStatus, Payment, PaymentMethod, commands, payment},
    grants::{self, DateRange, Grant},
    money::Money,
};

use crate::support::{
    Cast, Service, assert_ledger_agrees, money,
    process::{Running, ask, thrive},
    proxy::{Fault, Heard, Proxy, Sender, Side, Which},
    request_of, service, start,
};

/// How often a payment waits for the database, on a connection that knows its statements.
const ROUND_TRIPS: usize = 4;

const AMOUNT: &str = "1.00";

/// A service beside a proxy, with one grant of a hundred thousand payments.
struct Scene {
    service: Service,
    cast: Cast,
    grant: Grant,
    proxy: Proxy,
    /// The same service, by one connection through the proxy.
    app: App,
}

/// What a payment changes, all of it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
struct Traces {
    status: String,
    revision: i32,
    events: i64,
    keys: i64,
    /// Entries of the grant, which belong to all its disbursements.
    entries: i64,
    disbursed: Money,
}

impl Traces {
    fn after_payment(&self, entries: i64) -> Self {
        Self {
            status: "PAID".into(),
            revision: self.revision + 1,
            events: self.events + 1,
            keys: self.keys + 1,
            entries: self.entries + entries,
            disbursed: self.disbursed.plus(money(AMOUNT)).unwrap(),
        }
    }
}

/// Around the day that the clock shows, so that a real process may take part.
async fn scene(clock: &Clock) -> Scene {
    let service = service().await;
    service.travel(clock.now());
    let cast = service.cast().await;
    let today = service.app.clock.today();
    let mut new = service.draft_of(&cast, "F-1", "100000.00").await;
    new.performance = DateRange { start: today.plus_days(-7), end: today.plus_days(600) };
    new.encumber_by = Some(today.plus_days(300));
    new.final_invoice_by = Some(today.plus_days(700));
    new.liquidate_by = Some(today.plus_days(800));
    let app = &service.app;
    let draft = grants::commands::create(app, &cast.manager, new).await.unwrap();
    let awarded = grants::commands::award(app, &cast.approver, draft.id, 1).await.unwrap();
    let grant = grants::commands::sign(app, &cast.manager, draft.id, awarded.revision, today)
        .await
        .unwrap();
    service.resolution(&cast, &grant).await;

    let proxy = Proxy::start().await;
    let pool = db::pool(&proxy.options(&service.service_options), 1).await.unwrap();
    let app = App { db: pool, ..service.app.clone() };
    Scene { service, cast, grant, proxy, app }
}

impl Scene {
    /// A disbursement that waits for its payment.
    async fn approved(&self) -> Disbursement {
        let (app, key) = (&self.service.app, uuid::Uuid::new_v4().to_string());
        let today = app.clock.today();
        let mut new = request_of(&self.grant, &key, AMOUNT);
        new.period = DateRange { start: today.plus_days(-7), end: today };
        let made = commands::request(app, &self.cast.finance, new, &key).await.unwrap();
        commands::approve(app, &self.cast.approver, made.id, Default::default()).await.unwrap()
    }

    /// Pays it through the proxy; again under the same key.
    async fn pay(&self, approved: &Disbursement) -> thrive::Result<Disbursement> {
        let payment = Payment::new(self.app.clock.today(), PaymentMethod::Warrant, "W-1");
        let key = approved.id.to_string();
        payment::pay(&self.app, &self.cast.officer, approved.id, payment, &key).await
    }

    /// Read on a connection that knows no proxy.
    async fn traces(&self, of: &Disbursement) -> Traces {
        sqlx::query_as(
            "select d.status, d.revision,
                    (select count(*) from disbursement_events e where e.disbursement_id = d.id) as events,
                    (select count(*) from idempotency_keys k
                      where k.object_id = d.id and k.mutation = 'payDisbursement') as keys,
                    (select count(*) from ledger_transfers t join ledger_accounts a on a.id = t.from_account
                      where a.grant_id = d.grant_id) as entries,
                    (select balance from ledger_accounts a
                      where a.grant_id = d.grant_id and a.kind = 'PAID') as disbursed
               from disbursements d where d.id = $1",
        )
        .bind(of.id.0)
        .fetch_one(&self.service.app.db)
        .await
        .unwrap()
    }

    /// What service and database say to each other in a payment when nothing goes wrong and the
    /// connection knows the statements, and how many entries a payment has.
    async fn undisturbed(&self) -> (Heard, i64) {
        self.pay(&self.approved().await).await.unwrap();
        let second = self.approved().await;
        let before = self.traces(&second).await;
        self.proxy.listen();
        self.pay(&second).await.unwrap();
        let heard = self.proxy.heard();
        let after = self.traces(&second).await;
        let entries = after.entries - before.entries;
        assert!(entries > 0);
        assert_eq!(after, before.after_payment(entries));
        (heard, entries)
    }

    /// Whether the payment was made. Panics where it was made in part, or the ledger is wrong.
    async fn is_made(&self, of: &Disbursement, before: &Traces, entries: i64) -> bool {
        self.proxy.until_backends_ended(&self.service.app.db).await;
        assert_ledger_agrees(&self.service.app.db, self.grant.id).await;
        let found = self.traces(of).await;
        assert!(
            found == *before || found == before.after_payment(entries),
            "neither entirely nor not at all: {before:?} became {found:?}"
        );
        found != *before
    }

    /// Cuts a payment there. Answers whether it was made all the same, and whether the caller was told.
    async fn cut(&self, side: Side, which: Which, entries: i64) -> (bool, bool) {
        let (db, at) = (&self.service.app.db, format!("{side:?} {which:?}"));
        let approved = self.approved().await;
        let before = self.traces(&approved).await;
        self.proxy.listen();
        self.proxy.strike(Fault::Cut, side, which);
        let answer = tokio::time::timeout(Duration::from_secs(60), self.pay(&approved));
        let answer = answer.await.unwrap_or_else(|_| panic!("no end of a payment cut {at}"));

        self.proxy.until_struck().await;
        let heard = self.proxy.heard();
        let made = self.is_made(&approved, &before, entries).await;
        assert_eq!(made, heard.has_query("COMMIT"), "made when told to commit, {at}");
        match &answer {
            Ok(paid) => assert!(made && paid.status == DisbursementStatus::Paid, "{at}"),
            Err(Error::Internal(_)) => {}
            Err(refused) => panic!("a cut {at} is no refusal: {refused}"),
        }

        // The pool has noticed that its connection is gone, and opens another.
        let again = self.pay(&approved).await.unwrap_or_else(|error| panic!("{at}: {error:?}"));
        assert_eq!((again.id, again.status), (approved.id, DisbursementStatus::Paid));
        assert_eq!(self.traces(&approved).await, before.after_payment(entries), "once, {at}");
        assert_ledger_agrees(db, self.grant.id).await;
        (made, answer.is_ok())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_waits_for_the_database_no_more_often_than_promised() {
    let scene = scene(&Clock::fixed(start())).await;
    // That the proxy counts rightly: the first time, the statement is prepared too.
    for (time, expected) in [("first", 2), ("second", 1)] {
        scene.proxy.listen();
        let one: i32 = sqlx::query_scalar("select 1").fetch_one(&scene.app.db).await.unwrap();
        assert_eq!((one, scene.proxy.heard().round_trips), (1, expected), "the {time} time");
    }
    scene.proxy.listen();
    let mut tx = scene.app.db.begin().await.unwrap();
    sqlx::query("select 1").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(scene.proxy.heard().round_trips, 3);

    let (heard, _) = scene.undisturbed().await;
    assert!(heard.has_query("BEGIN") && heard.has_query("COMMIT"));
    assert!(heard.round_trips <= ROUND_TRIPS, "{} round trips", heard.round_trips);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_cut_off_at_any_message_is_made_entirely_or_not_at_all_and_asking_again_makes_it_once()
 {
    let scene = scene(&Clock::fixed(start())).await;
    let (heard, entries) = scene.undisturbed().await;
    let (mut made, mut told, mut not_made) = (0, 0, 0);
    let mut knows_statements = true;
    for sender in [Sender::Service, Sender::Database] {
        let count = heard.count(sender);
        assert!(count > 0);
        for number in 1..=count {
            for side in [Side::Before, Side::After] {
                if !knows_statements {
                    scene.pay(&scene.approved().await).await.unwrap();
                }
                let which = Which::Number(sender, number);
                let (is_made, is_told) = scene.cut(side, which, entries).await;
                made += usize::from(is_made);
                told += usize::from(is_told);
                not_made += usize::from(!is_made);
                // A payment that is answered again needs fewer statements than one that is made.
                knows_statements = !is_made;
            }
        }
    }
    let cuts = 2 * heard.messages.len();
    eprintln!("{cuts} cuts: {made} after which the payment was made ({told} told), {not_made} not");
    assert_eq!(made + not_made, cuts);
    // Told to commit, the database answers that it has, and that it is ready: the answer may be lost
    // around each of these, and after the last message it is not.
    assert!(made > told && told > 0 && not_made > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_amid_a_payment_leaves_it_made_or_not_made_and_asking_again_makes_it_once() {
    let scene = scene(&Clock::fixed(Clock::System.now())).await;
    let (heard, entries) = scene.undisturbed().await;
    // A new process prepares statements, so it sends more messages than these.
    let amid = |sender| Which::Number(sender, heard.count(sender) / 2);
    // From now on the processes have the proxy for themselves.
    scene.app.db.close().await;
    let service = &scene.service;
    let person = service.person("Olga Officer").await;
    let role = NewRole::everywhere(Role::FiscalOfficer);
    let (_, secret) =
        access::commands::create_token(&service.app, &person, &role, 30).await.unwrap();
    let secret = secret.reveal().to_owned();
    let serve = || {
        let mut command = thrive();
        command.args(["serve", "--parts", "api"]);
        command.args(["--database-url", &scene.proxy.url(&service.service_options)]);
        // What it says while nobody asks goes another way.
        command.args(["--direct-database-url", &service.database_url()]);
        Running::start(command)
    };
    let today = service.app.clock.today();
    let pay = |approved: &Disbursement| {
        let id = approved.id;
        format!(
            "mutation {{ payDisbursement(input: {{ idempotencyKey: \"{id}\", disbursementId: \"{id}\",
                paidOn: \"{today}\", method: WARRANT, reference: \"W-1\" }}) {{
                disbursement {{ id status }} userErrors {{ code message }} }} }}"
        )
    };
    let mut running = tokio::task::block_in_place(serve);
    for (side, which, is_made) in [
        (Side::Before, Which::Query("BEGIN"), false),
        (Side::After, amid(Sender::Service), false),
        (Side::Before, amid(Sender::Database), false),
        (Side::Before, Which::Query("COMMIT"), false),
        (Side::After, Which::Query("COMMIT"), true),
    ] {
        let approved = scene.approved().await;
        let before = scene.traces(&approved).await;
        scene.proxy.listen_from("BEGIN");
        scene.proxy.strike(Fault::Hold, side, which);
        let (url, token, mutation) = (running.url("/graphql"), secret.clone(), pay(&approved));
        let asking = tokio::task::spawn_blocking(move || ask(&url, Some(&token), &mutation));
        scene.proxy.until_struck().await;
        tokio::task::block_in_place(|| running.kill_9());
        assert_eq!(asking.await.unwrap(), None, "the answer is lost");
        let found = scene.is_made(&approved, &before, entries).await;
        assert_eq!(found, is_made, "{side:?} {which:?}");

        running = tokio::task::block_in_place(serve);
        let paid = serde_json::json!({ "status": "PAID", "id": approved.id.to_string() });
        for _ in 0..2 {
            let again = tokio::task::block_in_place(|| running.ask(Some(&secret), &pay(&approved)));
            let payload = &again["data"]["payDisbursement"];
            assert_eq!(payload["disbursement"], paid, "{again}");
            assert_eq!(scene.traces(&approved).await, before.after_payment(entries));
        }
        assert_ledger_agrees(&service.app.db, scene.grant.id).await;
    }
}
