//! How much a document may ask for. One gate for all transports: it reads the text before it is parsed, and the
//! document before it is validated, in time that grows with the document and not with what it stands for.
//!
//! A field costs 1. What is below a list counts once for each row that the list can answer: `first` or `last`, given
//! as a number or a variable, or else the default page; the number of `ids`; `LISTED` for lists without pages. All
//! inline fragments count, as if each row were of every type; `@skip` and `@include` change nothing.

mod expansion;
mod flat;
mod json;
mod text;

use std::sync::Arc;

use async_graphql::{Request, Response, ServerError};

pub use json::check_json;

use super::{
    parsed::{Document, Documents},
    types::Types,
};
use crate::{
    access::Actor,
    config::{Introspection, Limits},
};

/// What clients' tools ask to learn the schema, at its longest.
const FULL_INTROSPECTION: &str = include_str!("introspection.graphql");

/// Lets documents pass, or answers why not.
pub struct Gate {
    limits: Limits,
    types: &'static Types,
    introspection: Introspection,
    /// Twice what clients' tools ask for, however large the schema is.
    introspection_cost: u64,
    /// What has passed before need not be read again; what it asks for depends on its variables too.
    documents: Documents,
}

/// What a document was found to ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// Of its dearest operation.
    pub cost: u32,
    /// Whether it asks for the schema.
    pub introspects: bool,
}

/// More of something than there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Excess {
    what: &'static str,
    found: u64,
    most: u64,
    advice: &'static str,
}

/// Why a document does not pass.
enum Fault {
    Excess(Excess),
    /// A fragment that contains itself.
    Cycle(String),
}

impl From<Excess> for Fault {
    fn from(excess: Excess) -> Self {
        Self::Excess(excess)
    }
}

impl Excess {
    fn unless(
        found: impl TryInto<u64>,
        most: impl TryInto<u64>,
        what: &'static str,
        advice: &'static str,
    ) -> Result<(), Self> {
        let found = found.try_into().unwrap_or(u64::MAX);
        let most = most.try_into().unwrap_or(u64::MAX);
        if found <= most { Ok(()) } else { Err(Self { what, found, most, advice }) }
    }
}

impl std::fmt::Display for Excess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { what, found, most, advice } = self;
        write!(f, "{what}: at least {found}, and at most {most} are answered: {advice}")
    }
}

impl Gate {
    pub fn new(limits: Limits, introspection: Introspection) -> Self {
        let types = Types::of_the_schema();
        let full = async_graphql::parser::parse_query(FULL_INTROSPECTION).ok();
        let full = full.and_then(|document| {
            expansion::weigh(&document, &Default::default(), types, &limits).ok()
        });
        let full = full.map(|weight| weight.introspection).unwrap_or_default();
        let introspection_cost = full.saturating_mul(2);
        Self { limits, types, introspection, introspection_cost, documents: Documents::default() }
    }

    /// The document of a request and what it asks for, or the answer that it asks for too much.
    pub fn check(&self, request: &Request) -> Result<(Arc<Document>, Weight), Box<Response>> {
        if let Some(document) = self.documents.find(&request.query) {
            let weight = self.weigh(&document.parsed, &request.variables)?;
            return Ok((document, weight));
        }
        text::check(&request.query, &self.limits).map_err(too_complex)?;
        let document =
            Document::parse(&request.query).map_err(|error| answer(error, "BAD_USER_INPUT"))?;
        flat::check(&document.parsed, &self.limits).map_err(too_complex)?;
        let weight = self.weigh(&document.parsed, &request.variables)?;
        let document = Arc::new(document);
        self.documents.keep(&request.query, &document);
        Ok((document, weight))
    }

    fn weigh(
        &self,
        document: &async_graphql::parser::types::ExecutableDocument,
        variables: &async_graphql::Variables,
    ) -> Result<Weight, Box<Response>> {
        let total =
            expansion::weigh(document, variables, self.types, &self.limits).map_err(|fault| {
                match fault {
                    Fault::Excess(excess) => too_complex(excess),
                    Fault::Cycle(name) => {
                        let message = format!(
                            "the fragment `{name}` contains itself: leave it out of itself"
                        );
                        answer(ServerError::new(message, None), "BAD_USER_INPUT")
                    }
                }
            })?;
        let advice = "ask for the types one by one with `__type`, or read /schema.graphql";
        Excess::unless(total.introspection, self.introspection_cost, "rows of the schema", advice)
            .map_err(too_complex)?;
        let cost = total.cost.try_into().unwrap_or(u32::MAX);
        Ok(Weight { cost, introspects: total.introspection > 0 })
    }

    /// Whether somebody may ask for it.
    pub fn admit(&self, weight: &Weight, actor: &Actor) -> Result<(), Box<Response>> {
        if !weight.introspects || tells_schema(self.introspection, actor) {
            return Ok(());
        }
        let (message, code) = match self.introspection {
            Introspection::Off => {
                ("the schema is not told here: introspection is off", "FORBIDDEN")
            }
            _ => (
                "the schema is told to those who have signed in: send the header `Authorization: Bearer <token>`",
                "UNAUTHENTICATED",
            ),
        };
        Err(answer(ServerError::new(message, None), code))
    }
}

/// Whether somebody is told the schema.
pub fn tells_schema(introspection: Introspection, actor: &Actor) -> bool {
    match introspection {
        Introspection::On => true,
        Introspection::SignedIn => !matches!(actor, Actor::Anyone),
        Introspection::Off => false,
    }
}

fn too_complex(excess: Excess) -> Box<Response> {
    answer(ServerError::new(excess.to_string(), None), "QUERY_TOO_COMPLEX")
}

fn answer(mut error: ServerError, code: &str) -> Box<Response> {
    super::shorten(&mut error.message);
    error.extensions.get_or_insert_default().set("code", code);
    Box::new(Response::from_errors(vec![error]))
}
