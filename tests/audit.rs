//! The audit log: who did what, sealed in order; and what happens to whoever changes it afterwards.

use serde_json::{Value, json};
use sqlx::{Executor, PgPool};
use thrive::{
    audit::{self, Verification, chain},
    disbursements, jobs,
};

use crate::support::{Service, codes, none, service};

const LOG: &str = "query ($filter: AuditFilter! = {}) { auditEntries(filter: $filter, first: 200) { totalCount nodes {
    action role requestId tableName objectId change before after reason position hash person { name } } } }";

/// A grant that was awarded, signed and asked for money, and its log sealed.
async fn sealed() -> Service {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "A-1", "1000.00").await;
    let asked = service.request(&cast, &grant, "INV-1", "100.00").await;
    disbursements::commands::approve(
        &service.app,
        &cast.approver,
        asked.id,
        disbursements::Approval { amount: None, lines: vec![] },
    )
    .await
    .unwrap();
    seal(&service).await;
    service
}

async fn seal(service: &Service) {
    jobs::run_by_hand(&service.app, "audit_seal", None, false).await.unwrap();
}

async fn verify(service: &Service, noted: Option<&(i64, String)>) -> Verification {
    let mut tx = service.app.db.begin().await.unwrap();
    audit::commands::verify(&mut tx, noted).await.unwrap()
}

/// The owner with its triggers switched off: somebody who has the server itself.
async fn intruder(service: &Service) -> PgPool {
    let owner = service.as_owner().await;
    for table in ["audit_entries", "audit_seals"] {
        let off = format!("alter table {table} disable trigger user");
        owner.execute(sqlx::AssertSqlSafe(off)).await.unwrap();
    }
    owner
}

#[tokio::test]
async fn the_log_tells_who_did_what_to_which_row_and_what_it_was_before() {
    let service = sealed().await;
    let cast_auditor = service
        .actor(
            "Audrey",
            thrive::access::commands::NewRole::everywhere(thrive::access::Role::Auditor),
        )
        .await;
    let filter = json!({ "filter": { "actions": ["approveDisbursement"] } });
    let log = service.data(&cast_auditor, LOG, filter).await;
    let nodes = log["auditEntries"]["nodes"].as_array().unwrap();
    let approval: Vec<_> =
        nodes.iter().filter(|entry| entry["tableName"] == "disbursements").collect();
    assert_eq!(approval.len(), 1, "{log:#}");
    let entry = approval[0];
    assert_eq!(entry["person"]["name"], "Ada Approver");
    assert_eq!(entry["role"], "APPROVER");
    assert_eq!(entry["change"], "CHANGED");
    assert_eq!(entry["before"]["status"], "REQUESTED");
    assert_eq!(entry["after"]["status"], "APPROVED");
    assert!(entry["before"].get("invoice_number").is_none(), "only what differs: {entry:#}");
    assert!(entry["objectId"].as_str().unwrap().starts_with("disb_"));
    assert!(entry["position"].as_i64().unwrap() > 0 && entry["hash"].as_str().unwrap().len() == 64);

    // Addresses of people are withheld.
    let people = json!({ "filter": { "actions": ["createPerson"] } });
    let people = service.data(&cast_auditor, LOG, people).await;
    let entered = &people["auditEntries"]["nodes"][0]["after"];
    assert_eq!((&entered["email"], &entered["phone"]), (&json!("withheld"), &Value::Null));

    // What somebody does to the tables directly stands there without an action.
    let mut past = service.app.db.acquire().await.unwrap();
    past.execute("update grants set title = 'Another' where number = 'A-1'").await.unwrap();
    let unattributed = json!({ "filter": { "unattributed": true } });
    let unattributed = service.data(&cast_auditor, LOG, unattributed).await;
    assert_eq!(unattributed["auditEntries"]["totalCount"], 1, "{unattributed:#}");
    assert_eq!(unattributed["auditEntries"]["nodes"][0]["after"], json!({ "title": "Another" }));
}

