//! What waits for whom: each sees what this person, in this role, may do now.

use serde_json::{Value, json};
use thrive::{
    access::{Actor, Role, commands::NewRole},
    disbursements::{Payment, PaymentMethod, commands, payment},
    grants::{self, Grant},
};

use crate::support::{Cast, Service, money, none, service};

const AWAITING: &str = "{ viewer { awaiting { totalCount
    disbursements { totalCount nodes { invoiceNumber } } grants { totalCount nodes { number } }
    amendments { totalCount nodes { reason } } ruleOverrides { totalCount }
    matchContributions { totalCount nodes { reference } } delegations { approver { name } } } } }";

/// Invoices, numbers, reasons and references that wait; the counts have to agree with them.
async fn waits(service: &Service, actor: &Actor) -> Value {
    let found = service.data(actor, AWAITING, none()).await["viewer"]["awaiting"].clone();
    let list = |name: &str, field: &str| -> Vec<Value> {
        let nodes = found[name]["nodes"].as_array().unwrap();
        assert_eq!(found[name]["totalCount"], nodes.len(), "{name}");
        let mut values: Vec<_> = nodes.iter().map(|node| node[field].clone()).collect();
        values.sort_by_key(ToString::to_string);
        values
    };
    let all = [
        list("disbursements", "invoiceNumber"),
        list("grants", "number"),
        list("amendments", "reason"),
        list("matchContributions", "reference"),
    ];
    assert_eq!(found["totalCount"], all.iter().map(Vec::len).sum::<usize>());
    json!(all)
}

async fn scene() -> (Service, Cast, Grant) {
    let service = service().await;
    let cast = service.cast().await;
    let grant = service.active_grant(&cast, "W-1", "10000.00").await;
    (service, cast, grant)
}

#[tokio::test]
async fn each_role_sees_what_waits_for_it_and_nothing_that_it_did_itself() {
    let (service, cast, grant) = scene().await;
    let app = &service.app;
    for invoice in ["asked", "approved", "scheduled", "returned", "paid"] {
        let found = service.request(&cast, &grant, invoice, "100.00").await;
        match invoice {
            "asked" => continue,
            "returned" => {
                commands::return_to_requester(app, &cast.approver, found.id, "no receipt")
                    .await
                    .unwrap();
                continue;
            }
            _ => {
                commands::approve(app, &cast.approver, found.id, Default::default()).await.unwrap()
            }
        };
        let today = app.clock.today();
        if invoice == "scheduled" {
            commands::schedule(app, &cast.officer, found.id, Some(today)).await.unwrap();
        } else if invoice == "paid" {
            let pay = Payment::new(today, PaymentMethod::Ach, "R");
            payment::pay(app, &cast.officer, found.id, pay, "p").await.unwrap();
        }
    }
    service.draft(&cast, "W-2", "600.00").await;
    let draft = service.draft(&cast, "W-3", "400.00").await;
    grants::commands::award(app, &cast.approver, draft.id, 1).await.unwrap();
    let amendment = json!({ "grantId": grant.id.to_string(), "kind": "PERIOD", "reason": "Floods", "period": { "performanceEnd": "2028-12-31" } });
    let proposed = service
        .mutate(&cast.manager, "amendGrant", "AmendGrantInput", "amendment { id }", amendment)
        .await;
    assert_eq!(proposed["userErrors"], json!([]));
    let voucher = json!({ "idempotencyKey": "v", "grantId": grant.id.to_string(), "contributor": "City", "source": "CASH",
        "amount": "5.00", "contributedOn": "2026-10-01", "description": "Paint", "reference": "V-1" });
    service
        .mutate(&cast.finance, "recordMatch", "RecordMatchInput", "contribution { id }", voucher)
        .await;

    assert_eq!(waits(&service, &cast.approver).await, json!([["asked"], ["W-2"], ["Floods"], []]));
    assert_eq!(
        waits(&service, &cast.officer).await,
        json!([["approved", "scheduled"], [], [], []])
    );
    assert_eq!(waits(&service, &cast.finance).await, json!([["returned"], [], [], []]));
    assert_eq!(waits(&service, &cast.manager).await, json!([[], ["W-3"], [], ["V-1"]]));
    let nothing = json!([[], [], [], []]);
    for actor in [&cast.auditor, &cast.admin, &Actor::Anyone] {
        assert_eq!(waits(&service, actor).await, nothing);
    }

    // Whoever asked, drafted, proposed, recorded or approved, in the role that would decide.
    let acting = |actor: &Actor, role: Role| {
        let (Actor::Person(who), Actor::Person(mut as_role)) = (actor, cast.auditor.clone()) else {
            unreachable!()
        };
        (as_role.person, as_role.role) = (who.person, role);
        Actor::Person(as_role)
    };
    assert_eq!(
        waits(&service, &acting(&cast.manager, Role::Approver)).await,
        json!([["asked"], [], [], []])
    );
    assert_eq!(
        waits(&service, &acting(&cast.finance, Role::Approver)).await,
        json!([[], ["W-2"], ["Floods"], []])
    );
    assert_eq!(waits(&service, &acting(&cast.approver, Role::FiscalOfficer)).await, nothing);
    assert_eq!(
        waits(&service, &acting(&cast.finance, Role::GrantManager)).await,
        json!([[], ["W-3"], [], []])
    );
}

