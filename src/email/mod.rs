//! Mail leaves in two steps. Whoever has something to say queues a message in the
//! transaction of its cause, so that none is sent for what did not happen; the job
//! `send_emails` delivers what is queued, and marks each message by itself.

pub mod graphql;
mod model;
mod outgoing;
pub mod store;

pub use model::{Email, EmailStatus, NewEmail, Tried};
pub use outgoing::{Failure, Outgoing};
