//! Grants as exports read them: a chunk at a time, in the order in which they were drafted; and what rows of other
//! lists are shown with.

use std::{collections::HashMap, sync::Arc};

use sqlx::PgExecutor;
use uuid::Uuid;

use super::{Grant, GrantFilter};
use crate::{
    access::Reach,
    grants::AccountingKeys,
    id::{GrantId, OrganizationId, ProgramId},
    money::Money,
    page::exported,
};

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

/// What a row that belongs to a grant is shown with. Exports hold those of all grants at once, so it is small.
#[derive(Debug)]
pub struct Heading {
    pub id: GrantId,
    pub number: Box<str>,
    pub title: Box<str>,
    pub program: Arc<ProgramHeading>,
    pub recipient: Arc<str>,
    /// None of a grant that has none of its own.
    accounting: Option<Box<AccountingKeys>>,
    pub awarded: Money,
    pub available: Money,
}

static NO_KEYS: AccountingKeys =
    AccountingKeys { vendor_number: None, purchase_order: None, fund_string: None };

impl Heading {
    /// What accounting calls the grant.
    pub fn accounting(&self) -> &AccountingKeys {
        self.accounting.as_deref().unwrap_or(&NO_KEYS)
    }
}

/// The program of a grant, and its stream.
#[derive(Debug)]
pub struct ProgramHeading {
    pub stream: String,
    pub stream_name: String,
    pub code: String,
    pub name: String,
}

/// The headings of many grants, which hold what they have in common once.
#[derive(Default)]
pub struct Headings {
    programs: HashMap<ProgramId, Arc<ProgramHeading>>,
    recipients: HashMap<OrganizationId, Arc<str>>,
}

impl Headings {
    /// Reads the headings of many grants; whoever asks knows that the rows may be seen.
    pub async fn read(
        &mut self,
        db: impl PgExecutor<'_>,
        grants: &[GrantId],
    ) -> sqlx::Result<Vec<Heading>> {
        let rows = sqlx::query!(
            r#"select g.id as "id: GrantId", g.number as "number: Box<str>", g.title as "title: Box<str>",
                      g.program_id as "program_id: ProgramId", s.code as stream, s.name as stream_name, p.code, p.name,
                      g.recipient_id as "recipient_id: OrganizationId", o.name as "recipient: Arc<str>", g.vendor_number,
                      g.purchase_order, g.fund_string, coalesce(-awarded.balance, 0) as "awarded!: Money",
                      coalesce(available.balance, 0) as "available!: Money"
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
        .await?;
        let headings = rows.into_iter().map(|row| {
            let program = self.programs.entry(row.program_id).or_insert_with(|| {
                Arc::new(ProgramHeading {
                    stream: row.stream,
                    stream_name: row.stream_name,
                    code: row.code,
                    name: row.name,
                })
            });
            let recipient = self.recipients.entry(row.recipient_id).or_insert(row.recipient);
            let accounting = AccountingKeys {
                vendor_number: row.vendor_number,
                purchase_order: row.purchase_order,
                fund_string: row.fund_string,
            };
            Heading {
                id: row.id,
                number: row.number,
                title: row.title,
                program: Arc::clone(program),
                recipient: Arc::clone(recipient),
                accounting: (accounting != NO_KEYS).then(|| accounting.into()),
                awarded: row.awarded,
                available: row.available,
            }
        });
        Ok(headings.collect())
    }
}
