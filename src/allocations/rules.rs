//! What may be received and spent, and how it is divided.

use super::{Allocation, NewReceipt, NewSpend};
use crate::{
    Refusal,
    access::Identity,
    clock::Date,
    error::UserErrorCode::{Forbidden, InvalidDates, InvalidInput, InvalidState},
    grants::rules::must_be_positive,
    money::Money,
    rule_sets::{
        Rule,
        allocation::{self, Share},
    },
    streams::{FundingProgram, FundingStream, ProgramKind},
};

/// A formula pays again and again; what is competed for is a grant.
pub fn check_program(program: &FundingProgram) -> Result<(), Refusal> {
    if program.kind == ProgramKind::Formula {
        return Ok(());
    }
    let message = format!(
        "{} is {}: allocations are of FORMULA programs, and its money is granted",
        program.code, program.kind
    );
    Err(Refusal::new(InvalidInput, message).on("programId"))
}

pub fn check_receipt(new: &NewReceipt, today: Date) -> Result<(), Refusal> {
    must_be_positive(new.amount)?;
    Refusal::unless_filled(&new.reference, "reference")?;
    not_in_future(new.received_on, today, "receivedOn")
}

/// The law has to be in force on the day, so that its rules divide the money.
pub fn check_law(stream: &FundingStream, on: Date) -> Result<(), Refusal> {
    if stream.is_active_on(on) {
        return Ok(());
    }
    let message = format!(
        "{} is not in force on {on}: record what is received then under the stream that is",
        stream.code
    );
    Err(Refusal::new(InvalidDates, message).on("receivedOn"))
}

/// The shares of an amount by the rules of its day. What nobody compared with its citation divides no money.
pub fn shares(
    program: &FundingProgram,
    rules: &[Rule],
    amount: Money,
    on: Date,
) -> Result<Vec<Share>, Refusal> {
    let Some(shares) = allocation::shares(rules, amount) else {
        let message = format!(
            "no rule of {} divides money on {on}: enter an ALLOCATION_SPLIT rule first",
            program.code
        );
        return Err(Refusal::new(InvalidState, message).on("receivedOn"));
    };
    let unverified = |share: &Share| {
        share.rule.as_ref().filter(|rule| rule.verified_on.is_none()).map(|rule| rule.id)
    };
    if let Some(rule) = shares.iter().find_map(unverified) {
        let message = format!(
            "the rule that divides the money of {} on {on} is not verified: compare it with its citation first",
            program.code
        );
        return Err(Refusal::new(InvalidState, message).on("receivedOn").by(rule));
    }
    Ok(shares)
}

pub fn check_spend(new: &NewSpend, today: Date) -> Result<(), Refusal> {
    must_be_positive(new.amount)?;
    Refusal::unless_filled(&new.description, "description")?;
    if let Some(reference) = &new.reference {
        Refusal::unless_filled(reference, "reference")?;
    }
    not_in_future(new.spent_on, today, "spentOn")
}

/// Finance staff spend what their own organization received.
pub fn check_organization(allocation: &Allocation, finance: &Identity) -> Result<(), Refusal> {
    if finance.reach.organizations.contains(&allocation.recipient_id) {
        return Ok(());
    }
    let message = "the allocation is received by another organization than yours";
    Err(Refusal::new(Forbidden, message))
}

fn not_in_future(day: Date, today: Date, field: &str) -> Result<(), Refusal> {
    if day <= today {
        return Ok(());
    }
    let message = format!("{day} has not come yet; today is {today}");
    Err(Refusal::new(InvalidDates, message).on(field))
}
