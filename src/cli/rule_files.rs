//! `thrive rules` and `thrive holidays`: what is reviewed as text comes into the database.

use std::{fs, path::PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use crate::{
    audit,
    clock::Clock,
    config::DatabaseOptions,
    db::Database,
    holidays,
    rule_sets::{
        commands::{self, Imported},
        file::{self, RuleFile},
    },
};

#[derive(Subcommand)]
pub enum RulesCommand {
    /// Check files of rules without a database: say what they hold, or where they are wrong.
    ///
    /// For example: thrive rules check rules/*.toml
    Check {
        /// The files, one a program.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },

    /// Bring the rules of reviewed files in: a new version of the program's rules where they say something new.
    ///
    /// A program that is not known yet is entered. All files or none. Running it twice does nothing twice.
    Import(ImportOptions),
}

#[derive(Subcommand)]
pub enum HolidaysCommand {
    /// Bring the holidays of a jurisdiction in: the years of the file are as it says, others stay.
    Import(ImportOptions),
}

#[derive(Args)]
pub struct ImportOptions {
    /// The files.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    #[command(flatten)]
    database: DatabaseOptions,
}

pub async fn run(command: RulesCommand) -> anyhow::Result<()> {
    match command {
        RulesCommand::Check { files } => {
            for path in &files {
                println!("{}", read(path)?);
            }
            Ok(())
        }
        RulesCommand::Import(options) => import(&options).await,
    }
}

pub async fn run_holidays(command: HolidaysCommand) -> anyhow::Result<()> {
    let HolidaysCommand::Import(options) = command;
    let mut texts = Vec::new();
    for path in &options.files {
        let text = text(path)?;
        holidays::commands::read(&text).with_context(|| path.display().to_string())?;
        texts.push(text);
    }
    let database = Database::join(&options.database).await?;
    let outcome = async {
        let db = database.connect().await?;
        let mut tx = audit::begin_unattended(&db, &Clock::System, "thrive holidays import").await?;
        for text in &texts {
            let (code, changed) = holidays::commands::import(&mut tx, text).await?;
            println!("{code}: {changed} days changed");
        }
        anyhow::Ok(tx.commit().await?)
    }
    .await;
    database.close().await?;
    outcome
}

async fn import(options: &ImportOptions) -> anyhow::Result<()> {
    let mut files = Vec::new();
    for path in &options.files {
        files.push((path, read(path)?));
    }
    let files = file::in_order(files, |(_, file)| file);
    let database = Database::join(&options.database).await?;
    let outcome = async {
        let db = database.connect().await?;
        let mut tx = audit::begin_unattended(&db, &Clock::System, "thrive rules import").await?;
        for (path, file) in &files {
            let done = commands::import(&mut tx, &Clock::System, file).await;
            let done = done.map_err(anyhow::Error::from).with_context(|| path.display().to_string())?;
            if let Imported::Superseded { version, effective_from } = done {
                bail!(
                    "{}: version {version} of {} is in force from {effective_from}: give the change that day or a later one",
                    path.display(),
                    file.program.code
                );
            }
            println!("{}: {}", file.program.code, in_words(&done));
        }
        anyhow::Ok(tx.commit().await?)
    }
    .await;
    database.close().await?;
    outcome
}

fn in_words(done: &Imported) -> String {
    match done {
        Imported::New { version } => format!("version {version} is new"),
        Imported::Unchanged { version } => format!("version {version} says the same already"),
        Imported::Superseded { version, .. } => format!("version {version} is later"),
    }
}

fn read(path: &PathBuf) -> anyhow::Result<RuleFile> {
    file::read(&text(path)?, Clock::System.today()).with_context(|| path.display().to_string())
}

fn text(path: &PathBuf) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| path.display().to_string())
}
