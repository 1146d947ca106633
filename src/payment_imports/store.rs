use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{ImportedRow, PaymentImport, PaymentOutcome, model::Named};
use crate::{
    access::Reach,
    clock::Date,
    disbursements::{Disbursement, DisbursementEvent},
    grants::Grant,
    id::{DisbursementId, GrantId, PaymentImportId, PersonId},
    money::Money,
};

/// Which disbursement each of many lines names, and its grant, of those that an actor may see: a live one, where it is
/// named by its invoice. A line that names none is left out.
pub async fn named(
    tx: &mut PgConnection,
    reach: &Reach,
    lines: &[(i32, &Named)],
) -> sqlx::Result<Vec<(i32, DisbursementId, GrantId)>> {
    let places: Vec<i32> = lines.iter().map(|(line, _)| *line).collect();
    let ids: Vec<_> = lines.iter().map(|(_, named)| named.id.map(|id| id.0)).collect();
    let grants: Vec<_> = lines.iter().map(|(_, named)| named.grant_number.as_deref()).collect();
    let invoices: Vec<_> = lines.iter().map(|(_, named)| named.invoice_number.as_deref()).collect();
    let rows = sqlx::query!(
        r#"
        with told as (
            select * from unnest($1::integer[], $2::uuid[], $3::text[], $4::text[]) as t (line, id, number, invoice)
        ), found as (
            select t.line, d.id, d.grant_id, t.number, t.invoice, d.invoice_number
              from told t join disbursements d on d.id = t.id
             union all
            select t.line, d.id, d.grant_id, t.number, t.invoice, d.invoice_number
              from told t
              join grants g on lower(btrim(g.number)) = lower(btrim(t.number))
              join disbursements d on d.grant_id = g.id and lower(btrim(d.invoice_number)) = lower(btrim(t.invoice))
                                  and d.status not in ('REJECTED', 'CANCELLED', 'REVERSED')
             where t.id is null
        )
        select f.line as "line!", f.id as "id!: DisbursementId", f.grant_id as "grant!: GrantId"
          from found f
          join grants g on g.id = f.grant_id
         where ($5::bool or g.recipient_id = any($6::uuid[])
                or exists (select from grant_cities c where c.grant_id = g.id and c.city_id = any($7::uuid[])))
           -- Whoever names it in two ways means the same one.
           and (f.number is null or lower(btrim(f.number)) = lower(btrim(g.number)))
           and (f.invoice is null or lower(btrim(f.invoice)) = lower(btrim(f.invoice_number)))
        "#,
        &places,
        ids as _,
        grants as _,
        invoices as _,
        reach.everything,
        reach.organizations.as_slice() as _,
        reach.cities.as_slice() as _,
    )
    .fetch_all(tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.line, row.id, row.grant)).collect())
}

/// Holds grants, in the order of their ids, so that two who hold several do not wait for each other.
pub async fn lock_grants(tx: &mut PgConnection, grants: &[GrantId]) -> sqlx::Result<()> {
    sqlx::query!(
        "select id from grants where id = any($1) order by id for no key update",
        grants as _
    )
    .fetch_all(tx)
    .await?;
    Ok(())
}

