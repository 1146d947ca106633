//! Match: what the recipient and others add to a grant (2 CFR 200.306). Finance staff record a contribution
//! with the paper that proves it; a grant manager accepts it, whole or in parts, or declines it.
//!
//! ```text
//! RECORDED ──accept (in parts, for grants of the same recipient)──▶ ACCEPTED
//!     └────decline (before anything of it is accepted)──▶ DECLINED
//! ```
//!
//! Always true: what is accepted of a contribution, for whichever grants, is no more than was contributed; one
//! reference is one contribution of a recipient, and no cost that a grant bears; whoever recorded it does not accept it.

pub mod commands;
pub mod graphql;
mod model;
pub mod rules;
pub mod store;

pub use model::{
    Hours, MatchAcceptance, MatchAction, MatchContribution, MatchFlag, MatchStanding, MatchStatus,
    NewContribution, Valuation,
};
