//! What happens to a payment afterwards: money comes back, costs are disallowed, an
//! advance is accounted for. Each is a row of its own that links the payment.

use super::{
    Adjustment, AdjustmentKind, ClaimLine, Disbursement, DisbursementAction, DisbursementKind,
    NewAdjustment, claims,
    commands::{Held, Once, hold_once},
    rules, store,
};
use crate::{
    App, Result,
    access::{Actor, Role},
    grants::{self, Grant, GrantStatus},
    id::{AdjustmentId, DisbursementId},
    idempotency,
    ledger::{self, Account, AccountKind, Move, Posting},
    money::Money,
    rule_sets::bound,
    spending::{self, commands::books},
};

impl AdjustmentKind {
    fn action(self) -> DisbursementAction {
        match self {
            Self::Refund => DisbursementAction::Refund,
            Self::Disallowance => DisbursementAction::Disallow,
            Self::Accounting => DisbursementAction::AccountFor,
        }
    }

    /// The mutation that a key belongs to.
    fn mutation(self) -> &'static str {
        match self {
            Self::Refund => "recordRefund",
            Self::Disallowance => "disallowCost",
            Self::Accounting => "accountForAdvance",
        }
    }
}

/// Records what became of a payment.
#[tracing::instrument(skip_all, fields(%id, kind = %new.kind))]
pub async fn record(
    app: &App,
    actor: &Actor,
    id: DisbursementId,
    new: NewAdjustment,
    idempotency_key: &str,
) -> Result<Disbursement> {
    let person = actor.may(new.kind.action().permission())?;
    let (mutation, input) = (new.kind.mutation(), (id, &new));
    let once = idempotency::Request::new(person.person, mutation, idempotency_key, &input)?;
    let Held { mut tx, grant, mut disbursement, identity } =
        match hold_once(app, person, id, new.kind.action(), &once).await? {
            Once::Now(held) => *held,
            Once::Before(made) => return Ok(*made),
        };
    if identity.role == Role::CityFinance {
        grants::rules::check_organization(&grant, &identity)?;
    }
    let today = app.clock.today();
    let effective_on = new.effective_on.unwrap_or(today);
    let adjusted = store::adjusted(&mut tx, id).await?;
    let accounts = ledger::store::accounts(&mut *tx, grant.id).await?;
    let held = accounts.get(&Account::retained(id)).copied().unwrap_or_default();
    rules::check_adjustment(&disbursement, &new, &adjusted, held, effective_on, today)?;
    let retained = match new.kind {
        AdjustmentKind::Disallowance => {
            held_share(&disbursement, new.amount, held, rest(&disbursement, adjusted.taken()))
        }
        _ => Money::ZERO,
    };
    let claimed = match new.kind {
        AdjustmentKind::Accounting => {
            let books = books(&mut tx, grant.id).await?;
            let claimed = claims::allot(&books, new.amount, &new.lines)?;
            let told = claims::told(&claimed);
            if !told.is_empty() {
                spending::rules::check_day(&grant, effective_on, today, "accountedOn")?;
            }
            let bound = bound::of_grant(&mut tx, grant.id, today).await?;
            books.check_costs(&bound, effective_on, &told, false)?;
            claimed
        }
        AdjustmentKind::Refund if disbursement.kind == DisbursementKind::Advance => vec![],
        _ => {
            let paid = store::paid_lines(&mut tx, &disbursement).await?;
            rules::adjusted_lines(&new, &paid)?
        }
    };
    let adjustment = Adjustment {
        id: AdjustmentId::new(&app.clock),
        disbursement_id: id,
        kind: new.kind,
        amount: new.amount,
        retained,
        effective_on,
        reference: new.reference.as_ref().map(|text| text.trim().into()),
        reason: new.reason.trim().into(),
        recorded_by: identity.person,
        recorded_at: app.clock.now(),
    };
    store::insert_adjustment(&mut tx, &adjustment, &claimed).await?;
    let posting = posting(&grant, &disbursement, &adjustment, &claimed);
    ledger::store::post(&mut tx, &app.clock, &posting).await?;
    disbursement.revision += 1;
    disbursement.updated_at = app.clock.now();
    store::update(&mut tx, &disbursement).await?;
    tx.commit().await?;
    Ok(disbursement)
}

/// What is left of a payment of which so much was taken.
fn rest(of: &Disbursement, amount: Money) -> Money {
    of.payable().minus(amount).unwrap_or_default()
}

/// The part of a disallowed cost that had been withheld and still is: in proportion, at least what exceeds the cash that
/// the recipient still has of the payment.
fn held_share(of: &Disbursement, amount: Money, held: Money, left: Money) -> Money {
    let share = amount.share_half_up(of.retained, of.payable()).unwrap_or_default();
    let cash = left.minus(held).unwrap_or_default();
    let beyond = amount.minus(cash).unwrap_or_default();
    share.max(beyond).min(held)
}

fn posting(
    grant: &Grant,
    of: &Disbursement,
    adjustment: &Adjustment,
    lines: &[ClaimLine],
) -> Posting {
    let mut posting = Posting::of_grant(grant.id, adjustment.id.0, adjustment.effective_on);
    let net = adjustment.amount.minus(adjustment.retained).unwrap_or_default();
    let open = Account::advance_open(of.id);
    let step = match adjustment.kind {
        AdjustmentKind::Accounting => {
            for line in lines {
                let unclaimed = Account::unclaimed(line.line_id);
                let unobligated = Account::unobligated(line.line_id);
                posting.add(Move::Expend, unobligated, unclaimed, line.new_costs);
                let claimed = Account::claimed(line.line_id);
                posting.add(Move::AccountForAdvance, unclaimed, claimed, line.amount);
            }
            let step = Move::AccountForAdvance;
            posting.add(step, open, AccountKind::AdvanceRoom, adjustment.amount);
            return posting;
        }
        AdjustmentKind::Refund => Move::Refund,
        AdjustmentKind::Disallowance => Move::Disallow,
    };
    posting.add(step, AccountKind::Paid, AccountKind::Available, net);
    posting.add(step, Account::retained(of.id), AccountKind::Available, adjustment.retained);
    if step == Move::Refund && of.kind == DisbursementKind::Advance {
        posting.add(step, open, AccountKind::AdvanceRoom, adjustment.amount);
    }
    // A grant that has ended keeps nothing open: what comes back lapses.
    let ended = matches!(grant.status, GrantStatus::Closed | GrantStatus::Terminated);
    for (line, amount) in lines.iter().map(|line| (line.line_id, line.amount)) {
        posting.add(step, Account::claimed(line), Account::unobligated(line), amount);
        if ended {
            let lapsed = AccountKind::LapsedUse;
            posting.add(Move::Lapse, Account::unobligated(line), lapsed, amount);
        }
    }
    if ended {
        let (from, to) = (AccountKind::Available, AccountKind::Lapsed);
        posting.add(Move::Lapse, from, to, adjustment.amount);
    }
    posting
}
