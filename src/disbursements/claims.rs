//! What a disbursement does to the accounts of its grant. Pure: lines and amounts in,
//! entries out.

use super::{ClaimLine, Disbursement, DisbursementKind, LineAmount};
use crate::{
    Refusal,
    error::UserErrorCode::{InvalidInput, NotFound},
    grants::rules::must_be_positive,
    id::{BudgetLineId, DisbursementId},
    ledger::{Account, AccountKind, Move, Posting},
    money::Money,
    spending::costs::Books,
};

/// Which budget lines bear a request: those that are named; the only one; or those that have costs nobody claimed yet.
/// What a line has no recorded costs for, the request itself tells of.
pub fn allot(
    books: &Books,
    amount: Money,
    named: &[LineAmount],
) -> Result<Vec<ClaimLine>, Refusal> {
    let claim = |line: LineAmount| {
        let unclaimed = books.of_line(line.line).unclaimed;
        ClaimLine {
            line_id: line.line,
            amount: line.amount,
            approved_amount: None,
            new_costs: line.amount.minus(unclaimed).unwrap_or_default().max(Money::ZERO),
        }
    };
    if !named.is_empty() {
        check_sum(named, amount)?;
        for line in named {
            if books.lines.iter().all(|own| own.id != line.line) {
                let message = "the grant has no such budget line";
                return Err(Refusal::new(NotFound, message).on("lines"));
            }
        }
        return Ok(named.iter().copied().map(claim).collect());
    }
    if let [only] = books.lines.as_slice() {
        return Ok(vec![claim(LineAmount { line: only.id, amount })]);
    }
    let mut left = amount;
    let mut claims = vec![];
    for line in &books.lines {
        let part = books.of_line(line.id).unclaimed.min(left);
        if part.is_positive() {
            claims.push(claim(LineAmount { line: line.id, amount: part }));
            left = left.minus(part).unwrap_or_default();
        }
    }
    if left.is_positive() {
        let recorded = amount.minus(left).unwrap_or_default();
        let message = format!(
            "of {amount} only {recorded} is recorded as costs that nobody claimed: say in `lines` what each budget line bears"
        );
        return Err(Refusal::new(InvalidInput, message).on("lines"));
    }
    Ok(claims)
}

/// Amounts by line are positive, of each line once, and sum to the whole.
pub fn check_sum(named: &[LineAmount], amount: Money) -> Result<(), Refusal> {
    for (place, line) in named.iter().enumerate() {
        must_be_positive(line.amount)?;
        if named.iter().take(place).any(|before| before.line == line.line) {
            return Err(Refusal::new(InvalidInput, "`lines` names a line twice").on("lines"));
        }
    }
    let sum: Money = named.iter().map(|line| line.amount).sum();
    if sum != amount {
        let message = format!("the amounts of `lines` sum to {sum}, and `amount` is {amount}");
        return Err(Refusal::new(InvalidInput, message).on("lines"));
    }
    Ok(())
}

/// The costs that a request or an accounting tells of itself, by budget line.
pub fn told(claims: &[ClaimLine]) -> Vec<(BudgetLineId, Money)> {
    let told = claims.iter().filter(|claim| claim.new_costs.is_positive());
    told.map(|claim| (claim.line_id, claim.new_costs)).collect()
}

/// Reserves what is asked for.
pub fn request(posting: &mut Posting, of: &Disbursement, claims: &[ClaimLine]) {
    posting.add(Move::Request, AccountKind::Available, AccountKind::Requested, of.amount);
    if of.kind == DisbursementKind::Advance {
        let pending = Account::advance_pending(of.id);
        posting.add(Move::Request, AccountKind::AdvanceRoom, pending, of.amount);
    }
    for claim in claims {
        let unclaimed = Account::unclaimed(claim.line_id);
        let unobligated = Account::unobligated(claim.line_id);
        posting.add(Move::Expend, unobligated, unclaimed, claim.new_costs);
        posting.add(Move::Request, unclaimed, Account::claim_pending(claim.line_id), claim.amount);
    }
}

