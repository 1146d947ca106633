//! What a line of a file may pay, beside what a payment may.

use super::PaymentLine;
use crate::{
    Refusal,
    clock::Date,
    disbursements::{Disbursement, DisbursementStatus},
    error::UserErrorCode::{InvalidInput, PeriodClosed},
    money::Money,
};

/// Whether the payment that a line tells of was made before.
pub fn known(line: &PaymentLine, of: &Disbursement) -> bool {
    let same = |reference: &String| reference.trim() == line.payment.reference.trim();
    of.status == DisbursementStatus::Paid
        && of.reference.as_ref().is_some_and(same)
        && of.net() == line.amount
}

/// The bank paid what was due: approved less what is withheld.
pub fn check_amount(told: Money, due: Money) -> Result<(), Refusal> {
    if told == due {
        return Ok(());
    }
    let message = format!(
        "the file says {told}, and {due} is to be paid: what was approved less what is withheld"
    );
    Err(Refusal::new(InvalidInput, message).on("amount"))
}

/// The ledger takes nothing more into a month that is closed, nor into days that a certified report of the grant covers.
pub fn check_open(
    paid_on: Date,
    closed_through: Option<Date>,
    certified_through: Option<Date>,
) -> Result<(), Refusal> {
    // Closed months are named by their first days.
    if closed_through.is_some_and(|month| paid_on < month.plus_months(1)) {
        let message = "that month is closed: give a later date, or have it opened again";
        return Err(Refusal::new(PeriodClosed, message).on("paidOn"));
    }
    if certified_through.is_some_and(|last| paid_on <= last) {
        let message =
            "a certified report of the grant covers that day: nothing more is posted into it";
        return Err(Refusal::new(PeriodClosed, message).on("paidOn"));
    }
    Ok(())
}
