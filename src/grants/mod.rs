//! Grants: awards of a program's money to a recipient organization, for the good of
//! cities. Its cities and action areas share it in basis points that sum to 10,000.
//!
//! ```text
//! DRAFT ──award──▶ AWARDED ──sign──▶ ACTIVE ◀──resume── SUSPENDED
//!                                      │ └────suspend──────▲
//!                                      ├──start closeout──▶ CLOSING
//!                                      └──close──▶ CLOSED, or terminate ──▶ TERMINATED (from SUSPENDED and CLOSING too)
//! ```
//!
//! Whoever drafted a grant does not award it. Five dates stay five dates: the end of
//! performance, encumber by (signing), liquidate by (payment), the final invoice, and
//! what reports are due, which are deadlines.

pub mod closeout;
pub mod commands;
pub mod graphql;
mod model;
pub mod rows;
pub(crate) mod rules;
pub mod store;

pub use model::{
    AccountingKeys, ActionArea, ActionAreaShare, CityShare, DateRange, Grant, GrantAction,
    GrantStatus, NewGrant,
};
