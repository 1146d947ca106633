//! The grants that rows are shown with, read once each.

use std::collections::HashMap;

use crate::{
    App, Result,
    grants::store::exported::{self, Heading},
    id::GrantId,
};

/// More than the programs of a state have grants, and about ten megabytes.
const MOST: usize = 25_000;

/// Those that an export has come across.
#[derive(Default)]
pub struct Headings(HashMap<GrantId, std::sync::Arc<Heading>>);

impl Headings {
    /// Gives each row its grant.
    pub async fn beside<T>(
        &mut self,
        app: &App,
        rows: Vec<T>,
        grant: impl Fn(&T) -> GrantId,
    ) -> Result<Vec<(T, std::sync::Arc<Heading>)>> {
        if self.0.len() > MOST {
            self.0.clear();
        }
        let mut unknown: Vec<_> =
            rows.iter().map(&grant).filter(|grant| !self.0.contains_key(grant)).collect();
        unknown.sort_unstable();
        unknown.dedup();
        if !unknown.is_empty() {
            let read = exported::headings(&app.db, &unknown).await?;
            self.0.extend(read.into_iter().map(|grant| (grant.id, grant.into())));
        }
        let beside = |row: T| {
            let heading = self.0.get(&grant(&row)).cloned();
            (row, heading.expect("what belongs to a grant has one"))
        };
        Ok(rows.into_iter().map(beside).collect())
    }
}
