//! The figures of grants, from their ledgers and their terms: of one grant, and of many.
//!
//! Of many they are grouped (`summary`): a figure of a grant is split by the shares of its cities and action areas
//! so that the parts sum to it exactly, and groups sum to the total to the cent. By fiscal year flows are what was
//! posted in the year, and stocks are what there was at its end.
//!
//! Sums are read, not made (`reading` says which way): a trigger keeps totals of grants, of their fiscal years and of
//! all grants of a program with each entry, and the job `funding_totals` compares them with the entries each night.

pub mod agreement_store;
pub mod balances;
pub mod forms;
pub mod graphql;
pub mod reading;
pub mod rows;
pub mod splitting;
pub mod store;
pub mod summary;
pub mod totals_store;
pub mod wanted;
