//! Disbursements: payments towards a grant, from request to payment.
//!
//! ```text
//! REQUESTED ──▶ RETURNED | APPROVED | REJECTED | CANCELLED
//! RETURNED  ──▶ REQUESTED | CANCELLED
//! APPROVED  ──▶ SCHEDULED | PAID | CANCELLED
//! SCHEDULED ──▶ APPROVED | PAID | CANCELLED
//! PAID      ──▶ REVERSED
//! ```
//!
//! A request reserves its amount in the [ledger](crate::ledger), so that two requests
//! that do not both fit are not both accepted. Requester, approver and payer are
//! three people.

pub mod adjustments;
pub mod changes;
pub mod claims;
pub mod commands;
pub mod feed;
mod feed_store;
pub mod graphql;
mod model;
pub mod payment;
mod payment_store;
pub mod retention;
pub mod rows;
pub mod rules;
pub mod store;

pub use model::{
    Adjusted, Adjustment, AdjustmentKind, Approval, ClaimLine, Disbursement, DisbursementAction,
    DisbursementEvent, DisbursementKind, DisbursementStatus, LineAmount, NewAdjustment,
    NewCertification, NewRequest, Payment, PaymentMethod,
};
