//! Who comes in, and who does not: tokens that a real identity provider signs, crafted ones, and browsers that sign in
//! there, all against the real service.

use std::time::{Duration, Instant};

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use thrive::{
    access::{self, Role, commands::NewRole},
    clock::Clock,
    people::Person,
};

use crate::support::{
    Service,
    process::{Running, output, thrive},
    provider::{Browser, OidcProvider, PUBLIC_URL},
    service,
};

const WHO: &str = "{ viewer { role person { name } cities { name } } }";

/// A provider, a service that believes it, and its database. Everything here happens now.
struct Scene {
    service: Service,
    provider: OidcProvider,
    running: Running,
    http: Client,
    _files: tempfile::TempDir,
}

const ROLES: &str = r#"
    [[role]]
    value = "managers"
    role = "GRANT_MANAGER"

    [[role]]
    value = "approvers"
    role = "APPROVER"
    approval_limit = "5000.00"

    [[role]]
    value = "directors"
    role = "APPROVER"

    [[role]]
    value = "fresno"
    role = "CITY_MEMBER"
    city = "0627000"
"#;

/// The demo person, whose account at the provider says `claims` too.
async fn scene_of(claims: Value) -> (Scene, Person) {
    let service = service().await;
    service.travel(Clock::System.now());
    let ana = service.person("Ana Reyes").await;
    let provider = OidcProvider::start();
    provider.control(json!({ "accounts": { "ana": claims, "machine": claims } })).await;
    let files = tempfile::tempdir().unwrap();
    let roles = files.path().join("roles.toml");
    std::fs::write(&roles, ROLES).unwrap();
    let mut command = thrive();
    command.args(["serve", "--parts", "api", "--database-url", &service.database_url()]);
    command.args(["--data-dir", files.path().to_str().unwrap(), "--public-url", PUBLIC_URL]);
    command.args(["--oidc-issuer", &provider.issuer, "--oidc-audience", "urn:thrive"]);
    command.args(["--oidc-client-id", "thrive", "--oidc-roles-file", roles.to_str().unwrap()]);
    let running = tokio::task::block_in_place(|| Running::start(command));
    let scene = Scene { service, provider, running, http: Client::new(), _files: files };
    (scene, ana)
}

async fn scene() -> Scene {
    scene_of(ana(&["managers"])).await.0
}

fn ana(groups: &[&str]) -> Value {
    json!({ "email": "ana.reyes@people.test", "email_verified": true, "groups": groups })
}

