//! What a rule set and an override have to look like, and how two versions differ.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::Datelike;
use serde_json::Value;

use super::{
    NewOverride, NewRule, OverrideStatus, Rule, RuleChange, RuleChangeKind, RuleOverride, RuleSet,
    kinds::{Problem, RuleKind, RuleTerms},
};
use crate::{
    Refusal,
    clock::Date,
    error::UserErrorCode::{self, InvalidDates, InvalidInput, InvalidState},
    grants::Grant,
    holidays::HolidayCalendar,
    id::PersonId,
};

/// What is wrong with a set of rules: which one, where in it, and why.
#[derive(Debug, PartialEq, Eq)]
pub struct RuleProblem {
    /// Counted from 0.
    pub place: usize,
    pub path: Vec<String>,
    pub message: String,
}

/// The rules of a set make sense one by one and together.
pub fn check_rules(rules: &[NewRule], today: Date) -> Result<(), RuleProblem> {
    let mut names = HashSet::new();
    for (place, rule) in rules.iter().enumerate() {
        let on =
            |field: &str, message: String| RuleProblem { place, path: vec![field.into()], message };
        if !is_name(&rule.name) {
            let message = format!(
                "`{}` is not a rule's name: lower case, digits and hyphens, such as match",
                rule.name
            );
            return Err(on("name", message));
        }
        if !names.insert(&rule.name) {
            return Err(on("name", format!("two rules are named {}", rule.name)));
        }
        if rule.citation.trim().is_empty() {
            return Err(on("citation", "a rule cites where it is written".into()));
        }
        if rule.verified_on.is_some_and(|day| day > today) {
            return Err(on("verifiedOn", format!("that day has not come yet; today is {today}")));
        }
        rule.terms.check().map_err(|problem| {
            let mut path = vec!["terms".into(), field_of(rule.terms.kind())];
            path.extend(problem.path);
            RuleProblem { place, path, message: problem.message }
        })?;
    }
    check_components(rules)
}

/// Limits within components name those that the set divides into, and a set divides in one way.
fn check_components(rules: &[NewRule]) -> Result<(), RuleProblem> {
    let splits = || {
        rules.iter().enumerate().filter_map(|(place, rule)| match &rule.terms {
            RuleTerms::AllocationSplit(terms) => Some((place, rule.verified_on.is_some(), terms)),
            _ => None,
        })
    };
    if let Some((place, ..)) = splits().filter(|(_, verified, _)| *verified).nth(1) {
        let message = "a set divides money in one way, and another rule of it does already".into();
        return Err(RuleProblem {
            place,
            path: vec!["terms".into(), "allocationSplit".into()],
            message,
        });
    }
    let components: Vec<&str> = splits()
        .flat_map(|(_, _, terms)| {
            terms.steps.iter().map(|step| step.component.as_str()).chain([terms.residual.as_str()])
        })
        .collect();
    if components.is_empty() {
        return Ok(());
    }
    for (place, rule) in rules.iter().enumerate() {
        let named = match &rule.terms {
            RuleTerms::SubFloor(terms) => &terms.component,
            RuleTerms::SubCap(terms) => &terms.component,
            _ => continue,
        };
        if !named.as_ref().is_some_and(|named| components.contains(&named.as_str())) {
            let message = format!(
                "name one of the components that the money is divided into: {}",
                components.join(", ")
            );
            let path = vec!["terms".into(), field_of(rule.terms.kind()), "component".into()];
            return Err(RuleProblem { place, path, message });
        }
    }
    Ok(())
}

/// The holiday calendar that terms name is among those that there are.
pub fn check_calendar(terms: &RuleTerms, known: &[HolidayCalendar]) -> Result<(), RuleProblem> {
    let RuleTerms::ReportSchedule(schedule) = terms else { return Ok(()) };
    let Some(named) = &schedule.calendar else { return Ok(()) };
    if known.iter().any(|calendar| calendar.code == *named) {
        return Ok(());
    }
    let path = vec!["terms".into(), field_of(terms.kind()), "calendar".into()];
    let message =
        format!("there is no holiday calendar {named}: bring it in by `thrive holidays import`");
    Err(RuleProblem { place: 0, path, message })
}

/// As the caller of a mutation is told.
pub fn refused(problem: RuleProblem) -> Refusal {
    let mut path = vec!["input".into(), "rules".into(), problem.place.to_string()];
    path.extend(problem.path);
    Refusal::new(InvalidInput, problem.message).at(path)
}

pub fn check_source(url: &str) -> Result<(), Refusal> {
    Refusal::unless_filled(url, "sourceUrl")
}

fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=60).contains(&name.len()) && !name.starts_with('-') && name.bytes().all(plain)
}

/// `ALLOCATION_SPLIT` is the input field `allocationSplit`.
fn field_of(kind: RuleKind) -> String {
    let mut words = kind.as_str().split('_');
    let first = words.next().unwrap_or_default().to_lowercase();
    let rest = words.map(|word| {
        let (head, tail) = word.split_at(1);
        format!("{head}{}", tail.to_lowercase())
    });
    first + &rest.collect::<String>()
}

pub fn check_draft(set: &RuleSet, read: i32) -> Result<(), Refusal> {
    if set.activated_at.is_some() {
        let message = format!(
            "version {} was activated and stays as it is: draft a new version",
            set.version
        );
        return Err(Refusal::new(InvalidState, message));
    }
    Refusal::unless_current("rule set", read, set.revision)
}

