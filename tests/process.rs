//! The program as its users run it: real processes, a real terminal's signals.

use std::{
    collections::HashSet,
    fs,
    net::TcpListener,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::Path,
    process::Command,
};

use nix::unistd::{Uid, User};
use serde_json::json;

use thrive::{
    clock::Clock,
    deadlines::{self, DeadlineKind, NewDeadline},
    jobs::{Job, Run},
};

use crate::support::{
    empty_database,
    process::{
        BINARY, Running, SmtpServer, configured_by_nothing, output, processes_naming, thrive, tool,
    },
    service,
};

fn serve(data_dir: &Path) -> Command {
    let mut command = thrive();
    command.args(["serve", "--data-dir", data_dir.to_str().unwrap()]);
    command
}

/// A directory that any user can reach, empty.
fn data_dir() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

/// Start, kill -9, start again, Ctrl-C.
fn survives_kill_9(run_as: Option<&User>) {
    let dir = data_dir();
    // Where that user can reach it: the checkout may lie below a private home.
    let program = dir.path().join("thrive");
    fs::copy(BINARY, &program).unwrap();
    let command = || {
        let mut command = configured_by_nothing(Command::new(&program));
        command
            .args(["serve", "--data-dir", dir.path().join("data").to_str().unwrap()])
            .current_dir(dir.path());
        if let Some(user) = run_as {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        command
    };
    if let Some(user) = run_as {
        chown(dir.path(), Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
    }
    let cities = "{ cities(filter: { search: \"fresno\" }) { nodes { id name } } }";

    let first = Running::start(command());
    let before = first.ask(None, cities);
    assert_eq!(before["data"]["cities"]["nodes"][0]["name"], "Fresno");
    first.kill_9();

    // Ids are made on loading: the same id is the same row.
    let second = Running::start(command());
    assert_eq!(second.ask(None, cities), before, "the data are intact");
    if let Some(user) = run_as {
        assert_eq!(fs::metadata(dir.path().join("data/lock")).unwrap().uid(), user.uid.as_raw());
    }
    assert!(!processes_naming(dir.path()).is_empty());
    assert!(second.ctrl_c().success());
    assert_eq!(processes_naming(dir.path()), [""; 0], "no process is left behind");
}

#[test]
fn this_user_s_data_survive_kill_9_and_ctrl_c_stops_everything() {
    survives_kill_9(None);
}

#[test]
fn an_ordinary_user_s_data_survive_kill_9_and_ctrl_c_stops_everything() {
    // An ordinary user has just seen that in the test above; root can be one.
    if Uid::effective().is_root() {
        let nobody = User::from_name("nobody").unwrap().expect("there is the user nobody");
        survives_kill_9(Some(&nobody));
    } else {
        survives_kill_9(None);
    }
}

#[test]
fn a_taken_port_is_a_clear_sentence_and_nothing_is_touched() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let dir = data_dir();
    let data = dir.path().join("data");

    let ended = output(serve(&data).args(["--listen", &address]));

    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(
        said.contains(&format!(
            "{address} cannot be listened on; is it taken? Choose another with --listen"
        )),
        "{said}"
    );
    assert!(!data.exists());
}

#[test]
fn data_of_another_postgresql_are_refused_and_kept() {
    let dir = data_dir();
    let data = dir.path().join("data");
    Running::start(serve(&data)).ctrl_c();
    let version = data.join("postgres/pgdata/PG_VERSION");
    fs::write(&version, "13\n").unwrap();

    let ended = output(serve(&data).args(["--listen", "127.0.0.1:0"]));

    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("PostgreSQL 13"), "{said}");
    assert_eq!(fs::read_to_string(&version).unwrap(), "13\n");
}

