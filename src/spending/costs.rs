//! What a grant's rules say of new costs: categories, caps and the period.

use std::collections::HashMap;

use super::rules;
use crate::{
    Refusal,
    budgets::{BudgetLine, LineFigures},
    clock::Date,
    id::BudgetLineId,
    money::Money,
    rule_sets::{
        bound::Bound,
        kinds::{CostCategory, Step},
    },
};

/// Of each contract, a budget line of its own, this much counts towards modified total direct costs (2 CFR 200.1).
const MTDC_OF_A_CONTRACT_IN_CENTS: i64 = 5_000_000;

/// A grant's lines, and where their money is.
pub struct Books {
    pub lines: Vec<BudgetLine>,
    pub figures: HashMap<BudgetLineId, LineFigures>,
}

impl Books {
    pub fn of_line(&self, line: BudgetLineId) -> LineFigures {
        self.figures.get(&line).copied().unwrap_or_default()
    }

    /// Whether the lines and the rules bear new costs of a day. Costs that were ordered were in a line before.
    pub fn check_costs(
        &self,
        bound: &Bound,
        on: Date,
        added: &[(BudgetLineId, Money)],
        ordered: bool,
    ) -> Result<(), Refusal> {
        for (line, amount) in added {
            if let Some(line) = self.lines.iter().find(|own| own.id == *line).filter(|_| !ordered) {
                rules::check_line(line, self.of_line(line.id).unobligated, *amount)?;
            }
        }
        let after = |line: &BudgetLine| {
            let new = added.iter().filter(|(id, _)| *id == line.id).map(|(_, amount)| *amount);
            (
                line.category,
                [self.of_line(line.id).expended()].into_iter().chain(new).sum::<Money>(),
            )
        };
        let expended: Vec<_> = self.lines.iter().map(after).collect();
        let touched = |category: CostCategory| {
            let mut lines = self.lines.iter().filter(|line| line.category == category);
            lines.any(|line| added.iter().any(|(id, _)| *id == line.id))
        };
        for category in CostCategory::ALL.iter().copied().filter(|category| touched(*category)) {
            let of = |wanted: &dyn Fn(CostCategory) -> bool| -> Money {
                expended.iter().filter(|(kind, _)| wanted(*kind)).map(|(_, amount)| *amount).sum()
            };
            bound.check(&Step::Spend {
                on,
                category,
                in_category: of(&|kind| kind == category),
                direct: of(&|kind| kind != CostCategory::Indirect),
                mtdc: modified_total_direct(&expended),
            })?;
        }
        Ok(())
    }
}

/// Direct costs without equipment, and of each contract its first part only.
fn modified_total_direct(expended: &[(CostCategory, Money)]) -> Money {
    let part = |(category, amount): &(CostCategory, Money)| match category {
        CostCategory::Indirect | CostCategory::Equipment => Money::ZERO,
        CostCategory::Contractual => (*amount).min(Money::from_cents(MTDC_OF_A_CONTRACT_IN_CENTS)),
        _ => *amount,
    };
    expended.iter().map(part).sum()
}
