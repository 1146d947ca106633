//! Who did what, to which row, and what it was before. Triggers write the log, so that no change goes without an
//! entry; a transaction says first on whose behalf it works. A job seals the entries into a chain of hashes, each
//! over the one before: what is edited, taken away or put elsewhere afterwards does not fit any more.

pub mod chain;
pub mod commands;
pub mod graphql;
pub mod model;
pub mod store;

pub use commands::{attribute, begin, begin_unattended};
pub use model::{AuditChange, AuditEntry, Seal, SealedEntry, Verification};
