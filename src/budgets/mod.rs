//! What a grant's money is for: budget lines that sum to the award, transfers between
//! them within what the rules let move, and amendments, which are proposed by one
//! person, approved by another, and applied by their approval.
//!
//! ```text
//! PROPOSED ──▶ APPROVED (applied on its day) | DECLINED
//! ```

pub mod amendments;
pub mod commands;
pub mod graphql;
mod model;
pub mod rules;
pub mod store;

pub use model::{
    Amendment, AmendmentAction, AmendmentKind, AmendmentLine, AmendmentStatus, BudgetLine,
    Direction, LineFigures, NewAmendment, NewAmendmentLine, NewLine, NewTransfer, PeriodChange,
};
