//! Reads what a summary is made of, the cheapest way that tells it exactly. What is read is one state of the database.
//!
//! ```text
//! all grants, or those of some streams or
//! programs, by stream, program and year     the rollup                        one small statement
//! a filter, by recipient as well            totals of grants and their years  summed by PostgreSQL
//! shares, rules, recent costs, gaps by year the same, grant by grant          summed here
//! a day within a fiscal year, `knownAt`     whole years, months and entries   summed here
//! ```

use std::collections::{BTreeMap, HashMap};

use sqlx::PgConnection;

use super::{
    balances::{self, Of},
    summary::{Amounts, Figured, FundingDimension as By, Group, Period, Subject, Summary, group},
    totals_store::{self, Everything, Parts, Sums},
    wanted::{Shown, Wanted},
};
use crate::{
    App, Error, Result,
    access::Reach,
    fiscal_year::FiscalYear,
    grants::{
        self, ActionAreaShare, GrantStatus,
        store::{CityOfGrant, GrantFilter},
    },
    id::{GrantId, OrganizationId, ProgramId, StreamId},
    ledger::{self, GrantBalance},
    money::Money,
    rule_sets::bound::{self, Bound},
};

/// An answer of more groups helps nobody.
const MOST_GROUPS: usize = 5_000;

/// What is asked, beside whose grants.
pub struct Question<'a> {
    pub by: &'a [By],
    pub of: Of,
    pub wanted: Wanted,
}

impl Question<'_> {
    fn by(&self, any: &[By]) -> bool {
        self.by.iter().any(|dimension| any.contains(dimension))
    }

    fn shows(&self, any: Shown) -> bool {
        self.wanted.figures(self.by).has(any)
    }

    /// By fiscal year, what is a difference of each grant is not a sum of differences.
    fn gaps_by_year(&self) -> bool {
        let shown = self.wanted.groups.unwrap_or_default();
        self.by(&[By::FiscalYear]) && shown.has(Shown::CASH.and(Shown::DUE))
    }

    /// Which years of totals tell it exactly: all, or those to the one whose last day is asked for.
    fn whole_years(&self) -> Option<Option<FiscalYear>> {
        match (self.of.as_of, self.of.known_at) {
            (None, None) => Some(None),
            (Some(day), None) if FiscalYear::of(day).last_day() == day => {
                Some(Some(FiscalYear::of(day)))
            }
            _ => None,
        }
    }

    fn by_grant(&self) -> bool {
        let gaps = self.shows(Shown::CASH.and(Shown::DUE));
        self.by(&[By::City, By::County, By::ActionArea])
            || self.shows(Shown::RULES.and(Shown::BURN))
            || self.gaps_by_year()
            || match self.whole_years() {
                Some(until) => until.is_some() && gaps,
                None => true,
            }
    }

    /// What of everything is asked for, where the rollup tells it.
    fn rollup<'f>(&self, filter: &'f GrantFilter, reach: &Reach) -> Option<Everything<'f>> {
        let gaps = Shown::CASH.and(Shown::DUE);
        let summed = !self.by_grant() && !self.by(&[By::Recipient]) && !self.shows(gaps);
        (reach.everything && summed).then(|| everything(filter)).flatten()
    }
}

/// What a filter names, where it finds all grants of it, or all but drafts; none where it finds less.
fn everything(filter: &GrantFilter) -> Option<Everything<'_>> {
    let GrantFilter {
        streams,
        stream_ids,
        programs,
        statuses,
        cities: None,
        recipients: None,
        action_areas: None,
        search: None,
        accounting_key: None,
        active_on: None,
        updated_since: None,
    } = filter
    else {
        return None;
    };
    let found = |status: &GrantStatus| statuses.as_ref().is_none_or(|of| of.contains(status));
    let missing: Vec<_> = GrantStatus::ALL.iter().filter(|status| !found(status)).collect();
    let with_drafts = match missing[..] {
        [] => true,
        [GrantStatus::Draft] => false,
        _ => return None,
    };
    Some(Everything {
        streams: streams.as_deref(),
        stream_ids: stream_ids.as_deref(),
        programs: programs.as_deref(),
        with_drafts,
    })
}

