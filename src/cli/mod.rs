//! The command line: one binary, and the command says what this process does.

mod audit;
mod demo;
mod import;
mod rule_files;
mod serve;
mod token;

use clap::{Args, Parser, Subcommand};

use crate::{
    App,
    access::permissions,
    clock::{Clock, Date},
    config::{DatabaseOptions, LogOptions, MailOptions, ServeOptions},
    db::Database,
    email::Outgoing,
    graphql, jobs, telemetry,
};

/// Thrive: the grants and funding tracker for All Children Thrive-California.
///
/// Start with `thrive demo`: it needs PostgreSQL's programs on this machine and nothing else, fills
/// a private database with fictional grants, and prints a line to try.
#[derive(Parser)]
#[command(name = "thrive", version, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    log: LogOptions,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Answer GraphQL requests and run the scheduled jobs, until Ctrl-C.
    ///
    /// Without DATABASE_URL a private PostgreSQL is started in the data directory, migrated, and stopped
    /// at the end. With DATABASE_URL run `thrive migrate` first.
    Serve(ServeOptions),

    /// As `serve`, with demo data: fictional people and grants in real cities and programs.
    ///
    /// The data are loaded once. A token for each role is printed, and kept in demo.env in the data directory.
    Demo(ServeOptions),

    /// Bring the database up to date with this program. Running it twice does nothing twice.
    ///
    /// Works as the owner of the tables (THRIVE_OWNER_DATABASE_URL); the service works as thrive_app.
    Migrate(MigrateOptions),

    /// Print the GraphQL schema: the text of schema.graphql.
    Schema,

    /// Run a job now, and deliver the mail that it queued.
    ///
    /// A job looks at what is due, so running it twice, late, or after a crash is harmless.
    /// For example: thrive job deadline_reminders --on 2026-12-01 --dry-run
    Job(JobOptions),

    /// Check and bring in the rules of funding programs, from files that people review.
    #[command(subcommand)]
    Rules(rule_files::RulesCommand),

    /// Bring in the holidays of a jurisdiction, on which nothing is due.
    #[command(subcommand)]
    Holidays(rule_files::HolidaysCommand),

    /// Bring in what exists: grants, budgets, expenditures and disbursements, from CSV files.
    ///
    /// Each row is reported; all rows come in or none. Entries count from the days on which things happened, and are
    /// marked as opening entries. For example: thrive import grants grants.csv --manager ana@example.org
    /// --approver ben@example.org --officer cleo@example.org --dry-run
    Import(import::ImportOptions),

    /// Verify the audit log.
    #[command(subcommand)]
    Audit(audit::AuditCommand),

    /// Print who may do and see what: the text of src/access/permissions.md.
    Permissions,

    /// Make, list and revoke the tokens that people and programs sign in with.
    #[command(subcommand)]
    Token(token::TokenCommand),
}

#[derive(Args)]
struct MigrateOptions {
    #[command(flatten)]
    database: DatabaseOptions,
}

#[derive(Args)]
struct JobOptions {
    /// The job's name, such as deadline_reminders; a wrong one is answered with all there are.
    name: String,

    /// The day to run it for, as 2026-12-01; today in California when absent.
    #[arg(long, value_name = "DATE")]
    on: Option<Date>,

    /// Tell what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    database: DatabaseOptions,

    #[command(flatten)]
    mail: MailOptions,
}

pub async fn run(cli: Cli) -> anyhow::Result<()> {
    if let Command::Schema = cli.command {
        print!("{}", graphql::sdl());
        return Ok(());
    }
    if let Command::Permissions = cli.command {
        print!("{}", permissions::markdown());
        return Ok(());
    }
    let telemetry = telemetry::start(&cli.log)?;
    let outcome = match cli.command {
        Command::Serve(options) => serve::run(&options, serve::Data::AsItIs).await,
        Command::Demo(options) => serve::run(&options, serve::Data::Demo).await,
        Command::Migrate(options) => migrate(&options.database).await,
        Command::Job(options) => job(&options).await,
        Command::Rules(command) => rule_files::run(command).await,
        Command::Holidays(command) => rule_files::run_holidays(command).await,
        Command::Import(options) => import::run(&options).await,
        Command::Token(command) => token::run(command).await,
        Command::Audit(command) => audit::run(command).await,
        Command::Schema | Command::Permissions => Ok(()),
    };
    telemetry.stop().await;
    outcome
}

async fn migrate(options: &DatabaseOptions) -> anyhow::Result<()> {
    let database = Database::join(options).await?;
    let done = database.migrate(&Clock::System).await;
    database.close().await?;
    let done = done?;
    println!(
        "The database is up to date: {} migrations, {} counties and {} cities were added.",
        done.migrations, done.counties, done.cities
    );
    println!("Rules of funding programs: {} sets were added.", done.rule_sets);
    Ok(())
}

async fn job(options: &JobOptions) -> anyhow::Result<()> {
    let outgoing = Outgoing::open(&options.mail.resolve(&options.database.data_dir)?)?;
    let database = Database::join(&options.database).await?;
    let outcome = async {
        let app = App::open(database.connect().await?, Clock::System, outgoing).await?;
        jobs::run_by_hand(&app, &options.name, options.on, options.dry_run).await
    }
    .await;
    database.close().await?;
    println!("{}", outcome?);
    Ok(())
}
