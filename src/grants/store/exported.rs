//! Grants as exports read them: a chunk at a time, in the order in which they were drafted; and what rows of other
//! lists are shown with.

use std::sync::Arc;

use sqlx::PgExecutor;
use uuid::Uuid;

use super::{Grant, GrantFilter};
use crate::{access::Reach, id::GrantId, money::Money, page::exported};

/// The next grants after one that a filter finds.
pub async fn next(
    db: impl PgExecutor<'_>,
    filter: &GrantFilter,
    reach: &Reach,
    after: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<Grant>> {
    listed!(
        exported,
        (
            Grant,
            "id, number, title, status, program_id, recipient_id, parent_id, amount, performance_start,
             performance_end, encumber_by, liquidate_by, final_invoice_by, drafted_by, awarded_by, awarded_at,
             signed_on, rule_set_id, vendor_number, purchase_order, fund_string, closing_since, ended_on,
             revision, created_at, updated_at",
            "",
            "$3::uuid is null or id > $3",
            "id"
        ),
        (after, limit,),
        filter,
        reach
    )
    .fetch_all(db)
    .await
}

/// What a row that belongs to a grant is shown with.
#[derive(Debug)]
pub struct Heading {
    pub id: GrantId,
    pub number: String,
    pub title: String,
    pub stream: Arc<str>,
    pub stream_name: Arc<str>,
    pub program: Arc<str>,
    pub program_name: Arc<str>,
    pub recipient: Arc<str>,
    pub vendor_number: Option<String>,
    pub purchase_order: Option<String>,
    pub fund_string: Option<String>,
    pub awarded: Money,
    pub available: Money,
}

/// The headings of many grants; whoever asks knows that the rows may be seen.
pub async fn headings(db: impl PgExecutor<'_>, grants: &[GrantId]) -> sqlx::Result<Vec<Heading>> {
    sqlx::query_as!(
        Heading,
        r#"select g.id, g.number, g.title, s.code as "stream: _", s.name as "stream_name: _", p.code as "program: _",
                  p.name as "program_name: _", o.name as "recipient: _", g.vendor_number, g.purchase_order, g.fund_string,
                  coalesce(-awarded.balance, 0) as "awarded!: Money", coalesce(available.balance, 0) as "available!: Money"
             from grants g
             join funding_programs p on p.id = g.program_id
             join funding_streams s on s.id = p.stream_id
             join organizations o on o.id = g.recipient_id
             left join ledger_accounts awarded
                    on awarded.grant_id = g.id and awarded.kind = 'SRC_PAY' and awarded.item_id is null
             left join ledger_accounts available
                    on available.grant_id = g.id and available.kind = 'AVAILABLE' and available.item_id is null
            where g.id = any($1)"#,
        grants as _,
    )
    .fetch_all(db)
    .await
}
