//! The life of a disbursement: what each state allows, who may do what, which dates and invoices pass.

use serde_json::{Value, json};
use sqlx::PgPool;
use thrive::{
    Refusal,
    access::{Actor, Identity, Role, commands::NewRole},
    clock::Date,
    disbursements::{
        AdjustmentKind, Disbursement, DisbursementAction, DisbursementStatus, NewAdjustment,
        Payment, PaymentMethod, adjustments, commands, payment,
    },
    error::UserErrorCode::*,
    grants::Grant,
    people::OrganizationKind,
};

use crate::support::{Cast, Service, codes, date, refusal, refused_by, request_of, service};

fn payment(on: Date) -> Payment {
    Payment::new(on, PaymentMethod::Warrant, "W-1")
}

/// Something that becomes of 1.00 of a payment.
fn part(kind: AdjustmentKind) -> NewAdjustment {
    let (amount, reason) = ("1.00".parse().unwrap(), "a credit".into());
    NewAdjustment { kind, amount, lines: vec![], effective_on: None, reference: None, reason }
}

/// What somebody may correct in a returned request: nothing.
fn unchanged() -> commands::NewRequestDetails {
    commands::NewRequestDetails::default()
}

/// Does it as somebody who may, with everything else in order.
async fn act(
    service: &Service,
    cast: &Cast,
    found: &Disbursement,
    action: DisbursementAction,
) -> thrive::Result<Disbursement> {
    use DisbursementAction::*;
    let (app, id) = (&service.app, found.id);
    let (approver, officer) = (&cast.approver, &cast.officer);
    let key = format!("{action} {id} {}", found.revision);
    match action {
        Return => commands::return_to_requester(app, approver, id, "the receipt is missing").await,
        Resubmit => commands::resubmit(app, &cast.finance, id, unchanged(), &key).await,
        Approve => commands::approve(app, approver, id, Default::default()).await,
        Reject => commands::reject(app, approver, id, "not covered").await,
        Cancel => commands::cancel(app, officer, id, "not needed").await,
        Schedule => commands::schedule(app, officer, id, Some(app.clock.today())).await,
        Unschedule => commands::schedule(app, officer, id, None).await,
        Pay => payment::pay(app, officer, id, payment(app.clock.today()), &key).await,
        Reverse => payment::reverse(app, officer, id, "paid twice", &key).await,
        Refund => adjustments::record(app, officer, id, part(AdjustmentKind::Refund), &key).await,
        Disallow => {
            adjustments::record(app, officer, id, part(AdjustmentKind::Disallowance), &key).await
        }
        AccountFor => {
            adjustments::record(app, &cast.finance, id, part(AdjustmentKind::Accounting), &key)
                .await
        }
    }
}

/// A disbursement of 10.00 that has come into a state.
async fn in_state(
    service: &Service,
    cast: &Cast,
    grant: &Grant,
    status: DisbursementStatus,
    invoice: &str,
) -> Disbursement {
    use DisbursementAction::*;
    use DisbursementStatus as S;
    let way: &[DisbursementAction] = match status {
        S::Requested => &[],
        S::Returned => &[Return],
        S::Approved => &[Approve],
        S::Scheduled => &[Approve, Schedule],
        S::Paid => &[Approve, Pay],
        S::Rejected => &[Reject],
        S::Cancelled => &[Cancel],
        S::Reversed => &[Approve, Pay, Reverse],
    };
    let mut found = service.request(cast, grant, invoice, "10.00").await;
    for action in way {
        found = act(service, cast, &found, *action).await.unwrap();
    }
    assert_eq!(found.status, status);
    found
}

/// `DisbursementStatus` of the API's conventions, and nothing else.
fn becomes(status: DisbursementStatus, action: DisbursementAction) -> Option<DisbursementStatus> {
    use DisbursementAction::*;
    use DisbursementStatus as S;
    match (status, action) {
        (S::Requested, Return) => Some(S::Returned),
        (S::Requested, Reject) => Some(S::Rejected),
        (S::Requested, Approve) | (S::Scheduled, Unschedule) => Some(S::Approved),
        (S::Returned, Resubmit) => Some(S::Requested),
        (S::Approved, Schedule) => Some(S::Scheduled),
        (S::Approved | S::Scheduled, Pay) => Some(S::Paid),
        (S::Requested | S::Returned | S::Approved | S::Scheduled, Cancel) => Some(S::Cancelled),
        (S::Paid, Reverse) => Some(S::Reversed),
        (S::Paid, Refund | Disallow | AccountFor) => Some(S::Paid),
        _ => None,
    }
}

