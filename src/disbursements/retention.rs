//! What was withheld from payments, set aside to be paid: of the oldest payment first.

use super::{
    Disbursement, DisbursementKind, DisbursementStatus, commands::answered_again, commands::note,
    rules, store,
};
use crate::{
    App, Refusal, Result,
    access::{Actor, Permission},
    audit,
    error::UserErrorCode,
    grants::{self, GrantAction},
    id::{DisbursementId, GrantId},
    idempotency,
    ledger::{self, Account, AccountKind, Move, Posting},
    money::Money,
    rule_sets::{bound, kinds::Step},
};

/// Sets withheld money aside for payment, all of it or a part. It was decided with the payments that it was withheld
/// from, so it is approved at once; another officer pays it.
#[tracing::instrument(skip_all, fields(%grant))]
pub async fn release(
    app: &App,
    actor: &Actor,
    grant: GrantId,
    amount: Option<Money>,
    reason: &str,
    idempotency_key: &str,
) -> Result<Disbursement> {
    let officer = actor.may(Permission::ReleaseRetention)?;
    let input = (grant, amount, reason);
    let once =
        idempotency::Request::new(officer.person, "releaseRetention", idempotency_key, &input)?;
    let id = DisbursementId::new(&app.clock);
    let mut tx = audit::begin(app, &officer).await?;
    if let Some(made) = once.begin(&mut tx, &app.clock, id.0).await? {
        return answered_again(&mut tx, &officer.reach, made).await;
    }
    let grant = grants::commands::lock(&mut tx, &officer.reach, grant).await?;
    grants::rules::must_allow(&grant, GrantAction::ReleaseRetention)?;
    rules::check_reason(reason)?;
    let held = store::retained_of(&mut tx, grant.id).await?;
    let (parts, payments) = take(&held, amount)?;
    let today = app.clock.today();
    let bound = bound::of_grant(&mut tx, grant.id, today).await?;
    bound.check(&Step::Release {
        over: today > grant.performance_end,
        closing: grant.closing_since.is_some(),
    })?;
    let now = app.clock.now();
    let released = Disbursement {
        id,
        grant_id: grant.id,
        status: DisbursementStatus::Approved,
        kind: DisbursementKind::RetentionRelease,
        amount: parts.iter().map(|(_, amount)| *amount).sum(),
        approved_amount: Some(parts.iter().map(|(_, amount)| *amount).sum()),
        retained: Money::ZERO,
        invoice_number: format!("RETENTION {}", store::releases_of(&mut tx, grant.id).await? + 1),
        period_start: payments.iter().map(|one| one.period_start).min().unwrap_or(today),
        period_end: payments.iter().map(|one| one.period_end).max().unwrap_or(today),
        requested_by: None,
        requested_at: now,
        approved_by: Some(officer.person),
        approved_for: None,
        approved_at: Some(now),
        submission: 1,
        certified_by_name: None,
        certified_by_title: None,
        certified_at: None,
        scheduled_for: None,
        paid_by: None,
        paid_on: None,
        method: None,
        reference: None,
        vendor_number: None,
        purchase_order: None,
        fund_string: None,
        warrant_number: None,
        reason: Some(reason.trim().into()),
        opening: false,
        revision: 1,
        updated_at: now,
    };
    store::insert(&mut tx, &released).await?;
    store::insert_release_parts(&mut tx, id, &parts).await?;
    let event = note(app, &mut tx, &officer, &released).await?;
    let mut posting = Posting::of_grant(grant.id, event.0, today);
    for (payment, amount) in &parts {
        let from = Account::retained(*payment);
        posting.add(Move::ReleaseRetention, from, AccountKind::Approved, *amount);
    }
    ledger::store::post(&mut tx, &app.clock, &posting).await?;
    tx.commit().await?;
    Ok(released)
}

type Parts = Vec<(DisbursementId, Money)>;

/// What is taken of which payment.
fn take(
    held: &[(Disbursement, Money)],
    amount: Option<Money>,
) -> Result<(Parts, Vec<&Disbursement>), Refusal> {
    let all: Money = held.iter().map(|(_, held)| *held).sum();
    let wanted = amount.unwrap_or(all);
    grants::rules::must_be_positive(wanted)?;
    if wanted > all {
        let message = format!("{wanted} is to be released and {all} is retained");
        return Err(Refusal::new(UserErrorCode::InsufficientAvailable, message).on("amount"));
    }
    let (mut left, mut parts, mut payments) = (wanted, vec![], vec![]);
    for (payment, held) in held {
        let part = left.min(*held);
        if part.is_positive() {
            parts.push((payment.id, part));
            payments.push(payment);
            left = left.minus(part).unwrap_or_default();
        }
    }
    Ok((parts, payments))
}

/// A release that is withdrawn puts each part back where it was withheld.
pub fn take_back(posting: &mut Posting, parts: &[(DisbursementId, Money)]) {
    for (payment, amount) in parts {
        let to = Account::retained(*payment);
        posting.add(Move::Cancel, AccountKind::Approved, to, *amount);
    }
}