#[test]
fn a_data_directory_that_cannot_be_made_is_a_clear_sentence() {
    let dir = data_dir();
    let file = dir.path().join("file");
    fs::write(&file, "precious").unwrap();

    let ended = output(serve(&file).args(["--listen", "127.0.0.1:0"]));

    assert_eq!(ended.status.code(), Some(1));
    assert!(String::from_utf8(ended.stderr).unwrap().contains(file.to_str().unwrap()));
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn demo_data_do_not_go_beside_real_grants() {
    let service = service().await;
    let cast = service.cast().await;
    service.draft(&cast, "G-1", "1000.00").await;
    let url = service.database_url();
    let owner = url.replace("thrive_app", "thrive_owner");

    let ended = tokio::task::block_in_place(|| {
        let dir = data_dir();
        let mut demo = thrive();
        demo.args([
            "demo",
            "--listen",
            "127.0.0.1:0",
            "--database-url",
            &url,
            "--owner-database-url",
            &owner,
        ]);
        output(demo.args(["--data-dir", dir.path().to_str().unwrap()]))
    });

    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("this database holds grants that are no demonstration"), "{said}");
    let people: i64 =
        sqlx::query_scalar("select count(*) from people where email like '%demo.example'")
            .fetch_one(&service.app.db)
            .await
            .unwrap();
    assert_eq!(people, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_given_database_is_migrated_on_request_and_not_served_before() {
    let url = empty_database().await;
    tokio::task::block_in_place(|| {
        let dir = data_dir();
        let with = |command: &str, user: &str| {
            let mut thrive = thrive();
            thrive.args([command, "--database-url", &url.replace("USER", user)]);
            thrive.args(["--data-dir", dir.path().join("unused").to_str().unwrap()]);
            thrive
        };
        let early = output(with("serve", "thrive_app").args(["--listen", "127.0.0.1:0"]));
        assert_eq!(early.status.code(), Some(1));
        assert!(String::from_utf8(early.stderr).unwrap().contains("run `thrive migrate` first"));

        let migrated = |expected: &str| {
            let done = output(&mut with("migrate", "thrive_owner"));
            assert!(String::from_utf8(done.stdout).unwrap().contains(expected));
        };
        migrated("58 counties and 482 cities were added");
        migrated("0 migrations, 0 counties and 0 cities were added");

        let running = Running::start(with("serve", "thrive_app"));
        let counted = running.ask(None, "{ cities { totalCount } }");
        assert_eq!(counted["data"]["cities"]["totalCount"], 482);
        assert!(running.ctrl_c().success());
        assert!(!dir.path().join("unused").exists(), "nothing private is started");
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reviewed_files_of_rules_and_holidays_are_checked_and_brought_in_by_hand() {
    let service = service().await;
    let url = service.database_url();
    tokio::task::block_in_place(|| {
        let dir = data_dir();
        let good = dir.path().join("good.toml");
        let text = fs::read_to_string("rules/prop68-spp.toml").unwrap();
        let text = text
            .replace("2018-06-06", "2026-11-01")
            .replace("maxAdvanceBp = 2500", "maxAdvanceBp = 2000");
        fs::write(&good, &text).unwrap();
        let bad = dir.path().join("bad.toml");
        fs::write(&bad, text.replace("maxAdvanceBp = 2000", "maxAdvanceBp = 20000")).unwrap();
        let said = |arguments: &[&str]| {
            let mut thrive = thrive();
            if arguments[1] == "import" {
                thrive.args(arguments).args(["--database-url", &url]);
            } else {
                thrive.args(arguments);
            }
            let done = output(&mut thrive);
            let text = |bytes| String::from_utf8(bytes).unwrap();
            (done.status.code(), text(done.stdout) + &text(done.stderr))
        };
        let (good, bad) = (good.to_str().unwrap(), bad.to_str().unwrap());
        let checked = "PROP68-SPP: 5 rules, 2 verified and 3 not, in force from 2026-11-01\n";
        assert_eq!(said(&["rules", "check", good]), (Some(0), checked.into()));
        let wrong = format!("{bad}: line 25: rule `advance`: maxAdvanceBp: 20000 is not a part");
        let (code, told) = said(&["rules", "check", good, bad]);
        assert!(code == Some(1) && told.contains(&wrong), "{told}");
        // All files or none: the good one beside the bad one is not brought in.
        assert_eq!(said(&["rules", "import", good, bad]).0, Some(1));
        let new = (Some(0), "PROP68-SPP: version 2 is new\n".to_string());
        assert_eq!(said(&["rules", "import", good]), new);
        let again = (Some(0), "PROP68-SPP: version 2 says the same already\n".to_string());
        assert_eq!(said(&["rules", "import", good]), again);

        let ojai = dir.path().join("ojai.toml");
        let holidays = |days: &str| {
            format!("code = \"OJAI\"\nname = \"City of Ojai\"\nsource = \"A test\"\n{days}")
        };
        let day = "[[holidays]]\nday = \"2026-12-24\"\nname = \"Closed\"\n";
        fs::write(&ojai, holidays(day)).unwrap();
        let ojai = ojai.to_str().unwrap();
        assert_eq!(said(&["holidays", "import", ojai]), (Some(0), "OJAI: 1 days changed\n".into()));
        assert_eq!(said(&["holidays", "import", ojai]), (Some(0), "OJAI: 0 days changed\n".into()));
        fs::write(ojai, holidays(&day.replace("12-24", "12-31"))).unwrap();
        assert_eq!(said(&["holidays", "import", ojai]), (Some(0), "OJAI: 2 days changed\n".into()));
        fs::write(ojai, holidays(&day.repeat(2))).unwrap();
        let (code, told) = said(&["holidays", "import", ojai]);
        assert!(code == Some(1) && told.contains("2026-12-24 stands there twice"), "{told}");
    });
    let query =
        "{ holidayCalendars { code holidays(from: \"2026-01-01\", to: \"2026-12-31\") { day } } }";
    let found = service.data(&thrive::access::Actor::Anyone, query, json!({})).await;
    let calendars = found["holidayCalendars"].as_array().unwrap();
    assert_eq!(calendars[1], json!({ "code": "OJAI", "holidays": [{ "day": "2026-12-31" }] }));
    // 16 days of the state's own list, and the Lunar New Year.
    assert_eq!(calendars[0]["holidays"].as_array().unwrap().len(), 17);
}

#[test]
fn two_processes_do_not_share_a_data_directory() {
    let dir = data_dir();
    let first = Running::start(serve(dir.path()));

    let second = output(serve(dir.path()).args(["--listen", "127.0.0.1:0"]));

    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8(second.stderr).unwrap().contains(&first.pid().to_string()));
}

#[test]
fn a_token_lets_in_until_it_is_revoked() {
    let dir = data_dir();
    let running = Running::start(serve(dir.path()));
    let token = |arguments: &[&str]| {
        output(
            thrive()
                .arg("token")
                .args(arguments)
                .args(["--data-dir", dir.path().to_str().unwrap()]),
        )
    };
    let who = "{ viewer { role person { name } } }";

    let unknown = token(&["create", "--person", "ana@example.org", "--role", "PROGRAM_ADMIN"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(String::from_utf8(unknown.stderr).unwrap().contains("add --name"));
    let ana = ["create", "--person", "ana@example.org", "--name", "Ana Reyes", "--role"];
    let boundless = token(&[&ana[..], &["CITY_MEMBER"]].concat());
    assert!(String::from_utf8(boundless.stderr).unwrap().contains("CITY_MEMBER needs a city"));
    let made = token(&[&ana[..], &["CITY_MEMBER", "--city", "0627000"]].concat());
    let secret = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let viewer = running.ask(Some(&secret), who);
    assert_eq!(
        viewer["data"]["viewer"],
        serde_json::json!({ "role": "CITY_MEMBER", "person": { "name": "Ana Reyes" } })
    );

    let listed = String::from_utf8(token(&["list"]).stdout).unwrap();
    let line =
        listed.lines().find(|line| line.contains("Ana Reyes") && line.contains("in use")).unwrap();
    assert!(!listed.contains(&secret));
    assert!(token(&["revoke", line.split_whitespace().next().unwrap()]).status.success());
    assert_eq!(
        running.ask(Some(&secret), who)["errors"][0]["extensions"]["code"],
        "UNAUTHENTICATED"
    );
}

#[test]
fn the_graphql_endpoint_passes_every_audit_of_graphql_over_http() {
    let dir = data_dir();
    let running = Running::start(serve(dir.path()));

    let audited = output(
        Command::new("node").arg(tool("graphql-http-audits.mjs")).arg(running.url("/graphql")),
    );

    let said = String::from_utf8(audited.stdout).unwrap();
    assert_eq!(said.trim(), r#"{"audits":61,"ok":61,"notice":0,"warn":0,"error":0}"#);
    assert!(audited.status.success());
}

#[test]
fn bad_requests_get_their_own_answers() {
    let dir = data_dir();
    let running = Running::start(serve(dir.path()));
    let post = |content_type: &str, body: &str| {
        let sent = Command::new("curl")
            .args([
                "-s",
                "-w",
                "%{http_code} ",
                "-H",
                content_type,
                "-d",
                body,
                &running.url("/graphql"),
            ])
            .output();
        String::from_utf8(sent.unwrap().stdout).unwrap()
    };
    let json = "Content-Type: application/json";

    for (content_type, body, complaint) in [
        (json, "{\"query\":", "not valid JSON"),
        (json, "[{\"query\":\"{ __typename }\"}]", "batches are not answered"),
        (json, "{\"query\":1}", "expected a string"),
        (json, "{}", "missing field `query`"),
        ("Content-Type: text/plain", "{ __typename }", "Content-Type: application/json"),
        (json, "{\"query\":\"{ nope }\"}", "Unknown field"),
        (json, "{\"query\":\"{\"}", "expected"),
    ] {
        let answer = post(content_type, body);
        assert!(answer.contains(complaint), "{body}: {answer}");
    }
}

/// The data of `thrive demo`, as a newcomer meets them.
#[test]
fn the_demo_is_loaded_once_and_its_printed_line_works() {
    let dir = data_dir();
    let data = dir.path().join("data");
    let demo = || {
        let mut command = thrive();
        command.args(["demo", "--data-dir", data.to_str().unwrap()]);
        command
    };
    let counts = "{ grants { totalCount } disbursements { totalCount totals { paid } } deadlines { totalCount } \
                  sustainabilityPlans { totalCount } }";

    let first = Running::start(demo());
    let env = fs::read_to_string(data.join("demo.env")).unwrap();
    assert_eq!(fs::metadata(data.join("demo.env")).unwrap().mode() & 0o777, 0o600);
    assert!(env.contains(&format!("THRIVE_URL={}", first.url(""))));
    let token = |role: &str| {
        let prefix = format!("TOKEN_{role}=");
        env.lines()
            .find_map(|line| line.strip_prefix(&prefix))
            .unwrap_or_else(|| panic!("no token of {role}"))
            .to_owned()
    };
    let loaded = first.ask(Some(&token("GRANT_MANAGER")), counts);
    assert_eq!(loaded["data"]["grants"]["totalCount"], 60);
    assert!(loaded["data"]["disbursements"]["totalCount"].as_i64().unwrap() >= 600, "{loaded}");
    assert!(loaded["data"]["deadlines"]["totalCount"].as_i64().unwrap() >= 200, "{loaded}");
    for role in [
        "APPROVER",
        "FISCAL_OFFICER",
        "CITY_FINANCE",
        "CITY_MEMBER",
        "COACH",
        "PROGRAM_ADMIN",
        "AUDITOR",
        "SERVICE",
    ] {
        let viewer = first.ask(Some(&token(role)), "{ viewer { role person { fictional } } }");
        assert_eq!(viewer["data"]["viewer"]["role"], role);
        assert_eq!(viewer["data"]["viewer"]["person"]["fictional"], true);
    }
    let own = first.ask(Some(&token("CITY_FINANCE")), counts);
    assert!(
        (1..10).contains(&own["data"]["grants"]["totalCount"].as_i64().unwrap()),
        "only the own: {own}"
    );
    tour(&first, &token);
    assert!(first.ctrl_c().success());

    let second = Running::start(demo());
    assert_eq!(
        second.ask(Some(&token("GRANT_MANAGER")), counts),
        loaded,
        "nothing is loaded twice"
    );
}

/// Every query of the README's tour, as it stands there.
fn tour(running: &Running, token: &impl Fn(&str) -> String) {
    let readme =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let mut blocks =
        readme.split("```graphql\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut count = 0;
    for query in &mut blocks {
        let answer = running.ask(Some(&token("GRANT_MANAGER")), query);
        assert!(answer.get("errors").is_none(), "{query}\n{answer}");
        assert!(answer["data"].as_object().is_some_and(|data| !data.is_empty()));
        count += 1;
    }
    assert!(count >= 5, "the README has a tour");
}

/// 500 messages wait; the sender is killed in the middle, and another one goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_in_a_mail_run_loses_no_mail_and_repeats_at_most_the_one_in_flight() {
    let service = service().await;
    // The real program goes by the real time.
    service.travel(Clock::System.now());
    let cast = service.cast().await;
    let mut people = Vec::new();
    for number in 0..500 {
        people.push(service.person(&format!("Person {number:03}")).await.id);
    }
    let new = NewDeadline {
        kind: DeadlineKind::Invoice,
        title: "Invoice".into(),
        grant: None,
        city: Some(cast.city.id),
        due_on: service.app.clock.today(),
        due_time: None,
        responsible: people,
    };
    deadlines::commands::create(&service.app, &cast.manager, new).await.unwrap();
    let job = Job::named("deadline_reminders").unwrap();
    let run = Run::new(service.app.clock.today(), false, &job.schedule().unwrap());
    assert_eq!((job.run)(&service.app, &run).await.unwrap().done, 500);

    let server = SmtpServer::start(&["--delay-ms", "3"]);
    let worker = || {
        let mut command = thrive();
        command
            .args([
                "serve",
                "--parts",
                "jobs",
                "--mail-timeout-seconds",
                "2",
                "--mail-from",
                "Thrive <t@thrive.test>",
            ])
            .args(["--mail-url", &format!("smtp://127.0.0.1:{}", server.port)])
            .args(["--database-url", &service.database_url()]);
        command
    };
    tokio::task::block_in_place(|| {
        let mut first = Running::start(worker());
        first.wait_until("a good part is sent", |_| server.log().len() >= 100);
        first.kill_9();
        assert!(server.log().len() < 500, "killed in the middle");
        let mut second = Running::start(worker());
        let waiting = || ids(&server).collect::<HashSet<_>>().len() < 500;
        second.wait_until("all are sent", |_| !waiting());
        assert!(second.ctrl_c().success());
    });

    let arrived: Vec<String> = ids(&server).collect();
    assert!(arrived.len() <= 501, "{} arrived", arrived.len());
    let recipients: HashSet<String> =
        server.log().iter().map(|line| line["to"][0].to_string()).collect();
    assert_eq!(recipients.len(), 500, "everyone got theirs");
    let standing: (i64, i64) =
        sqlx::query_as("select count(*) filter (where status = 'SENT'), count(*) from emails")
            .fetch_one(&service.app.db)
            .await
            .unwrap();
    assert_eq!(standing, (500, 500));
}

fn ids(server: &SmtpServer) -> impl Iterator<Item = String> {
    server.log().into_iter().map(|line| line["messageId"].to_string())
}
