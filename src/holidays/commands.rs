//! Bringing a calendar in, on the operator's word.

use std::collections::HashSet;

use anyhow::{Context, bail};
use sqlx::PgConnection;

use super::{CalendarFile, store};

/// Reads a calendar's file; says what is wrong with it.
pub fn read(text: &str) -> anyhow::Result<CalendarFile> {
    let file: CalendarFile = toml::from_str(text)?;
    let mut days = HashSet::new();
    if let Some(twice) = file.holidays.iter().find(|holiday| !days.insert(holiday.day)) {
        bail!("{} stands there twice", twice.day);
    }
    if file.holidays.is_empty() {
        bail!("it names no day");
    }
    Ok(file)
}

/// Enters the calendar that comes with the program, unless one of another source took its place.
pub async fn load(tx: &mut PgConnection, text: &str) -> anyhow::Result<()> {
    let file = read(text)?;
    let known = store::list(&mut *tx).await?;
    let replaced = known.iter().any(|one| one.code == file.code && one.source != file.source);
    if !replaced {
        store::replace(tx, &file).await.context("the calendar was not entered")?;
    }
    Ok(())
}

/// Enters a calendar; a second time changes nothing.
pub async fn import(tx: &mut PgConnection, text: &str) -> anyhow::Result<(String, u64)> {
    let file = read(text)?;
    let changed = store::replace(tx, &file).await.context("the calendar was not entered")?;
    Ok((file.code, changed))
}
