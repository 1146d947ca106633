//! Every test is in this one binary: one link, shared helpers, one file per slice.

#![recursion_limit = "256"]
#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod api;
mod bad_input;
mod deadline_schedule;
mod disbursements;
mod documents;
mod embedded_postgres;
mod facts;
mod faults;
mod grants;
mod idempotency;
mod layout;
mod ledger;
mod lists;
mod mail_and_jobs;
mod many_at_once;
mod money_histories;
mod money_model;
mod nodes;
mod payments;
mod process;
mod records;
mod rule_kinds;
mod rule_sets;
mod schema;
mod statements;
mod support;
mod telemetry;
mod values;
