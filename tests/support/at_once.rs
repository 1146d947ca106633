//! The same mutation, sent by many at the same moment through the schema.

use std::sync::Arc;

use serde_json::{Value, json};
use thrive::{access::Actor, grants::Grant};

use super::Service;

/// A mutation with its input's type and what of its payload is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Mutation {
    pub name: &'static str,
    pub input_type: &'static str,
    pub wanted: &'static str,
}

impl Mutation {
    /// One whose payload has a disbursement.
    pub const fn of_disbursement(name: &'static str, input_type: &'static str) -> Self {
        Self { name, input_type, wanted: "disbursement { id status amount revision updatedAt }" }
    }
}

pub const REQUEST: Mutation =
    Mutation::of_disbursement("requestDisbursement", "RequestDisbursementInput");
pub const RESUBMIT: Mutation =
    Mutation::of_disbursement("resubmitDisbursement", "ResubmitDisbursementInput");
pub const APPROVE: Mutation =
    Mutation::of_disbursement("approveDisbursement", "ApproveDisbursementInput");
pub const PAY: Mutation = Mutation::of_disbursement("payDisbursement", "PayDisbursementInput");
pub const REVERSE: Mutation =
    Mutation::of_disbursement("reverseDisbursement", "ReverseDisbursementInput");

/// Sends all of them at the same time, each from a task of its own, and returns the payloads.
pub async fn at_once(
    service: &Arc<Service>,
    actor: &Actor,
    mutation: Mutation,
    inputs: Vec<Value>,
) -> Vec<Value> {
    let barrier = Arc::new(tokio::sync::Barrier::new(inputs.len()));
    let tasks: Vec<_> = inputs
        .into_iter()
        .map(|input| {
            let (service, actor, barrier) =
                (Arc::clone(service), actor.clone(), Arc::clone(&barrier));
            tokio::spawn(async move {
                barrier.wait().await;
                let Mutation { name, input_type, wanted } = mutation;
                service.mutate(&actor, name, input_type, wanted, input).await
            })
        })
        .collect();
    let mut payloads = vec![];
    for task in tasks {
        payloads.push(task.await.unwrap());
    }
    payloads
}

/// Sends the same input fifty times at once; all get the same answer, which is returned.
pub async fn fifty_times(
    service: &Arc<Service>,
    actor: &Actor,
    mutation: Mutation,
    input: Value,
) -> Value {
    assert!(input["idempotencyKey"].is_string(), "{} needs a key: {input}", mutation.name);
    let mut payloads = at_once(service, actor, mutation, vec![input; 50]).await;
    let first = payloads.swap_remove(0);
    for other in payloads {
        assert_eq!(other, first, "{} answered differently", mutation.name);
    }
    first
}

/// How many events moved a grant's money, by the move's kind.
pub async fn entries(service: &Service, grant: &Grant) -> Value {
    let counts: Vec<(String, i64)> = sqlx::query_as(
        "select t.kind, count(distinct t.cause_id) from ledger_transfers t join ledger_accounts a on a.id = t.from_account
          where a.grant_id = $1 group by t.kind",
    )
    .bind(grant.id.0)
    .fetch_all(&service.app.db)
    .await
    .unwrap();
    counts.into_iter().map(|(kind, count)| (kind, json!(count))).collect()
}
