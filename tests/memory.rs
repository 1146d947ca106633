//! Whom a token speaks for is remembered for a while, and what was taken away meanwhile counts at once.

use poem::{EndpointExt, endpoint::BoxEndpoint, test::TestClient};
use serde_json::{Value, json};
use thrive::{
    access::{
        self, Actor, Role,
        administration::{self, NewRoleOfPerson},
        commands::NewRole,
    },
    http::{self, Settings},
    id::{RoleGrantId, TokenId},
};

use crate::{
    statements::count,
    support::{Service, service},
};

const GRANTS: &str = "{ grants(first: 10, orderBy: { field: NUMBER }) { nodes { number } } }";

struct Client {
    client: TestClient<BoxEndpoint<'static>>,
    bearer: String,
}

impl Client {
    fn new(service: &Service, secret: &access::Secret) -> Self {
        let routes = http::routes_with(&service.app, Settings::default());
        let client = TestClient::new(routes.map_to_response().boxed());
        Self { client, bearer: format!("Bearer {}", secret.reveal()) }
    }

    async fn ask(&self, query: &str) -> (u16, Value) {
        let request = self.client.post("/graphql").content_type("application/json");
        let body = json!({ "query": query }).to_string();
        let answer = request.header("authorization", &self.bearer).body(body).send().await.0;
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.into_body().into_string().await.unwrap()).unwrap())
    }

    /// The numbers of the grants that are shown.
    async fn numbers(&self) -> Vec<String> {
        let (status, answer) = self.ask(GRANTS).await;
        assert_eq!(status, 200, "{answer}");
        let nodes = answer["data"]["grants"]["nodes"].as_array().unwrap();
        nodes.iter().map(|node| node["number"].as_str().unwrap().to_owned()).collect()
    }
}

/// Finance staff of the cast's recipient, whose token is remembered; and the ids of the token and of the role.
async fn remembered(service: &Service) -> (crate::support::Cast, Client, TokenId, RoleGrantId) {
    let cast = service.cast().await;
    service.draft(&cast, "G-1", "100.00").await;
    let person = service.person("Fran Finance").await;
    let role =
        NewRole { organization: Some(cast.recipient.id), ..NewRole::everywhere(Role::CityFinance) };
    let (token, secret) =
        access::commands::create_token(&service.app, &person, &role, 1).await.unwrap();
    let given =
        sqlx::query_scalar::<_, uuid::Uuid>("select id from role_grants where person_id = $1")
            .bind(person.id)
            .fetch_one(&service.app.db)
            .await
            .unwrap();
    let client = Client::new(service, &secret);
    for _ in 0..2 {
        assert_eq!(client.numbers().await, ["G-1"]);
    }
    (cast, client, token, RoleGrantId(given))
}

#[tokio::test]
async fn a_question_that_is_asked_again_takes_one_statement_with_who_asks() {
    let service = service().await;
    let (_, client, ..) = remembered(&service).await;
    let (numbers, statements) = count(client.numbers()).await;
    assert_eq!((numbers, statements), (vec!["G-1".to_owned()], 1));
    // Of nothing, no row tells the stamp: it is asked for by itself.
    let nothing = "{ grants(filter: { search: \"nothing\" }) { nodes { number } } }";
    client.ask(nothing).await;
    let ((status, answer), statements) = count(client.ask(nothing)).await;
    assert_eq!(
        (status, answer, statements),
        (200, json!({ "data": { "grants": { "nodes": [] } } }), 2)
    );
    // A mutation looks its sender up.
    let mutation = "mutation { revokeAccessToken(input: { tokenId: \"token_00000000000000000000000000000000\" }) { userErrors { code } } }";
    let ((status, answer), statements) = count(client.ask(mutation)).await;
    assert_eq!(
        (status, &answer["data"]["revokeAccessToken"]["userErrors"][0]["code"]),
        (200, &json!("NOT_FOUND"))
    );
    assert!(statements > 1, "{statements}");
}

