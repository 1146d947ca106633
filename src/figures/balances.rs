//! What the accounts of many grants add up to, with what follows from their terms.

use std::collections::HashMap;

use chrono::{DateTime, Datelike, Utc};
use sqlx::PgConnection;

use crate::{
    Error, Result,
    clock::{Clock, Date},
    id::GrantId,
    ledger::{self, GrantBalance, Term},
    money::Money,
    rule_sets::{
        bound::{self, Bound},
        evaluation::Binding,
        kinds::{RuleTerms, Truth},
    },
};

/// Which entries count: those effective by a day, and entered by a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Of {
    pub as_of: Option<Date>,
    pub known_at: Option<DateTime<Utc>>,
}

/// Later entries may still be under way for this long.
const KNOWN_AFTER: chrono::TimeDelta = chrono::TimeDelta::seconds(60);

impl Of {
    /// Refuses a moment at which not all was known yet.
    pub fn new(
        as_of: Option<Date>,
        known_at: Option<DateTime<Utc>>,
        clock: &Clock,
    ) -> Result<Self> {
        if known_at.is_some_and(|moment| moment > clock.now() - KNOWN_AFTER) {
            let message = "`knownAt` lies at least 60 seconds back: later entries may still come";
            return Err(Error::BadInput(message.into()));
        }
        Ok(Self { as_of, known_at })
    }
}

/// How many whole months the burn rate looks back on.
const MONTHS_OF_BURN: i32 = 3;

/// The months that the burn rate looks back on: from a day to before another.
pub fn months_of_burn(of: Of, clock: &Clock) -> (Date, Date) {
    let on = of.as_of.unwrap_or(clock.today());
    let this_month = Date::first_of(on.year(), on.month());
    (this_month.plus_months(-MONTHS_OF_BURN), this_month)
}

/// The balances of many grants, in eight statements however many there are.
pub async fn of_grants(
    db: &mut PgConnection,
    clock: &Clock,
    grants: &[GrantId],
    of: Of,
) -> sqlx::Result<HashMap<GrantId, GrantBalance>> {
    let (now, today) = (clock.now(), clock.today());
    let on = of.as_of.unwrap_or(today);
    let bound = bound::of_grants(&mut *db, grants, on).await?;
    let accounts = ledger::store::by_kind(&mut *db, grants, of.as_of, of.known_at).await?;
    let (from, before) = months_of_burn(of, clock);
    let recent =
        ledger::store::expended_between(&mut *db, grants, from, before, of.known_at).await?;

    let empty = || GrantBalance { known_at: of.known_at, ..GrantBalance::empty(of.as_of, now) };
    let mut balances: HashMap<_, GrantBalance> =
        grants.iter().map(|grant| (*grant, empty())).collect();
    for account in accounts {
        let balance = balances.entry(account.grant_id).or_insert_with(empty);
        balance.count(account.kind, account.balance);
    }
    for (grant, balance) in &mut balances {
        let Some(bound) = bound.get(grant) else { continue };
        let term = term(bound, balance.awarded, today);
        balance.derive(&term, recent.get(grant).copied().unwrap_or_default());
    }
    Ok(balances)
}

/// What the terms of a grant add to its accounts, when so much is awarded.
pub fn term(bound: &Bound, awarded: Money, today: Date) -> Term {
    Term {
        start: bound.situation.performance.start,
        end: bound.situation.performance.end,
        match_required: match_required(bound, awarded),
        today,
    }
}

/// One grant, as `of_grants`.
pub async fn of_grant(
    db: &mut PgConnection,
    clock: &Clock,
    grant: GrantId,
    of: Of,
) -> sqlx::Result<GrantBalance> {
    Ok(of_grants(db, clock, &[grant], of).await?.remove(&grant).unwrap_or_default())
}

/// What the rules in force ask the recipient to add to an award.
pub fn match_required(bound: &Bound, awarded: Money) -> Money {
    let in_force = bound.rules.iter().filter_map(|rule| rule.in_force());
    let required = in_force.filter_map(|terms| match terms {
        RuleTerms::Match(terms) => Some(terms.required_of(awarded, &bound.situation)),
        _ => None,
    });
    required.sum()
}

/// Whether it is known what match is required: there are rules, those of the match are verified, and the facts that
/// would waive it are recorded.
pub fn match_is_known(bound: &Bound) -> bool {
    let unverified = |rule: &Binding| {
        let a_match = matches!(rule.rule.terms, RuleTerms::Match(_));
        a_match && rule.amended.is_none() && rule.rule.verified_on.is_none()
    };
    let undecided = |rule: &Binding| match rule.in_force() {
        Some(RuleTerms::Match(terms)) => terms
            .waived_when
            .as_ref()
            .is_some_and(|waiver| waiver.holds(&bound.situation.facts) == Truth::Unknown),
        _ => false,
    };
    bound.rule_set.is_some() && !bound.rules.iter().any(|rule| unverified(rule) || undecided(rule))
}
