//! What hangs on many reports, each in one statement.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;

use crate::{
    App,
    access::Reach,
    deadlines::{self, Deadline},
    error::Shared,
    id::{DeadlineId, GrantId, PersonId, ReportId},
    page::{Window, by_window},
    reports::{
        CertifiedFigure, Report, ReportEvent,
        list_store::{self, Totals},
        store,
    },
};

pub struct EventsOfReport(pub App);

impl Loader<ReportId> for EventsOfReport {
    type Value = Vec<ReportEvent>;
    type Error = Shared;

    async fn load(&self, ids: &[ReportId]) -> Result<HashMap<ReportId, Vec<ReportEvent>>, Shared> {
        Ok(store::events_of(&self.0.db, ids).await?)
    }
}

pub struct FiguresOfReport(pub App);

impl Loader<ReportId> for FiguresOfReport {
    type Value = Vec<CertifiedFigure>;
    type Error = Shared;

    async fn load(
        &self,
        ids: &[ReportId],
    ) -> Result<HashMap<ReportId, Vec<CertifiedFigure>>, Shared> {
        Ok(store::figures_of(&self.0.db, ids).await?)
    }
}

/// Pages of grants that the actor was shown: whoever sees a grant sees its reports.
pub struct ReportPageOfGrant(pub App);

impl Loader<(GrantId, Window)> for ReportPageOfGrant {
    type Value = Vec<Report>;
    type Error = Shared;

    /// One statement per kind of page that is asked for.
    async fn load(
        &self,
        keys: &[(GrantId, Window)],
    ) -> Result<HashMap<(GrantId, Window), Vec<Report>>, Shared> {
        let mut found = HashMap::new();
        for (window, grants) in by_window(keys) {
            let pages = list_store::of_grants(&self.0.db, window, &grants).await?;
            found.extend(pages.into_iter().map(|(grant, rows)| ((grant, window.clone()), rows)));
        }
        Ok(found)
    }
}

pub struct ReportTotalsOfGrant(pub App);

impl Loader<GrantId> for ReportTotalsOfGrant {
    type Value = Totals;
    type Error = Shared;

    async fn load(&self, grants: &[GrantId]) -> Result<HashMap<GrantId, Totals>, Shared> {
        Ok(list_store::totals_of_grants(&self.0.db, grants).await?)
    }
}

/// The reports of one request's actor: a deadline may be seen by somebody who does not see its grant.
pub struct ReportOfDeadline {
    pub app: App,
    pub reach: Reach,
}

impl Loader<DeadlineId> for ReportOfDeadline {
    type Value = Report;
    type Error = Shared;

    async fn load(&self, ids: &[DeadlineId]) -> Result<HashMap<DeadlineId, Report>, Shared> {
        Ok(store::of_deadlines(&self.app.db, &self.reach, ids).await?)
    }
}

pub struct DeadlineOfReport {
    pub app: App,
    pub reach: Reach,
    /// Nobody who has not signed in is shown a report.
    pub viewer: Option<PersonId>,
}

impl Loader<DeadlineId> for DeadlineOfReport {
    type Value = Deadline;
    type Error = Shared;

    async fn load(&self, ids: &[DeadlineId]) -> Result<HashMap<DeadlineId, Deadline>, Shared> {
        let Some(viewer) = self.viewer else { return Ok(HashMap::new()) };
        let found = deadlines::store::find(&self.app.db, viewer, &self.reach, ids).await?;
        Ok(found.into_iter().map(|deadline| (deadline.id, deadline)).collect())
    }
}
