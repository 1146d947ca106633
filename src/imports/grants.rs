//! Grants that were awarded and signed before, and their budgets.

use sqlx::PgConnection;

use super::{People, file::Header, file::Row};
use crate::{
    App, Refusal, Result,
    access::Reach,
    budgets::{self, BudgetLine, NewLine, amendments::awarded_on},
    cities,
    clock::Date,
    error::UserErrorCode,
    grants::{
        self, AccountingKeys, ActionAreaShare, CityShare, DateRange, Grant, GrantStatus, NewGrant,
    },
    id::{BudgetLineId, GrantId},
    idempotency,
    ledger::{self, Account, AccountKind, Move, Posting},
    money::Money,
    people,
    rule_sets::{bound, bound::law_day, kinds::CostCategory},
    streams::Catalog,
};

pub const HEADER: Header = Header {
    required: &[
        "number",
        "title",
        "program",
        "recipient",
        "amount",
        "performance_start",
        "performance_end",
        "awarded_on",
        "signed_on",
        "cities",
        "action_areas",
    ],
    optional: &[
        "parent",
        "encumber_by",
        "liquidate_by",
        "final_invoice_by",
        "vendor_number",
        "purchase_order",
        "fund_string",
    ],
};

pub const BUDGET_HEADER: Header =
    Header { required: &["grant", "category", "amount"], optional: &["line"] };

fn missing(what: &str, name: &str) -> Refusal {
    Refusal::new(UserErrorCode::NotFound, format!("there is no {what} `{name}`"))
}

/// A grant that a row names by its number, held.
pub async fn named(tx: &mut PgConnection, row: &Row, column: &str) -> Result<Grant> {
    let number = row.needed(column)?;
    let everything = Reach { everything: true, ..Reach::default() };
    let id = grants::store::find_by_number(&mut *tx, &number).await?;
    let id = id.ok_or_else(|| missing("grant", &number))?;
    grants::commands::lock(tx, &everything, id).await
}

/// Enters a grant as it was awarded and signed.
pub async fn bring(app: &App, tx: &mut PgConnection, row: &Row, by: &People) -> Result<String> {
    let new = read(app, tx, row).await?;
    let program = Catalog::program(app, new.program).await?.expect("it was found by its code");
    let stream = Catalog::stream(app, program.stream_id).await?.expect("a program has a stream");
    grants::rules::check_draft(&new, &stream)?;
    let (awarded_on, signed_on) = (row.day("awarded_on")?, row.day("signed_on")?);
    let today = app.clock.today();
    if !(awarded_on <= signed_on && signed_on <= today) {
        let message =
            format!("awarded on {awarded_on} and signed on {signed_on}; today is {today}");
        return Err(Refusal::new(UserErrorCode::InvalidDates, message).into());
    }
    let (id, now) = (GrantId::new(&app.clock), app.clock.now());
    grants::store::insert(tx, id, &new, by.manager.person, now).await?;
    ledger::store::open_accounts(tx, &app.clock, id).await?;
    let lines = budgets::commands::lines_or_whole(vec![], new.amount);
    budgets::commands::enter(tx, &app.clock, id, &lines).await?;
    let mut posting = Posting::of_grant(id, id.0, awarded_on).opening(true).moving(
        Move::Award,
        AccountKind::SrcPay,
        AccountKind::Available,
        new.amount,
    );
    for line in budgets::commands::lines_of(tx, id).await? {
        let unobligated = Account::unobligated(line.id);
        posting.add(Move::Award, AccountKind::SrcUse, unobligated, line.amount);
    }
    let grant = grants::commands::lock(tx, &by.manager.reach, id).await?;
    grants::rules::check_encumbrance(&grant, signed_on)?;
    let day = law_day(signed_on, grant.performance_start);
    grants::rules::check_law(&stream, day)?;
    let bound = bound::of_grant(tx, id, day).await?;
    let room = crate::advances::most(&bound, new.amount);
    posting.add(Move::AmendUp, AccountKind::SrcAdv, AccountKind::AdvanceRoom, room);
    ledger::store::post(tx, &app.clock, &posting).await?;
    let change = grants::store::Change {
        awarded_by: Some(by.approver.person),
        awarded_at: Some(noon(awarded_on)),
        signed_on: Some(signed_on),
        rule_set_id: bound.rule_set,
        ..grants::store::Change::to(&grant, GrantStatus::Active)
    };
    grants::store::change(tx, id, &change, now).await?;
    crate::deadlines::schedule::follow(tx, &app.clock, id, "the grant was brought in").await?;
    Ok(format!("grant {} of {}", new.number, new.amount))
}

