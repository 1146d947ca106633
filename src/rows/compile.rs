//! From a selection to what is read and how it is written.

use async_graphql::parser::types::SelectionSet;

use super::{
    Asking, Below, Field, Found, From, Held, HeldField, Kind, Made, NotCovered, One, Question,
    Root, Table,
    selection::{Selected, Wanted},
    statement::{LISTED, Reading, Row, Source},
    write::Json,
};
use crate::{access::Reach, page::Position};

/// What is written under a key.
pub struct Member<T> {
    /// The key as JSON, with its colon.
    pub key: Vec<u8>,
    pub node: T,
}

pub type Members<T> = Vec<Member<T>>;

/// A field of a row.
pub enum Node {
    TypeName(&'static str),
    Value {
        column: usize,
        kind: Kind,
    },
    /// Values of the row, or of a row joined to it; null where the column is.
    Object {
        unless: Option<usize>,
        members: Members<Node>,
    },
    Held {
        column: usize,
        members: Members<HeldNode>,
    },
    /// A page of the rows below, by the place of its level.
    Page {
        level: usize,
        parts: Members<Part>,
    },
}

/// A field of what is held.
pub enum HeldNode {
    TypeName(&'static str),
    By(HeldField),
}

/// A field of a connection.
pub enum Part {
    TypeName(&'static str),
    Edges(Members<EdgePart>),
    Nodes(Members<Node>),
    PageInfo(Members<Info>),
}

pub enum EdgePart {
    TypeName(&'static str),
    Cursor,
    Node(Members<Node>),
}

pub enum Info {
    TypeName,
    HasPreviousPage,
    HasNextPage,
    StartCursor,
    EndCursor,
}

/// The rows of one statement, and of those below them.
pub struct Level {
    pub table: &'static Table,
    pub source: Source,
    pub reading: Reading,
    /// Where the id and the value that orders are, for cursors and for the rows below.
    pub id: Option<usize>,
    pub key: Option<usize>,
    pub below: Vec<Level>,
}

/// One field of the query.
pub struct Rooted {
    pub level: Level,
    pub shape: Shape,
}

pub enum Shape {
    One(Members<Node>),
    Page(Members<Part>),
}

/// What a query reads, and how it is written.
pub struct Plan<'a> {
    pub selected: Selected<'a>,
    pub roots: Vec<(&'a str, Planned<'a>)>,
}

pub enum Planned<'a> {
    TypeName,
    Rows(Box<Rooted>),
    Made { made: Made, sets: Vec<&'a SelectionSet> },
}

pub fn plan<'a>(
    asking: &Asking<'_>,
    question: &Question<'a>,
    known: &[(&str, Root)],
) -> Result<Plan<'a>, NotCovered> {
    let selected = Selected::query(question)?;
    let compiler = Compiler { selected, reach: asking.actor.reach() };
    let mut roots = vec![];
    for wanted in selected.roots()? {
        if wanted.field.name.node == "__typename" {
            roots.push((wanted.key, Planned::TypeName));
            continue;
        }
        let mut known = known.iter();
        let found = known.find(|(name, _)| wanted.field.name.node == *name).ok_or(NotCovered)?;
        let planned = match found.1(asking, &selected.arguments(&wanted))? {
            From::Rows(found) => Planned::Rows(Box::new(compiler.root(&wanted, found)?)),
            From::Made(made) => {
                selected.write(&mut Json::default(), &*made.empty, &wanted.below, None)?;
                Planned::Made { made, sets: wanted.below }
            }
        };
        roots.push((wanted.key, planned));
    }
    // What reads nothing is no question for rows.
    if roots.iter().all(|(_, planned)| matches!(planned, Planned::TypeName)) {
        return Err(NotCovered);
    }
    Ok(Plan { selected, roots })
}

struct Compiler<'a> {
    selected: Selected<'a>,
    reach: Reach,
}

impl Level {
    fn new(table: &'static Table, source: Source) -> Self {
        Self { table, source, reading: Reading::default(), id: None, key: None, below: vec![] }
    }

    fn id(&mut self) -> usize {
        let id = self.reading.column(LISTED, "@.id");
        self.id = Some(id);
        id
    }
}

impl<'a> Compiler<'a> {
    fn root(&self, wanted: &Wanted<'a>, found: Found) -> Result<Rooted, NotCovered> {
        let paged = found.page.is_some();
        let source =
            Source::Root { from: found.from, conditions: found.conditions, page: found.page };
        let mut level = Level::new(found.table, source);
        let shape = if paged {
            Shape::Page(self.page(&wanted.below, &mut level)?)
        } else {
            Shape::One(self.object(&wanted.below, found.table, LISTED, &mut level)?)
        };
        Ok(Rooted { level, shape })
    }

    fn object(
        &self,
        sets: &[&'a SelectionSet],
        table: &'static Table,
        row: Row,
        level: &mut Level,
    ) -> Result<Members<Node>, NotCovered> {
        let member = |wanted: Wanted<'a>| {
            let name = wanted.field.name.node.as_str();
            let node = match table.fields.iter().find(|(known, _)| *known == name) {
                Some((_, field)) => self.field(&wanted, field, row, level)?,
                None if name == "__typename" => Node::TypeName(table.name),
                None => return Err(NotCovered),
            };
            Ok(keyed(&wanted, node))
        };
        self.selected.fields(sets, table.name)?.into_iter().map(member).collect()
    }

