//! Who may receive of a program, requirement by requirement: pure, rules and facts in,
//! answers out. What nobody knows is not taken for a no, nor for a yes.

use super::{
    Rule,
    kinds::{Condition, EligibilityTerms, RuleTerms, Truth},
};
use crate::{facts::Known, id::FactId, people::OrganizationKind, text_enum::text_enum};

text_enum! {
    /// An answer to a requirement.
    pub enum Answer {
        /// It is met.
        Yes = "YES",
        /// It is not met.
        No = "NO",
        /// Nobody has recorded what would tell.
        Unknown = "UNKNOWN",
    }
}

impl From<Truth> for Answer {
    fn from(truth: Truth) -> Self {
        match truth {
            Truth::Yes => Self::Yes,
            Truth::No => Self::No,
            Truth::Unknown => Self::Unknown,
        }
    }
}

/// One thing that a rule asks.
#[derive(Clone, Debug)]
pub struct Requirement {
    pub rule: Rule,
    pub requirement: String,
    pub answer: Answer,
    /// Whether it decides who is eligible; otherwise it tells what else would apply.
    pub decides: bool,
    pub message: String,
    pub fact: Option<FactId>,
}

/// What a program's rules ask of somebody.
pub fn requirements(
    rules: &[Rule],
    recipient: OrganizationKind,
    facts: &Known,
) -> Vec<Requirement> {
    let mut found = Vec::new();
    for rule in rules {
        match &rule.terms {
            RuleTerms::Eligibility(terms) => {
                of_eligibility(rule, terms, recipient, facts, &mut found)
            }
            RuleTerms::Match(terms) => {
                if let Some(waiver) = &terms.waived_when {
                    let asked = format!("the match is waived where {waiver}");
                    found.push(Requirement { decides: false, ..of(rule, asked, waiver, facts) });
                }
            }
            RuleTerms::PayMethod(terms) => {
                if let Some(condition) = &terms.advance_when {
                    let asked = format!("advances are paid where {condition}");
                    found.push(Requirement { decides: false, ..of(rule, asked, condition, facts) });
                }
            }
            _ => {}
        }
    }
    found
}

fn of_eligibility(
    rule: &Rule,
    terms: &EligibilityTerms,
    recipient: OrganizationKind,
    facts: &Known,
    found: &mut Vec<Requirement>,
) {
    if !terms.recipients.is_empty() {
        let admitted = terms.admits(recipient);
        found.push(Requirement {
            rule: rule.clone(),
            requirement: format!("the applicant is {}", terms.admitted()),
            answer: if admitted { Answer::Yes } else { Answer::No },
            decides: rule.verified_on.is_some(),
            message: format!("the applicant is {recipient}"),
            fact: None,
        });
    }
    for condition in &terms.requires {
        found.push(of(rule, condition.to_string(), condition, facts));
    }
}

fn of(rule: &Rule, requirement: String, condition: &Condition, facts: &Known) -> Requirement {
    Requirement {
        rule: rule.clone(),
        requirement,
        answer: condition.holds(facts).into(),
        decides: rule.verified_on.is_some(),
        message: condition.said(facts),
        fact: facts.get(condition.fact).and_then(|fact| fact.fact),
    }
}

/// No if one deciding answer is no; yes if all are yes; otherwise, and where nothing decides, unknown.
pub fn verdict(requirements: &[Requirement]) -> Answer {
    let mut deciding =
        requirements.iter().filter(|one| one.decides).map(|one| one.answer).peekable();
    if deciding.peek().is_none() {
        return Answer::Unknown;
    }
    deciding.fold(Answer::Yes, |so_far, answer| match (so_far, answer) {
        (Answer::No, _) | (_, Answer::No) => Answer::No,
        (Answer::Unknown, _) | (_, Answer::Unknown) => Answer::Unknown,
        _ => Answer::Yes,
    })
}

/// The verdict in one sentence, with what decided it.
pub fn in_words(requirements: &[Requirement]) -> String {
    let of = |answer: Answer| {
        let found = requirements.iter().filter(|one| one.decides && one.answer == answer);
        found.map(|one| one.requirement.as_str()).collect::<Vec<_>>().join("; ")
    };
    match verdict(requirements) {
        Answer::Yes => "every requirement is met".into(),
        Answer::No => format!("not met: {}", of(Answer::No)),
        Answer::Unknown => match of(Answer::Unknown) {
            open if open.is_empty() => "no verified rule says who is eligible".into(),
            open => format!("not known: {open}"),
        },
    }
}
