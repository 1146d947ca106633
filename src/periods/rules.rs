//! When a month closes, and who opens it again.

use chrono::Datelike;

use super::{LedgerPeriod, PeriodClosing};
use crate::{
    Refusal,
    clock::Date,
    error::UserErrorCode::{InvalidDates, InvalidState, SeparationOfDuties},
    id::PersonId,
};

/// No books begin before; `first_ledger_month()` in the database.
const FIRST_YEAR: i32 = 1990;

/// The first day of a day's month.
pub fn month_of(day: Date) -> Date {
    Date::first_of(day.year(), day.month())
}

fn name(month: Date) -> String {
    month.format("%Y-%m").to_string()
}

/// `closed_through` is the last month that is closed, and `open` the first open one with entries.
pub fn check_close(
    month: Date,
    today: Date,
    closed_through: Option<Date>,
    open: Option<Date>,
) -> Result<(), Refusal> {
    if month < Date::first_of(FIRST_YEAR, 1) {
        let message = format!(
            "the books begin in {FIRST_YEAR}: nothing is there to close in {}",
            name(month)
        );
        return Err(Refusal::new(InvalidDates, message).on("month"));
    }
    if LedgerPeriod::following(month) > today {
        let message = format!(
            "{} is not over: it can be closed from {} on",
            name(month),
            LedgerPeriod::following(month)
        );
        return Err(Refusal::new(InvalidDates, message).on("month"));
    }
    if let Some(last) = closed_through.filter(|last| month <= *last) {
        let message = format!("{} is closed already: all is, through {}", name(month), name(last));
        return Err(Refusal::new(InvalidState, message).on("month"));
    }
    if let Some(open) = open.filter(|open| *open < month) {
        let message = format!(
            "months close in order: {} has entries and is open, so close it first",
            name(open)
        );
        return Err(Refusal::new(InvalidState, message).on("month"));
    }
    Ok(())
}

pub fn check_reopen(
    month: Date,
    closed_through: Option<Date>,
    closing: Option<&PeriodClosing>,
    person: PersonId,
    reason: &str,
) -> Result<(), Refusal> {
    Refusal::unless_filled(reason, "reason")?;
    match (closing, closed_through) {
        (None, _) => {
            let message = format!("{} is not closed", name(month));
            return Err(Refusal::new(InvalidState, message).on("month"));
        }
        (Some(_), Some(last)) if month < last => {
            let message =
                format!("only the latest closed month is opened again: {} first", name(last));
            return Err(Refusal::new(InvalidState, message).on("month"));
        }
        (Some(closing), _) if closing.closed_by == Some(person) => {
            let message = "whoever closed a month does not open it again: ask another fiscal officer or a program admin";
            return Err(Refusal::new(SeparationOfDuties, message));
        }
        _ => {}
    }
    Ok(())
}
