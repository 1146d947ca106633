//! What waits for the one who asks: decisions, payments, corrections and signatures that this person, in this role, may
//! give now. It follows from the rows alone; nothing is assigned. The slice has no rows of its own.

pub mod graphql;
mod model;
pub mod store;

pub use model::Asker;
