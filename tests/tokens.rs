//! Tokens and roles as people see, give and take them through the API.

use serde_json::{Value, json};
use thrive::{
    access::{self, Actor, Role, Secret, commands::NewRole},
    id::PersonId,
};

use crate::support::{Service, codes, none, refused_by, service};

async fn create(service: &Service, actor: &Actor, input: Value) -> Value {
    let wanted = "secret accessToken { id role scope kind purpose live lastUsedAt person { name } createdBy { name } }";
    service.mutate(actor, "createAccessToken", "CreateAccessTokenInput", wanted, input).await
}

async fn holder(service: &Service, secret: &str) -> Option<Actor> {
    let secret = Secret::presented(secret);
    let now = service.app.clock.now();
    access::store::identify(&service.app.db, &secret, now).await.unwrap().map(Actor::Person)
}

fn id(actor: &Actor) -> PersonId {
    actor.identity().unwrap().person
}

fn own(scope: &str) -> Value {
    json!({ "purpose": "Dashboard", "scope": scope, "days": 30 })
}

#[tokio::test]
async fn a_token_that_only_reads_reads_as_its_person_and_refuses_every_mutation() {
    let service = service().await;
    let cast = service.cast().await;
    service.draft(&cast, "G-1", "1000.00").await;

    let made = create(&service, &cast.manager, own("READ")).await;
    let token = json!({ "id": made["accessToken"]["id"], "role": "GRANT_MANAGER", "scope": "READ", "kind": "TOKEN",
        "purpose": "Dashboard", "live": true, "lastUsedAt": null, "person": { "name": "Mara Manager" },
        "createdBy": { "name": "Mara Manager" } });
    assert_eq!(made["accessToken"], token);
    let secret = made["secret"].as_str().unwrap();
    let reader = holder(&service, secret).await.unwrap();

    let query = "{ viewer { tokenScope } grants { nodes { number } } }";
    let read =
        json!({ "viewer": { "tokenScope": "READ" }, "grants": { "nodes": [{ "number": "G-1" }] } });
    assert_eq!(service.data(&reader, query, none()).await, read);
    // Its own maker's role may do all of these.
    for (mutation, input_type, input) in [
        ("createAccessToken", "CreateAccessTokenInput", own("READ")),
        (
            "revokeAccessToken",
            "RevokeAccessTokenInput",
            json!({ "tokenId": made["accessToken"]["id"] }),
        ),
        ("createOrganization", "CreateOrganizationInput", json!({ "name": "X", "kind": "CBO" })),
    ] {
        let answer = service.mutate(&reader, mutation, input_type, "__typename", input).await;
        assert_eq!(codes(&answer), ["FORBIDDEN"], "{mutation}");
        let message = answer["userErrors"][0]["message"].as_str().unwrap();
        assert!(message.starts_with("this token only reads"), "{message}");
    }
    let writer = create(&service, &cast.manager, own("READ_WRITE")).await;
    let writer = holder(&service, writer["secret"].as_str().unwrap()).await.unwrap();
    assert_eq!(codes(&create(&service, &writer, own("READ")).await), [""; 0]);
}

#[tokio::test]
async fn nobody_makes_a_token_for_somebody_else_but_programs_get_theirs_from_an_administrator() {
    let service = service().await;
    let cast = service.cast().await;
    let program = service.person("Data Warehouse").await;
    let with = |changes: Value| {
        let mut input = own("READ");
        input.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        input
    };
    let of_program = with(json!({ "personId": program.id.to_string(), "role": "SERVICE" }));
    for (actor, input, code) in [
        (&cast.manager, with(json!({ "role": "APPROVER" })), "FORBIDDEN"),
        (&cast.admin, with(json!({ "personId": id(&cast.approver).to_string() })), "FORBIDDEN"),
        (
            &cast.admin,
            with(json!({ "personId": id(&cast.approver).to_string(), "role": "APPROVER" })),
            "FORBIDDEN",
        ),
        (&cast.manager, of_program.clone(), "FORBIDDEN"),
        (&cast.admin, of_program.clone(), "INVALID_STATE"),
        (&cast.admin, with(json!({ "purpose": " " })), "INVALID_INPUT"),
        (&cast.admin, with(json!({ "days": 0 })), "INVALID_INPUT"),
        (&cast.admin, with(json!({ "days": 366 })), "INVALID_INPUT"),
        (
            &cast.admin,
            with(
                json!({ "personId": "person_00000000000000000000000000000000", "role": "SERVICE" }),
            ),
            "NOT_FOUND",
        ),
    ] {
        let answer = create(&service, actor, input.clone()).await;
        assert_eq!(codes(&answer), [code], "{input}");
        assert_eq!((&answer["secret"], &answer["accessToken"]), (&Value::Null, &Value::Null));
    }
    let role = json!({ "personId": program.id.to_string(), "role": "SERVICE" });
    let granted =
        service.mutate(&cast.admin, "grantRole", "GrantRoleInput", "__typename", role).await;
    assert_eq!(codes(&granted), [""; 0]);
    let made = create(&service, &cast.admin, of_program).await;
    assert_eq!(made["accessToken"]["person"]["name"], "Data Warehouse");
    let program = holder(&service, made["secret"].as_str().unwrap()).await.unwrap();
    assert_eq!(program.identity().unwrap().role, Role::Service);
}

