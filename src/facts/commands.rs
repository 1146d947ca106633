//! What people do to facts: record them.

use super::{Fact, NewFact, Subject, rules, store};
use crate::{
    App, Refusal, Result,
    access::{Actor, Permission},
    audit, cities,
    id::FactId,
    people,
};

/// Records what is known of a city, a county or an organization.
#[tracing::instrument(skip_all)]
pub async fn record(app: &App, actor: &Actor, new: NewFact) -> Result<Fact> {
    let recorder = actor.may(Permission::RecordFact)?;
    rules::check_new(&new, app.clock.today())?;
    let mut tx = audit::begin(app, &recorder).await?;
    let (known, what) = match new.subject {
        Subject::City(id) => (cities::store::find_cities(&mut *tx, &[id]).await?.len(), "city"),
        Subject::County(id) => {
            (cities::store::find_counties(&mut *tx, &[id]).await?.len(), "county")
        }
        Subject::Organization(id) => {
            (people::store::find_organizations(&mut *tx, &[id]).await?.len(), "organization")
        }
    };
    if known == 0 {
        return Err(Refusal::not_found(what).on("subjectId").into());
    }
    let fact = Fact {
        id: FactId::new(&app.clock),
        city_id: new.subject.city(),
        county_id: new.subject.county(),
        organization_id: new.subject.organization(),
        kind: new.kind,
        value: new.value,
        as_of: new.as_of,
        source: new.source.trim().into(),
        source_url: new.source_url,
        recorded_by: Some(recorder.person),
        recorded_at: app.clock.now(),
    };
    store::insert(&mut tx, &fact).await?;
    tx.commit().await?;
    Ok(fact)
}
