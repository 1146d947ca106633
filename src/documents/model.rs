use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};

use crate::{
    clock::Date,
    id::{DocumentId, GrantId, PersonId},
    text_enum::text_enum,
};

text_enum! {
    /// What a document is.
    pub enum DocumentKind {
        /// The signed agreement.
        Agreement = "AGREEMENT",
        /// The governing body's resolution, or its memorandum of understanding.
        Resolution = "RESOLUTION",
        /// An amendment of the agreement.
        Amendment = "AMENDMENT",
        /// Evidence of costs, results or matches.
        Evidence = "EVIDENCE",
        /// Anything else.
        Other = "OTHER",
    }
}

/// A document that a grant rests on. Thrive keeps where it is and what it hashes to, not the document itself.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct GrantDocument {
    /// Identifies the document everywhere in Thrive.
    pub id: DocumentId,
    #[graphql(skip)]
    pub grant_id: GrantId,
    /// What it is.
    pub kind: DocumentKind,
    /// What it is called.
    pub title: String,
    /// Its own date: when it was signed or adopted.
    pub dated_on: Date,
    /// Where it is.
    pub url: String,
    /// The SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
    #[graphql(skip)]
    pub added_by: PersonId,
    /// When it was entered.
    pub added_at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
pub struct NewDocument {
    pub grant: GrantId,
    pub kind: DocumentKind,
    pub title: String,
    pub dated_on: Date,
    pub url: String,
    pub sha256: String,
}
