//! What people do to rule sets: draft, revise, activate, and bring in from reviewed files.

use sqlx::PgConnection;

use super::{
    NewOverride, NewRule, NewRuleSet, Rule, RuleSet,
    file::RuleFile,
    rules::{self, refused},
    store,
};
use crate::{
    App, Refusal, Result,
    access::{Actor, Permission},
    audit,
    clock::{Clock, Date},
    error::UserErrorCode::InvalidInput,
    holidays,
    id::{PersonId, ProgramId, RuleId, RuleSetId},
    streams::{self, FundingProgram, NewProgram},
};

/// Drafts the next version of a program's rules.
#[tracing::instrument(skip_all, fields(%program))]
pub async fn draft(
    app: &App,
    actor: &Actor,
    program: ProgramId,
    new: NewRuleSet,
) -> Result<RuleSet> {
    let admin = actor.may(Permission::DraftRuleSet)?;
    check(&new, app.clock.today())?;
    let mut tx = audit::begin(app, &admin).await?;
    if streams::store::find_program(&mut *tx, program).await?.is_none() {
        return Err(Refusal::not_found("program").on("programId").into());
    }
    let set = write(&mut tx, &app.clock, program, &new, Some(admin.person)).await?;
    tx.commit().await?;
    Ok(set)
}

/// Gives a draft other rules.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn revise(
    app: &App,
    actor: &Actor,
    id: RuleSetId,
    revision: i32,
    new: NewRuleSet,
) -> Result<RuleSet> {
    let admin = actor.may(Permission::ReviseRuleSet)?;
    check(&new, app.clock.today())?;
    let mut tx = audit::begin(app, &admin).await?;
    let mut set = lock(&mut tx, id).await?;
    rules::check_draft(&set, revision)?;
    check_calendars(&mut tx, &new.rules).await?;
    set.source_url = new.source_url.trim().into();
    set.revision += 1;
    set.updated_at = app.clock.now();
    store::update_set(&mut tx, &set).await?;
    store::write_rules(&mut tx, id, &numbered(&app.clock, &new.rules)).await?;
    tx.commit().await?;
    Ok(set)
}

/// Puts a draft in force from a day on. Grants that are signed keep the rules they were signed under.
#[tracing::instrument(skip_all, fields(%id))]
pub async fn activate(
    app: &App,
    actor: &Actor,
    id: RuleSetId,
    revision: i32,
    effective_from: Date,
) -> Result<RuleSet> {
    let admin = actor.may(Permission::ActivateRuleSet)?;
    let mut tx = audit::begin(app, &admin).await?;
    // Activations and imports follow one another.
    streams::store::hold_catalog(&mut tx).await?;
    let mut set = lock(&mut tx, id).await?;
    let known = store::sets_of_programs(&mut *tx, &[set.program_id], false).await?;
    let known = known.into_values().next().unwrap_or_default();
    let current = rules::current(&known, app.clock.today());
    let count = store::rules_of(&mut *tx, &[id]).await?.get(&id).map_or(0, Vec::len);
    rules::check_activation(&set, revision, count, effective_from, current)?;
    set.activated_by = Some(admin.person);
    put_in_force(&mut tx, &app.clock, &mut set, effective_from).await?;
    // Another version may begin after it already.
    let active = store::find_sets(&mut *tx, &[id], true).await?.pop();
    tx.commit().await?;
    Ok(active.expect("what was activated is there"))
}

/// What came of bringing in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Imported {
    New {
        version: i32,
    },
    /// A version says the same already.
    Unchanged {
        version: i32,
    },
    /// A later version is in force that the file does not know.
    Superseded {
        version: i32,
        effective_from: Date,
    },
}

