//! What a grant's rules say about a step: pure, rules and a situation in, findings out.

use super::{
    Rule, RuleFinding, RuleOverride,
    kinds::{Judgment, RuleTerms, Severity, Situation, Step},
};
use crate::{Refusal, error::UserErrorCode};

/// A rule as it binds one grant.
#[derive(Clone, Debug)]
pub struct Binding {
    pub rule: Rule,
    /// The latest approved override of it.
    pub amended: Option<RuleOverride>,
}

impl Binding {
    /// What binds: the override's terms, or the rule's own. None where the rule was set aside, or
    /// nobody compared it with its citation.
    pub fn in_force(&self) -> Option<&RuleTerms> {
        match &self.amended {
            Some(amended) => amended.terms.as_ref(),
            None => Some(&self.rule.terms).filter(|_| self.rule.verified_on.is_some()),
        }
    }

    fn findings(&self, situation: &Situation, step: &Step) -> Vec<RuleFinding> {
        let judge = |terms: &RuleTerms| terms.evaluate(situation, step);
        let found = match &self.amended {
            Some(amended) => match &amended.terms {
                Some(terms) => judge(terms),
                None => {
                    judge(&self.rule.terms).into_iter().map(|found| aside(found, amended)).collect()
                }
            },
            None if self.rule.verified_on.is_none() => {
                judge(&self.rule.terms).into_iter().map(unverified).collect()
            }
            None => judge(&self.rule.terms),
        };
        let finding = |found: Judgment| RuleFinding {
            rule: self.rule.clone(),
            severity: found.severity,
            amount: found.amount,
            due_on: found.due_on,
            message: found.message,
            amended: self.amended.clone(),
        };
        found.into_iter().map(finding).collect()
    }
}

fn aside(found: Judgment, amended: &RuleOverride) -> Judgment {
    let message = format!("set aside for this grant ({}): {}", amended.reason, found.message);
    Judgment { severity: Severity::Info, message, ..found }
}

fn unverified(found: Judgment) -> Judgment {
    let message = format!("not verified, and so not enforced: {}", found.message);
    Judgment { severity: Severity::Info, message, ..found }
}

/// What all the rules say, the most severe first.
pub fn findings(rules: &[Binding], situation: &Situation, step: &Step) -> Vec<RuleFinding> {
    let mut found: Vec<_> = rules.iter().flat_map(|rule| rule.findings(situation, step)).collect();
    // Within a severity the order of the set stays.
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    found
}

/// Refuses what a rule blocks, with the rule and its citation.
pub fn check(rules: &[Binding], situation: &Situation, step: &Step) -> Result<(), Refusal> {
    let found = findings(rules, situation, step);
    match found.iter().find(|finding| finding.severity == Severity::Block) {
        Some(blocking) => {
            let message = format!("{} ({})", blocking.message, blocking.rule.citation);
            Err(Refusal::new(UserErrorCode::RuleViolated, message).by(blocking.rule.id))
        }
        None => Ok(()),
    }
}
