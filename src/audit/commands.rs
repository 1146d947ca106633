//! On whose behalf a transaction works; sealing the log, and verifying it.

use sqlx::{PgConnection, PgPool, Postgres, Transaction};

use super::{Seal, Verification, chain, store};
use crate::{App, Result, access::Acting, clock::Clock};

/// Entries read at a time.
const BATCH: i64 = 1000;
/// Broken places told of; more say nothing more.
const TOLD: usize = 20;

/// Begins a transaction for somebody who may do what they are about to do.
pub async fn begin(app: &App, acting: &Acting<'_>) -> Result<Transaction<'static, Postgres>> {
    let mut tx = app.db.begin().await?;
    attribute(app, &mut tx, acting).await?;
    Ok(tx)
}

/// Says on whose behalf a transaction works that has begun already.
pub async fn attribute(app: &App, tx: &mut PgConnection, acting: &Acting<'_>) -> Result<()> {
    Ok(store::act_as(tx, Some(acting), acting.action(), app.clock.now()).await?)
}

/// Begins a transaction in which no person acts: a job, or a command of the program.
pub async fn begin_unattended(
    db: &PgPool,
    clock: &Clock,
    doing: &str,
) -> sqlx::Result<Transaction<'static, Postgres>> {
    let mut tx = db.begin().await?;
    store::act_as(&mut tx, None, doing, clock.now()).await?;
    Ok(tx)
}

/// Seals the entries that wait, in their order, a batch at a time. Answers how many.
pub async fn seal(app: &App, tx: &mut PgConnection, batch: i64) -> Result<usize> {
    // Held until the end: whoever seals goes on from the end of the chain.
    store::lock_chain(tx).await?;
    let mut head = store::head(tx).await?;
    let entries = store::take_unsealed(tx, batch).await?;
    let mut seals = vec![];
    for entry in &entries {
        let next = chain::seal(head.as_ref(), entry);
        seals.push(next.clone());
        head = Some(next);
    }
    store::insert_seals(tx, &seals, app.clock.now()).await?;
    Ok(seals.len())
}

/// Follows the chain from its beginning, and compares every seal with its entry. `noted` is a seal that was noted
/// elsewhere before: a log that was cut off after it and sealed anew does not hold it any more.
pub async fn verify(tx: &mut PgConnection, noted: Option<&(i64, String)>) -> Result<Verification> {
    let mut found = Verification::default();
    let mut head: Option<Seal> = None;
    loop {
        let after = head.as_ref().map_or(0, |seal| seal.position);
        let page = store::sealed_after(tx, after, BATCH).await?;
        if page.is_empty() {
            break;
        }
        for (sealed, entry) in page {
            let place = sealed.position;
            let expected = head.as_ref().map_or(0, |seal| seal.position) + 1;
            if place != expected {
                found.broken.push(format!("seal {expected} is missing"));
            }
            match &entry {
                None => found
                    .broken
                    .push(format!("seal {place}: its entry {} was taken away", sealed.number)),
                Some(entry) if place == expected && chain::seal(head.as_ref(), entry) != sealed => {
                    found.broken.push(format!(
                        "seal {place}: entry {} is not what was sealed, or stands elsewhere in the order",
                        sealed.number
                    ));
                }
                Some(_) if found.broken.is_empty() => {
                    found.verified = place;
                    found.head = Some(sealed.clone());
                }
                Some(_) => {}
            }
            if let Some((position, hash)) = noted
                && *position == place
                && *hash != chain::hex(&sealed.hash)
            {
                found.broken.push(format!("seal {place} is not the one that was noted"));
            }
            // What follows is judged by the seal that is there: one break is told once.
            head = Some(sealed);
        }
        if found.broken.len() > TOLD {
            found.broken.truncate(TOLD);
            found.broken.push("and more".into());
            break;
        }
    }
    if let Some((position, _)) = noted
        && head.as_ref().is_none_or(|seal| seal.position < *position)
    {
        found.broken.push(format!("the chain ends before seal {position}, which was noted"));
    }
    found.unsealed = store::count_unsealed(tx).await?;
    Ok(found)
}
