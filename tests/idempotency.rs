//! A mutation that moves money moves it once under one idempotency key, however often and however
//! close together it is sent; what was refused may be tried again under the same key.

use std::sync::Arc;

use serde_json::{Value, json};
use thrive::{
    access::Actor,
    disbursements::{
        Disbursement,
        DisbursementKind::{Advance, Reimbursement},
        DisbursementStatus, LineAmount, Payment, PaymentMethod, commands, payment,
    },
    grants::Grant,
};

use crate::support::{
    Cast, Service, assert_ledger_agrees,
    at_once::{Mutation, PAY, REQUEST, RESUBMIT, REVERSE, entries, fifty_times},
    codes, date, money,
    money::{grant, lines, paid, program, request, rule},
    service,
};

/// What somebody does to the disbursement.
#[derive(Clone, Copy, Debug)]
enum Step {
    Return,
    Approve,
    Pay,
    Cancel,
}

impl Step {
    async fn take(self, service: &Service, cast: &Cast, it: &Disbursement) {
        let app = &service.app;
        let done = match self {
            Self::Return => {
                commands::return_to_requester(app, &cast.approver, it.id, "the period").await
            }
            Self::Approve => {
                commands::approve(app, &cast.approver, it.id, Default::default()).await
            }
            Self::Cancel => commands::cancel(app, &cast.finance, it.id, "a mistake").await,
            Self::Pay => {
                let payment = Payment::new(date("2026-11-24"), PaymentMethod::Ach, "A-1");
                let key = it.id.to_string();
                payment::pay(app, &cast.officer, it.id, payment, &key).await
            }
        };
        done.unwrap_or_else(|error| panic!("{self:?}: {error}"));
    }
}

/// One row of the table: a mutation with all that its input has beside the key, what happens to a
/// disbursement of the whole award before, why the mutation is refused then, and what changes that.
struct Row {
    mutation: Mutation,
    by: fn(&Cast) -> &Actor,
    input: fn(&Grant, &Disbursement) -> Value,
    before: &'static [Step],
    refused: &'static str,
    remedy: Step,
    status: DisbursementStatus,
    /// The one entry that it posts.
    entries: &'static [&'static str],
}

const TABLE: [Row; 4] = [
    Row {
        mutation: REQUEST,
        by: |cast| &cast.finance,
        input: |grant, _| {
            json!({ "grantId": grant.id.to_string(), "amount": "70.00", "invoiceNumber": "I-2",
                    "period": { "start": "2026-10-01", "end": "2026-10-31" } })
        },
        before: &[],
        refused: "INSUFFICIENT_AVAILABLE",
        remedy: Step::Cancel,
        status: DisbursementStatus::Requested,
        entries: &["REQUEST", "EXPEND"],
    },
    Row {
        mutation: RESUBMIT,
        by: |cast| &cast.finance,
        input: |_, it| json!({ "disbursementId": it.id.to_string(), "amount": "69.00" }),
        before: &[],
        refused: "INVALID_STATE",
        remedy: Step::Return,
        status: DisbursementStatus::Requested,
        entries: &["REQUEST", "EXPEND"],
    },
    Row {
        mutation: PAY,
        by: |cast| &cast.officer,
        input: |_, it| {
            json!({ "disbursementId": it.id.to_string(), "paidOn": "2026-11-24", "method": "WARRANT",
                    "reference": "W-1" })
        },
        before: &[],
        refused: "INVALID_STATE",
        remedy: Step::Approve,
        status: DisbursementStatus::Paid,
        entries: &["PAY"],
    },
    Row {
        mutation: REVERSE,
        by: |cast| &cast.officer,
        input: |_, it| json!({ "disbursementId": it.id.to_string(), "reason": "paid twice" }),
        before: &[Step::Approve],
        refused: "INVALID_STATE",
        remedy: Step::Pay,
        status: DisbursementStatus::Reversed,
        entries: &["REVERSE_PAYMENT"],
    },
];

