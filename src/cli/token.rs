//! `thrive token create|list|revoke`.

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use crate::{
    App, Error, Result,
    access::{self, Role, TokenScope, commands::NewRole},
    cities,
    clock::Clock,
    config::{DatabaseOptions, MailConfig},
    db::Database,
    email::Outgoing,
    id::TokenId,
    money::Money,
    people::{self, NewPerson, Person},
};

#[derive(Subcommand)]
pub enum TokenCommand {
    /// Make a token for a person in a role, and print it. It cannot be shown again.
    ///
    /// For example: thrive token create --person ana@example.org --name "Ana Reyes" --role PROGRAM_ADMIN
    Create(CreateOptions),

    /// List the tokens, without their secrets.
    List(ListOptions),

    /// End a token at once.
    Revoke(RevokeOptions),
}

#[derive(Args)]
pub struct CreateOptions {
    /// The e-mail address of the person that the token acts for.
    #[arg(long, value_name = "EMAIL")]
    person: String,

    /// The person's name, to enter somebody who is not known yet.
    #[arg(long)]
    name: Option<String>,

    /// The role it acts in: CITY_MEMBER, CITY_FINANCE, COACH, GRANT_MANAGER, APPROVER, FISCAL_OFFICER,
    /// PROGRAM_ADMIN, AUDITOR or SERVICE.
    #[arg(long)]
    role: Role,

    /// The city, by its GEOID such as 0644000: for CITY_MEMBER, COACH and SERVICE.
    #[arg(long, value_name = "GEOID")]
    city: Option<String>,

    /// The organization, by its name or id: for CITY_FINANCE and SERVICE.
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,

    /// The most an APPROVER may approve at once, such as 50000.00.
    #[arg(long, value_name = "AMOUNT")]
    approval_limit: Option<Money>,

    /// Let it ask only: every mutation is refused.
    #[arg(long)]
    read_only: bool,

    /// For how many days it is good.
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(i64).range(1..=3650))]
    days: i64,

    #[command(flatten)]
    database: DatabaseOptions,
}

#[derive(Args)]
pub struct ListOptions {
    #[command(flatten)]
    database: DatabaseOptions,
}

#[derive(Args)]
pub struct RevokeOptions {
    /// The token's id, as `thrive token list` shows it.
    id: String,

    #[command(flatten)]
    database: DatabaseOptions,
}

pub async fn run(command: TokenCommand) -> anyhow::Result<()> {
    let options = match &command {
        TokenCommand::Create(options) => &options.database,
        TokenCommand::List(options) => &options.database,
        TokenCommand::Revoke(options) => &options.database,
    };
    let database = Database::join(options).await?;
    let outcome = async {
        let nowhere = MailConfig::nowhere(&options.data_dir)?;
        if database.is_embedded() {
            database.migrate(&Clock::System).await?;
        }
        let app =
            App::open(database.connect().await?, Clock::System, Outgoing::open(&nowhere)?).await?;
        match &command {
            TokenCommand::Create(options) => create(&app, options).await,
            TokenCommand::List(_) => list(&app).await,
            TokenCommand::Revoke(options) => revoke(&app, &options.id).await,
        }
    }
    .await;
    database.close().await?;
    outcome
}

async fn create(app: &App, options: &CreateOptions) -> anyhow::Result<()> {
    let person = person(app, options).await?;
    let city = match &options.city {
        Some(geoid) => {
            let found = cities::store::find_by_geoid(&app.db, geoid).await?;
            Some(found.with_context(|| format!("there is no city with the GEOID {geoid}"))?.id)
        }
        None => None,
    };
    let organization = match &options.organization {
        Some(name) => {
            let found = people::store::find_organization(&app.db, name).await?;
            Some(found.with_context(|| format!("there is no organization `{name}`"))?.id)
        }
        None => None,
    };
    let role =
        NewRole { role: options.role, city, organization, approval_limit: options.approval_limit };
    let scope = if options.read_only { TokenScope::Read } else { TokenScope::ReadWrite };
    let made =
        access::commands::create_scoped_token(app, &person, &role, options.days, scope).await;
    let (id, secret) = readable(made)?;
    eprintln!("Token {id} lets {} act as {} for {} days:", person.name, options.role, options.days);
    println!("{}", secret.reveal());
    Ok(())
}

async fn person(app: &App, options: &CreateOptions) -> anyhow::Result<Person> {
    if let Some(person) = people::store::find_by_email(&app.db, &options.person).await? {
        return Ok(person);
    }
    let Some(name) = &options.name else {
        bail!("nobody has the address {}: add --name \"...\" to enter the person", options.person);
    };
    let new = NewPerson {
        name: name.clone(),
        email: options.person.clone(),
        phone: None,
        mailing_address: None,
        position: None,
        organization: None,
        city: None,
        fictional: false,
    };
    readable(people::commands::enter_person(app, "thrive token create", new).await)
}

async fn list(app: &App) -> anyhow::Result<()> {
    let now = app.clock.now();
    println!("{:<40} {:<16} {:<12} {:<12} person", "id", "role", "expires", "state");
    let tokens = access::store::list_tokens(&app.db).await?;
    let people: Vec<_> = tokens.iter().map(|token| token.person_id).collect();
    let people = people::store::find_people(&app.db, &people).await?;
    let name = |id| people.iter().find(|person| person.id == id).map_or("", |person| &person.name);
    for token in tokens {
        let state = match (token.revoked_at, token.expires_at <= now, token.last_used_at) {
            (Some(_), ..) => "revoked",
            (_, true, _) => "expired",
            (.., Some(_)) => "in use",
            _ => "unused",
        };
        let expires = token.expires_at.format("%Y-%m-%d");
        println!(
            "{:<40} {:<16} {:<12} {:<12} {}",
            token.id,
            token.role,
            expires,
            state,
            name(token.person_id)
        );
    }
    Ok(())
}

async fn revoke(app: &App, id: &str) -> anyhow::Result<()> {
    let id: TokenId = id.parse().map_err(anyhow::Error::msg)?;
    if !access::commands::revoke_token(app, id).await? {
        bail!("there is no open token {id}");
    }
    println!("Token {id} is revoked.");
    Ok(())
}

/// On the command line the cause of a fault is shown, not masked.
fn readable<T>(outcome: Result<T>) -> anyhow::Result<T> {
    outcome.map_err(|error| match error {
        Error::Internal(cause) => cause,
        other => other.into(),
    })
}
