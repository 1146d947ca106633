//! JSON as the executor writes it, from PostgreSQL's binary values.

use std::io::Write;

use chrono::{DateTime, Days, NaiveDate};
use sqlx::{Row, ValueRef, error::BoxDynError, postgres::PgRow};
use uuid::Uuid;

use super::Kind;

/// The text of an answer as it grows.
#[derive(Default)]
pub struct Json(pub Vec<u8>);

impl Json {
    pub fn raw(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    pub fn text(&mut self, text: &str) {
        serde_json::to_writer(&mut self.0, text).expect("memory takes what is written");
    }

    pub fn display(&mut self, value: impl std::fmt::Display) {
        write!(self.0, "{value}").expect("memory takes what is written");
    }

    /// A value that is text without anything to escape.
    pub fn quoted(&mut self, value: impl std::fmt::Display) {
        self.raw("\"");
        self.display(value);
        self.raw("\"");
    }

    pub fn id(&mut self, prefix: &str, id: Uuid) {
        let mut digits = [0; 32];
        self.raw("\"");
        self.raw(prefix);
        self.raw("_");
        self.raw(id.simple().encode_lower(&mut digits));
        self.raw("\"");
    }

    /// The members of an object or a list, after one another.
    pub fn between<T, E>(
        &mut self,
        ends: [&str; 2],
        members: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T) -> Result<(), E>,
    ) -> Result<(), E> {
        self.raw(ends[0]);
        for (place, member) in members.into_iter().enumerate() {
            if place > 0 {
                self.raw(",");
            }
            write(self, member)?;
        }
        self.raw(ends[1]);
        Ok(())
    }

    pub fn value(&mut self, row: &PgRow, column: usize, kind: Kind) -> sqlx::Result<()> {
        let value = row.try_get_raw(column)?;
        if value.is_null() {
            self.raw("null");
            return Ok(());
        }
        let written = value.as_bytes().and_then(|bytes| self.binary(bytes, kind));
        written.map_err(|source| sqlx::Error::ColumnDecode { index: column.to_string(), source })
    }

    fn binary(&mut self, bytes: &[u8], kind: Kind) -> Result<(), BoxDynError> {
        match kind {
            Kind::Id(prefix) => self.id(prefix, Uuid::from_slice(bytes)?),
            Kind::Text => self.text(std::str::from_utf8(bytes)?),
            Kind::Money => {
                self.raw("\"");
                self.money(bytes)?;
                self.raw("\"");
            }
            Kind::Date => {
                let day = date(bytes)?.ok_or("a day without end")?;
                self.quoted(day);
            }
            Kind::Instant => {
                let micros = i64::from_be_bytes(bytes.try_into()?) + MICROS_BEFORE_2000;
                let instant = DateTime::from_timestamp_micros(micros).ok_or("no such instant")?;
                self.quoted(instant.to_rfc3339());
            }
            Kind::Int => self.display(i32::from_be_bytes(bytes.try_into()?)),
            Kind::Bool => self.raw(if bytes == [1] { "true" } else { "false" }),
        }
        Ok(())
    }

    /// A `numeric` with two decimal places: groups of four digits, from the one that stands for 10,000 to the power of
    /// `weight` on.
    pub fn money(&mut self, bytes: &[u8]) -> Result<(), BoxDynError> {
        let word = |place: usize| -> Result<i16, BoxDynError> {
            let word = bytes.get(2 * place..2 * place + 2).ok_or("a numeric is cut short")?;
            Ok(i16::from_be_bytes(word.try_into()?))
        };
        let (groups, weight, sign, scale) = (word(0)?, word(1)?, word(2)?, word(3)?);
        match sign {
            0 => {}
            NEGATIVE => self.raw("-"),
            _ => return Err("a numeric is no number".into()),
        }
        if !(0..=2).contains(&scale) {
            return Err("an amount has parts of a cent".into());
        }
        let group = |power: i16| match usize::try_from(i32::from(weight) - i32::from(power)) {
            Ok(place) if place < usize::try_from(groups)? => word(4 + place),
            _ => Ok(0),
        };
        self.display(group(weight.max(0))?);
        for power in (0..weight.max(0)).rev() {
            let digits = group(power)?;
            write!(self.0, "{digits:04}")?;
        }
        let cents = group(-1)? / 100;
        write!(self.0, ".{cents:02}")?;
        Ok(())
    }
}

const NEGATIVE: i16 = 0x4000;
/// PostgreSQL counts from the beginning of 2000, by UTC.
const MICROS_BEFORE_2000: i64 = 946_684_800_000_000;
const ZERO_DAY: NaiveDate = NaiveDate::from_ymd_opt(2000, 1, 1).expect("a day of the calendar");

/// A day, or none for `-infinity`.
pub fn date(bytes: &[u8]) -> Result<Option<NaiveDate>, BoxDynError> {
    let days = i32::from_be_bytes(bytes.try_into()?);
    if days == i32::MIN {
        return Ok(None);
    }
    let span = Days::new(days.unsigned_abs().into());
    let day =
        if days < 0 { ZERO_DAY.checked_sub_days(span) } else { ZERO_DAY.checked_add_days(span) };
    Ok(Some(day.ok_or("no day of the calendar")?))
}

pub fn is_null(row: &PgRow, column: usize) -> sqlx::Result<bool> {
    Ok(row.try_get_raw(column)?.is_null())
}
