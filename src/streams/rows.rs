//! Streams and programs, which answers name without reading them: the process holds them.

use uuid::Uuid;

use super::{FundingProgram, FundingStream, Listed};
use crate::{
    id::{ProgramId, StreamId},
    rows::{Held, HeldField, Json},
};

fn stream(held: &Listed, id: Uuid) -> Option<&FundingStream> {
    held.streams.iter().find(|stream| stream.id == StreamId(id))
}

fn program(held: &Listed, id: Uuid) -> Option<&FundingProgram> {
    held.programs.iter().find(|program| program.id == ProgramId(id))
}

fn optional(json: &mut Json, value: Option<&impl std::fmt::Display>) {
    match value {
        Some(value) => json.text(&value.to_string()),
        None => json.raw("null"),
    }
}

/// A field of what such a function finds.
macro_rules! field {
    ($name:literal, $find:ident, |$found:ident, $json:ident| $write:expr) => {
        ($name, {
            let field: HeldField = |held, id, $json| {
                let $found = $find(held, id)?;
                $write;
                Some(())
            };
            field
        })
    };
}

/// The stream of a row that names it.
pub static STREAM: Held = Held {
    name: "FundingStream",
    column: "@.stream_id",
    fields: &[
        field!("id", stream, |found, json| json.id("stream", found.id.0)),
        field!("code", stream, |found, json| json.text(&found.code)),
        field!("name", stream, |found, json| json.text(&found.name)),
        field!("level", stream, |found, json| json.quoted(found.level)),
        field!("statute", stream, |found, json| optional(json, found.statute.as_ref())),
        field!("effectiveFrom", stream, |found, json| json.quoted(found.effective_from)),
        field!("effectiveTo", stream, |found, json| optional(json, found.effective_to.as_ref())),
        field!("revision", stream, |found, json| json.display(found.revision)),
    ],
};

/// The program of a row that names it.
pub static PROGRAM: Held = Held {
    name: "FundingProgram",
    column: "@.program_id",
    fields: &[
        field!("id", program, |found, json| json.id("program", found.id.0)),
        field!("code", program, |found, json| json.text(&found.code)),
        field!("name", program, |found, json| json.text(&found.name)),
        field!("agency", program, |found, json| json.text(&found.agency)),
        field!("kind", program, |found, json| json.quoted(found.kind)),
        field!("citation", program, |found, json| json.text(&found.citation)),
        field!("verifiedOn", program, |found, json| optional(json, found.verified_on.as_ref())),
        field!("revision", program, |found, json| json.display(found.revision)),
    ],
};
