//! What becomes of layers: which of them a spend takes from, which revert and when, and what
//! will be left of each at the pace of the last months. Pure: layers in, figures out.

use std::collections::BTreeMap;

use crate::{
    Refusal,
    clock::Date,
    error::UserErrorCode::{InsufficientAvailable, InvalidInput},
    facts::Known,
    fiscal_year::FiscalYear,
    id::{AllocationComponentId, AllocationReceiptId},
    ledger::figures::months_left,
    money::Money,
    rule_sets::{
        Rule,
        kinds::{ReserveBandTerms, RuleTerms},
    },
};

/// How many whole months the pace of spending looks back on.
pub const MONTHS_OF_PACE: i32 = 3;

/// A component's part of a receipt, and what became of it.
#[derive(Clone, Debug)]
pub struct Layer {
    pub id: AllocationComponentId,
    pub receipt: AllocationReceiptId,
    pub fiscal_year: FiscalYear,
    pub received_on: Date,
    pub component: String,
    pub amount: Money,
    pub spent: Money,
    pub reverted: Money,
    /// When what was left of it reverted.
    pub reverted_on: Option<Date>,
    /// None where no rule speaks of it, or nobody knows what the rule asks.
    pub reversion: Option<Reversion>,
}

/// When what is left of a layer goes back, and why.
#[derive(Clone, Debug)]
pub struct Reversion {
    pub rule: Rule,
    pub spend_by: Date,
}

impl Reversion {
    /// The rule that binds a component received on a day: of several the one with the earliest day, and a verified one
    /// before any other.
    pub fn of(rules: &[Rule], facts: &Known, component: &str, received_on: Date) -> Option<Self> {
        let binding = rules.iter().filter_map(|rule| match &rule.terms {
            RuleTerms::Reversion(terms) if terms.binds(component, facts) => {
                Some(Self { rule: rule.clone(), spend_by: terms.last_day(received_on) })
            }
            _ => None,
        });
        binding.min_by_key(|reversion| (!reversion.is_enforced(), reversion.spend_by))
    }

    pub fn is_enforced(&self) -> bool {
        self.rule.verified_on.is_some()
    }

    pub fn reverts_on(&self) -> Date {
        self.spend_by.plus_days(1)
    }
}

impl Layer {
    pub fn unspent(&self) -> Money {
        less(self.amount, and(self.spent, self.reverted))
    }

    /// Whether what is spent on a day may be taken from it.
    fn is_open_on(&self, day: Date) -> bool {
        let in_time = |reversion: &Reversion| !reversion.is_enforced() || day <= reversion.spend_by;
        self.received_on <= day && self.reversion.as_ref().is_none_or(in_time)
    }

    /// What of it reverts at the end of a day's fiscal year, or should have before, unless it is spent.
    pub fn at_risk_on(&self, day: Date) -> Money {
        let ends = self.reversion.as_ref().map(|reversion| FiscalYear::of(reversion.spend_by));
        if ends.is_some_and(|year| year <= FiscalYear::of(day)) {
            self.unspent()
        } else {
            Money::ZERO
        }
    }

    /// What is left of it once its last day has passed before `on`, by a rule that is enforced.
    pub fn due_to_revert(&self, on: Date) -> Option<(&Reversion, Money)> {
        let reversion = self.reversion.as_ref()?;
        let due = reversion.is_enforced() && reversion.spend_by < on;
        (due && self.unspent().is_positive()).then(|| (reversion, self.unspent()))
    }
}

/// What a spend takes from which layers, the oldest first. No other component's money is touched.
pub fn draw(
    layers: &[Layer],
    component: &str,
    amount: Money,
    on: Date,
) -> Result<Vec<(AllocationComponentId, Money)>, Refusal> {
    if layers.iter().all(|layer| layer.component != component) {
        let mut known: Vec<_> = layers.iter().map(|layer| layer.component.as_str()).collect();
        known.sort_unstable();
        known.dedup();
        let known = if known.is_empty() { "nothing was received".into() } else { known.join(", ") };
        let message = format!("`{component}` is no component of this allocation: {known}");
        return Err(Refusal::new(InvalidInput, message).on("component"));
    }
    let open = layers.iter().filter(|layer| layer.component == component && layer.is_open_on(on));
    let mut missing = amount;
    let mut drawn = Vec::new();
    for layer in open {
        let part = layer.unspent().min(missing);
        if part.is_positive() {
            missing = less(missing, part);
            drawn.push((layer.id, part));
        }
    }
    if missing.is_positive() {
        let available = less(amount, missing);
        let message = format!(
            "{amount} of {component} was asked for and {available} of it is available on {on}; other components do not pay for it"
        );
        return Err(Refusal::new(InsufficientAvailable, message).on("amount"));
    }
    Ok(drawn)
}

/// What will be left of a layer on its last day at the pace of the last months.
#[derive(Clone, Debug)]
pub struct Projected<'a> {
    pub layer: &'a Layer,
    pub reversion: &'a Reversion,
    pub spent: Money,
    pub reverting: Money,
}

/// Layers are spent one after another as long as each lasts, so much each month as in an average one of the last three
/// whole months, from the month after `on` to that of the layer's last day. `recent` is what was spent in those three,
/// by component.
pub fn project<'a>(
    layers: &'a [Layer],
    recent: &BTreeMap<String, Money>,
    on: Date,
) -> Vec<Projected<'a>> {
    let mut spent_so_far: BTreeMap<&str, Money> = BTreeMap::new();
    let mut projected = Vec::new();
    for layer in layers.iter().filter(|layer| layer.unspent().is_positive()) {
        let so_far = spent_so_far.entry(&layer.component).or_default();
        let Some(reversion) = &layer.reversion else {
            // It waits as long as it takes.
            *so_far = and(*so_far, layer.unspent());
            continue;
        };
        let pace = recent.get(&layer.component).copied().unwrap_or_default();
        let months = months_left(on, reversion.spend_by);
        let by_then = pace.ratio_half_up(months, MONTHS_OF_PACE).unwrap_or_default();
        let spent = less(by_then, *so_far).max(Money::ZERO).min(layer.unspent());
        *so_far = and(*so_far, spent);
        let reverting = less(layer.unspent(), spent);
        projected.push(Projected { layer, reversion, spent, reverting });
    }
    projected
}

/// What a component received in each of the fiscal years before a day's, as many as are averaged; from the first in
/// which anything was received, so that a year without is zero. `TOTAL` is all components together.
pub fn yearly(layers: &[Layer], terms: &ReserveBandTerms, on: Date) -> Vec<Money> {
    let this = FiscalYear::of(on).0;
    let of_component =
        |layer: &&Layer| terms.component == "TOTAL" || layer.component == terms.component;
    let received: Vec<_> = layers.iter().filter(of_component).collect();
    let Some(first) = received.iter().map(|layer| layer.fiscal_year.0).min() else { return vec![] };
    let of_year = |year: i32| {
        let in_year = received.iter().filter(|layer| layer.fiscal_year.0 == year);
        in_year.map(|layer| layer.amount).sum()
    };
    (first.max(this - terms.years)..this).map(of_year).collect()
}

/// Amounts of columns: their sums and differences fit.
pub fn and(one: Money, other: Money) -> Money {
    one.plus(other).unwrap_or_default()
}

pub fn less(one: Money, other: Money) -> Money {
    one.minus(other).unwrap_or_default()
}
