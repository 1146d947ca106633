//! Keeps the deadlines of grants as their dates and rules want them: new ones are entered,
//! moved ones keep their history, and what is no longer due is withdrawn.

use std::collections::HashMap;

use sqlx::PgConnection;

use super::{
    generated::{self as store, Generated, Moved},
    plan::{self, Planned},
};
use crate::{
    Result,
    clock::{Clock, Date},
    holidays::{self, Calendars},
    id::{DeadlineChangeId, DeadlineId, GrantId},
    reports,
    rule_sets::bound,
};

/// How many deadlines changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    pub added: usize,
    pub moved: usize,
    pub withdrawn: usize,
    pub settled: usize,
}

impl Changed {
    pub fn sum(&self) -> usize {
        self.added + self.moved + self.withdrawn + self.settled
    }

    pub fn and(self, other: Self) -> Self {
        Self {
            added: self.added + other.added,
            moved: self.moved + other.moved,
            withdrawn: self.withdrawn + other.withdrawn,
            settled: self.settled + other.settled,
        }
    }
}

/// Brings the deadlines of one grant, which the caller holds, up to date.
pub async fn follow(
    tx: &mut PgConnection,
    clock: &Clock,
    grant: GrantId,
    reason: &str,
) -> Result<Changed> {
    let calendars = holidays::store::all(&mut *tx).await?;
    regenerate(tx, clock, &[grant], &calendars, clock.today(), reason).await
}

/// Brings the deadlines of grants, which the caller holds, up to date.
pub async fn regenerate(
    tx: &mut PgConnection,
    clock: &Clock,
    grants: &[GrantId],
    calendars: &Calendars,
    today: Date,
    reason: &str,
) -> Result<Changed> {
    let bound = bound::of_grants(tx, grants, today).await?;
    let statuses = store::statuses(&mut *tx, grants).await?;
    let mut existing = store::generated_of(&mut *tx, grants).await?;
    let (mut new, mut moved, mut changed) = (Vec::new(), Vec::new(), Changed::default());
    // What has a period is reported on.
    let of_reports = existing.values().flatten().filter(|row| row.period_start.is_some());
    let mut of_reports: Vec<_> = of_reports.map(|row| row.id).collect();
    for grant in grants {
        let (Some(bound), Some(status)) = (bound.get(grant), statuses.get(grant)) else { continue };
        let planned = plan::plan(*status, bound, calendars, today);
        let known = existing.remove(grant).unwrap_or_default();
        let mut known: HashMap<_, _> =
            known.into_iter().map(|row| (row.obligation.clone(), row)).collect();
        for planned in planned {
            match known.remove(&planned.obligation) {
                None => new.push((DeadlineId::new(clock), *grant, planned)),
                Some(row) => moved.extend(step(row, Some(planned), &mut changed)),
            }
        }
        let mut gone: Vec<_> = known.into_values().collect();
        gone.sort_by_key(|row| row.id);
        moved.extend(gone.into_iter().filter_map(|row| step(row, None, &mut changed)));
    }
    changed.added = new.len();
    let now = clock.now();
    store::insert_generated(tx, &new, now).await?;
    let written = store::move_generated(tx, &moved, now).await?;
    let history: Vec<_> = moved
        .iter()
        .filter(|moved| moved.is_history() && written.contains(&moved.id()))
        .map(|moved| (DeadlineChangeId::new(clock), moved))
        .collect();
    store::insert_changes(tx, &history, reason, now).await?;
    store::add_responsible(tx, grants).await?;
    of_reports.extend(new.iter().map(|(id, ..)| *id));
    reports::store::follow_deadlines(tx, &of_reports, now).await?;
    Ok(changed)
}

/// What becomes of a row that is there; none when it stays as it is.
fn step(row: Generated, planned: Option<Planned>, changed: &mut Changed) -> Option<Moved> {
    let open = row.status == "OPEN";
    let Some(planned) = planned else {
        if !open {
            return None;
        }
        changed.withdrawn += 1;
        return Some(Moved::withdrawn(row));
    };
    // What people settled is settled. What settled itself opens again when it is due after all.
    let by_itself = row.status == "COMPLETED" && row.settled_by.is_none() && !planned.met;
    if !open && row.status != "WITHDRAWN" && !by_itself {
        return None;
    }
    if planned.met {
        changed.settled += 1;
        return Some(Moved::to(row, planned, "COMPLETED"));
    }
    if open && row.is_as(&planned) {
        return None;
    }
    changed.moved += 1;
    Some(Moved::to(row, planned, "OPEN"))
}
