//! The grants that rows are shown with, read once each.

use std::{collections::HashMap, sync::Arc};

use uuid::Uuid;

use super::Chunk;
use crate::{
    App, Result,
    access::Reach,
    grants::store::exported::{Heading, Headings},
    id::GrantId,
};

/// More than the programs of a state have grants.
const MOST: usize = 25_000;

/// Those that an export has come across.
#[derive(Default)]
struct Known {
    grants: HashMap<GrantId, Arc<Heading>>,
    headings: Headings,
}

impl Known {
    /// Gives each row its grant.
    async fn beside<T>(
        &mut self,
        app: &App,
        rows: Vec<T>,
        grant: impl Fn(&T) -> GrantId,
    ) -> Result<Vec<(T, Arc<Heading>)>> {
        if self.grants.len() > MOST {
            *self = Self::default();
        }
        let mut unknown: Vec<_> =
            rows.iter().map(&grant).filter(|grant| !self.grants.contains_key(grant)).collect();
        unknown.sort_unstable();
        unknown.dedup();
        if !unknown.is_empty() {
            let read = self.headings.read(&app.db, &unknown).await?;
            self.grants.extend(read.into_iter().map(|grant| (grant.id, grant.into())));
        }
        let beside = |row: T| {
            let heading = self.grants.get(&grant(&row)).cloned();
            (row, heading.expect("what belongs to a grant has one"))
        };
        Ok(rows.into_iter().map(beside).collect())
    }
}

/// A list of what belongs to grants, shown with them.
pub struct OfGrants<F> {
    pub(super) filter: F,
    pub(super) reach: Reach,
    pub(super) after: Option<Uuid>,
    known: Known,
}

/// Rows that are read at once: some 400 kB of a file.
pub const CHUNK: i64 = 1_000;

impl<F> OfGrants<F> {
    pub fn new(filter: F, reach: Reach, after: Option<Uuid>) -> Self {
        Self { filter, reach, after, known: Known::default() }
    }

    /// The rows that were read, which tell of themselves which they are and whose; later ones come after them.
    pub(super) async fn chunk<T>(
        &mut self,
        app: &App,
        rows: Vec<T>,
        told: impl Fn(&T) -> (Uuid, GrantId),
    ) -> Result<Chunk<(T, Arc<Heading>)>> {
        self.after = rows.last().map(|row| told(row).0);
        let more = rows.len() as i64 == CHUNK;
        Ok(Chunk { rows: self.known.beside(app, rows, |row| told(row).1).await?, more })
    }
}
