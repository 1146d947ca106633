use std::collections::HashMap;

use async_graphql::{
    ComplexObject, Context, Object,
    dataloader::{DataLoader, Loader},
};

use super::{Holiday, HolidayCalendar, store};
use crate::{
    App, Error, Result, access::Permission, clock::Date, error::Shared, graphql::ContextExt,
};

/// Ten years and a little: more is no question about due dates.
const MOST_DAYS: i64 = 3_700;

#[ComplexObject]
impl HolidayCalendar {
    /// Its days between two days, both included; at most ten years.
    async fn holidays(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first day; the first of this year when left out.")] from: Option<
            Date,
        >,
        #[graphql(desc = "The last day; a year after the first when left out.")] to: Option<Date>,
    ) -> Result<Vec<Holiday>> {
        use chrono::Datelike;
        let this_year = Date::first_of(ctx.app().clock.today().year(), 1);
        let from = from.unwrap_or(this_year);
        let to = to.unwrap_or_else(|| from.plus_months(12).plus_days(-1));
        if from.days_until(to) > MOST_DAYS {
            return Err(Error::BadInput("ask for at most ten years of holidays".into()));
        }
        let loader = ctx.data_unchecked::<DataLoader<HolidaysOfCalendar>>();
        Ok(loader.load_one((self.code.clone(), from, to)).await?.unwrap_or_default())
    }
}

#[derive(Default)]
pub struct HolidayQuery;

#[Object]
impl HolidayQuery {
    /// The calendars that due dates roll by, by code. Public.
    async fn holiday_calendars(&self, ctx: &Context<'_>) -> Result<Vec<HolidayCalendar>> {
        ctx.actor().may_read(Permission::ReadHolidays)?;
        Ok(store::list(&ctx.app().db).await?)
    }
}

pub struct HolidaysOfCalendar(pub App);

type Asked = (String, Date, Date);

impl Loader<Asked> for HolidaysOfCalendar {
    type Value = Vec<Holiday>;
    type Error = Shared;

    /// One statement for each span of days that is asked for.
    async fn load(&self, keys: &[Asked]) -> Result<HashMap<Asked, Vec<Holiday>>, Shared> {
        let mut of_span: HashMap<(Date, Date), Vec<String>> = HashMap::new();
        for (code, from, to) in keys {
            of_span.entry((*from, *to)).or_default().push(code.clone());
        }
        let mut found = HashMap::new();
        for ((from, to), codes) in of_span {
            let holidays = store::holidays_of(&self.0.db, &codes, from, to).await?;
            found.extend(holidays.into_iter().map(|(code, days)| ((code, from, to), days)));
        }
        Ok(found)
    }
}
