//! Lists as files, however long: read a chunk at a time by the statement of the list, in the order in which rows were
//! entered, and written straight to bytes. Between chunks nothing is held in the database, so a slow reader holds up
//! nobody; and memory stays what three chunks take.

mod audit_entries;
mod cells;
mod disbursements;
mod expenditures;
mod grants;
mod headings;
mod lists;

pub use audit_entries::AuditEntries;
pub use cells::{Cell, Format, Lines};
pub use disbursements::Disbursements;
pub use expenditures::Expenditures;
pub use grants::Grants;
pub use lists::{Chunk, List, written};
