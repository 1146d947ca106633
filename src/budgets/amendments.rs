//! Amendments of awarded grants: proposed, decided, applied on their day.

use std::collections::BTreeMap;

use sqlx::PgConnection;

use super::{
    Amendment, AmendmentKind, AmendmentLine, AmendmentStatus, BudgetLine, Direction, NewAmendment,
    NewAmendmentLine,
    commands::{line_of, lines_of, shift},
    rules, store,
};
use crate::{
    App, Refusal, Result,
    access::{Actor, Permission, Reach},
    advances, audit,
    clock::{CALIFORNIA, Clock, Date},
    deadlines::schedule,
    documents,
    error::UserErrorCode,
    grants::{self, Grant, GrantStatus},
    id::{AmendmentId, BudgetLineId, GrantId},
    ledger::{self, Account, AccountKind, Move, Posting},
    money::Money,
    rule_sets::{bound, kinds::Step},
};

/// Proposes a change of an awarded grant. Nothing changes yet.
#[tracing::instrument(skip_all, fields(grant = %new.grant))]
pub async fn propose(app: &App, actor: &Actor, new: NewAmendment) -> Result<Amendment> {
    let manager = actor.may(Permission::AmendGrant)?;
    let mut tx = audit::begin(app, &manager).await?;
    let grant = grants::commands::lock(&mut tx, &manager.reach, new.grant).await?;
    rules::check_proposal(&new, &grant)?;
    if let Some(document) = new.document {
        let found = documents::store::find(&mut *tx, &manager.reach, &[document]).await?;
        if found.iter().all(|found| found.grant_id != grant.id) {
            let refusal = Refusal::new(UserErrorCode::NotFound, "the grant has no such document");
            return Err(refusal.on("documentId").into());
        }
    }
    let lines = named_lines(app, &mut tx, &grant, &new.lines).await?;
    rules::check_changes(new.kind, &lines)?;
    let amendment = Amendment {
        id: AmendmentId::new(&app.clock),
        grant_id: grant.id,
        number: store::next_number(&mut tx, grant.id).await?,
        kind: new.kind,
        status: AmendmentStatus::Proposed,
        reason: new.reason.trim().into(),
        document_id: new.document,
        performance_end: new.period.performance_end,
        encumber_by: new.period.encumber_by,
        liquidate_by: new.period.liquidate_by,
        final_invoice_by: new.period.final_invoice_by,
        title: new.title.map(|title| title.trim().into()),
        scope: new.scope.map(|scope| scope.trim().into()),
        effective_on: new.effective_on,
        applied_at: None,
        proposed_by: manager.person,
        proposed_at: app.clock.now(),
        decided_by: None,
        decided_at: None,
        decision_reason: None,
    };
    store::insert_amendment(&mut tx, &amendment, &lines).await?;
    tx.commit().await?;
    Ok(amendment)
}

/// The lines that a proposal names; those that it adds are entered, with nothing in them yet.
async fn named_lines(
    app: &App,
    tx: &mut PgConnection,
    grant: &Grant,
    new: &[NewAmendmentLine],
) -> Result<Vec<AmendmentLine>> {
    let known = lines_of(tx, grant.id).await?;
    let mut position = known.iter().map(|line| line.position).max().unwrap_or_default();
    let (mut lines, mut added) = (vec![], vec![]);
    for change in new {
        let line = match (change.line, change.category) {
            (Some(id), None) => line_of(&known, id, "lines")?.id,
            (None, Some(category)) => {
                position += 1;
                let title = change.title.clone().unwrap_or_else(|| category.as_str().into());
                Refusal::unless_filled(&title, "lines")?;
                let title = title.trim().to_string();
                let twin = known.iter().find(|line| {
                    line.category == category && line.title.to_lowercase() == title.to_lowercase()
                });
                match twin {
                    Some(line) => line.id,
                    None => {
                        let id = BudgetLineId::new(&app.clock);
                        let amount = Money::ZERO;
                        let grant_id = grant.id;
                        added.push(BudgetLine { id, grant_id, category, title, amount, position });
                        id
                    }
                }
            }
            _ => {
                let message = "a line is named by `lineId`, or added with `category`";
                let refusal = Refusal::new(UserErrorCode::InvalidInput, message);
                return Err(refusal.on("lines").into());
            }
        };
        lines.push(AmendmentLine { line, direction: change.direction, amount: change.amount });
    }
    store::insert_lines(tx, &added, app.clock.now()).await?;
    Ok(lines)
}