#[tokio::test]
async fn each_state_allows_its_actions_and_refuses_every_other_by_name() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "D-1", "10000.00").await;
    for status in DisbursementStatus::ALL {
        for action in DisbursementAction::ALL {
            let invoice = format!("{status} {action}");
            let found = in_state(&service, &cast, &grant, *status, &invoice).await;
            let outcome = act(&service, &cast, &found, *action).await;
            if *action == DisbursementAction::AccountFor && *status == DisbursementStatus::Paid {
                // The state allows it, and the kind does not: it is for costs already.
                assert!(refusal(outcome).message.contains("only an advance"), "{invoice}");
                continue;
            }
            if let Some(expected) = becomes(*status, *action) {
                assert_eq!(outcome.unwrap().status, expected, "{invoice}");
                continue;
            }
            let allowed: Vec<_> = DisbursementAction::ALL
                .iter()
                .filter(|a| becomes(*status, **a).is_some())
                .collect();
            let refused = refusal(outcome);
            assert_eq!(refused.code, InvalidState, "{invoice}");
            assert!(refused.message.contains(&format!("is {status}")), "{}", refused.message);
            assert!(
                allowed.iter().all(|action| refused.message.contains(action.as_str())),
                "{}",
                refused.message
            );
            let now: (String, i32) =
                sqlx::query_as("select status, revision from disbursements where id = $1")
                    .bind(found.id.0)
                    .fetch_one(&service.app.db)
                    .await
                    .unwrap();
            assert_eq!(now, (status.to_string(), found.revision), "{invoice}");
        }
    }
}

/// Writes a state with all that it needs, and takes it back if it was accepted.
async fn write_state(
    db: &PgPool,
    cast: &Cast,
    id: uuid::Uuid,
    to: DisbursementStatus,
) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    sqlx::query(
        "update disbursements
            set status = $2, approved_by = coalesce(approved_by, $3), approved_amount = coalesce(approved_amount, amount),
                paid_by = coalesce(paid_by, $4),
                paid_on = coalesce(paid_on, '2026-11-24'), scheduled_for = '2026-11-24', method = coalesce(method, 'ACH'),
                reference = coalesce(reference, 'R')
          where id = $1",
    )
    .bind(id)
    .bind(to.as_str())
    .bind(identity(&cast.approver).person.0)
    .bind(identity(&cast.officer).person.0)
    .execute(&mut *tx)
    .await?;
    tx.rollback().await
}

fn identity(actor: &Actor) -> &Identity {
    match actor {
        Actor::Person(identity) => identity,
        Actor::Anyone => panic!("nobody is signed in"),
    }
}

#[tokio::test]
async fn the_database_refuses_the_same_transitions_in_raw_sql() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "D-1", "10000.00").await;
    let reachable =
        |from, to| DisbursementAction::ALL.iter().any(|action| becomes(from, *action) == Some(to));
    for from in DisbursementStatus::ALL {
        let found = in_state(&service, &cast, &grant, *from, from.as_str()).await;
        for to in DisbursementStatus::ALL.iter().filter(|to| *to != from) {
            let outcome = write_state(&service.app.db, &cast, found.id.0, *to).await;
            if reachable(*from, *to) {
                outcome.unwrap_or_else(|error| panic!("{from} to {to}: {error}"));
            } else {
                assert_eq!(refused_by(outcome), "disbursements_transition", "{from} to {to}");
            }
        }
    }
}

