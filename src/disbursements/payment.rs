//! Payments and their reversals. Whoever pays neither asked for it nor approved it.

use sqlx::PgConnection;

use super::{
    Disbursement, DisbursementAction, DisbursementStatus, Payment, claims,
    commands::{Held, Once, finish, hold_once},
    rules, store,
};
use crate::{
    App, Result,
    access::Actor,
    deadlines,
    documents::{self, DocumentKind},
    grants::Grant,
    id::DisbursementId,
    idempotency,
    ledger::{self, Account, Posting},
    money::Money,
    rule_sets::{
        bound::{self, Bound},
        kinds::{InHand, RuleTerms, Step},
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
    let officer = actor.must_hold(DisbursementAction::Pay.roles())?;
    let once = idempotency::Request::new(
        officer.person,
        "payDisbursement",
        idempotency_key,
        &(id, &payment),
    )?;
    let Held { mut tx, grant, mut disbursement, identity } =
        match hold_once(app, officer, id, DisbursementAction::Pay, &once).await? {
            Once::Now(held) => *held,
            Once::Before(made) => return Ok(*made),
        };
    rules::check_payer(&disbursement, identity.person)?;
    rules::check_payment(&grant, &disbursement, &payment, app.clock.today())?;
    let in_hand = in_hand(app, &mut tx, &grant).await?;
    let bound = bound::of_grant(&mut tx, grant.id, app.clock.today()).await?;
    bound.check(&Step::Pay {
        on: payment.paid_on,
        amount: disbursement.payable(),
        retains: disbursement.claims(),
        in_hand,
    })?;
    let claimed = store::claims_of(&mut tx, &disbursement).await?;
    disbursement.retained = withheld(&bound, &disbursement);
    disbursement.paid_by = Some(identity.person);
    disbursement.paid_on = Some(payment.paid_on);
    disbursement.method = Some(payment.method);
    disbursement.reference = Some(payment.reference.trim().into());
    disbursement.vendor_number = payment.accounting.vendor_number;
    disbursement.purchase_order = payment.accounting.purchase_order;
    disbursement.fund_string = payment.accounting.fund_string;
    disbursement.warrant_number = payment.warrant_number;
    disbursement.status = DisbursementStatus::Paid;
    let event = finish(app, &mut tx, identity, &mut disbursement).await?;
    let mut posting =
        Posting::of_grant(grant.id, event.0, payment.paid_on).opening(disbursement.opening);
    claims::pay(&mut posting, &disbursement, &claimed);
    ledger::store::post(&mut tx, &app.clock, &posting).await?;
    tx.commit().await?;
    Ok(disbursement)
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
    let officer = actor.must_hold(DisbursementAction::Reverse.roles())?;
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
    let event = finish(app, &mut tx, identity, &mut disbursement).await?;
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

/// What is in hand before a payment of a grant.
async fn in_hand(app: &App, tx: &mut PgConnection, grant: &Grant) -> Result<InHand> {
    let now = app.clock.now();
    let mut overdue = deadlines::store::overdue_deliverables(&mut *tx, &[grant.id], now).await?;
    let overdue = overdue.remove(&grant.id).unwrap_or_default();
    let resolved = documents::store::having(tx, &[grant.id], DocumentKind::Resolution).await?;
    Ok(rules::in_hand(grant.signed_on.is_some(), !resolved.is_empty(), overdue))
}
