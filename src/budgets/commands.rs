//! What people do to budgets. Each command is one transaction that holds the grant.

use sqlx::PgConnection;

use super::{BudgetLine, NewLine, NewTransfer, rules, store};
use crate::{
    App, Refusal, Result,
    access::{Actor, Permission},
    audit,
    clock::Clock,
    error::UserErrorCode,
    grants::{self, Grant, rules::must_be_positive},
    id::{BudgetLineId, BudgetTransferId, GrantId},
    idempotency,
    ledger::{self, Account, Move, Posting},
    money::Money,
    rule_sets::{
        bound,
        kinds::{CostCategory, Step},
    },
};

/// What a new grant's budget is where nobody says: one line of everything.
pub fn lines_or_whole(lines: Vec<NewLine>, amount: Money) -> Vec<NewLine> {
    if !lines.is_empty() {
        return lines;
    }
    let title = Some("Whole award".into());
    vec![NewLine { category: CostCategory::Other, title, amount }]
}

/// Enters the lines of a grant that is drawn up.
pub async fn enter(
    tx: &mut PgConnection,
    clock: &Clock,
    grant: GrantId,
    lines: &[NewLine],
) -> Result<()> {
    let place = |place: usize| i32::try_from(place).unwrap_or_default() + 1;
    let line = |(index, new): (usize, &NewLine)| BudgetLine {
        id: BudgetLineId::new(clock),
        grant_id: grant,
        category: new.category,
        title: new.named(),
        amount: new.amount,
        position: place(index),
    };
    let lines: Vec<_> = lines.iter().enumerate().map(line).collect();
    Ok(store::insert_lines(tx, &lines, clock.now()).await?)
}

/// Draws up the budget of a draft anew.
#[tracing::instrument(skip_all, fields(grant = %id))]
pub async fn set(
    app: &App,
    actor: &Actor,
    id: GrantId,
    revision: i32,
    lines: Vec<NewLine>,
) -> Result<Grant> {
    let manager = actor.may(Permission::SetBudget)?;
    let mut tx = audit::begin(app, &manager).await?;
    let grant = grants::commands::lock(&mut tx, &manager.reach, id).await?;
    rules::check_budget_open(&grant)?;
    Refusal::unless_current("grant", revision, grant.revision)?;
    let lines = lines_or_whole(lines, grant.amount);
    rules::check_lines(&lines, grant.amount)?;

    let mut known = lines_of(&mut tx, id).await?;
    let mut position = known.iter().map(|line| line.position).max().unwrap_or_default();
    known.iter_mut().for_each(|line| line.amount = Money::ZERO);
    let mut added = vec![];
    for new in &lines {
        let is_it = |line: &&mut BudgetLine| {
            line.category == new.category && line.title.to_lowercase() == new.named().to_lowercase()
        };
        if let Some(line) = known.iter_mut().find(is_it) {
            line.amount = new.amount;
            continue;
        }
        position += 1;
        added.push(BudgetLine {
            id: BudgetLineId::new(&app.clock),
            grant_id: id,
            category: new.category,
            title: new.named(),
            amount: new.amount,
            position,
        });
    }
    store::set_amounts(&mut tx, &known).await?;
    store::insert_lines(&mut tx, &added, app.clock.now()).await?;
    let same = grants::store::Change::to(&grant, grant.status);
    let changed = grants::store::change(&mut tx, id, &same, app.clock.now()).await?;
    tx.commit().await?;
    Ok(changed)
}

/// The lines of a grant that the caller holds.
pub async fn lines_of(tx: &mut PgConnection, grant: GrantId) -> Result<Vec<BudgetLine>> {
    Ok(store::lines_of(tx, &[grant]).await?.remove(&grant).unwrap_or_default())
}

/// One of a grant's lines.
pub fn line_of<'a>(
    lines: &'a [BudgetLine],
    id: BudgetLineId,
    field: &str,
) -> Result<&'a BudgetLine, Refusal> {
    lines.iter().find(|line| line.id == id).ok_or_else(|| {
        let message = "the grant has no such budget line";
        Refusal::new(UserErrorCode::NotFound, message).on(field)
    })
}

/// Moves budget between two lines, as far as the grant's rules allow it without an amendment.
#[tracing::instrument(skip_all, fields(grant = %new.grant))]
pub async fn transfer(
    app: &App,
    actor: &Actor,
    new: NewTransfer,
    idempotency_key: &str,
) -> Result<Grant> {
    let person = actor.may(Permission::TransferBudget)?;
    let once = idempotency::Request::new(person.person, "transferBudget", idempotency_key, &new)?;
    let id = BudgetTransferId::new(&app.clock);
    let mut tx = audit::begin(app, &person).await?;
    if once.begin(&mut tx, &app.clock, id.0).await?.is_some() {
        return grants::commands::lock(&mut tx, &person.reach, new.grant).await;
    }
    let grant = grants::commands::lock_for(&mut tx, &person, new.grant).await?;
    rules::must_be_live(&grant, "transfers")?;
    must_be_positive(new.amount)?;
    Refusal::unless_filled(&new.reason, "reason")?;
    let mut lines = lines_of(&mut tx, grant.id).await?;
    let from = line_of(&lines, new.from, "fromLineId")?.clone();
    let to = line_of(&lines, new.to, "toLineId")?.clone();
    if from.id == to.id {
        let message = "a transfer is between two lines";
        return Err(Refusal::new(UserErrorCode::InvalidInput, message).on("toLineId").into());
    }
    let figures = store::figures_of(&mut *tx, &[grant.id]).await?;
    let left = figures.get(&from.id).map(|line| line.unobligated).unwrap_or_default();
    rules::check_left(&from, left, new.amount)?;
    let moved = store::moved(&mut tx, grant.id, from.id).await?;
    let bound = bound::of_grant(&mut tx, grant.id, app.clock.today()).await?;
    bound.check(&Step::Transfer {
        amount: new.amount,
        moved_before: moved.all,
        line: from.amount,
        moved_of_line: moved.of_line,
        categories: vec![from.category, to.category],
    })?;

    store::insert_transfer(&mut tx, id, &new, person.person, app.clock.now()).await?;
    shift(&mut lines, from.id, new.amount, false);
    shift(&mut lines, to.id, new.amount, true);
    store::set_amounts(&mut tx, &lines).await?;
    let posting = Posting::of_grant(grant.id, id.0, app.clock.today()).moving(
        Move::TransferBudget,
        Account::unobligated(from.id),
        Account::unobligated(to.id),
        new.amount,
    );
    ledger::store::post(&mut tx, &app.clock, &posting).await?;
    tx.commit().await?;
    Ok(grant)
}

/// Gives a line more, or less.
pub fn shift(lines: &mut [BudgetLine], id: BudgetLineId, amount: Money, more: bool) {
    if let Some(line) = lines.iter_mut().find(|line| line.id == id) {
        let changed = if more { line.amount.plus(amount) } else { line.amount.minus(amount) };
        line.amount = changed.unwrap_or(line.amount);
    }
}
