//! A mutation that moves money moves it once under one idempotency key, however often and however
//! close together it is sent; what was refused may be tried again under the same key.

use std::sync::Arc;

use serde_json::{Value, json};
use thrive::{
    access::Actor,
    disbursements::{Disbursement, DisbursementStatus, Payment, PaymentMethod, commands, payment},
    grants::Grant,
};

use crate::support::{
    Cast, Service, assert_ledger_agrees,
    at_once::{Mutation, PAY, REQUEST, RESUBMIT, REVERSE, entries, fifty_times},
    codes, date, service,
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
