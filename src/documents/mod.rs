//! Documents that a grant rests on: where each is, its date and its hash. Gates on payments
//! ask for them. Nothing is changed: a right entry goes beside a wrong one.

pub mod commands;
pub mod graphql;
mod model;
mod rules;
pub mod store;

pub use model::{DocumentKind, GrantDocument, NewDocument};
