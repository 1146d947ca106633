//! How a stream's money is divided by law, and when what is unspent goes back.

use async_graphql::{InputObject, SimpleObject};
use serde::{Deserialize, Serialize};

use super::{Condition, Findings, Problem, Severity, Situation, Step, check_bp, check_years};
use crate::{
    clock::Date, facts::Known, fiscal_year::FiscalYear, money::Money, text_enum::text_enum,
};

const WHOLE: i64 = 10_000;

text_enum! {
    /// What a part is taken of.
    pub enum AllocationBase {
        /// The whole amount.
        Total = "TOTAL",
        /// What the steps before have left.
        Remainder = "REMAINDER",
    }
}

/// One step of a division: a component takes its part.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject, InputObject, Serialize, Deserialize)]
#[graphql(input_name = "AllocationStepInput")]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AllocationStep {
    /// The component's code, such as `INN`.
    pub component: String,
    /// Its part in basis points: 500 is 5 percent.
    pub bp: i32,
    /// What the part is taken of.
    pub of: AllocationBase,
}

/// ALLOCATION_SPLIT: money is divided among components in order; the last one takes what is left, so that the
/// parts sum to the whole. Each part is rounded half up to the cent.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject, InputObject, Serialize, Deserialize)]
#[graphql(input_name = "AllocationSplitTermsInput")]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AllocationSplitTerms {
    /// The steps, in the order of computation.
    pub steps: Vec<AllocationStep>,
    /// The component that takes what the steps leave.
    pub residual: String,
}

/// A component's part of an amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub component: String,
    pub amount: Money,
}

impl AllocationSplitTerms {
    /// The parts in the order of the steps, the residual last. They sum to the amount.
    pub fn split(&self, amount: Money) -> Vec<Part> {
        let mut rest = amount;
        let mut parts = Vec::with_capacity(self.steps.len() + 1);
        for step in &self.steps {
            let base = if step.of == AllocationBase::Total { amount } else { rest };
            // Rounding up may ask for a cent that is not there.
            let part = base.part_half_up(step.bp).unwrap_or_default().min(rest);
            rest = rest.minus(part).unwrap_or_default();
            parts.push(Part { component: step.component.clone(), amount: part });
        }
        parts.push(Part { component: self.residual.clone(), amount: rest });
        parts
    }

    pub(super) fn check(&self) -> Result<(), Problem> {
        // In parts of WHOLE x WHOLE, so that a part of a remainder is exact.
        let mut rest = WHOLE * WHOLE;
        let mut named = vec![&self.residual];
        check_component(&self.residual).map_err(|problem| problem.within("residual"))?;
        for (place, step) in self.steps.iter().enumerate() {
            let within = |problem: Problem| problem.within(place).within("steps");
            check_component(&step.component).map_err(|p| within(p.within("component")))?;
            check_bp(step.bp, "bp").map_err(within)?;
            if named.contains(&&step.component) {
                let message = format!("the component {} is named twice", step.component);
                return Err(within(Problem::on("component", message)));
            }
            named.push(&step.component);
            let base = if step.of == AllocationBase::Total { WHOLE * WHOLE } else { rest };
            rest -= base / WHOLE * i64::from(step.bp);
            if rest < 0 {
                return Err(within(Problem::on("bp", "the steps take more than the whole")));
            }
        }
        Ok(())
    }
}

fn check_component(code: &str) -> Result<(), Problem> {
    let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    if !code.is_empty() && code.bytes().all(plain) {
        return Ok(());
    }
    let message =
        format!("`{code}` is not a component's code: capitals, digits and _, such as FSP");
    Err(Problem::new(message))
}

/// Two kinds of the same shape: a least and a most within a component.
macro_rules! sub_limit {
    ($(#[$doc:meta])* $name:ident, $input:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, SimpleObject, InputObject, Serialize, Deserialize)]
        #[graphql(input_name = $input)]
        #[serde(deny_unknown_fields, rename_all = "camelCase")]
        pub struct $name {
            /// The component whose money is meant; the whole amount when absent.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub component: Option<String>,
            /// The part of it in basis points.
            pub bp: i32,
            /// What that part is for.
            pub purpose: String,
        }

        impl $name {
            /// The limit in dollars, of a component's amount.
            pub fn of(&self, component: Money) -> Money {
                component.part_half_up(self.bp).unwrap_or_default()
            }

            pub(super) fn check(&self) -> Result<(), Problem> {
                if let Some(component) = &self.component {
                    check_component(component).map_err(|problem| problem.within("component"))?;
                }
                check_bp(self.bp, "bp")?;
                Problem::unless_filled(&self.purpose, "purpose")
            }
        }
    };
}

sub_limit! {
    /// SUB_FLOOR: at least this part of a component is spent on a purpose.
    SubFloorTerms, "SubFloorTermsInput"
}
sub_limit! {
    /// SUB_CAP: at most this part of a component is spent on a purpose.
    SubCapTerms, "SubCapTermsInput"
}

/// REVERSION: what is unspent when so many fiscal years have ended goes back. The fiscal year of receipt is the first.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject, InputObject, Serialize, Deserialize)]
#[graphql(input_name = "ReversionTermsInput")]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ReversionTerms {
    /// How many fiscal years there are to spend, that of the receipt included.
    pub years: i32,
    /// The components that are meant; all when empty.
    #[graphql(default)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<String>,
    /// The condition under which this term holds, such as the county's population.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
}

