//! What `thrive demo` adds to `serve`: the data, a token for each role, demo.env.

use std::{fs, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use anyhow::Context;

use crate::{
    App,
    access::{self, Secret},
    demo::{self, Login},
};

/// Loads the demo data once, and prints how to try it.
pub async fn prepare(app: &App, data_dir: &Path, url: &str) -> anyhow::Result<()> {
    let logins = demo::load(app).await?;
    fs::create_dir_all(data_dir)
        .with_context(|| format!("{} cannot be made", data_dir.display()))?;
    let file = data_dir.join("demo.env");
    let known = fs::read_to_string(&file).unwrap_or_default();
    let mut tokens = Vec::new();
    for login in &logins {
        tokens.push((login, token(app, login, &known).await?));
    }
    write(&file, url, &tokens)?;
    print!("{}", guide(&file, url, &tokens));
    Ok(())
}

/// The token of an earlier start while it is good, so that scripts go on working.
async fn token(app: &App, login: &Login, known: &str) -> anyhow::Result<String> {
    let prefix = format!("TOKEN_{}=", login.role.role);
    if let Some(kept) = known.lines().find_map(|line| line.strip_prefix(prefix.as_str())) {
        let live =
            access::store::identify(&app.db, &Secret::presented(kept), app.clock.now()).await?;
        if live.is_some_and(|identity| identity.person == login.person.id) {
            return Ok(kept.into());
        }
    }
    let (_, secret) = access::commands::create_token(app, &login.person, &login.role, 365).await?;
    Ok(secret.reveal().into())
}

fn write(file: &Path, url: &str, tokens: &[(&Login, String)]) -> anyhow::Result<()> {
    let mut text = format!("THRIVE_URL={url}\n");
    for (login, token) in tokens {
        text.push_str(&format!("TOKEN_{}={token}\n", login.role.role));
    }
    // Made anew beside the old one, readable by nobody else from the first moment.
    let fresh = file.with_extension("env.new");
    let _ = fs::remove_file(&fresh);
    let mut writer =
        fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    writer.write_all(text.as_bytes())?;
    fs::rename(&fresh, file).with_context(|| format!("{} cannot be written", file.display()))
}

fn guide(file: &Path, url: &str, tokens: &[(&Login, String)]) -> String {
    let mut text =
        format!("\nThrive answers at {url}/graphql and can be explored at {url}/graphiql\n\n");
    text.push_str("A token for each role; everybody here is fictional:\n");
    for (login, token) in tokens {
        text.push_str(&format!(
            "  {:<15} {token}  {}\n",
            login.role.role.as_str(),
            login.person.name
        ));
    }
    let manager = tokens.iter().find(|(login, _)| login.role.role == access::Role::GrantManager);
    if let Some((_, token)) = manager {
        let query = "{ disbursements(first: 5) { totalCount totals { paid requested } nodes { amount status grant { title \
                     recipient { name } } } } }";
        text.push_str(&format!(
            "\nTry:\n  curl -s {url}/graphql -H 'Content-Type: application/json' -H 'Authorization: Bearer {token}' \
             -d '{{\"query\":\"{query}\"}}'\n"
        ));
    }
    text.push_str(&format!("\nThe same is in {} for scripts. Ctrl-C ends it.\n\n", file.display()));
    text
}
