//! What costs may be, and how budgets may move.

use async_graphql::{InputObject, SimpleObject};
use serde::{Deserialize, Serialize};

use super::{Findings, Problem, Severity, Situation, Step, check_bp};
use crate::{clock::Date, money::Money, text_enum::text_enum};

text_enum! {
    /// What a cost is for.
    pub enum CostCategory {
        /// Salaries and wages.
        Personnel = "PERSONNEL",
        /// Fringe benefits.
        Benefits = "BENEFITS",
        /// Travel.
        Travel = "TRAVEL",
        /// Things that last, above the capitalization level.
        Equipment = "EQUIPMENT",
        /// Things that are used up.
        Supplies = "SUPPLIES",
        /// Contracts and subawards.
        Contractual = "CONTRACTUAL",
        /// Any other direct cost.
        Other = "OTHER",
        /// Costs shared with other work.
        Indirect = "INDIRECT",
    }
}

text_enum! {
    /// What a cap is a part of.
    pub enum CapBase {
        /// The award.
        Award = "AWARD",
        /// Direct costs.
        Direct = "DIRECT",
        /// Modified total direct costs (2 CFR 200.1).
        Mtdc = "MTDC",
    }
}

/// COST_CAP: a category takes at most a part of a base.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject, InputObject, Serialize, Deserialize)]
#[graphql(input_name = "CostCapTermsInput")]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CostCapTerms {
    /// The category.
    pub category: CostCategory,
    /// Its most, in basis points of the base.
    pub bp: i32,
    /// The base.
    pub base: CapBase,
}

impl CostCapTerms {
    /// The most, of the amount of the base; rounded half up.
    pub fn most(&self, base: Money) -> Money {
        base.part_half_up(self.bp).unwrap_or_default()
    }

    pub(super) fn check(&self) -> Result<(), Problem> {
        check_bp(self.bp, "bp")
    }

    pub(super) fn evaluate(&self, situation: &Situation, step: &Step, findings: &mut Findings) {
        if let Step::Standing { .. } = step {
            let (base, most) = match self.base {
                CapBase::Award => ("the award", Some(self.most(situation.amount))),
                CapBase::Direct => ("direct costs", None),
                CapBase::Mtdc => ("modified total direct costs", None),
            };
            let message =
                format!("{} takes at most {} basis points of {base}", self.category, self.bp);
            return findings.push(Severity::Info, most, None, message);
        }
        let Step::Spend { category, in_category, direct, mtdc, .. } = step else { return };
        if *category != self.category {
            return;
        }
        let base = match self.base {
            CapBase::Award => situation.amount,
            CapBase::Direct => *direct,
            CapBase::Mtdc => *mtdc,
        };
        let most = self.most(base);
        if *in_category > most {
            let message =
                format!("{category} takes at most {most}; with this it takes {in_category}");
            findings.push(Severity::Block, Some(most), None, message);
        }
    }
}

text_enum! {
    /// What a limit of transfers is measured by.
    pub enum TransferScope {
        /// Each budget line by itself.
        PerLine = "PER_LINE",
        /// All transfers together, against the whole budget.
        CumulativeOfTotal = "CUMULATIVE_OF_TOTAL",
    }
}

/// LINE_TRANSFER: how much may move between budget lines without approval.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject, InputObject, Serialize, Deserialize)]
#[graphql(input_name = "LineTransferTermsInput")]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LineTransferTerms {
    /// The most without approval, in basis points.
    pub bp: i32,
    /// What the part is taken of.
    pub scope: TransferScope,
    /// The limit binds awards above this amount only, in US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above_award: Option<Money>,
    /// Categories that nothing moves into or out of without approval.
    #[graphql(default)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<CostCategory>,
}

impl LineTransferTerms {
    fn binds(&self, award: Money) -> bool {
        self.above_award.is_none_or(|limit| award > limit)
    }

