//! Posts what a day brings: approved amendments whose day has come, and the lapse of what grants have left
//! after their last day to pay. Each is a transaction of its own and asks first whether it is still to be
//! done, so that running twice, late or after a crash posts nothing twice.

use super::{Run, Summary};
use crate::{
    App, Error, Result,
    access::Reach,
    budgets::{self, amendments},
    grants,
};

pub const NAME: &str = "ledger_days";

pub async fn run(app: &App, run: &Run) -> Result<Summary> {
    let reach = Reach { everything: true, ..Reach::default() };
    let (mut applied, mut lapsed, mut failed) = (0, 0, 0);
    // One that cannot be applied stays due, and is tried again the next day.
    for id in budgets::store::due_amendments(&app.db, run.on, run.batch).await? {
        if run.must_stop() {
            break;
        }
        let outcome = match run.dry_run {
            true => Ok(true),
            false => amendments::apply_due(app, &reach, id).await,
        };
        count(outcome, &format!("{id} is not applied"), &mut applied, &mut failed)?;
    }
    let mut after = None;
    while !run.must_stop() {
        let due = grants::store::unliquidated(&app.db, run.on, after, run.batch).await?;
        for id in &due {
            let outcome = match run.dry_run {
                true => Ok(true),
                false => grants::commands::lapse(app, *id, &reach).await,
            };
            count(outcome, &format!("{id} does not lapse"), &mut lapsed, &mut failed)?;
        }
        after = due.last().copied();
        if after.is_none() {
            break;
        }
    }
    let mut text = format!("amendments applied {applied}, grants lapsed {lapsed}");
    if failed > 0 {
        text.push_str(&format!(", failed {failed}; the log tells which"));
    }
    Ok(Summary { done: applied + lapsed, text, cut_short: run.must_stop() })
}

/// One that fails does not hold up the others; a database that does not answer does.
fn count(outcome: Result<bool>, what: &str, done: &mut usize, failed: &mut usize) -> Result<()> {
    match outcome {
        Ok(true) => *done += 1,
        Ok(false) => {}
        Err(Error::Refused(why)) => {
            tracing::warn!("{what}: {why}");
            *failed += 1;
        }
        Err(error) => return Err(error),
    }
    Ok(())
}
