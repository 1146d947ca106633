//! The rules and holidays that come with the program: `rules/`, loaded after the migrations.

use anyhow::Context;
use rust_embed::RustEmbed;
use sqlx::PgPool;

use super::{
    commands::{self, Imported},
    file::{self, RuleFile},
};
use crate::{audit, clock::Clock, holidays};

#[derive(RustEmbed)]
#[folder = "rules/"]
struct Files;

const HOLIDAYS: &str = "holidays/";
const TEXT: &str = ".toml";

/// How many rule sets are new. What an administrator activated later stays in force.
pub async fn load(db: &PgPool, clock: &Clock) -> anyhow::Result<usize> {
    let mut tx = audit::begin_unattended(db, clock, "thrive migrate").await?;
    // Rules name calendars.
    for name in Files::iter().filter(|name| name.starts_with(HOLIDAYS) && name.ends_with(TEXT)) {
        holidays::commands::load(&mut tx, &text(&name)?).await.with_context(|| name.to_string())?;
    }
    let mut new = 0;
    for file in rule_files(clock)? {
        let done = commands::import(&mut tx, clock, &file).await;
        let done = done.map_err(anyhow::Error::from).with_context(|| file.program.code.clone())?;
        match done {
            Imported::New { .. } => new += 1,
            Imported::Unchanged { .. } => {}
            Imported::Superseded { version, effective_from } => tracing::info!(
                program = file.program.code,
                "version {version}, in force from {effective_from}, is later than what comes with the program"
            ),
        }
    }
    tx.commit().await?;
    Ok(new)
}

/// The files of programs, in the order in which they are brought in.
pub fn rule_files(clock: &Clock) -> anyhow::Result<Vec<RuleFile>> {
    let mut files = Vec::new();
    for name in Files::iter().filter(|name| !name.starts_with(HOLIDAYS) && name.ends_with(TEXT)) {
        files.push(file::read(&text(&name)?, clock.today()).with_context(|| name.to_string())?);
    }
    Ok(file::in_order(files, |file| file))
}

fn text(name: &str) -> anyhow::Result<String> {
    let file = Files::get(name).with_context(|| format!("rules/{name}"))?;
    Ok(String::from_utf8(file.data.into_owned())?)
}
