//! Requests and payments that were made before. What happened is entered as it happened: the
//! ledger's limits and the grant's dates bind it, gates and limits of approvers did then.

use sqlx::PgConnection;

use super::{
    People,
    commands::line_of,
    file::{Header, Row},
    grants::{named, noon},
};
use crate::{
    App, Refusal, Result,
    access::Identity,
    clock::Date,
    disbursements::{
        ClaimLine, Disbursement, DisbursementEvent, DisbursementKind, DisbursementStatus,
        LineAmount, Payment, PaymentMethod, claims, rules, store,
    },
    error::UserErrorCode,
    grants::{self, AccountingKeys, DateRange, Grant},
    id::{DisbursementEventId, DisbursementId},
    ledger::{self, Posting},
    money::Money,
    spending::commands::books,
};

pub const HEADER: Header = Header {
    required: &["grant", "invoice_number", "amount", "period_start", "period_end", "requested_on"],
    optional: &[
        "kind",
        "category",
        "line",
        "approved_on",
        "approved_amount",
        "paid_on",
        "retained",
        "method",
        "reference",
        "vendor_number",
        "purchase_order",
        "fund_string",
        "warrant_number",
    ],
};

/// Enters a request, with its approval and its payment where it has them.
pub async fn bring(app: &App, tx: &mut PgConnection, row: &Row, by: &People) -> Result<String> {
    let grant = named(tx, row, "grant").await?;
    let mut told = request(app, row, &grant, by)?;
    let books = books(tx, grant.id).await?;
    let amount = told.amount;
    let named_line = line_of(&books, row)?.map(|line| LineAmount { line: line.id, amount });
    let mut lines = match told.claims() {
        true => claims::allot(&books, amount, named_line.as_slice())?,
        false => vec![],
    };
    let available =
        ledger::store::balance(&mut *tx, grant.id, ledger::AccountKind::Available).await?;
    rules::check_available(amount, available)?;
    store::insert(tx, &told).await?;
    store::insert_lines(tx, &told, &lines).await?;
    let requested_on = row.day("requested_on")?;
    let mut posting = note(app, tx, &told, &by.manager, requested_on).await?;
    claims::request(&mut posting, &told, &lines);
    ledger::store::post(tx, &app.clock, &posting).await?;

    let Some(approved_on) = row.read::<Date>("approved_on")? else {
        return Ok(done(&told, &grant));
    };
    in_order(requested_on, approved_on, app.clock.today())?;
    approve(app, tx, row, (&mut told, &mut lines), by, approved_on).await?;
    if let Some(paid_on) = row.read::<Date>("paid_on")? {
        in_order(approved_on, paid_on, app.clock.today())?;
        pay(app, tx, row, (&grant, &mut told, &lines), by, paid_on).await?;
    }
    Ok(done(&told, &grant))
}

fn done(told: &Disbursement, grant: &Grant) -> String {
    format!(
        "{} {} of {} for grant {}",
        told.status,
        told.invoice_number,
        told.payable(),
        grant.number
    )
}

fn in_order(before: Date, after: Date, today: Date) -> Result<(), Refusal> {
    if before <= after && after <= today {
        return Ok(());
    }
    let message = format!("{after} lies before {before} or after today, {today}");
    Err(Refusal::new(UserErrorCode::InvalidDates, message))
}

