use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};

use super::kinds::{RuleTerms, Severity};
use crate::{
    clock::Date,
    id::{GrantId, PersonId, ProgramId, RuleId, RuleOverrideId, RuleSetId},
    money::Money,
    text_enum::text_enum,
};

text_enum! {
    /// Where a rule, or a set of rules, stands.
    pub enum RuleSetStatus {
        /// Being written, or not verified: it enforces nothing.
        Draft = "DRAFT",
        /// In force, or from a day that will come.
        Active = "ACTIVE",
        /// A later version took its place; grants signed under it keep it.
        Retired = "RETIRED",
    }
}

/// One version of a program's rules.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct RuleSet {
    /// Identifies the rule set everywhere in Thrive.
    pub id: RuleSetId,
    #[graphql(skip)]
    pub program_id: ProgramId,
    /// Counts a program's rule sets from 1.
    pub version: i32,
    /// Where the rules can be read.
    pub source_url: String,
    /// The first day on which it is in force; null while a draft.
    pub effective_from: Option<Date>,
    #[graphql(skip)]
    pub replaced_from: Option<Date>,
    /// When it was activated; null while a draft.
    pub activated_at: Option<DateTime<Utc>>,
    #[graphql(skip)]
    pub activated_by: Option<PersonId>,
    /// When it was entered.
    pub created_at: DateTime<Utc>,
    #[graphql(skip)]
    pub created_by: Option<PersonId>,
    /// Grows with every change of a draft; an edit names the one it read.
    pub revision: i32,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl RuleSet {
    /// The last day on which it is in force, once a later version is active.
    pub fn last_day(&self) -> Option<Date> {
        self.replaced_from.map(|day| day.plus_days(-1))
    }

    pub fn status_on(&self, today: Date) -> RuleSetStatus {
        match self.last_day() {
            _ if self.activated_at.is_none() => RuleSetStatus::Draft,
            Some(last) if last < today => RuleSetStatus::Retired,
            _ => RuleSetStatus::Active,
        }
    }
}

/// A rule of a rule set: what it says, and where that is written.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject)]
#[graphql(complex)]
pub struct Rule {
    /// Identifies the rule everywhere in Thrive.
    pub id: RuleId,
    #[graphql(skip)]
    pub rule_set_id: RuleSetId,
    /// Its name within its set, the same from version to version, such as `match`.
    pub name: String,
    /// What it says: a type of its own for each kind of rule.
    pub terms: RuleTerms,
    /// The statute, regulation or document that it is from.
    pub citation: String,
    /// When it was last compared with its citation; null when nobody has yet, and then it enforces nothing.
    pub verified_on: Option<Date>,
}

#[derive(Clone, Debug)]
pub struct NewRule {
    pub name: String,
    pub citation: String,
    pub verified_on: Option<Date>,
    pub terms: RuleTerms,
}

#[derive(Clone, Debug)]
pub struct NewRuleSet {
    pub source_url: String,
    pub rules: Vec<NewRule>,
}

text_enum! {
    /// How a rule differs between two versions.
    pub enum RuleChangeKind {
        /// Only the later version has it.
        Added = "ADDED",
        /// Only the earlier version has it.
        Removed = "REMOVED",
        /// Both have it, and it says something else.
        Changed = "CHANGED",
    }
}

/// A difference between two versions of a program's rules.
#[derive(Clone, Debug, SimpleObject)]
pub struct RuleChange {
    /// The rule's name in both versions.
    pub name: String,
    /// How it differs.
    pub change: RuleChangeKind,
    /// The rule in the earlier version.
    pub before: Option<Rule>,
    /// The rule in the later version.
    pub after: Option<Rule>,
    /// Which fields differ, such as `terms.bp` or `citation`; empty for a rule that was added or removed.
    pub fields: Vec<String>,
}

/// What a rule says about a grant or a step of its money.
#[derive(Clone, Debug, SimpleObject)]
pub struct RuleFinding {
    /// The rule, with its citation.
    pub rule: Rule,
    /// What it means: BLOCK is refused, WARN wants a look, INFO is good to know.
    pub severity: Severity,
    /// The amount that it is about, in US dollars: a limit, a required match, what is withheld.
    pub amount: Option<Money>,
    /// The day that it is about.
    pub due_on: Option<Date>,
    /// What it says, for people.
    pub message: String,
    /// The amendment that gave the rule other terms for this grant.
    #[graphql(name = "override")]
    pub amended: Option<RuleOverride>,
}

text_enum! {
    /// Where an override stands.
    pub enum OverrideStatus {
        /// Waiting for a decision.
        Proposed = "PROPOSED",
        /// In force for its grant.
        Approved = "APPROVED",
        /// Turned down.
        Declined = "DECLINED",
    }
}

/// An amendment of one grant that gives a rule other terms, or sets it aside. The rule itself stays.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct RuleOverride {
    /// Identifies the override everywhere in Thrive.
    pub id: RuleOverrideId,
    #[graphql(skip)]
    pub grant_id: GrantId,
    #[graphql(skip)]
    pub rule_id: RuleId,
    /// What the rule says for this grant; null where it is set aside.
    pub terms: Option<RuleTerms>,
    /// Why.
    pub reason: String,
    /// The document that it rests on.
    pub document_url: String,
    /// The SHA-256 of that document, in hexadecimal digits.
    pub document_sha256: Option<String>,
    /// Where it stands.
    pub status: OverrideStatus,
    #[graphql(skip)]
    pub proposed_by: PersonId,
    /// When it was proposed.
    pub proposed_at: DateTime<Utc>,
    #[graphql(skip)]
    pub decided_by: Option<PersonId>,
    /// When it was decided; null until then.
    pub decided_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug)]
pub struct NewOverride {
    pub grant: GrantId,
    pub rule: RuleId,
    pub terms: Option<RuleTerms>,
    pub reason: String,
    pub document_url: String,
    pub document_sha256: Option<String>,
}
