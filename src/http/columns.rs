//! Rows of an answer as lines of a file, and which columns each list has.

use serde_json::Value;

use crate::money::Money;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma separated values as RFC 4180 has them, with a line of names.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

/// A column of an export: its name, where it is found in a row, and what it holds.
pub struct Column(&'static str, &'static str, Kind);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// What somebody wrote.
    Text,
    /// An amount, a day, an id, a state: Thrive's own.
    Plain,
    /// Shares as `name (basis points); ...`: where the name is found.
    Shares(&'static str),
    /// Of a form: an amount of Thrive's own, or what somebody wrote.
    Either,
}
use Kind::{Either, Plain, Shares, Text};

impl Format {
    pub fn of(ending: &str) -> Option<Self> {
        [Self::Csv, Self::Jsonl].into_iter().find(|format| format.ending() == ending)
    }

    pub fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
        }
    }

    pub fn media(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Jsonl => "application/jsonl; charset=utf-8",
        }
    }

    /// What stands before the first row.
    pub fn head(self, columns: &[Column]) -> Vec<u8> {
        match self {
            Self::Csv => csv([columns.iter().map(|column| column.0.to_owned()).collect()]),
            Self::Jsonl => vec![],
        }
    }

    pub fn rows(self, columns: &[Column], rows: &[Value]) -> Vec<u8> {
        match self {
            Self::Csv => {
                csv(rows.iter().map(|row| columns.iter().map(|column| column.cell(row)).collect()))
            }
            Self::Jsonl => {
                let member = |row: &Value, column: &Column| {
                    format!("\"{}\":{}", column.0, column.value(row))
                };
                let object = |row: &Value| {
                    let members: Vec<_> =
                        columns.iter().map(|column| member(row, column)).collect();
                    format!("{{{}}}\n", members.join(","))
                };
                rows.iter().map(object).collect::<String>().into_bytes()
            }
        }
    }
}

fn csv(records: impl IntoIterator<Item = Vec<String>>) -> Vec<u8> {
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(vec![]);
    for record in records {
        writer.write_record(record).expect("memory takes what is written");
    }
    writer.into_inner().expect("memory takes what is written")
}

impl Column {
    fn value(&self, row: &Value) -> Value {
        let found = row.pointer(self.1).cloned().unwrap_or_default();
        let Shares(name) = self.2 else { return found };
        let share = |share: &Value| {
            let name = share.pointer(name).and_then(Value::as_str).unwrap_or_default();
            format!("{name} ({})", share["shareBp"])
        };
        let shares: Vec<_> = found.as_array().into_iter().flatten().map(share).collect();
        shares.join("; ").into()
    }

    /// A spreadsheet takes text that begins like a formula for one: an apostrophe keeps it text.
    fn cell(&self, row: &Value) -> String {
        let text = match self.value(row) {
            Value::Null => return String::new(),
            Value::String(text) => text,
            other => other.to_string(),
        };
        let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let own = match self.2 {
            Plain => true,
            Either => text.parse::<Money>().is_ok(),
            Text | Shares(_) => false,
        };
        if formula && !own { format!("'{text}") } else { text }
    }
}

pub const GRANTS: &[Column] = &[
    Column("id", "/id", Plain),
    Column("number", "/number", Text),
    Column("title", "/title", Text),
    Column("status", "/status", Plain),
    Column("stream", "/stream/code", Plain),
    Column("streamName", "/stream/name", Text),
    Column("program", "/program/code", Text),
    Column("programName", "/program/name", Text),
    Column("recipient", "/recipient/name", Text),
    Column("recipientId", "/recipient/id", Plain),
    Column("cities", "/cities", Shares("/city/name")),
    Column("actionAreas", "/actionAreas", Shares("/actionArea")),
    Column("performanceStart", "/performance/start", Plain),
    Column("performanceEnd", "/performance/end", Plain),
    Column("signedOn", "/signedOn", Plain),
    Column("encumberBy", "/encumberBy", Plain),
    Column("liquidateBy", "/liquidateBy", Plain),
    Column("finalInvoiceBy", "/finalInvoiceBy", Plain),
    Column("vendorNumber", "/accounting/vendorNumber", Text),
    Column("purchaseOrder", "/accounting/purchaseOrder", Text),
    Column("fundString", "/accounting/fundString", Text),
    Column("awarded", "/balance/awarded", Plain),
    Column("requested", "/balance/requested", Plain),
    Column("approved", "/balance/approved", Plain),
    Column("disbursed", "/balance/disbursed", Plain),
    Column("retained", "/balance/retained", Plain),
    Column("lapsed", "/balance/lapsed", Plain),
    Column("remaining", "/balance/availableToDisburse", Plain),
    Column("expended", "/balance/expended", Plain),
    Column("encumbered", "/balance/encumbered", Plain),
    Column("unobligated", "/balance/unobligated", Plain),
    Column("cashOnHand", "/balance/cashOnHand", Plain),
    Column("reimbursementDue", "/balance/reimbursementDue", Plain),
    Column("advanceOutstanding", "/balance/advanceOutstanding", Plain),
    Column("matchRequired", "/balance/matchRequired", Plain),
    Column("matchMet", "/balance/matchMet", Plain),
    Column("matchGap", "/balance/matchGap", Plain),
    Column("asOf", "/balance/asOf", Plain),
    Column("updatedAt", "/updatedAt", Plain),
];

