//! What a grant has to look like, and what its state allows.

use std::collections::HashSet;

use chrono::Datelike;

use super::{AccountingKeys, Grant, GrantAction, NewGrant};
use crate::{
    Refusal,
    access::Identity,
    budgets,
    clock::Date,
    error::UserErrorCode::{self, InvalidDates, InvalidState, OutsidePeriod, SharesNotWhole},
    money::Money,
    streams::FundingStream,
};

const WHOLE: i64 = 10_000;

pub fn check_draft(new: &NewGrant, stream: &FundingStream) -> Result<(), Refusal> {
    Refusal::unless_filled(&new.number, "number")?;
    Refusal::unless_filled(&new.title, "title")?;
    must_be_positive(new.amount)?;
    check_dates(new)?;
    if !stream.is_active_on(new.performance.start) {
        let message = format!(
            "{} can be granted from {}{}: a period of performance that starts on {} is outside",
            stream.code,
            stream.effective_from,
            stream.effective_to.map(|last| format!(" to {last}")).unwrap_or_default(),
            new.performance.start,
        );
        return Err(Refusal::new(OutsidePeriod, message).on("programId"));
    }
    budgets::rules::check_lines(&new.budget, new.amount)?;
    check_accounting(&new.accounting)?;
    check_shares(new.cities.iter().map(|share| (share.city, share.share_bp)), "cities")?;
    check_shares(
        new.action_areas.iter().map(|share| (share.action_area, share.share_bp)),
        "actionAreas",
    )
}

/// A key that is given has something in it.
pub fn check_accounting(keys: &AccountingKeys) -> Result<(), Refusal> {
    let given = [&keys.vendor_number, &keys.purchase_order, &keys.fund_string];
    given.into_iter().flatten().try_for_each(|key| Refusal::unless_filled(key, "accounting"))
}

fn check_dates(new: &NewGrant) -> Result<(), Refusal> {
    if new.performance.end < new.performance.start {
        let message = format!(
            "the period of performance ends on {}, before it starts on {}",
            new.performance.end, new.performance.start
        );
        return Err(Refusal::new(InvalidDates, message).on("performance"));
    }
    let dates = [
        (Some(new.performance.start), "performance"),
        (Some(new.performance.end), "performance"),
        (new.encumber_by, "encumberBy"),
        (new.liquidate_by, "liquidateBy"),
        (new.final_invoice_by, "finalInvoiceBy"),
    ];
    for (day, field) in dates {
        if let Some(day) = day.filter(|day| !(1990..=2100).contains(&day.year())) {
            let message = format!("{day} is not a day of a grant: 1990 to 2100");
            return Err(Refusal::new(InvalidDates, message).on(field));
        }
    }
    if let (Some(encumber), Some(liquidate)) = (new.encumber_by, new.liquidate_by)
        && liquidate < encumber
    {
        let message = format!("liquidate-by {liquidate} lies before encumber-by {encumber}");
        return Err(Refusal::new(InvalidDates, message).on("liquidateBy"));
    }
    Ok(())
}

fn check_shares<T: Eq + std::hash::Hash>(
    shares: impl Iterator<Item = (T, i32)>,
    field: &str,
) -> Result<(), Refusal> {
    let mut named = HashSet::new();
    let mut sum = 0_i64;
    for (subject, share) in shares {
        if share < 1 {
            return Err(Refusal::new(SharesNotWhole, "a share is at least 1 basis point").on(field));
        }
        if !named.insert(subject) {
            return Err(Refusal::new(SharesNotWhole, format!("`{field}` names one of them twice"))
                .on(field));
        }
        sum += i64::from(share);
    }
    if sum != WHOLE {
        let message = format!(
            "the shares of `{field}` sum to {sum} basis points; together they have to be {WHOLE}"
        );
        return Err(Refusal::new(SharesNotWhole, message).on(field));
    }
    Ok(())
}

pub fn must_be_positive(amount: Money) -> Result<(), Refusal> {
    if amount.is_positive() {
        return Ok(());
    }
    Err(Refusal::new(
        UserErrorCode::AmountNotPositive,
        format!("the amount has to be more than zero, not {amount}"),
    )
    .on("amount"))
}

/// The state has to allow the action; a refusal names the state and what it allows.
pub fn must_allow(grant: &Grant, action: GrantAction) -> Result<(), Refusal> {
    let allowed = grant.status.actions();
    if allowed.contains(&action) {
        return Ok(());
    }
    let names: Vec<_> = allowed.iter().map(|action| action.as_str()).collect();
    let names = if names.is_empty() { "nothing more".into() } else { names.join(", ") };
    Err(Refusal::new(
        InvalidState,
        format!("grant {} is {}, which allows {names}", grant.number, grant.status),
    ))
}

pub fn check_award(grant: &Grant, approver: &Identity) -> Result<(), Refusal> {
    must_allow(grant, GrantAction::Award)?;
    if grant.drafted_by == approver.person {
        return Err(Refusal::new(
            UserErrorCode::SeparationOfDuties,
            "whoever drafted a grant does not award it: ask another approver",
        ));
    }
    check_limit(approver, grant.amount)
}

/// An approver's limit binds every single decision.
pub fn check_limit(approver: &Identity, amount: Money) -> Result<(), Refusal> {
    match approver.approval_limit {
        Some(limit) if amount > limit => Err(Refusal::new(
            UserErrorCode::ApprovalLimitExceeded,
            format!(
                "{amount} is above your approval limit of {limit}: ask an approver with a higher one"
            ),
        )),
        _ => Ok(()),
    }
}

pub fn check_signing(grant: &Grant, signed_on: Date, today: Date) -> Result<(), Refusal> {
    must_allow(grant, GrantAction::Sign)?;
    if signed_on > today {
        return Err(Refusal::new(
            InvalidDates,
            format!("{signed_on} has not come yet; today is {today}"),
        )
        .on("signedOn"));
    }
    Ok(())
}

/// No agreement takes effect under a law that has ended, or not begun.
pub fn check_law(stream: &FundingStream, law_day: Date) -> Result<(), Refusal> {
    if stream.is_active_on(law_day) {
        return Ok(());
    }
    let message = format!(
        "{} can be granted from {}{}: an agreement that takes effect on {law_day} is outside",
        stream.code,
        stream.effective_from,
        stream.effective_to.map(|last| format!(" to {last}")).unwrap_or_default(),
    );
    Err(Refusal::new(OutsidePeriod, message).on("signedOn"))
}

/// The grant's own last day to sign.
pub fn check_encumbrance(grant: &Grant, signed_on: Date) -> Result<(), Refusal> {
    match grant.encumber_by {
        Some(last) if signed_on > last => Err(Refusal::new(
            OutsidePeriod,
            format!("the money had to be encumbered by {last} (Government Code 16304); {signed_on} is too late"),
        )
        .on("signedOn")),
        _ => Ok(()),
    }
}

/// Finance staff act for their own organization only.
pub fn check_organization(grant: &Grant, finance: &Identity) -> Result<(), Refusal> {
    if finance.reach.organizations.contains(&grant.recipient_id) {
        return Ok(());
    }
    Err(Refusal::new(
        UserErrorCode::Forbidden,
        format!("grant {} is received by another organization than yours", grant.number),
    ))
}

pub fn check_period_over(grant: &Grant, today: Date) -> Result<(), Refusal> {
    if today > grant.performance_end {
        return Ok(());
    }
    let message = format!("the period of performance goes on to {}", grant.performance_end);
    Err(Refusal::new(OutsidePeriod, message))
}
