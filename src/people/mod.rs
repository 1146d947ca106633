//! People and the organizations they work for. An organization is a party: who
//! funds, who receives, who helps. A grant's recipient is an organization, not a city.

pub mod commands;
pub mod graphql;
mod model;
pub mod rows;
mod rules;
pub mod store;

pub use model::{NewOrganization, NewPerson, Organization, OrganizationKind, Person};
