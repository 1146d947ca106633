//! Answers written straight from rows. A query of which every field is a column, a row joined to it or a page of rows
//! below it is read by one statement a level, and written into the answer's text as it was read: the executor spends
//! more on a value and a future for each field than PostgreSQL on the rows. Slices declare what can be read so, in
//! their `rows.rs`; whatever else a query asks for, and whatever is wrong with it, is left to the executor, whose
//! answers these are equal to (`tests/rows.rs` compares both).
//!
//! Who asks is part of the statement: the reach of the actor is among its conditions, and the stamp of what the actor
//! was remembered by comes back with its rows.

mod answer;
mod compile;
mod conditions;
mod made;
mod selection;
mod statement;
mod write;

use async_graphql::{
    Variables,
    parser::types::{ExecutableDocument, OperationDefinition},
};
use uuid::Uuid;

pub use conditions::{Bind, Condition, Conditions};
pub use made::{Made, Object, Said};
pub use selection::{Arguments, NotCovered, Selected};
pub use write::Json;

use crate::{
    App, Error, Result,
    access::{Actor, Reach},
    page::Window,
    streams::{Listed, StreamCode},
};

/// A type of the schema whose objects are rows of a table. In what is SQL here, `@` stands for the row, and in joins `#`
/// for the row that is joined.
pub struct Table {
    /// The type's name.
    pub name: &'static str,
    pub fields: &'static [(&'static str, Field)],
}

/// What a field of a type is.
pub enum Field {
    /// An expression over the row.
    Value(Kind, &'static str),
    /// An object of values of the same row, such as a period.
    Part(&'static Table),
    /// Another row, by a join that finds one at most.
    One(One),
    /// A page of the rows below it.
    Page(&'static Below),
    /// What the process holds: the streams and programs.
    Held(&'static Held),
}

/// What a value is in the database, and in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A uuid, written after this prefix.
    Id(&'static str),
    Text,
    /// `numeric`, to the cent.
    Money,
    Date,
    /// `timestamptz`.
    Instant,
    /// `integer`.
    Int,
    Bool,
}

/// A row that another refers to.
pub struct One {
    pub table: &'static Table,
    pub join: &'static str,
    /// For those who do not see everything, what of it an actor may see; the row that refers to it is enough when absent.
    pub within: Option<fn(&Reach) -> Condition>,
    /// Whether there may be none.
    pub nullable: bool,
}

/// The rows below another, such as the disbursements of a grant.
pub struct Below {
    pub table: &'static Table,
    pub from: &'static str,
    /// The column that names the row above.
    pub owner: &'static str,
    /// Its window, by the arguments of the field.
    pub window: fn(&Arguments<'_>) -> Result<(Window, Order), NotCovered>,
}

/// An object that is not read but held, found by an id of the row.
pub struct Held {
    pub name: &'static str,
    pub column: &'static str,
    pub fields: &'static [(&'static str, HeldField)],
}

/// Writes a field of what is held, if it is.
pub type HeldField = fn(&Listed, Uuid, &mut Json) -> Option<()>;

/// What a list is ordered by before the id: an expression, and how it is written in cursors.
#[derive(Clone, Copy)]
pub enum Order {
    Id,
    Text(&'static str),
    /// A day, `-infinity` for none.
    Date(&'static str),
    /// An amount, in cursors filled up with zeros on the left.
    Amount(&'static str),
}

impl Asking<'_> {
    /// The streams of these codes.
    pub fn streams(&self, codes: &[StreamCode]) -> Result<Vec<Uuid>, NotCovered> {
        let id = |code: &StreamCode| {
            let mut streams = self.held.streams.iter();
            streams.find(|stream| stream.code == code.as_str()).map(|stream| stream.id.0)
        };
        codes.iter().map(id).collect::<Option<_>>().ok_or(NotCovered)
    }
}

/// What a root field finds: one row, or a page of them.
pub struct Found {
    pub table: &'static Table,
    pub from: &'static str,
    pub conditions: Conditions,
    /// One row, which may not be there, when absent.
    pub page: Option<PageOf>,
}

/// A page of rows.
pub struct PageOf {
    pub window: Window,
    pub order: Order,
    /// Ways in which an actor comes to them, if not to all: none has a row of another, and each is read by itself to the
    /// end of the page, for an index that has the rows of one in order has not those of all.
    pub ways: Vec<Condition>,
    /// Whether conditions bound what it is ordered by: then the page is a stretch of the order's index.
    pub bounded: bool,
}

/// Who asks.
pub struct Asking<'a> {
    pub app: &'a App,
    pub actor: &'a Actor,
    pub held: &'a Listed,
}

/// Where a root field has its answer from.
pub enum From {
    Rows(Found),
    Made(Made),
}

/// What a root field reads, by its arguments and who asks.
pub type Root = fn(&Asking<'_>, &Arguments<'_>) -> Result<From, NotCovered>;

/// What came of a question.
pub enum Answered {
    /// The whole text of the answer.
    Written(Vec<u8>),
    /// It is for the executor.
    NotCovered,
    /// The actor is no longer what was remembered.
    Stale,
    /// Reading failed, at this root field.
    Failed { field: String, error: Error },
}

/// An operation that has been validated, and what it is asked with.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    pub document: &'a ExecutableDocument,
    pub operation: &'a OperationDefinition,
    pub variables: &'a Variables,
}

/// Answers a question whose root fields are among `roots`. With the stamp of what the actor was remembered by, the
/// answer holds only if that has not changed.
pub async fn answer(
    asking: &Asking<'_>,
    stamp: Option<i64>,
    question: &Question<'_>,
    roots: &[(&str, Root)],
) -> Answered {
    match compile::plan(asking, question, roots) {
        Ok(plan) => plan.run(asking, stamp).await,
        Err(NotCovered) => Answered::NotCovered,
    }
}
