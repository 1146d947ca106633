//! Deadlines: what is due, when, and by whom. Reminders follow from these rows.
//!
//! Some are entered by people. Others follow from an award and its rules: each stands for one
//! obligation of the grant, moves when a date does, keeps its history, and is withdrawn when
//! nothing is due any more.
//!
//! ```text
//! OPEN ──complete, waive──▶ COMPLETED, WAIVED
//! OPEN ◀──the award or its rules change──▶ WITHDRAWN
//! ```

pub mod commands;
pub mod generated;
pub mod graphql;
mod model;
pub mod plan;
pub mod rows;
mod rules;
pub mod schedule;
pub mod store;

pub use model::{Deadline, DeadlineChange, DeadlineKind, DeadlineStatus, NewDeadline, Settlement};
