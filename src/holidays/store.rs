use std::collections::HashMap;

use sqlx::{PgConnection, PgExecutor};

use super::{CalendarFile, Calendars, Holiday, HolidayCalendar};
use crate::clock::Date;

/// All calendars with all their days: some hundreds.
pub async fn all(db: impl PgExecutor<'_>) -> sqlx::Result<Calendars> {
    let rows = sqlx::query!(
        r#"select calendar_code, day as "day: Date" from holidays order by calendar_code, day limit 100000"#,
    )
    .fetch_all(db)
    .await?;
    Ok(Calendars::of(rows.into_iter().map(|row| (row.calendar_code, row.day))))
}

/// The calendars by code.
pub async fn list(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<HolidayCalendar>> {
    sqlx::query_as!(
        HolidayCalendar,
        "select code, name, source from holiday_calendars order by code limit 1000"
    )
    .fetch_all(db)
    .await
}

/// The holidays of calendars between two days, in their order.
pub async fn holidays_of(
    db: impl PgExecutor<'_>,
    calendars: &[String],
    from: Date,
    to: Date,
) -> sqlx::Result<HashMap<String, Vec<Holiday>>> {
    let rows = sqlx::query!(
        r#"select calendar_code, day as "day: Date", name from holidays
            where calendar_code = any($1) and day between $2 and $3
            order by calendar_code, day limit 10000"#,
        calendars,
        from as _,
        to as _,
    )
    .fetch_all(db)
    .await?;
    let mut of_calendar: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        let holiday = Holiday { day: row.day, name: row.name };
        of_calendar.entry(row.calendar_code).or_default().push(holiday);
    }
    Ok(of_calendar)
}

/// Enters a calendar. The years that it brings are as it says; other years stay. Answers how
/// many days were added or taken away.
pub async fn replace(tx: &mut PgConnection, file: &CalendarFile) -> sqlx::Result<u64> {
    sqlx::query!(
        "insert into holiday_calendars (code, name, source) values ($1, $2, $3)
         on conflict (code) do update set name = excluded.name, source = excluded.source",
        file.code,
        file.name,
        file.source,
    )
    .execute(&mut *tx)
    .await?;
    let days: Vec<Date> = file.holidays.iter().map(|holiday| holiday.day).collect();
    let names: Vec<String> = file.holidays.iter().map(|holiday| holiday.name.clone()).collect();
    let gone = sqlx::query!(
        "delete from holidays
          where calendar_code = $1 and day <> all($2)
            and extract(year from day) in (select extract(year from d) from unnest($2) as d)",
        file.code,
        days as _,
    )
    .execute(&mut *tx)
    .await?;
    let new = sqlx::query!(
        "insert into holidays (calendar_code, day, name)
         select $1, brought.day, brought.name from unnest($2::date[], $3::text[]) as brought (day, name)
         on conflict (calendar_code, day) do update set name = excluded.name where holidays.name <> excluded.name",
        file.code,
        days as _,
        &names,
    )
    .execute(tx)
    .await?;
    Ok(gone.rows_affected() + new.rows_affected())
}