#[tokio::test]
async fn tokens_are_listed_to_their_people_and_to_those_who_look_after_them() {
    let service = service().await;
    let cast = service.cast().await;
    // Later than the others.
    service.tick();
    let made = create(&service, &cast.manager, own("READ")).await;
    let secret = made["secret"].as_str().unwrap();
    holder(&service, secret).await.unwrap();

    let mine = "{ viewer { accessTokens(first: 1) { totalCount nodes { id purpose lastUsedAt } pageInfo { hasNextPage } } } }";
    let found = service.data(&cast.manager, mine, none()).await;
    let expected = json!({ "totalCount": 2, "pageInfo": { "hasNextPage": true }, "nodes": [{
        "id": made["accessToken"]["id"], "purpose": "Dashboard", "lastUsedAt": "2026-11-24T18:00:01+00:00" }] });
    assert_eq!(found["viewer"]["accessTokens"], expected);
    assert!(!found.to_string().contains(secret));
    let nobody = service.data(&Actor::Anyone, mine, none()).await;
    assert_eq!(nobody["viewer"]["accessTokens"]["totalCount"], 0);

    let all = "query ($filter: AccessTokenFilter) { accessTokens(filter: $filter) { totalCount nodes { person { name } } } }";
    let count = async |actor: &Actor, filter: Value| {
        let found = service.data(actor, all, json!({ "filter": filter })).await;
        found["accessTokens"]["totalCount"].as_i64().unwrap()
    };
    for actor in [&cast.admin, &cast.auditor] {
        assert_eq!(count(actor, json!({})).await, 7);
    }
    let manager = id(&cast.manager).to_string();
    assert_eq!(count(&cast.auditor, json!({ "people": [manager] })).await, 2);
    assert_eq!(count(&cast.auditor, json!({ "people": [manager], "roles": ["AUDITOR"] })).await, 0);
    assert_eq!(count(&cast.auditor, json!({ "kind": "SESSION" })).await, 0);
    assert_eq!(count(&cast.auditor, json!({ "live": false })).await, 0);
    assert_eq!(count(&cast.auditor, json!({ "updatedSince": "2026-11-24T18:00:02Z" })).await, 0);
    for actor in [&cast.manager, &cast.finance] {
        let answer = service.ask(actor, "{ accessTokens { totalCount } }", none()).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");
    }
    // By its id: its own person and those who look after tokens.
    let node = async |actor: &Actor| {
        let query = "query ($id: ID!) { node(id: $id) { id } }";
        let id = json!({ "id": made["accessToken"]["id"] });
        !service.data(actor, query, id).await["node"].is_null()
    };
    assert!(node(&cast.manager).await && node(&cast.auditor).await);
    assert!(!node(&cast.approver).await && !node(&Actor::Anyone).await);
}

#[tokio::test]
async fn a_token_is_revoked_by_its_person_or_an_administrator_and_once() {
    let service = service().await;
    let cast = service.cast().await;
    let made = create(&service, &cast.manager, own("READ")).await;
    let input = json!({ "tokenId": made["accessToken"]["id"] });
    let revoke = async |actor: &Actor| {
        let wanted = "accessToken { live revokedBy { name } }";
        service
            .mutate(actor, "revokeAccessToken", "RevokeAccessTokenInput", wanted, input.clone())
            .await
    };
    for actor in [&cast.approver, &cast.auditor] {
        assert_eq!(codes(&revoke(actor).await), ["NOT_FOUND"]);
    }
    let secret = made["secret"].as_str().unwrap();
    assert!(holder(&service, secret).await.is_some());
    let revoked = json!({ "live": false, "revokedBy": { "name": "Pat Admin" } });
    assert_eq!(revoke(&cast.admin).await["accessToken"], revoked);
    assert!(holder(&service, secret).await.is_none());
    assert_eq!(codes(&revoke(&cast.manager).await), ["INVALID_STATE"]);

    let owner = service.as_owner().await;
    for (statement, expected) in [
        (
            "update access_tokens set scope = 'READ_WRITE' where scope = 'READ'",
            "access_tokens_fixed",
        ),
        (
            "update access_tokens set revoked_at = null, revoked_by = null where revoked_at is not null",
            "access_tokens_fixed",
        ),
        (
            "update access_tokens set expires_at = expires_at + interval '1 day'",
            "access_tokens_fixed",
        ),
        (
            "update role_grants set role = 'PROGRAM_ADMIN' where role = 'AUDITOR'",
            "role_grants_fixed",
        ),
        (
            "insert into role_grants (id, person_id, role, granted_at, granted_by)
             select gen_random_uuid(), id, 'SERVICE', now(), id from people",
            "role_grants_not_to_oneself",
        ),
    ] {
        assert_eq!(
            refused_by(sqlx::raw_sql(statement).execute(&owner).await),
            expected,
            "{statement}"
        );
    }
}

