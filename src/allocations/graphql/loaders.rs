//! What is read for many allocations at once.

use std::{collections::HashMap, sync::Arc};

use async_graphql::dataloader::Loader;

use crate::{
    App, Result,
    access::Reach,
    allocations::{
        Allocation, AllocationReceipt, AllocationSpend,
        books::{self, Books},
        layer_store::{self, Drawn},
        store::{self, Counts},
    },
    clock::Date,
    error::Shared,
    id::{AllocationId, AllocationReceiptId, AllocationSpendId},
    page::{Window, by_window},
};

/// Allocations that the actor may see.
pub struct AllocationLoader {
    pub app: App,
    pub reach: Reach,
}

impl Loader<AllocationId> for AllocationLoader {
    type Value = Allocation;
    type Error = Shared;

    async fn load(
        &self,
        ids: &[AllocationId],
    ) -> Result<HashMap<AllocationId, Allocation>, Shared> {
        let found = store::find(&self.app.db, &self.reach, ids).await?;
        Ok(found.into_iter().map(|allocation| (allocation.id, allocation)).collect())
    }
}

/// Receipts of allocations that the actor may see.
pub struct ReceiptLoader {
    pub app: App,
    pub reach: Reach,
}

impl Loader<AllocationReceiptId> for ReceiptLoader {
    type Value = AllocationReceipt;
    type Error = Shared;

    async fn load(
        &self,
        ids: &[AllocationReceiptId],
    ) -> Result<HashMap<AllocationReceiptId, AllocationReceipt>, Shared> {
        let found = store::find_receipts(&self.app.db, &self.reach, ids).await?;
        Ok(found.into_iter().map(|receipt| (receipt.id, receipt)).collect())
    }
}

/// Figures of allocations that the actor was shown.
pub struct BooksOfAllocation(pub App);

impl Loader<(AllocationId, Option<Date>)> for BooksOfAllocation {
    type Value = Arc<Books>;
    type Error = Shared;

    /// Once for each day that is asked for.
    async fn load(
        &self,
        keys: &[(AllocationId, Option<Date>)],
    ) -> Result<HashMap<(AllocationId, Option<Date>), Arc<Books>>, Shared> {
        let mut asked: HashMap<Option<Date>, Vec<AllocationId>> = HashMap::new();
        for (allocation, as_of) in keys {
            asked.entry(*as_of).or_default().push(*allocation);
        }
        let mut db = self.0.db.acquire().await?;
        let mut found = HashMap::new();
        for (as_of, allocations) in asked {
            let read = books::of_allocations(&mut db, &self.0.clock, &allocations, as_of).await?;
            found.extend(read.into_iter().map(|(id, books)| ((id, as_of), Arc::new(books))));
        }
        Ok(found)
    }
}

pub struct ReceiptPages(pub App);

impl Loader<(AllocationId, Window)> for ReceiptPages {
    type Value = Vec<AllocationReceipt>;
    type Error = Shared;

    async fn load(
        &self,
        keys: &[(AllocationId, Window)],
    ) -> Result<HashMap<(AllocationId, Window), Self::Value>, Shared> {
        let mut found = HashMap::new();
        for (window, allocations) in by_window(keys) {
            let pages = store::receipts_of(&self.0.db, window, &allocations).await?;
            found.extend(pages.into_iter().map(|(id, rows)| ((id, window.clone()), rows)));
        }
        Ok(found)
    }
}

pub struct SpendPages(pub App);

impl Loader<(AllocationId, Window)> for SpendPages {
    type Value = Vec<AllocationSpend>;
    type Error = Shared;

    async fn load(
        &self,
        keys: &[(AllocationId, Window)],
    ) -> Result<HashMap<(AllocationId, Window), Self::Value>, Shared> {
        let mut found = HashMap::new();
        for (window, allocations) in by_window(keys) {
            let pages = store::spends_of(&self.0.db, window, &allocations).await?;
            found.extend(pages.into_iter().map(|(id, rows)| ((id, window.clone()), rows)));
        }
        Ok(found)
    }
}

pub struct CountsOfAllocation(pub App);

impl Loader<AllocationId> for CountsOfAllocation {
    type Value = Counts;
    type Error = Shared;

    async fn load(&self, ids: &[AllocationId]) -> Result<HashMap<AllocationId, Counts>, Shared> {
        Ok(store::counts_of(&self.0.db, ids).await?)
    }
}

pub struct DrawnBySpend(pub App);

impl Loader<AllocationSpendId> for DrawnBySpend {
    type Value = Vec<Drawn>;
    type Error = Shared;

    async fn load(
        &self,
        spends: &[AllocationSpendId],
    ) -> Result<HashMap<AllocationSpendId, Vec<Drawn>>, Shared> {
        Ok(layer_store::drawn_by(&self.0.db, spends).await?)
    }
}
