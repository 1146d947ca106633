//! What was received, divided, spent and gone back, as rows.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

use super::{AllocationReceipt, AllocationSpend};
use crate::{
    clock::Date,
    fiscal_year::FiscalYear,
    id::{
        AllocationComponentId, AllocationId, AllocationReceiptId, AllocationReversionId,
        AllocationSpendId, CityId, CountyId, OrganizationId, ProgramId, RuleId,
    },
    money::Money,
};

/// A layer with what became of it, and whose facts speak for it.
pub struct LayerRow {
    pub id: AllocationComponentId,
    pub allocation_id: AllocationId,
    pub receipt_id: AllocationReceiptId,
    pub fiscal_year: FiscalYear,
    pub received_on: Date,
    pub component: String,
    pub amount: Money,
    pub spent: Money,
    pub reverted: Money,
    pub reverted_on: Option<Date>,
    pub program_id: ProgramId,
    pub recipient_id: OrganizationId,
    /// The city whose government the recipient is.
    pub city: Option<CityId>,
    /// The county that the recipient is a department of.
    pub county: Option<CountyId>,
}

/// The layers of many allocations as of a day, the oldest first.
pub async fn layers_of(
    db: impl PgExecutor<'_>,
    allocations: &[AllocationId],
    as_of: Date,
) -> sqlx::Result<Vec<LayerRow>> {
    sqlx::query_as!(
        LayerRow,
        r#"
        select c.id, c.allocation_id, c.receipt_id, r.fiscal_year, r.received_on, c.component, c.amount,
               coalesce(gone.spent, 0) as "spent!: Money", coalesce(gone.reverted, 0) as "reverted!: Money",
               gone.reverted_on as "reverted_on: Date", al.program_id, al.recipient_id,
               case when o.kind = 'CITY_GOVERNMENT' then o.city_id end as "city: CityId",
               case when o.kind = 'COUNTY' then o.county_id end as "county: CountyId"
          from allocation_components c
          join allocation_receipts r on r.id = c.receipt_id
          join allocations al on al.id = c.allocation_id
          join organizations o on o.id = al.recipient_id
          left join ledger_accounts a on a.allocation_id = c.allocation_id and a.kind = 'COMPONENT' and a.item_id = c.id
          left join lateral (
                select sum(t.amount) filter (where t.kind = 'SPEND') as spent,
                       sum(t.amount) filter (where t.kind = 'REVERT') as reverted,
                       max(t.effective_on) filter (where t.kind = 'REVERT') as reverted_on
                  from ledger_transfers t
                 where t.from_account = a.id and t.effective_on <= $2) gone on true
         where c.allocation_id = any($1) and r.received_on <= $2
         order by c.allocation_id, r.fiscal_year, r.received_on, c.receipt_id, c.place
        "#,
        allocations as _,
        as_of as _,
    )
    .fetch_all(db)
    .await
}

/// What each component was spent from one day to before another.
pub async fn spent_between(
    db: impl PgExecutor<'_>,
    allocations: &[AllocationId],
    from: Date,
    before: Date,
) -> sqlx::Result<HashMap<AllocationId, BTreeMap<String, Money>>> {
    let rows = sqlx::query!(
        r#"
        select c.allocation_id, c.component, sum(t.amount) as "amount!: Money"
          from ledger_accounts a
          join allocation_components c on c.id = a.item_id
          join ledger_transfers t on t.from_account = a.id and t.kind = 'SPEND'
         where a.allocation_id = any($1) and a.kind = 'COMPONENT' and t.effective_on >= $2 and t.effective_on < $3
         group by c.allocation_id, c.component
        "#,
        allocations as _,
        from as _,
        before as _,
    )
    .fetch_all(db)
    .await?;
    let mut spent: HashMap<_, BTreeMap<_, _>> = HashMap::new();
    for row in rows {
        spent.entry(row.allocation_id).or_default().insert(row.component, row.amount);
    }
    Ok(spent)
}

