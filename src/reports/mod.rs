//! Reports: what a recipient hands in for a grant, from due to certified.
//!
//! ```text
//! DUE ──submit──▶ SUBMITTED ──accept──▶ ACCEPTED ──certify──▶ CERTIFIED
//!                  │      ▲
//!                return  submit
//!                  ▼      │
//!                 RETURNED
//! ```
//!
//! Each has a deadline, which reminds of it: open while the report is due or returned, completed by handing it in. Those
//! that a rule schedules follow their [deadlines](crate::deadlines); others are entered. Who hands a report in, accepts
//! and certifies it are three people. A certified report never changes, keeps the grant's figures as of its last day, and
//! as a financial report or a closeout shuts the ledger of the grant up to that day.

pub mod commands;
pub mod graphql;
pub mod list_store;
mod model;
pub mod rules;
pub mod store;

pub use model::{
    CertifiedFigure, Income, NewReport, Report, ReportAction, ReportEvent, ReportStatus, Submission,
};
