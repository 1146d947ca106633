//! Who comes in, and who does not: tokens that a real identity provider signs, crafted ones, and browsers that sign in
//! there, all against the real service.

mod bad_tokens;
mod bearers;
mod browsers;
mod keys;

use std::time::{Duration, Instant};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use thrive::{clock::Clock, people::Person};

use crate::support::{
    Service,
    process::{Running, thrive},
    provider::{OidcProvider, PUBLIC_URL},
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
    // Many bad tokens come from one address here.
    command.args(["--failed-sign-ins-per-minute", "0"]);
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
