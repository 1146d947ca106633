//! What may be requested, approved and paid.

use super::{Disbursement, DisbursementAction, DisbursementKind, NewRequest, Payment};
use crate::{
    Refusal,
    clock::Date,
    deadlines::DeadlineKind,
    error::UserErrorCode::{
        InsufficientAvailable, InvalidDates, InvalidInput, InvalidState, OutsidePeriod,
        SeparationOfDuties,
    },
    grants::{Grant, GrantAction, rules::must_allow, rules::must_be_positive},
    id::PersonId,
    money::Money,
    rule_sets::kinds::{InHand, ReportKind},
};

pub fn check_request(grant: &Grant, new: &NewRequest, today: Date) -> Result<(), Refusal> {
    must_allow(grant, GrantAction::RequestDisbursement)?;
    if new.kind == DisbursementKind::RetentionRelease {
        let message = "retention is released by the funder, not requested";
        return Err(Refusal::new(InvalidInput, message).on("kind"));
    }
    Refusal::unless_filled(&new.invoice_number, "invoiceNumber")?;
    if new.period.end < new.period.start {
        let message = format!(
            "the period ends on {}, before it starts on {}",
            new.period.end, new.period.start
        );
        return Err(Refusal::new(InvalidDates, message).on("period"));
    }
    let performance = grant.performance_period();
    if new.period.start < performance.start || new.period.end > performance.end {
        let message = format!(
            "costs may arise from {} to {} only; the period given is {} to {}",
            performance.start, performance.end, new.period.start, new.period.end
        );
        return Err(Refusal::new(OutsidePeriod, message).on("period"));
    }
    if let Some(last) = grant.final_invoice_by.filter(|last| today > *last) {
        let message = format!("the final invoice was due by {last}");
        return Err(Refusal::new(OutsidePeriod, message));
    }
    if let Some(last) = grant.liquidate_by.filter(|last| today > *last) {
        let message = format!("the grant had to be liquidated by {last} (Government Code 16304.1)");
        return Err(Refusal::new(OutsidePeriod, message));
    }
    Ok(())
}

/// What is in hand before a payment. That nobody entered a resolution does not say that there is none.
pub fn in_hand(signed: bool, resolved: bool, overdue: Vec<(DeadlineKind, String)>) -> InHand {
    let report = |kind: DeadlineKind| match kind {
        DeadlineKind::ProgressReport => Some(ReportKind::Progress),
        DeadlineKind::FinancialReport => Some(ReportKind::Financial),
        DeadlineKind::Closeout => Some(ReportKind::Closeout),
        _ => None,
    };
    InHand {
        agreement: Some(signed),
        resolution: resolved.then_some(true),
        overdue: overdue.into_iter().map(|(kind, title)| (report(kind), title)).collect(),
    }
}

/// A request reserves its amount, so it has to fit now.
pub fn check_available(amount: Money, available: Money) -> Result<(), Refusal> {
    must_be_positive(amount)?;
    if amount > available {
        let message = format!("{amount} was asked for and {available} is available");
        return Err(Refusal::new(InsufficientAvailable, message).on("amount"));
    }
    Ok(())
}

/// The states of the disbursement and of its grant have to allow the action.
pub fn check_action(
    grant: &Grant,
    disbursement: &Disbursement,
    action: DisbursementAction,
) -> Result<(), Refusal> {
    let allowed = disbursement.status.actions();
    if !allowed.contains(&action) {
        let names: Vec<_> = allowed.iter().map(|action| action.as_str()).collect();
        let names = if names.is_empty() { "nothing more".into() } else { names.join(", ") };
        let message = format!("the disbursement is {}, which allows {names}", disbursement.status);
        return Err(Refusal::new(InvalidState, message));
    }
    if !action.fits(grant.status) {
        let message =
            format!("grant {} is {}, which does not allow {action}", grant.number, grant.status);
        return Err(Refusal::new(InvalidState, message));
    }
    Ok(())
}

pub fn check_approver(disbursement: &Disbursement, approver: PersonId) -> Result<(), Refusal> {
    if disbursement.requested_by == approver {
        return Err(Refusal::new(
            SeparationOfDuties,
            "whoever requested a disbursement does not approve it: ask another approver",
        ));
    }
    Ok(())
}

pub fn check_payer(disbursement: &Disbursement, payer: PersonId) -> Result<(), Refusal> {
    if payer == disbursement.requested_by || Some(payer) == disbursement.approved_by {
        return Err(Refusal::new(
            SeparationOfDuties,
            "whoever requested or approved a disbursement does not pay it: ask another fiscal officer",
        ));
    }
    Ok(())
}

pub fn check_payment(
    grant: &Grant,
    disbursement: &Disbursement,
    payment: &Payment,
    today: Date,
) -> Result<(), Refusal> {
    if payment.reference.trim().is_empty() {
        let message =
            "`reference` must not be empty: give the warrant number or the transfer's reference";
        return Err(Refusal::new(InvalidInput, message).on("reference"));
    }
    if payment.paid_on > today {
        let message = format!(
            "{} has not come yet; today is {today}: schedule the payment instead",
            payment.paid_on
        );
        return Err(Refusal::new(InvalidDates, message).on("paidOn"));
    }
    let approved_on = disbursement
        .approved_at
        .map(|at| Date(at.with_timezone(&crate::clock::CALIFORNIA).date_naive()));
    if let Some(approved_on) = approved_on.filter(|approved_on| payment.paid_on < *approved_on) {
        let message = format!("it was approved on {approved_on}, after {}", payment.paid_on);
        return Err(Refusal::new(InvalidDates, message).on("paidOn"));
    }
    must_be_liquidated_in_time(grant, payment.paid_on, "paidOn")
}

pub fn check_schedule(grant: &Grant, day: Date, today: Date) -> Result<(), Refusal> {
    if day < today {
        return Err(Refusal::new(InvalidDates, format!("{day} is past; today is {today}"))
            .on("scheduledFor"));
    }
    must_be_liquidated_in_time(grant, day, "scheduledFor")
}

fn must_be_liquidated_in_time(grant: &Grant, day: Date, field: &str) -> Result<(), Refusal> {
    match grant.liquidate_by {
        Some(last) if day > last => Err(Refusal::new(
            OutsidePeriod,
            format!("the grant has to be liquidated by {last} (Government Code 16304.1); {day} is too late"),
        )
        .on(field)),
        _ => Ok(()),
    }
}

/// Whoever sends something back says why.
pub fn check_reason(reason: &str) -> Result<(), Refusal> {
    if reason.trim().is_empty() {
        return Err(Refusal::new(InvalidInput, "`reason` must not be empty: say why").on("reason"));
    }
    Ok(())
}
