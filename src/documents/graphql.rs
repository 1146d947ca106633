use std::collections::HashMap;

use async_graphql::{
    ComplexObject, Context, InputObject, Object,
    connection::Connection,
    dataloader::{DataLoader, Loader},
};

use super::{DocumentKind, GrantDocument, NewDocument, commands, store};
use crate::{
    App, Result,
    access::Reach,
    clock::Date,
    error::Shared,
    grants::{Grant, graphql::GrantLoader},
    graphql::{ContextExt, payload},
    id::{DocumentId, GrantId},
    page::{OrderDirection, PageArgs, Window, by_window},
    people::{Person, graphql::PersonLoader},
};

#[ComplexObject]
impl GrantDocument {
    /// The grant that rests on it.
    async fn grant(&self, ctx: &Context<'_>) -> Result<Option<Grant>> {
        Ok(ctx.data_unchecked::<DataLoader<GrantLoader>>().load_one(self.grant_id).await?)
    }

    /// Who entered it.
    async fn added_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, Some(self.added_by)).await
    }
}

/// What is known about a whole list of documents.
pub struct DocumentsListed {
    grant: GrantId,
}

#[Object]
impl DocumentsListed {
    /// How many documents there are, on all pages.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        let loader = ctx.data_unchecked::<DataLoader<DocumentCountOfGrant>>();
        Ok(loader.load_one(self.grant).await?.unwrap_or_default())
    }
}

/// A page of a grant's documents, the latest first; those of many grants are read together.
pub async fn documents_of_grant(
    ctx: &Context<'_>,
    grant: GrantId,
    args: PageArgs,
) -> Result<Connection<String, GrantDocument, DocumentsListed>> {
    let window = Window::new("DATED_ON", OrderDirection::Desc, args)?;
    let loader = ctx.data_unchecked::<DataLoader<DocumentPageOfGrant>>();
    let rows = loader.load_one((grant, window.clone())).await?.unwrap_or_default();
    Ok(window.page(rows, store::position, DocumentsListed { grant }))
}

/// A document that a grant rests on.
#[derive(InputObject)]
struct AddGrantDocumentInput {
    /// The grant.
    grant_id: GrantId,
    /// What it is.
    kind: DocumentKind,
    /// What it is called, in one line.
    title: String,
    /// Its own date: when it was signed or adopted; not after today.
    dated_on: Date,
    /// Where it is: an address that begins with https:// or http://.
    url: String,
    /// The SHA-256 of its bytes, in 64 hexadecimal digits of lower case.
    sha256: String,
}

payload!(
    /// What came of `addGrantDocument`.
    AddGrantDocumentPayload {
        /// The document; null when it was refused.
        document: GrantDocument
    }
);

#[derive(Default)]
pub struct DocumentMutation;

#[Object]
impl DocumentMutation {
    /// Enters a document that a grant rests on; a resolution opens the gates that ask for one. Needs GRANT_MANAGER,
    /// FISCAL_OFFICER, or CITY_FINANCE of the recipient.
    async fn add_grant_document(
        &self,
        ctx: &Context<'_>,
        input: AddGrantDocumentInput,
    ) -> Result<AddGrantDocumentPayload> {
        let new = NewDocument {
            grant: input.grant_id,
            kind: input.kind,
            title: input.title,
            dated_on: input.dated_on,
            url: input.url,
            sha256: input.sha256,
        };
        commands::add(ctx.app(), ctx.actor(), new).await.try_into()
    }
}

/// Documents of grants that the actor may see.
pub struct DocumentLoader {
    pub app: App,
    pub reach: Reach,
}

impl Loader<DocumentId> for DocumentLoader {
    type Value = GrantDocument;
    type Error = Shared;

    async fn load(&self, ids: &[DocumentId]) -> Result<HashMap<DocumentId, GrantDocument>, Shared> {
        let found = store::find(&self.app.db, &self.reach, ids).await?;
        Ok(found.into_iter().map(|document| (document.id, document)).collect())
    }
}

/// Pages of grants that the actor was shown: whoever sees a grant sees its documents.
pub struct DocumentPageOfGrant(pub App);

impl Loader<(GrantId, Window)> for DocumentPageOfGrant {
    type Value = Vec<GrantDocument>;
    type Error = Shared;

    async fn load(
        &self,
        keys: &[(GrantId, Window)],
    ) -> Result<HashMap<(GrantId, Window), Vec<GrantDocument>>, Shared> {
        let mut found = HashMap::new();
        for (window, grants) in by_window(keys) {
            let pages = store::of_grants(&self.0.db, window, &grants).await?;
            found.extend(pages.into_iter().map(|(grant, rows)| ((grant, window.clone()), rows)));
        }
        Ok(found)
    }
}

pub struct DocumentCountOfGrant(pub App);

impl Loader<GrantId> for DocumentCountOfGrant {
    type Value = i64;
    type Error = Shared;

    async fn load(&self, grants: &[GrantId]) -> Result<HashMap<GrantId, i64>, Shared> {
        Ok(store::count_of_grants(&self.0.db, grants).await?)
    }
}