    fn field(
        &self,
        wanted: &Wanted<'a>,
        field: &'static Field,
        row: Row,
        level: &mut Level,
    ) -> Result<Node, NotCovered> {
        // Only pages have arguments.
        if !wanted.field.arguments.is_empty() && !matches!(field, Field::Page(_)) {
            return Err(NotCovered);
        }
        Ok(match field {
            Field::Value(kind, expression) => {
                Node::Value { column: level.reading.column(row, expression), kind: *kind }
            }
            Field::Part(table) => {
                let members = self.object(&wanted.below, table, row, level)?;
                Node::Object { unless: None, members }
            }
            Field::One(one) => self.joined(wanted, one, row, level)?,
            Field::Held(held) => {
                let column = level.reading.column(row, held.column);
                Node::Held { column, members: self.selected.held(&wanted.below, held)? }
            }
            Field::Page(below) if row == LISTED => {
                level.id();
                let mut page = self.below(wanted, below)?;
                let parts = self.page(&wanted.below, &mut page)?;
                level.below.push(page);
                Node::Page { level: level.below.len() - 1, parts }
            }
            Field::Page(_) => return Err(NotCovered),
        })
    }

    fn joined(
        &self,
        wanted: &Wanted<'a>,
        one: &'static One,
        row: Row,
        level: &mut Level,
    ) -> Result<Node, NotCovered> {
        let within = one.within.filter(|_| !self.reach.everything).map(|of| of(&self.reach));
        let joined = level.reading.join(row, one, within).ok_or(NotCovered)?;
        let unless = one.nullable.then(|| level.reading.column(joined, "@.id"));
        let members = self.object(&wanted.below, one.table, joined, level)?;
        Ok(Node::Object { unless, members })
    }

    fn below(&self, wanted: &Wanted<'a>, below: &'static Below) -> Result<Level, NotCovered> {
        let (window, order) = (below.window)(&self.selected.arguments(wanted))?;
        Ok(Level::new(below.table, Source::Below { below, window, order }))
    }

    fn page(
        &self,
        sets: &[&'a SelectionSet],
        level: &mut Level,
    ) -> Result<Members<Part>, NotCovered> {
        let table = level.table;
        let (window, order) = level.source.page().ok_or(NotCovered)?;
        let known = |at: &Option<Position>| at.as_ref().is_none_or(|at| order.knows(&at.key));
        if !known(&window.after) || !known(&window.before) {
            return Err(NotCovered);
        }
        let member = |wanted: Wanted<'a>| {
            let part = match wanted.field.name.node.as_str() {
                "edges" => Part::Edges(self.edges(&wanted.below, level)?),
                "nodes" => Part::Nodes(self.object(&wanted.below, table, LISTED, level)?),
                "pageInfo" => Part::PageInfo(self.page_info(&wanted.below, level)?),
                "__typename" => Part::TypeName("Connection"),
                _ => return Err(NotCovered),
            };
            Ok(keyed(&wanted, part))
        };
        let of_type = [table.name, "Connection"].concat();
        self.selected.fields(sets, &of_type)?.into_iter().map(member).collect()
    }

    fn edges(
        &self,
        sets: &[&'a SelectionSet],
        level: &mut Level,
    ) -> Result<Members<EdgePart>, NotCovered> {
        let table = level.table;
        let member = |wanted: Wanted<'a>| {
            let part = match wanted.field.name.node.as_str() {
                "cursor" => {
                    self.cursors(level);
                    EdgePart::Cursor
                }
                "node" => EdgePart::Node(self.object(&wanted.below, table, LISTED, level)?),
                "__typename" => EdgePart::TypeName("Edge"),
                _ => return Err(NotCovered),
            };
            Ok(keyed(&wanted, part))
        };
        let of_type = [table.name, "Edge"].concat();
        self.selected.fields(sets, &of_type)?.into_iter().map(member).collect()
    }

    fn page_info(
        &self,
        sets: &[&'a SelectionSet],
        level: &mut Level,
    ) -> Result<Members<Info>, NotCovered> {
        let member = |wanted: Wanted<'a>| {
            let info = match wanted.field.name.node.as_str() {
                "hasPreviousPage" => Info::HasPreviousPage,
                "hasNextPage" => Info::HasNextPage,
                "startCursor" => Info::StartCursor,
                "endCursor" => Info::EndCursor,
                "__typename" => Info::TypeName,
                _ => return Err(NotCovered),
            };
            match info {
                Info::StartCursor | Info::EndCursor => self.cursors(level),
                Info::HasPreviousPage | Info::HasNextPage => level.reading.further = true,
                Info::TypeName => {}
            }
            Ok(keyed(&wanted, info))
        };
        self.selected.fields(sets, "PageInfo")?.into_iter().map(member).collect()
    }

    /// Has what cursors are made of read.
    fn cursors(&self, level: &mut Level) {
        level.id();
        let column = level.source.page().and_then(|(_, order)| order.column());
        level.key = column.map(|expression| level.reading.column(LISTED, expression));
    }
}

impl<'a> Selected<'a> {
    /// What is selected of something that is held.
    pub fn held(
        &self,
        sets: &[&'a SelectionSet],
        held: &'static Held,
    ) -> Result<Members<HeldNode>, NotCovered> {
        let member = |wanted: Wanted<'a>| {
            let name = wanted.field.name.node.as_str();
            let node = match held.fields.iter().find(|(known, _)| *known == name) {
                Some((_, field)) => HeldNode::By(*field),
                None if name == "__typename" => HeldNode::TypeName(held.name),
                None => return Err(NotCovered),
            };
            Ok(keyed(&wanted, node))
        };
        self.fields(sets, held.name)?.into_iter().map(member).collect()
    }
}

fn keyed<T>(wanted: &Wanted<'_>, node: T) -> Member<T> {
    // A name needs no escaping.
    Member { key: format!("\"{}\":", wanted.key).into_bytes(), node }
}