/// Until when nothing more is posted: the last closed month, and of each of many grants the last certified day.
pub async fn closed(
    tx: &mut PgConnection,
    grants: &[GrantId],
) -> sqlx::Result<(Option<Date>, HashMap<GrantId, Date>)> {
    let through = sqlx::query_scalar!(r#"select closed_through() as "through: Date""#)
        .fetch_one(&mut *tx)
        .await?;
    let certified = sqlx::query!(
        r#"select grant_id as "grant: GrantId", max(period_end) as "last!: Date" from reports
            where grant_id = any($1) and status = 'CERTIFIED' and kind in ('FINANCIAL', 'CLOSEOUT')
            group by grant_id"#,
        grants as _,
    )
    .fetch_all(tx)
    .await?;
    Ok((through, certified.into_iter().map(|row| (row.grant, row.last)).collect()))
}

/// Writes many payments: the disbursements and their events. What they move is posted beside it.
pub async fn write_paid(
    tx: &mut PgConnection,
    paid: &[(&Disbursement, &DisbursementEvent)],
) -> sqlx::Result<()> {
    macro_rules! column {
        ($row:ident => $value:expr) => {
            paid.iter().map(|$row| $value).collect::<Vec<_>>()
        };
    }
    sqlx::query!(
        "with told as (
            select * from unnest($1::uuid[], $2::numeric[], $3::uuid[], $4::date[], $5::text[], $6::text[], $7::text[],
                                 $8::text[], $9::text[], $10::text[], $11::integer[], $12::timestamptz[], $13::uuid[],
                                 $14::text[])
                       as t (id, retained, paid_by, paid_on, method, reference, vendor_number, purchase_order,
                             fund_string, warrant_number, revision, at, event, reason)
         ), paid as (
            update disbursements d
               set status = 'PAID', retained = t.retained, paid_by = t.paid_by, paid_on = t.paid_on, method = t.method,
                   reference = t.reference, vendor_number = t.vendor_number, purchase_order = t.purchase_order,
                   fund_string = t.fund_string, warrant_number = t.warrant_number, revision = t.revision,
                   updated_at = t.at
              from told t where d.id = t.id
         )
         insert into disbursement_events (id, disbursement_id, status, person_id, reason, occurred_at)
         select t.event, t.id, 'PAID', t.paid_by, t.reason, t.at from told t order by t.event",
        column!(row => row.0.id) as _,
        column!(row => row.0.retained) as _,
        column!(row => row.0.paid_by) as _,
        column!(row => row.0.paid_on) as _,
        column!(row => row.0.method) as _,
        column!(row => row.0.reference.as_deref()) as _,
        column!(row => row.0.vendor_number.as_deref()) as _,
        column!(row => row.0.purchase_order.as_deref()) as _,
        column!(row => row.0.fund_string.as_deref()) as _,
        column!(row => row.0.warrant_number.as_deref()) as _,
        &column!(row => row.0.revision),
        &column!(row => row.0.updated_at),
        column!(row => row.1.id) as _,
        column!(row => row.1.reason.as_deref()) as _,
    )
    .execute(tx)
    .await?;
    Ok(())
}

pub async fn insert(
    tx: &mut PgConnection,
    import: &PaymentImport,
    rows: &[ImportedRow],
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into payment_imports (id, file_hash, paid, already_paid, amount, imported_by, imported_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        import.id as _,
        import.file_hash,
        import.paid,
        import.already_paid,
        import.amount as _,
        import.imported_by as _,
        import.imported_at,
    )
    .execute(&mut *tx)
    .await?;
    let lines: Vec<i32> = rows.iter().map(|row| row.line).collect();
    let disbursements: Vec<_> = rows.iter().map(|row| row.disbursement).collect();
    let outcomes: Vec<PaymentOutcome> = rows.iter().map(|row| row.outcome).collect();
    sqlx::query!(
        "insert into payment_import_rows (import_id, line, disbursement_id, outcome)
         select $1, r.* from unnest($2::integer[], $3::uuid[], $4::text[]) as r",
        import.id as _,
        &lines,
        disbursements as _,
        outcomes as _,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// A file that was brought in before, and what its lines came to.
pub async fn find(
    tx: &mut PgConnection,
    id: PaymentImportId,
) -> sqlx::Result<Option<(PaymentImport, Vec<ImportedRow>)>> {
    let import = sqlx::query!(
        r#"select id as "id: PaymentImportId", file_hash, paid, already_paid, amount as "amount: Money",
                  imported_by as "by: PersonId", imported_at as "at: DateTime<Utc>"
             from payment_imports where id = $1"#,
        id as _,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(import) = import else { return Ok(None) };
    let rows = sqlx::query!(
        r#"select r.line, r.disbursement_id as "id: DisbursementId", r.outcome as "outcome: PaymentOutcome",
                  d.approved_amount - d.retained as "amount: Money"
             from payment_import_rows r join disbursements d on d.id = r.disbursement_id
            where r.import_id = $1 order by r.line"#,
        id as _,
    )
    .fetch_all(tx)
    .await?;
    let row = rows.into_iter().map(|row| ImportedRow {
        line: row.line,
        outcome: row.outcome,
        disbursement: Some(row.id),
        amount: row.amount,
        refusal: None,
    });
    let found = PaymentImport {
        id: import.id,
        file_hash: import.file_hash,
        paid: import.paid,
        already_paid: import.already_paid,
        amount: import.amount,
        imported_by: import.by,
        imported_at: import.at,
    };
    Ok(Some((found, row.collect())))
}

/// Grants by their ids, held or not.
pub async fn grants(
    tx: &mut PgConnection,
    ids: &[GrantId],
) -> sqlx::Result<HashMap<GrantId, Grant>> {
    let everything = Reach { everything: true, ..Reach::default() };
    let found = crate::grants::store::find(tx, &everything, ids).await?;
    Ok(found.into_iter().map(|grant| (grant.id, grant)).collect())
}
