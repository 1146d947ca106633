//! Who decides while an approver is away, and how far.

use serde_json::{Value, json};
use thrive::{
    access::{Actor, Role, commands::NewRole},
    disbursements::{Payment, PaymentMethod, commands, payment},
    error::UserErrorCode::*,
    grants::Grant,
};

use crate::support::{Cast, Service, codes, money, refusal, refused_by, service};

fn person(actor: &Actor) -> String {
    match actor {
        Actor::Person(identity) => identity.person.to_string(),
        Actor::Anyone => panic!("nobody is signed in"),
    }
}

/// The same person in another role: duties separate people, not tokens.
fn acting(actor: &Actor, role: Role) -> Actor {
    let Actor::Person(mut identity) = actor.clone() else { panic!("nobody is signed in") };
    identity.role = role;
    identity.reach.everything = true;
    Actor::Person(identity)
}

async fn delegate(service: &Service, by: &Actor, to: &Actor, with: Value) -> Value {
    let mut input = json!({ "toId": person(to), "from": "2026-11-24", "until": "2026-12-04", "reason": "On leave" });
    input.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
    let wanted = "delegation { id from until inForce approver { name } delegate { name } }";
    service.mutate(by, "delegateApproval", "DelegateApprovalInput", wanted, input).await
}

/// People, a grant, and Lim, an approver up to 500.00.
async fn scene() -> (Service, Cast, Grant, Actor) {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "A-1", "10000.00").await;
    let limited =
        NewRole { approval_limit: Some(money("500.00")), ..NewRole::everywhere(Role::Approver) };
    let limited = service.actor("Lim Limited", limited).await;
    (service, cast, grant, limited)
}

const APPROVED: &str = "disbursement { status approvedBy { name } approvedFor { name } }";

async fn approve(service: &Service, by: &Actor, id: &str) -> Value {
    let input = json!({ "disbursementId": id });
    let name = "approveDisbursement";
    service.mutate(by, name, "ApproveDisbursementInput", APPROVED, input).await
}

#[tokio::test]
async fn a_delegate_decides_in_the_approvers_place_up_to_that_limit_and_is_named_with_the_approver()
{
    let (service, cast, grant, limited) = scene().await;
    let small = service.request(&cast, &grant, "I-1", "500.00").await.id.to_string();
    let large = service.request(&cast, &grant, "I-2", "500.01").await.id.to_string();
    assert_eq!(codes(&approve(&service, &cast.manager, &small).await), ["FORBIDDEN"]);

    let made = delegate(&service, &limited, &cast.manager, json!({})).await;
    assert_eq!(
        made["delegation"],
        json!({ "id": made["delegation"]["id"], "from": "2026-11-24", "until": "2026-12-04", "inForce": true,
            "approver": { "name": "Lim Limited" }, "delegate": { "name": "Mara Manager" } })
    );
    let query = "query ($id: ID!) { node(id: $id) { ... on Disbursement { allowedActions } } }";
    for (id, expected) in
        [(&small, json!(["RETURN", "APPROVE", "REJECT"])), (&large, json!(["RETURN", "REJECT"]))]
    {
        let node = service.data(&cast.manager, query, json!({ "id": id })).await["node"].clone();
        assert_eq!(node["allowedActions"], expected);
    }
    let refused = approve(&service, &cast.manager, &large).await;
    assert_eq!(codes(&refused), ["APPROVAL_LIMIT_EXCEEDED"]);
    let done = approve(&service, &cast.manager, &small).await;
    assert_eq!(
        done["disbursement"],
        json!({ "status": "APPROVED", "approvedBy": { "name": "Mara Manager" }, "approvedFor": { "name": "Lim Limited" } })
    );
    // Turning down is deciding, too.
    let input = json!({ "disbursementId": large, "reason": "not covered" });
    let wanted = "disbursement { status }";
    let rejected = service
        .mutate(&cast.manager, "rejectDisbursement", "StopDisbursementInput", wanted, input)
        .await;
    assert_eq!(rejected["disbursement"]["status"], "REJECTED");
}

#[tokio::test]
async fn an_approver_with_a_small_limit_uses_the_larger_one_that_was_left_to_them_only_where_it_is_needed()
 {
    let (service, cast, grant, limited) = scene().await;
    let small = service.request(&cast, &grant, "I-1", "500.00").await.id.to_string();
    let large = service.request(&cast, &grant, "I-2", "500.01").await.id.to_string();
    assert_eq!(codes(&approve(&service, &limited, &large).await), ["APPROVAL_LIMIT_EXCEEDED"]);
    assert_eq!(codes(&delegate(&service, &cast.approver, &limited, json!({})).await), [""; 0]);

    let own = approve(&service, &limited, &small).await;
    assert!(own["disbursement"]["approvedFor"].is_null());
    let left = approve(&service, &limited, &large).await;
    assert_eq!(left["disbursement"]["approvedFor"], json!({ "name": "Ada Approver" }));
}

