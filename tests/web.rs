//! How the web server treats those who ask: how often, how long, from where, and what browsers are told.

use std::{
    io::Write,
    net::TcpStream,
    time::{Duration, Instant},
};

use poem::{
    EndpointExt, Server,
    http::{Method, StatusCode},
    listener::TcpListener,
    test::{TestClient, TestResponse},
};
use serde_json::{Value, json};
use sqlx::Connection;
use thrive::{
    access::{self, Role, commands::NewRole},
    clock::Clock,
    config::Introspection,
    db,
    http::{self, Settings, persisted::hash_of},
};

use crate::support::{
    Service,
    process::{Running, free_port, output, thrive},
    raw, service,
};

const ROLE: &str = "{ viewer { role } }";

/// A client of routes with changed settings.
struct Client(TestClient<poem::endpoint::BoxEndpoint<'static>>);

impl Client {
    fn new(service: &Service, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::default();
        change(&mut settings);
        Self(TestClient::new(http::routes_with(&service.app, settings).map_to_response().boxed()))
    }

    async fn post(&self, body: Value, headers: &[(&'static str, &str)]) -> TestResponse {
        let request =
            self.0.post("/graphql").content_type("application/json").body(body.to_string());
        headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value))
            .send()
            .await
    }

    async fn ask(&self, query: &str, headers: &[(&'static str, &str)]) -> (u16, Value) {
        read(self.post(json!({ "query": query }), headers).await).await
    }
}

async fn read(response: TestResponse) -> (u16, Value) {
    let status = response.0.status().as_u16();
    let text = response.0.into_body().into_string().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON: {text}")))
}

fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_else(|| panic!("{answer}"))
}

async fn bearer(service: &Service, name: &str, role: Role) -> String {
    let person = service.person(name).await;
    let role = NewRole::everywhere(role);
    let made = access::commands::create_token(&service.app, &person, &role, 30).await;
    format!("Bearer {}", made.unwrap().1.reveal())
}

#[tokio::test]
async fn a_person_who_asks_too_often_is_told_when_to_try_again_and_others_are_not_in_the_way() {
    let service = service().await;
    let ana = bearer(&service, "Ana", Role::Auditor).await;
    let ben = bearer(&service, "Ben", Role::Auditor).await;
    let client = Client::new(&service, |settings| settings.web.requests_per_minute = 3);
    for _ in 0..3 {
        assert_eq!(client.ask(ROLE, &[("authorization", &ana)]).await.0, 200);
    }
    let refused = client.post(json!({ "query": ROLE }), &[("authorization", &ana)]).await;
    let wait: u64 = refused.0.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=21).contains(&wait), "one of three a minute: {wait}");
    let (status, answer) = read(refused).await;
    assert_eq!((status, code(&answer)), (429, "RATE_LIMITED"));
    let message = answer["errors"][0]["message"].as_str().unwrap();
    assert_eq!(message, format!("requests are 3 in a minute at most: try again in {wait} seconds"));
    // Exports are requests of the same person.
    let export = client.0.get("/export/grants.csv").header("authorization", &ana).send().await;
    assert_eq!(export.0.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(client.ask(ROLE, &[("authorization", &ben)]).await.0, 200);
    assert_eq!(client.ask(ROLE, &[]).await.0, 200);
}

#[tokio::test]
async fn what_documents_cost_is_summed_for_a_minute() {
    let service = service().await;
    let client = Client::new(&service, |settings| settings.web.cost_per_minute = 100);
    // 52 each.
    let cities = "{ cities { nodes { name } } }";
    assert_eq!(client.ask(cities, &[]).await.0, 200);
    let (status, answer) = client.ask(cities, &[]).await;
    assert_eq!((status, code(&answer)), (429, "RATE_LIMITED"));
    // What costs little has room still.
    assert_eq!(client.ask(ROLE, &[]).await.0, 200);
}

#[tokio::test]
async fn without_a_person_the_address_counts_as_the_trusted_proxies_tell_it() {
    let service = service().await;
    let from = |address: &'static str| [("x-forwarded-for", address)];
    let client = Client::new(&service, |settings| {
        settings.web.requests_per_minute = 1;
        settings.web.trusted_proxies = 1;
    });
    assert_eq!(client.ask(ROLE, &from("203.0.113.7")).await.0, 200);
    assert_eq!(client.ask(ROLE, &from("203.0.113.7")).await.0, 429);
    assert_eq!(client.ask(ROLE, &from("203.0.113.8")).await.0, 200);
    // What the client wrote itself stands before what the proxy adds.
    assert_eq!(client.ask(ROLE, &from("198.51.100.1, 203.0.113.7")).await.0, 429);
    // A customer of IPv6 has many addresses.
    assert_eq!(client.ask(ROLE, &from("2001:db8:1:2::1")).await.0, 200);
    assert_eq!(client.ask(ROLE, &from("2001:db8:1:2:ffff::9")).await.0, 429);
    assert_eq!(client.ask(ROLE, &from("2001:db8:1:3::1")).await.0, 200);

    let client = Client::new(&service, |settings| settings.web.requests_per_minute = 1);
    assert_eq!(client.ask(ROLE, &from("203.0.113.7")).await.0, 200);
    assert_eq!(client.ask(ROLE, &from("203.0.113.8")).await.0, 429, "the header is not believed");
}

#[tokio::test]
async fn unknown_tokens_are_limited_harder_and_known_ones_from_there_are_let_in() {
    let service = service().await;
    let ana = bearer(&service, "Ana", Role::Auditor).await;
    let client = Client::new(&service, |settings| settings.web.failed_sign_ins_per_minute = 2);
    let unknown = [("authorization", "Bearer thrive_unknown")];
    for _ in 0..2 {
        let (status, answer) = client.ask(ROLE, &unknown).await;
        assert_eq!((status, code(&answer)), (401, "UNAUTHENTICATED"));
    }
    let (status, answer) = client.ask(ROLE, &unknown).await;
    assert_eq!((status, code(&answer)), (429, "RATE_LIMITED"));
    assert_eq!(client.ask(ROLE, &[("authorization", &ana)]).await.0, 200);
}

#[tokio::test]
async fn every_answer_tells_browsers_to_be_careful() {
    let service = service().await;
    let client = Client::new(&service, |settings| settings.guard.https = true);
    let of = |response: &TestResponse, name: &str| {
        response.0.header(name).unwrap_or_default().to_owned()
    };
    let answers = [
        client.post(json!({ "query": ROLE }), &[]).await,
        client.post(json!({ "query": "{" }), &[]).await,
        client.0.get("/nothing").send().await,
        client.0.get("/export/grants.csv").send().await,
        client.0.get("/health/live").send().await,
        client.0.get("/").send().await,
    ];
    for response in &answers {
        assert_eq!(of(response, "x-content-type-options"), "nosniff");
        assert_eq!(of(response, "referrer-policy"), "no-referrer");
        assert_eq!(of(response, "cache-control"), "no-store");
        assert_eq!(of(response, "strict-transport-security"), "max-age=31536000");
        let policy = of(response, "content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(!of(response, "x-request-id").is_empty());
    }
    // Pages say more of themselves.
    let explorer = client.0.get("/graphiql").send().await;
    let policy = of(&explorer, "content-security-policy");
    assert!(policy.contains("script-src 'self'"), "{policy}");
    let plain = Client::new(&service, |_| {}).post(json!({ "query": ROLE }), &[]).await;
    assert_eq!(
        of(&plain, "strict-transport-security"),
        "",
        "without https there is nothing to insist on"
    );
}

#[tokio::test]
async fn pages_of_other_sites_ask_only_where_they_are_let_in() {
    let service = service().await;
    let dashboard = "https://dashboard.example.org";
    let client = Client::new(&service, |settings| {
        settings.guard.allowed_origins = vec![dashboard.into()];
    });
    let may = |response: &TestResponse| {
        response.0.header("access-control-allow-origin").map(str::to_owned)
    };
    let preflight = async |client: &Client, origin: &str| {
        let request = client.0.request(Method::OPTIONS, "/graphql").header("origin", origin);
        let request = request.header("access-control-request-method", "POST");
        request.header("access-control-request-headers", "content-type,authorization").send().await
    };
    let response = preflight(&client, dashboard).await;
    response.assert_status_is_ok();
    assert_eq!(may(&response).as_deref(), Some(dashboard));
    assert_eq!(response.0.header("access-control-allow-credentials"), None, "cookies stay here");
    let answer = client.post(json!({ "query": ROLE }), &[("origin", dashboard)]).await;
    answer.assert_status_is_ok();
    assert_eq!(may(&answer).as_deref(), Some(dashboard));
    let evil = "https://evil.example.org";
    assert_eq!(may(&preflight(&client, evil).await), None);
    // The own pages send their origin too.
    let answer = client.post(json!({ "query": ROLE }), &[("origin", evil)]).await;
    answer.assert_status_is_ok();
    assert_eq!(may(&answer), None);
    assert_eq!(
        may(&preflight(&Client::new(&service, |_| {}), dashboard).await),
        None,
        "none by default"
    );
    // What a page of another site can send without asking first is not read.
    let form = client
        .0
        .post("/graphql")
        .content_type("text/plain")
        .body(json!({ "query": ROLE }).to_string());
    assert_eq!(form.send().await.0.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn the_schema_is_told_to_those_it_is_meant_for() {
    let service = service().await;
    let ana = bearer(&service, "Ana", Role::Auditor).await;
    let signed_in: &[(&'static str, &str)] = &[("authorization", &ana)];
    let query = "{ ...f } fragment f on Query { __schema { queryType { name } } }";
    for (introspection, anyone, person) in [
        (Introspection::On, None, None),
        (Introspection::SignedIn, Some("UNAUTHENTICATED"), None),
        (Introspection::Off, Some("FORBIDDEN"), Some("FORBIDDEN")),
    ] {
        let client = Client::new(&service, |settings| settings.web.introspection = introspection);
        for (headers, expected) in [(&[][..], anyone), (signed_in, person)] {
            let (_, answer) = client.ask(query, headers).await;
            let text = client.0.get("/schema.graphql");
            let text = headers.iter().fold(text, |text, (name, value)| text.header(*name, *value));
            let told = text.send().await.0.status() == StatusCode::OK;
            match expected {
                None => assert_eq!(
                    answer,
                    json!({ "data": { "__schema": { "queryType": { "name": "Query" } } } })
                ),
                Some(expected) => assert_eq!(code(&answer), expected),
            }
            assert_eq!(told, expected.is_none());
        }
        // Names of types are no introspection.
        assert_eq!(
            client.ask("{ viewer { __typename } }", &[]).await.1["data"]["viewer"]["__typename"],
            "Viewer"
        );
        // A misspelt field is not corrected with one that there is.
        let (_, answer) = client.ask("{ viewer { rol } }", &[]).await;
        assert!(!answer.to_string().contains("role"), "{answer}");
    }
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_given_up_and_undone() {
    let service = service().await;
    let admin = bearer(&service, "Pat", Role::ProgramAdmin).await;
    let client =
        Client::new(&service, |settings| settings.guard.timeout = Duration::from_millis(400));
    // Somebody holds what the mutation needs after it has begun.
    let mut holder = sqlx::PgConnection::connect_with(&service.owner_options).await.unwrap();
    let mut held = holder.begin().await.unwrap();
    sqlx::raw_sql("lock table organizations in access exclusive mode")
        .execute(&mut *held)
        .await
        .unwrap();
    let create = "mutation { createOrganization(input: { name: \"Slow\", kind: CBO }) { organization { id } userErrors { code } } }";
    let (status, answer) = client.ask(create, &[("authorization", &admin)]).await;
    assert_eq!((status, code(&answer)), (503, "TIMEOUT"));
    assert!(answer["errors"][0]["message"].as_str().unwrap().contains("ask for less at once"));
    held.rollback().await.unwrap();
    // What was given up does not come true behind its back.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let count: i64 = sqlx::query_scalar("select count(*) from organizations where name = 'Slow'")
        .fetch_one(&service.app.db)
        .await
        .unwrap();
    assert_eq!(count, 0);
    let (status, answer) = client.ask(create, &[("authorization", &admin)]).await;
    assert_eq!((status, &answer["data"]["createOrganization"]["userErrors"]), (200, &json!([])));
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_broken_off_by_the_database() {
    let service = service().await;
    let pool =
        db::pool_with(&service.service_options, 2, Duration::from_millis(200)).await.unwrap();
    let slow = sqlx::query("select pg_sleep(20)").execute(&pool).await.unwrap_err();
    assert_eq!(slow.as_database_error().unwrap().code().unwrap(), "57014");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_does_not_arrive_is_not_waited_for() {
    let service = service().await;
    let mut settings = Settings::default();
    settings.web.body_timeout_seconds = 1;
    let port = free_port();
    tokio::spawn(
        Server::new(TcpListener::bind(("127.0.0.1", port)))
            .run(http::routes_with(&service.app, settings)),
    );
    tokio::task::block_in_place(|| {
        let begin = Instant::now();
        let mut stream = loop {
            match TcpStream::connect(("127.0.0.1", port)) {
                Ok(stream) => break stream,
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        stream
            .write_all(b"POST /graphql HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"query\":")
            .unwrap();
        let answer = raw::read(stream);
        assert_eq!((answer.status, answer.code()), (408, "BAD_USER_INPUT".into()));
        assert!(answer.message().contains("did not arrive within 1 seconds"));
        assert!(begin.elapsed() < Duration::from_secs(20));
    });
}

#[tokio::test]
async fn a_document_is_sent_once_and_named_after_that() {
    let service = service().await;
    let client = Client::new(&service, |_| {});
    let named = json!({ "persistedQuery": { "version": 1, "sha256Hash": hash_of(ROLE) } });
    let answer = json!({ "data": { "viewer": { "role": null } } });
    let (status, unknown) = read(client.post(json!({ "extensions": named }), &[]).await).await;
    assert_eq!((status, code(&unknown)), (200, "PERSISTED_QUERY_NOT_FOUND"));
    assert_eq!(unknown["errors"][0]["message"], "PersistedQueryNotFound");
    let other = json!({ "query": "{ viewer { __typename } }", "extensions": named });
    let (_, wrong) = read(client.post(other, &[]).await).await;
    assert_eq!(code(&wrong), "BAD_USER_INPUT");
    let both = json!({ "query": ROLE, "extensions": named });
    assert_eq!(read(client.post(both, &[]).await).await, (200, answer.clone()));
    assert_eq!(
        read(client.post(json!({ "extensions": named }), &[]).await).await,
        (200, answer.clone())
    );
    let by_id = json!({ "documentId": format!("sha256:{}", hash_of(ROLE)) });
    assert_eq!(read(client.post(by_id, &[]).await).await, (200, answer.clone()));
    let get = client.0.get("/graphql").query("extensions", &named.to_string()).send().await;
    assert_eq!(read(get).await, (200, answer));
    // A named mutation is not run by GET either.
    let mutation =
        "mutation { closePeriod(input: { month: \"2026-01-01\" }) { userErrors { code } } }";
    let named = json!({ "persistedQuery": { "version": 1, "sha256Hash": hash_of(mutation) } });
    client.post(json!({ "query": mutation, "extensions": named }), &[]).await;
    let get = client.0.get("/graphql").query("extensions", &named.to_string()).send().await;
    assert_eq!(get.0.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(
        read(client.post(json!({}), &[]).await).await.1["errors"][0]["message"],
        "`query` is missing: missing field `query`"
    );
}

#[test]
fn the_cache_of_documents_keeps_the_latest_within_its_bytes() {
    use thrive::http::persisted::{Asked, Documents};
    let documents = Documents::sent();
    let large = |n: usize| format!("{{ viewer {{ role }} }} # {n} {}", "x".repeat(60_000));
    let find =
        |n: usize| documents.find(Asked { query: None, hash: Some(hash_of(&large(n))) }).is_ok();
    (0..200).for_each(|n| documents.keep(&large(n)));
    assert!(!find(0) && find(199), "12 megabytes were sent, and 8 are kept");
    assert!((0..200).filter(|n| find(*n)).count() >= 130);
}

#[test]
fn with_a_list_of_documents_only_those_run() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("documents.json");
    let good = json!({ (hash_of(ROLE)): ROLE });
    let client = async |service: &Service| {
        let documents = http::persisted::Documents::listed(&file).unwrap();
        Client::new(service, |settings| settings.documents = documents)
    };
    std::fs::write(&file, good.to_string()).unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let service = service().await;
        let client = client(&service).await;
        let answer = json!({ "data": { "viewer": { "role": null } } });
        let hash = hash_of(ROLE);
        for body in [
            json!({ "documentId": hash }),
            json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": hash } } }),
            json!({ "query": ROLE }),
        ] {
            assert_eq!(read(client.post(body, &[]).await).await, (200, answer.clone()));
        }
        for body in [
            json!({ "query": "{ viewer { __typename } }" }),
            json!({ "query": "{ viewer { __typename } }", "documentId": hash_of("{ viewer { __typename } }") }),
            json!({ "documentId": "0".repeat(64) }),
            json!({}),
        ] {
            assert_eq!(code(&read(client.post(body, &[]).await).await.1), "PERSISTED_DOCUMENTS_ONLY");
        }
    });
    // The file is read before anything is started.
    let refused = |text: &str, told: &str| {
        std::fs::write(&file, text).unwrap();
        let serve =
            output(thrive().args(["serve", "--persisted-documents", file.to_str().unwrap()]));
        let said = String::from_utf8(serve.stderr).unwrap();
        assert!(serve.status.code() == Some(1) && said.contains(told), "{said}");
    };
    refused("[]", "is no JSON object of SHA-256 to document");
    refused("{}", "has no documents");
    refused("{\"abc\":\"{ a }\"}", "`abc` is not the SHA-256 of its document");
}

#[test]
fn settings_that_contradict_each_other_are_refused_at_the_start() {
    for (arguments, told) in [
        (
            ["--request-timeout-seconds", "20"],
            "--statement-timeout-seconds (25) has to be less than",
        ),
        (["--allowed-origins", "https://a.example.org/path"], "is no origin"),
        (["--allowed-origins", "*"], "is no origin"),
        (["--trusted-proxies", "11"], "11"),
    ] {
        let serve = output(thrive().arg("serve").args(arguments));
        let said = String::from_utf8(serve.stderr).unwrap();
        assert!(!serve.status.success() && said.contains(told), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logs_tell_of_requests_and_of_nobody() {
    let service = service().await;
    service.travel(Clock::System.now());
    let admin = bearer(&service, "Patricia Admin", Role::ProgramAdmin).await;
    // A fault whose cause quotes the row.
    sqlx::raw_sql(
        "alter table people add constraint odd check (phone is distinct from '+1 559 555 0177')",
    )
    .execute(&service.as_owner().await)
    .await
    .unwrap();
    for level in ["info", "info,thrive=debug"] {
        let mut command = thrive();
        command.args(["serve", "--parts", "api", "--log", level, "--trusted-proxies", "1"]);
        command.args(["--database-url", &service.database_url()]);
        let logged = tokio::task::block_in_place(|| {
            let running = Running::start(command);
            let headers = [("Authorization", admin.as_str()), ("X-Forwarded-For", "203.0.113.77")];
            let create = "mutation ($input: CreatePersonInput!) { createPerson(input: $input) { person { id } userErrors { code } } }";
            for phone in [None, Some("+1 559 555 0177")] {
                let email = format!("secret.address.{}@people.test", level.len());
                let input = json!({ "name": "Quentin Quiet", "email": email, "phone": phone });
                let body = json!({ "query": create, "variables": { "input": input } });
                let answer = raw::post(running.port, &headers, &body);
                assert_eq!(answer.json()["errors"].is_array(), phone.is_some(), "{}", answer.body);
            }
            let search = "query ($text: String) { people(filter: { search: $text }) { nodes { email phone } } }";
            for text in ["Quentin Quiet", "\u{0}Quentin Quiet"] {
                raw::post(
                    running.port,
                    &headers,
                    &json!({ "query": search, "variables": { "text": text } }),
                );
            }
            raw::post(
                running.port,
                &[("Authorization", "Bearer thrive_unknown_token")],
                &json!({ "query": ROLE }),
            );
            raw::post(
                running.port,
                &headers,
                &json!({ "query": "{ people(filter: { search: \"Quentin Quiet\" " }),
            );
            raw::send(running.port, "GET", "/graphql?query=%7BQuentin%7D", &headers, b"");
            raw::send(
                running.port,
                "GET",
                "/export/grants.csv?filter=%7B%22search%22%3A%22Quentin%22%7D",
                &headers,
                b"",
            );
            running.logged()
        });
        assert!(logged.lines().filter(|line| line.contains("answered")).count() >= 8, "{logged}");
        assert!(logged.contains("constraint \\\"odd\\\""), "the fault is told: {logged}");
        let token = admin.trim_start_matches("Bearer ");
        for personal in [
            "Quentin",
            "secret.address",
            "@people.test",
            "555 0177",
            token,
            "thrive_unknown_token",
            "203.0.113.77",
            "Patricia",
        ] {
            assert!(!logged.contains(personal), "{personal}: {logged}");
        }
    }
}