#[tokio::test]
async fn whoever_is_neither_auditor_nor_administrator_does_not_see_the_log() {
    let service = service().await;
    let cast = service.cast().await;
    for actor in [&cast.manager, &cast.finance, &cast.approver, &cast.officer] {
        let answer = service.ask(actor, LOG, none()).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer:#}");
    }
    for actor in [&cast.auditor, &cast.admin] {
        assert!(service.data(actor, LOG, none()).await["auditEntries"]["totalCount"].is_i64());
    }
    let answer = service.ask(&thrive::access::Actor::Anyone, LOG, none()).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_refused_command_leaves_no_entry() {
    let service = service().await;
    let cast = service.cast().await;
    let count = || async {
        sqlx::query_scalar::<_, i64>("select count(*) from audit_entries")
            .fetch_one(&service.app.db)
            .await
            .unwrap()
    };
    let before = count().await;
    let input = json!({ "name": "", "email": "nobody" });
    let refused =
        service.mutate(&cast.admin, "createPerson", "CreatePersonInput", "__typename", input).await;
    assert!(!codes(&refused).is_empty(), "{refused:#}");
    assert_eq!(count().await, before);
}

#[tokio::test]
async fn the_service_writes_entries_by_its_triggers_only_and_nobody_changes_them() {
    let service = sealed().await;
    for statement in [
        "insert into audit_entries (recorded_at, table_name, change, after) values (now(), 'grants', 'CREATED', '{}')",
        "update audit_entries set reason = 'x'",
        "delete from audit_entries",
        "truncate audit_entries cascade",
        "update audit_seals set position = position + 1",
        "delete from audit_seals",
        "truncate audit_seals",
    ] {
        let refused = service.app.db.execute(statement).await.unwrap_err().to_string();
        assert!(refused.contains("permission denied"), "{statement}: {refused}");
        if !statement.starts_with("insert") {
            let owner = service.as_owner().await;
            let refused = owner.execute(statement).await.unwrap_err().to_string();
            assert!(refused.contains("append-only"), "{statement}: {refused}");
        }
    }
}

#[tokio::test]
async fn an_untouched_log_verifies_and_its_tail_is_reported() {
    let service = sealed().await;
    let found = verify(&service, None).await;
    assert!(found.broken.is_empty() && found.verified > 20, "{found:?}");
    assert_eq!(found.unsealed, 0);
    service.person("Paula Person").await;
    let found = verify(&service, None).await;
    assert!(found.broken.is_empty(), "{found:?}");
    assert_eq!(found.unsealed, 1);
    seal(&service).await;
    assert_eq!(verify(&service, None).await.unsealed, 0);
}

#[tokio::test]
async fn an_edited_entry_is_found() {
    let service = sealed().await;
    let owner = intruder(&service).await;
    owner
        .execute(
            "update audit_entries set after = after || '{\"status\": \"PAID\"}'
              where action = 'approveDisbursement' and table_name = 'disbursements'",
        )
        .await
        .unwrap();
    let found = verify(&service, None).await;
    assert_eq!(found.broken.len(), 1, "{found:?}");
    assert!(found.broken[0].contains("is not what was sealed"), "{found:?}");
}

#[tokio::test]
async fn a_removed_entry_is_found_with_its_seal_or_without() {
    let service = sealed().await;
    let owner = intruder(&service).await;
    owner.execute("alter table audit_seals drop constraint audit_seals_number_fkey").await.unwrap();
    owner.execute("delete from audit_entries where number = 10").await.unwrap();
    let found = verify(&service, None).await;
    assert!(found.broken.iter().any(|broken| broken.contains("was taken away")), "{found:?}");
    owner.execute("delete from audit_seals where number = 10").await.unwrap();
    let found = verify(&service, None).await;
    assert!(found.broken.iter().any(|broken| broken.contains("is missing")), "{found:?}");
}

#[tokio::test]
async fn entries_that_changed_places_are_found() {
    let service = sealed().await;
    let owner = intruder(&service).await;
    owner
        .execute(
            "alter table audit_seals drop constraint audit_seals_once;
             update audit_seals set number = case number when 10 then 11 else 10 end where number in (10, 11)",
        )
        .await
        .unwrap();
    let found = verify(&service, None).await;
    assert!(found.broken.len() >= 2, "{found:?}");
    assert!(found.broken[0].contains("stands elsewhere in the order"), "{found:?}");
}

#[tokio::test]
async fn a_log_that_was_cut_off_and_sealed_anew_no_longer_holds_the_seal_that_was_noted() {
    let service = sealed().await;
    let head = verify(&service, None).await.head.unwrap();
    let noted = (head.position, chain::hex(&head.hash));
    assert!(verify(&service, Some(&noted)).await.broken.is_empty());
    let owner = intruder(&service).await;
    owner
        .execute(
            "delete from audit_seals where position > 5;
             delete from audit_entries e where not exists (select from audit_seals s where s.number = e.number)",
        )
        .await
        .unwrap();
    assert!(verify(&service, None).await.broken.is_empty(), "by itself it looks whole");
    let found = verify(&service, Some(&noted)).await;
    assert!(found.broken[0].contains("the chain ends before"), "{found:?}");
}
