//! What was put into a funding stream for a fiscal year, and what of it is left to award. A later act
//! adds a revision; earlier ones stay to be read. Awards may exceed it: that is shown, not refused,
//! because appropriations are often recorded, and revised, after the awards.

pub mod commands;
pub mod graphql;
mod model;
mod rules;
pub mod store;

pub use model::{Appropriation, AppropriationRevision, NewAppropriation};