impl ReversionTerms {
    /// Whether it speaks of a component's money, under these facts.
    pub fn binds(&self, component: &str, facts: &Known) -> bool {
        let named =
            self.components.is_empty() || self.components.iter().any(|one| one == component);
        named && self.when.as_ref().is_none_or(|when| when.holds(facts).is_yes())
    }

    /// The last day to spend what was received on a day.
    pub fn last_day(&self, received_on: Date) -> Date {
        FiscalYear(FiscalYear::of(received_on).0 + self.years - 1).last_day()
    }

    pub(super) fn check(&self) -> Result<(), Problem> {
        check_years(self.years)?;
        for component in &self.components {
            check_component(component).map_err(|problem| problem.within("components"))?;
        }
        Condition::check_optional(self.when.as_ref(), "when")
    }

    pub(super) fn evaluate(&self, situation: &Situation, step: &Step, findings: &mut Findings) {
        let holds = self.when.as_ref().is_none_or(|when| when.holds(&situation.facts).is_yes());
        if let Step::Standing { .. } = step
            && holds
        {
            let of = if self.components.is_empty() {
                "what is received".into()
            } else {
                self.components.join(", ")
            };
            let message = format!(
                "{of}: unspent after {} fiscal years it reverts, that of the receipt included",
                self.years
            );
            return findings.push(Severity::Info, None, None, message);
        }
        let Step::Receive { component, on } = step else { return };
        if !self.components.is_empty() && !self.components.contains(component) {
            return;
        }
        if holds {
            let last = self.last_day(*on);
            let message = format!(
                "{component} received on {on} is spent by {last}, the end of fiscal year {} of {}; what is left reverts",
                FiscalYear::of(last),
                self.years
            );
            findings.push(Severity::Info, None, Some(last), message);
        }
    }
}

/// RESERVE_BAND: a prudent reserve lies between two parts of the average allocation of the past years.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject, InputObject, Serialize, Deserialize)]
#[graphql(input_name = "ReserveBandTermsInput")]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ReserveBandTerms {
    /// The component whose allocations are averaged.
    pub component: String,
    /// How many past fiscal years are averaged.
    pub years: i32,
    /// The least, in basis points of the average.
    pub min_bp: i32,
    /// The most, in basis points of the average.
    pub max_bp: i32,
}

impl ReserveBandTerms {
    /// The least and the most, of the component's yearly allocations, the latest last; none without allocations.
    pub fn band(&self, allocations: &[Money]) -> Option<(Money, Money)> {
        let years = usize::try_from(self.years).unwrap_or_default();
        let average = Money::average(&allocations[allocations.len().saturating_sub(years)..])?;
        Some((average.part_half_up(self.min_bp)?, average.part_half_up(self.max_bp)?))
    }

    pub(super) fn check(&self) -> Result<(), Problem> {
        check_component(&self.component).map_err(|problem| problem.within("component"))?;
        check_years(self.years)?;
        check_bp(self.max_bp, "maxBp")?;
        if !(0..=self.max_bp).contains(&self.min_bp) {
            let message = format!("the least is from 0 to the most, {}", self.max_bp);
            return Err(Problem::on("minBp", message));
        }
        Ok(())
    }

    pub(super) fn evaluate(&self, step: &Step, findings: &mut Findings) {
        if let Step::Standing { .. } = step {
            let message = format!(
                "a prudent reserve is {} to {} basis points of the average allocation of {} in {} years",
                self.min_bp, self.max_bp, self.component, self.years
            );
            return findings.push(Severity::Info, None, None, message);
        }
        let Step::Reserve { component, allocations, reserve } = step else { return };
        let Some((least, most)) = self.band(allocations).filter(|_| *component == self.component)
        else {
            return;
        };
        let (severity, limit, message) = if *reserve > most {
            (Severity::Block, most, format!("a reserve of {reserve} is above the most, {most}"))
        } else if *reserve < least {
            (Severity::Warn, least, format!("a reserve of {reserve} is below the least, {least}"))
        } else {
            (Severity::Info, most, format!("the reserve lies between {least} and {most}"))
        };
        findings.push(severity, Some(limit), None, message);
    }
}
