//! A file of payments: which columns it has, and how a line is read. Pure.

use super::model::{Named, PaymentLine};
use crate::{
    Refusal,
    disbursements::{Payment, PaymentMethod},
    error::UserErrorCode::InvalidInput,
    grants::AccountingKeys,
    imports::file::{self, Header, Row},
};

pub const HEADER: Header = Header {
    required: &["amount", "paid_on", "method", "reference"],
    optional: &[
        "disbursement",
        "grant",
        "invoice_number",
        "warrant_number",
        "vendor_number",
        "purchase_order",
        "fund_string",
    ],
};

/// What one transaction pays within its time.
pub const MOST_ROWS: usize = 10_000;

pub fn rows(text: &str) -> Result<Vec<Row>, Refusal> {
    let wrong = |message: String| Refusal::new(InvalidInput, message).on("file");
    let rows = file::read(text, HEADER).map_err(|error| wrong(format!("{error:#}")))?;
    if rows.len() > MOST_ROWS {
        let message = format!(
            "the file has {} rows, and {MOST_ROWS} are paid at once: split it into several",
            rows.len()
        );
        return Err(wrong(message));
    }
    Ok(rows)
}

pub fn line(row: &Row) -> Result<PaymentLine, Refusal> {
    let named = Named {
        id: row.read("disbursement")?,
        grant_number: row.text("grant"),
        invoice_number: row.text("invoice_number"),
    };
    if named.id.is_none() && (named.grant_number.is_none() || named.invoice_number.is_none()) {
        let message =
            "name the disbursement: by `disbursement`, or by `grant` and `invoice_number`";
        return Err(Refusal::new(InvalidInput, message));
    }
    row.needed("method")?;
    Ok(PaymentLine {
        named,
        amount: row.amount("amount")?,
        payment: Payment {
            paid_on: row.day("paid_on")?,
            method: row.read("method")?.unwrap_or(PaymentMethod::Warrant),
            reference: row.needed("reference")?,
            accounting: AccountingKeys {
                vendor_number: row.text("vendor_number"),
                purchase_order: row.text("purchase_order"),
                fund_string: row.text("fund_string"),
            },
            warrant_number: row.text("warrant_number"),
        },
    })
}
