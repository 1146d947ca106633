//! Thrive: the grants and funding tracker for All Children Thrive-California.
//!
//! In reading order: the vocabulary every part shares, the services the slices
//! use, the slices (one folder per concept of the field), and what puts them
//! together for the outside.

// Merged GraphQL roots nest one level per slice.
#![recursion_limit = "256"]

// The vocabulary: no slice is named here.
pub mod clock;
pub mod error;
pub mod fiscal_year;
pub mod id;
pub mod money;
pub mod page;
pub mod text_enum;

// The ground: configuration, database, tracing.
pub mod app;
pub mod batching;
pub mod config;
pub mod db;
pub mod embedded_postgres;
pub mod live;
pub mod telemetry;

// Services that the slices use.
pub mod access;
pub mod advances;
pub mod audit;
pub mod email;
pub mod idempotency;
pub mod ledger;
pub mod rows;

// The slices.
pub mod allocations;
pub mod appropriations;
pub mod awaiting;
pub mod budgets;
pub mod cities;
pub mod deadlines;
pub mod delegations;
pub mod disbursements;
pub mod documents;
pub mod exports;
pub mod facts;
pub mod figures;
pub mod grants;
pub mod holidays;
pub mod imports;
pub mod matching;
pub mod payment_imports;
pub mod people;
pub mod periods;
pub mod plans;
pub mod reports;
pub mod rule_sets;
pub mod spending;
pub mod streams;

// The outside.
pub mod cli;
pub mod demo;
pub mod graphql;
pub mod http;
#[path = "../jobs/mod.rs"]
pub mod jobs;

pub use self::{
    app::App,
    error::{Error, Refusal, Result},
};
