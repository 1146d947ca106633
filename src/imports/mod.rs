//! Bringing in what exists: grants, budgets, expenditures and disbursements from CSV files
//! with a documented header. All rows of a file or none; every row is reported; entries
//! count from the days on which things happened and are marked as opening entries.

pub mod commands;
mod disbursements;
mod expenditures;
pub mod file;
mod grants;

pub use commands::{Kind, People, Report, RowReport};
