//! The figures of the law as rows. A program has rule sets, one version after another; a set
//! has rules, each of a kind that code knows, with its citation.
//!
//! ```text
//! DRAFT ──activate(from)──▶ ACTIVE ──a later version is in force──▶ RETIRED
//! ```
//!
//! An activated set never changes. A grant keeps the set that it was signed under; an approved
//! override gives one rule other terms for one grant, and leaves the rule as it is. A rule that
//! nobody compared with its citation (`verified_on` null) is shown and enforces nothing. A
//! program without rules in force uses those of the program that it is part of.

pub mod allocation;
pub mod bound;
pub mod bundled;
pub mod commands;
pub mod eligibility;
pub mod evaluation;
pub mod file;
pub mod graphql;
pub mod kinds;
mod model;
pub mod override_store;
pub mod overrides;
pub mod rules;
pub mod store;

pub use model::{
    NewOverride, NewRule, NewRuleSet, OverrideStatus, Rule, RuleChange, RuleChangeKind,
    RuleFinding, RuleOverride, RuleSet, RuleSetStatus,
};
