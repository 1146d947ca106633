//! Compares what is kept beside the ledger with what its entries sum to: balances and months of accounts, totals of
//! grants and of their fiscal years, and the rollup of all grants. A disagreement is an error in the log with both
//! figures, and the run fails. It corrects nothing: what is wrong has a cause, and its figures tell which.

use super::{Run, Summary};
use crate::{
    App, Error, Result,
    figures::agreement_store::{self, Disagreement},
};

pub const NAME: &str = "funding_totals";

pub async fn run(app: &App, run: &Run) -> Result<Summary> {
    let (mut compared, mut after) = (0, None);
    let mut found = vec![];
    while !run.must_stop() {
        // Each statement sees one state of the database, and entries may come between.
        let grants = agreement_store::grants_after(&app.db, after, run.batch).await?;
        let Some(last) = grants.last() else { break };
        after = Some(*last);
        compared += grants.len();
        found.extend(tell(agreement_store::of_grants(&app.db, &grants).await?));
    }
    found.extend(tell(agreement_store::of_programs(&app.db).await?));
    let text = format!("grants compared {compared}, disagreements {}", found.len());
    match found.first() {
        Some(first) => {
            let first = sentence(first);
            Err(Error::Internal(anyhow::anyhow!(
                "{text}: totals are not what entries sum to: {first}"
            )))
        }
        None => Ok(Summary { done: compared, text, cut_short: run.must_stop() }),
    }
}

fn tell(found: Vec<Disagreement>) -> Vec<Disagreement> {
    for disagreement in &found {
        tracing::error!("{}", sentence(disagreement));
    }
    found
}

fn sentence(of: &Disagreement) -> String {
    let whose = match (of.grant_id, of.program_id) {
        (Some(grant), _) => grant.to_string(),
        (None, Some(program)) => program.to_string(),
        (None, None) => "nobody".into(),
    };
    let or_none = |figures: &Option<String>| figures.clone().unwrap_or_else(|| "nothing".into());
    let (kept, entries) = (or_none(&of.kept), or_none(&of.entries));
    format!("{} of {whose}: kept is {kept}, and entries sum to {entries}", of.what)
}
