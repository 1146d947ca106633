//! The grants that rows are shown with, read once each.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use uuid::Uuid;

use super::Chunk;
use crate::{
    App, Result,
    access::Reach,
    grants::store::exported::{self, Heading},
    id::GrantId,
};

/// More than the programs of a state have grants.
const MOST: usize = 25_000;

/// Those that an export has come across.
#[derive(Default)]
struct Headings {
    grants: HashMap<GrantId, Arc<Heading>>,
    /// Of programs and recipients, held once for all their grants.
    names: HashSet<Arc<str>>,
}

impl Headings {
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
            let read = exported::headings(&app.db, &unknown).await?;
            for mut grant in read {
                self.share_names(&mut grant);
                self.grants.insert(grant.id, grant.into());
            }
        }
        let beside = |row: T| {
            let heading = self.grants.get(&grant(&row)).cloned();
            (row, heading.expect("what belongs to a grant has one"))
        };
        Ok(rows.into_iter().map(beside).collect())
    }

    fn share_names(&mut self, grant: &mut Heading) {
        let Heading { stream, stream_name, program, program_name, recipient, .. } = grant;
        for name in [stream, stream_name, program, program_name, recipient] {
            match self.names.get(name) {
                Some(known) => *name = Arc::clone(known),
                None => {
                    self.names.insert(Arc::clone(name));
                }
            }
        }
    }
}

/// A list of what belongs to grants, shown with them.
pub struct OfGrants<F> {
    pub(super) filter: F,
    pub(super) reach: Reach,
    pub(super) after: Option<Uuid>,
    headings: Headings,
}

/// Rows that are read at once: some 400 kB of a file.
pub const CHUNK: i64 = 1_000;

impl<F> OfGrants<F> {
    pub fn new(filter: F, reach: Reach, after: Option<Uuid>) -> Self {
        Self { filter, reach, after, headings: Headings::default() }
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
        Ok(Chunk { rows: self.headings.beside(app, rows, |row| told(row).1).await?, more })
    }
}
