//! Whom a good token lets in, and in which roles.

use serde_json::json;
use thrive::{
    access::{self, Role, commands::NewRole},
    clock::Clock,
};

use super::{ana, scene, scene_of, viewer};

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
