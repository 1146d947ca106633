//! Mail leaves in two steps. Whoever has something to say queues a message in the
//! transaction of its cause, so that none is sent for what did not happen; the job
//! `send_emails` delivers what is queued, and marks each message by itself.
//!
//! ```text
//! QUEUED ──▶ SENT      the server accepted it
//!   │ ▲
//!   │ └── again, later and later: the server was busy or slow
//!   └─────▶ FAILED     refused for good, or delayed for three days
//! ```
//!
//! A message is held while it is sent. When its sender dies between the server's
//! acceptance and the mark, it is sent again with the same Message-ID.

pub mod graphql;
mod model;
mod outgoing;
pub mod store;

pub use model::{Email, EmailStatus, NewEmail, Tried};
pub use outgoing::{Failure, Outgoing};