/// Gives back what an unpaid disbursement had reserved or set aside. Costs that it told of itself are none any more.
pub fn give_back(
    posting: &mut Posting,
    step: Move,
    from: AccountKind,
    of: &Disbursement,
    claims: &[ClaimLine],
) {
    posting.add(step, from, AccountKind::Available, of.payable());
    if of.kind == DisbursementKind::Advance {
        let pending = Account::advance_pending(of.id);
        posting.add(step, pending, AccountKind::AdvanceRoom, of.payable());
    }
    for claim in claims {
        unclaim(posting, step, claim, claim.payable());
    }
}

/// Approves, in part where the claims say so: the rest goes back. Lowers the costs that the request told of itself.
pub fn approve(posting: &mut Posting, of: &Disbursement, claims: &mut [ClaimLine]) {
    let (approved, step) = (of.payable(), Move::Approve);
    let rest = of.amount.minus(approved).unwrap_or_default();
    posting.add(step, AccountKind::Requested, AccountKind::Approved, approved);
    posting.add(step, AccountKind::Requested, AccountKind::Available, rest);
    if of.kind == DisbursementKind::Advance {
        posting.add(step, Account::advance_pending(of.id), AccountKind::AdvanceRoom, rest);
    }
    for claim in claims {
        let rest = claim.amount.minus(claim.payable()).unwrap_or_default();
        unclaim(posting, step, claim, rest);
        let dropped = claim.new_costs.min(rest);
        claim.new_costs = claim.new_costs.minus(dropped).unwrap_or_default();
    }
}

fn unclaim(posting: &mut Posting, step: Move, claim: &ClaimLine, amount: Money) {
    let unclaimed = Account::unclaimed(claim.line_id);
    posting.add(step, Account::claim_pending(claim.line_id), unclaimed, amount);
    let told = claim.new_costs.min(amount);
    let unobligated = Account::unobligated(claim.line_id);
    posting.add(Move::ReverseExpenditure, unclaimed, unobligated, told);
}

/// Pays what was approved, less what is retained.
pub fn pay(posting: &mut Posting, of: &Disbursement, claims: &[ClaimLine]) {
    let step = Move::Pay;
    posting.add(step, AccountKind::Approved, AccountKind::Paid, of.net());
    posting.add(step, AccountKind::Approved, Account::retained(of.id), of.retained);
    if of.kind == DisbursementKind::Advance {
        let (pending, open) = (Account::advance_pending(of.id), Account::advance_open(of.id));
        posting.add(step, pending, open, of.payable());
    }
    for claim in claims {
        let (pending, claimed) =
            (Account::claim_pending(claim.line_id), Account::claimed(claim.line_id));
        posting.add(step, pending, claimed, claim.payable());
    }
}

/// Takes a payment back, as if it had not been asked for; its costs can be claimed again.
pub fn reverse(
    posting: &mut Posting,
    of: &Disbursement,
    claims: &[ClaimLine],
    parts: &[(DisbursementId, Money)],
) {
    let step = Move::ReversePayment;
    if of.kind == DisbursementKind::RetentionRelease {
        for (payment, amount) in parts {
            posting.add(step, AccountKind::Paid, Account::retained(*payment), *amount);
        }
        return;
    }
    posting.add(step, AccountKind::Paid, AccountKind::Available, of.net());
    posting.add(step, Account::retained(of.id), AccountKind::Available, of.retained);
    if of.kind == DisbursementKind::Advance {
        posting.add(step, Account::advance_open(of.id), AccountKind::AdvanceRoom, of.payable());
    }
    for claim in claims {
        let (claimed, unclaimed) =
            (Account::claimed(claim.line_id), Account::unclaimed(claim.line_id));
        posting.add(step, claimed, unclaimed, claim.payable());
    }
}
