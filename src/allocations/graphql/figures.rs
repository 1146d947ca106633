//! An allocation's figures as clients read them.

use std::collections::BTreeMap;

use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};

use crate::{
    allocations::{
        books::Books,
        layers::{self, Layer, and},
    },
    clock::Date,
    fiscal_year::FiscalYear,
    money::Money,
    rule_sets::{Rule, kinds::RuleTerms},
};

/// Where an allocation's money is, in US dollars, from posted entries only.
#[derive(SimpleObject)]
pub struct AllocationBalance {
    /// All that was received.
    received: Money,
    /// What was spent.
    spent: Money,
    /// What went back because it was not spent in time.
    reverted: Money,
    /// What is left to spend: received less spent and reverted.
    unspent: Money,
    /// What of the unspent reverts at the end of the fiscal year, or should have before, unless it is spent.
    at_risk_of_reversion: Money,
    /// What of the unspent has no known day: no rule speaks of it, or a fact that the rule asks for is not recorded.
    without_reversion_day: Money,
    /// The same by component, by code.
    components: Vec<AllocationComponentBalance>,
    /// The day at whose end it is so.
    as_of: Date,
    /// When the figures were read.
    computed_at: DateTime<Utc>,
}

/// Where the money of one component is, in US dollars: it pays for nothing else.
#[derive(SimpleObject)]
pub struct AllocationComponentBalance {
    /// The component's code, such as `CSS`.
    component: String,
    /// All that it received.
    received: Money,
    /// What was spent of it.
    spent: Money,
    /// What of it went back.
    reverted: Money,
    /// What is left of it to spend.
    unspent: Money,
    /// What of it reverts at the end of the fiscal year, or should have before, unless it is spent.
    at_risk_of_reversion: Money,
    /// What of its unspent has no known day.
    without_reversion_day: Money,
    /// Spent in an average month of the last three whole ones.
    burn_rate: Money,
}

impl AllocationBalance {
    pub fn of(books: &Books) -> Self {
        let mut of_component: BTreeMap<&str, Vec<&Layer>> = BTreeMap::new();
        for layer in &books.layers {
            of_component.entry(&layer.component).or_default().push(layer);
        }
        let component = |(code, layers): (&str, Vec<&Layer>)| {
            let sum = |figure: &dyn Fn(&Layer) -> Money| layers.iter().map(|one| figure(one)).sum();
            AllocationComponentBalance {
                component: code.into(),
                received: sum(&|layer| layer.amount),
                spent: sum(&|layer| layer.spent),
                reverted: sum(&|layer| layer.reverted),
                unspent: sum(&Layer::unspent),
                at_risk_of_reversion: sum(&|layer| layer.at_risk_on(books.as_of)),
                without_reversion_day: sum(&without_day),
                burn_rate: books.pace(code),
            }
        };
        let components: Vec<_> = of_component.into_iter().map(component).collect();
        let sum = |figure: fn(&AllocationComponentBalance) -> Money| {
            components.iter().map(figure).fold(Money::ZERO, and)
        };
        Self {
            received: sum(|one| one.received),
            spent: sum(|one| one.spent),
            reverted: sum(|one| one.reverted),
            unspent: sum(|one| one.unspent),
            at_risk_of_reversion: sum(|one| one.at_risk_of_reversion),
            without_reversion_day: sum(|one| one.without_reversion_day),
            components,
            as_of: books.as_of,
            computed_at: books.computed_at,
        }
    }
}

fn without_day(layer: &Layer) -> Money {
    if layer.reversion.is_none() { layer.unspent() } else { Money::ZERO }
}

/// A component's part of a receipt, and what became of it, in US dollars.
#[derive(SimpleObject)]
pub struct AllocationLayer {
    /// The component's code, such as `CSS`.
    component: String,
    /// Its part of the receipt. The parts of a receipt sum to it.
    amount: Money,
    /// What was spent of it.
    spent: Money,
    /// What of it went back.
    reverted: Money,
    /// What is left of it to spend.
    unspent: Money,
    /// The last day to spend it; null where no rule speaks of it, or a fact that the rule asks for is not recorded.
    spend_by: Option<Date>,
    /// The day on which what is left reverts: the day after `spendBy`.
    reverts_on: Option<Date>,
    /// The rule of reversion that binds it, with its citation. One that nobody verified tells its day and reverts nothing.
    reversion_rule: Option<Rule>,
    /// Whether that rule is verified, and so what is left does revert.
    reversion_enforced: bool,
    /// The day from which figures count what went back of it; null while nothing did.
    reverted_on: Option<Date>,
    /// What of it reverts at the end of the fiscal year, or should have before, unless it is spent.
    at_risk: Money,
    /// The day at whose end it is so.
    as_of: Date,
    /// When the figures were read.
    computed_at: DateTime<Utc>,
}

