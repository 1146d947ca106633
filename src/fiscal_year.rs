//! California's fiscal year: 1 July to 30 June, named by both years.

use std::{fmt, str::FromStr};

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::Datelike;

use crate::clock::Date;

/// By the year in which it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, sqlx::Type)]
#[sqlx(transparent)]
pub struct FiscalYear(pub i32);

impl FiscalYear {
    pub fn of(day: Date) -> Self {
        Self(if day.month() >= 7 { day.year() } else { day.year() - 1 })
    }

    /// 1 July.
    pub fn first_day(self) -> Date {
        Date::first_of(self.0, 7)
    }

    /// 30 June.
    pub fn last_day(self) -> Date {
        Date::first_of(self.0 + 1, 7).plus_days(-1)
    }
}

impl fmt::Display for FiscalYear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0, (self.0 + 1) % 100)
    }
}

impl FromStr for FiscalYear {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let year = text.split_once('-').and_then(|(begins, _)| begins.parse().ok()).map(Self);
        year.filter(|year| (2000..=2100).contains(&year.0) && year.to_string() == text)
            .ok_or_else(|| format!("`{text}` is not a fiscal year; write it as 2026-27"))
    }
}

/// A fiscal year of California, 1 July to 30 June, such as `"2026-27"` (State Administrative Manual 8325).
#[Scalar]
impl ScalarType for FiscalYear {
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
