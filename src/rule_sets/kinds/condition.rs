//! What a fact has to say, and whether it does.

use std::fmt;

use async_graphql::{InputObject, SimpleObject};
use serde::{Deserialize, Serialize};

use super::Problem;
use crate::facts::{FactKind, Known};

/// Yes, no, or nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    Yes,
    No,
    Unknown,
}

impl Truth {
    pub fn is_yes(self) -> bool {
        self == Self::Yes
    }
}

/// Something that a fact about the recipient or its place has to say. Exactly one of `oneOf`, `below` and `atLeast`.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject, InputObject, Serialize, Deserialize)]
#[graphql(name = "FactCondition", input_name = "FactConditionInput")]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Condition {
    /// The fact.
    pub fact: FactKind,
    /// Its value is one of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_of: Option<Vec<String>>,
    /// Its value is a number below this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<i32>,
    /// Its value is this number or above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<i32>,
}

impl Condition {
    pub fn holds(&self, facts: &Known) -> Truth {
        let Some(value) = facts.value(self.fact) else { return Truth::Unknown };
        let number = value.parse::<i32>();
        let holds = match (&self.one_of, self.below, self.at_least) {
            (Some(values), ..) => values.iter().any(|one| one == value),
            (_, Some(limit), _) => number.is_ok_and(|number| number < limit),
            (.., Some(limit)) => number.is_ok_and(|number| number >= limit),
            _ => return Truth::Unknown,
        };
        if holds { Truth::Yes } else { Truth::No }
    }

    /// What the fact says, in words.
    pub fn said(&self, facts: &Known) -> String {
        match facts.get(self.fact) {
            Some(fact) => format!("{} is {} as of {}", self.fact, fact.value, fact.as_of),
            None => format!("{} is not known", self.fact),
        }
    }

    pub(super) fn check(&self) -> Result<(), Problem> {
        let given = [self.one_of.is_some(), self.below.is_some(), self.at_least.is_some()];
        if given.iter().filter(|given| **given).count() != 1 {
            return Err(Problem::on("fact", "give exactly one of `oneOf`, `below` and `atLeast`"));
        }
        let Some(values) = &self.one_of else {
            if self.fact.is_number() {
                return Ok(());
            }
            let message = format!("{} is not a number: give `oneOf`", self.fact);
            return Err(Problem::on("fact", message));
        };
        Problem::unless_some(values, "oneOf")?;
        for value in values {
            self.fact.check(value).map_err(|message| Problem::on("oneOf", message))?;
        }
        Ok(())
    }

    pub(super) fn check_optional(condition: Option<&Self>, field: &str) -> Result<(), Problem> {
        condition.map_or(Ok(()), Self::check).map_err(|problem| problem.within(field))
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.one_of, self.below, self.at_least) {
            (Some(values), ..) => write!(f, "{} is {}", self.fact, values.join(" or ")),
            (_, Some(limit), _) => write!(f, "{} is below {limit}", self.fact),
            (.., limit) => write!(f, "{} is at least {}", self.fact, limit.unwrap_or_default()),
        }
    }
}
