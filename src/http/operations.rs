//! Operations of a socket, each a task of its own.

use std::{net::IpAddr, panic::AssertUnwindSafe, sync::Arc};

use async_graphql::{
    Request as Operation, Response as Answer, Value as Data,
    parser::types::{ExecutableDocument, OperationType, Selection, SelectionSet},
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
    graphql::{NotPassed, Parameters, failed_before_execution, operation, pass},
    rates::{TooOften, Who},
    transport_ws::{Run, Said},
};
use crate::{
    access::Actor,
    graphql::{self, RequestId, parsed::Document},
};

/// What an operation says, and which one it is.
pub struct Saying {
    pub id: String,
    pub run: Run,
    pub said: Said,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Query,
    Mutation,
    Subscription,
    /// Of several fields at once.
    ManySubscriptions,
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
    asker: Asker,
    given: Parameters,
    teller: Teller,
    place: Arc<OwnedSemaphorePermit>,
) -> Running {
    let admitted = admit(service, &asker, given);
    let kind = admitted.as_ref().map_or(Kind::Query, kind_of);
    let service = Arc::clone(service);
    let work = async move {
        let answered = async {
            match admitted {
                Ok(admitted) => answer(&service, asker.actor, kind, admitted, &teller).await,
                Err(errors) => teller.say(Said::Failed(errors)).await,
            }
        };
        if AssertUnwindSafe(answered).catch_unwind().await.is_err() {
            tracing::error!("an operation of a socket panicked");
            teller.say(Said::Failed(failure("INTERNAL", "internal error"))).await;
        }
        drop(place);
    };
    let task = tokio::spawn(work.in_current_span()).abort_handle();
    Running((kind != Kind::Mutation).then_some(task))
}

/// Who sends an operation, and from where.
pub struct Asker {
    pub actor: Actor,
    pub address: IpAddr,
    pub request: Option<RequestId>,
}

/// An operation that has passed, and its document.
struct Admitted {
    operation: Operation,
    document: Arc<Document>,
}

/// What holds for a request over HTTP holds for an operation of a socket. Answers with the errors of one that is
/// not carried out.
fn admit(service: &Service, asker: &Asker, given: Parameters) -> Result<Admitted, Value> {
    let who = Who::of(&asker.actor, asker.address);
    service.rates.request(who).map_err(too_often)?;
    let operation = operation(service, given).map_err(|(code, message)| failure(code, &message))?;
    let document = pass(service, &operation, &asker.actor, who).map_err(|why| match why {
        NotPassed::Told(answer) => errors_of(&answer),
        NotPassed::TooOften(too) => too_often(too),
    })?;
    let operation = match asker.request.clone() {
        Some(request) => operation.data(request),
        None => operation,
    };
    Ok(Admitted { operation, document })
}

fn too_often(too: TooOften) -> Value {
    failure(TooOften::CODE, &too.message)
}

/// A document that does not say which of its operations is meant fails as a query does.
fn kind_of(Admitted { operation, document }: &Admitted) -> Kind {
    let Some(meant) = document.operation(operation.operation_name.as_deref()) else {
        return Kind::Query;
    };
    match meant.ty {
        OperationType::Query => Kind::Query,
        OperationType::Mutation => Kind::Mutation,
        OperationType::Subscription => match roots(&meant.selection_set.node, &document.parsed) {
            1 => Kind::Subscription,
            _ => Kind::ManySubscriptions,
        },
    }
}

/// How many fields a selection has at its root, those of fragments included: two stand for any more. Fragments lead
/// nowhere round in circles, since the document has passed.
fn roots(selection: &SelectionSet, document: &ExecutableDocument) -> usize {
    let within = |selection: &SelectionSet| roots(selection, document);
    let roots_of = |selection: &Selection| match selection {
        Selection::Field(_) => 1,
        Selection::InlineFragment(inline) => within(&inline.node.selection_set.node),
        Selection::FragmentSpread(spread) => {
            let named = document.fragments.get(&spread.node.fragment_name.node);
            named.map_or(1, |fragment| within(&fragment.node.selection_set.node))
        }
    };
    selection.items.iter().map(|selection| roots_of(&selection.node)).take(2).sum()
}

async fn answer(
    service: &Service,
    actor: Actor,
    kind: Kind,
    Admitted { operation, document }: Admitted,
    teller: &Teller,
) {
    let Service { app, schema, .. } = service;
    if kind == Kind::ManySubscriptions {
        let message =
            "a subscription has exactly one field at its root: send one operation for each";
        return teller.say(Said::Failed(failure("BAD_USER_INPUT", message))).await;
    }
    if kind != Kind::Subscription {
        let answer = graphql::run(app, schema, actor, operation, &document).await;
        if failed_before_execution(&answer) {
            return teller.say(Said::Failed(errors_of(&answer))).await;
        }
        teller.say(Said::Next(json!(answer))).await;
        return teller.say(Said::Complete).await;
    }
    let told = graphql::subscribe(app, schema, actor, operation, document);
    futures_util::pin_mut!(told);
    let mut began = false;
    while let Some(answer) = told.next().await {
        // Nothing can be told, now or later: the subscription was refused.
        if !began && answer.data == Data::Null && !answer.errors.is_empty() {
            return teller.say(Said::Failed(errors_of(&answer))).await;
        }
        began = true;
        teller.say(Said::Next(json!(answer))).await;
    }
    teller.say(Said::Complete).await;
}

fn failure(code: &str, message: &str) -> Value {
    json!([{ "message": message, "extensions": { "code": code } }])
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