impl AllocationLayer {
    pub fn of(layer: &Layer, books: &Books) -> Self {
        let reversion = layer.reversion.as_ref();
        Self {
            component: layer.component.clone(),
            amount: layer.amount,
            spent: layer.spent,
            reverted: layer.reverted,
            unspent: layer.unspent(),
            spend_by: reversion.map(|reversion| reversion.spend_by),
            reverts_on: reversion.map(|reversion| reversion.reverts_on()),
            reversion_rule: reversion.map(|reversion| reversion.rule.clone()),
            reversion_enforced: reversion.is_some_and(|reversion| reversion.is_enforced()),
            reverted_on: layer.reverted_on,
            at_risk: layer.at_risk_on(books.as_of),
            as_of: books.as_of,
            computed_at: books.computed_at,
        }
    }
}

/// What will be left of a layer on its last day if each month costs as much as an average one of the last three whole
/// months, the oldest layers of its component being spent first. Months are counted from the one after `asOf` to that of
/// `spendBy`.
#[derive(SimpleObject)]
pub struct ReversionProjection {
    /// The component's code, such as `CSS`.
    component: String,
    /// The fiscal year in which it was received.
    fiscal_year: FiscalYear,
    /// The day on which it was received.
    received_on: Date,
    /// What is left of it to spend now, in US dollars.
    unspent: Money,
    /// What the component costs in an average month, in US dollars.
    burn_rate: Money,
    /// What of it will be spent by its last day, in US dollars.
    projected_spent: Money,
    /// What of it will be left and revert, in US dollars.
    projected_reversion: Money,
    /// The last day to spend it.
    spend_by: Date,
    /// The day on which what is left reverts.
    reverts_on: Date,
    /// The rule of reversion, with its citation.
    rule: Rule,
    /// Whether that rule is verified, and so what is left does revert.
    enforced: bool,
    /// The day at whose end it looks so.
    as_of: Date,
    /// When the figures were read.
    computed_at: DateTime<Utc>,
}

pub fn projections(books: &Books) -> Vec<ReversionProjection> {
    let projected = layers::project(&books.layers, &books.recent, books.as_of);
    let shown = |one: layers::Projected<'_>| ReversionProjection {
        component: one.layer.component.clone(),
        fiscal_year: one.layer.fiscal_year,
        received_on: one.layer.received_on,
        unspent: one.layer.unspent(),
        burn_rate: books.pace(&one.layer.component),
        projected_spent: one.spent,
        projected_reversion: one.reverting,
        spend_by: one.reversion.spend_by,
        reverts_on: one.reversion.reverts_on(),
        rule: one.reversion.rule.clone(),
        enforced: one.reversion.is_enforced(),
        as_of: books.as_of,
        computed_at: books.computed_at,
    };
    projected.into_iter().map(shown).collect()
}

/// Between what a prudent reserve lies, by a rule in force on the day.
#[derive(SimpleObject)]
pub struct AllocationReserve {
    /// The component whose receipts are averaged; `TOTAL` is all together.
    component: String,
    /// What was received for it in an average one of the fiscal years before that of `asOf`, in US dollars.
    average: Money,
    /// How many fiscal years are averaged: fewer than the rule says where Thrive knows of fewer.
    years: i32,
    /// The least reserve, in US dollars.
    least: Money,
    /// The most reserve, in US dollars.
    most: Money,
    /// The rule, with its citation. One that nobody verified tells its figures and enforces nothing.
    rule: Rule,
    /// The day whose rules and past years count.
    as_of: Date,
    /// When the figures were read.
    computed_at: DateTime<Utc>,
}

pub fn reserves(books: &Books, rules: &[Rule]) -> Vec<AllocationReserve> {
    let reserve = |rule: &Rule| {
        let RuleTerms::ReserveBand(terms) = &rule.terms else { return None };
        let yearly = layers::yearly(&books.layers, terms, books.as_of);
        let (least, most) = terms.band(&yearly)?;
        Some(AllocationReserve {
            component: terms.component.clone(),
            average: Money::average(&yearly)?,
            years: yearly.len().try_into().ok()?,
            least,
            most,
            rule: rule.clone(),
            as_of: books.as_of,
            computed_at: books.computed_at,
        })
    };
    rules.iter().filter_map(reserve).collect()
}
