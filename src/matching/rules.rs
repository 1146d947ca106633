//! What counts as match, and who decides that it does.

use super::{MatchContribution, MatchStatus, NewContribution, Valuation};
use crate::{
    Refusal,
    clock::Date,
    error::UserErrorCode::{
        InsufficientAvailable, InvalidDates, InvalidInput, InvalidState, OutsidePeriod,
        RuleViolated, SeparationOfDuties,
    },
    grants::{Grant, rules::must_be_positive},
    id::PersonId,
    money::Money,
    rule_sets::kinds::MatchSource,
};

/// Match counts for a grant that goes on.
pub fn must_take_match(grant: &Grant) -> Result<(), Refusal> {
    if grant.status.takes_costs() {
        return Ok(());
    }
    let message = format!(
        "grant {} is {}: match is recorded and accepted while it is ACTIVE, SUSPENDED or CLOSING",
        grant.number, grant.status
    );
    Err(Refusal::new(InvalidState, message))
}

/// Match arises inside the period of performance of the grant it is for.
pub fn check_period(grant: &Grant, day: Date, field: &str) -> Result<(), Refusal> {
    let performance = grant.performance_period();
    if (performance.start..=performance.end).contains(&day) {
        return Ok(());
    }
    let message = format!(
        "match of grant {} arises from {} to {}, not on {day}",
        grant.number, performance.start, performance.end
    );
    Err(Refusal::new(OutsidePeriod, message).on(field))
}

/// Federal money is no match of a federal award, unless a federal statute says so.
pub fn check_federal(
    source: MatchSource,
    federal_grant: bool,
    statute: Option<&str>,
) -> Result<(), Refusal> {
    if source != MatchSource::Federal || !federal_grant || statute.is_some() {
        return Ok(());
    }
    let message = "federal money is no match of a federal award unless a federal statute allows it (2 CFR 200.306(b)(5)): \
                   name that statute in `authorizingStatute`";
    Err(Refusal::new(RuleViolated, message).on("authorizingStatute"))
}

pub fn check_contribution(
    grant: &Grant,
    new: &NewContribution,
    today: Date,
) -> Result<(), Refusal> {
    must_take_match(grant)?;
    must_be_positive(new.amount)?;
    for (text, field) in [
        (&new.contributor, "contributor"),
        (&new.description, "description"),
        (&new.reference, "reference"),
    ] {
        Refusal::unless_filled(text, field)?;
    }
    if let Some(statute) = &new.authorizing_statute {
        Refusal::unless_filled(statute, "authorizingStatute")?;
    }
    check_period(grant, new.contributed_on, "contributedOn")?;
    if new.contributed_on > today {
        let message = format!("{} has not come yet; today is {today}", new.contributed_on);
        return Err(Refusal::new(InvalidDates, message).on("contributedOn"));
    }
    check_valuation(new.source, new.amount, &new.valuation)
}

/// What is not money is worth what somebody says, and says why.
fn check_valuation(
    source: MatchSource,
    amount: Money,
    valuation: &Valuation,
) -> Result<(), Refusal> {
    match &valuation.basis {
        Some(basis) => Refusal::unless_filled(basis, "valuationBasis")?,
        None if matches!(source, MatchSource::InKind | MatchSource::Volunteer) => {
            let message = format!(
                "{source} is not money: say in `valuationBasis` what its worth rests on, such as an appraisal or the rate \
                 paid for similar work (2 CFR 200.306)"
            );
            return Err(Refusal::new(InvalidInput, message).on("valuationBasis"));
        }
        None => {}
    }
    let (hours, rate) = match (valuation.hours, valuation.hourly_rate) {
        (None, None) => return Ok(()),
        (Some(hours), Some(rate)) if source == MatchSource::Volunteer => (hours, rate),
        (Some(_), Some(_)) => {
            let message = format!("hours are of VOLUNTEER work, not of {source}");
            return Err(Refusal::new(InvalidInput, message).on("hours"));
        }
        (hours, _) => {
            let message = "give `hours` and `hourlyRate` together, or neither";
            let missing = if hours.is_none() { "hours" } else { "hourlyRate" };
            return Err(Refusal::new(InvalidInput, message).on(missing));
        }
    };
    if !hours.is_positive() || !hours.fits() {
        let message = "`hours` is more than zero, and at most 999999.99";
        return Err(Refusal::new(InvalidInput, message).on("hours"));
    }
    if !rate.is_positive() {
        return Err(Refusal::new(InvalidInput, "`hourlyRate` is more than zero").on("hourlyRate"));
    }
    let worth = hours.at(rate);
    if worth != amount {
        let message =
            format!("the hours at their rate are worth {worth}, and `amount` is {amount}");
        return Err(Refusal::new(InvalidInput, message).on("amount"));
    }
    Ok(())
}

