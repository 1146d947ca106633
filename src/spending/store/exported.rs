//! Costs as an export reads them: a chunk at a time, in the order in which they were entered.

use chrono::{DateTime, Utc};
use sqlx::PgExecutor;
use uuid::Uuid;

use super::ExpenditureFilter;
use crate::{
    access::Reach,
    clock::Date,
    id::{ExpenditureId, GrantId},
    money::Money,
    page::exported,
    rule_sets::kinds::CostCategory,
};

/// What an export shows of a cost, its budget line and its order.
pub struct Exported {
    pub id: ExpenditureId,
    pub grant_id: GrantId,
    pub category: CostCategory,
    pub title: String,
    pub approved: Money,
    pub unobligated: Money,
    pub encumbrance: Option<String>,
    pub amount: Money,
    pub incurred_on: Date,
    pub effective_on: Date,
    pub vendor: Option<String>,
    pub reference: Option<String>,
    pub description: String,
    pub opening: bool,
    pub recorded_at: DateTime<Utc>,
    pub reversed_at: Option<DateTime<Utc>>,
    pub reverse_reason: Option<String>,
}

/// The next costs after one that a filter finds.
pub async fn next(
    db: impl PgExecutor<'_>,
    filter: &ExpenditureFilter,
    reach: &Reach,
    after: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<Exported>> {
    listed!(
        exported,
        (
            Exported,
            r#"listed.id, listed.grant_id, l.category, l.title, l.amount as approved,
               coalesce(u.balance, 0) as "unobligated!: Money", e.number as "encumbrance?", listed.amount,
               listed.incurred_on, listed.effective_on, listed.vendor, listed.reference, listed.description,
               listed.opening, listed.recorded_at, listed.reversed_at, listed.reverse_reason"#,
            "join budget_lines l on l.id = listed.line_id
             left join encumbrances e on e.id = listed.encumbrance_id
             left join ledger_accounts u on u.grant_id = listed.grant_id and u.kind = 'UNOBLIGATED'
                                        and u.item_id = listed.line_id",
            "$3::uuid is null or listed.id > $3",
            "listed.id"
        ),
        (after, limit,),
        filter,
        reach
    )
    .fetch_all(db)
    .await
}