/// What was read.
#[derive(Default)]
struct Found {
    /// How many grants there are, by the year of their first entry; with their figures, unless years have them.
    whole: Vec<Sums>,
    years: Vec<Sums>,
    /// Figures of whole lives are those of all years.
    of_years: bool,
    cities: HashMap<GrantId, Vec<CityOfGrant>>,
    areas: HashMap<GrantId, Vec<ActionAreaShare>>,
    bound: HashMap<GrantId, Bound>,
    recent: HashMap<GrantId, Money>,
}

/// The figures of all grants that a filter finds and an actor may see, in as many statements however many there are.
pub async fn read(
    app: &App,
    reach: &Reach,
    filter: &GrantFilter,
    question: &Question<'_>,
) -> Result<Summary> {
    let found = match (question.rollup(filter, reach), question.whole_years()) {
        (Some(of), Some(until)) => {
            let by_program = question.by(&[By::Program]);
            let figures = question.wanted.figures(question.by);
            let rows = totals_store::of_everything(&app.db, of, by_program, figures, until).await?;
            let years = rows.iter().filter(|row| row.year.is_some()).cloned().collect();
            Found { whole: rows, years, of_years: true, ..Found::default() }
        }
        _ => {
            // Sums of what changes meanwhile would not be those of their parts.
            let begin = "begin isolation level repeatable read read only";
            let mut db = app.db.begin_with(begin).await?;
            let found = found(&mut db, app, reach, filter, question).await?;
            db.rollback().await?;
            found
        }
    };
    let today = app.clock.today();
    let last = FiscalYear::of(question.of.as_of.unwrap_or(today).min(today));
    summarize(found, question, last)
}

async fn found(
    db: &mut PgConnection,
    app: &App,
    reach: &Reach,
    filter: &GrantFilter,
    question: &Question<'_>,
) -> sqlx::Result<Found> {
    let Of { as_of, known_at } = question.of;
    let by_grant = question.by_grant();
    let by_recipient = question.by(&[By::Recipient]);
    let parts = Parts { by_grant, by_recipient, figures: question.wanted.figures(question.by) };
    let whole = totals_store::of_grants(&mut *db, filter, reach, parts).await?;
    let ids: Vec<GrantId> = whole.iter().filter_map(|row| row.grant_id).collect();
    let mut found = Found { whole, of_years: true, ..Found::default() };
    match (question.whole_years(), known_at, as_of) {
        (Some(None), ..) if !question.by(&[By::FiscalYear]) => found.of_years = false,
        (Some(until), ..) => {
            found.years = totals_store::of_years(&mut *db, filter, reach, parts, until).await?;
            found.of_years = until.is_some();
        }
        (None, Some(moment), day) => {
            found.years = totals_store::of_years_known(&mut *db, &ids, day, moment).await?;
        }
        (None, None, Some(day)) => {
            found.years = totals_store::of_years_to(&mut *db, &ids, day).await?;
        }
        (None, None, None) => {}
    }
    if question.shows(Shown::RULES) {
        found.bound = bound::of_grants(&mut *db, &ids, as_of.unwrap_or(app.clock.today())).await?;
    }
    if question.shows(Shown::BURN) {
        let (from, before) = balances::months_of_burn(question.of, &app.clock);
        let recent = ledger::store::expended_between(&mut *db, &ids, from, before, known_at);
        found.recent = recent.await?;
    }
    if question.by(&[By::City, By::County]) {
        found.cities = grants::store::cities_of(&mut *db, &ids).await?;
    }
    if question.by(&[By::ActionArea]) {
        found.areas = grants::store::action_areas_of(&mut *db, &ids).await?;
    }
    Ok(found)
}

/// A grant, or all grants of a stream, of a program, or of a recipient in it.
type Whose = (Option<GrantId>, StreamId, Option<ProgramId>, Option<OrganizationId>);

/// What was found of them.
#[derive(Default)]
struct Part {
    /// How many grants have their first entry in a year; none is of those without entries.
    began: Vec<(Option<FiscalYear>, i64)>,
    whole: GrantBalance,
    years: BTreeMap<FiscalYear, GrantBalance>,
}