    fn stand(&self, situation: &Situation, findings: &mut Findings) {
        if !self.binds(situation.amount) {
            return;
        }
        let (most, message) = match self.scope {
            TransferScope::PerLine => {
                (None, format!("{} basis points of a line move without approval", self.bp))
            }
            TransferScope::CumulativeOfTotal => {
                let most = situation.amount.part_half_up(self.bp).unwrap_or_default();
                (Some(most), format!("at most {most} moves between lines without approval"))
            }
        };
        findings.push(Severity::Info, most, None, message);
    }

    pub(super) fn check(&self) -> Result<(), Problem> {
        check_bp(self.bp, "bp")
    }

    pub(super) fn evaluate(&self, situation: &Situation, step: &Step, findings: &mut Findings) {
        if let Step::Standing { .. } = step {
            return self.stand(situation, findings);
        }
        let Step::Transfer { amount, moved_before, line, moved_of_line, categories } = step else {
            return;
        };
        if let Some(excluded) = categories.iter().find(|category| self.excluded.contains(category))
        {
            let message = format!("a transfer of {excluded} needs approval");
            return findings.push(Severity::Block, Some(Money::ZERO), None, message);
        }
        if !self.binds(situation.amount) {
            return;
        }
        let (base, moved) = match self.scope {
            TransferScope::PerLine => (*line, moved_of_line.plus(*amount)),
            TransferScope::CumulativeOfTotal => (situation.amount, moved_before.plus(*amount)),
        };
        let most = base.part_half_up(self.bp).unwrap_or_default();
        if moved.is_none_or(|moved| moved > most) {
            let moved = moved.unwrap_or(*amount);
            let message = format!("transfers of {moved} are above {most}: this one needs approval");
            findings.push(Severity::Block, Some(most), None, message);
        }
    }
}

/// Two kinds of one shape: what may be paid for, and what may not.
macro_rules! categories {
    ($(#[$doc:meta])* $name:ident, $input:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, SimpleObject, InputObject, Serialize, Deserialize)]
        #[graphql(input_name = $input)]
        #[serde(deny_unknown_fields, rename_all = "camelCase")]
        pub struct $name {
            /// The categories.
            pub categories: Vec<CostCategory>,
            /// For costs from this day on; always when absent.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub from: Option<Date>,
            /// For costs to this day; without end when absent.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub to: Option<Date>,
        }

        impl $name {
            fn binds(&self, on: Date) -> bool {
                self.from.is_none_or(|from| from <= on) && self.to.is_none_or(|to| on <= to)
            }

            fn named(&self) -> String {
                self.categories.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(", ")
            }

            fn stand(&self, on: Date, paid: &str, findings: &mut Findings) {
                if self.binds(on) {
                    let message = format!("{paid}: {}", self.named());
                    findings.push(Severity::Info, None, None, message);
                }
            }

            pub(super) fn check(&self) -> Result<(), Problem> {
                if self.from.zip(self.to).is_some_and(|(from, to)| to < from) {
                    return Err(Problem::on("to", "the last day lies before the first"));
                }
                Problem::unless_some(&self.categories, "categories")
            }
        }
    };
}

categories! {
    /// ALLOWABLE: costs of these categories are paid, and no others.
    AllowableTerms, "AllowableTermsInput"
}
categories! {
    /// UNALLOWABLE: costs of these categories are not paid.
    UnallowableTerms, "UnallowableTermsInput"
}

impl AllowableTerms {
    pub(super) fn evaluate(&self, step: &Step, findings: &mut Findings) {
        if let Step::Standing { on } = step {
            return self.stand(*on, "paid", findings);
        }
        let Step::Spend { on, category, .. } = step else { return };
        if self.binds(*on) && !self.categories.contains(category) {
            let message = format!("{category} is not among what is paid: {}", self.named());
            findings.push(Severity::Block, Some(Money::ZERO), None, message);
        }
    }
}

impl UnallowableTerms {
    pub(super) fn evaluate(&self, step: &Step, findings: &mut Findings) {
        if let Step::Standing { on } = step {
            return self.stand(*on, "not paid", findings);
        }
        let Step::Spend { on, category, .. } = step else { return };
        if self.binds(*on) && self.categories.contains(category) {
            let message = format!("{category} is not paid");
            findings.push(Severity::Block, Some(Money::ZERO), None, message);
        }
    }
}
