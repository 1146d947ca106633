//! The SQL of a payment: one statement that locks and reads, and one that writes.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{ClaimLine, Disbursement, DisbursementEvent};
use crate::{
    access::Acting,
    clock::{Clock, Date},
    deadlines::DeadlineKind,
    facts,
    grants::Grant,
    id::DisbursementId,
    idempotency,
    ledger::{Posting, store::Columns},
    rule_sets::{
        bound::{self, Bound},
        override_store::OverrideRow,
        store::{Circumstances, RuleRow},
    },
};

/// What a payment looks at, of a disbursement whose grant is held from here on.
pub struct Paying {
    pub grant: Grant,
    pub disbursement: Disbursement,
    pub claims: Vec<ClaimLine>,
    pub bound: Bound,
    pub overdue: Vec<(DeadlineKind, String)>,
    pub resolved: bool,
}

/// The request that used the key before.
pub struct Before {
    pub input_hash: Vec<u8>,
    pub object: Uuid,
}

pub enum Found {
    Before(Before),
    Held(Box<Paying>),
    /// There is no such disbursement, or it is not the actor's to see.
    Nothing,
}

#[derive(Deserialize)]
struct Document {
    before: Option<BeforeRow>,
    held: Option<HeldRow>,
}

#[derive(Deserialize)]
struct BeforeRow {
    input_hash: String,
    object_id: Uuid,
}

#[derive(Deserialize)]
struct HeldRow {
    grant: Grant,
    disbursement: Disbursement,
    claims: Vec<ClaimLine>,
    circumstances: Circumstances,
    rules: Vec<RuleRow>,
    overrides: Vec<OverrideRow>,
    facts: Vec<facts::store::KnownRow>,
    overdue: Vec<OverdueRow>,
    resolved: bool,
}

#[derive(Deserialize)]
struct OverdueRow {
    kind: DeadlineKind,
    title: String,
}

/// Says on whose behalf the transaction works, reserves the request's key, locks the grant and reads what the payment looks at.
pub async fn hold(
    tx: &mut PgConnection,
    once: &idempotency::Request<'_>,
    by: &Acting<'_>,
    id: DisbursementId,
    now: DateTime<Utc>,
    today: Date,
) -> sqlx::Result<Found> {
    let row = sqlx::query!(
        r#"select act_as($5, $12, $13, $14, $9) as "acting!",
                  hold_for_payment($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) as "document!""#,
        id as _,
        by.reach.everything,
        by.reach.organizations.as_slice() as _,
        by.reach.cities.as_slice() as _,
        once.person as _,
        once.mutation,
        once.key,
        once.input_hash,
        now,
        today as _,
        idempotency::REMEMBERED_DAYS,
        by.role.as_str(),
        by.request_id.as_deref(),
        by.action(),
    )
    .fetch_one(tx)
    .await?;
    let unreadable = |error: serde_json::Error| sqlx::Error::Decode(error.into());
    let document: Document = serde_json::from_value(row.document).map_err(unreadable)?;
    if let Some(before) = document.before {
        let input_hash = bytes(&before.input_hash).ok_or(sqlx::Error::RowNotFound)?;
        return Ok(Found::Before(Before { input_hash, object: before.object_id }));
    }
    match document.held {
        Some(held) => Ok(Found::Held(Box::new(held.read()?))),
        None => Ok(Found::Nothing),
    }
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits = (0..hex.len()).step_by(2);
    digits.map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()).collect()
}

impl HeldRow {
    fn read(self) -> sqlx::Result<Paying> {
        let rules = self.rules.into_iter().map(RuleRow::read).collect::<sqlx::Result<_>>()?;
        let overrides =
            self.overrides.into_iter().map(OverrideRow::read).collect::<sqlx::Result<_>>()?;
        let known = facts::store::by_subject(self.facts);
        Ok(Paying {
            bound: bound::of_signed(&self.circumstances, rules, overrides, &known),
            grant: self.grant,
            disbursement: self.disbursement,
            claims: self.claims,
            overdue: self.overdue.into_iter().map(|row| (row.kind, row.title)).collect(),
            resolved: self.resolved,
        })
    }
}

/// Writes a payment: the disbursement, its event, and what it moves.
pub async fn write(
    tx: &mut PgConnection,
    clock: &Clock,
    paid: &Disbursement,
    event: &DisbursementEvent,
    posting: &Posting,
) -> sqlx::Result<()> {
    let columns = Columns::of(posting, clock);
    let posted = sqlx::query_scalar!(
        r#"
        with paid as (
            update disbursements
               set status = $2, retained = $3, paid_by = $4, paid_on = $5, method = $6, reference = $7,
                   vendor_number = $8, purchase_order = $9, fund_string = $10, warrant_number = $11, revision = $12,
                   updated_at = $13
             where id = $1
        ), noted as (
            insert into disbursement_events (id, disbursement_id, status, person_id, reason, occurred_at)
            values ($14, $1, $2, $4, $15, $13)
        )
        select post_ledger_entries($16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $14, $31, $13,
                                   $32, null) as "posted!"
        "#,
        paid.id as _,
        paid.status as _,
        paid.retained as _,
        paid.paid_by as _,
        paid.paid_on as _,
        paid.method as _,
        paid.reference,
        paid.vendor_number,
        paid.purchase_order,
        paid.fund_string,
        paid.warrant_number,
        paid.revision,
        paid.updated_at,
        event.id as _,
        event.reason,
        &columns.ids as _,
        &columns.steps as _,
        &columns.amounts as _,
        &columns.from.ids as _,
        &columns.from.grants as _,
        &columns.from.allocations as _,
        &columns.from.contributions as _,
        &columns.from.kinds as _,
        &columns.from.items as _,
        &columns.to.ids as _,
        &columns.to.grants as _,
        &columns.to.allocations as _,
        &columns.to.contributions as _,
        &columns.to.kinds as _,
        &columns.to.items as _,
        posting.effective_on as _,
        posting.opening,
    )
    .fetch_one(tx)
    .await?;
    columns.all_posted(posted)
}
