//! What a report has to look like, and what may happen to it when.

use chrono::Datelike;

use super::{Income, NewReport, Report, ReportAction, Submission};
use crate::{
    Refusal,
    clock::Date,
    error::UserErrorCode::{
        InvalidDates, InvalidInput, InvalidState, OutsidePeriod, SeparationOfDuties,
    },
    grants::{Grant, GrantStatus},
    id::PersonId,
    ledger::GrantBalance,
    money::Money,
    rule_sets::kinds::ReportKind,
};

pub fn check_new(grant: &Grant, new: &NewReport) -> Result<(), Refusal> {
    use GrantStatus::{Active, Closing, Suspended};
    if !matches!(grant.status, Active | Suspended | Closing) {
        let message = format!(
            "grant {} is {}: reports are due of a signed grant that has not ended",
            grant.number, grant.status
        );
        return Err(Refusal::new(InvalidState, message));
    }
    let instead = match new.kind {
        ReportKind::Progress | ReportKind::Financial | ReportKind::Closeout => None,
        ReportKind::Invoice => Some("ask for payment by `requestDisbursement`"),
        ReportKind::MatchCheck => Some("enter a deadline of that kind by `createDeadline`"),
    };
    if let Some(instead) = instead {
        let message = format!("{} is no report: {instead}", new.kind);
        return Err(Refusal::new(InvalidInput, message).on("kind"));
    }
    if new.period.end < new.period.start {
        let message = format!(
            "the period ends on {}, before it starts on {}",
            new.period.end, new.period.start
        );
        return Err(Refusal::new(InvalidDates, message).on("period"));
    }
    if new.period.start < grant.performance_start {
        let message = format!(
            "the period of performance begins on {}: there is nothing to report on before",
            grant.performance_start
        );
        return Err(Refusal::new(OutsidePeriod, message).on("period"));
    }
    if new.due_on < new.period.end {
        let message =
            format!("a report on days up to {} cannot be due before that", new.period.end);
        return Err(Refusal::new(InvalidDates, message).on("dueOn"));
    }
    if !(2000..=2100).contains(&new.due_on.year()) {
        let message = format!("{} is not a day that anything is due on: 2000 to 2100", new.due_on);
        return Err(Refusal::new(InvalidDates, message).on("dueOn"));
    }
    Ok(())
}

/// The state of the report has to allow the action.
pub fn check_action(report: &Report, action: ReportAction) -> Result<(), Refusal> {
    let allowed = report.status.actions();
    if allowed.contains(&action) {
        return Ok(());
    }
    let names: Vec<_> = allowed.iter().map(|action| action.as_str()).collect();
    let names = if names.is_empty() { "nothing more".into() } else { names.join(", ") };
    let message = format!("the report is {}, which allows {names}", report.status);
    Err(Refusal::new(InvalidState, message))
}

pub fn check_submission(
    report: &Report,
    submission: &Submission,
    today: Date,
) -> Result<(), Refusal> {
    if !report.may_be_submitted(today) {
        let message = format!(
            "its period runs to {}; today is {today}: hand it in when the period is over",
            report.period_end
        );
        return Err(Refusal::new(InvalidDates, message));
    }
    let amounts = [
        (submission.program_income, "programIncome"),
        (submission.interest_earned, "interestEarned"),
    ];
    for (amount, field) in amounts {
        if amount.is_some_and(|amount| amount < Money::ZERO) {
            let message = format!("`{field}` is zero or more: leave it out when it is not known");
            return Err(Refusal::new(InvalidInput, message).on(field));
        }
    }
    match (&submission.url, &submission.sha256) {
        (None, None) => Ok(()),
        (Some(url), Some(sha256)) => {
            Refusal::unless_web_address(url, "url")?;
            Refusal::unless_sha256(sha256, "sha256")
        }
        (None, Some(_)) => {
            Err(Refusal::new(InvalidInput, "give `url` with `sha256`: where the file is").on("url"))
        }
        (Some(_), None) => {
            let message = "give `sha256` with `url`: the hash tells that the file is the same";
            Err(Refusal::new(InvalidInput, message).on("sha256"))
        }
    }
}

pub fn check_acceptor(report: &Report, acceptor: PersonId) -> Result<(), Refusal> {
    if report.submitted_by == Some(acceptor) {
        let message = "whoever handed a report in does not accept it: ask another grant manager";
        return Err(Refusal::new(SeparationOfDuties, message));
    }
    Ok(())
}

pub fn check_certification(
    report: &Report,
    certifier: PersonId,
    today: Date,
) -> Result<(), Refusal> {
    if [report.submitted_by, report.accepted_by].contains(&Some(certifier)) {
        let message = "whoever handed a report in or accepted it does not certify it: ask another fiscal officer";
        return Err(Refusal::new(SeparationOfDuties, message));
    }
    if !report.is_over(today) {
        let message = format!(
            "its period runs to {}; today is {today}: certify it when nothing can happen in its period any more",
            report.period_end
        );
        return Err(Refusal::new(InvalidDates, message));
    }
    Ok(())
}

/// Whoever sends a report back says why.
pub fn check_reason(reason: &str) -> Result<(), Refusal> {
    if reason.trim().is_empty() {
        return Err(Refusal::new(InvalidInput, "`reason` must not be empty: say why").on("reason"));
    }
    Ok(())
}

/// The figures that a certified report keeps, by their names in GraphQL.
pub fn figures(balance: &GrantBalance, income: Income) -> Vec<(&'static str, Money)> {
    let income =
        [("programIncome", income.program_income), ("interestEarned", income.interest_earned)];
    balance.amounts().into_iter().chain(income).collect()
}
