//! What is known of a city, a county or an organization, as of a day, and from where. Rules
//! read the latest value on or before a day. Nothing is changed: a correction is another row.

pub mod commands;
pub mod graphql;
mod model;
mod rules;
pub mod store;

pub use model::{Fact, FactKind, Known, KnownFact, NewFact, Subject};
