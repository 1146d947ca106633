//! The protocol `graphql-transport-ws` as a state machine: what came in, what is to be done. It knows messages and
//! which operations run; it knows no socket, no token and no schema.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

pub const SUBPROTOCOL: &str = "graphql-transport-ws";

/// A message from the client.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Incoming {
    ConnectionInit { payload: Option<Map<String, Value>> },
    Ping { payload: Option<Map<String, Value>> },
    Pong {},
    Subscribe { id: String, payload: Map<String, Value> },
    Complete { id: String },
}

/// Why a socket is closed: the protocol's code, and words for whoever looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    pub code: u16,
    pub reason: String,
}

impl Close {
    pub fn new(code: u16, reason: &str) -> Self {
        // The frame holds 123 bytes.
        let mut end = reason.len().min(123);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        Self { code, reason: reason[..end].into() }
    }

    pub fn invalid(reason: &str) -> Self {
        Self::new(4400, reason)
    }

    pub fn unauthorized() -> Self {
        Self::new(4401, "Unauthorized: send connection_init first")
    }

    pub fn forbidden(reason: &str) -> Self {
        Self::new(4403, reason)
    }

    pub fn not_initialised() -> Self {
        Self::new(4408, "Connection initialisation timeout")
    }

    pub fn stopping() -> Self {
        Self::new(1012, "the service is stopping: connect again")
    }

    pub fn full() -> Self {
        Self::new(1013, "too many sockets are open: try again later")
    }
}

/// One run of an operation. A client may use an id again, a number is not.
pub type Run = u64;

/// What a message asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Say who connects, and then `initialised`.
    Initialise(Map<String, Value>),
    Start {
        id: String,
        run: Run,
        payload: Map<String, Value>,
    },
    Stop(Run),
    Reply(String),
    Nothing,
    Close(Close),
}

/// What an operation has to say.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    Next(Value),
    /// It failed before it began; it has ended.
    Failed(Value),
    Complete,
}

#[derive(Debug)]
pub struct Protocol {
    state: State,
    running: HashMap<String, Run>,
    runs: Run,
    most_operations: usize,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Initialising,
    Ready,
}

impl Protocol {
    pub fn new(most_operations: usize) -> Self {
        Self { state: State::Waiting, running: HashMap::new(), runs: 0, most_operations }
    }

    /// Whether the client has yet to begin.
    pub fn is_waiting(&self) -> bool {
        self.state == State::Waiting
    }

    pub fn receive(&mut self, text: &str) -> Step {
        match serde_json::from_str(text) {
            Ok(Incoming::ConnectionInit { payload }) => self.initialise(payload),
            Ok(Incoming::Ping { payload }) => Step::Reply(pong(payload)),
            Ok(Incoming::Pong { .. }) => Step::Nothing,
            Ok(Incoming::Subscribe { id, payload }) => self.start(id, payload),
            Ok(Incoming::Complete { id }) => {
                self.running.remove(&id).map_or(Step::Nothing, Step::Stop)
            }
            Err(error) => Step::Close(Close::invalid(&format!("Invalid message: {error}"))),
        }
    }

    /// The client is who it says: operations may come.
    pub fn initialised(&mut self) -> String {
        self.state = State::Ready;
        json!({ "type": "connection_ack" }).to_string()
    }

    /// The message for what an operation says, unless the client has no ear for it any more.
    pub fn say(&mut self, id: &str, run: Run, said: Said) -> Option<String> {
        if self.running.get(id) != Some(&run) {
            return None;
        }
        let message = match said {
            Said::Next(payload) => {
                return Some(json!({ "id": id, "type": "next", "payload": payload }).to_string());
            }
            Said::Failed(errors) => json!({ "id": id, "type": "error", "payload": errors }),
            Said::Complete => json!({ "id": id, "type": "complete" }),
        };
        self.running.remove(id);
        Some(message.to_string())
    }

    fn initialise(&mut self, payload: Option<Map<String, Value>>) -> Step {
        if self.state != State::Waiting {
            return Step::Close(Close::new(4429, "Too many initialisation requests"));
        }
        self.state = State::Initialising;
        Step::Initialise(payload.unwrap_or_default())
    }

    fn start(&mut self, id: String, payload: Map<String, Value>) -> Step {
        if id.is_empty() {
            return Step::Close(Close::invalid("Invalid message: `id` is empty"));
        }
        if self.state != State::Ready {
            return Step::Close(Close::unauthorized());
        }
        if self.running.contains_key(&id) {
            let reason = format!("Subscriber for {id} already exists");
            return Step::Close(Close::new(4409, &reason));
        }
        if self.running.len() >= self.most_operations {
            return Step::Reply(too_many(&id, self.most_operations));
        }
        self.runs += 1;
        self.running.insert(id.clone(), self.runs);
        Step::Start { id, run: self.runs, payload }
    }
}

fn pong(payload: Option<Map<String, Value>>) -> String {
    match payload {
        Some(payload) => json!({ "type": "pong", "payload": payload }).to_string(),
        None => json!({ "type": "pong" }).to_string(),
    }
}

/// The others go on.
fn too_many(id: &str, most: usize) -> String {
    let message = format!("a socket runs at most {most} operations at a time: complete one first");
    let error = json!({ "message": message, "extensions": { "code": "RATE_LIMITED" } });
    json!({ "id": id, "type": "error", "payload": [error] }).to_string()
}