impl Scene {
    /// What a good access token says, with this changed; null leaves a claim out.
    fn claims(&self, changes: Value) -> Value {
        let now = Clock::System.now().timestamp();
        let mut claims = ana(&["managers"]);
        let usual = json!({ "iss": self.provider.issuer, "sub": "ana", "aud": "urn:thrive", "iat": now, "exp": now + 300 });
        for part in [usual, changes] {
            claims.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims
    }

    async fn token(&self, changes: Value) -> String {
        self.provider.mint("rsa", json!({}), self.claims(changes)).await
    }

    async fn ask_as(&self, token: &str, role: Option<&str>) -> (StatusCode, Value) {
        let mut request = self
            .http
            .post(self.running.url("/graphql"))
            .header("content-type", "application/json")
            .bearer_auth(token)
            .body(json!({ "query": WHO }).to_string());
        if let Some(role) = role {
            request = request.header("thrive-role", role);
        }
        let response = request.send().await.unwrap();
        (response.status(), response.json().await.unwrap())
    }

    async fn status(&self, token: &str) -> StatusCode {
        self.ask_as(token, None).await.0
    }

    /// The message of a refusal with this status.
    async fn refusal(&self, token: &str, role: Option<&str>, status: u16) -> String {
        let (answered, answer) = self.ask_as(token, role).await;
        assert_eq!(answered, status, "{answer}");
        answer["errors"][0]["message"].as_str().unwrap().to_owned()
    }

    /// Asks until the answer has a status, for as long as keys are not read again.
    async fn until(&self, token: &str, status: u16) {
        let begin = Instant::now();
        while self.status(token).await != status {
            assert!(begin.elapsed() < Duration::from_secs(30), "waited in vain for {status}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

fn viewer(role: &str) -> Value {
    json!({ "role": role, "person": { "name": "Ana Reyes" }, "cities": [] })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_the_provider_made_lets_in_the_person_with_its_verified_address() {
    let scene = scene().await;

    let (status, answer) = scene.ask_as(&scene.provider.access_token().await, None).await;
    assert_eq!((status.as_u16(), &answer["data"]["viewer"]), (200, &viewer("GRANT_MANAGER")));

    // The account is hers from now on, however its address changes: another account does not get her role by the address.
    let moved = scene.token(json!({ "sub": "machine", "email": "new@people.test" })).await;
    assert_eq!(scene.ask_as(&moved, None).await.1["data"]["viewer"], viewer("GRANT_MANAGER"));
    let other = scene.token(json!({ "sub": "another" })).await;
    let message = scene.refusal(&other, None, 403).await;
    assert!(message.contains("linked to another account"), "{message}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_not_known_learns_what_to_do() {
    let scene = scene().await;
    for (changes, expected) in [
        (
            json!({ "sub": "1", "email": "stranger@people.test" }),
            "ask a program administrator to enter you",
        ),
        (json!({ "sub": "2", "email_verified": false }), "says no verified e-mail address"),
        (
            json!({ "sub": "3", "email_verified": null }),
            "sign in once with a browser at http://thrive.test/sign-in",
        ),
        (json!({ "sub": "4", "email": null }), "says no verified e-mail address"),
        (json!({ "groups": ["elsewhere"] }), "gives you no role in Thrive"),
        (json!({ "groups": null }), "gives you no role in Thrive"),
    ] {
        let message = scene.refusal(&scene.token(changes.clone()).await, None, 403).await;
        assert!(message.contains(expected), "{changes}: {message}");
        assert!(!message.contains("stranger"), "{message}");
    }
    let linked: i64 = sqlx::query_scalar("select count(*) from person_accounts")
        .fetch_one(&scene.service.app.db)
        .await
        .unwrap();
    assert_eq!(linked, 1, "only the verified address links");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_role_to_act_in_is_named_where_there_are_several() {
    let scene = scene().await;
    let token = scene.token(json!({ "groups": ["managers", "approvers", "fresno"] })).await;

    let message = scene.refusal(&token, None, 403).await;
    assert!(
        message.contains("of CITY_MEMBER, GRANT_MANAGER, APPROVER, in the header `Thrive-Role`"),
        "{message}"
    );
    let (_, answer) = scene.ask_as(&token, Some("CITY_MEMBER")).await;
    assert_eq!(answer["data"]["viewer"]["cities"], json!([{ "name": "Fresno" }]));
    let message = scene.refusal(&token, Some("AUDITOR"), 403).await;
    assert!(message.contains("does not give you the role AUDITOR"), "{message}");
    assert!(scene.refusal(&token, Some("BOSS"), 403).await.contains("`BOSS` is none of"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_provider_s_roles_end_when_it_no_longer_gives_them_and_an_older_word_brings_none_back()
{
    let (scene, person) = scene_of(ana(&[])).await;
    let db = &scene.service.app.db;
    let held = async || -> Vec<(String, Option<String>, String)> {
        sqlx::query_as(
            "select role, approval_limit::text, source from role_grants
              where person_id = $1 and ended_at is null order by role",
        )
        .bind(person.id)
        .fetch_all(db)
        .await
        .unwrap()
    };
    let now = Clock::System.now().timestamp();
    let role = |role: &str, limit: Option<&str>, source: &str| {
        (role.to_owned(), limit.map(Into::into), source.to_owned())
    };
    let given = NewRole::everywhere(Role::Auditor);
    access::commands::create_token(&scene.service.app, &person, &given, 30).await.unwrap();
    let auditor = role("AUDITOR", None, "THRIVE");

    let early = scene.token(json!({ "groups": ["managers", "approvers"], "iat": now - 50 })).await;
    assert_eq!(scene.ask_as(&early, Some("APPROVER")).await.0, 200);
    let manager = role("GRANT_MANAGER", None, "PROVIDER");
    assert_eq!(
        held().await,
        [role("APPROVER", Some("5000.00"), "PROVIDER"), auditor.clone(), manager]
    );

    let late = scene.token(json!({ "groups": ["approvers", "directors"], "iat": now })).await;
    assert_eq!(scene.ask_as(&late, None).await.0, 200);
    assert_eq!(held().await, [role("APPROVER", None, "PROVIDER"), auditor.clone()]);

    scene.refusal(&early, Some("GRANT_MANAGER"), 403).await;
    assert_eq!(held().await, [role("APPROVER", None, "PROVIDER"), auditor]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_not_wholly_right_lets_nobody_in_and_learns_nothing() {
    let scene = scene().await;
    let now = Clock::System.now().timestamp();
    let good = scene.claims(json!({}));
    let rsa = scene.token(json!({})).await;
    let kid = |token: &str| {
        use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
        let header = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
        serde_json::from_slice::<Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
    };
    let ec = scene.provider.mint("ec", json!({}), good.clone()).await;
    let (rsa_kid, ec_kid) = (kid(&rsa), kid(&ec));
    let none = json!({});
    let fraction: Value = serde_json::from_str(&format!("{}.5", now + 300)).unwrap();

    for (what, by, header, changes) in [
        ("RS256", "rsa", none.clone(), none.clone()),
        ("ES256", "ec", none.clone(), none.clone()),
        (
            "one of several audiences",
            "rsa",
            none.clone(),
            json!({ "aud": ["urn:other", "urn:thrive"] }),
        ),
        ("expired within the leeway", "rsa", none.clone(), json!({ "exp": now - 30 })),
        ("begins within the leeway", "rsa", none.clone(), json!({ "nbf": now + 30 })),
        ("a time with a fraction", "rsa", none.clone(), json!({ "exp": fraction })),
        ("a plain JWT", "rsa", json!({ "typ": "JWT" }), none.clone()),
        ("the long name of its kind", "rsa", json!({ "typ": "application/at+jwt" }), none.clone()),
    ] {
        let token = scene.provider.mint(by, header, scene.claims(changes)).await;
        let (status, answer) = scene.ask_as(&token, None).await;
        assert_eq!(status, 200, "{what}: {answer}");
    }

    let unknown = "the token is not known, has expired or was revoked";
    let over = "the token has expired: get a new one";
    let rows = [
        ("for somebody else", "rsa", none.clone(), json!({ "aud": "urn:other" }), unknown),
        ("for nobody", "rsa", none.clone(), json!({ "aud": null }), unknown),
        (
            "for the browser's client, as an ID token is",
            "rsa",
            none.clone(),
            json!({ "aud": "thrive" }),
            unknown,
        ),
        ("of another issuer", "rsa", none.clone(), json!({ "iss": "https://evil.test" }), unknown),
        (
            "of two issuers",
            "rsa",
            none.clone(),
            json!({ "iss": [scene.provider.issuer, "https://evil.test"] }),
            unknown,
        ),
        ("of no issuer", "rsa", none.clone(), json!({ "iss": null }), unknown),
        ("of nobody", "rsa", none.clone(), json!({ "sub": null }), unknown),
        ("of an empty subject", "rsa", none.clone(), json!({ "sub": "" }), unknown),
        ("expired", "rsa", none.clone(), json!({ "exp": now - 90 }), over),
        ("without an end", "rsa", none.clone(), json!({ "exp": null }), unknown),
        ("with an end that is text", "rsa", none.clone(), json!({ "exp": "2099-01-01" }), unknown),
        ("with an end beyond all time", "rsa", none.clone(), json!({ "exp": 1e300 }), unknown),
        ("not good yet", "rsa", none.clone(), json!({ "nbf": now + 90 }), unknown),
        ("with a beginning that is text", "rsa", none.clone(), json!({ "nbf": "0" }), unknown),
        ("made in the future", "rsa", none.clone(), json!({ "iat": now + 90 }), unknown),
        ("signed by nobody", "nobody", json!({ "alg": "none" }), none.clone(), unknown),
        (
            "signed by nobody, in other letters",
            "nobody",
            json!({ "alg": "nOnE", "kid": rsa_kid }),
            none.clone(),
            unknown,
        ),
        (
            "RS256 without a signature",
            "nobody",
            json!({ "alg": "RS256", "kid": rsa_kid }),
            none.clone(),
            unknown,
        ),
        (
            "HS256 by the public key",
            "secret",
            json!({ "alg": "HS256", "kid": rsa_kid, "typ": "at+jwt" }),
            none.clone(),
            unknown,
        ),
        (
            "RS256 that is an HMAC by the public key",
            "secret",
            json!({ "alg": "RS256", "kid": rsa_kid }),
            none.clone(),
            unknown,
        ),
        (
            "a stranger's key under a known name",
            "stranger",
            json!({ "kid": rsa_kid }),
            none.clone(),
            unknown,
        ),
        (
            "a stranger's key in the token itself",
            "stranger",
            json!({ "kid": "mine", "jwk": { "kty": "RSA" } }),
            none.clone(),
            unknown,
        ),
        ("an unknown key", "rsa", json!({ "kid": "nobody-knows" }), none.clone(), unknown),
        (
            "the name of a key of another kind",
            "rsa",
            json!({ "kid": ec_kid }),
            none.clone(),
            unknown,
        ),
        (
            "an ID token",
            "rsa",
            json!({ "typ": "JWT" }),
            json!({ "nonce": "n", "at_hash": "h" }),
            unknown,
        ),
        ("a logout token", "rsa", json!({ "typ": "logout+jwt" }), none.clone(), unknown),
        (
            "extensions that nobody knows",
            "rsa",
            json!({ "crit": ["x"], "x": 1 }),
            none.clone(),
            unknown,
        ),
    ];
    for (what, by, header, changes, expected) in rows {
        let crit = header.get("crit").is_some();
        let token = if crit {
            // jose signs no header that it does not understand: this one is the good token's under another header.
            let good = scene.token(json!({})).await;
            forged(&good, &json!({ "alg": "RS256", "kid": rsa_kid, "crit": ["x"], "x": 1 }))
        } else {
            scene.provider.mint(by, header, scene.claims(changes)).await
        };
        let (status, answer) = scene.ask_as(&token, None).await;
        assert_eq!(status, 401, "{what}: {answer}");
        let error = &answer["errors"][0];
        assert_eq!(error["extensions"]["code"], "UNAUTHENTICATED", "{what}");
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with(expected), "{what}: {message}");
    }
    // Half a token, and one whose claims were changed after it was signed.
    let parts: Vec<_> = rsa.split('.').collect();
    let other: Vec<_> = ec.split('.').collect();
    for (what, token) in [
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("no claims", format!("{}..{}", parts[0], parts[2])),
        ("dots alone", "..".into()),
        ("another's signature", format!("{}.{}.{}", parts[0], parts[1], other[2])),
        ("long", format!("{rsa}{}", "A".repeat(20_000))),
    ] {
        let status = scene.status(&token).await;
        assert!(status == 401 || what == "long" && status == 431, "{what}: {status}");
    }
}

/// A token under another header, with the signature it had.
fn forged(token: &str, header: &Value) -> String {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    let (_, rest) = token.split_once('.').unwrap();
    format!("{}.{rest}", BASE64_URL_SAFE_NO_PAD.encode(header.to_string()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_keys_are_found_by_themselves_and_old_ones_no_longer_open() {
    let scene = scene().await;
    let old = scene.token(json!({})).await;
    assert_eq!(scene.status(&old).await, 200);

    scene.provider.control(json!({ "rotate": true })).await;
    let new = scene.token(json!({})).await;
    scene.until(&new, 200).await;
    assert_eq!(scene.status(&old).await, 401);

    // However many name keys that are not there, the provider is asked now and then only.
    let before = scene.provider.keys_read().await;
    let begin = Instant::now();
    for n in 0..40 {
        let header = json!({ "kid": format!("unknown-{n}") });
        let token = scene.provider.mint("rsa", header, scene.claims(json!({}))).await;
        assert_eq!(scene.status(&token).await, 401);
    }
    let asked = scene.provider.keys_read().await - before;
    let allowed = 1 + begin.elapsed().as_secs() / 5;
    assert!(asked <= allowed, "{asked} times, and {allowed} at most");
    assert_eq!(scene.status(&new).await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_provider_is_down_or_late_known_keys_hold_and_others_are_a_matter_of_trying_again()
 {
    let scene = scene().await;
    let known = scene.token(json!({})).await;
    scene.until(&known, 200).await;
    for answers in ["down", "late"] {
        scene.provider.control(json!({ "answers": answers, "rotate": true })).await;
        let new = scene.token(json!({})).await;
        // By then the provider may be asked again.
        tokio::time::sleep(Duration::from_secs(6)).await;
        let begin = Instant::now();
        let message = scene.refusal(&new, None, 503).await;
        assert!(message.contains("the identity provider does not answer"), "{message}");
        assert!(begin.elapsed() < Duration::from_secs(5), "{answers}: {:?}", begin.elapsed());
        let begin = Instant::now();
        assert_eq!(scene.status(&known).await, 200, "{answers}");
        assert!(begin.elapsed() < Duration::from_secs(2));
    }
    scene.provider.control(json!({ "answers": "well" })).await;
    scene.until(&scene.token(json!({})).await, 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_configuration_is_a_clear_sentence_at_the_start() {
    let service = service().await;
    let url = service.database_url();
    tokio::task::block_in_place(|| {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("roles.toml");
        let with_file = |text: &str| {
            std::fs::write(&file, text).unwrap();
            vec!["--oidc-roles-file", file.to_str().unwrap()]
        };
        let said = |more: Vec<&str>| {
            let mut thrive = thrive();
            thrive.args([
                "serve",
                "--parts",
                "api",
                "--listen",
                "127.0.0.1:0",
                "--database-url",
                &url,
            ]);
            thrive.args(["--data-dir", dir.path().to_str().unwrap()]).args(more);
            let ended = output(&mut thrive);
            assert_eq!(ended.status.code(), Some(1));
            String::from_utf8(ended.stderr).unwrap()
        };
        for (more, expected) in [
            (vec!["--oidc-issuer", "https://login.test"], "--oidc-audience is missing"),
            (vec!["--oidc-audience", "x"], "--oidc-issuer is missing"),
            (
                vec!["--oidc-issuer", "http://login.test", "--oidc-audience", "x"],
                "has to begin with https://",
            ),
            (
                vec![
                    "--oidc-issuer",
                    "https://login.test",
                    "--oidc-audience",
                    "x",
                    "--oidc-client-id",
                    "x",
                ],
                "an ID token could not be told from an access token",
            ),
        ] {
            let told = said(more);
            assert!(told.contains(expected), "{told}");
        }
        for (text, expected) in [
            ("", "missing field `role`"),
            ("role = []", "has no [[role]]"),
            ("[[role]]\nvalue = \"a\"\nrole = \"BOSS\"", "`BOSS` is none of CITY_MEMBER"),
            ("[[role]]\nvalue = \"a\"\nrole = \"COACH\"", "`a`: COACH needs a city"),
            ("[[role]]\nvalue = \"a\"\nrole = \"COACH\"\ncity = \"1\"", "no city with the GEOID 1"),
            (
                "[[role]]\nvalue = \"a\"\nrole = \"CITY_FINANCE\"\norganization = \"X\"",
                "no organization `X`",
            ),
            (
                "[[role]]\nvalue = \"a\"\nrole = \"AUDITOR\"\ncity = \"0627000\"",
                "AUDITOR is not bound to a city",
            ),
            (
                "[[role]]\nvalue = \"a\"\nrole = \"APPROVER\"\nlimit = \"1.00\"",
                "unknown field `limit`",
            ),
        ] {
            let mut more = vec!["--oidc-issuer", "https://login.test", "--oidc-audience", "x"];
            more.extend(with_file(text));
            let told = said(more);
            assert!(told.contains(expected) && told.contains("roles.toml"), "{told}");
        }
    });
}

/// Asks as a browser's page would.
async fn ask_in(browser: &mut Browser, headers: &[(&str, &str)]) -> (StatusCode, Value) {
    let mut all = vec![("content-type", "application/json")];
    all.extend(headers);
    let body = json!({ "query": WHO }).to_string();
    let url = format!("{PUBLIC_URL}/graphql");
    let response = browser.send(Method::POST, &url, &all, Some(body)).await;
    (response.status(), response.json().await.unwrap())
}

const OURS: [(&str, &str); 1] = [("sec-fetch-site", "same-origin")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_signs_in_at_the_provider_works_and_signs_out() {
    let mut scene = scene().await;
    let mut browser = Browser::new(&scene.running.url(""));

    let page = browser.go(&format!("{PUBLIC_URL}/sign-in"), "ana").await;
    assert_eq!(page.url, format!("{PUBLIC_URL}/"), "{} {}", page.status, page.text);
    let session = browser.cookie("thrive_session").unwrap().to_owned();
    let set = browser.set.iter().find(|set| set.starts_with("thrive_session=")).unwrap();
    assert!(set.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=43200"), "{set}");
    assert_eq!(browser.cookie("thrive_sign_in"), None, "what was needed on the way is gone");
    // As well where the provider tells address and groups only on asking.
    scene.provider.control(json!({ "brief": true })).await;
    let mut other = Browser::new(&scene.running.url(""));
    let page = other.go(&format!("{PUBLIC_URL}/sign-in"), "ana").await;
    assert_eq!(page.url, format!("{PUBLIC_URL}/"), "{} {}", page.status, page.text);

    let (status, answer) = ask_in(&mut browser, &OURS).await;
    assert_eq!((status.as_u16(), &answer["data"]["viewer"]), (200, &viewer("GRANT_MANAGER")));
    let (status, _) = ask_in(&mut browser, &[("origin", PUBLIC_URL)]).await;
    assert_eq!(status, 200);
    // Other pages, and browsers that do not say, get nothing out of the cookie.
    for headers in [
        &[][..],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[("origin", "https://evil.test")],
        &[("origin", "null")],
        &[("origin", PUBLIC_URL), ("sec-fetch-site", "cross-site")],
    ] {
        let (status, answer) = ask_in(&mut browser, headers).await;
        assert_eq!(status, 403, "{headers:?}");
        let message = answer["errors"][0]["message"].as_str().unwrap();
        assert!(message.starts_with("a browser's session is for Thrive's own pages"), "{message}");
    }
    // A file that somebody opens by hand, and none that another page asks for.
    let file = format!("{PUBLIC_URL}/export/grants.csv");
    for (from, expected) in [("none", 200), ("same-origin", 200), ("cross-site", 403)] {
        let sent = browser.send(Method::GET, &file, &[("sec-fetch-site", from)], None).await;
        assert_eq!(sent.status(), expected, "{from}");
    }

    let out = format!("{PUBLIC_URL}/sign-out");
    let refused = browser.send(Method::POST, &out, &[("sec-fetch-site", "cross-site")], None).await;
    assert_eq!(refused.status(), 403);
    assert_eq!(ask_in(&mut browser, &OURS).await.0, 200);
    let done = browser.send(Method::POST, &out, &OURS, None).await;
    assert_eq!((done.status().as_u16(), &done.headers()["location"]), (303, &"/".parse().unwrap()));
    assert_eq!(browser.cookie("thrive_session"), None);
    // Not only here: a copy of the cookie is worth nothing either.
    browser.keep("thrive_session", &session);
    assert_eq!(ask_in(&mut browser, &OURS).await.0, 401);

    // Nothing of it is in the log.
    let token = scene.token(json!({})).await;
    assert_eq!(scene.status(&token).await, 200);
    scene.refusal(&scene.token(json!({ "aud": "x" })).await, None, 401).await;
    let mut log = String::new();
    let heard = |running: &mut Running, log: &mut String| {
        *log += &running.said().join("\n");
        log.contains("a bearer token is not believed")
    };
    scene.running.wait_until("it has said why", |running| heard(running, &mut log));
    let signature = token.rsplit('.').next().unwrap();
    for secret in [&*session, signature, "ana.reyes", "people.test", "Ana Reyes", "code=", "state="]
    {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    assert!(log.contains("read the keys of the identity provider"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_is_of_one_browser_good_once_and_for_ten_minutes() {
    let scene = scene().await;
    let mut browser = Browser::new(&scene.running.url(""));
    let sign_in = format!("{PUBLIC_URL}/sign-in");
    // Sets out, and comes back with an answer that is not its own.
    let begun = browser.send(Method::GET, &sign_in, &[], None).await;
    let sent_to = begun.headers()["location"].to_str().unwrap().to_owned();
    for part in
        ["code_challenge_method=S256", "code_challenge=", "nonce=", "state=", "response_type=code"]
    {
        assert!(sent_to.contains(part), "{sent_to}");
    }
    let kept = browser.cookie("thrive_sign_in").unwrap().to_owned();
    assert!(!sent_to.contains(&kept), "the browser's own secret goes nowhere");
    let state = sent_to.split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let back = |state: &str| format!("{sign_in}/callback?code=guessed&state={state}");

    let mut other = Browser::new(&scene.running.url(""));
    let page = other.go(&back(&state), "ana").await;
    assert_eq!(page.status, 403);
    assert!(page.text.contains("this browser did not begin to sign in"), "{}", page.text);

    let page = browser.go(&back("another"), "ana").await;
    assert!(page.text.contains("belongs to another sign-in"), "{}", page.text);
    // It was used up by that.
    browser.keep("thrive_sign_in", &kept);
    let page = browser.go(&back(&state), "ana").await;
    assert!(page.text.contains("has expired, or was finished already"), "{}", page.text);
    assert_eq!(browser.cookie("thrive_session"), None);

    let begun = browser.send(Method::GET, &sign_in, &[], None).await;
    let sent_to = begun.headers()["location"].to_str().unwrap().to_owned();
    let state = sent_to.split("state=").nth(1).unwrap().split('&').next().unwrap();
    let owner = scene.service.as_owner().await;
    let late = "update sign_ins set begun_at = begun_at - interval '11 minutes', expires_at = expires_at - interval '11 minutes'";
    sqlx::query(late).execute(&owner).await.unwrap();
    let page = browser.go(&back(state), "ana").await;
    assert!(page.text.contains("has expired, or was finished already"), "{}", page.text);
    // The next one clears away what has expired.
    browser.send(Method::GET, &sign_in, &[], None).await;
    let left: i64 =
        sqlx::query_scalar("select count(*) from sign_ins").fetch_one(&owner).await.unwrap();
    assert_eq!(left, 1);

    let page = browser.go(&format!("{sign_in}/callback?error=access_denied"), "ana").await;
    assert!(page.text.contains("did not let you in"), "{}", page.text);
    let page = browser.go(&format!("{sign_in}/callback?error=%3Cscript%3E"), "ana").await;
    assert!(!page.text.contains("<script>"), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_several_roles_chooses_one_to_sign_in_with() {
    let (scene, _) = scene_of(ana(&["managers", "fresno"])).await;
    let mut browser = Browser::new(&scene.running.url(""));

    let page = browser.go(&format!("{PUBLIC_URL}/sign-in"), "ana").await;
    assert_eq!(page.status, 200);
    assert!(
        page.text.contains("<a href=\"/sign-in?role=CITY_MEMBER\">CITY_MEMBER</a>"),
        "{}",
        page.text
    );
    assert_eq!(browser.cookie("thrive_session"), None);

    let page = browser.go(&format!("{PUBLIC_URL}/sign-in?role=CITY_MEMBER"), "ana").await;
    assert_eq!(page.url, format!("{PUBLIC_URL}/"), "{}", page.text);
    let (_, answer) = ask_in(&mut browser, &OURS).await;
    assert_eq!(answer["data"]["viewer"]["role"], "CITY_MEMBER");
    let page = browser.go(&format!("{PUBLIC_URL}/sign-in?role=AUDITOR"), "ana").await;
    assert_eq!(page.status, 403);
    assert!(page.text.contains("does not give you the role AUDITOR"), "{}", page.text);

    let mut other = Browser::new(&scene.running.url(""));
    let page = other.go(&format!("{PUBLIC_URL}/sign-in"), "nobody").await;
    assert_eq!(page.status, 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pasted_token_signs_a_browser_in_over_https_only_by_a_guarded_cookie() {
    let service = service().await;
    service.travel(Clock::System.now());
    let person = service.person("Ana Reyes").await;
    let role = NewRole::everywhere(Role::GrantManager);
    let (_, secret) =
        access::commands::create_token(&service.app, &person, &role, 30).await.unwrap();
    let serve = |public_url: &str| {
        let mut command = thrive();
        command.args(["serve", "--parts", "api", "--database-url", &service.database_url()]);
        command.args(["--public-url", public_url]);
        tokio::task::block_in_place(|| Running::start(command))
    };
    let form = |token: &str| Some(format!("token={token}"));
    let url = format!("{PUBLIC_URL}/sign-in");
    {
        let running = serve(PUBLIC_URL);
        let mut browser = Browser::new(&running.url(""));
        let page = browser.go(&url, "").await;
        assert!(page.text.contains("<form method=\"post\" action=\"/sign-in\">"), "{}", page.text);
        for (headers, token, expected) in [
            (&OURS[..], "thrive_wrong", 401),
            (&[("sec-fetch-site", "cross-site")][..], secret.reveal(), 403),
            (&[][..], secret.reveal(), 403),
        ] {
            let sent = browser.send(Method::POST, &url, headers, form(token)).await;
            assert_eq!(sent.status(), expected);
            assert_eq!(browser.cookie("thrive_session"), None);
        }
        let sent = browser.send(Method::POST, &url, &OURS, form(secret.reveal())).await;
        assert_eq!(
            (sent.status().as_u16(), &sent.headers()["location"]),
            (303, &"/".parse().unwrap())
        );
        assert_eq!(ask_in(&mut browser, &OURS).await.1["data"]["viewer"], viewer("GRANT_MANAGER"));
        // Others may use that token: signing out leaves it.
        browser.send(Method::POST, &format!("{PUBLIC_URL}/sign-out"), &OURS, None).await;
        assert_eq!(browser.cookie("thrive_session"), None);
        browser.keep("thrive_session", secret.reveal());
        assert_eq!(ask_in(&mut browser, &OURS).await.0, 200);
    }
    let running = serve("https://thrive.test/");
    let mut browser = Browser::new(&running.url(""));
    browser
        .send(Method::POST, &url, &[("origin", "https://thrive.test")], form(secret.reveal()))
        .await;
    let set = browser.set.iter().find(|set| set.starts_with("__Host-thrive_session=")).unwrap();
    assert!(set.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=43200; Secure"), "{set}");
}
