//! What a deadline has to look like, and how it may end.

use chrono::Datelike;

use super::{Deadline, NewDeadline, Settlement};
use crate::{
    Refusal,
    clock::Date,
    error::UserErrorCode::{InvalidDates, InvalidInput, InvalidState},
    reports::ReportStatus,
};

pub fn check_new(new: &NewDeadline) -> Result<(), Refusal> {
    if new.title.trim().is_empty() || new.title.chars().any(char::is_control) {
        return Err(
            Refusal::new(InvalidInput, "`title` is one line of text and not empty").on("title")
        );
    }
    if new.grant.is_none() && new.city.is_none() {
        let message = "a deadline is about a grant or about a city: give `grantId` or `cityId`";
        return Err(Refusal::new(InvalidInput, message).on("grantId"));
    }
    if !(2000..=2100).contains(&new.due_on.year()) {
        let message = format!("{} is not a day that anything is due on: 2000 to 2100", new.due_on);
        return Err(Refusal::new(InvalidDates, message).on("dueOn"));
    }
    if new.responsible.is_empty() {
        let message = "name at least one responsible person: nobody would be reminded";
        return Err(Refusal::new(InvalidInput, message).on("responsibleIds"));
    }
    Ok(())
}

pub fn check_settlement(
    deadline: &Deadline,
    read: i32,
    how: &Settlement,
    today: Date,
) -> Result<(), Refusal> {
    if !deadline.is_open() {
        let message = format!("the deadline is {} already", deadline.status);
        return Err(Refusal::new(InvalidState, message));
    }
    Refusal::unless_current("deadline", read, deadline.revision)?;
    match how {
        Settlement::Waived { reason } | Settlement::Snoozed { reason, .. }
            if reason.trim().is_empty() =>
        {
            Err(Refusal::new(InvalidInput, "`reason` must not be empty: say why").on("reason"))
        }
        Settlement::Snoozed { until, .. } if *until < today => {
            Err(Refusal::new(InvalidDates, format!("{until} is past; today is {today}"))
                .on("until"))
        }
        _ => Ok(()),
    }
}

/// The deadline of a report is met by handing the report in.
pub fn check_handed_in(report: Option<ReportStatus>) -> Result<(), Refusal> {
    match report {
        Some(status) if !status.is_handed_in() => {
            let message = format!(
                "its report is {status}: submit the report (`submitReport`), which completes the deadline"
            );
            Err(Refusal::new(InvalidState, message))
        }
        _ => Ok(()),
    }
}
