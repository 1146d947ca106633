//! Every test is in this one binary: one link, shared helpers, one file per slice.

#![recursion_limit = "256"]
#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod access_matrix;
mod allocations;
mod api;
mod appropriations;
mod audit;
mod awaiting;
mod bad_input;
mod deadline_schedule;
mod delegates;
mod disbursements;
mod documents;
mod embedded_postgres;
mod exports;
mod facts;
mod faults;
mod figures;
mod forms;
mod fuzz;
mod grants;
mod hostile;
mod idempotency;
mod imports;
mod layout;
mod ledger;
mod limits;
mod lists;
mod mail_and_jobs;
mod many_at_once;
mod matching;
mod money_histories;
mod money_model;
mod money_vectors;
mod never;
mod nodes;
mod payment_imports;
mod payments;
mod periods;
mod permissions;
mod process;
mod records;
mod reports;
mod rule_kinds;
mod rule_sets;
mod schema;
mod sign_in;
mod spending_at_once;
mod statements;
mod subscriptions;
mod support;
mod telemetry;
mod tokens;
mod values;
mod web;
