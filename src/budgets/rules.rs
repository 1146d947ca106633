//! What a budget and its changes have to be.

use std::collections::HashSet;

use super::{
    Amendment, AmendmentKind, AmendmentLine, AmendmentStatus, BudgetLine, Direction, NewAmendment,
    NewLine, PeriodChange,
};
use crate::{
    Refusal,
    clock::Date,
    error::UserErrorCode::{
        BudgetNotWhole, InsufficientAvailable, InvalidDates, InvalidInput, InvalidState,
        OutsidePeriod, SeparationOfDuties,
    },
    grants::{Grant, GrantStatus, rules::must_be_positive},
    id::PersonId,
    money::Money,
};

/// The lines of a budget are told apart, and sum to what is to be awarded.
pub fn check_lines(lines: &[NewLine], amount: Money) -> Result<(), Refusal> {
    let mut named = HashSet::new();
    for line in lines {
        must_be_positive(line.amount)?;
        if let Some(title) = &line.title {
            Refusal::unless_filled(title, "budget")?;
        }
        if !named.insert((line.category, line.named().to_lowercase())) {
            let message = format!("`budget` has two lines {} of {}", line.named(), line.category);
            return Err(Refusal::new(BudgetNotWhole, message).on("budget"));
        }
    }
    let sum: Money = lines.iter().map(|line| line.amount).sum();
    if !lines.is_empty() && sum != amount {
        let message =
            format!("the lines of `budget` sum to {sum}; together they have to be {amount}");
        return Err(Refusal::new(BudgetNotWhole, message).on("budget"));
    }
    Ok(())
}

pub fn check_budget_open(grant: &Grant) -> Result<(), Refusal> {
    if grant.status == GrantStatus::Draft {
        return Ok(());
    }
    let message = format!(
        "grant {} is {}: its budget changes by `transferBudget` or an amendment",
        grant.number, grant.status
    );
    Err(Refusal::new(InvalidState, message))
}

/// A grant that goes on.
pub fn must_be_live(grant: &Grant, what: &str) -> Result<(), Refusal> {
    use GrantStatus::{Active, Awarded, Closing, Suspended};
    if matches!(grant.status, Awarded | Active | Suspended | Closing) {
        return Ok(());
    }
    Err(Refusal::new(
        InvalidState,
        format!("grant {} is {}: no {what}", grant.number, grant.status),
    ))
}

/// A line gives what it has neither spent nor ordered.
pub fn check_left(line: &BudgetLine, left: Money, amount: Money) -> Result<(), Refusal> {
    if amount <= left {
        return Ok(());
    }
    let message = format!(
        "{amount} is to leave the line {}, of which {left} is neither spent nor ordered",
        line.title
    );
    Err(Refusal::new(InsufficientAvailable, message).on("amount"))
}

pub fn check_proposal(new: &NewAmendment, grant: &Grant) -> Result<(), Refusal> {
    must_be_live(grant, "amendments")?;
    Refusal::unless_filled(&new.reason, "reason")?;
    let period = new.period != PeriodChange::default();
    let scope = new.title.is_some() || new.scope.is_some();
    let lines = !new.lines.is_empty();
    let (is, asked) = match new.kind {
        AmendmentKind::Amount | AmendmentKind::Budget => (lines, "lines"),
        AmendmentKind::Period => (period, "period"),
        AmendmentKind::Scope => (scope, "scope"),
    };
    if !is {
        let message = format!("an amendment of the {} says what changes in `{asked}`", new.kind);
        return Err(Refusal::new(InvalidInput, message).on(asked));
    }
    if [period, scope, lines].iter().filter(|given| **given).count() > 1 {
        let message =
            format!("an amendment of the {} changes that only: propose another", new.kind);
        return Err(Refusal::new(InvalidInput, message).on("kind"));
    }
    for text in [&new.title, &new.scope].into_iter().flatten() {
        Refusal::unless_filled(text, "scope")?;
    }
    check_period(&new.period, grant)
}

/// The dates that an amendment sets, together with those that it leaves.
pub fn check_period(period: &PeriodChange, grant: &Grant) -> Result<(), Refusal> {
    let end = period.performance_end.unwrap_or(grant.performance_end);
    let refuse = |message: String| Err(Refusal::new(InvalidDates, message).on("period"));
    if end < grant.performance_start {
        return refuse(format!(
            "performance would end on {end}, before it starts on {}",
            grant.performance_start
        ));
    }
    let encumber = period.encumber_by.or(grant.encumber_by);
    let liquidate = period.liquidate_by.or(grant.liquidate_by);
    if let (Some(encumber), Some(liquidate)) = (encumber, liquidate)
        && liquidate < encumber
    {
        return refuse(format!("liquidate-by {liquidate} lies before encumber-by {encumber}"));
    }
    if let (Some(signed), Some(encumber)) = (grant.signed_on, period.encumber_by)
        && encumber < signed
    {
        return refuse(format!("the agreement was signed on {signed}, after {encumber}"));
    }
    Ok(())
}

/// The lines of a BUDGET amendment sum to nothing; those of an AMOUNT do not.
pub fn check_changes(kind: AmendmentKind, lines: &[AmendmentLine]) -> Result<(), Refusal> {
    let mut named = HashSet::new();
    for line in lines {
        must_be_positive(line.amount)?;
        if !named.insert(line.line) {
            return Err(Refusal::new(InvalidInput, "`lines` names a line twice").on("lines"));
        }
    }
    let (up, down) = (sum(lines, Direction::Increase), sum(lines, Direction::Decrease));
    match kind {
        AmendmentKind::Budget if up != down => {
            let message = format!("lines get {up} more and {down} less: the award stays as it is");
            Err(Refusal::new(BudgetNotWhole, message).on("lines"))
        }
        AmendmentKind::Amount if up == down => {
            let message = "the award stays as it is: propose an amendment of the BUDGET";
            Err(Refusal::new(InvalidInput, message).on("kind"))
        }
        _ => Ok(()),
    }
}

pub fn sum(lines: &[AmendmentLine], direction: Direction) -> Money {
    lines.iter().filter(|line| line.direction == direction).map(|line| line.amount).sum()
}

pub fn check_decision(amendment: &Amendment, approver: PersonId) -> Result<(), Refusal> {
    if amendment.status != AmendmentStatus::Proposed {
        let message =
            format!("amendment {} is {}: it was decided", amendment.number, amendment.status);
        return Err(Refusal::new(InvalidState, message));
    }
    if amendment.proposed_by == approver {
        let message = "whoever proposed an amendment does not decide it: ask another approver";
        return Err(Refusal::new(SeparationOfDuties, message));
    }
    Ok(())
}

/// What is told late may not reach back before the award.
pub fn check_effective(grant: &Grant, on: Date, awarded_on: Date) -> Result<(), Refusal> {
    if on >= awarded_on {
        return Ok(());
    }
    let message = format!("grant {} was awarded on {awarded_on}, after {on}", grant.number);
    Err(Refusal::new(OutsidePeriod, message).on("effectiveOn"))
}

/// Costs that are recorded stay inside the period.
pub fn check_costs_stay(latest_cost: Option<Date>, end: Date) -> Result<(), Refusal> {
    match latest_cost {
        Some(latest) if latest > end => {
            let message = format!("a cost of {latest} is recorded, after {end}: reverse it first");
            Err(Refusal::new(OutsidePeriod, message).on("period"))
        }
        _ => Ok(()),
    }
}
