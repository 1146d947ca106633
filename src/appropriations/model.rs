use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};

use crate::{
    fiscal_year::FiscalYear,
    id::{AppropriationId, PersonId, StreamId},
    money::Money,
};

/// What was put into a funding stream for a fiscal year, by its latest revision.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct Appropriation {
    /// Identifies the appropriation everywhere in Thrive.
    pub id: AppropriationId,
    #[graphql(skip)]
    pub stream_id: StreamId,
    /// The fiscal year in which it can be awarded.
    pub fiscal_year: FiscalYear,
    /// The amount in US dollars.
    pub amount: Money,
    /// The act and item that says so, such as `Budget Act of 2026, item 3790-101-6088(b)`.
    pub source: String,
    /// Where it can be read.
    pub source_url: Option<String>,
    /// Counts the revisions from 1; a later one names the one it replaces.
    pub revision: i32,
    #[graphql(skip)]
    pub recorded_by: PersonId,
    /// When this revision was entered.
    pub recorded_at: DateTime<Utc>,
}

/// What an appropriation was, by one act.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct AppropriationRevision {
    #[graphql(skip)]
    pub appropriation_id: AppropriationId,
    /// Counts from 1.
    pub number: i32,
    /// The amount in US dollars.
    pub amount: Money,
    /// The act and item that says so.
    pub source: String,
    /// Where it can be read.
    pub source_url: Option<String>,
    #[graphql(skip)]
    pub recorded_by: PersonId,
    /// When it was entered.
    pub recorded_at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
pub struct NewAppropriation {
    pub stream: StreamId,
    pub fiscal_year: FiscalYear,
    pub amount: Money,
    pub source: String,
    pub source_url: Option<String>,
    /// The revision that it replaces; none for the first.
    pub revision: Option<i32>,
}
