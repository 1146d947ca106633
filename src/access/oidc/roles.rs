//! Which value of the provider's claim gives which role, by a file that the operator writes.

use std::path::Path;

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    App,
    access::{Role, commands::NewRole},
    cities,
    money::Money,
    people,
};

/// The file: one `[[role]]` for each value that gives a role. A value may stand there more than once.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    role: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// A value of the claim, exactly.
    value: String,
    role: Role,
    /// A GEOID, for CITY_MEMBER, COACH and SERVICE.
    city: Option<String>,
    /// A name or an id, for CITY_FINANCE and SERVICE.
    organization: Option<String>,
    /// For APPROVER.
    approval_limit: Option<Money>,
}

/// What each value gives.
#[derive(Debug)]
pub struct Mapping {
    claim: String,
    lines: Vec<(String, NewRole)>,
}

impl Mapping {
    /// Reads the file, with the cities and organizations that it names.
    pub async fn read(app: &App, path: &Path, claim: &str) -> anyhow::Result<Self> {
        let named = || format!("the roles file {}", path.display());
        let text =
            std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", named()))?;
        let file: File = toml::from_str(&text).with_context(named)?;
        ensure!(!file.role.is_empty(), "{} has no [[role]]", named());
        let mut lines = vec![];
        for line in file.role {
            let value = line.value.clone();
            let role =
                resolve(app, line).await.with_context(|| format!("{}: `{value}`", named()))?;
            lines.push((value, role));
        }
        Ok(Self { claim: claim.into(), lines })
    }

    /// The roles that a person's claims give, each once.
    pub fn of(&self, claims: &Map<String, Value>) -> Vec<NewRole> {
        let values: Vec<&str> = match find(claims, &self.claim) {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
            _ => vec![],
        };
        let mut roles: Vec<NewRole> = vec![];
        for (_, role) in self.lines.iter().filter(|(value, _)| values.contains(&value.as_str())) {
            let same = |held: &&mut NewRole| held.scope() == role.scope();
            match roles.iter_mut().find(same) {
                // Of two limits the wider one holds; none is the widest.
                Some(held) => {
                    held.approval_limit = held
                        .approval_limit
                        .zip(role.approval_limit)
                        .map(|(one, other)| one.max(other));
                }
                None => roles.push(role.clone()),
            }
        }
        roles
    }
}

/// A claim by its name, or by the names on the way to it, as in `realm_access.roles`.
fn find<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    claims.get(name).or_else(|| {
        let (first, rest) = name.split_once('.')?;
        find(claims.get(first)?.as_object()?, rest)
    })
}

async fn resolve(app: &App, line: Line) -> anyhow::Result<NewRole> {
    ensure!(!line.value.trim().is_empty(), "`value` is empty");
    let city = match &line.city {
        Some(geoid) => {
            let found = cities::store::find_by_geoid(&app.db, geoid).await?;
            Some(found.with_context(|| format!("there is no city with the GEOID {geoid}"))?.id)
        }
        None => None,
    };
    let organization = match &line.organization {
        Some(name) => {
            let found = people::store::find_organization(&app.db, name).await?;
            Some(found.with_context(|| format!("there is no organization `{name}`"))?.id)
        }
        None => None,
    };
    let role = NewRole { role: line.role, city, organization, approval_limit: line.approval_limit };
    if let Err(why) = role.check() {
        bail!("{}", why.message);
    }
    Ok(role)
}
