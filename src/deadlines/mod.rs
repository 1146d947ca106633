//! Deadlines: what is due, when, and by whom. Reminders follow from these rows.

pub mod commands;
pub mod graphql;
mod model;
mod rules;
pub mod store;

pub use model::{Deadline, DeadlineKind, DeadlineStatus, NewDeadline, Settlement};
