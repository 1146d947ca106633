use std::sync::Arc;

use super::{
    Cell, Chunk, List,
    headings::{CHUNK, OfGrants},
    lists::columns,
};
use crate::{
    App, Result,
    grants::store::exported::Heading,
    id::{ExpenditureId, GrantId},
    spending::store::{
        ExpenditureFilter,
        exported::{self, Exported},
    },
};

/// The costs that a filter finds, in the order in which they were entered.
pub type Expenditures = OfGrants<ExpenditureFilter>;

impl List for Expenditures {
    type Row = (Exported, Arc<Heading>);

    async fn next(&mut self, app: &App) -> Result<Chunk<Self::Row>> {
        let rows = exported::next(&app.db, &self.filter, &self.reach, self.after, CHUNK).await?;
        self.chunk(app, rows, |row| (row.id.0, row.grant_id)).await
    }

    columns! {
        (row, grant) => Self::Row {
            "id": Cell::Id(ExpenditureId::PREFIX, row.id.0),
            "grantId": Cell::Id(GrantId::PREFIX, grant.id.0),
            "grantNumber": Cell::Text(&grant.number),
            "grantTitle": Cell::Text(&grant.title),
            "stream": Cell::Word(&grant.program.stream),
            "program": Cell::Text(&grant.program.code),
            "recipient": Cell::Text(&grant.recipient),
            "lineCategory": Cell::Word(row.category.as_str()),
            "lineTitle": Cell::Text(&row.title),
            "lineApproved": Cell::Money(row.approved),
            "lineRemaining": Cell::Money(row.unobligated),
            "encumbranceNumber": Cell::text(&row.encumbrance),
            "amount": Cell::Money(row.amount),
            "incurredOn": Cell::Day(row.incurred_on),
            "effectiveOn": Cell::Day(row.effective_on),
            "vendor": Cell::text(&row.vendor),
            "reference": Cell::text(&row.reference),
            "description": Cell::Text(&row.description),
            "grantVendorNumber": Cell::text(&grant.accounting().vendor_number),
            "grantPurchaseOrder": Cell::text(&grant.accounting().purchase_order),
            "grantFundString": Cell::text(&grant.accounting().fund_string),
            "opening": Cell::Yes(row.opening),
            "recordedAt": Cell::Moment(row.recorded_at),
            "reversedAt": Cell::of(row.reversed_at, Cell::Moment),
            "reverseReason": Cell::text(&row.reverse_reason),
        }
    }
}
