//! Where a grant's money is. One operation: an amount moves from one account to
//! another, by a move that the database lists. Three chains of a grant, and two beside it:
//!
//! ```text
//! pay      SRC_PAY ─▶ AVAILABLE ⇄ REQUESTED ─▶ APPROVED ─▶ PAID | RETAINED(payment) ─▶ APPROVED     LAPSED
//! use      SRC_USE ─▶ UNOBLIGATED(line) ⇄ ENCUMBERED(order) ─▶ UNCLAIMED(line) ⇄ CLAIM_PENDING(line) ─▶ CLAIMED(line)
//! advance  SRC_ADV ─▶ ADVANCE_ROOM ⇄ ADVANCE_PENDING(advance) ─▶ ADVANCE_OPEN(advance) ─▶ ADVANCE_ROOM
//! match    SRC_MATCH ─▶ MATCH_UNUSED (of a contribution) ─▶ MATCH_MET (of a grant)
//! allocation  SRC_ALLOC ─▶ COMPONENT(layer) ─▶ SPENT | REVERTED(layer)
//! ```
//!
//! Always true: awarded is the sum of the pay chain without its source, and of the use
//! chain without its own; no other account is below zero, on any day; and an entry is
//! never changed. Balances are kept by a trigger.

pub mod figures;
mod model;
pub mod store;

pub use figures::{GrantBalance, Term};
pub use model::{Account, AccountKind, Entry, Move, Owner, Posting};
