//! Subscriptions as their users have them: real processes, the client `graphql-ws`, and what goes wrong between.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use thrive::{
    access::{self, Actor, Role, commands::NewRole},
    clock::Clock,
    disbursements::{Disbursement, commands},
    grants::{self, DateRange, Grant},
    id::TokenId,
};

use crate::support::{
    Cast, Service,
    process::{Running, output, thrive, tool},
    request_of, service,
};

/// How long anything may take here before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);
/// Long enough for what must not come to come.
const A_WHILE: Duration = Duration::from_secs(3);

/// A database with grants that money can be requested from, by the clock of real processes.
struct Scene {
    service: Service,
    cast: Cast,
    grants: Vec<Grant>,
    /// A token that follows everything, and its id.
    token: String,
    token_id: TokenId,
}

async fn scene(count: usize) -> Scene {
    let service = service().await;
    service.travel(Clock::System.now());
    let cast = service.cast().await;
    let mut grants = vec![];
    for number in 0..count {
        grants.push(active_grant(&service, &cast, &format!("S-{number}")).await);
    }
    let (token_id, token) =
        token(&service, "Svea Service", NewRole::everywhere(Role::Auditor)).await;
    Scene { service, cast, grants, token, token_id }
}

async fn active_grant(service: &Service, cast: &Cast, number: &str) -> Grant {
    let (app, today) = (&service.app, service.app.clock.today());
    let mut new = service.draft_of(cast, number, "100000.00").await;
    new.performance = DateRange { start: today.plus_days(-7), end: today.plus_days(600) };
    new.encumber_by = Some(today.plus_days(300));
    new.final_invoice_by = Some(today.plus_days(700));
    new.liquidate_by = Some(today.plus_days(800));
    let draft = grants::commands::create(app, &cast.manager, new).await.unwrap();
    let awarded = grants::commands::award(app, &cast.approver, draft.id, 1).await.unwrap();
    let signed = grants::commands::sign(app, &cast.manager, draft.id, awarded.revision, today);
    let signed = signed.await.unwrap();
    service.resolution(cast, &signed).await;
    signed
}

async fn token(service: &Service, name: &str, role: NewRole) -> (TokenId, String) {
    let person = service.person(name).await;
    let made = access::commands::create_token(&service.app, &person, &role, 30).await;
    let (id, secret) = made.unwrap();
    (id, secret.reveal().to_owned())
}

impl Scene {
    fn serve(&self) -> Running {
        self.serve_with(&[])
    }

    fn serve_with(&self, arguments: &[&str]) -> Running {
        let mut command = thrive();
        command.args(["serve", "--parts", "api", "--database-url", &self.service.database_url()]);
        command.args(arguments);
        tokio::task::block_in_place(|| Running::start(command))
    }

    /// Asks for a payment, in this process: no process that serves is told.
    async fn request(&self, grant: &Grant, invoice: &str) -> Disbursement {
        let today = self.service.app.clock.today();
        let mut new = request_of(grant, invoice, "1.00");
        new.period = DateRange { start: today.plus_days(-7), end: today };
        let finance = &self.cast.finance;
        commands::request(&self.service.app, finance, new, &format!("key {invoice}")).await.unwrap()
    }

    fn cursor(&self, running: &Running) -> String {
        let asked = || running.ask(Some(&self.token), "{ disbursementCursor }");
        let answer = tokio::task::block_in_place(asked);
        answer["data"]["disbursementCursor"].as_str().unwrap().to_owned()
    }

    async fn newest(&self) -> i64 {
        let newest = sqlx::query_scalar("select position from disbursement_feed_head");
        newest.fetch_one(&self.service.app.db).await.unwrap()
    }

    async fn number(&self) -> i32 {
        let numbered = sqlx::query_scalar("select number_disbursement_events(1000)");
        numbered.fetch_one(&self.service.app.db).await.unwrap()
    }
}

