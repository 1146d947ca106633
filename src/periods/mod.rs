//! Closing the ledger's months. A closed month takes no more entries, nor does any month before it, so that figures
//! that were reported stay. Months close in order once they are over; the latest closed one may be opened again by
//! another person, for a reason, and closed once more.

pub mod commands;
pub mod graphql;
mod model;
pub mod rules;
pub mod store;

pub use model::{LedgerPeriod, PeriodAction, PeriodClosing};
