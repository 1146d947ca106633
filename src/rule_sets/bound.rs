//! Grants together with the rules that bind them: what evaluation needs, read in five
//! statements however many grants there are.

use std::collections::HashMap;

use sqlx::PgConnection;

use super::{
    Rule, RuleOverride,
    evaluation::{self, Binding},
    kinds::{RuleTerms, Situation, Step},
    override_store, store,
};
use crate::{
    Refusal,
    clock::Date,
    facts::{self, Known, Subject},
    grants::DateRange,
    id::{GrantId, RuleSetId},
};

/// A grant's situation on a day, and its rules.
#[derive(Clone, Debug)]
pub struct Bound {
    /// The set that it was signed under, or that is in force.
    pub rule_set: Option<RuleSetId>,
    pub situation: Situation,
    pub rules: Vec<Binding>,
}

impl Bound {
    /// Dates that the grant does not name are those of its rules, one after another: what is paid by is counted
    /// from what is signed by.
    pub fn new(rule_set: Option<RuleSetId>, mut situation: Situation, rules: Vec<Binding>) -> Self {
        let in_force = || rules.iter().filter_map(Binding::in_force);
        for terms in in_force() {
            if let RuleTerms::EncumberBy(terms) = terms {
                situation.encumber_by = terms.day(&situation);
            }
        }
        for terms in in_force() {
            if let RuleTerms::LiquidateBy(terms) = terms {
                situation.liquidate_by = terms.day(&situation);
            }
        }
        for terms in in_force() {
            if let RuleTerms::FinalInvoiceBy(terms) = terms {
                situation.final_invoice_by = terms.day(&situation);
            }
        }
        Self { rule_set, situation, rules }
    }

    pub fn check(&self, step: &Step) -> Result<(), Refusal> {
        evaluation::check(&self.rules, &self.situation, step)
    }
}

/// The grants with their rules, and facts as of a day. A grant that is not signed is bound by
/// what it would be bound by if it were signed on that day.
pub async fn of_grants(
    db: &mut PgConnection,
    grants: &[GrantId],
    on: Date,
) -> sqlx::Result<HashMap<GrantId, Bound>> {
    let rows = store::circumstances(&mut *db, grants).await?;
    let unsigned = rows.iter().filter(|row| row.signed_on.is_none());
    // As it would be signed on that day.
    let ask = |row: &store::Circumstances| (row.program_id, law_day(on, row.performance_start));
    let asked: Vec<_> = unsigned.map(ask).collect();
    let in_force = store::in_force(&mut *db, &asked).await?;
    // A signed grant has what it was signed under: nothing, where its program had no rules then.
    let set_of = |row: &store::Circumstances| match row.signed_on {
        Some(_) => row.rule_set_id,
        None => in_force.get(&ask(row)).copied(),
    };
    let sets: Vec<_> = rows.iter().filter_map(set_of).collect();
    let rules = store::rules_of(&mut *db, &sets).await?;
    let mut overrides = override_store::approved_overrides(&mut *db, grants).await?;
    let mut subjects: Vec<_> = rows.iter().flat_map(subjects).collect();
    subjects.sort_unstable();
    subjects.dedup();
    let known = facts::store::known(&mut *db, &subjects, on).await?;

    let bind = |row: store::Circumstances| {
        let rule_set = set_of(&row);
        let own = rule_set.and_then(|set| rules.get(&set)).cloned().unwrap_or_default();
        let rules = own
            .into_iter()
            .map(|rule| Binding { amended: overrides.remove(&(row.id, rule.id)), rule })
            .collect();
        (row.id, Bound::new(rule_set, situation(&row, &known), rules))
    };
    Ok(rows.into_iter().map(bind).collect())
}

/// A signed grant that was read as a whole: its rules, the approved overrides in the order of their proposal, and what
/// is known of those who speak for it.
pub fn of_signed(
    row: &store::Circumstances,
    rules: Vec<Rule>,
    overrides: Vec<RuleOverride>,
    known: &HashMap<Subject, Known>,
) -> Bound {
    let mut latest: Vec<_> = overrides;
    latest.sort_by_key(|one| (one.decided_at, one.id));
    let mut overrides: HashMap<_, _> = latest.into_iter().map(|one| (one.rule_id, one)).collect();
    let bind = |rule: Rule| Binding { amended: overrides.remove(&rule.id), rule };
    let rules = rules.into_iter().map(bind).collect();
    Bound::new(row.rule_set_id, situation(row, known), rules)
}

/// The day whose law an agreement is made under: when it takes effect, not before it is signed.
pub fn law_day(signed_on: Date, performance_start: Date) -> Date {
    signed_on.max(performance_start)
}

/// One grant, as `of_grants`.
pub async fn of_grant(db: &mut PgConnection, grant: GrantId, on: Date) -> sqlx::Result<Bound> {
    of_grants(db, &[grant], on).await?.remove(&grant).ok_or(sqlx::Error::RowNotFound)
}

/// Whose facts speak for a grant, and whoever comes first goes before: the recipient, the
/// recipient's own place, the cities it is for by their share, and their county.
fn subjects(row: &store::Circumstances) -> Vec<Subject> {
    let mut subjects = vec![Subject::Organization(row.recipient_id)];
    subjects.extend(row.recipient_city.map(Subject::City));
    subjects.extend(row.recipient_county.map(Subject::County));
    subjects.extend(row.cities.iter().copied().map(Subject::City));
    subjects.extend(row.county.map(Subject::County));
    subjects
}

fn situation(row: &store::Circumstances, known: &HashMap<Subject, Known>) -> Situation {
    let facts = subjects(row)
        .iter()
        .filter_map(|subject| known.get(subject))
        .fold(Known::default(), |so_far, further| so_far.or(further));
    Situation {
        amount: row.amount,
        performance: DateRange { start: row.performance_start, end: row.performance_end },
        encumber_by: row.encumber_by,
        liquidate_by: row.liquidate_by,
        final_invoice_by: row.final_invoice_by,
        signed_on: row.signed_on,
        recipient: row.recipient_kind,
        federal: row.federal,
        subrecipient: row.parent_id.is_some(),
        facts,
    }
}
