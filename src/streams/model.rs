use async_graphql::SimpleObject;

use crate::{
    clock::Date,
    id::{ProgramId, StreamId},
    text_enum::text_enum,
};

text_enum! {
    /// The funding streams of All Children Thrive's plan. Administrators may enter more: filter by their ids.
    pub enum StreamCode {
        /// Grants that All Children Thrive itself makes to cities.
        ActDirect = "ACT_DIRECT",
        /// Mental Health Services Act (Proposition 63), to 30 June 2026.
        Mhsa = "MHSA",
        /// Behavioral Health Services Act (Proposition 1), from 1 July 2026: the successor of MHSA.
        Bhsa = "BHSA",
        /// Parks, Environment, and Water Bond (Proposition 68).
        Prop68 = "PROP_68",
        /// Cannabis Tax Fund (Proposition 64).
        Prop64 = "PROP_64",
        /// Anything else a city is funded by.
        Other = "OTHER",
    }
}

text_enum! {
    /// Whose money a stream is.
    pub enum StreamLevel {
        /// The State of California's.
        State = "STATE",
        /// The federal government's.
        Federal = "FEDERAL",
        /// A city's, a county's or a district's.
        Local = "LOCAL",
        /// A foundation's or a donor's.
        Philanthropy = "PHILANTHROPY",
    }
}

text_enum! {
    /// How a program chooses who receives.
    pub enum ProgramKind {
        /// Applicants compete.
        Competitive = "COMPETITIVE",
        /// By a formula, such as population.
        Formula = "FORMULA",
        /// Received by one body and handed on by it.
        PassThrough = "PASS_THROUGH",
    }
}

/// Where money comes from by law. A stream that ended names its successor; grants keep the stream
/// they were made under.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct FundingStream {
    /// Identifies the stream everywhere in Thrive.
    pub id: StreamId,
    /// The short name that filters use, such as `PROP_68`.
    pub code: String,
    /// The stream's full name.
    pub name: String,
    /// Whose money it is.
    pub level: StreamLevel,
    /// The law that made it.
    pub statute: Option<String>,
    /// The first day on which it can be granted.
    pub effective_from: Date,
    /// The last day on which it can be granted; null while it goes on.
    pub effective_to: Option<Date>,
    #[graphql(skip)]
    pub successor_id: Option<StreamId>,
    /// Grows with every change; an edit names the one it read.
    pub revision: i32,
}

impl FundingStream {
    pub fn is_active_on(&self, day: Date) -> bool {
        self.effective_from <= day && self.effective_to.is_none_or(|last| day <= last)
    }
}

/// How an agency hands out the money of a stream.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject)]
#[graphql(complex)]
pub struct FundingProgram {
    /// Identifies the program everywhere in Thrive.
    pub id: ProgramId,
    #[graphql(skip)]
    pub stream_id: StreamId,
    #[graphql(skip)]
    pub parent_id: Option<ProgramId>,
    /// A short unique name, such as `PROP64-PHS`.
    pub code: String,
    /// The program's full name.
    pub name: String,
    /// The agency that administers it.
    pub agency: String,
    /// How it chooses who receives.
    pub kind: ProgramKind,
    /// The law or announcement that it rests on.
    pub citation: String,
    /// When the row was last compared with its citation; null when nobody has yet.
    pub verified_on: Option<Date>,
    /// Grows with every change; an edit names the one it read.
    pub revision: i32,
}

#[derive(Clone, Debug)]
pub struct NewStream {
    pub code: String,
    pub name: String,
    pub level: StreamLevel,
    pub statute: Option<String>,
    pub effective_from: Date,
    pub effective_to: Option<Date>,
}

/// What changes of a stream; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct StreamChange {
    pub name: Option<String>,
    pub statute: Option<String>,
    pub effective_from: Option<Date>,
    pub effective_to: Option<Date>,
    pub successor: Option<StreamId>,
}

impl StreamChange {
    pub fn of(self, stream: FundingStream) -> FundingStream {
        FundingStream {
            name: self.name.unwrap_or(stream.name),
            statute: self.statute.or(stream.statute),
            effective_from: self.effective_from.unwrap_or(stream.effective_from),
            effective_to: self.effective_to.or(stream.effective_to),
            successor_id: self.successor.or(stream.successor_id),
            ..stream
        }
    }
}

#[derive(Clone, Debug)]
pub struct NewProgram {
    pub code: String,
    pub name: String,
    pub agency: String,
    pub kind: ProgramKind,
    pub citation: String,
    pub verified_on: Option<Date>,
}

/// What changes of a program; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct ProgramChange {
    pub name: Option<String>,
    pub agency: Option<String>,
    pub kind: Option<ProgramKind>,
    pub citation: Option<String>,
    pub verified_on: Option<Date>,
    pub parent: Option<ProgramId>,
}

impl ProgramChange {
    pub fn of(self, program: FundingProgram) -> FundingProgram {
        FundingProgram {
            name: self.name.unwrap_or(program.name),
            agency: self.agency.unwrap_or(program.agency),
            kind: self.kind.unwrap_or(program.kind),
            citation: self.citation.unwrap_or(program.citation),
            verified_on: self.verified_on.or(program.verified_on),
            parent_id: self.parent.or(program.parent_id),
            ..program
        }
    }
}
