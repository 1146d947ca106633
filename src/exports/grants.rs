use std::{collections::HashMap, fmt::Display};

use uuid::Uuid;

use super::{Cell, Chunk, List, lists::columns};
use crate::{
    App, Result,
    access::Reach,
    figures::balances::{self, Of},
    grants::{
        Grant,
        store::{
            self, GrantFilter,
            exported::{self, Heading, Headings},
        },
    },
    id::{GrantId, OrganizationId},
    ledger::GrantBalance,
};

/// Read at once, with the rules and the accounts of each.
const CHUNK: i64 = 500;

/// The grants that a filter finds, in the order in which they were drafted, with their figures as of a day.
pub struct Grants {
    pub filter: GrantFilter,
    pub reach: Reach,
    pub after: Option<Uuid>,
    pub of: Of,
}

/// A grant with all that an export shows of it.
pub struct Shown {
    grant: Grant,
    heading: Heading,
    cities: String,
    action_areas: String,
    balance: GrantBalance,
}

impl List for Grants {
    type Row = Shown;

    async fn next(&mut self, app: &App) -> Result<Chunk<Shown>> {
        let grants = exported::next(&app.db, &self.filter, &self.reach, self.after, CHUNK).await?;
        self.after = grants.last().map(|grant| grant.id.0);
        let more = grants.len() as i64 == CHUNK;
        Ok(Chunk { rows: shown(app, grants, self.of).await?, more })
    }

    columns! {
        row => Shown {
            "id": Cell::Id(GrantId::PREFIX, row.grant.id.0),
            "number": Cell::Text(&row.grant.number),
            "title": Cell::Text(&row.grant.title),
            "status": Cell::Word(row.grant.status.as_str()),
            "stream": Cell::Word(&row.heading.program.stream),
            "streamName": Cell::Text(&row.heading.program.stream_name),
            "program": Cell::Text(&row.heading.program.code),
            "programName": Cell::Text(&row.heading.program.name),
            "recipient": Cell::Text(&row.heading.recipient),
            "recipientId": Cell::Id(OrganizationId::PREFIX, row.grant.recipient_id.0),
            "cities": Cell::Text(&row.cities),
            "actionAreas": Cell::Text(&row.action_areas),
            "performanceStart": Cell::Day(row.grant.performance_start),
            "performanceEnd": Cell::Day(row.grant.performance_end),
            "signedOn": Cell::of(row.grant.signed_on, Cell::Day),
            "encumberBy": Cell::of(row.grant.encumber_by, Cell::Day),
            "liquidateBy": Cell::of(row.grant.liquidate_by, Cell::Day),
            "finalInvoiceBy": Cell::of(row.grant.final_invoice_by, Cell::Day),
            "vendorNumber": Cell::text(&row.grant.vendor_number),
            "purchaseOrder": Cell::text(&row.grant.purchase_order),
            "fundString": Cell::text(&row.grant.fund_string),
            "awarded": Cell::Money(row.balance.awarded),
            "requested": Cell::Money(row.balance.requested),
            "approved": Cell::Money(row.balance.approved),
            "disbursed": Cell::Money(row.balance.disbursed),
            "retained": Cell::Money(row.balance.retained),
            "lapsed": Cell::Money(row.balance.lapsed),
            "remaining": Cell::Money(row.balance.available_to_disburse),
            "expended": Cell::Money(row.balance.expended),
            "encumbered": Cell::Money(row.balance.encumbered),
            "unobligated": Cell::Money(row.balance.unobligated),
            "cashOnHand": Cell::Money(row.balance.cash_on_hand),
            "reimbursementDue": Cell::Money(row.balance.reimbursement_due),
            "advanceOutstanding": Cell::Money(row.balance.advance_outstanding),
            "matchRequired": Cell::Money(row.balance.match_required),
            "matchMet": Cell::Money(row.balance.match_met),
            "matchGap": Cell::Money(row.balance.match_gap),
            "asOf": Cell::of(row.balance.as_of, Cell::Day),
            "updatedAt": Cell::Moment(row.grant.updated_at),
        }
    }
}

async fn shown(app: &App, grants: Vec<Grant>, of: Of) -> Result<Vec<Shown>> {
    let ids: Vec<_> = grants.iter().map(|grant| grant.id).collect();
    let mut db = app.db.acquire().await?;
    let headings = Headings::default().read(&mut *db, &ids).await?;
    let mut headings: HashMap<_, _> = headings.into_iter().map(|one| (one.id, one)).collect();
    let cities = store::cities_of(&mut *db, &ids).await?;
    let areas = store::action_areas_of(&mut *db, &ids).await?;
    let mut balances = balances::of_grants(&mut db, &app.clock, &ids, of).await?;
    let row = |grant: Grant| {
        let heading = headings.remove(&grant.id).expect("a grant has a program and a recipient");
        Shown {
            cities: shares(
                cities.get(&grant.id).into_iter().flatten().map(|of| (&of.city.name, of.share_bp)),
            ),
            action_areas: shares(
                areas.get(&grant.id).into_iter().flatten().map(|of| (of.action_area, of.share_bp)),
            ),
            balance: balances.remove(&grant.id).unwrap_or_default(),
            heading,
            grant,
        }
    };
    Ok(grants.into_iter().map(row).collect())
}

/// As `name (basis points); ...`.
fn shares(shares: impl Iterator<Item = (impl Display, i32)>) -> String {
    let shares: Vec<_> = shares.map(|(name, share)| format!("{name} ({share})")).collect();
    shares.join("; ")
}
