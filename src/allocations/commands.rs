//! What people do with allocations. Each command is one transaction that holds the allocation:
//! lock, check, write what happened, move the money.

use sqlx::PgConnection;

use super::{
    Allocation, AllocationReceipt, AllocationSpend, NewReceipt, NewSpend, books, layer_store,
    layers, rules, store,
};
use crate::{
    App, Refusal, Result,
    access::{Actor, Identity, Permission, Role},
    audit,
    fiscal_year::FiscalYear,
    id::{
        AllocationComponentId, AllocationId, AllocationReceiptId, AllocationSpendId,
        OrganizationId, ProgramId,
    },
    idempotency,
    ledger::{self, Account, AccountKind, Move, Owner, Posting},
    money::Money,
    people, rule_sets,
    streams::Catalog,
};

/// Enters that a body receives money of a formula program.
#[tracing::instrument(skip_all)]
pub async fn create(
    app: &App,
    actor: &Actor,
    program: ProgramId,
    recipient: OrganizationId,
) -> Result<Allocation> {
    let manager = actor.may(Permission::CreateAllocation)?;
    let program = Catalog::program(app, program).await?;
    let program = program.ok_or_else(|| Refusal::not_found("program").on("programId"))?;
    rules::check_program(&program)?;
    let mut tx = audit::begin(app, &manager).await?;
    let found = people::store::find_organizations(&mut *tx, &[recipient]).await?.pop();
    let recipient = found.ok_or_else(|| Refusal::not_found("organization").on("recipientId"))?;
    let now = app.clock.now();
    let allocation = Allocation {
        id: AllocationId::new(&app.clock),
        program_id: program.id,
        recipient_id: recipient.id,
        recipient_name: recipient.name,
        created_by: manager.person,
        created_at: now,
        updated_at: now,
    };
    store::insert(&mut tx, &allocation).await?;
    tx.commit().await?;
    Ok(allocation)
}

/// Records what was received: a new layer, divided by the rules of its day.
#[tracing::instrument(skip_all, fields(allocation = %new.allocation))]
pub async fn receive(
    app: &App,
    actor: &Actor,
    new: NewReceipt,
    idempotency_key: &str,
) -> Result<AllocationReceipt> {
    let officer = actor.may(Permission::RecordAllocationReceipt)?;
    let once = idempotency::Request::new(
        officer.person,
        "recordAllocationReceipt",
        idempotency_key,
        &new,
    )?;
    let id = AllocationReceiptId::new(&app.clock);
    let mut tx = audit::begin(app, &officer).await?;
    if let Some(made) = once.begin(&mut tx, &app.clock, id.0).await? {
        let made = AllocationReceiptId(made);
        let found = store::find_receipts(&mut *tx, &officer.reach, &[made]).await?.pop();
        return Ok(found.ok_or_else(|| Refusal::not_found("receipt"))?);
    }
    let allocation = lock(&mut tx, &officer, new.allocation).await?;
    rules::check_receipt(&new, app.clock.today())?;
    let program = Catalog::program(app, allocation.program_id).await?;
    let program = program.expect("an allocation has a program");
    let stream = Catalog::stream(app, program.stream_id).await?;
    rules::check_law(&stream.expect("a program has a stream"), new.received_on)?;
    let in_force = rule_sets::commands::in_force(&mut tx, program.id, new.received_on).await?;
    let rules_of_day = in_force.map(|(_, rules)| rules).unwrap_or_default();
    let shares = rules::shares(&program, &rules_of_day, new.amount, new.received_on)?;

    let now = app.clock.now();
    let receipt = AllocationReceipt {
        id,
        allocation_id: allocation.id,
        fiscal_year: FiscalYear::of(new.received_on),
        received_on: new.received_on,
        amount: new.amount,
        reference: new.reference.trim().into(),
        rule_id: shares.iter().find_map(|share| share.rule.as_ref()).map(|rule| rule.id),
        recorded_by: officer.person,
        recorded_at: now,
    };
    let parts: Vec<_> = shares
        .into_iter()
        .map(|share| (AllocationComponentId::new(&app.clock), share.component, share.amount))
        .collect();
    store_receipt(app, &mut tx, &receipt, &parts).await?;
    store::touch(&mut tx, allocation.id, now).await?;
    tx.commit().await?;
    Ok(receipt)
}

async fn store_receipt(
    app: &App,
    tx: &mut PgConnection,
    receipt: &AllocationReceipt,
    parts: &[(AllocationComponentId, String, Money)],
) -> Result<()> {
    layer_store::insert_receipt(tx, receipt, parts).await?;
    let owner = Owner::Allocation(receipt.allocation_id.0);
    let mut posting = Posting::of(owner, receipt.id.0, receipt.received_on);
    for (layer, _, amount) in parts {
        posting.add(Move::Receive, AccountKind::SrcAlloc, Account::component(*layer), *amount);
    }
    Ok(ledger::store::post(tx, &app.clock, &posting).await?)
}

/// Records what a component was spent on: the oldest of its layers pay, and no other component's.
#[tracing::instrument(skip_all, fields(allocation = %new.allocation))]
pub async fn spend(
    app: &App,
    actor: &Actor,
    new: NewSpend,
    idempotency_key: &str,
) -> Result<AllocationSpend> {
    let person = actor.may(Permission::SpendAllocation)?;
    let once = idempotency::Request::new(person.person, "spendAllocation", idempotency_key, &new)?;
    let id = AllocationSpendId::new(&app.clock);
    let mut tx = audit::begin(app, &person).await?;
    if let Some(made) = once.begin(&mut tx, &app.clock, id.0).await? {
        let made = AllocationSpendId(made);
        let found = store::find_spends(&mut *tx, &person.reach, &[made]).await?.pop();
        return Ok(found.ok_or_else(|| Refusal::not_found("spend"))?);
    }
    let allocation = lock(&mut tx, &person, new.allocation).await?;
    if person.role == Role::CityFinance {
        rules::check_organization(&allocation, &person)?;
    }
    rules::check_spend(&new, app.clock.today())?;
    let books = books::of_allocation(&mut tx, &app.clock, allocation.id, None).await?;
    let drawn = layers::draw(&books.layers, &new.component, new.amount, new.spent_on)?;

    let now = app.clock.now();
    let spend = AllocationSpend {
        id,
        allocation_id: allocation.id,
        component: new.component,
        amount: new.amount,
        spent_on: new.spent_on,
        description: new.description.trim().into(),
        reference: new.reference.map(|text| text.trim().into()),
        recorded_by: person.person,
        recorded_at: now,
    };
    layer_store::insert_spend(&mut tx, &spend).await?;
    let mut posting = Posting::of(Owner::Allocation(allocation.id.0), id.0, spend.spent_on);
    for (layer, amount) in drawn {
        posting.add(Move::Spend, Account::component(layer), AccountKind::Spent, amount);
    }
    ledger::store::post(&mut tx, &app.clock, &posting).await?;
    store::touch(&mut tx, allocation.id, now).await?;
    tx.commit().await?;
    Ok(spend)
}

/// Holds an allocation that the person may see.
async fn lock(tx: &mut PgConnection, person: &Identity, id: AllocationId) -> Result<Allocation> {
    store::hold(tx, id).await?;
    let found = store::find(&mut *tx, &person.reach, &[id]).await?.pop();
    Ok(found.ok_or_else(|| Refusal::not_found("allocation").on("allocationId"))?)
}
