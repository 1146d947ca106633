//! Who decides disbursements while an approver is away. For some days the approver has another person decide in the
//! approver's place, up to the approver's limit. What was delegated is not passed on, and whoever decides so is neither
//! requester nor payer, nor is the approver who is away.

pub mod commands;
pub mod graphql;
mod model;
pub mod rules;
pub mod store;

pub use model::{ApprovalDelegation, Authority, DelegationAction, NewDelegation};
