//! How a process is configured: by flags, each of which can also be an environment
//! variable, as `thrive serve --help` lists.

mod limits;
mod web;

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};

use crate::live::MOST_SOCKETS;
pub use limits::Limits;
pub use web::{Introspection, WebOptions};

/// Where the data is.
#[derive(Args, Clone, Debug)]
pub struct DatabaseOptions {
    /// Connect to this PostgreSQL as a member of the role thrive_app. Without it, a private
    /// PostgreSQL is started in the data directory from the binaries installed on this machine.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,

    /// Connect to this PostgreSQL to migrate it, as the owner of the tables; DATABASE_URL when absent.
    #[arg(long, env = "THRIVE_OWNER_DATABASE_URL", hide_env_values = true)]
    pub owner_database_url: Option<String>,

    /// Listen for events at this PostgreSQL, as a member of the role thrive_app; DATABASE_URL when absent. Needed
    /// where DATABASE_URL leads to a pooler such as PgBouncer: without it events arrive up to a second later.
    #[arg(long, env = "THRIVE_DIRECT_DATABASE_URL", hide_env_values = true)]
    pub direct_database_url: Option<String>,

    /// The most connections this process opens, beside three that a process which serves the API follows events with.
    #[arg(long, env = "THRIVE_DATABASE_CONNECTIONS", default_value_t = 16, value_parser = clap::value_parser!(u32).range(2..=500))]
    pub database_connections: u32,

    /// How long one statement may take; PostgreSQL breaks it off. Less than a request may take.
    #[arg(long, env = "THRIVE_STATEMENT_TIMEOUT_SECONDS", default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub statement_timeout_seconds: u32,

    /// Where a private PostgreSQL, the demo's mail and demo.env live. POSTGRES_BIN_DIR names the
    /// directory of PostgreSQL's programs where they are not found by themselves.
    #[arg(long, env = "THRIVE_DATA_DIR", default_value = ".thrive")]
    pub data_dir: PathBuf,
}

/// How mail leaves.
#[derive(Args, Clone, Debug)]
pub struct MailOptions {
    /// smtp://user:password@host:587?tls=required, smtps://..., or file:///directory for .eml files.
    /// Without it, mail is written to the directory `mail` in the data directory.
    #[arg(long, env = "MAIL_URL", hide_env_values = true)]
    pub mail_url: Option<String>,

    /// The sender of all mail.
    #[arg(long, env = "MAIL_FROM", default_value = "Thrive <thrive@localhost.localdomain>")]
    pub mail_from: String,

    /// How long one message may take to send; then it counts as not sent.
    #[arg(long, env = "THRIVE_MAIL_TIMEOUT_SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub mail_timeout_seconds: u64,

    /// A PEM file with the certificate authority of the mail server, in addition to the system's.
    #[arg(long, env = "THRIVE_MAIL_CA_FILE")]
    pub mail_ca_file: Option<PathBuf>,
}

/// How mail leaves, with nothing left open.
#[derive(Clone, Debug)]
pub struct MailConfig {
    pub url: String,
    pub from: String,
    pub timeout: Duration,
    pub ca_file: Option<PathBuf>,
}

impl MailConfig {
    /// For commands that send nothing: its directory is never made.
    pub fn nowhere(data_dir: &std::path::Path) -> anyhow::Result<Self> {
        Ok(Self {
            url: format!("file://{}", std::path::absolute(data_dir.join("mail"))?.display()),
            from: "Thrive <thrive@localhost.localdomain>".into(),
            timeout: Duration::from_secs(1),
            ca_file: None,
        })
    }
}

impl MailOptions {
    /// Mail goes to a directory beside the data unless a server is named.
    pub fn resolve(&self, data_dir: &std::path::Path) -> anyhow::Result<MailConfig> {
        let url = match &self.mail_url {
            Some(url) => url.clone(),
            None => format!("file://{}", std::path::absolute(data_dir.join("mail"))?.display()),
        };
        Ok(MailConfig {
            url,
            from: self.mail_from.clone(),
            timeout: Duration::from_secs(self.mail_timeout_seconds),
            ca_file: self.mail_ca_file.clone(),
        })
    }
}

/// What a serving process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Parts {
    /// The API and the jobs.
    All,
    /// The API only.
    Api,
    /// The jobs and the sending of mail only, with /health.
    Jobs,
}

#[derive(Args, Clone, Debug)]
pub struct ServeOptions {
    #[command(flatten)]
    pub database: DatabaseOptions,

    #[command(flatten)]
    pub mail: MailOptions,

    /// Answer on this address and port.
    #[arg(long, env = "THRIVE_LISTEN", default_value = "127.0.0.1:8080", value_name = "HOST:PORT")]
    pub listen: String,

    /// What this process does.
    #[arg(long, env = "THRIVE_PARTS", value_enum, default_value_t = Parts::All)]
    pub parts: Parts,

    /// The address under which people reach Thrive, for links; http://HOST:PORT when absent.
    #[arg(long, env = "THRIVE_PUBLIC_URL")]
    pub public_url: Option<String>,

    /// How many sockets of subscribers may be open at a time; one more is told to try again later.
    #[arg(long, env = "THRIVE_SOCKETS", default_value_t = MOST_SOCKETS, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub sockets: u32,

    #[command(flatten)]
    pub web: WebOptions,

    #[command(flatten)]
    pub limits: Limits,
}

/// How a process tells what it does.
#[derive(Args, Clone, Debug)]
pub struct LogOptions {
    /// What to log, such as `info` or `thrive=debug,sqlx=warn`.
    #[arg(
        long,
        env = "THRIVE_LOG",
        default_value = "info,tokio_cron_scheduler=warn",
        global = true
    )]
    pub log: String,

    /// Human on a terminal and JSON otherwise, or always one of them.
    #[arg(long, env = "THRIVE_LOG_FORMAT", value_enum, default_value_t = LogFormat::Auto, global = true)]
    pub log_format: LogFormat,

    /// Send traces by OTLP over HTTP to this collector, such as http://localhost:4318.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", global = true)]
    pub otlp_endpoint: Option<String>,

    /// The name of this process in traces.
    #[arg(long, env = "OTEL_SERVICE_NAME", default_value = "thrive", global = true)]
    pub otlp_service_name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Auto,
    Human,
    Json,
}