/// Brings in a program and its rules. What is there already is not entered again.
pub async fn import(tx: &mut PgConnection, clock: &Clock, file: &RuleFile) -> Result<Imported> {
    streams::store::hold_catalog(tx).await?;
    let program = program_of(tx, clock, file).await?;
    let known = store::sets_of_programs(&mut *tx, &[program.id], true).await?;
    let known = known.into_values().next().unwrap_or_default();
    let ids: Vec<_> = known.iter().map(|set| set.id).collect();
    let mut held = store::rules_of(&mut *tx, &ids).await?;
    for set in &known {
        let same = set.source_url == file.source_url.trim()
            // What a file left a draft, an administrator may have activated.
            && file.effective_from.is_none_or(|day| set.effective_from == Some(day))
            && say_the_same(&held.remove(&set.id).unwrap_or_default(), &file.rules);
        if !same {
            continue;
        }
        // Another version may have taken its place on its own day.
        let current = set.effective_from.and_then(|day| rules::current(&known, day));
        return Ok(match current.and_then(|other| Some((other.version, other.effective_from?))) {
            Some((version, effective_from)) if version != set.version => {
                Imported::Superseded { version, effective_from }
            }
            _ => Imported::Unchanged { version: set.version },
        });
    }
    // What an administrator put in force from a day goes before a file of that day.
    let by_hand = known
        .iter()
        .find(|set| set.activated_by.is_some() && set.effective_from == file.effective_from);
    let current = rules::current(&known, clock.today()).filter(|set| {
        file.effective_from.is_some_and(|from| set.effective_from.is_some_and(|held| held > from))
    });
    let before = by_hand.or(current).and_then(|set| Some((set.version, set.effective_from?)));
    if let Some((version, day)) = before {
        return Ok(Imported::Superseded { version, effective_from: day });
    }
    let new = NewRuleSet { source_url: file.source_url.clone(), rules: file.rules.clone() };
    let mut set = write(tx, clock, program.id, &new, None).await?;
    describe(tx, clock, program, &file.program).await?;
    if let Some(day) = file.effective_from {
        put_in_force(tx, clock, &mut set, day).await?;
    }
    Ok(Imported::New { version: set.version })
}

/// The file's program, entered if it is new.
async fn program_of(
    tx: &mut PgConnection,
    clock: &Clock,
    file: &RuleFile,
) -> Result<FundingProgram> {
    let stream = streams::store::find_stream_by_code(&mut *tx, &file.stream).await?;
    let stream = stream.ok_or_else(|| {
        Refusal::new(InvalidInput, format!("there is no funding stream {}", file.stream))
    })?;
    let parent = match &file.parent {
        Some(code) => {
            let found = streams::store::find_program_by_code(&mut *tx, code).await?;
            let missing =
                || Refusal::new(InvalidInput, format!("there is no program {code} to be part of"));
            Some(found.ok_or_else(missing)?.id)
        }
        None => None,
    };
    if let Some(known) = streams::store::find_program_by_code(&mut *tx, &file.program.code).await? {
        let elsewhere = if known.stream_id != stream.id {
            Some(("stream", &file.stream))
        } else {
            file.parent.as_ref().filter(|_| known.parent_id != parent).map(|code| ("parent", code))
        };
        if let Some((what, code)) = elsewhere {
            let message =
                format!("the {what} of {} is not {code}: change the program first", known.code);
            return Err(Refusal::new(InvalidInput, message).into());
        }
        return Ok(known);
    }
    let id = ProgramId::new(clock);
    streams::store::insert_program(tx, id, stream.id, parent, &file.program, clock.now()).await?;
    Ok(streams::store::find_program(&mut *tx, id).await?.expect("what was entered is there"))
}

/// Words of the program that came with a new version of its rules.
async fn describe(
    tx: &mut PgConnection,
    clock: &Clock,
    program: FundingProgram,
    new: &NewProgram,
) -> Result<()> {
    let described = FundingProgram {
        name: new.name.clone(),
        agency: new.agency.clone(),
        kind: new.kind,
        citation: new.citation.clone(),
        verified_on: new.verified_on,
        ..program.clone()
    };
    if described != program {
        streams::store::update_program(tx, &described, clock.now()).await?;
    }
    Ok(())
}