fn socket(running: &Running) -> String {
    format!("ws://127.0.0.1:{}/graphql/ws", running.port)
}

/// The client, as a process of its own; gone when the test drops it.
struct Follower {
    child: Child,
    lines: mpsc::Receiver<Value>,
}

impl Follower {
    fn start(running: &Running, token: &str, variables: &Value) -> Self {
        let follower = Self::knock(running, token, variables);
        assert_eq!(follower.hears()["event"], "connected");
        follower
    }

    /// Whether or not it is let in.
    fn knock(running: &Running, token: &str, variables: &Value) -> Self {
        let mut child = Command::new("node")
            .arg(tool("follow.mjs"))
            .args([&socket(running), token, &variables.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node is installed");
        let output = BufReader::new(child.stdout.take().unwrap());
        let (said, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _ = said.send(serde_json::from_str(&line).unwrap());
            }
        });
        Self { child, lines }
    }

    fn after(running: &Running, token: &str, cursor: &str) -> Self {
        Self::start(running, token, &json!({ "after": cursor }))
    }

    fn hears(&self) -> Value {
        tokio::task::block_in_place(|| self.lines.recv_timeout(PATIENCE))
            .expect("something is said")
    }

    fn hears_nothing(&self) {
        let heard = tokio::task::block_in_place(|| self.lines.recv_timeout(A_WHILE));
        assert_eq!(heard.ok(), None);
    }

    /// The next change.
    fn change(&self) -> Value {
        let mut heard = self.hears();
        assert_eq!(heard["event"], "next", "{heard}");
        assert_eq!(heard["payload"].get("errors"), None, "{heard}");
        heard["payload"]["data"]["disbursementChanged"].take()
    }

