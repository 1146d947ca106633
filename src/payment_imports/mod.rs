//! Payments that a bank or a controller tells of in a file, up to 10,000 at once: each line is checked by the rules of
//! `payDisbursement`, and all lines are paid or none. A preview tells what each line would come to, by the same function,
//! and writes nothing. A line whose payment is known by the same reference is told, and not paid twice.

pub mod commands;
mod file;
pub mod graphql;
mod model;
pub mod rules;
pub mod store;

pub use file::HEADER;
pub use model::{Examined, ImportedRow, PaymentImport, PaymentLine, PaymentOutcome};
