//! What is handed in again and again.

use async_graphql::{InputObject, SimpleObject};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::Problem;
use crate::{clock::parse_time, holidays::Roll, text_enum::text_enum};

text_enum! {
    /// What has to be handed in.
    pub enum ReportKind {
        /// What was done.
        Progress = "PROGRESS",
        /// What was spent.
        Financial = "FINANCIAL",
        /// An invoice for costs.
        Invoice = "INVOICE",
        /// How much of the match was met.
        MatchCheck = "MATCH_CHECK",
        /// All that ends a grant.
        Closeout = "CLOSEOUT",
    }
}

text_enum! {
    /// How often something comes again.
    pub enum Frequency {
        /// Every month.
        Month = "MONTH",
        /// Every three months.
        Quarter = "QUARTER",
        /// Every six months.
        Half = "HALF",
        /// Every year.
        Year = "YEAR",
        /// Once, for the whole period of performance.
        Once = "ONCE",
    }
}

impl Frequency {
    pub fn months(self) -> Option<i32> {
        match self {
            Self::Month => Some(1),
            Self::Quarter => Some(3),
            Self::Half => Some(6),
            Self::Year => Some(12),
            Self::Once => None,
        }
    }
}

text_enum! {
    /// Which year the periods of a report are parts of.
    pub enum PeriodAnchor {
        /// The fiscal year, from 1 July.
        FiscalYear = "FISCAL_YEAR",
        /// The calendar year, from 1 January.
        Calendar = "CALENDAR",
        /// Years from the first day of the period of performance.
        Award = "AWARD",
    }
}

text_enum! {
    /// Who hands something in.
    pub enum Duty {
        /// The recipient's finance staff.
        Recipient = "RECIPIENT",
        /// The grant manager.
        Funder = "FUNDER",
    }
}

/// REPORT_SCHEDULE: what is handed in again and again, and when. `dueDays` after the period ends, or on `dueMonthDay`.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject, InputObject, Serialize, Deserialize)]
#[graphql(input_name = "ReportScheduleTermsInput")]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ReportScheduleTerms {
    /// What is handed in.
    pub report: ReportKind,
    /// How often.
    pub frequency: Frequency,
    /// What the periods are parts of.
    pub anchor: PeriodAnchor,
    /// Days from the end of the period to the due date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_days: Option<i32>,
    /// The due date as month and day, `01-31`: the first such day after the period has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_month_day: Option<String>,
    /// Days from the end of the last period, where that is another number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_due_days: Option<i32>,
    /// Days from the end of a period for a grant that passes on money of another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subrecipient_due_days: Option<i32>,
    /// The local time of the due date, as `17:00`; the end of the day when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_time: Option<String>,
    /// The zone of the day and the time, such as `America/New_York` for a federal portal; California's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Where a due date goes that falls on a weekend or a holiday.
    #[graphql(default_with = "Roll::None")]
    #[serde(default = "no_roll")]
    pub roll: Roll,
    /// The holiday calendar that it rolls by, such as `CALIFORNIA`; that one when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<String>,
    /// Who hands it in.
    #[graphql(default_with = "Duty::Recipient")]
    #[serde(default = "recipient")]
    pub responsible: Duty,
}

fn no_roll() -> Roll {
    Roll::None
}

fn recipient() -> Duty {
    Duty::Recipient
}

impl ReportScheduleTerms {
    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.due_days.is_some() == self.due_month_day.is_some() {
            return Err(Problem::on("dueDays", "give either `dueDays` or `dueMonthDay`"));
        }
        let days = [
            (self.due_days, "dueDays"),
            (self.final_due_days, "finalDueDays"),
            (self.subrecipient_due_days, "subrecipientDueDays"),
        ];
        for (days, field) in days {
            if days.is_some_and(|days| !(0..=1000).contains(&days)) {
                return Err(Problem::on(field, "days are 0 to 1000"));
            }
        }
        if let Some(text) = &self.due_month_day
            && month_day(text).is_none()
        {
            let message = format!("`{text}` is not a day of every year; write it as 01-31");
            return Err(Problem::on("dueMonthDay", message));
        }
        if let Some(text) = &self.due_time {
            parse_time(text).map_err(|message| Problem::on("dueTime", message))?;
        }
        match &self.zone {
            Some(name) if name.parse::<Tz>().is_err() => {
                let message = format!("`{name}` is not a zone; write it as America/New_York");
                Err(Problem::on("zone", message))
            }
            _ => Ok(()),
        }
    }
}

/// A month and a day that every year has.
pub fn month_day(text: &str) -> Option<(u32, u32)> {
    let (month, day) = text.split_once('-').filter(|_| text.len() == 5)?;
    let (month, day) = (month.parse().ok()?, day.parse().ok()?);
    // A year without 29 February.
    chrono::NaiveDate::from_ymd_opt(2001, month, day).map(|_| (month, day))
}