    /// The code and the reason with which the socket was closed.
    fn closed(&self) -> (u64, String) {
        loop {
            let heard = self.hears();
            if heard["event"] == "closed" {
                let reason = heard["reason"].as_str().unwrap().to_owned();
                return (heard["code"].as_u64().unwrap(), reason);
            }
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn invoice(change: &Value) -> &str {
    change["disbursement"]["invoiceNumber"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_socket_keeps_to_graphql_transport_ws() {
    let scene = scene(0).await;
    // What is asked here costs more than a person asks for in a minute.
    let running = scene.serve_with(&["--cost-per-minute", "0"]);
    let script = tool("graphql-ws-assertions.mjs");
    let mut command = Command::new("node");
    command.arg(script).args([&socket(&running), &scene.token]);

    let asserted = tokio::task::block_in_place(|| output(&mut command));

    let said = String::from_utf8(asserted.stdout).unwrap();
    assert_eq!(said.trim(), r#"{"assertions":31,"ok":31}"#);
    assert!(asserted.status.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_made_through_one_process_is_told_by_another() {
    let scene = scene(1).await;
    let (one, other) = (scene.serve(), scene.serve());
    let follower = Follower::after(&other, &scene.token, &scene.cursor(&other));
    let role = NewRole {
        organization: Some(scene.cast.recipient.id),
        ..NewRole::everywhere(Role::CityFinance)
    };
    let (_, finance) = token(&scene.service, "Fritz Finance", role).await;
    let (_, approver) =
        token(&scene.service, "Alva Approver", NewRole::everywhere(Role::Approver)).await;
    let today = scene.service.app.clock.today();

    let asked = format!(
        "mutation {{ requestDisbursement(input: {{ idempotencyKey: \"one\", grantId: \"{}\", kind: REIMBURSEMENT,
            amount: \"12.50\", invoiceNumber: \"INV-1\", period: {{ start: \"{today}\", end: \"{today}\" }} }}) {{
            disbursement {{ id }} userErrors {{ message }} }} }}",
        scene.grants[0].id
    );
    let answer = tokio::task::block_in_place(|| one.ask(Some(&finance), &asked));
    let id =
        answer["data"]["requestDisbursement"]["disbursement"]["id"].as_str().expect("it is made");

    let first = follower.change();
    assert_eq!(first["previousStatus"], Value::Null);
    assert_eq!(first["event"]["status"], "REQUESTED");
    assert_eq!(first["event"]["person"]["name"], "Fritz Finance");
    assert_eq!(
        first["disbursement"],
        json!({ "id": id, "status": "REQUESTED", "amount": "12.50", "invoiceNumber": "INV-1",
                "grant": { "number": "S-0", "recipient": { "name": "City of Fresno (test)" } } })
    );

    let rejected = format!(
        "mutation {{ rejectDisbursement(input: {{ disbursementId: \"{id}\", reason: \"Twice\" }}) {{
            userErrors {{ message }} }} }}"
    );
    let answer = tokio::task::block_in_place(|| one.ask(Some(&approver), &rejected));
    assert_eq!(answer["data"]["rejectDisbursement"]["userErrors"], json!([]), "{answer}");
    let second = follower.change();
    assert_eq!(second["previousStatus"], "REQUESTED");
    assert_eq!(second["event"]["status"], "REJECTED");
    assert_eq!(second["event"]["reason"], "Twice");
    assert_eq!(second["disbursement"]["status"], "REJECTED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_grants_and_states_that_were_asked_for_are_told() {
    let scene = scene(2).await;
    let running = scene.serve();
    let cursor = scene.cursor(&running);
    let wanted = json!({ "after": cursor, "grantIds": [scene.grants[1].id.to_string()], "statuses": ["REJECTED"] });
    let follower = Follower::start(&running, &scene.token, &wanted);
    let (app, approver) = (&scene.service.app, &scene.cast.approver);

    for (number, grant) in scene.grants.iter().enumerate() {
        let made = scene.request(grant, &format!("INV-{number}")).await;
        commands::reject(app, approver, made.id, "No").await.unwrap();
    }

    let change = follower.change();
    assert_eq!((invoice(&change), &change["event"]["status"]), ("INV-1", &json!("REJECTED")));
    follower.hears_nothing();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_are_told_when_no_message_of_postgresql_arrives() {
    let scene = scene(1).await;
    let running = scene.serve();
    let follower = Follower::after(&running, &scene.token, &scene.cursor(&running));
    // Listeners that are cut off listen again.
    let cut = "select count(pg_terminate_backend(pid)) from pg_stat_activity
                where datname = current_database() and query ilike 'listen%'";
    let ended: i64 = sqlx::query_scalar(cut).fetch_one(&scene.service.app.db).await.unwrap();
    assert_eq!(ended, 1, "one connection of the process listens");
    scene.request(&scene.grants[0], "while it is cut off").await;
    assert_eq!(invoice(&follower.change()), "while it is cut off");

    // And without any message there is what is looked for.
    let owner = scene.service.as_owner().await;
    let silent: String = sqlx::query_scalar(
        "select replace(pg_get_functiondef('number_disbursement_events'::regproc), 'pg_notify', 'concat')",
    )
    .fetch_one(&owner)
    .await
    .unwrap();
    assert!(silent.contains("perform concat"), "{silent}");
    sqlx::query(sqlx::AssertSqlSafe(silent)).execute(&owner).await.unwrap();
    scene.request(&scene.grants[0], "without a message").await;
    assert_eq!(invoice(&follower.change()), "without a message");
    owner.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_back_with_a_cursor_is_told_exactly_what_happened_meanwhile() {
    let scene = scene(1).await;
    let running = scene.serve();
    let first = Follower::after(&running, &scene.token, &scene.cursor(&running));
    scene.request(&scene.grants[0], "before").await;
    let seen = first.change();
    drop(first);
    for number in 1..=3 {
        scene.request(&scene.grants[0], &format!("meanwhile {number}")).await;
    }

    let again = Follower::after(&running, &scene.token, seen["cursor"].as_str().unwrap());

    let told: Vec<_> = (0..3).map(|_| again.change()).collect();
    let told: Vec<_> = told.iter().map(invoice).collect();
    assert_eq!(told, ["meanwhile 1", "meanwhile 2", "meanwhile 3"]);
    again.hears_nothing();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn among_64_changes_at_once_a_connection_that_breaks_again_and_again_loses_and_repeats_none()
{
    let scene = Arc::new(scene(8).await);
    let (one, other) = (scene.serve(), scene.serve());
    let mut cursor = scene.cursor(&one);
    let barrier = Arc::new(tokio::sync::Barrier::new(64));
    let tasks: Vec<_> = (0..64)
        .map(|number| {
            let (scene, barrier) = (Arc::clone(&scene), Arc::clone(&barrier));
            tokio::spawn(async move {
                barrier.wait().await;
                scene.request(&scene.grants[number % 8], &format!("INV-{number:02}")).await;
            })
        })
        .collect();

    let mut told = vec![];
    // From either process, a few at a time.
    for round in 0.. {
        if told.len() == 64 {
            break;
        }
        let running = if round % 2 == 0 { &one } else { &other };
        let follower = Follower::after(running, &scene.token, &cursor);
        for _ in 0..(64 - told.len()).min(9) {
            let change = follower.change();
            cursor = change["cursor"].as_str().unwrap().to_owned();
            told.push(invoice(&change).to_owned());
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
    let different: BTreeSet<_> = told.iter().cloned().collect();
    assert_eq!(different.len(), 64, "each once: {told:?}");
    Follower::after(&one, &scene.token, &cursor).hears_nothing();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_of_another_city_is_told_nothing() {
    let scene = scene(1).await;
    let running = scene.serve();
    let cursor = scene.cursor(&running);
    let elsewhere = scene.service.city("0644000").await;
    let member = |city| NewRole { city: Some(city), ..NewRole::everywhere(Role::CityMember) };
    let (_, theirs) = token(&scene.service, "Elsa Elsewhere", member(elsewhere.id)).await;
    let (_, ours) = token(&scene.service, "Heidi Here", member(scene.cast.city.id)).await;
    let there = Follower::after(&running, &theirs, &cursor);
    // To name the grant helps nobody.
    let named = json!({ "after": cursor, "grantIds": [scene.grants[0].id.to_string()] });
    let named = Follower::start(&running, &theirs, &named);
    let here = Follower::after(&running, &ours, &cursor);

    scene.request(&scene.grants[0], "ours").await;

    assert_eq!(invoice(&here.change()), "ours");
    there.hears_nothing();
    named.hears_nothing();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_that_moves_out_of_sight_is_no_longer_told_of() {
    let scene = scene(2).await;
    let running = scene.serve();
    let fresno = scene.cast.city.id;
    let elsewhere = scene.service.city("0644000").await;
    let role = NewRole { city: Some(fresno), ..NewRole::everywhere(Role::CityMember) };
    let (_, member) = token(&scene.service, "Heidi Here", role).await;
    let follower = Follower::after(&running, &member, &scene.cursor(&running));
    scene.request(&scene.grants[0], "seen").await;
    assert_eq!(invoice(&follower.change()), "seen");

    // No command moves an awarded grant's city: the owner of the tables does.
    let owner = scene.service.as_owner().await;
    sqlx::query("update grant_cities set city_id = $1 where grant_id = $2")
        .bind(elsewhere.id.0)
        .bind(scene.grants[0].id.0)
        .execute(&owner)
        .await
        .unwrap();
    owner.close().await;
    scene.request(&scene.grants[0], "not seen").await;
    scene.request(&scene.grants[1], "seen again").await;

    assert_eq!(invoice(&follower.change()), "seen again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_ends_closes_its_socket_and_tells_nothing_more() {
    let scene = scene(1).await;
    let running = scene.serve();
    let cursor = scene.cursor(&running);
    let (app, db) = (&scene.service.app, &scene.service.app.db);
    let follower = Follower::after(&running, &scene.token, &cursor);
    let revoked = access::store::revoke_token(db, scene.token_id, None, app.clock.now()).await;
    assert!(revoked.unwrap());
    assert_eq!(follower.closed(), (4403, "Forbidden: the token has expired or was revoked".into()));

    let (id, expiring) =
        token(&scene.service, "Exa Expiring", NewRole::everywhere(Role::Auditor)).await;
    let follower = Follower::after(&running, &expiring, &cursor);
    // Time goes by, which a token's row otherwise does not allow.
    let owner = scene.service.as_owner().await;
    let off = "alter table access_tokens disable trigger access_tokens_guard";
    sqlx::query(off).execute(&owner).await.unwrap();
    sqlx::query(
        "update access_tokens set expires_at = created_at + interval '1 microsecond' where id = $1",
    )
    .bind(id.0)
    .execute(&owner)
    .await
    .unwrap();
    // The word on a token is at most a second old when something is told.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    scene.request(&scene.grants[0], "too late").await;
    assert_eq!(follower.closed().0, 4403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_what_somebody_may_see_makes_the_client_connect_again() {
    let scene = scene(1).await;
    let running = scene.serve();
    let role = NewRole { city: Some(scene.cast.city.id), ..NewRole::everywhere(Role::CityMember) };
    let (_, member) = token(&scene.service, "Heidi Here", role).await;
    let follower = Follower::after(&running, &member, &scene.cursor(&running));
    let elsewhere = scene.service.city("0644000").await;

    sqlx::query(
        "insert into role_grants (id, person_id, role, city_id, granted_at)
         select gen_random_uuid(), person_id, role, $1, granted_at from role_grants where role = 'CITY_MEMBER'",
    )
    .bind(elsewhere.id.0)
    .execute(&scene.service.app.db)
    .await
    .unwrap();

    assert_eq!(follower.closed(), (1012, "what you may see has changed: connect again".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_of_the_process_that_numbers_events_leaves_it_to_another() {
    let scene = scene(1).await;
    let first = scene.serve();
    let cursor = scene.cursor(&first);
    scene.request(&scene.grants[0], "by the first").await;
    assert_eq!(invoice(&Follower::after(&first, &scene.token, &cursor).change()), "by the first");
    let second = scene.serve();
    let follower = Follower::after(&second, &scene.token, &cursor);
    assert_eq!(invoice(&follower.change()), "by the first");

    // Whatever it held ended with its connection.
    tokio::task::block_in_place(|| first.kill_9());
    scene.request(&scene.grants[0], "by the second").await;

    assert_eq!(invoice(&follower.change()), "by the second");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_ends_says_so_to_its_sockets_and_ends_soon() {
    let scene = scene(0).await;
    let running = scene.serve();
    let follower = Follower::after(&running, &scene.token, &scene.cursor(&running));
    let begin = Instant::now();

    assert!(tokio::task::block_in_place(|| running.ctrl_c()).success());

    assert_eq!(follower.closed(), (1012, "the service is stopping: connect again".into()));
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_socket_more_than_there_may_be_is_told_to_come_later() {
    let scene = scene(0).await;
    let running = scene.serve_with(&["--sockets", "1"]);
    let cursor = scene.cursor(&running);
    let first = Follower::after(&running, &scene.token, &cursor);
    let assertions = || {
        let mut command = Command::new("node");
        command.arg(tool("follow.mjs")).args([&socket(&running), &scene.token]);
        String::from_utf8(output(&mut command).stdout).unwrap()
    };

    let said = tokio::task::block_in_place(assertions);

    let closed = json!({ "event": "closed", "code": 1013, "reason": "too many sockets are open: try again later" });
    let last: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!(last, closed);
    drop(first);
    // A place that is left is there for the next one.
    tokio::time::sleep(Duration::from_millis(500)).await;
    Follower::after(&running, &scene.token, &cursor);
}

#[tokio::test]
async fn an_event_that_commits_late_gets_a_later_position() {
    let scene = scene(2).await;
    let db = &scene.service.app.db;
    let early = scene.request(&scene.grants[0], "early").await;
    assert_eq!(scene.number().await, 1);
    let before = scene.newest().await;
    let mut late = db.begin().await.unwrap();
    sqlx::query(
        "insert into disbursement_events (id, disbursement_id, status, person_id, reason, occurred_at)
         select gen_random_uuid(), disbursement_id, status, person_id, 'late', occurred_at
           from disbursement_events where disbursement_id = $1",
    )
    .bind(early.id.0)
    .execute(&mut *late)
    .await
    .unwrap();

    scene.request(&scene.grants[1], "meanwhile").await;
    assert_eq!(scene.number().await, 1, "what is not committed waits");
    assert_eq!(scene.newest().await, before + 1);
    late.commit().await.unwrap();
    assert_eq!(scene.number().await, 1);

    let position: i64 = sqlx::query_scalar(
        "select f.position from disbursement_feed f join disbursement_events e on e.id = f.event_id where e.reason = 'late'",
    )
    .fetch_one(db)
    .await
    .unwrap();
    assert_eq!(position, before + 2);
    assert_eq!(scene.number().await, 0);
}

#[tokio::test]
async fn while_one_numbers_events_another_leaves_them_alone() {
    let scene = scene(1).await;
    scene.request(&scene.grants[0], "one").await;
    let owner = scene.service.as_owner().await;
    let mut tx = owner.begin().await.unwrap();
    sqlx::query("select from disbursement_feed_head for update").execute(&mut *tx).await.unwrap();

    assert_eq!(scene.number().await, 0, "it does not wait either");
    tx.rollback().await.unwrap();
    assert_eq!(scene.number().await, 1);
    owner.close().await;
}

#[tokio::test]
async fn the_database_keeps_positions_as_they_were_given() {
    let scene = scene(1).await;
    scene.request(&scene.grants[0], "one").await;
    assert_eq!(scene.number().await, 1);
    let owner = scene.service.as_owner().await;
    let fixed = "disbursement_feed is append-only: record a reversal instead";
    for (pool, statement, expected) in [
        (&owner, "update disbursement_feed set position = 9", fixed),
        (&owner, "delete from disbursement_feed", fixed),
        (&owner, "truncate disbursement_feed", fixed),
        (
            &scene.service.app.db,
            "update disbursement_feed_head set position = 9",
            "permission denied for table disbursement_feed_head",
        ),
        (
            &scene.service.app.db,
            "update disbursement_feed set position = null",
            "permission denied for table disbursement_feed",
        ),
        (
            &scene.service.app.db,
            "insert into disbursement_feed (event_id) select id from disbursement_events",
            "permission denied for table disbursement_feed",
        ),
    ] {
        let refused = sqlx::query(statement).execute(pool).await.unwrap_err();
        let said = refused.as_database_error().unwrap().message().to_owned();
        assert_eq!(said, expected, "{statement}");
    }
    owner.close().await;
}

#[tokio::test]
async fn subscriptions_are_not_answered_over_http() {
    let scene = scene(0).await;
    let actor: &Actor = &scene.cast.auditor;
    let query = "subscription { disbursementChanged { cursor } }";
    let answer = scene.service.ask(actor, query, json!({})).await;
    assert_eq!(
        answer["errors"][0]["message"],
        "Subscriptions are not supported on this transport."
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_tokens_are_counted_on_sockets_too() {
    let scene = scene(0).await;
    let running = scene.serve_with(&["--failed-sign-ins-per-minute", "2"]);
    let knock = || Follower::knock(&running, "thrive_nobody", &json!({})).closed();
    for _ in 0..2 {
        assert_eq!(knock().0, 4403);
    }
    let (code, reason) = knock();
    assert_eq!(code, 1013);
    assert!(reason.contains("2 in a minute at most"), "{reason}");
}