#[tokio::test]
async fn an_administrator_gives_and_ends_roles_of_others_and_not_the_own() {
    let service = service().await;
    let cast = service.cast().await;
    let person = service.person("Nia New").await;
    let grant = async |actor: &Actor, input: Value| {
        let wanted = "roleGrant { id role approvalLimit source city { name } person { name } grantedBy { name } }";
        service.mutate(actor, "grantRole", "GrantRoleInput", wanted, input).await
    };
    let of = |person: PersonId, changes: Value| {
        let mut input = json!({ "personId": person.to_string(), "role": "COACH" });
        input.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        input
    };
    let city = cast.city.id.to_string();
    for (actor, input, code) in [
        (&cast.admin, of(id(&cast.admin), json!({ "role": "APPROVER" })), "FORBIDDEN"),
        (&cast.manager, of(person.id, json!({ "cityId": city })), "FORBIDDEN"),
        (&cast.admin, of(person.id, json!({})), "INVALID_INPUT"),
        (&cast.admin, of(person.id, json!({ "role": "AUDITOR", "cityId": city })), "INVALID_INPUT"),
        (
            &cast.admin,
            of(person.id, json!({ "cityId": city, "approvalLimit": "5.00" })),
            "INVALID_INPUT",
        ),
        (
            &cast.admin,
            of(person.id, json!({ "cityId": "city_00000000000000000000000000000000" })),
            "NOT_FOUND",
        ),
        (&cast.admin, of(PersonId(uuid::Uuid::nil()), json!({ "cityId": city })), "NOT_FOUND"),
    ] {
        assert_eq!(codes(&grant(actor, input.clone()).await), [code], "{input}");
    }
    let given = grant(&cast.admin, of(person.id, json!({ "cityId": city }))).await;
    let role = json!({ "id": given["roleGrant"]["id"], "role": "COACH", "approvalLimit": null, "source": "THRIVE",
        "city": { "name": "Fresno" }, "person": { "name": "Nia New" }, "grantedBy": { "name": "Pat Admin" } });
    assert_eq!(given["roleGrant"], role);
    let again = grant(&cast.admin, of(person.id, json!({ "cityId": city }))).await;
    assert_eq!(codes(&again), ["ALREADY_EXISTS"]);

    let coach = NewRole { city: Some(cast.city.id), ..NewRole::everywhere(Role::Coach) };
    let (_, secret) =
        access::commands::create_token(&service.app, &person, &coach, 30).await.unwrap();
    let nia = holder(&service, secret.reveal()).await.unwrap();
    let roles = async |actor: &Actor| {
        let query = "query ($id: ID!) { node(id: $id) { ... on Person { roles { role endedBy { name } } } } }";
        service.data(actor, query, json!({ "id": person.id.to_string() })).await["node"]["roles"]
            .clone()
    };
    let held = json!([{ "role": "COACH", "endedBy": null }]);
    assert_eq!(roles(&cast.auditor).await, held);
    assert_eq!(roles(&nia).await, held);
    assert_eq!(roles(&cast.manager).await, Value::Null);

    let end = async |actor: &Actor| {
        let input = json!({ "roleId": given["roleGrant"]["id"] });
        service
            .mutate(actor, "endRole", "EndRoleInput", "roleGrant { endedBy { name } }", input)
            .await
    };
    assert_eq!(codes(&end(&cast.manager).await), ["FORBIDDEN"]);
    assert_eq!(codes(&end(&cast.admin).await), [""; 0]);
    assert!(holder(&service, secret.reveal()).await.is_none(), "its token ended with it");
    assert_eq!(codes(&end(&cast.admin).await), ["INVALID_STATE"]);
    assert_eq!(
        roles(&cast.admin).await,
        json!([{ "role": "COACH", "endedBy": { "name": "Pat Admin" } }])
    );
}
