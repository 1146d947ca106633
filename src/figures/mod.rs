//! The figures of grants, from their ledgers and their terms: of one grant, and of many.

pub mod balances;
