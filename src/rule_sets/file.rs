//! A program's rules as a text that people review: `rules/<program>.toml`. A change of law is
//! a change of that file, or another one with a later day where the earlier law is kept.

use std::fmt;

use anyhow::Context;
use serde::Deserialize;
use toml::{Spanned, Table, Value};

use super::{NewRule, kinds::RuleTerms, rules};
use crate::{
    clock::Date,
    streams::{self, NewProgram, ProgramKind},
};

/// A program with its rules.
#[derive(Clone, Debug)]
pub struct RuleFile {
    pub program: NewProgram,
    /// The stream's code.
    pub stream: String,
    /// The code of the program that it is part of.
    pub parent: Option<String>,
    pub source_url: String,
    /// None leaves the set a draft.
    pub effective_from: Option<Date>,
    pub rules: Vec<NewRule>,
}

/// Files in the order in which they are brought in: a program after the one it is part of, and a
/// later version after an earlier one.
pub fn in_order<T>(mut files: Vec<T>, file: impl Fn(&T) -> &RuleFile) -> Vec<T> {
    files.sort_by_key(|one| file(one).effective_from);
    let mut ordered = Vec::with_capacity(files.len());
    while !files.is_empty() {
        let waits = |one: &T| {
            let parent = file(one).parent.as_ref();
            parent
                .is_some_and(|parent| files.iter().any(|other| file(other).program.code == *parent))
        };
        // Where each waits for another, the import says which is missing.
        let next = files.iter().position(|one| !waits(one)).unwrap_or(0);
        ordered.push(files.remove(next));
    }
    ordered
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Text {
    source: String,
    effective_from: Option<Date>,
    program: ProgramText,
    rules: Vec<Spanned<Table>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ProgramText {
    code: String,
    stream: String,
    parent: Option<String>,
    name: String,
    agency: String,
    kind: ProgramKind,
    citation: String,
    verified_on: Option<Date>,
}

/// What every rule has, before the terms of its kind.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Common {
    name: String,
    kind: String,
    citation: String,
    verified_on: Option<Date>,
}

/// Reads a file and checks every rule in it; an error names the line and the rule.
pub fn read(text: &str, today: Date) -> anyhow::Result<RuleFile> {
    let parsed: Text = toml::from_str(text)?;
    if parsed.source.trim().is_empty() {
        anyhow::bail!("`source` is empty: it says where the rules can be read");
    }
    let mut lines = Vec::new();
    let mut read = Vec::new();
    for table in parsed.rules {
        let line = text[..table.span().start].matches('\n').count() + 1;
        read.push(rule(table.into_inner()).with_context(|| format!("line {line}"))?);
        lines.push(line);
    }
    rules::check_rules(&read, today).map_err(|problem| {
        let line = lines.get(problem.place).copied().unwrap_or_default();
        let name = read.get(problem.place).map(|rule| rule.name.as_str()).unwrap_or_default();
        // `terms` and the kind are the API's; in a file the fields of the terms stand beside the others.
        let path: Vec<_> = problem.path.iter().skip_while(|part| *part == "terms").collect();
        let path = if path.len() < problem.path.len() { &path[1..] } else { &path[..] };
        let path = path.iter().map(|part| part.as_str()).collect::<Vec<_>>().join(".");
        anyhow::anyhow!("line {line}: rule `{name}`: {path}: {}", problem.message)
    })?;
    if let Some(day) = parsed.effective_from {
        rules::check_first_day(day)
            .map_err(|refusal| anyhow::anyhow!("effectiveFrom: {refusal}"))?;
        anyhow::ensure!(
            !read.is_empty(),
            "`rules` is empty: rules without one are not put in force"
        );
    }
    let ProgramText { code, stream, parent, name, agency, kind, citation, verified_on } =
        parsed.program;
    let program = NewProgram { code, name, agency, kind, citation, verified_on };
    streams::rules::check_program(&program, today)
        .map_err(|refusal| anyhow::anyhow!("program: {refusal}"))?;
    Ok(RuleFile {
        program,
        stream,
        parent,
        source_url: parsed.source,
        effective_from: parsed.effective_from,
        rules: read,
    })
}

fn rule(mut table: Table) -> anyhow::Result<NewRule> {
    let mut common = Table::new();
    for field in ["name", "kind", "citation", "verifiedOn"] {
        if let Some(value) = table.remove(field) {
            common.insert(field.into(), value);
        }
    }
    let common: Common = Value::Table(common).try_into()?;
    let mut terms = Table::new();
    terms.insert("kind".into(), Value::String(common.kind.clone()));
    terms.insert("params".into(), Value::Table(table));
    let terms: RuleTerms = Value::Table(terms)
        .try_into()
        .with_context(|| format!("rule `{}` ({})", common.name, common.kind))?;
    let Common { name, citation, verified_on, .. } = common;
    Ok(NewRule { name, citation, verified_on, terms })
}

/// What a file holds, for whoever checks it.
impl fmt::Display for RuleFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verified = self.rules.iter().filter(|rule| rule.verified_on.is_some()).count();
        let from = self
            .effective_from
            .map_or_else(|| "a draft".to_string(), |day| format!("in force from {day}"));
        write!(
            f,
            "{}: {} rules, {verified} verified and {} not, {from}",
            self.program.code,
            self.rules.len(),
            self.rules.len() - verified
        )
    }
}
