//! Browsers that sign in at the provider or by a pasted token, work, and sign out.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use thrive::{
    access::{self, Role, commands::NewRole},
    clock::Clock,
};

use super::{WHO, ana, scene, scene_of, viewer};
use crate::support::{
    process::{Running, thrive},
    provider::{Browser, PUBLIC_URL},
    service,
};

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
        *log += &running.logged();
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