#[tokio::test]
async fn requester_approver_delegate_and_payer_are_different_people() {
    let (service, cast, grant, limited) = scene().await;
    let app = &service.app;
    assert_eq!(codes(&delegate(&service, &limited, &cast.officer, json!({})).await), [""; 0]);
    // Asked for by the approver who is away, or by the delegate, in another role.
    for (invoice, requester) in [("I-1", &limited), ("I-2", &cast.officer)] {
        let Actor::Person(mut finance) = cast.finance.clone() else { unreachable!() };
        let Actor::Person(identity) = requester else { unreachable!() };
        finance.person = identity.person;
        let new = crate::support::request_of(&grant, invoice, "100.00");
        let asked = commands::request(app, &Actor::Person(finance), new, invoice).await.unwrap();
        let own = commands::approve(app, &cast.officer, asked.id, Default::default()).await;
        assert_eq!(refusal(own).code, SeparationOfDuties, "{invoice}");
    }
    let asked = service.request(&cast, &grant, "I-3", "100.00").await;
    commands::approve(app, &cast.officer, asked.id, Default::default()).await.unwrap();
    let today = app.clock.today();
    for payer in [
        &cast.officer,
        &acting(&limited, Role::FiscalOfficer),
        &acting(&cast.finance, Role::FiscalOfficer),
    ] {
        let pay = Payment::new(today, PaymentMethod::Ach, "R");
        assert_eq!(
            refusal(payment::pay(app, payer, asked.id, pay, "p").await).code,
            SeparationOfDuties
        );
    }
    let by_hand = sqlx::query(
        "update disbursements set status = 'PAID', paid_by = approved_for, paid_on = '2026-11-24', method = 'ACH',
                reference = 'R' where id = $1",
    );
    let by_hand = by_hand.bind(asked.id.0).execute(&app.db).await;
    assert_eq!(refused_by(by_hand), "disbursements_payer_is_not_represented");
    let another = service.actor("Ola Officer", NewRole::everywhere(Role::FiscalOfficer)).await;
    let pay = Payment::new(today, PaymentMethod::Ach, "R");
    payment::pay(app, &another, asked.id, pay, "p").await.unwrap();
}

#[tokio::test]
async fn a_delegation_is_of_an_approver_to_another_person_for_some_days_and_is_not_passed_on() {
    let (service, cast, _, limited) = scene().await;
    let refused = [
        (&limited, &limited, json!({}), "SEPARATION_OF_DUTIES"),
        (&limited, &cast.auditor, json!({}), "INVALID_INPUT"),
        (&limited, &cast.manager, json!({ "from": "2026-11-23" }), "INVALID_DATES"),
        (&limited, &cast.manager, json!({ "until": "2026-11-23" }), "INVALID_DATES"),
        (&limited, &cast.manager, json!({ "until": "2027-11-25" }), "INVALID_DATES"),
        (&limited, &cast.manager, json!({ "reason": " " }), "INVALID_INPUT"),
        (&limited, &cast.manager, json!({ "approverId": person(&cast.approver) }), "FORBIDDEN"),
        (&cast.manager, &cast.officer, json!({}), "FORBIDDEN"),
        (&cast.admin, &cast.manager, json!({}), "INVALID_INPUT"),
        // A program admin gives nobody's power to themselves.
        (
            &cast.admin,
            &cast.admin,
            json!({ "approverId": person(&limited) }),
            "SEPARATION_OF_DUTIES",
        ),
    ];
    for (by, to, with, code) in refused {
        assert_eq!(codes(&delegate(&service, by, to, with.clone()).await), [code], "{with}");
    }
    assert_eq!(codes(&delegate(&service, &limited, &cast.manager, json!({})).await), [""; 0]);
    // The delegate has nothing of their own to give.
    let passed = json!({ "approverId": person(&cast.manager) });
    assert_eq!(
        codes(&delegate(&service, &cast.admin, &cast.officer, passed).await),
        ["INVALID_INPUT"]
    );
    let by_hand = sqlx::query(
        "insert into approval_delegations select (jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid(),
         'approver_id', delegate_id, 'delegate_id', $1::uuid))).* from approval_delegations a",
    );
    let Actor::Person(officer) = &cast.officer else { unreachable!() };
    let by_hand = by_hand.bind(officer.person.0).execute(&service.app.db).await;
    assert_eq!(refused_by(by_hand), "approval_delegations_of_approver");
    let changed = sqlx::query("update approval_delegations set ends_on = '2027-12-31'")
        .execute(&service.app.db)
        .await;
    assert_eq!(refused_by(changed), "approval_delegations_fixed");
}

