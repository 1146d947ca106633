//! Disbursements as an export reads them: a chunk at a time, in the order in which they were requested.

use chrono::{DateTime, Utc};
use sqlx::PgExecutor;
use uuid::Uuid;

use super::DisbursementFilter;
use crate::{
    access::Reach,
    clock::Date,
    disbursements::{DisbursementKind, DisbursementStatus, PaymentMethod},
    id::{DisbursementId, GrantId},
    money::Money,
    page::exported,
};

/// What an export shows of a disbursement itself.
pub struct Exported {
    pub id: DisbursementId,
    pub grant_id: GrantId,
    pub status: DisbursementStatus,
    pub kind: DisbursementKind,
    pub amount: Money,
    pub approved_amount: Option<Money>,
    pub retained: Money,
    pub invoice_number: String,
    pub period_start: Date,
    pub period_end: Date,
    pub requested_at: DateTime<Utc>,
    pub approved_at: Option<DateTime<Utc>>,
    pub scheduled_for: Option<Date>,
    pub paid_on: Option<Date>,
    pub method: Option<PaymentMethod>,
    pub reference: Option<String>,
    pub vendor_number: Option<String>,
    pub purchase_order: Option<String>,
    pub fund_string: Option<String>,
    pub warrant_number: Option<String>,
    pub reason: Option<String>,
    pub opening: bool,
    pub updated_at: DateTime<Utc>,
}

impl Exported {
    /// What reached the recipient: none until it is paid.
    pub fn paid_amount(&self) -> Option<Money> {
        let payable = self.approved_amount.unwrap_or(self.amount);
        self.paid_on.map(|_| payable.minus(self.retained).unwrap_or_default())
    }
}

/// The next disbursements after one that a filter finds.
pub async fn next(
    db: impl PgExecutor<'_>,
    filter: &DisbursementFilter,
    reach: &Reach,
    after: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<Exported>> {
    listed!(
        exported,
        (
            Exported,
            "id, grant_id, status, kind, amount, approved_amount, retained, invoice_number, period_start, period_end,
             requested_at, approved_at, scheduled_for, paid_on, method, reference, vendor_number, purchase_order,
             fund_string, warrant_number, reason, opening, updated_at",
            "",
            "$3::uuid is null or id > $3",
            "id"
        ),
        (after, limit,),
        filter,
        reach,
        None::<Date>
    )
    .fetch_all(db)
    .await
}
