//! Sustainability plans: what a city needs to go on, and what is secured, by fiscal
//! year. A city adopts one edition at a time; adopting another supersedes it.

pub mod commands;
pub mod graphql;
mod model;
mod rules;
pub mod store;

pub use model::{NewPlan, PlanStatus, PlanYear, SustainabilityPlan};