fn request(app: &App, row: &Row, grant: &Grant, by: &People) -> Result<Disbursement, Refusal> {
    let period = DateRange { start: row.day("period_start")?, end: row.day("period_end")? };
    let performance = grant.performance_period();
    if period.end < period.start || period.start < performance.start || period.end > performance.end
    {
        let message =
            format!("costs may arise from {} to {} only", performance.start, performance.end);
        return Err(Refusal::new(UserErrorCode::OutsidePeriod, message));
    }
    let kind = row.read("kind")?.unwrap_or(DisbursementKind::Reimbursement);
    if kind == DisbursementKind::RetentionRelease {
        let message =
            "`kind` is REIMBURSEMENT, ADVANCE or MILESTONE; retention is released by the service";
        return Err(Refusal::new(UserErrorCode::InvalidInput, message));
    }
    let amount = row.amount("amount")?;
    grants::rules::must_be_positive(amount)?;
    let requested_on = row.day("requested_on")?;
    in_order(period.start, requested_on, app.clock.today())?;
    Ok(Disbursement {
        id: DisbursementId::new(&app.clock),
        grant_id: grant.id,
        status: DisbursementStatus::Requested,
        kind,
        amount,
        approved_amount: None,
        retained: Money::ZERO,
        invoice_number: row.needed("invoice_number")?,
        period_start: period.start,
        period_end: period.end,
        requested_by: Some(by.manager.person),
        requested_at: noon(requested_on),
        approved_by: None,
        approved_for: None,
        approved_at: None,
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
        reason: None,
        opening: true,
        revision: 1,
        updated_at: app.clock.now(),
    })
}

/// Notes what happened on a day, which causes what it moves.
async fn note(
    app: &App,
    tx: &mut PgConnection,
    told: &Disbursement,
    by: &Identity,
    on: Date,
) -> Result<Posting> {
    let event = DisbursementEvent {
        id: DisbursementEventId::new(&app.clock),
        disbursement_id: told.id,
        status: told.status,
        person_id: by.person,
        reason: None,
        occurred_at: noon(on),
    };
    store::insert_event(tx, &event).await?;
    Ok(Posting::of_grant(told.grant_id, event.id.0, on).opening(true))
}

async fn approve(
    app: &App,
    tx: &mut PgConnection,
    row: &Row,
    (told, lines): (&mut Disbursement, &mut [ClaimLine]),
    by: &People,
    on: Date,
) -> Result<()> {
    let approval =
        crate::disbursements::Approval { amount: row.read("approved_amount")?, lines: vec![] };
    told.approved_amount = Some(rules::approved(told, &approval, lines)?);
    told.approved_by = Some(by.approver.person);
    told.approved_at = Some(noon(on));
    told.status = DisbursementStatus::Approved;
    store::update(tx, told).await?;
    let mut posting = note(app, tx, told, &by.approver, on).await?;
    claims::approve(&mut posting, told, lines);
    store::decide_lines(tx, told, lines).await?;
    Ok(ledger::store::post(tx, &app.clock, &posting).await?)
}

async fn pay(
    app: &App,
    tx: &mut PgConnection,
    row: &Row,
    (grant, told, lines): (&Grant, &mut Disbursement, &[ClaimLine]),
    by: &People,
    on: Date,
) -> Result<()> {
    let payment = Payment {
        paid_on: on,
        method: row.read("method")?.unwrap_or(PaymentMethod::Warrant),
        reference: row.needed("reference")?,
        accounting: AccountingKeys {
            vendor_number: row.text("vendor_number"),
            purchase_order: row.text("purchase_order"),
            fund_string: row.text("fund_string"),
        },
        warrant_number: row.text("warrant_number"),
    };
    rules::check_payment(grant, told, &payment, app.clock.today())?;
    told.retained = row.read("retained")?.unwrap_or_default();
    if told.retained > told.payable() || told.retained < Money::ZERO {
        let message = format!("`retained` is between zero and {}", told.payable());
        return Err(Refusal::new(UserErrorCode::InvalidInput, message).into());
    }
    told.paid_by = Some(by.officer.person);
    told.paid_on = Some(on);
    told.method = Some(payment.method);
    told.reference = Some(payment.reference);
    told.vendor_number = payment.accounting.vendor_number;
    told.purchase_order = payment.accounting.purchase_order;
    told.fund_string = payment.accounting.fund_string;
    told.warrant_number = payment.warrant_number;
    told.status = DisbursementStatus::Paid;
    store::update(tx, told).await?;
    let mut posting = note(app, tx, told, &by.officer, on).await?;
    claims::pay(&mut posting, told, lines);
    Ok(ledger::store::post(tx, &app.clock, &posting).await?)
}
