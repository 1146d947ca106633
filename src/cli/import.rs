//! `thrive import`: what exists comes in from CSV files.

use std::{fs, path::PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use crate::{
    App,
    clock::Clock,
    config::{DatabaseOptions, MailConfig},
    db::Database,
    email::Outgoing,
    imports::{self, Kind, People},
};

#[derive(Args)]
pub struct ImportOptions {
    /// What the file holds: grants, budgets, expenditures or disbursements. Bring them in in this order.
    kind: Kind,

    /// The CSV file; its columns are in the README.
    file: PathBuf,

    /// Tell what would come of each row, and bring nothing in.
    #[arg(long)]
    dry_run: bool,

    /// The e-mail address of the GRANT_MANAGER who answers for the rows.
    #[arg(long, value_name = "EMAIL")]
    manager: String,

    /// The e-mail address of the APPROVER who answers for the decisions.
    #[arg(long, value_name = "EMAIL")]
    approver: String,

    /// The e-mail address of the FISCAL_OFFICER who answers for the payments.
    #[arg(long, value_name = "EMAIL")]
    officer: String,

    #[command(flatten)]
    database: DatabaseOptions,
}

pub async fn run(options: &ImportOptions) -> anyhow::Result<()> {
    let name = || options.file.display().to_string();
    let text = fs::read_to_string(&options.file).with_context(name)?;
    imports::file::read(&text, options.kind.header()).with_context(name)?;
    let database = Database::join(&options.database).await?;
    let outcome = async {
        let outgoing = Outgoing::open(&MailConfig::nowhere(&options.database.data_dir)?)?;
        let app = App::open(database.connect().await?, Clock::System, outgoing).await?;
        let by = People::find(&app, &options.manager, &options.approver, &options.officer).await?;
        imports::commands::import(&app, options.kind, &text, &by, options.dry_run).await
    }
    .await;
    database.close().await?;
    let report = outcome?;
    println!("{report}");
    if report.refused() > 0 {
        bail!("{} rows of {} were refused", report.refused(), name());
    }
    Ok(())
}
