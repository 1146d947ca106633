use std::collections::{HashMap, HashSet};

use async_graphql::SimpleObject;
use chrono::{Datelike, Weekday};
use serde::Deserialize;

use crate::{clock::Date, text_enum::text_enum};

text_enum! {
    /// Where a due date goes that falls on a weekend or a holiday.
    pub enum Roll {
        /// It stays.
        None = "NONE",
        /// To the next business day.
        Following = "FOLLOWING",
        /// To the business day before.
        Preceding = "PRECEDING",
    }
}

/// The holidays of a jurisdiction.
#[derive(Clone, Debug, Default)]
pub struct Calendar {
    days: HashSet<Date>,
}

impl Calendar {
    pub fn of(days: impl IntoIterator<Item = Date>) -> Self {
        Self { days: days.into_iter().collect() }
    }

    pub fn is_business_day(&self, day: Date) -> bool {
        !matches!(day.weekday(), Weekday::Sat | Weekday::Sun) && !self.days.contains(&day)
    }

    /// The day itself when it is a business day, and otherwise where it rolls to.
    pub fn roll(&self, day: Date, roll: Roll) -> Date {
        let step = match roll {
            Roll::None => return day,
            Roll::Following => 1,
            Roll::Preceding => -1,
        };
        // No calendar has a year without a business day.
        let mut days = (0..366).map(|count| day.plus_days(step * count));
        days.find(|day| self.is_business_day(*day)).unwrap_or(day)
    }
}

/// The calendars of all jurisdictions, by what rules call them.
#[derive(Clone, Debug, Default)]
pub struct Calendars(HashMap<String, Calendar>);

impl Calendars {
    pub fn of(days: impl IntoIterator<Item = (String, Date)>) -> Self {
        let mut all: HashMap<String, Calendar> = HashMap::new();
        for (code, day) in days {
            all.entry(code).or_default().days.insert(day);
        }
        Self(all)
    }

    /// Moves a due date as a rule says. Without a calendar only weekends count.
    pub fn roll(&self, code: &str, day: Date, roll: Roll) -> Date {
        match self.0.get(code) {
            Some(calendar) => calendar.roll(day, roll),
            None => Calendar::default().roll(day, roll),
        }
    }
}

/// A calendar as its file tells it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalendarFile {
    /// What rules call it, such as `CALIFORNIA`.
    pub code: String,
    pub name: String,
    /// Where the days are from.
    pub source: String,
    pub holidays: Vec<Holiday>,
}

/// A day on which nothing is due.
#[derive(Clone, Debug, Deserialize, SimpleObject)]
#[serde(deny_unknown_fields)]
pub struct Holiday {
    /// The day.
    pub day: Date,
    /// What it is called.
    pub name: String,
}

/// The holidays of a jurisdiction: the state's, a county's or a city's.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct HolidayCalendar {
    /// What rules call it, such as `CALIFORNIA`.
    pub code: String,
    /// What it is.
    pub name: String,
    /// Where its days are from.
    pub source: String,
}
