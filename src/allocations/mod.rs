//! Money that a county, or another body, receives by a formula (the yearly shares of MHSA and BHSA).
//!
//! ```text
//! receipt ──split by the rule of its day──▶ layer(component) ──spend, oldest layer first──▶ SPENT
//!                                                       └──unspent after its fiscal years──▶ REVERTED
//! ```
//!
//! Always true: the parts of a receipt sum to it; a spend names one component and takes from that
//! component's layers only, as many as it needs; nothing is spent twice, nor after it reverted. A
//! rule of reversion that nobody verified shows its day and reverts nothing.

pub mod books;
pub mod commands;
pub mod graphql;
pub mod layer_store;
pub mod layers;
mod model;
pub mod reversion;
pub mod rules;
pub mod store;

pub use model::{
    Allocation, AllocationAction, AllocationReceipt, AllocationSpend, NewReceipt, NewSpend,
};
