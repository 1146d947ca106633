use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};

use crate::{
    Refusal,
    disbursements::Payment,
    id::{DisbursementId, PaymentImportId, PersonId},
    money::Money,
    text_enum::text_enum,
};

text_enum! {
    /// What a line of a file of payments comes to.
    pub enum PaymentOutcome {
        /// The disbursement is paid; in a preview, it would be.
        Paid = "PAID",
        /// The disbursement was paid before by the same reference: nothing is to be done.
        AlreadyPaid = "ALREADY_PAID",
        /// It cannot be paid so; the line's error says why. No line of the file is paid.
        Refused = "REFUSED",
    }
}

/// A file of payments that was brought in.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct PaymentImport {
    #[graphql(skip)]
    pub id: PaymentImportId,
    #[graphql(skip)]
    pub file_hash: Vec<u8>,
    /// How many disbursements were paid by it.
    pub paid: i32,
    /// How many lines told of payments that were known already.
    pub already_paid: i32,
    /// What was paid by it, in US dollars.
    pub amount: Money,
    #[graphql(skip)]
    pub imported_by: PersonId,
    /// When it was brought in.
    pub imported_at: DateTime<Utc>,
}

/// A line as it was read: which disbursement it names, and how that was paid.
#[derive(Clone, Debug)]
pub struct PaymentLine {
    pub named: Named,
    pub amount: Money,
    pub payment: Payment,
}

/// How a line names a disbursement.
#[derive(Clone, Debug, Default)]
pub struct Named {
    pub id: Option<DisbursementId>,
    pub grant_number: Option<String>,
    pub invoice_number: Option<String>,
}

/// What became of a line, or would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedRow {
    pub line: i32,
    pub outcome: PaymentOutcome,
    pub disbursement: Option<DisbursementId>,
    pub amount: Option<Money>,
    pub refusal: Option<Refusal>,
}

/// What a file comes to.
#[derive(Clone, Debug)]
pub struct Examined {
    /// None in a preview, and where a line was refused.
    pub import: Option<PaymentImport>,
    /// In the order of the file.
    pub rows: Vec<ImportedRow>,
}

impl Examined {
    pub fn count(&self, outcome: PaymentOutcome) -> usize {
        self.rows.iter().filter(|row| row.outcome == outcome).count()
    }

    /// What its lines pay, in US dollars.
    pub fn amount(&self) -> Money {
        let paid = self.rows.iter().filter(|row| row.outcome == PaymentOutcome::Paid);
        paid.filter_map(|row| row.amount).sum()
    }
}