pub fn check_first_day(day: Date) -> Result<(), Refusal> {
    if (1990..=2100).contains(&day.year()) {
        return Ok(());
    }
    let message = format!("{day} is not a day that a law begins on: 1990 to 2100");
    Err(Refusal::new(InvalidDates, message).on("effectiveFrom"))
}

/// `current` is in force today, or was last. Versions that are still to come do not stand in the way of an earlier one.
pub fn check_activation(
    set: &RuleSet,
    read: i32,
    rules: usize,
    effective_from: Date,
    current: Option<&RuleSet>,
) -> Result<(), Refusal> {
    check_draft(set, read)?;
    check_first_day(effective_from)?;
    if rules == 0 {
        return Err(Refusal::new(InvalidState, "a rule set without rules is not activated"));
    }
    match current.and_then(|current| current.effective_from.map(|day| (current, day))) {
        Some((current, day)) if effective_from < day => {
            let message = format!(
                "version {} is in force from {day}: a later version begins on that day or later",
                current.version
            );
            Err(Refusal::new(InvalidDates, message).on("effectiveFrom"))
        }
        _ => Ok(()),
    }
}

/// The version of a day among activated ones: the one that begins last by then, the latest version of that day.
/// Before all of them, the first.
pub fn current(sets: &[RuleSet], on: Date) -> Option<&RuleSet> {
    let active = || sets.iter().filter(|set| set.effective_from.is_some());
    let begun = active().filter(|set| set.effective_from.is_some_and(|from| from <= on));
    let order = |set: &&RuleSet| (set.effective_from, set.version);
    begun.max_by_key(order).or_else(|| active().min_by_key(order))
}

/// How the rules of one version differ from those of another, by name.
pub fn changes(before: &[Rule], after: &[Rule]) -> Vec<RuleChange> {
    let by_name = |rules: &[Rule]| -> HashMap<String, Rule> {
        rules.iter().map(|rule| (rule.name.clone(), rule.clone())).collect()
    };
    let (mut old, mut new) = (by_name(before), by_name(after));
    let names: BTreeSet<String> = old.keys().chain(new.keys()).cloned().collect();
    let mut found = Vec::new();
    for name in names {
        let (before, after) = (old.remove(&name), new.remove(&name));
        let fields = match (&before, &after) {
            (Some(before), Some(after)) => differing(before, after),
            _ => vec![],
        };
        let change = match (&before, &after) {
            (None, _) => RuleChangeKind::Added,
            (_, None) => RuleChangeKind::Removed,
            _ if fields.is_empty() => continue,
            _ => RuleChangeKind::Changed,
        };
        found.push(RuleChange { name, change, before, after, fields });
    }
    found
}

fn differing(before: &Rule, after: &Rule) -> Vec<String> {
    let mut fields = Vec::new();
    if before.terms.kind() != after.terms.kind() {
        fields.push("kind".into());
    } else {
        let (old, new) = (params(before), params(after));
        let names: BTreeSet<&String> = old.iter().chain(&new).map(|(name, _)| name).collect();
        let value = |of: &[(String, Value)], name: &String| {
            of.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        };
        let changed = names.into_iter().filter(|name| value(&old, name) != value(&new, name));
        fields.extend(changed.map(|name| format!("terms.{name}")));
    }
    if before.citation != after.citation {
        fields.push("citation".into());
    }
    if before.verified_on != after.verified_on {
        fields.push("verifiedOn".into());
    }
    fields
}

fn params(rule: &Rule) -> Vec<(String, Value)> {
    let mut terms = serde_json::to_value(&rule.terms).unwrap_or_default();
    match terms["params"].take() {
        Value::Object(params) => params.into_iter().collect(),
        _ => vec![],
    }
}

pub fn check_override(new: &NewOverride, rule: &Rule, grant: &Grant) -> Result<(), Refusal> {
    Refusal::unless_filled(&new.reason, "reason")?;
    Refusal::unless_web_address(&new.document_url, "documentUrl")?;
    let own = match rule.terms.kind() {
        RuleKind::EncumberBy => grant.encumber_by,
        RuleKind::LiquidateBy => grant.liquidate_by,
        RuleKind::FinalInvoiceBy => grant.final_invoice_by,
        _ => None,
    };
    if let Some(own) = own {
        let message = format!(
            "grant {} names {own} itself, which goes before the rule: amend the grant's date",
            grant.number
        );
        return Err(Refusal::new(InvalidState, message).on("ruleId"));
    }
    if let Some(digest) = &new.document_sha256 {
        Refusal::unless_sha256(digest, "documentSha256")?;
    }
    let Some(terms) = &new.terms else { return Ok(()) };
    if terms.kind() != rule.terms.kind() {
        let message =
            format!("the rule is {}, and the new terms are {}", rule.terms.kind(), terms.kind());
        return Err(Refusal::new(InvalidInput, message).on("terms"));
    }
    terms.check().map_err(|Problem { path: inner, message }| {
        let mut path = vec!["input".into(), "terms".into(), field_of(terms.kind())];
        path.extend(inner);
        Refusal::new(InvalidInput, message).at(path)
    })
}

pub fn check_decision(proposed: &RuleOverride, decider: PersonId) -> Result<(), Refusal> {
    if proposed.status != OverrideStatus::Proposed {
        let message = format!("the override is {} already", proposed.status);
        return Err(Refusal::new(InvalidState, message));
    }
    if proposed.proposed_by == decider {
        let message = "whoever proposed an override does not decide it: ask another approver";
        return Err(Refusal::new(UserErrorCode::SeparationOfDuties, message));
    }
    Ok(())
}