/// From when the ledger counts a contribution: from its day, or a later one that is asked for.
pub fn effective_on(new: &NewContribution, today: Date) -> Result<Date, Refusal> {
    let day = new.effective_on.unwrap_or(new.contributed_on);
    if day < new.contributed_on || day > today {
        let message = format!(
            "the ledger can count it from {} to {today}, not from {day}",
            new.contributed_on
        );
        return Err(Refusal::new(InvalidDates, message).on("effectiveOn"));
    }
    Ok(day)
}

/// A reference is of one thing: of one contribution, and of no cost that a grant bears.
pub fn check_reference(
    reference: &str,
    recorded_for: Option<&str>,
    cost_of: Option<&str>,
) -> Result<(), Refusal> {
    let reference = reference.trim();
    if let Some(number) = recorded_for {
        let message = format!(
            "`{reference}` is recorded already, for grant {number}: accept parts of that contribution for other grants"
        );
        return Err(
            Refusal::new(crate::error::UserErrorCode::AlreadyExists, message).on("reference")
        );
    }
    if let Some(number) = cost_of {
        let message = format!(
            "`{reference}` is a cost that grant {number} bears, and what a grant pays is no match (2 CFR 200.306(b)): where \
             only a part of it was yours, give that part a reference of its own"
        );
        return Err(Refusal::new(InvalidInput, message).on("reference"));
    }
    Ok(())
}

/// Whoever recorded a contribution does not decide it.
pub fn check_decider(of: &MatchContribution, person: PersonId) -> Result<(), Refusal> {
    if of.recorded_by == person {
        let message =
            "whoever recorded a contribution does not decide it: ask another grant manager";
        return Err(Refusal::new(SeparationOfDuties, message));
    }
    Ok(())
}

fn must_be_open(of: &MatchContribution) -> Result<(), Refusal> {
    let message = match of.standing() {
        MatchStatus::Recorded => return Ok(()),
        MatchStatus::Accepted => "all of the contribution is accepted already",
        MatchStatus::Declined => "the contribution was declined: record it again, corrected",
    };
    Err(Refusal::new(InvalidState, message))
}

/// What of a contribution is accepted for a grant: all that is left, unless less is asked for.
pub fn accepted(
    of: &MatchContribution,
    grant: &Grant,
    asked: Option<Money>,
) -> Result<Money, Refusal> {
    must_take_match(grant)?;
    must_be_open(of)?;
    if of.recipient_id != grant.recipient_id {
        let message = format!(
            "grant {} is received by another organization than the one that recorded the contribution",
            grant.number
        );
        return Err(Refusal::new(InvalidInput, message).on("grantId"));
    }
    check_period(grant, of.contributed_on, "grantId")?;
    let amount = asked.unwrap_or(of.unused);
    must_be_positive(amount)?;
    if amount > of.unused {
        let message = format!("{amount} is more than the {} that is left of it", of.unused);
        return Err(Refusal::new(InsufficientAvailable, message).on("amount"));
    }
    Ok(amount)
}

/// Only what nothing is accepted of is turned down.
pub fn check_decline(of: &MatchContribution, reason: &str) -> Result<(), Refusal> {
    Refusal::unless_filled(reason, "reason")?;
    must_be_open(of)?;
    if of.unused != of.amount {
        let message = "part of the contribution is accepted: what is left of it just stays unused";
        return Err(Refusal::new(InvalidState, message));
    }
    Ok(())
}
