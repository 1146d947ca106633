//! Brings the deadlines of all live grants up to date with their dates, their rules, the facts and the
//! holidays. Commands do that for the grant they change; this catches what changes beside grants, and
//! what the passing of days changes. After each batch it notes where the next one begins: a run for the same
//! day that was cut short goes on there, and doing a batch again changes nothing.

use futures_util::future::try_join_all;

use super::{Run, Summary, store};
use crate::{
    App, Result, audit,
    deadlines::{
        generated,
        schedule::{self, Changed},
    },
    holidays::{self, Calendars},
    id::GrantId,
};

pub const NAME: &str = "deadline_schedule";

/// So many transactions at once: while the database writes one, the next is planned.
const AT_ONCE: usize = 2;

pub async fn run(app: &App, run: &Run) -> Result<Summary> {
    let calendars = holidays::store::all(&app.db).await?;
    let mut after = store::resume_after(&app.db, NAME, run.on).await?.map(GrantId);
    let resumed = after.is_some();
    let (mut seen, mut changed, mut failed) = (0, Changed::default(), 0);
    let mut cut_short = true;
    while !run.must_stop() {
        let grants = generated::live_grants(&app.db, after, run.batch).await?;
        let parts = grants.chunks(grants.len().div_ceil(AT_ONCE).max(1));
        let done =
            try_join_all(parts.map(|part| regenerate_all(app, run, part, &calendars))).await?;
        for (part, left_out) in done {
            changed = changed.and(part);
            failed += left_out;
        }
        seen += grants.len();
        after = grants.last().copied();
        if !run.dry_run {
            let at = after.map(|grant| grant.0);
            store::note_progress(&app.db, NAME, run.number, run.on, at).await?;
        }
        if after.is_none() {
            cut_short = false;
            break;
        }
    }
    let Changed { added, moved, withdrawn, settled } = changed;
    let went_on = if resumed { " (went on where the last run was cut short)" } else { "" };
    let mut text = format!(
        "grants {seen}{went_on}, deadlines added {added}, moved {moved}, withdrawn {withdrawn}, settled {settled}"
    );
    if failed > 0 {
        text.push_str(&format!(", grants failed {failed}; the log tells which"));
    }
    Ok(Summary { done: changed.sum(), text, cut_short })
}

/// A part of a batch; where it fails, one grant after another, so that one does not hold up the rest. Answers how
/// many were left out. When the database does not answer, the run ends and goes on here later.
async fn regenerate_all(
    app: &App,
    run: &Run,
    grants: &[GrantId],
    calendars: &Calendars,
) -> Result<(Changed, usize)> {
    match regenerate(app, run, grants, calendars).await {
        Ok(changed) => return Ok((changed, 0)),
        Err(error) if error.is_outage() => return Err(error),
        Err(_) => {}
    }
    let (mut changed, mut failed) = (Changed::default(), 0);
    for grant in grants {
        match regenerate(app, run, &[*grant], calendars).await {
            Ok(one) => changed = changed.and(one),
            Err(error) if error.is_outage() => return Err(error),
            Err(error) => {
                tracing::error!(%grant, "its deadlines are left as they are: {error:?}");
                failed += 1;
            }
        }
    }
    Ok((changed, failed))
}

/// One transaction.
async fn regenerate(
    app: &App,
    run: &Run,
    grants: &[GrantId],
    calendars: &Calendars,
) -> Result<Changed> {
    let mut tx = audit::begin_unattended(&app.db, &app.clock, NAME).await?;
    generated::lock(&mut tx, grants).await?;
    let reason = "dates, rules, facts or holidays changed";
    let changed =
        schedule::regenerate(&mut tx, &app.clock, grants, calendars, run.on, reason).await?;
    if run.dry_run {
        // What it would do is known, and nothing of it stays.
        tx.rollback().await?;
    } else {
        tx.commit().await?;
    }
    Ok(changed)
}