#[tokio::test]
async fn a_token_that_is_revoked_opens_nothing_from_the_next_request_on() {
    let service = service().await;
    let (cast, client, token, _) = remembered(&service).await;
    let nothing = "{ grants(filter: { search: \"nothing\" }) { nodes { number } } }";
    for _ in 0..2 {
        assert_eq!(client.ask(nothing).await.0, 200);
    }
    administration::revoke(&service.app, &cast.admin, token).await.unwrap();
    for query in [nothing, GRANTS, nothing, GRANTS] {
        let (status, answer) = client.ask(query).await;
        assert_eq!(
            (status, &answer["errors"][0]["extensions"]["code"]),
            (401, &json!("UNAUTHENTICATED"))
        );
    }
}

#[tokio::test]
async fn a_role_that_ends_and_one_that_begins_count_from_the_next_request_on() {
    let service = service().await;
    let (cast, client, _, role) = remembered(&service).await;
    let other =
        service.organization("Another (test)", thrive::people::OrganizationKind::Cbo, None).await;
    let mut new = service.draft_of(&cast, "G-2", "100.00").await;
    new.recipient = other.id;
    new.cities = vec![thrive::grants::CityShare {
        city: service.city("0644000").await.id,
        share_bp: 10_000,
    }];
    thrive::grants::commands::create(&service.app, &cast.manager, new).await.unwrap();
    assert_eq!(client.numbers().await, ["G-1"]);

    let person =
        sqlx::query_scalar::<_, uuid::Uuid>("select person_id from role_grants where id = $1")
            .bind(role.0)
            .fetch_one(&service.app.db)
            .await
            .unwrap();
    let role_of_other =
        NewRole { organization: Some(other.id), ..NewRole::everywhere(Role::CityFinance) };
    let new = NewRoleOfPerson { person: thrive::id::PersonId(person), role: role_of_other };
    administration::grant_role(&service.app, &cast.admin, new).await.unwrap();
    assert_eq!(client.numbers().await, ["G-1", "G-2"]);
    administration::end_role(&service.app, &cast.admin, role).await.unwrap();
    assert_eq!(client.numbers().await, ["G-2"]);
}

#[tokio::test]
async fn a_token_opens_nothing_after_its_time_and_its_use_is_noted_each_minute() {
    let service = service().await;
    let (_, client, token, _) = remembered(&service).await;
    let used = async || {
        sqlx::query_scalar::<_, chrono::DateTime<chrono::Utc>>(
            "select last_used_at from access_tokens where id = $1",
        )
        .bind(token.0)
        .fetch_one(&service.app.db)
        .await
        .unwrap()
    };
    let first = used().await;
    let later = service.app.clock.now() + chrono::TimeDelta::seconds(61);
    service.travel(later);
    assert_eq!(client.numbers().await, ["G-1"]);
    assert_eq!(used().await, later);
    assert!(first < later);
    service.travel(service.app.clock.now() + chrono::TimeDelta::hours(25));
    assert_eq!(client.ask(GRANTS).await.0, 401);
}

#[tokio::test]
async fn the_stamp_changes_with_what_is_remembered_and_not_with_use() {
    let service = service().await;
    let stamp = async || {
        sqlx::query_scalar::<_, i64>("select stamp from access_stamp")
            .fetch_one(&service.app.db)
            .await
            .unwrap()
    };
    let (cast, _, token, _) = remembered(&service).await;
    let Actor::Person(_) = cast.manager else { panic!("{:?}", cast.manager) };
    let before = stamp().await;
    for (change, changes) in [
        ("update access_tokens set last_used_at = last_used_at + interval '1 minute'", false),
        ("update access_tokens set revoked_at = now(), revoked_by = person_id where id = $1", true),
    ] {
        let was = stamp().await;
        let query = sqlx::query(change);
        let query = if change.contains("$1") { query.bind(token.0) } else { query };
        query.execute(&service.as_owner().await).await.unwrap();
        assert_eq!(stamp().await != was, changes, "{change}");
    }
    assert!(stamp().await > before);
    let refused = sqlx::query("update access_stamp set stamp = 1").execute(&service.app.db).await;
    assert!(refused.unwrap_err().to_string().contains("permission denied"));
}