fn say_the_same(held: &[Rule], new: &[NewRule]) -> bool {
    held.len() == new.len()
        && held.iter().zip(new).all(|(held, new)| {
            held.name == new.name
                && held.terms == new.terms
                && held.citation == new.citation.trim()
                && held.verified_on == new.verified_on
        })
}

fn check(new: &NewRuleSet, today: Date) -> Result<(), Refusal> {
    rules::check_source(&new.source_url)?;
    rules::check_rules(&new.rules, today).map_err(refused)
}

/// The holiday calendars that rules name are there.
async fn check_calendars(tx: &mut PgConnection, new: &[NewRule]) -> Result<()> {
    let known = holidays::store::list(&mut *tx).await?;
    for (place, rule) in new.iter().enumerate() {
        rules::check_calendar(&rule.terms, &known)
            .map_err(|problem| refused(rules::RuleProblem { place, ..problem }))?;
    }
    Ok(())
}

/// As `check_calendars`, of the terms of an override.
pub async fn check_override_calendar(tx: &mut PgConnection, new: &NewOverride) -> Result<()> {
    let known = holidays::store::list(&mut *tx).await?;
    if let Some(terms) = &new.terms {
        rules::check_calendar(terms, &known).map_err(|problem| {
            let path = std::iter::once("input".into()).chain(problem.path).collect();
            Refusal::new(InvalidInput, problem.message).at(path)
        })?;
    }
    Ok(())
}

async fn write(
    tx: &mut PgConnection,
    clock: &Clock,
    program: ProgramId,
    new: &NewRuleSet,
    by: Option<PersonId>,
) -> Result<RuleSet> {
    let now = clock.now();
    check_calendars(tx, &new.rules).await?;
    let set = RuleSet {
        id: RuleSetId::new(clock),
        program_id: program,
        version: store::next_version(tx, program).await?,
        source_url: new.source_url.trim().into(),
        effective_from: None,
        replaced_from: None,
        activated_at: None,
        activated_by: None,
        created_at: now,
        created_by: by,
        revision: 1,
        updated_at: now,
    };
    store::insert_set(tx, &set).await?;
    store::write_rules(tx, set.id, &numbered(clock, &new.rules)).await?;
    Ok(set)
}

fn numbered(clock: &Clock, rules: &[NewRule]) -> Vec<(RuleId, NewRule)> {
    rules.iter().map(|rule| (RuleId::new(clock), rule.clone())).collect()
}

async fn put_in_force(
    tx: &mut PgConnection,
    clock: &Clock,
    set: &mut RuleSet,
    effective_from: Date,
) -> Result<()> {
    let now = clock.now();
    set.effective_from = Some(effective_from);
    set.activated_at = Some(now);
    set.revision += 1;
    set.updated_at = now;
    store::update_set(tx, set).await?;
    Ok(())
}

async fn lock(tx: &mut PgConnection, id: RuleSetId) -> Result<RuleSet> {
    let found = store::lock_set(tx, id).await?;
    Ok(found.ok_or_else(|| Refusal::not_found("rule set").on("ruleSetId"))?)
}

/// The rules that a program has on a day.
pub async fn in_force(
    tx: &mut PgConnection,
    program: ProgramId,
    on: Date,
) -> Result<Option<(RuleSet, Vec<Rule>)>> {
    let asked = (program, on);
    let Some(id) = store::in_force(&mut *tx, &[asked]).await?.remove(&asked) else {
        return Ok(None);
    };
    let set = store::find_sets(&mut *tx, &[id], false).await?.pop();
    let rules = store::rules_of(&mut *tx, &[id]).await?.remove(&id).unwrap_or_default();
    Ok(set.map(|set| (set, rules)))
}
