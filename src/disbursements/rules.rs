//! What may be requested, approved and paid.

use super::{
    AdjustmentKind, ClaimLine, Disbursement, DisbursementAction, DisbursementKind, LineAmount,
    NewAdjustment, NewCertification, NewRequest, Payment, claims,
    model::{Adjusted, Approval},
};
use crate::{
    Refusal,
    clock::Date,
    deadlines::DeadlineKind,
    error::UserErrorCode::{
        InsufficientAvailable, InvalidDates, InvalidInput, InvalidState, OutsidePeriod,
        SeparationOfDuties,
    },
    grants::{self, Grant, GrantAction, rules::must_allow, rules::must_be_positive},
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
    if !new.kind.claims() && !new.lines.is_empty() {
        let message =
            "an advance has no costs yet: say later, by `accountForAdvance`, what it was spent on";
        return Err(Refusal::new(InvalidInput, message).on("lines"));
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
    if disbursement.requested_by == Some(approver) {
        return Err(Refusal::new(
            SeparationOfDuties,
            "whoever requested a disbursement does not approve it: ask another approver",
        ));
    }
    Ok(())
}

pub fn check_payer(disbursement: &Disbursement, payer: PersonId) -> Result<(), Refusal> {
    let others = [disbursement.requested_by, disbursement.approved_by, disbursement.approved_for];
    if others.contains(&Some(payer)) {
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
    grants::rules::check_accounting(&payment.accounting)?;
    if let Some(warrant) = &payment.warrant_number {
        Refusal::unless_filled(warrant, "warrantNumber")?;
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

/// Requests of federal money are certified by an official of the recipient (2 CFR 200.415).
pub fn check_certified(federal: bool, given: Option<&NewCertification>) -> Result<(), Refusal> {
    match given {
        Some(official) => {
            Refusal::unless_filled(&official.name, "certification")?;
            Refusal::unless_filled(&official.title, "certification")
        }
        None if federal => {
            let message = "an official of the recipient certifies a request of federal money (2 CFR 200.415): give `certification`";
            Err(Refusal::new(InvalidInput, message).on("certification"))
        }
        None => Ok(()),
    }
}

/// What of a request is approved, and of each of its lines.
pub fn approved(
    request: &Disbursement,
    approval: &Approval,
    claimed: &mut [ClaimLine],
) -> Result<Money, Refusal> {
    let named: Money = approval.lines.iter().map(|line| line.amount).sum();
    let by_lines = (!approval.lines.is_empty()).then_some(named);
    let amount = approval.amount.or(by_lines).unwrap_or(request.amount);
    must_be_positive(amount)?;
    if amount > request.amount {
        let message = format!("{amount} is more than the {} that was asked for", request.amount);
        return Err(Refusal::new(InvalidInput, message).on("amount"));
    }
    if !approval.lines.is_empty() {
        claims::check_sum(&approval.lines, amount)?;
        return approve_lines(&approval.lines, claimed).map(|()| amount);
    }
    match claimed {
        [] => {}
        [only] => only.approved_amount = Some(amount),
        several if amount == request.amount => {
            several.iter_mut().for_each(|claim| claim.approved_amount = Some(claim.amount));
        }
        _ => {
            let message = "the request has several lines: say in `lines` what of each is approved";
            return Err(Refusal::new(InvalidInput, message).on("lines"));
        }
    }
    Ok(amount)
}

/// Lines that are not named get nothing.
fn approve_lines(named: &[LineAmount], claimed: &mut [ClaimLine]) -> Result<(), Refusal> {
    for line in named {
        let claim = claimed.iter().find(|claim| claim.line_id == line.line);
        if claim.is_none_or(|claim| line.amount > claim.amount) {
            let message = "no more of a line is approved than the request asks for it";
            return Err(Refusal::new(InvalidInput, message).on("lines"));
        }
    }
    for claim in claimed {
        let named = named.iter().find(|line| line.line == claim.line_id);
        claim.approved_amount = Some(named.map_or(Money::ZERO, |line| line.amount));
    }
    Ok(())
}

/// A payment is taken back as a whole: not when part of it came back, nor when what it withheld was released.
pub fn check_reversal(of: &Disbursement, adjusted: &Adjusted, held: Money) -> Result<(), Refusal> {
    if adjusted.any() {
        let message = "part of the payment was refunded, disallowed or accounted for: record a refund or disallow the rest";
        return Err(Refusal::new(InvalidState, message));
    }
    if held < of.retained {
        let message = "what the payment withheld was released: reverse the release first";
        return Err(Refusal::new(InvalidState, message));
    }
    Ok(())
}

/// No more of a payment comes back, or is accounted for, than there is of it.
pub fn check_adjustment(
    of: &Disbursement,
    new: &NewAdjustment,
    adjusted: &Adjusted,
    held: Money,
    effective_on: Date,
    today: Date,
) -> Result<(), Refusal> {
    must_be_positive(new.amount)?;
    check_reason(&new.reason)?;
    if let Some(reference) = &new.reference {
        Refusal::unless_filled(reference, "reference")?;
    }
    let earliest = of.paid_on.unwrap_or(today);
    if effective_on < earliest || effective_on > today {
        let message =
            format!("it was paid on {earliest} and today is {today}: {effective_on} lies outside");
        return Err(Refusal::new(InvalidDates, message).on("effectiveOn"));
    }
    let left = |taken: Money| of.payable().minus(taken).unwrap_or_default();
    let advance = of.kind == DisbursementKind::Advance;
    let (most, what) = match (new.kind, of.kind) {
        (_, DisbursementKind::RetentionRelease) => {
            let message = "a release of retention is adjusted where it was withheld, or reversed";
            return Err(Refusal::new(InvalidState, message));
        }
        (AdjustmentKind::Accounting, _) if !advance => {
            let message = "only an advance is accounted for: this payment is for costs already";
            return Err(Refusal::new(InvalidState, message));
        }
        (AdjustmentKind::Disallowance, DisbursementKind::Advance) => {
            (adjusted.accounted.minus(adjusted.disallowed).unwrap_or_default(), "accounted for")
        }
        (_, DisbursementKind::Advance) => {
            let closed = [adjusted.refunded, adjusted.accounted].into_iter().sum();
            (left(closed), "neither accounted for nor refunded")
        }
        // What is still withheld never reached the recipient, and cannot come back.
        (AdjustmentKind::Refund, _) => {
            let most = left(adjusted.taken()).minus(held).unwrap_or_default();
            (most, "left of what was paid")
        }
        _ => (left(adjusted.taken()), "left of the payment"),
    };
    if new.amount > most {
        let message = format!("{} is more than the {most} that is {what}", new.amount);
        return Err(Refusal::new(InsufficientAvailable, message).on("amount"));
    }
    Ok(())
}

/// The lines whose paid costs an adjustment lowers: those that are named, or the only one.
pub fn adjusted_lines(new: &NewAdjustment, paid: &[LineAmount]) -> Result<Vec<ClaimLine>, Refusal> {
    let claim = |line: &LineAmount| ClaimLine {
        line_id: line.line,
        amount: line.amount,
        approved_amount: None,
        new_costs: Money::ZERO,
    };
    let named = match (new.lines.as_slice(), paid) {
        ([], [only]) => vec![LineAmount { line: only.line, amount: new.amount }],
        ([], several) if several.iter().map(|line| line.amount).sum::<Money>() == new.amount => {
            several.to_vec()
        }
        ([], _) => {
            let message = "the payment has several lines: say in `lines` what of each";
            return Err(Refusal::new(InvalidInput, message).on("lines"));
        }
        (named, _) => named.to_vec(),
    };
    claims::check_sum(&named, new.amount)?;
    for line in &named {
        let most = paid.iter().find(|one| one.line == line.line).map(|one| one.amount);
        if most.is_none_or(|most| line.amount > most) {
            let most = most.unwrap_or_default();
            let message =
                format!("{} is more than the {most} that was paid for the line", line.amount);
            return Err(Refusal::new(InsufficientAvailable, message).on("lines"));
        }
    }
    Ok(named.iter().map(claim).collect())
}
