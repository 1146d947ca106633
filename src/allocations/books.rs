//! The layers of many allocations with what binds them, in five statements however many there are.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Datelike, Utc};
use sqlx::PgConnection;

use super::{
    layer_store::{self, LayerRow},
    layers::{Layer, MONTHS_OF_PACE, Reversion},
};
use crate::{
    clock::{Clock, Date},
    facts::{self, Known, Subject},
    id::{AllocationId, ProgramId},
    money::Money,
    rule_sets,
};

/// Where an allocation's money is as of a day.
#[derive(Clone, Debug)]
pub struct Books {
    /// The oldest first.
    pub layers: Vec<Layer>,
    /// What each component was spent in the three whole months before the day's.
    pub recent: BTreeMap<String, Money>,
    pub as_of: Date,
    pub computed_at: DateTime<Utc>,
}

impl Books {
    pub fn empty(as_of: Date, computed_at: DateTime<Utc>) -> Self {
        Self { layers: vec![], recent: BTreeMap::new(), as_of, computed_at }
    }

    /// What an average month of a component cost.
    pub fn pace(&self, component: &str) -> Money {
        let recent = self.recent.get(component).copied().unwrap_or_default();
        recent.ratio_half_up(1, MONTHS_OF_PACE).unwrap_or_default()
    }
}

/// As of the end of a day; all entries when absent.
pub async fn of_allocations(
    db: &mut PgConnection,
    clock: &Clock,
    allocations: &[AllocationId],
    as_of: Option<Date>,
) -> sqlx::Result<HashMap<AllocationId, Books>> {
    let (as_of, now) = (as_of.unwrap_or_else(|| clock.today()), clock.now());
    let rows = layer_store::layers_of(&mut *db, allocations, as_of).await?;
    let this_month = Date::first_of(as_of.year(), as_of.month());
    let from = this_month.plus_months(-MONTHS_OF_PACE);
    let mut recent = layer_store::spent_between(&mut *db, allocations, from, this_month).await?;

    let received: Vec<_> = rows.iter().map(|row| (row.program_id, row.received_on)).collect();
    let in_force = rule_sets::store::in_force(&mut *db, &received).await?;
    let sets: Vec<_> = in_force.values().copied().collect();
    let rules = rule_sets::store::rules_of(&mut *db, &sets).await?;
    let rules_on = |asked: (ProgramId, Date)| {
        in_force.get(&asked).and_then(|set| rules.get(set)).map_or(&[][..], Vec::as_slice)
    };
    let mut asked: Vec<_> = rows.iter().flat_map(asked_facts).collect();
    asked.sort_unstable();
    asked.dedup();
    let known = facts::store::known_on(&mut *db, &asked).await?;

    let mut found: HashMap<_, _> = allocations
        .iter()
        .map(|id| {
            let recent = recent.remove(id).unwrap_or_default();
            (*id, Books { recent, ..Books::empty(as_of, now) })
        })
        .collect();
    for row in rows {
        let facts = asked_facts(&row)
            .iter()
            .filter_map(|asked| known.get(asked))
            .fold(Known::default(), |so_far, further| so_far.or(further));
        let rules = rules_on((row.program_id, row.received_on));
        let reversion = Reversion::of(rules, &facts, &row.component, row.received_on);
        if let Some(books) = found.get_mut(&row.allocation_id) {
            books.layers.push(layer(row, reversion));
        }
    }
    Ok(found)
}

/// One allocation, as `of_allocations`.
pub async fn of_allocation(
    db: &mut PgConnection,
    clock: &Clock,
    allocation: AllocationId,
    as_of: Option<Date>,
) -> sqlx::Result<Books> {
    let found = of_allocations(db, clock, &[allocation], as_of).await?.remove(&allocation);
    found.ok_or(sqlx::Error::RowNotFound)
}

/// Whose facts speak for a layer, and whoever comes first goes before: the recipient, its city, its county. As of
/// 1 January of the fiscal year before that of the receipt, whose population counts (9 CCR 3420.50).
fn asked_facts(row: &LayerRow) -> Vec<(Subject, Date)> {
    let day = Date::first_of(row.fiscal_year.0, 1);
    let mut subjects = vec![Subject::Organization(row.recipient_id)];
    subjects.extend(row.city.map(Subject::City));
    subjects.extend(row.county.map(Subject::County));
    subjects.into_iter().map(|subject| (subject, day)).collect()
}

fn layer(row: LayerRow, reversion: Option<Reversion>) -> Layer {
    Layer {
        id: row.id,
        receipt: row.receipt_id,
        fiscal_year: row.fiscal_year,
        received_on: row.received_on,
        component: row.component,
        amount: row.amount,
        spent: row.spent,
        reverted: row.reverted,
        reverted_on: row.reverted_on,
        reversion,
    }
}