impl Found {
    fn parts(&self) -> HashMap<Whose, Part> {
        let whose = |row: &Sums| (row.grant_id, row.stream_id, row.program_id, row.recipient_id);
        let mut parts: HashMap<_, Part> = HashMap::new();
        for row in &self.whole {
            let part = parts.entry(whose(row)).or_default();
            part.began.push((row.year, row.grants));
            if !self.of_years {
                let figures = row.balance();
                part.whole.count_all(&figures);
                let and = |one: Money, other| one.plus(other).unwrap_or_default();
                part.whole.cash_on_hand = and(part.whole.cash_on_hand, figures.cash_on_hand);
                part.whole.reimbursement_due =
                    and(part.whole.reimbursement_due, figures.reimbursement_due);
            }
        }
        for row in &self.years {
            let (Some(part), Some(year)) = (parts.get_mut(&whose(row)), row.year) else { continue };
            let figures = row.balance();
            if self.of_years {
                part.whole.count_all(&figures);
            }
            part.years.entry(year).or_default().count_all(&figures);
        }
        parts
    }

    /// What follows from the figures of one grant; nothing follows from those of several.
    fn derive(&self, grant: Option<GrantId>, figures: &mut GrantBalance, recent: Money) {
        let Some(grant) = grant else { return };
        let bound = self.bound.get(&grant);
        let required = bound.map(|bound| balances::match_required(bound, figures.awarded));
        figures.derive_amounts(required.unwrap_or_default(), recent);
    }
}

fn summarize(mut found: Found, question: &Question<'_>, last: FiscalYear) -> Result<Summary> {
    let mut total = Group::default();
    let mut figured: Vec<Figured> = vec![];
    for ((grant, stream, program, recipient), mut part) in found.parts() {
        let place = |of: CityOfGrant| (of.city.id, of.city.county_id, of.share_bp);
        let cities = grant.and_then(|grant| found.cities.remove(&grant));
        let known = grant.and_then(|grant| found.bound.get(&grant));
        let subject = Subject {
            stream,
            program,
            recipient,
            cities: cities.into_iter().flatten().map(place).collect(),
            areas: grant.and_then(|grant| found.areas.remove(&grant)).unwrap_or_default(),
            match_known: known.is_some_and(balances::match_is_known),
        };
        let recent = grant.and_then(|grant| found.recent.get(&grant)).copied().unwrap_or_default();
        found.derive(grant, &mut part.whole, recent);
        let whole = Amounts::from(&part.whole);
        let grants = part.began.iter().map(|(_, grants)| grants).sum();
        total.add(&subject, grants, &whole);
        let periods = if question.by(&[By::FiscalYear]) {
            in_years(&found, grant, &part, last)
        } else {
            vec![Period { fiscal_year: None, grants, amounts: whole }]
        };
        figured.push((subject, periods));
    }
    let grouped = question.wanted.groups.is_some() && !question.by.is_empty();
    let groups = if grouped { group(&figured, question.by) } else { vec![] };
    if groups.len() > MOST_GROUPS {
        return Err(Error::BadInput(format!(
            "these are {} groups, and an answer has at most {MOST_GROUPS}: group by less, or narrow the filter",
            groups.len()
        )));
    }
    let stamp = found.whole.first().and_then(|row| row.stamp);
    Ok(Summary { total, groups, stamp })
}

/// The fiscal years of a part, from its first entry to a last year: flows of each, and stocks at its end.
fn in_years(found: &Found, grant: Option<GrantId>, part: &Part, last: FiscalYear) -> Vec<Period> {
    let Some((first, _)) = part.years.first_key_value() else { return vec![] };
    // A grant by itself is there from its first entry that counts, which may not be the first of all.
    let began = |year: i32| match grant {
        Some(_) => 1,
        None => {
            let by = part.began.iter().filter(|(began, _)| began.is_some_and(|of| of.0 <= year));
            by.map(|(_, grants)| grants).sum()
        }
    };
    let mut until = GrantBalance::default();
    let year = |year: i32| {
        let flows = part.years.get(&FiscalYear(year)).cloned().unwrap_or_default();
        until.count_all(&flows);
        let mut figures = until.clone();
        found.derive(grant, &mut figures, Money::ZERO);
        figures.awarded = flows.awarded;
        figures.expended = flows.expended;
        figures.disbursed = flows.disbursed;
        figures.lapsed = flows.lapsed;
        figures.match_met = flows.match_met;
        let amounts = Amounts::from(&figures);
        Period { fiscal_year: Some(FiscalYear(year)), grants: began(year), amounts }
    };
    (first.0..=last.0).map(year).collect()
}
