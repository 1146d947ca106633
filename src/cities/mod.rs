//! California's incorporated cities and its counties, as the Census names them.

pub mod commands;
pub mod graphql;
mod model;
pub mod reference;
mod rules;
pub mod store;

pub use model::{City, County, NewCity};
