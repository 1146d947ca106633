//! What people do to a grant's documents: enter them.

use super::{GrantDocument, NewDocument, rules, store};
use crate::{
    App, Result,
    access::{Actor, Permission, Role},
    audit, grants,
    id::DocumentId,
};

/// Enters a document that a grant rests on.
#[tracing::instrument(skip_all, fields(grant = %new.grant))]
pub async fn add(app: &App, actor: &Actor, new: NewDocument) -> Result<GrantDocument> {
    let person = actor.may(Permission::AddGrantDocument)?;
    let mut tx = audit::begin(app, &person).await?;
    let grant = grants::commands::lock(&mut tx, &person.reach, new.grant).await?;
    if person.role == Role::CityFinance {
        grants::rules::check_organization(&grant, &person)?;
    }
    rules::check_new(&new, app.clock.today())?;
    let document = GrantDocument {
        id: DocumentId::new(&app.clock),
        grant_id: grant.id,
        kind: new.kind,
        title: new.title.trim().into(),
        dated_on: new.dated_on,
        url: new.url,
        sha256: new.sha256,
        added_by: person.person,
        added_at: app.clock.now(),
    };
    store::insert(&mut tx, &document).await?;
    tx.commit().await?;
    Ok(document)
}
