//! Time. The only place that reads the system clock; tests hold it still. Days
//! are California's: a deadline is a date in Los Angeles.

use std::{
    fmt,
    ops::Deref,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
};

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{
    DateTime, Datelike, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Timelike,
    Utc,
};
use chrono_tz::Tz;

/// The zone of every date that names no other.
pub const CALIFORNIA: Tz = chrono_tz::America::Los_Angeles;

#[derive(Clone, Debug)]
pub enum Clock {
    System,
    Fixed(Arc<Mutex<DateTime<Utc>>>),
}

impl Clock {
    pub fn fixed(at: DateTime<Utc>) -> Self {
        Self::Fixed(Arc::new(Mutex::new(at)))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place that may")]
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            Self::System => Utc::now(),
            Self::Fixed(at) => *at.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Today in California.
    pub fn today(&self) -> Date {
        Date(self.now().with_timezone(&CALIFORNIA).date_naive())
    }

    /// Moves a fixed clock; the system's clock stays as it is.
    pub fn set(&self, to: DateTime<Utc>) {
        if let Self::Fixed(at) = self {
            *at.lock().unwrap_or_else(PoisonError::into_inner) = to;
        }
    }
}

/// A day of the calendar, without a time.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, sqlx::Type, serde::Serialize,
)]
#[sqlx(transparent)]
#[serde(transparent)]
pub struct Date(pub NaiveDate);

impl<'de> serde::Deserialize<'de> for Date {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Date {
    /// Days from this day to another: a difference of calendar dates, not hours.
    pub fn days_until(self, other: Self) -> i64 {
        other.0.signed_duration_since(self.0).num_days()
    }

    /// This day moved by a number of days; the calendar's end stays its end.
    pub fn plus_days(self, days: i64) -> Self {
        let moved = TimeDelta::try_days(days).and_then(|days| self.0.checked_add_signed(days));
        Self(moved.unwrap_or(if days < 0 { NaiveDate::MIN } else { NaiveDate::MAX }))
    }
}

impl Date {
    /// The same day so many months later, or that month's last day when it has no such day.
    pub fn plus_months(self, months: i32) -> Self {
        let count = Months::new(months.unsigned_abs());
        let moved = if months < 0 {
            self.0.checked_sub_months(count)
        } else {
            self.0.checked_add_months(count)
        };
        Self(moved.unwrap_or(if months < 0 { NaiveDate::MIN } else { NaiveDate::MAX }))
    }

    /// The first day of a month; the calendar's end stays its end.
    pub fn first_of(year: i32, month: u32) -> Self {
        Self(NaiveDate::from_ymd_opt(year, month, 1).unwrap_or(NaiveDate::MAX))
    }
}

impl Deref for Date {
    type Target = NaiveDate;
    fn deref(&self) -> &NaiveDate {
        &self.0
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m-%d"))
    }
}

impl FromStr for Date {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        // Stricter than chrono, which reads `2026-1-2` too, and years that PostgreSQL does not hold.
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(Self);
        day.filter(|day| (1..=9999).contains(&day.year()) && day.to_string() == text)
            .ok_or_else(|| format!("`{text}` is not a date; write it as 2026-07-01"))
    }
}

/// A day of the calendar as `2026-07-01`, without a time. Days are California's.
#[Scalar]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => text.parse().map_err(InputValueError::custom),
            other => Err(InputValueError::expected_type(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }
}

/// The instant of a local time. A time that a change of clocks skips means the
/// moment after the gap; one that happens twice means the first.
pub fn instant(zone: Tz, local: NaiveDateTime) -> DateTime<Utc> {
    let mut local = local;
    loop {
        if let Some(found) = zone.from_local_datetime(&local).earliest() {
            return found.with_timezone(&Utc);
        }
        // A gap ends on a whole minute.
        local += TimeDelta::seconds(60 - i64::from(local.second()));
    }
}

/// The last second of a day: when a deadline without a time is due.
pub fn end_of_day() -> NaiveTime {
    NaiveTime::MIN - TimeDelta::seconds(1)
}

/// A time of the day as `17:00`.
pub fn parse_time(text: &str) -> Result<NaiveTime, String> {
    NaiveTime::parse_from_str(text, "%H:%M")
        .map_err(|_| format!("`{text}` is not a time; write it as 17:00"))
}
