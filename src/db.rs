//! The database: a private one or a given one, its two roles, its migrations.

use std::{path::Path, str::FromStr, time::Duration};

use anyhow::{Context, bail};
use sqlx::{
    Connection, Executor, PgConnection, PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{
    cities,
    clock::Clock,
    config::DatabaseOptions,
    embedded_postgres::{Durability, EmbeddedPostgres},
    rule_sets,
};

pub static MIGRATOR: Migrator = sqlx::migrate!();

/// The role whose tables they are: it migrates.
pub const OWNER: &str = "thrive_owner";
/// The role that the service works as: it may not delete, nor touch the ledger's entries.
pub const SERVICE: &str = "thrive_app";

/// How to reach the database as either role, and the private server if there is one.
pub struct Database {
    service: PgConnectOptions,
    owner: PgConnectOptions,
    /// As the service, past any pooler.
    direct: PgConnectOptions,
    connections: u32,
    statement_timeout: Duration,
    embedded: Option<EmbeddedPostgres>,
}

impl Database {
    /// The database that the options name. A private server is started, or adopted
    /// from a process that was killed, and stopped by `close`.
    pub async fn open(options: &DatabaseOptions) -> anyhow::Result<Self> {
        if let Some(given) = Self::given(options)? {
            return Ok(given);
        }
        let data_dir = options.data_dir.clone();
        let server = tokio::task::spawn_blocking(move || {
            EmbeddedPostgres::start(&data_dir, Durability::Durable)
        })
        .await??;
        Self::embedded(server, options).await
    }

    /// As `open`, but beside a process that serves from the same data directory.
    pub async fn join(options: &DatabaseOptions) -> anyhow::Result<Self> {
        if let Some(given) = Self::given(options)? {
            return Ok(given);
        }
        let data_dir = options.data_dir.clone();
        let running =
            tokio::task::spawn_blocking(move || EmbeddedPostgres::join(&data_dir)).await??;
        match running {
            Some(server) => Self::embedded(server, options).await,
            None => Self::open(options).await,
        }
    }

    fn given(options: &DatabaseOptions) -> anyhow::Result<Option<Self>> {
        let Some(url) = &options.database_url else { return Ok(None) };
        let parse = |url: &str, name: &str| {
            PgConnectOptions::from_str(url).with_context(|| {
                format!(
                    "{name} is not a PostgreSQL address such as postgres://user@host:5432/thrive"
                )
            })
        };
        let owner_url = options.owner_database_url.as_ref().unwrap_or(url);
        let direct_url = options.direct_database_url.as_ref().unwrap_or(url);
        Ok(Some(Self {
            service: parse(url, "DATABASE_URL")?,
            owner: parse(owner_url, "THRIVE_OWNER_DATABASE_URL")?,
            direct: parse(direct_url, "THRIVE_DIRECT_DATABASE_URL")?,
            connections: options.database_connections,
            statement_timeout: statement_timeout(options),
            embedded: None,
        }))
    }

    async fn embedded(server: EmbeddedPostgres, options: &DatabaseOptions) -> anyhow::Result<Self> {
        let (service, owner) =
            prepare_cluster(server.socket_dir(), server.port(), "thrive").await?;
        Ok(Self {
            direct: service.clone(),
            service,
            owner,
            connections: options.database_connections,
            statement_timeout: statement_timeout(options),
            embedded: Some(server),
        })
    }

    pub fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }

    /// Brings the tables and the reference data up to date. Several processes may try at once.
    pub async fn migrate(&self, clock: &Clock) -> anyhow::Result<Migrated> {
        migrate(&self.owner, clock).await
    }

    /// A pool for the service, checked to fit this program.
    pub async fn connect(&self) -> anyhow::Result<PgPool> {
        let pool = pool_with(&self.service, self.connections, self.statement_timeout).await?;
        let found: Result<Option<i64>, _> =
            sqlx::query_scalar("select max(version) from _sqlx_migrations where success")
                .fetch_one(&pool)
                .await;
        let newest = MIGRATOR.iter().map(|migration| migration.version).max();
        match found {
            // A newer database serves an older program while an upgrade rolls.
            Ok(version) if version >= newest => Ok(pool),
            _ => bail!(
                "the database is not up to date with this program: run `thrive migrate` first"
            ),
        }
    }

    /// A small pool that leads straight to PostgreSQL, for what a pooler does not pass on.
    pub async fn connect_directly(&self) -> anyhow::Result<PgPool> {
        pool(&self.direct, 3).await
    }

    /// Stops a private server that this process owns.
    pub async fn close(self) -> anyhow::Result<()> {
        if let Some(server) = self.embedded {
            tokio::task::spawn_blocking(move || server.stop()).await??;
        }
        Ok(())
    }
}

