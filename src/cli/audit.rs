//! `thrive audit`: whether the log is as it was sealed.

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use crate::{
    audit::{chain, commands},
    config::DatabaseOptions,
    db::Database,
};

#[derive(Subcommand)]
pub enum AuditCommand {
    /// Follow the chain of seals and compare each with its entry. Ends with 1 when something does not fit.
    Verify(VerifyOptions),
}

#[derive(Args)]
pub struct VerifyOptions {
    #[command(flatten)]
    database: DatabaseOptions,

    /// A seal that was noted before, as POSITION:HASH: the log must still hold it.
    #[arg(long, value_name = "POSITION:HASH", value_parser = noted)]
    noted: Option<(i64, String)>,
}

fn noted(text: &str) -> Result<(i64, String), String> {
    let parts = text.split_once(':').and_then(|(position, hash)| {
        let whole = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        Some((position.parse().ok()?, hash.to_ascii_lowercase())).filter(|_| whole)
    });
    parts.ok_or_else(|| "give it as `thrive audit verify` prints it: POSITION:HASH".into())
}

pub async fn run(command: AuditCommand) -> anyhow::Result<()> {
    let AuditCommand::Verify(options) = command;
    let database = Database::join(&options.database).await?;
    let outcome = verify(&database, options.noted.as_ref()).await;
    database.close().await?;
    outcome
}

async fn verify(database: &Database, noted: Option<&(i64, String)>) -> anyhow::Result<()> {
    let db = database.connect().await?;
    // One snapshot, so that what is sealed meanwhile is not missed in the middle.
    let mut tx = db
        .begin_with("begin isolation level repeatable read read only")
        .await
        .context("the log cannot be read")?;
    let found = commands::verify(&mut tx, noted).await.map_err(anyhow::Error::from)?;
    for broken in &found.broken {
        println!("BROKEN  {broken}");
    }
    println!("{} entries are as they were sealed", found.verified);
    println!("{} entries are not sealed yet: sealing follows within seconds", found.unsealed);
    if let Some(head) = &found.head {
        println!("Note this seal elsewhere: {}:{}", head.position, chain::hex(&head.hash));
    }
    if !found.broken.is_empty() {
        bail!("the audit log was changed after it was sealed");
    }
    Ok(())
}