/// A day of which only the date is known.
pub fn noon(day: Date) -> chrono::DateTime<chrono::Utc> {
    let noon = day.0.and_time(chrono::NaiveTime::MIN) + chrono::TimeDelta::hours(12);
    crate::clock::instant(crate::clock::CALIFORNIA, noon)
}

async fn read(app: &App, tx: &mut PgConnection, row: &Row) -> Result<NewGrant> {
    let code = row.needed("program")?;
    let listed = Catalog::get(app).await?;
    let program = listed.programs.iter().find(|program| program.code == code);
    let program = program.ok_or_else(|| missing("program", &code))?;
    let name = row.needed("recipient")?;
    let recipient = people::store::find_organization(&mut *tx, &name).await?;
    let recipient = recipient.ok_or_else(|| missing("organization", &name))?;
    let parent = match row.text("parent") {
        Some(_) => Some(named(tx, row, "parent").await?.id),
        None => None,
    };
    let mut cities = vec![];
    for (geoid, share_bp) in row.shares("cities")? {
        let city = cities::store::find_by_geoid(&mut *tx, &geoid).await?;
        let city = city.ok_or_else(|| missing("city with the GEOID", &geoid))?.id;
        cities.push(CityShare { city, share_bp });
    }
    let mut action_areas = vec![];
    for (area, share_bp) in row.shares("action_areas")? {
        let wrong = |why| Refusal::new(UserErrorCode::InvalidInput, why);
        let action_area = area.parse().map_err(wrong)?;
        action_areas.push(ActionAreaShare { action_area, share_bp });
    }
    Ok(NewGrant {
        number: row.needed("number")?,
        title: row.needed("title")?,
        program: program.id,
        recipient: recipient.id,
        parent,
        amount: row.amount("amount")?,
        performance: DateRange {
            start: row.day("performance_start")?,
            end: row.day("performance_end")?,
        },
        encumber_by: row.read("encumber_by")?,
        liquidate_by: row.read("liquidate_by")?,
        final_invoice_by: row.read("final_invoice_by")?,
        cities,
        action_areas,
        budget: vec![],
        accounting: AccountingKeys {
            vendor_number: row.text("vendor_number"),
            purchase_order: row.text("purchase_order"),
            fund_string: row.text("fund_string"),
        },
    })
}

/// Divides the one line of a grant that was brought in, as long as nothing of it was used.
pub async fn bring_budget(app: &App, tx: &mut PgConnection, rows: &[Row]) -> Result<String> {
    let Some(first) = rows.first() else { return Ok(String::new()) };
    let grant = named(tx, first, "grant").await?;
    let mut lines = vec![];
    for row in rows {
        let wrong = |why| Refusal::new(UserErrorCode::InvalidInput, why);
        let category: CostCategory = row.needed("category")?.parse().map_err(wrong)?;
        let (title, amount) = (row.text("line"), row.amount("amount")?);
        lines.push(NewLine { category, title, amount });
    }
    let known = budgets::commands::lines_of(tx, grant.id).await?;
    let [whole] = known.as_slice() else {
        let message = format!("grant {} has a budget of several lines already", grant.number);
        return Err(Refusal::new(UserErrorCode::InvalidState, message).into());
    };
    let whole_award = ledger::store::balance(&mut *tx, grant.id, AccountKind::SrcUse).await?;
    let whole_award = Money::ZERO.minus(whole_award).unwrap_or_default();
    budgets::rules::check_lines(&lines, whole_award)?;
    let divided: Vec<_> = lines
        .iter()
        .zip(2..)
        .map(|(line, position)| BudgetLine {
            id: BudgetLineId::new(&app.clock),
            grant_id: grant.id,
            category: line.category,
            title: line.named(),
            amount: line.amount,
            position,
        })
        .collect();
    let empty = BudgetLine { amount: Money::ZERO, ..whole.clone() };
    budgets::store::set_amounts(tx, &[empty]).await?;
    budgets::store::insert_lines(tx, &divided, app.clock.now()).await?;
    let on = awarded_on(&grant, app.clock.today());
    let mut posting = Posting::of_grant(grant.id, idempotency::event(&app.clock), on).opening(true);
    for line in &divided {
        let (from, to) = (Account::unobligated(whole.id), Account::unobligated(line.id));
        posting.add(Move::TransferBudget, from, to, line.amount);
    }
    ledger::store::post(tx, &app.clock, &posting).await?;
    Ok(format!("{} lines of grant {}", divided.len(), grant.number))
}