pub const DISBURSEMENTS: &[Column] = &[
    Column("id", "/id", Plain),
    Column("grantId", "/grant/id", Plain),
    Column("grantNumber", "/grant/number", Text),
    Column("grantTitle", "/grant/title", Text),
    Column("stream", "/grant/stream/code", Plain),
    Column("program", "/grant/program/code", Text),
    Column("recipient", "/grant/recipient/name", Text),
    Column("status", "/status", Plain),
    Column("kind", "/kind", Plain),
    Column("invoiceNumber", "/invoiceNumber", Text),
    Column("periodStart", "/period/start", Plain),
    Column("periodEnd", "/period/end", Plain),
    Column("requestedAmount", "/amount", Plain),
    Column("approvedAmount", "/approvedAmount", Plain),
    Column("retained", "/retained", Plain),
    Column("paidAmount", "/paidAmount", Plain),
    Column("grantAwarded", "/grant/balance/awarded", Plain),
    Column("grantRemaining", "/grant/balance/availableToDisburse", Plain),
    Column("requestedAt", "/requestedAt", Plain),
    Column("approvedAt", "/approvedAt", Plain),
    Column("scheduledFor", "/scheduledFor", Plain),
    Column("paidOn", "/paidOn", Plain),
    Column("method", "/method", Plain),
    Column("reference", "/reference", Text),
    Column("vendorNumber", "/accounting/vendorNumber", Text),
    Column("purchaseOrder", "/accounting/purchaseOrder", Text),
    Column("fundString", "/accounting/fundString", Text),
    Column("warrantNumber", "/accounting/warrantNumber", Text),
    Column("grantVendorNumber", "/grant/accounting/vendorNumber", Text),
    Column("grantPurchaseOrder", "/grant/accounting/purchaseOrder", Text),
    Column("grantFundString", "/grant/accounting/fundString", Text),
    Column("opening", "/opening", Plain),
    Column("reason", "/reason", Text),
    Column("updatedAt", "/updatedAt", Plain),
];

pub const EXPENDITURES: &[Column] = &[
    Column("id", "/id", Plain),
    Column("grantId", "/grant/id", Plain),
    Column("grantNumber", "/grant/number", Text),
    Column("grantTitle", "/grant/title", Text),
    Column("stream", "/grant/stream/code", Plain),
    Column("program", "/grant/program/code", Text),
    Column("recipient", "/grant/recipient/name", Text),
    Column("lineCategory", "/line/category", Plain),
    Column("lineTitle", "/line/title", Text),
    Column("lineApproved", "/line/amount", Plain),
    Column("lineRemaining", "/line/unobligated", Plain),
    Column("encumbranceNumber", "/encumbrance/number", Text),
    Column("amount", "/amount", Plain),
    Column("incurredOn", "/incurredOn", Plain),
    Column("effectiveOn", "/effectiveOn", Plain),
    Column("vendor", "/vendor", Text),
    Column("reference", "/reference", Text),
    Column("description", "/description", Text),
    Column("grantVendorNumber", "/grant/accounting/vendorNumber", Text),
    Column("grantPurchaseOrder", "/grant/accounting/purchaseOrder", Text),
    Column("grantFundString", "/grant/accounting/fundString", Text),
    Column("opening", "/opening", Plain),
    Column("recordedAt", "/recordedAt", Plain),
    Column("reversedAt", "/reversedAt", Plain),
    Column("reverseReason", "/reverseReason", Text),
];

/// What was before and after is JSON in a cell.
pub const AUDIT_ENTRIES: &[Column] = &[
    Column("id", "/id", Plain),
    Column("recordedAt", "/recordedAt", Plain),
    Column("personId", "/person/id", Plain),
    Column("person", "/person/name", Text),
    Column("role", "/role", Plain),
    Column("requestId", "/requestId", Plain),
    Column("action", "/action", Plain),
    Column("table", "/tableName", Plain),
    Column("objectId", "/objectId", Plain),
    Column("change", "/change", Plain),
    Column("before", "/before", Plain),
    Column("after", "/after", Plain),
    Column("reason", "/reason", Text),
    Column("position", "/position", Plain),
    Column("hash", "/hash", Plain),
];

/// The lines of a form.
pub const FORM: &[Column] = &[
    Column("line", "/line", Plain),
    Column("description", "/description", Plain),
    Column("value", "/value", Either),
];
