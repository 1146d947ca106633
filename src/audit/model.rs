use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};

use crate::{
    access::Role,
    id::{AuditEntryId, GrantId, PersonId},
    text_enum::text_enum,
};

text_enum! {
    /// What became of a row.
    pub enum AuditChange {
        /// It was entered.
        Created = "CREATED",
        /// Some of it was changed.
        Changed = "CHANGED",
        /// It was taken out.
        Removed = "REMOVED",
    }
}

/// What somebody, or a job, changed in one row.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct AuditEntry {
    /// Identifies the entry everywhere in Thrive.
    pub id: AuditEntryId,
    /// When it was changed.
    pub recorded_at: DateTime<Utc>,
    #[graphql(skip)]
    pub person_id: Option<PersonId>,
    /// The role that the person acted in; null where no person acted.
    pub role: Option<Role>,
    /// The request that it was part of, as the answer's header `x-request-id` and the service's logs name it.
    pub request_id: Option<String>,
    /// The mutation, such as `payDisbursement`, or the job or the command of the program; null for a change past all
    /// of them, which only somebody at the database itself can make.
    pub action: Option<String>,
    /// The table that the row is in, such as `disbursements`.
    pub table_name: String,
    #[graphql(skip)]
    pub object_id: Option<uuid::Uuid>,
    #[graphql(skip)]
    pub grant_id: Option<GrantId>,
    /// Whether the row was entered, changed or taken out.
    pub change: AuditChange,
    #[graphql(skip)]
    pub before: Option<serde_json::Value>,
    #[graphql(skip)]
    pub after: Option<serde_json::Value>,
    /// Why, where whoever did it had to say.
    pub reason: Option<String>,
    /// Its place in the chain, from 1; null while it is not sealed, for some seconds.
    pub position: Option<i64>,
    #[graphql(skip)]
    pub hash: Option<Vec<u8>>,
}

/// An entry as it is sealed: every column in its text, so that the hash depends on nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealedEntry {
    pub number: i64,
    pub columns: Vec<Option<String>>,
}

/// The end of the chain, or a place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    pub position: i64,
    pub number: i64,
    pub hash: Vec<u8>,
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// How many seals fit their entries, from the first on.
    pub verified: i64,
    /// The last seal that fits.
    pub head: Option<Seal>,
    /// What does not fit; a chain is followed to its end, so it may be more than one.
    pub broken: Vec<String>,
    /// Entries that wait for their seal.
    pub unsealed: i64,
}