/// What `migrate` did.
pub struct Migrated {
    pub migrations: usize,
    pub counties: u64,
    pub cities: u64,
    pub rule_sets: usize,
}

pub async fn migrate(owner: &PgConnectOptions, clock: &Clock) -> anyhow::Result<Migrated> {
    let pool = PgPoolOptions::new()
        .max_connections(2)
        .acquire_timeout(Duration::from_secs(10))
        .connect_with(owner.clone())
        .await
        .context("the database cannot be reached as its owner")?;
    let before = applied(&pool).await;
    MIGRATOR.run(&pool).await.context("the migrations failed; each that failed was rolled back")?;
    let (counties, cities) = cities::reference::load(&pool, clock).await?;
    let rule_sets = rule_sets::bundled::load(&pool, clock).await?;
    let migrations = applied(&pool).await - before;
    // The service reads which migrations ran, and never writes it.
    pool.execute("grant select on _sqlx_migrations to thrive_app").await?;
    pool.execute("revoke insert, update on _sqlx_migrations from thrive_app").await?;
    pool.close().await;
    Ok(Migrated { migrations, counties, cities, rule_sets })
}

/// Zero before the first one made the table.
async fn applied(pool: &PgPool) -> usize {
    let count =
        sqlx::query_scalar::<_, i64>("select count(*) from _sqlx_migrations").fetch_one(pool).await;
    count.ok().and_then(|count| count.try_into().ok()).unwrap_or_default()
}

fn statement_timeout(options: &DatabaseOptions) -> Duration {
    Duration::from_secs(options.statement_timeout_seconds.into())
}

/// As `pool_with`, with the time for a statement that is usual.
pub async fn pool(service: &PgConnectOptions, connections: u32) -> anyhow::Result<PgPool> {
    pool_with(service, connections, Duration::from_secs(25)).await
}

/// A pool that works as the service's role, whoever logs in. What takes longer than the time for a
/// statement is broken off by PostgreSQL.
pub async fn pool_with(
    service: &PgConnectOptions,
    connections: u32,
    statement_timeout: Duration,
) -> anyhow::Result<PgPool> {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(10))
        // A dead connection shows itself in the statement; asking first would cost each a round trip.
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                // A number of this program's own; a setting cannot be a parameter. What the just-in-time compiler saves
                // in a statement of a second, it takes seconds to prepare.
                let settings = format!(
                    "set role thrive_app; set statement_timeout = {}; set jit = off;
                     set idle_in_transaction_session_timeout = '30s'",
                    statement_timeout.as_millis()
                );
                connection.execute(sqlx::AssertSqlSafe(settings)).await?;
                Ok(())
            })
        })
        .connect_with(service.clone())
        .await
        .context("the database cannot be reached; is DATABASE_URL right, and is its user a member of thrive_app?")
}

/// Makes both roles and a database in a private cluster, if they are not there.
/// Answers how to connect as the service and as the owner.
pub async fn prepare_cluster(
    socket_dir: &Path,
    port: u16,
    database: &str,
) -> anyhow::Result<(PgConnectOptions, PgConnectOptions)> {
    let base = PgConnectOptions::new_without_pgpass().socket(socket_dir).port(port);
    let mut admin =
        PgConnection::connect_with(&base.clone().username("postgres").database("postgres")).await?;
    // One at a time: test processes share a cluster.
    admin.execute("select pg_advisory_lock(hashtext('thrive prepare_cluster'))").await?;
    for role in [OWNER, SERVICE] {
        let known: Option<i32> = sqlx::query_scalar("select 1 from pg_roles where rolname = $1")
            .bind(role)
            .fetch_optional(&mut admin)
            .await?;
        if known.is_none() {
            let create = if role == OWNER {
                "create role thrive_owner login"
            } else {
                "create role thrive_app login"
            };
            admin.execute(create).await?;
        }
    }
    let known: Option<i32> = sqlx::query_scalar("select 1 from pg_database where datname = $1")
        .bind(database)
        .fetch_optional(&mut admin)
        .await?;
    if known.is_none() {
        // The name is this program's own; a database cannot be a parameter.
        let create =
            sqlx::AssertSqlSafe(["create database ", database, " owner thrive_owner"].concat());
        admin.execute(create).await?;
    }
    admin.close().await?;
    let base = base.database(database);
    Ok((base.clone().username(SERVICE), base.username(OWNER)))
}