#[tokio::test]
async fn an_approver_sees_what_the_limit_allows_and_a_delegate_what_the_absent_approvers_does() {
    let (service, cast, grant) = scene().await;
    let limited =
        NewRole { approval_limit: Some(money("500.00")), ..NewRole::everywhere(Role::Approver) };
    let limited = service.actor("Lim Limited", limited).await;
    service.request(&cast, &grant, "small", "500.00").await;
    service.request(&cast, &grant, "large", "500.01").await;
    service.draft(&cast, "W-2", "500.01").await;
    service.draft(&cast, "W-3", "500.00").await;
    assert_eq!(waits(&service, &limited).await, json!([["small"], ["W-3"], [], []]));
    assert_eq!(waits(&service, &cast.officer).await, json!([[], [], [], []]));

    let Actor::Person(officer) = &cast.officer else { unreachable!() };
    let input = json!({ "toId": officer.person.to_string(), "from": "2026-11-24", "until": "2026-11-24", "reason": "Ill" });
    let wanted = "delegation { id }";
    service.mutate(&limited, "delegateApproval", "DelegateApprovalInput", wanted, input).await;
    assert_eq!(waits(&service, &cast.officer).await, json!([["small"], [], [], []]));
    let found = service.data(&cast.officer, AWAITING, none()).await;
    assert_eq!(
        found["viewer"]["awaiting"]["delegations"],
        json!([{ "approver": { "name": "Lim Limited" } }])
    );
    service.travel("2026-11-25T18:00:00Z".parse().unwrap());
    assert_eq!(waits(&service, &cast.officer).await, json!([[], [], [], []]));
}

#[tokio::test]
async fn what_waits_comes_in_pages_from_either_end_the_oldest_first() {
    let (service, cast, grant) = scene().await;
    for invoice in ["1", "2", "3", "4", "5"] {
        service.tick();
        service.request(&cast, &grant, invoice, "1.00").await;
    }
    let page = async |arguments: &str| {
        let query = format!(
            "{{ viewer {{ awaiting {{ disbursements({arguments}) {{ totalCount nodes {{ invoiceNumber }}
                pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }} }} }}"
        );
        let found = service.data(&cast.approver, &query, none()).await["viewer"]["awaiting"]["disbursements"].clone();
        let nodes: Vec<_> = found["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|node| node["invoiceNumber"].clone())
            .collect();
        assert_eq!(found["totalCount"], 5);
        (json!(nodes), found["pageInfo"].clone())
    };
    let (first, info) = page("first: 2").await;
    assert_eq!((first, &info["hasNextPage"]), (json!(["1", "2"]), &json!(true)));
    let after = info["endCursor"].as_str().unwrap();
    let (rest, info) = page(&format!("first: 3, after: \"{after}\"")).await;
    assert_eq!((rest, &info["hasNextPage"]), (json!(["3", "4", "5"]), &json!(false)));
    let (last, info) = page("last: 2").await;
    assert_eq!((last, &info["hasPreviousPage"]), (json!(["4", "5"]), &json!(true)));
    let before = info["startCursor"].as_str().unwrap();
    assert_eq!(page(&format!("last: 2, before: \"{before}\"")).await.0, json!(["2", "3"]));
}
