//! What somebody is answered, and which statements that took.

use std::{
    fmt::Debug,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use thrive::access::Actor;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
};

use crate::support::Service;

/// An answer as it can be told from others: its text, with every id the same, and its statements.
#[derive(Debug, PartialEq, Eq)]
pub struct Told {
    pub text: String,
    pub statements: Vec<String>,
}

/// Notes what the driver sends.
#[derive(Clone, Default)]
struct Statements(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for Statements {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            event.record(&mut self.clone());
        }
    }
}

impl Visit for Statements {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let text = format!("{value:?}");
        // Said once on each new connection, whatever is asked.
        let greeting = text.contains("set role") || text.contains("pg_catalog");
        if ["summary", "db.statement"].contains(&field.name()) && !greeting {
            self.0.lock().unwrap().push(text);
        }
    }
}

/// The answer, and what is told by it. The test's runtime has one thread, so all statements are seen.
pub async fn asked(
    service: &Service,
    actor: &Actor,
    document: &str,
    variables: Value,
) -> (Value, Told) {
    // With two subscribers, each callsite asks all of them whether they listen.
    let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::new());
    let noted = Statements::default();
    let guard =
        tracing::subscriber::set_default(tracing_subscriber::registry().with(noted.clone()));
    let answer = service.ask(actor, document, variables).await;
    drop(guard);
    // What is loaded side by side is sent in any order.
    let mut statements = noted.0.lock().unwrap().clone();
    statements.sort();
    let text = without_ids(&answer.to_string());
    (answer, Told { text, statements })
}

/// The text with every id replaced: a word, an underscore and 32 hexadecimal digits.
fn without_ids(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(place) = rest.find('_') {
        let (before, after) = rest.split_at(place + 1);
        plain.push_str(before);
        let digits = after.bytes().take_while(u8::is_ascii_hexdigit).count();
        rest = if digits == 32 {
            plain.push_str("id");
            &after[32..]
        } else {
            after
        };
    }
    plain + rest
}
