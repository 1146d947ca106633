//! Folds what writers appended to the rollup of all grants into its rows. Sums are the same before and after, and a
//! reader sees either, so that running it late only makes reading slower.

use super::{Run, Summary};
use crate::{App, Result, figures::agreement_store};

pub const NAME: &str = "funding_totals_fold";

pub async fn run(app: &App, run: &Run) -> Result<Summary> {
    let mut folded = 0;
    while !run.dry_run && !run.must_stop() && agreement_store::unfolded(&app.db).await? {
        let batch = agreement_store::fold(&app.db, run.batch).await?;
        // What is left is being folded elsewhere.
        if batch == 0 {
            break;
        }
        folded += usize::try_from(batch).unwrap_or_default();
    }
    let text = format!("changes folded {folded}");
    Ok(Summary { done: folded, text, cut_short: run.must_stop() })
}