#[tokio::test]
async fn requester_approver_and_payer_are_three_people_by_rule_and_by_constraint() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "D-1", "1000.00").await;
    let found = service.request(&cast, &grant, "A-1", "10.00").await;
    let app = &service.app;
    let today = app.clock.today();
    // The same people in other roles: duties separate people, not tokens.
    let as_role = |actor: &Actor, role| {
        let mut identity = identity(&cast.officer).clone();
        identity.person = self::identity(actor).person;
        Actor::Person(Identity { role, ..identity })
    };

    let own = commands::approve(
        app,
        &as_role(&cast.finance, Role::Approver),
        found.id,
        Default::default(),
    )
    .await;
    assert_eq!(refusal(own).code, SeparationOfDuties);
    let by_approver = "update disbursements set status = 'APPROVED', approved_by = requested_by, approved_amount = amount where id = $1";
    let own = sqlx::query(by_approver).bind(found.id.0).execute(&app.db).await;
    assert_eq!(refused_by(own), "disbursements_approver_is_another");

    commands::approve(app, &cast.approver, found.id, Default::default()).await.unwrap();
    for actor in [&cast.finance, &cast.approver] {
        let payer = as_role(actor, Role::FiscalOfficer);
        let own = payment::pay(app, &payer, found.id, payment(today), "own").await;
        assert_eq!(refusal(own).code, SeparationOfDuties);
        let paid = sqlx::query(
            "update disbursements set status = 'PAID', paid_by = $2, paid_on = '2026-11-24', method = 'ACH',
                    reference = 'R' where id = $1",
        )
        .bind(found.id.0)
        .bind(identity(&payer).person.0);
        assert_eq!(refused_by(paid.execute(&app.db).await), "disbursements_payer_is_another");
    }
}

#[tokio::test]
async fn whoever_resubmits_a_request_is_its_requester_and_does_not_approve_it() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "D-1", "1000.00").await;
    let found = service.request(&cast, &grant, "A-1", "10.00").await;
    act(&service, &cast, &found, DisbursementAction::Return).await.unwrap();
    let finance =
        NewRole { organization: Some(cast.recipient.id), ..NewRole::everywhere(Role::CityFinance) };
    let second = service.actor("Sam Second", finance).await;
    let more =
        commands::NewRequestDetails { amount: Some("900.00".parse().unwrap()), ..unchanged() };
    commands::resubmit(&service.app, &second, found.id, more, "second").await.unwrap();

    let mut also_approver = identity(&second).clone();
    also_approver.role = Role::Approver;
    also_approver.reach.everything = true;
    let own = commands::approve(
        &service.app,
        &Actor::Person(also_approver),
        found.id,
        Default::default(),
    )
    .await;
    assert_eq!(refusal(own).code, SeparationOfDuties);
}

#[tokio::test]
async fn each_action_needs_its_role_and_finance_staff_act_for_their_own_organization() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "D-1", "1000.00").await;
    let app = &service.app;
    let found = service.request(&cast, &grant, "A-1", "10.00").await;
    let new = || request_of(&grant, "A-2", "10.00");
    assert_eq!(refusal(commands::request(app, &cast.manager, new(), "k").await).code, Forbidden);
    assert_eq!(
        refusal(commands::approve(app, &cast.officer, found.id, Default::default()).await).code,
        Forbidden
    );
    assert_eq!(refusal(commands::reject(app, &cast.manager, found.id, "no").await).code, Forbidden);
    assert_eq!(
        refusal(commands::return_to_requester(app, &cast.auditor, found.id, "no").await).code,
        Forbidden
    );
    assert_eq!(
        refusal(commands::cancel(app, &cast.approver, found.id, "no").await).code,
        Forbidden
    );
    assert_eq!(
        refusal(
            payment::pay(app, &cast.approver, found.id, payment(date("2026-11-24")), "k").await
        )
        .code,
        Forbidden
    );
    assert_eq!(
        refusal(payment::reverse(app, &cast.admin, found.id, "no", "k").await).code,
        Forbidden
    );

    // Another arm of the city sees the grant and does nothing to it; a neighbor does not see it.
    for (name, kind, code) in [
        ("Fresno Housing (test)", OrganizationKind::CityGovernment, Forbidden),
        ("Fresno Youth (test)", OrganizationKind::Cbo, NotFound),
    ] {
        let other = service.organization(name, kind, Some(&cast.city)).await;
        let finance =
            NewRole { organization: Some(other.id), ..NewRole::everywhere(Role::CityFinance) };
        let stranger = service.actor(&format!("Stan {code:?}"), finance).await;
        assert_eq!(refusal(commands::request(app, &stranger, new(), "k").await).code, code);
        assert_eq!(refusal(commands::cancel(app, &stranger, found.id, "no").await).code, code);
    }
    // The own organization may withdraw its request.
    let cancelled = commands::cancel(app, &cast.finance, found.id, "a mistake").await.unwrap();
    assert_eq!(
        (cancelled.status, cancelled.reason),
        (DisbursementStatus::Cancelled, Some("a mistake".into()))
    );
}

