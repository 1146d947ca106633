//! The provider's keys as they change, while it is down, and what is configured wrongly.

use std::time::{Duration, Instant};

use serde_json::json;

use super::scene;
use crate::support::{
    process::{output, thrive},
    service,
};

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
