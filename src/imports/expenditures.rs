//! Costs that arose before.

use sqlx::PgConnection;

use super::{
    People,
    commands::line_of,
    file::{Header, Row},
    grants::named,
};
use crate::{
    App, Result,
    id::ExpenditureId,
    spending::{NewExpenditure, commands},
};

pub const HEADER: Header = Header {
    required: &["grant", "amount", "incurred_on", "description"],
    optional: &["category", "line", "effective_on", "vendor", "reference"],
};

/// Records a cost as `recordExpenditure` does: the period, the line and the rules bind it.
pub async fn bring(app: &App, tx: &mut PgConnection, row: &Row, by: &People) -> Result<String> {
    let grant = named(tx, row, "grant").await?;
    let books = commands::books(tx, grant.id).await?;
    let new = NewExpenditure {
        grant: grant.id,
        line: line_of(&books, row)?.map(|line| line.id),
        amount: row.amount("amount")?,
        incurred_on: row.day("incurred_on")?,
        effective_on: row.read("effective_on")?,
        vendor: row.text("vendor"),
        reference: row.text("reference"),
        description: row.needed("description")?,
        opening: true,
    };
    let id = ExpenditureId::new(&app.clock);
    let made = commands::expend_in(app, tx, &by.manager, &grant, &new, id).await?;
    Ok(format!("cost of {} on {} for grant {}", made.amount, made.incurred_on, grant.number))
}
