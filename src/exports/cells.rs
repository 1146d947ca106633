//! What a file holds, as bytes. Nothing is allocated for a cell: a row of thirty is written in a microsecond.

use std::io::Write;

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::{clock::Date, money::Money};

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma separated values as RFC 4180 has them, with a line of names.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

impl Format {
    pub fn of(ending: &str) -> Option<Self> {
        [Self::Csv, Self::Jsonl].into_iter().find(|format| format.ending() == ending)
    }

    pub fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
        }
    }

    pub fn media(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Jsonl => "application/jsonl; charset=utf-8",
        }
    }
}

/// What stands in a column of a row.
#[derive(Clone, Copy, Debug)]
pub enum Cell<'a> {
    Nothing,
    /// What somebody wrote. A spreadsheet takes text that begins like a formula for one: an apostrophe keeps it text.
    Text(&'a str),
    /// Thrive's own: a state, a kind, a hash.
    Word(&'a str),
    Id(&'static str, Uuid),
    Money(Money),
    Day(Date),
    Moment(DateTime<Utc>),
    Yes(bool),
    Number(i64),
    /// JSON in a cell.
    Json(&'a Value),
}

impl<'a> Cell<'a> {
    /// Nothing where there is nothing.
    pub fn of<T>(value: Option<T>, cell: impl FnOnce(T) -> Self) -> Self {
        value.map_or(Self::Nothing, cell)
    }

    pub fn text(value: &'a Option<String>) -> Self {
        Self::of(value.as_deref(), Self::Text)
    }
}

/// Lines of a file as they are written, one after another.
pub struct Lines {
    format: Format,
    bytes: Vec<u8>,
    /// Whether the line has a cell already.
    begun: bool,
}

impl Lines {
    pub fn new(format: Format, capacity: usize) -> Self {
        Self { format, bytes: Vec::with_capacity(capacity), begun: false }
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The names of the columns, where the format has such a line.
    pub fn head(&mut self, names: &[&str]) {
        if self.format == Format::Csv {
            names.iter().for_each(|name| self.cell(name, Cell::Word(name)));
            self.end();
        }
    }

    pub fn cell(&mut self, name: &str, cell: Cell<'_>) {
        match self.format {
            Format::Csv => {
                if self.begun {
                    self.bytes.push(b',');
                }
                self.csv(cell);
            }
            Format::Jsonl => {
                let before: &[u8] = if self.begun { b",\"" } else { b"{\"" };
                self.bytes.extend_from_slice(before);
                self.bytes.extend_from_slice(name.as_bytes());
                self.bytes.extend_from_slice(b"\":");
                self.json(cell);
            }
        }
        self.begun = true;
    }

    pub fn end(&mut self) {
        self.begun = false;
        let end: &[u8] = match self.format {
            Format::Csv => b"\r\n",
            Format::Jsonl => b"}\n",
        };
        self.bytes.extend_from_slice(end);
    }

    fn csv(&mut self, cell: Cell<'_>) {
        match cell {
            Cell::Nothing => {}
            Cell::Text(text) => {
                let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
                self.quoted(if formula { "'" } else { "" }, text);
            }
            Cell::Word(text) => self.quoted("", text),
            Cell::Json(value) => self.quoted("", &value.to_string()),
            plain => self.plain(plain),
        }
    }

    /// In quotes where the text has what ends a cell or a line.
    fn quoted(&mut self, before: &str, text: &str) {
        let ends = |byte: u8| matches!(byte, b',' | b'"' | b'\r' | b'\n');
        if !text.bytes().any(ends) {
            self.bytes.extend_from_slice(before.as_bytes());
            self.bytes.extend_from_slice(text.as_bytes());
            return;
        }
        self.bytes.push(b'"');
        self.bytes.extend_from_slice(before.as_bytes());
        for (place, part) in text.split('"').enumerate() {
            if place > 0 {
                self.bytes.extend_from_slice(b"\"\"");
            }
            self.bytes.extend_from_slice(part.as_bytes());
        }
        self.bytes.push(b'"');
    }

    fn json(&mut self, cell: Cell<'_>) {
        match cell {
            Cell::Nothing => self.bytes.extend_from_slice(b"null"),
            Cell::Text(text) | Cell::Word(text) => self.serialized(text),
            Cell::Json(value) => self.serialized(value),
            Cell::Yes(_) | Cell::Number(_) => self.plain(cell),
            plain => {
                self.bytes.push(b'"');
                self.plain(plain);
                self.bytes.push(b'"');
            }
        }
    }

    fn serialized(&mut self, value: &(impl serde::Serialize + ?Sized)) {
        serde_json::to_writer(&mut self.bytes, value).expect("memory takes what is written");
    }

    /// What needs no quotes nor signs before it in either format.
    fn plain(&mut self, cell: Cell<'_>) {
        match cell {
            Cell::Nothing | Cell::Text(_) | Cell::Word(_) | Cell::Json(_) => {}
            Cell::Id(prefix, id) => {
                self.bytes.extend_from_slice(prefix.as_bytes());
                self.bytes.push(b'_');
                let mut digits = [0; 32];
                let digits = id.as_simple().encode_lower(&mut digits);
                self.bytes.extend_from_slice(digits.as_bytes());
            }
            Cell::Money(amount) => self.money(amount),
            Cell::Day(day) => self.day(day.0),
            Cell::Moment(moment) => self.moment(moment),
            Cell::Yes(yes) => self.bytes.extend_from_slice(if yes { b"true" } else { b"false" }),
            Cell::Number(number) => {
                self.bytes.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
            }
        }
    }

    fn money(&mut self, amount: Money) {
        let cents = amount.decimal();
        let Some(cents) = i64::try_from(cents.mantissa()).ok().filter(|_| cents.scale() == 2)
        else {
            return write!(self.bytes, "{amount}").expect("memory takes what is written");
        };
        if cents < 0 {
            self.bytes.push(b'-');
        }
        let cents = cents.unsigned_abs();
        self.bytes.extend_from_slice(itoa::Buffer::new().format(cents / 100).as_bytes());
        self.bytes.push(b'.');
        self.two(cents % 100);
    }

    fn day(&mut self, day: NaiveDate) {
        let year = day.year();
        match u32::try_from(year).ok().filter(|year| *year <= 9999) {
            Some(year) => {
                self.two(year / 100);
                self.two(year % 100);
            }
            None => write!(self.bytes, "{year:+05}").expect("memory takes what is written"),
        }
        self.bytes.push(b'-');
        self.two(day.month());
        self.bytes.push(b'-');
        self.two(day.day());
    }

    /// As RFC 3339 has it, in UTC, with as many digits after the second as there are in threes.
    fn moment(&mut self, moment: DateTime<Utc>) {
        let local = moment.naive_utc();
        self.day(local.date());
        for (sign, value) in [(b'T', local.hour()), (b':', local.minute()), (b':', local.second())]
        {
            self.bytes.push(sign);
            self.two(value);
        }
        let part = match local.nanosecond() {
            0 => Ok(()),
            nanos if nanos % 1_000_000 == 0 => write!(self.bytes, ".{:03}", nanos / 1_000_000),
            nanos if nanos % 1_000 == 0 => write!(self.bytes, ".{:06}", nanos / 1_000),
            nanos => write!(self.bytes, ".{nanos:09}"),
        };
        part.expect("memory takes what is written");
        self.bytes.extend_from_slice(b"+00:00");
    }

    fn two(&mut self, number: impl Into<u64>) {
        let number = number.into() % 100;
        let digit = |digit: u64| b'0' + u8::try_from(digit).unwrap_or_default();
        self.bytes.extend([digit(number / 10), digit(number % 10)]);
    }
}
