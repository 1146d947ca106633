//! Operations of a socket, each a task of its own.

use std::{panic::AssertUnwindSafe, sync::Arc};

use async_graphql::{
    Request as Operation, Response as Answer,
    parser::types::{DocumentOperations, OperationType},
};
use futures_util::{FutureExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    task::AbortHandle,
};
use tracing::Instrument;

use super::{
    Service,
    graphql::failed_before_execution,
    transport_ws::{Run, Said},
};
use crate::{access::Actor, graphql};

/// What an operation says, and which one it is.
pub struct Saying {
    pub id: String,
    pub run: Run,
    pub said: Said,
}

/// Where an operation says it. There is room for little: whoever has more to say waits.
pub struct Teller {
    pub id: String,
    pub run: Run,
    pub says: mpsc::Sender<Saying>,
}

/// Ends with this value, but for one that changes something: that is left to finish.
pub struct Running(Option<AbortHandle>);

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

/// Holds the socket's place until it ends.
pub fn start(
    service: &Arc<Service>,
    actor: Actor,
    mut operation: Operation,
    teller: Teller,
    place: Arc<OwnedSemaphorePermit>,
) -> Running {
    let kind = kind_of(&mut operation);
    let service = Arc::clone(service);
    let work = async move {
        let answered = answer(&service, actor, kind, operation, &teller);
        if AssertUnwindSafe(answered).catch_unwind().await.is_err() {
            tracing::error!("an operation of a socket panicked");
            let error =
                json!({ "message": "internal error", "extensions": { "code": "INTERNAL" } });
            teller.say(Said::Failed(json!([error]))).await;
        }
        drop(place);
    };
    let task = tokio::spawn(work.in_current_span()).abort_handle();
    Running((kind != OperationType::Mutation).then_some(task))
}

/// A document that cannot be parsed, or does not say which of its operations is meant, fails as a query does.
fn kind_of(operation: &mut Operation) -> OperationType {
    let name = operation.operation_name.clone();
    let Ok(document) = operation.parsed_query() else { return OperationType::Query };
    let named = match &document.operations {
        DocumentOperations::Single(only) => Some(only),
        DocumentOperations::Multiple(many) => name.and_then(|name| many.get(name.as_str())),
    };
    named.map_or(OperationType::Query, |operation| operation.node.ty)
}

async fn answer(
    service: &Service,
    actor: Actor,
    kind: OperationType,
    operation: Operation,
    teller: &Teller,
) {
    let Service { app, schema } = service;
    if kind != OperationType::Subscription {
        let answer = graphql::execute(app, schema, actor, operation).await;
        if failed_before_execution(&answer) {
            return teller.say(Said::Failed(errors_of(&answer))).await;
        }
        teller.say(Said::Next(json!(answer))).await;
        return teller.say(Said::Complete).await;
    }
    let told = graphql::subscribe(app, schema, actor, operation);
    futures_util::pin_mut!(told);
    let mut began = false;
    while let Some(answer) = told.next().await {
        // Nothing can be told, now or later: the subscription was refused.
        if !began && answer.data == async_graphql::Value::Null && !answer.errors.is_empty() {
            return teller.say(Said::Failed(errors_of(&answer))).await;
        }
        began = true;
        teller.say(Said::Next(json!(answer))).await;
    }
    teller.say(Said::Complete).await;
}

fn errors_of(answer: &Answer) -> Value {
    answer.errors.iter().map(|error| json!(error)).collect()
}

impl Teller {
    /// Nobody listens once the socket is gone.
    async fn say(&self, said: Said) {
        let saying = Saying { id: self.id.clone(), run: self.run, said };
        let _ = self.says.send(saying).await;
    }
}
