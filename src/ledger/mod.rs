//! Where a grant's money is. One operation: an amount moves from one account to
//! another, by a move that the database lists. The pay chain, which is in use:
//!
//! ```text
//! SRC_PAY ──award──▶ AVAILABLE ──request──▶ REQUESTED ──approve──▶ APPROVED ──pay──▶ PAID
//!                      ▲  ▲ ▲                   │                     │               │
//!                      │  │ └─return, reject, cancel                  │               │
//!                      │  └───────────────cancel──────────────────────┘               │
//!                      └──────────────────────reverse payment─────────────────────────┘
//! ```
//!
//! Always true: awarded is the sum of all accounts but the source, none of them is
//! below zero, and an entry is never changed. Balances are kept by a trigger.

mod model;
pub mod store;

pub use model::{AccountKind, GrantBalance, Move};
