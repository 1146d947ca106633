//! When costs and orders may arise, and how far they go.

use super::{Encumbrance, Expenditure, NewEncumbrance, NewExpenditure};
use crate::{
    Refusal,
    budgets::BudgetLine,
    clock::Date,
    error::UserErrorCode::{
        InsufficientAvailable, InvalidDates, InvalidInput, InvalidState, OutsidePeriod,
    },
    grants::{Grant, rules::must_be_positive},
    money::Money,
};

/// The grant's state has to allow that costs and orders are recorded.
pub fn must_take_costs(grant: &Grant) -> Result<(), Refusal> {
    if grant.status.takes_costs() {
        return Ok(());
    }
    let message = format!(
        "grant {} is {}: costs are recorded while it is ACTIVE, SUSPENDED or CLOSING",
        grant.number, grant.status
    );
    Err(Refusal::new(InvalidState, message))
}

/// Costs arise inside the period of performance, and not tomorrow.
pub fn check_day(grant: &Grant, day: Date, today: Date, field: &str) -> Result<(), Refusal> {
    let performance = grant.performance_period();
    if day < performance.start || day > performance.end {
        let message = format!(
            "costs may arise from {} to {} only, not on {day}",
            performance.start, performance.end
        );
        return Err(Refusal::new(OutsidePeriod, message).on(field));
    }
    if day > today {
        let message = format!("{day} has not come yet; today is {today}");
        return Err(Refusal::new(InvalidDates, message).on(field));
    }
    Ok(())
}

pub fn check_expenditure(grant: &Grant, new: &NewExpenditure, today: Date) -> Result<(), Refusal> {
    must_take_costs(grant)?;
    must_be_positive(new.amount)?;
    Refusal::unless_filled(&new.description, "description")?;
    for (text, field) in [(&new.vendor, "vendor"), (&new.reference, "reference")] {
        if let Some(text) = text {
            Refusal::unless_filled(text, field)?;
        }
    }
    check_day(grant, new.incurred_on, today, "incurredOn")
}

/// From when figures count a cost: from its day, but not before the award.
pub fn effective_on(
    asked: Option<Date>,
    arose: Date,
    awarded_on: Date,
    today: Date,
) -> Result<Date, Refusal> {
    let earliest = arose.max(awarded_on);
    let day = asked.unwrap_or(earliest);
    if day < earliest || day > today {
        let message = format!("figures can count it from {earliest} to {today}, not from {day}");
        return Err(Refusal::new(InvalidDates, message).on("effectiveOn"));
    }
    Ok(day)
}

pub fn check_encumbrance(grant: &Grant, new: &NewEncumbrance, today: Date) -> Result<(), Refusal> {
    must_take_costs(grant)?;
    must_be_positive(new.amount)?;
    for (text, field) in
        [(&new.number, "number"), (&new.vendor, "vendor"), (&new.description, "description")]
    {
        Refusal::unless_filled(text, field)?;
    }
    check_day(grant, new.encumbered_on, today, "encumberedOn")
}

/// A line bears what is left of it.
pub fn check_line(line: &BudgetLine, left: Money, amount: Money) -> Result<(), Refusal> {
    if amount <= left {
        return Ok(());
    }
    let message = format!(
        "{amount} is more than the {left} that is left in the budget line {}: transfer budget to it first",
        line.title
    );
    Err(Refusal::new(InsufficientAvailable, message).on("amount"))
}

pub fn check_open(order: &Encumbrance, amount: Money) -> Result<(), Refusal> {
    must_be_positive(amount)?;
    if amount <= order.open {
        return Ok(());
    }
    let message =
        format!("{amount} is more than the {} that is open of {}", order.open, order.number);
    Err(Refusal::new(InsufficientAvailable, message).on("amount"))
}

pub fn check_reversal(
    expenditure: &Expenditure,
    unclaimed: Money,
    reason: &str,
) -> Result<(), Refusal> {
    if reason.trim().is_empty() {
        return Err(Refusal::new(InvalidInput, "`reason` must not be empty: say why").on("reason"));
    }
    if expenditure.reversed_at.is_some() {
        return Err(Refusal::new(InvalidState, "the expenditure was reversed already"));
    }
    if expenditure.amount > unclaimed {
        let message = format!(
            "{unclaimed} of its budget line is not claimed: withdraw the request, or have the paid cost disallowed",
        );
        return Err(Refusal::new(InvalidState, message));
    }
    Ok(())
}