/// Approves a proposal: it applies itself at once, or on its day when that is to come.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn approve(app: &App, actor: &Actor, id: AmendmentId) -> Result<Amendment> {
    let approver = actor.may(Permission::ApproveAmendment)?;
    let mut tx = audit::begin(app, &approver).await?;
    let (grant, mut amendment) = lock(&mut tx, &approver.reach, id).await?;
    rules::check_decision(&amendment, approver.person)?;
    rules::must_be_live(&grant, "amendments")?;
    let lines = lines_of_amendment(&mut tx, id).await?;
    let most = rules::sum(&lines, Direction::Increase).max(rules::sum(&lines, Direction::Decrease));
    grants::rules::check_limit(&approver, most)?;
    let today = app.clock.today();
    let effective_on = amendment.effective_on.unwrap_or(today);
    rules::check_effective(&grant, effective_on, awarded_on(&grant, today))?;
    amendment.status = AmendmentStatus::Approved;
    amendment.decided_by = Some(approver.person);
    amendment.decided_at = Some(app.clock.now());
    amendment.effective_on = Some(effective_on);
    if effective_on <= today {
        amendment.applied_at = Some(app.clock.now());
    }
    store::decide_amendment(&mut tx, &amendment).await?;
    if effective_on <= today {
        apply(&mut tx, &app.clock, &grant, &amendment, &lines).await?;
    }
    tx.commit().await?;
    Ok(amendment)
}

/// Turns a proposal down.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn decline(app: &App, actor: &Actor, id: AmendmentId, reason: &str) -> Result<Amendment> {
    let approver = actor.may(Permission::DeclineAmendment)?;
    Refusal::unless_filled(reason, "reason")?;
    let mut tx = audit::begin(app, &approver).await?;
    let (_, mut amendment) = lock(&mut tx, &approver.reach, id).await?;
    rules::check_decision(&amendment, approver.person)?;
    amendment.status = AmendmentStatus::Declined;
    amendment.decided_by = Some(approver.person);
    amendment.decided_at = Some(app.clock.now());
    amendment.decision_reason = Some(reason.trim().into());
    store::decide_amendment(&mut tx, &amendment).await?;
    tx.commit().await?;
    Ok(amendment)
}

/// Applies an approved amendment whose day has come. A job calls it; whoever was first did it.
pub async fn apply_due(app: &App, reach: &Reach, id: AmendmentId) -> Result<bool> {
    let mut tx = audit::begin_unattended(&app.db, &app.clock, "ledger_days").await?;
    let (grant, mut amendment) = lock(&mut tx, reach, id).await?;
    if amendment.status != AmendmentStatus::Approved || amendment.applied_at.is_some() {
        return Ok(false);
    }
    rules::must_be_live(&grant, "amendments")?;
    let lines = lines_of_amendment(&mut tx, id).await?;
    amendment.applied_at = Some(app.clock.now());
    store::decide_amendment(&mut tx, &amendment).await?;
    apply(&mut tx, &app.clock, &grant, &amendment, &lines).await?;
    tx.commit().await?;
    Ok(true)
}

async fn lines_of_amendment(tx: &mut PgConnection, id: AmendmentId) -> Result<Vec<AmendmentLine>> {
    Ok(store::amendment_lines(tx, &[id]).await?.remove(&id).unwrap_or_default())
}

async fn lock(tx: &mut PgConnection, reach: &Reach, id: AmendmentId) -> Result<(Grant, Amendment)> {
    let missing = || Refusal::not_found("amendment").on("amendmentId");
    let found = store::find_amendments(&mut *tx, reach, &[id]).await?.pop();
    let found = found.ok_or_else(missing)?;
    let grant = grants::store::lock(tx, reach, found.grant_id).await?.ok_or_else(missing)?;
    // Read after the lock: somebody may have decided meanwhile.
    let amendment = store::find_amendments(&mut *tx, reach, &[id]).await?.pop();
    Ok((grant, amendment.ok_or_else(missing)?))
}

/// The day that the award counts from.
pub fn awarded_on(grant: &Grant, otherwise: Date) -> Date {
    let day = grant.awarded_at.map(|at| Date(at.with_timezone(&CALIFORNIA).date_naive()));
    day.unwrap_or(otherwise)
}