#[tokio::test]
async fn a_delegation_holds_on_its_days_until_it_is_ended_and_no_longer_than_the_approvers_role() {
    let (service, cast, grant, limited) = scene().await;
    let ids = [
        service.request(&cast, &grant, "I-1", "100.00").await.id.to_string(),
        service.request(&cast, &grant, "I-2", "100.00").await.id.to_string(),
    ];
    let later = json!({ "from": "2026-11-25", "until": "2026-11-26" });
    let made = delegate(&service, &limited, &cast.manager, later).await;
    assert_eq!(made["delegation"]["inForce"], false);
    assert_eq!(codes(&approve(&service, &cast.manager, &ids[0]).await), ["FORBIDDEN"]);
    // 25 November, 00:00 in California.
    service.travel("2026-11-25T08:00:00Z".parse().unwrap());
    assert_eq!(codes(&approve(&service, &cast.manager, &ids[0]).await), [""; 0]);

    sqlx::query(
        "update role_grants set ended_at = now() where role = 'APPROVER' and approval_limit = 500",
    )
    .execute(&service.app.db)
    .await
    .unwrap();
    assert_eq!(codes(&approve(&service, &cast.manager, &ids[1]).await), ["FORBIDDEN"]);
    sqlx::query(
        "insert into role_grants (id, person_id, role, approval_limit, granted_at)
         select gen_random_uuid(), person_id, role, approval_limit, ended_at from role_grants
          where role = 'APPROVER' and approval_limit = 500",
    )
    .execute(&service.app.db)
    .await
    .unwrap();
    // The day after the last.
    service.travel("2026-11-27T08:00:00Z".parse().unwrap());
    assert_eq!(codes(&approve(&service, &cast.manager, &ids[1]).await), ["FORBIDDEN"]);

    service.travel("2026-11-26T08:00:00Z".parse().unwrap());
    let input = json!({ "delegationId": made["delegation"]["id"] });
    let end = async |by: &Actor| {
        let wanted = "delegation { endedBy { name } inForce allowedActions }";
        service.mutate(by, "endDelegation", "EndDelegationInput", wanted, input.clone()).await
    };
    assert_eq!(codes(&end(&cast.manager).await), ["FORBIDDEN"]);
    assert_eq!(codes(&end(&cast.approver).await), ["FORBIDDEN"]);
    let ended = end(&cast.admin).await;
    assert_eq!(
        ended["delegation"],
        json!({ "endedBy": { "name": "Pat Admin" }, "inForce": false, "allowedActions": [] })
    );
    assert_eq!(codes(&end(&limited).await), ["INVALID_STATE"]);
    assert_eq!(codes(&approve(&service, &cast.manager, &ids[1]).await), ["FORBIDDEN"]);
    let listed = "query ($id: ID!) { approvalDelegations { totalCount } node(id: $id) { id }
        held: approvalDelegations(filter: { inForceOn: \"2026-11-26\" }) { totalCount } }";
    for (actor, seen) in [(&cast.auditor, 1), (&cast.finance, 0)] {
        let id = &made["delegation"]["id"];
        let answer = service.data(actor, listed, json!({ "id": id })).await;
        assert_eq!(answer["approvalDelegations"]["totalCount"], seen);
        assert_eq!(answer["held"]["totalCount"], 0);
        assert_eq!(answer["node"].is_null(), seen == 0);
    }
}

#[tokio::test]
async fn the_database_refuses_an_approval_in_the_place_of_somebody_who_did_not_ask_for_it() {
    let (service, cast, grant, limited) = scene().await;
    let (small, large) = (
        service.request(&cast, &grant, "I-1", "100.00").await,
        service.request(&cast, &grant, "I-2", "500.01").await,
    );
    let Actor::Person(manager) = &cast.manager else { unreachable!() };
    let Actor::Person(away) = &limited else { unreachable!() };
    let by_hand = async |id: uuid::Uuid, at: &str| {
        let written = sqlx::query(
            "update disbursements set status = 'APPROVED', approved_amount = amount, approved_by = $2, approved_for = $3,
                    approved_at = $4::timestamptz where id = $1",
        );
        refused_by(
            written
                .bind(id)
                .bind(manager.person.0)
                .bind(away.person.0)
                .bind(at)
                .execute(&service.app.db)
                .await,
        )
    };
    assert_eq!(by_hand(small.id.0, "2026-11-24T18:00:00Z").await, "disbursements_delegated");
    assert_eq!(codes(&delegate(&service, &limited, &cast.manager, json!({})).await), [""; 0]);
    assert_eq!(by_hand(small.id.0, "2026-11-24T07:59:59Z").await, "disbursements_delegated");
    assert_eq!(by_hand(small.id.0, "2026-12-05T08:00:00Z").await, "disbursements_delegated");
    assert_eq!(by_hand(large.id.0, "2026-11-24T18:00:00Z").await, "disbursements_delegated_limit");
}