#[tokio::test]
async fn an_approver_s_limit_binds_each_decision() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "D-1", "1000.00").await;
    let limit = Some("100.00".parse().unwrap());
    let limited = NewRole { approval_limit: limit, ..NewRole::everywhere(Role::Approver) };
    let approver = service.actor("Lim Limited", limited).await;
    let above = service.request(&cast, &grant, "A-1", "100.01").await;
    let at = service.request(&cast, &grant, "A-2", "100.00").await;
    let refused =
        refusal(commands::approve(&service.app, &approver, above.id, Default::default()).await);
    assert_eq!(
        refused,
        Refusal::new(
            ApprovalLimitExceeded,
            "100.01 is above your approval limit of 100.00: ask an approver with a higher one"
        ),
    );
    commands::approve(&service.app, &approver, at.id, Default::default()).await.unwrap();
}

#[tokio::test]
async fn a_request_that_cannot_be_says_why_and_reserves_nothing() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "D-1", "1000.00").await;
    let draft = service.draft(&cast, "D-2", "1000.00").await;
    let period = |start, end| json!({ "start": start, "end": end });
    let changed = |field: &str, value: Value| {
        let mut input = json!({ "idempotencyKey": "k", "grantId": grant.id.to_string(), "amount": "10.00",
            "invoiceNumber": "A-1", "period": period("2026-10-01", "2026-10-31") });
        input[field] = value;
        input
    };
    let expected = [
        (
            changed("amount", json!("0.00")),
            "AMOUNT_NOT_POSITIVE",
            "amount",
            "the amount has to be more than zero, not 0.00",
        ),
        (
            changed("amount", json!("-5")),
            "AMOUNT_NOT_POSITIVE",
            "amount",
            "the amount has to be more than zero, not -5.00",
        ),
        (
            changed("amount", json!("1000.01")),
            "INSUFFICIENT_AVAILABLE",
            "amount",
            "1000.01 was asked for and 1000.00 is available",
        ),
        (
            changed("invoiceNumber", json!(" ")),
            "INVALID_INPUT",
            "invoiceNumber",
            "`invoiceNumber` must not be empty",
        ),
        (
            changed("kind", json!("RETENTION_RELEASE")),
            "INVALID_INPUT",
            "kind",
            "retention is released by the funder, not requested",
        ),
        (
            changed("period", period("2026-10-31", "2026-10-01")),
            "INVALID_DATES",
            "period",
            "the period ends on 2026-10-01, before it starts on 2026-10-31",
        ),
        (
            changed("period", period("2026-06-30", "2026-10-01")),
            "OUTSIDE_PERIOD",
            "period",
            "costs may arise from 2026-07-01 to 2028-06-30 only; the period given is 2026-06-30 to 2026-10-01",
        ),
        (
            changed("grantId", json!("grant_01935b8e000070008000000000000000")),
            "NOT_FOUND",
            "grantId",
            "there is no such grant",
        ),
    ];
    let ask = async |input| {
        let wanted = "disbursement { id }";
        service
            .mutate(&cast.finance, "requestDisbursement", "RequestDisbursementInput", wanted, input)
            .await
    };
    for (input, code, field, message) in expected {
        let errors = json!([{ "code": code, "message": message, "field": ["input", field] }]);
        assert_eq!(ask(input).await, json!({ "disbursement": null, "userErrors": errors }));
    }
    let of_draft = ask(changed("grantId", json!(draft.id.to_string()))).await;
    assert_eq!(codes(&of_draft), ["INVALID_STATE"]);
    for key in [String::new(), "k".repeat(201), "\0".into()] {
        let refused = ask(changed("idempotencyKey", json!(key))).await;
        assert_eq!(refused["userErrors"][0]["field"], json!(["input", "idempotencyKey"]));
        assert_eq!(codes(&refused), ["INVALID_INPUT"]);
    }
    let written: i64 = sqlx::query_scalar(
        "select (select count(*) from disbursements) + (select count(*) from idempotency_keys)
              + (select count(*) from ledger_transfers where kind not in ('AWARD', 'AMEND_UP'))",
    )
    .fetch_one(&service.app.db)
    .await
    .unwrap();
    assert_eq!(written, 0);
}

