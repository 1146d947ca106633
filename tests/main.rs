//! Every test is in this one binary: one link, shared helpers, one file per slice.

#![recursion_limit = "256"]

mod embedded_postgres;
mod ledger;
mod ledger_walk;
mod mail_and_jobs;
mod process;
mod support;
mod telemetry;
