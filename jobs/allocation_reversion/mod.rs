//! Takes back what is unspent of an allocation's layers after their last day, as a verified rule says: effective the day
//! after, or today where that month is closed. A second run finds nothing left to take; one that was cut short
//! begins again.

use super::{Run, Summary};
use crate::{
    App, Result,
    allocations::{
        layer_store,
        reversion::{self, Reverted},
    },
    audit,
    clock::Date,
    id::AllocationId,
};

pub const NAME: &str = "allocation_reversion";

pub async fn run(app: &App, run: &Run) -> Result<Summary> {
    // Nothing goes back before its day has passed, whatever day is asked for.
    let on = run.on.min(app.clock.today());
    let (mut seen, mut reverted, mut failed) = (0, Reverted::default(), 0);
    let mut after = None;
    let mut cut_short = false;
    'batches: loop {
        let found = layer_store::with_unspent(&app.db, after, run.batch).await?;
        if found.is_empty() {
            break;
        }
        after = found.last().copied();
        for allocation in found {
            if run.must_stop() {
                cut_short = true;
                break 'batches;
            }
            seen += 1;
            match revert(app, run, allocation, on).await {
                Ok(part) => reverted = reverted.and(part),
                Err(error) if error.is_outage() => return Err(error),
                Err(error) => {
                    tracing::error!(%allocation, "what is due of it stays for now: {error:?}");
                    failed += 1;
                }
            }
        }
    }
    let Reverted { layers, amount } = reverted;
    let mut text = format!("allocations {seen}, layers reverted {layers}, {amount} in all");
    if failed > 0 {
        text.push_str(&format!(", allocations failed {failed}; the log tells which"));
    }
    Ok(Summary { done: layers, text, cut_short })
}

async fn revert(app: &App, run: &Run, allocation: AllocationId, on: Date) -> Result<Reverted> {
    let mut tx = audit::begin_unattended(&app.db, &app.clock, NAME).await?;
    let reverted = reversion::revert_due(app, &mut tx, allocation, on).await?;
    if run.dry_run {
        // What it would do is known, and nothing of it stays.
        tx.rollback().await?;
    } else {
        tx.commit().await?;
    }
    Ok(reverted)
}
