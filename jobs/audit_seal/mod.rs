//! Seals the entries of the audit log into its chain, in order. A batch is one transaction, so that a seal and its
//! place in the chain are there together or not at all.

use super::{Run, Summary};
use crate::{App, Result, audit};

pub const NAME: &str = "audit_seal";

pub async fn run(app: &App, run: &Run) -> Result<Summary> {
    let mut sealed = 0;
    while !run.must_stop() && audit::store::waits(&app.db).await? {
        let mut tx = app.db.begin().await?;
        let batch = audit::commands::seal(app, &mut tx, run.batch).await?;
        if run.dry_run {
            tx.rollback().await?;
            sealed += batch;
            break;
        }
        tx.commit().await?;
        sealed += batch;
    }
    Ok(Summary {
        done: sealed,
        text: format!("entries sealed {sealed}"),
        cut_short: run.must_stop(),
    })
}
