use std::sync::Arc;

use super::{
    Cell, Chunk, List,
    headings::{CHUNK, OfGrants},
    lists::columns,
};
use crate::{
    App, Result,
    disbursements::store::{
        DisbursementFilter,
        exported::{self, Exported},
    },
    grants::store::exported::Heading,
    id::{DisbursementId, GrantId},
};

/// The disbursements that a filter finds, in the order in which they were requested.
pub type Disbursements = OfGrants<DisbursementFilter>;

impl List for Disbursements {
    type Row = (Exported, Arc<Heading>);

    async fn next(&mut self, app: &App) -> Result<Chunk<Self::Row>> {
        let rows = exported::next(&app.db, &self.filter, &self.reach, self.after, CHUNK).await?;
        self.chunk(app, rows, |row| (row.id.0, row.grant_id)).await
    }

    columns! {
        (row, grant) => Self::Row {
            "id": Cell::Id(DisbursementId::PREFIX, row.id.0),
            "grantId": Cell::Id(GrantId::PREFIX, grant.id.0),
            "grantNumber": Cell::Text(&grant.number),
            "grantTitle": Cell::Text(&grant.title),
            "stream": Cell::Word(&grant.program.stream),
            "program": Cell::Text(&grant.program.code),
            "recipient": Cell::Text(&grant.recipient),
            "status": Cell::Word(row.status.as_str()),
            "kind": Cell::Word(row.kind.as_str()),
            "invoiceNumber": Cell::Text(&row.invoice_number),
            "periodStart": Cell::Day(row.period_start),
            "periodEnd": Cell::Day(row.period_end),
            "requestedAmount": Cell::Money(row.amount),
            "approvedAmount": Cell::of(row.approved_amount, Cell::Money),
            "retained": Cell::Money(row.retained),
            "paidAmount": Cell::of(row.paid_amount(), Cell::Money),
            "grantAwarded": Cell::Money(grant.awarded),
            "grantRemaining": Cell::Money(grant.available),
            "requestedAt": Cell::Moment(row.requested_at),
            "approvedAt": Cell::of(row.approved_at, Cell::Moment),
            "scheduledFor": Cell::of(row.scheduled_for, Cell::Day),
            "paidOn": Cell::of(row.paid_on, Cell::Day),
            "method": Cell::of(row.method, |method| Cell::Word(method.as_str())),
            "reference": Cell::text(&row.reference),
            "vendorNumber": Cell::text(&row.vendor_number),
            "purchaseOrder": Cell::text(&row.purchase_order),
            "fundString": Cell::text(&row.fund_string),
            "warrantNumber": Cell::text(&row.warrant_number),
            "grantVendorNumber": Cell::text(&grant.accounting().vendor_number),
            "grantPurchaseOrder": Cell::text(&grant.accounting().purchase_order),
            "grantFundString": Cell::text(&grant.accounting().fund_string),
            "opening": Cell::Yes(row.opening),
            "reason": Cell::text(&row.reason),
            "updatedAt": Cell::Moment(row.updated_at),
        }
    }
}