#[tokio::test]
async fn an_invoice_is_live_once_per_grant_in_any_case_and_free_again_when_its_request_ends() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "D-1", "1000.00").await;
    let other = service.active_grant(&cast, "D-2", "1000.00").await;
    let app = &service.app;
    let mut live = service.request(&cast, &grant, "inv-7", "10.00").await;
    service.request(&cast, &other, "INV-7", "10.00").await;
    let again = async |key: &str| {
        commands::request(app, &cast.finance, request_of(&grant, "  INV-7 ", "10.00"), key).await
    };
    let taken =
        Refusal::new(AlreadyExists, "a live request of this grant has this invoice number already");
    for end in [DisbursementAction::Cancel, DisbursementAction::Reject, DisbursementAction::Reverse]
    {
        assert_eq!(refusal(again("taken").await), taken.clone().on("invoiceNumber"));
        if end == DisbursementAction::Reverse {
            live = act(&service, &cast, &live, DisbursementAction::Approve).await.unwrap();
            live = act(&service, &cast, &live, DisbursementAction::Pay).await.unwrap();
            assert_eq!(refusal(again("taken").await), taken.clone().on("invoiceNumber"));
        }
        act(&service, &cast, &live, end).await.unwrap();
        live = again(end.as_str()).await.unwrap();
        assert_eq!(live.invoice_number, "INV-7");
    }
}

#[tokio::test]
async fn a_returned_request_comes_again_with_a_smaller_amount_and_its_events_tell() {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "D-1", "1000.00").await;
    let found = service.request(&cast, &grant, "A-1", "800.00").await;
    let wanted = "disbursement { status amount reason period { start end }
        grant { balance { requested availableToDisburse } } events { status reason person { name } } }";
    let id = found.id.to_string();
    service.tick();
    let input = json!({ "disbursementId": id, "reason": " the receipt is missing " });
    let returned = service
        .mutate(&cast.manager, "returnDisbursement", "StopDisbursementInput", wanted, input)
        .await;
    assert_eq!(returned["disbursement"]["reason"], "the receipt is missing");
    assert_eq!(
        returned["disbursement"]["grant"]["balance"],
        json!({ "requested": "0.00", "availableToDisburse": "1000.00" })
    );
    service.tick();
    let input = json!({ "idempotencyKey": "k", "disbursementId": id, "amount": "650.50",
        "period": { "start": "2026-10-02", "end": "2026-10-30" } });
    let again = service
        .mutate(&cast.finance, "resubmitDisbursement", "ResubmitDisbursementInput", wanted, input)
        .await;
    let event = |status: &str, reason: Value, name: &str| json!({ "status": status, "reason": reason, "person": { "name": name } });
    assert_eq!(
        again,
        json!({ "userErrors": [], "disbursement": {
            "status": "REQUESTED", "amount": "650.50", "reason": null,
            "period": { "start": "2026-10-02", "end": "2026-10-30" },
            "grant": { "balance": { "requested": "650.50", "availableToDisburse": "349.50" } },
            "events": [
                event("REQUESTED", Value::Null, "Fay Finance"),
                event("RETURNED", json!("the receipt is missing"), "Mara Manager"),
                event("REQUESTED", Value::Null, "Fay Finance"),
            ],
        } }),
    );
}