/// Writes a receipt with its parts, in their order.
pub async fn insert_receipt(
    tx: &mut PgConnection,
    receipt: &AllocationReceipt,
    parts: &[(AllocationComponentId, String, Money)],
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into allocation_receipts (id, allocation_id, received_on, amount, reference, rule_id, recorded_by,
                                          recorded_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        receipt.id as _,
        receipt.allocation_id as _,
        receipt.received_on as _,
        receipt.amount as _,
        receipt.reference,
        receipt.rule_id as _,
        receipt.recorded_by as _,
        receipt.recorded_at,
    )
    .execute(&mut *tx)
    .await?;
    let ids: Vec<AllocationComponentId> = parts.iter().map(|(id, ..)| *id).collect();
    let components: Vec<String> = parts.iter().map(|(_, component, _)| component.clone()).collect();
    let amounts: Vec<Money> = parts.iter().map(|(.., amount)| *amount).collect();
    sqlx::query!(
        "insert into allocation_components (id, receipt_id, allocation_id, place, component, amount)
         select part.id, $1, $2, part.place, part.component, part.amount
           from unnest($3::uuid[], $4::text[], $5::numeric[]) with ordinality as part (id, component, amount, place)",
        receipt.id as _,
        receipt.allocation_id as _,
        ids as _,
        &components,
        amounts as _,
    )
    .execute(tx)
    .await?;
    Ok(())
}

pub async fn insert_spend(tx: &mut PgConnection, spend: &AllocationSpend) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into allocation_spends (id, allocation_id, component, amount, spent_on, description, reference,
                                        recorded_by, recorded_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        spend.id as _,
        spend.allocation_id as _,
        spend.component,
        spend.amount as _,
        spend.spent_on as _,
        spend.description,
        spend.reference,
        spend.recorded_by as _,
        spend.recorded_at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// What went back of a layer.
pub struct NewReversion {
    pub id: AllocationReversionId,
    pub layer: AllocationComponentId,
    pub rule: RuleId,
    pub amount: Money,
    pub spend_by: Date,
    pub effective_on: Date,
    pub at: DateTime<Utc>,
}

pub async fn insert_reversion(tx: &mut PgConnection, new: &NewReversion) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into allocation_reversions (id, component_id, rule_id, amount, spend_by, effective_on, reverted_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        new.id as _,
        new.layer as _,
        new.rule as _,
        new.amount as _,
        new.spend_by as _,
        new.effective_on as _,
        new.at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Whether the month of a day takes no more entries.
pub async fn is_closed(db: impl PgExecutor<'_>, day: Date) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from ledger_closed_months
                           where month = date_trunc('month', $1::date) and reopened_at is null) as "closed!""#,
        day as _,
    )
    .fetch_one(db)
    .await
}

/// Allocations after one, in the order of their ids, that have money which nobody spent.
pub async fn with_unspent(
    db: impl PgExecutor<'_>,
    after: Option<AllocationId>,
    limit: i64,
) -> sqlx::Result<Vec<AllocationId>> {
    sqlx::query_scalar!(
        r#"select al.id from allocations al
            where ($1::uuid is null or al.id > $1)
              and exists (select from ledger_accounts a
                           where a.allocation_id = al.id and a.kind = 'COMPONENT' and a.balance > 0)
            order by al.id limit $2"#,
        after as _,
        limit,
    )
    .fetch_all(db)
    .await
}

/// What a spend took from which receipt.
#[derive(Clone, Copy, Debug)]
pub struct Drawn {
    pub receipt_id: AllocationReceiptId,
    pub amount: Money,
}

/// What spends took from which receipts, the oldest first.
pub async fn drawn_by(
    db: impl PgExecutor<'_>,
    spends: &[AllocationSpendId],
) -> sqlx::Result<HashMap<AllocationSpendId, Vec<Drawn>>> {
    let rows = sqlx::query!(
        r#"
        select t.cause_id as "spend!: AllocationSpendId", c.receipt_id, t.amount as "amount!: Money"
          from ledger_transfers t
          join ledger_accounts a on a.id = t.from_account
          join allocation_components c on c.id = a.item_id
          join allocation_receipts r on r.id = c.receipt_id
         where t.cause_id = any($1) and t.kind = 'SPEND'
         order by t.cause_id, r.fiscal_year, r.received_on, r.id
        "#,
        spends as _,
    )
    .fetch_all(db)
    .await?;
    let mut drawn: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        let part = Drawn { receipt_id: row.receipt_id, amount: row.amount };
        drawn.entry(row.spend).or_default().push(part);
    }
    Ok(drawn)
}
