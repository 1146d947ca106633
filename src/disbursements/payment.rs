//! Payments and their reversals. Whoever pays neither asked for it nor approved it.

use super::{
    ClaimLine, Disbursement, DisbursementAction, DisbursementEvent, DisbursementStatus, Payment,
    claims,
    commands::{Held, Once, answered_again, event_of, finish, hold_once},
    payment_store::{self, Found, Paying},
    rules, store,
};
use crate::{
    App, Refusal, Result,
    access::{Actor, Identity, Permission},
    clock::Clock,
    deadlines::DeadlineKind,
    grants::Grant,
    id::DisbursementId,
    idempotency,
    ledger::{self, Account, Posting},
    money::Money,
    rule_sets::{
        bound::Bound,
        kinds::{RuleTerms, Step},
    },
};

/// Records that an approved disbursement was paid; what the rules retain is withheld from it.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn pay(
    app: &App,
    actor: &Actor,
    id: DisbursementId,
    payment: Payment,
    idempotency_key: &str,
) -> Result<Disbursement> {
    let officer = actor.may(Permission::PayDisbursement)?;
    let once = idempotency::Request::new(
        officer.person,
        "payDisbursement",
        idempotency_key,
        &(id, &payment),
    )?;
    let mut tx = app.db.begin().await?;
    let (now, today) = (app.clock.now(), app.clock.today());
    let held = match payment_store::hold(&mut tx, &once, &officer, id, now, today).await? {
        Found::Held(held) => *held,
        Found::Before(before) => {
            once.check_same(&before.input_hash)?;
            return answered_again(&mut tx, &officer.reach, before.object).await;
        }
        Found::Nothing => {
            return Err(Refusal::not_found("disbursement").on("disbursementId").into());
        }
    };
    let Paying { grant, disbursement, claims, bound, overdue, resolved } = held;
    let facing =
        Facing { grant: &grant, bound: &bound, overdue: &overdue, resolved, claims: &claims };
    let Settled { paid, event, posting } =
        facing.settle(disbursement, &officer, payment, &app.clock)?;
    payment_store::write(&mut tx, &app.clock, &paid, &event, &posting).await?;
    tx.commit().await?;
    Ok(paid)
}

/// What a payment looks at, beside the disbursement.
pub struct Facing<'a> {
    pub grant: &'a Grant,
    pub bound: &'a Bound,
    /// What the recipient was to hand in and is late.
    pub overdue: &'a [(DeadlineKind, String)],
    /// Whether the recipient's governing body resolved to take the grant.
    pub resolved: bool,
    pub claims: &'a [ClaimLine],
}

/// A payment that may be made: what is to be written.
#[derive(Debug)]
pub struct Settled {
    pub paid: Disbursement,
    pub event: DisbursementEvent,
    pub posting: Posting,
}

impl Facing<'_> {
    /// Checks a payment, and says what it comes to; what the rules retain is withheld from it.
    pub fn settle(
        &self,
        mut paid: Disbursement,
        officer: &Identity,
        payment: Payment,
        clock: &Clock,
    ) -> Result<Settled, Refusal> {
        let (grant, today) = (self.grant, clock.today());
        rules::check_action(grant, &paid, DisbursementAction::Pay)?;
        rules::check_payer(&paid, officer.person)?;
        rules::check_payment(grant, &paid, &payment, today)?;
        let signed = grant.signed_on.is_some();
        let in_hand = rules::in_hand(signed, self.resolved, self.overdue.to_vec());
        let (on, amount, retains) = (payment.paid_on, paid.payable(), paid.claims());
        self.bound.check(&Step::Pay { on, amount, retains, in_hand })?;
        paid.retained = withheld(self.bound, &paid);
        paid.paid_by = Some(officer.person);
        paid.paid_on = Some(on);
        paid.method = Some(payment.method);
        paid.reference = Some(payment.reference.trim().into());
        paid.vendor_number = payment.accounting.vendor_number;
        paid.purchase_order = payment.accounting.purchase_order;
        paid.fund_string = payment.accounting.fund_string;
        paid.warrant_number = payment.warrant_number;
        paid.status = DisbursementStatus::Paid;
        paid.revision += 1;
        paid.updated_at = clock.now();
        let event = event_of(clock, officer, &paid);
        let mut posting = Posting::of_grant(grant.id, event.id.0, on).opening(paid.opening);
        claims::pay(&mut posting, &paid, self.claims);
        Ok(Settled { paid, event, posting })
    }
}

/// Takes a payment back: its amount is available again.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn reverse(
    app: &App,
    actor: &Actor,
    id: DisbursementId,
    reason: &str,
    idempotency_key: &str,
) -> Result<Disbursement> {
    let officer = actor.may(Permission::ReverseDisbursement)?;
    let once = idempotency::Request::new(
        officer.person,
        "reverseDisbursement",
        idempotency_key,
        &(id, reason),
    )?;
    let Held { mut tx, grant, mut disbursement, identity } =
        match hold_once(app, officer, id, DisbursementAction::Reverse, &once).await? {
            Once::Now(held) => *held,
            Once::Before(made) => return Ok(*made),
        };
    rules::check_reason(reason)?;
    let accounts = ledger::store::accounts(&mut *tx, grant.id).await?;
    let held = |account| accounts.get(&account).copied().unwrap_or_default();
    let adjusted = store::adjusted(&mut tx, id).await?;
    rules::check_reversal(&disbursement, &adjusted, held(Account::retained(id)))?;
    let claimed = store::claims_of(&mut tx, &disbursement).await?;
    let parts = store::release_parts(&mut tx, id).await?;
    disbursement.reason = Some(reason.trim().into());
    disbursement.status = DisbursementStatus::Reversed;
    let event = finish(app, &mut tx, &identity, &mut disbursement).await?;
    let mut posting = Posting::of_grant(grant.id, event.0, app.clock.today());
    claims::reverse(&mut posting, &disbursement, &claimed, &parts);
    ledger::store::post(&mut tx, &app.clock, &posting).await?;
    tx.commit().await?;
    Ok(disbursement)
}

/// What the rules withhold from a payment for costs.
fn withheld(bound: &Bound, of: &Disbursement) -> Money {
    let mut in_force = bound.rules.iter().filter_map(|rule| rule.in_force());
    let retention = in_force.find_map(|terms| match terms {
        RuleTerms::Retention(terms) => Some(terms),
        _ => None,
    });
    match retention {
        Some(terms) if of.claims() => terms.withheld(of.payable()),
        _ => Money::ZERO,
    }
}
