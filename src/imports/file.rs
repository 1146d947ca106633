//! A CSV file as its header says: every column is known, every value is read or refused by
//! name. Pure.

use std::{collections::HashMap, str::FromStr};

use anyhow::{Context, bail};

use crate::{Refusal, clock::Date, error::UserErrorCode, money::Money};

/// The columns of a kind of file.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    pub required: &'static [&'static str],
    pub optional: &'static [&'static str],
}

/// One line of a file, by the names of its columns. Empty cells are absent.
#[derive(Clone, Debug)]
pub struct Row {
    /// As a spreadsheet numbers it: the header is line 1.
    pub line: u64,
    cells: HashMap<String, String>,
}

/// Reads a whole file. A header with an unknown, missing or repeated column is refused.
pub fn read(text: &str, header: Header) -> anyhow::Result<Vec<Row>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let names: Vec<String> = reader.headers()?.iter().map(str::to_string).collect();
    check(&names, header)?;
    let mut rows = vec![];
    for record in reader.records() {
        let record = record.context("the file is no CSV")?;
        let line = record.position().map(csv::Position::line).unwrap_or_default();
        let cells = names.iter().cloned().zip(record.iter().map(str::to_string));
        rows.push(Row { line, cells: cells.filter(|(_, cell)| !cell.is_empty()).collect() });
    }
    if rows.is_empty() {
        bail!("the file has a header and no rows");
    }
    Ok(rows)
}

fn check(names: &[String], header: Header) -> anyhow::Result<()> {
    let known = || header.required.iter().chain(header.optional);
    let missing: Vec<_> =
        header.required.iter().filter(|name| !names.iter().any(|own| own == **name)).collect();
    if !missing.is_empty() {
        bail!("the header lacks {missing:?}; its columns are {:?}", known().collect::<Vec<_>>());
    }
    for (place, name) in names.iter().enumerate() {
        if !known().any(|known| known == name) {
            bail!("`{name}` is no column of such a file: {:?}", known().collect::<Vec<_>>());
        }
        if names.iter().take(place).any(|before| before == name) {
            bail!("the header has `{name}` twice");
        }
    }
    Ok(())
}

impl Row {
    pub fn text(&self, column: &str) -> Option<String> {
        self.cells.get(column).cloned()
    }

    pub fn needed(&self, column: &str) -> Result<String, Refusal> {
        let message = || format!("`{column}` must not be empty");
        self.text(column).ok_or_else(|| Refusal::new(UserErrorCode::InvalidInput, message()))
    }

    /// A value of a kind that is written as text; absent where the cell is empty.
    pub fn read<T: FromStr>(&self, column: &str) -> Result<Option<T>, Refusal>
    where
        T::Err: std::fmt::Display,
    {
        let read = self.text(column).map(|text| text.parse::<T>()).transpose();
        read.map_err(|why| Refusal::new(UserErrorCode::InvalidInput, format!("`{column}`: {why}")))
    }

    pub fn amount(&self, column: &str) -> Result<Money, Refusal> {
        self.needed(column)?;
        Ok(self.read(column)?.unwrap_or_default())
    }

    pub fn day(&self, column: &str) -> Result<Date, Refusal> {
        let text = self.needed(column)?;
        let wrong = |why| Refusal::new(UserErrorCode::InvalidInput, format!("`{column}`: {why}"));
        text.parse().map_err(wrong)
    }

    /// A list such as `0627000:6667; 0644000:3333`, each with its basis points.
    pub fn shares(&self, column: &str) -> Result<Vec<(String, i32)>, Refusal> {
        let text = self.needed(column)?;
        let share = |part: &str| {
            let (name, share) = part.split_once(':')?;
            Some((name.trim().to_string(), share.trim().parse().ok()?))
        };
        let shares: Option<Vec<_>> = text.split(';').map(share).collect();
        shares.ok_or_else(|| {
            let message = format!("`{column}` is a list such as `0627000:6667; 0644000:3333`");
            Refusal::new(UserErrorCode::InvalidInput, message)
        })
    }
}