/// What an approved amendment does to the ledger, the budget, the grant and its deadlines.
async fn apply(
    tx: &mut PgConnection,
    clock: &Clock,
    grant: &Grant,
    amendment: &Amendment,
    changes: &[AmendmentLine],
) -> Result<()> {
    match amendment.kind {
        AmendmentKind::Amount | AmendmentKind::Budget => {
            move_lines(tx, clock, grant, amendment, changes).await?;
        }
        AmendmentKind::Period => {
            // Another amendment may have moved the dates since it was proposed.
            rules::check_period(&amendment.period(), grant)?;
            let end = amendment.performance_end.unwrap_or(grant.performance_end);
            rules::check_costs_stay(store::latest_cost(tx, grant.id).await?, end)?;
        }
        AmendmentKind::Scope => {}
    }
    store::apply_to_grant(tx, amendment, clock.now()).await?;
    if amendment.kind == AmendmentKind::Amount {
        let bound = bound::of_grant(tx, grant.id, clock.today()).await?;
        bound.check(&Step::Award)?;
        if grant.status != GrantStatus::Awarded {
            let on = amendment.effective_on.unwrap_or_else(|| clock.today());
            advances::follow(tx, clock, &bound, grant.id, amendment.id.0, on).await?;
        }
    }
    let reason = format!("amendment {} was approved", amendment.number);
    schedule::follow(tx, clock, grant.id, &reason).await?;
    Ok(())
}

async fn move_lines(
    tx: &mut PgConnection,
    clock: &Clock,
    grant: &Grant,
    amendment: &Amendment,
    changes: &[AmendmentLine],
) -> Result<()> {
    let mut lines = lines_of(tx, grant.id).await?;
    let figures = store::figures_of(&mut *tx, &[grant.id]).await?;
    for change in changes.iter().filter(|change| change.direction == Direction::Decrease) {
        let line = line_of(&lines, change.line, "lines")?;
        let left = figures.get(&line.id).map(|line| line.unobligated).unwrap_or_default();
        rules::check_left(line, left, change.amount)?;
    }
    let (up, down) =
        (rules::sum(changes, Direction::Increase), rules::sum(changes, Direction::Decrease));
    let available = ledger::store::balance(&mut *tx, grant.id, AccountKind::Available).await?;
    let net_down = down.minus(up).unwrap_or_default();
    if net_down > available {
        let message = format!(
            "{net_down} is to be taken from the award and {available} is neither requested nor paid"
        );
        return Err(Refusal::new(UserErrorCode::InsufficientAvailable, message).into());
    }
    for change in changes {
        shift(&mut lines, change.line, change.amount, change.direction == Direction::Increase);
    }
    store::set_amounts(tx, &lines).await?;
    let on = amendment.effective_on.unwrap_or_else(|| clock.today());
    let posting = moved(grant.id, amendment, on, changes);
    ledger::store::post(tx, clock, &posting).await?;
    Ok(())
}

/// Within a budget from line to line; otherwise the award grows or shrinks, and the lines with it.
fn moved(grant: GrantId, amendment: &Amendment, on: Date, changes: &[AmendmentLine]) -> Posting {
    let mut posting = Posting::of_grant(grant, amendment.id.0, on);
    if amendment.kind == AmendmentKind::Budget {
        for (from, to, amount) in paired(changes) {
            let accounts = (Account::unobligated(from), Account::unobligated(to));
            posting.add(Move::TransferBudget, accounts.0, accounts.1, amount);
        }
        return posting;
    }
    let (up, down) =
        (rules::sum(changes, Direction::Increase), rules::sum(changes, Direction::Decrease));
    let more = up.minus(down).unwrap_or_default();
    if more.is_positive() {
        posting.add(Move::AmendUp, AccountKind::SrcPay, AccountKind::Available, more);
    } else {
        let less = down.minus(up).unwrap_or_default();
        posting.add(Move::AmendDown, AccountKind::Available, AccountKind::SrcPay, less);
    }
    for change in changes {
        let line = Account::unobligated(change.line);
        match change.direction {
            Direction::Increase => {
                posting.add(Move::AmendUp, AccountKind::SrcUse, line, change.amount);
            }
            Direction::Decrease => {
                posting.add(Move::AmendDown, line, AccountKind::SrcUse, change.amount);
            }
        }
    }
    posting
}

/// What lines give, dealt out to those that get.
fn paired(changes: &[AmendmentLine]) -> Vec<(BudgetLineId, BudgetLineId, Money)> {
    let of = |direction: Direction| -> BTreeMap<BudgetLineId, Money> {
        let some = changes.iter().filter(|change| change.direction == direction);
        some.map(|change| (change.line, change.amount)).collect()
    };
    let mut wanting = of(Direction::Increase);
    let mut pairs = vec![];
    for (from, mut left) in of(Direction::Decrease) {
        for (to, wanted) in &mut wanting {
            let amount = left.min(*wanted);
            if amount.is_positive() {
                pairs.push((from, *to, amount));
                left = left.minus(amount).unwrap_or_default();
                *wanted = wanted.minus(amount).unwrap_or_default();
            }
        }
    }
    pairs
}