async fn keys(service: &Service, mutation: Mutation) -> i64 {
    sqlx::query_scalar("select count(*) from idempotency_keys where mutation = $1 and key = 'once'")
        .bind(mutation.name)
        .fetch_one(&service.app.db)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_at_once_under_one_key_move_money_once_and_what_was_refused_may_be_tried_again() {
    let service = Arc::new(service().await);
    let cast = service.cast().await;
    for row in TABLE {
        let name = row.mutation.name;
        let grant = service.active_grant(&cast, name, "100.00").await;
        let it = service.request(&cast, &grant, name, "100.00").await;
        for step in row.before {
            step.take(&service, &cast, &it).await;
        }
        let actor = (row.by)(&cast);
        let mut input = (row.input)(&grant, &it);
        input["idempotencyKey"] = "once".into();

        let before = entries(&service, &grant).await;
        let refused = fifty_times(&service, actor, row.mutation, input.clone()).await;
        assert_eq!(codes(&refused), [row.refused], "{name}");
        assert_eq!(refused["disbursement"], Value::Null, "{name}");
        assert_eq!(entries(&service, &grant).await, before, "{name}: nothing moved");
        assert_eq!(keys(&service, row.mutation).await, 0, "{name}: the key is not used up");

        row.remedy.take(&service, &cast, &it).await;
        let mut expected = entries(&service, &grant).await;
        let done = fifty_times(&service, actor, row.mutation, input.clone()).await;
        assert_eq!(done["userErrors"], json!([]), "{name}");
        assert_eq!(done["disbursement"]["status"], row.status.as_str(), "{name}");
        for entry in row.entries {
            let count = expected[*entry].as_i64().unwrap_or_default() + 1;
            expected[*entry] = count.into();
        }
        assert_eq!(entries(&service, &grant).await, expected, "{name}: money moved once");
        assert_eq!(keys(&service, row.mutation).await, 1, "{name}");

        // A late one is answered as the fifty were.
        assert_eq!(fifty_times(&service, actor, row.mutation, input).await, done);
        assert_ledger_agrees(&service.app.db, grant.id).await;
    }
}

/// What moves money beside requests and payments: who does it, with what, and which move it is.
struct Movement {
    mutation: Mutation,
    by: fn(&Cast) -> &Actor,
    input: Value,
    /// The field that holds the amount.
    amount: &'static str,
    entry: &'static str,
}

const fn mutation(name: &'static str, input_type: &'static str, wanted: &'static str) -> Mutation {
    Mutation { name, input_type, wanted }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_moves_money_moves_it_once_under_one_key_and_a_refusal_uses_no_key_up() {
    let service = service().await;
    let cast = service.cast().await;
    let rules = rule("RETENTION", "bp = 2000\nrelease = \"MILESTONE\"");
    program(&service, "KEPT", "OTHER", &rules).await;
    let budget = [("PERSONNEL", "700.00"), ("SUPPLIES", "300.00")];
    let grant = grant(&service, &cast, "KEPT", "K-1", &budget).await;
    let ids = lines(&service, &grant).await;
    let advance = paid(&service, &cast, request(&grant, Advance, "A", "200.00")).await;
    let mut costs = request(&grant, Reimbursement, "C", "100.00");
    costs.lines = vec![LineAmount { line: ids[0], amount: money("100.00") }];
    let costs = paid(&service, &cast, costs).await;
    let (service, grant_id, line) = (Arc::new(service), grant.id.to_string(), ids[0].to_string());
    let (advance, costs) = (advance.id.to_string(), costs.id.to_string());

    let of = "disbursement { id revision }";
    let table = [
        Movement {
            mutation: mutation(
                "recordExpenditure",
                "RecordExpenditureInput",
                "expenditure { id amount }",
            ),
            by: |cast| &cast.finance,
            input: json!({ "grantId": grant_id, "lineId": line, "amount": "10.00", "incurredOn": "2026-10-10", "description": "Payroll" }),
            amount: "amount",
            entry: "EXPEND",
        },
        Movement {
            mutation: mutation("encumber", "EncumberInput", "encumbrance { id open }"),
            by: |cast| &cast.finance,
            input: json!({ "grantId": grant_id, "lineId": line, "amount": "10.00", "number": "PO-1", "vendor": "A vendor",
                           "description": "Chairs", "encumberedOn": "2026-10-10" }),
            amount: "amount",
            entry: "ENCUMBER",
        },
        Movement {
            mutation: mutation("transferBudget", "TransferBudgetInput", "grant { id }"),
            by: |cast| &cast.manager,
            input: json!({ "grantId": grant_id, "fromLineId": ids[1].to_string(), "toLineId": line, "amount": "10.00", "reason": "More" }),
            amount: "amount",
            entry: "TRANSFER_BUDGET",
        },
        Movement {
            mutation: mutation("recordRefund", "RecordRefundInput", of),
            by: |cast| &cast.officer,
            input: json!({ "disbursementId": advance, "amount": "10.00", "reason": "Unspent" }),
            amount: "amount",
            entry: "REFUND",
        },
        Movement {
            mutation: mutation("accountForAdvance", "AccountForAdvanceInput", of),
            by: |cast| &cast.finance,
            input: json!({ "disbursementId": advance, "amount": "10.00", "reason": "Payroll" }),
            amount: "amount",
            entry: "ACCOUNT_FOR_ADVANCE",
        },
        Movement {
            mutation: mutation("disallowCost", "DisallowCostInput", of),
            by: |cast| &cast.officer,
            input: json!({ "disbursementId": costs, "amount": "10.00", "reason": "Finding 1" }),
            amount: "amount",
            entry: "DISALLOW",
        },
        Movement {
            mutation: mutation("releaseRetention", "ReleaseRetentionInput", of),
            by: |cast| &cast.officer,
            input: json!({ "grantId": grant_id, "amount": "10.00", "reason": "Milestone" }),
            amount: "amount",
            entry: "RELEASE_RETENTION",
        },
    ];
    for Movement { mutation, by, mut input, amount, entry } in table {
        let name = mutation.name;
        input["idempotencyKey"] = "once".into();
        let before = entries(&service, &grant).await;
        let mut too_much = input.clone();
        too_much[amount] = "5000.00".into();
        let refused = fifty_times(&service, by(&cast), mutation, too_much).await;
        assert_eq!(codes(&refused), ["INSUFFICIENT_AVAILABLE"], "{name}");
        assert_eq!(entries(&service, &grant).await, before, "{name}: nothing moved");

        let done = fifty_times(&service, by(&cast), mutation, input).await;
        assert_eq!(done["userErrors"], json!([]), "{name}");
        let count = |entries: &Value| entries[entry].as_i64().unwrap_or_default();
        let after = entries(&service, &grant).await;
        assert_eq!(count(&after), count(&before) + 1, "{name}: money moved once");
        assert_eq!(keys(&service, mutation).await, 1, "{name}");
        assert_ledger_agrees(&service.app.db, grant.id).await;
    }
}
