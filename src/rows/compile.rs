//! From a selection to what is read and how it is written, and the answer from the rows.

use std::ops::Range;

use async_graphql::parser::types::SelectionSet;
use futures_util::future::BoxFuture;
use sqlx::{
    PgConnection, PgPool, Row as _,
    postgres::{PgRow, PgValueRef},
};
use uuid::Uuid;

use super::{
    Answered, Asking, Below, Field, Found, From, Held, HeldField, Kind, Made, NotCovered, One,
    Order, Question, Root, Table,
    selection::{Selected, Wanted},
    statement::{self, LISTED, Reading, Row, Source},
    write::{self, Json},
};
use crate::{
    Error, Result,
    access::Reach,
    page::{Position, Window},
    streams::Listed,
};

/// What is written under a key.
struct Member<T> {
    /// The key as JSON, with its colon.
    key: Vec<u8>,
    node: T,
}

type Members<T> = Vec<Member<T>>;

/// A field of a row.
enum Node {
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
        members: Members<Said>,
    },
    /// A page of the rows below, by the place of its level.
    Page {
        level: usize,
        parts: Members<Part>,
    },
}

/// A field of what is held.
enum Said {
    TypeName(&'static str),
    By(HeldField),
}

/// A field of a connection.
enum Part {
    TypeName(&'static str),
    Edges(Members<EdgePart>),
    Nodes(Members<Node>),
    PageInfo(Members<Info>),
}

enum EdgePart {
    TypeName(&'static str),
    Cursor,
    Node(Members<Node>),
}

enum Info {
    TypeName,
    HasPreviousPage,
    HasNextPage,
    StartCursor,
    EndCursor,
}

/// The rows of one statement, and of those below them.
struct Level {
    table: &'static Table,
    source: Source,
    reading: Reading,
    /// Where the id and the value that orders are, for cursors and for the rows below.
    id: Option<usize>,
    key: Option<usize>,
    below: Vec<Level>,
}

/// One field of the query.
struct Rooted {
    level: Level,
    shape: Shape,
}

enum Shape {
    One(Members<Node>),
    Page(Members<Part>),
}

/// What a query reads, and how it is written.
pub struct Plan<'a> {
    selected: Selected<'a>,
    roots: Vec<(&'a str, Planned<'a>)>,
}

enum Planned<'a> {
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
                Node::Held { column, members: self.held(&wanted.below, held)? }
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

    fn held(
        &self,
        sets: &[&'a SelectionSet],
        held: &'static Held,
    ) -> Result<Members<Said>, NotCovered> {
        let member = |wanted: Wanted<'a>| {
            let name = wanted.field.name.node.as_str();
            let said = match held.fields.iter().find(|(known, _)| *known == name) {
                Some((_, field)) => Said::By(*field),
                None if name == "__typename" => Said::TypeName(held.name),
                None => return Err(NotCovered),
            };
            Ok(keyed(&wanted, said))
        };
        self.selected.fields(sets, held.name)?.into_iter().map(member).collect()
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
            if let Info::StartCursor | Info::EndCursor = info {
                self.cursors(level);
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

fn keyed<T>(wanted: &Wanted<'_>, node: T) -> Member<T> {
    // A name needs no escaping.
    Member { key: format!("\"{}\":", wanted.key).into_bytes(), node }
}

/// The rows of a level as they were read.
struct Read {
    rows: Vec<PgRow>,
    /// Of each row above, where its page is.
    pages: Vec<Range<usize>>,
    below: Vec<Read>,
}

impl Plan<'_> {
    pub async fn run(&self, asking: &Asking<'_>, stamp: Option<i64>) -> Answered {
        let mut json = Json(Vec::with_capacity(4096));
        json.raw("{\"data\":{");
        for (place, (key, planned)) in self.roots.iter().enumerate() {
            json.raw(if place > 0 { "," } else { "" });
            json.quoted(key);
            json.raw(":");
            match self.write(asking, stamp, planned, &mut json).await {
                Ok(()) => {}
                Err(Unwritten::Stale) => return Answered::Stale,
                Err(Unwritten::NotCovered) => return Answered::NotCovered,
                Err(Unwritten::Failed(error)) => {
                    return Answered::Failed { field: (*key).to_owned(), error };
                }
            }
        }
        json.raw("}}");
        Answered::Written(json.0)
    }

    async fn write(
        &self,
        asking: &Asking<'_>,
        stamp: Option<i64>,
        planned: &Planned<'_>,
        json: &mut Json,
    ) -> Result<(), Unwritten> {
        let app = asking.app;
        match planned {
            Planned::TypeName => json.quoted("Query"),
            Planned::Rows(rooted) => rooted.answer(&app.db, stamp, asking.held, json).await?,
            Planned::Made { made, sets } => {
                let object = (made.read)(app.clone()).await?;
                if let Some(stamp) = stamp {
                    compare(stamp, statement::stamp(&app.db).await?)?;
                }
                self.selected.write(json, &*object, sets, Some(asking.held))?;
            }
        }
        Ok(())
    }
}

/// The stamp only ever changes: if it is the same after something was read, it was when it was read.
fn compare(stamp: i64, found: i64) -> Result<(), Unwritten> {
    if stamp == found { Ok(()) } else { Err(Unwritten::Stale) }
}

/// Why an answer is not written.
enum Unwritten {
    /// Something that a row names is newer than what the process holds.
    NotCovered,
    Stale,
    Failed(Error),
}

impl std::convert::From<sqlx::Error> for Unwritten {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl std::convert::From<Error> for Unwritten {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl std::convert::From<NotCovered> for Unwritten {
    fn from(_: NotCovered) -> Self {
        Self::NotCovered
    }
}

impl Rooted {
    async fn answer(
        &self,
        db: &PgPool,
        stamp: Option<i64>,
        held: &Listed,
        json: &mut Json,
    ) -> Result<(), Unwritten> {
        let mut db = db.acquire().await?;
        let level = &self.level;
        let rows =
            statement::fetch(&mut db, &level.source, &level.reading, &[], stamp.is_some()).await?;
        if let Some(stamp) = stamp {
            let found = match rows.first() {
                Some(row) => row.try_get(row.len() - 1)?,
                None => statement::stamp(&mut *db).await?,
            };
            compare(stamp, found)?;
        }
        let kept = level.source.page().map_or(1, |(window, _)| window.kept(rows.len()));
        let on_page = &rows[..kept.min(rows.len())];
        let below = below(level, &mut db, on_page).await?;
        let found = 0..rows.len();
        let read = Read { rows, pages: vec![found], below };
        drop(db);

        let writer = Writer { held };
        match &self.shape {
            Shape::One(_) if read.rows.is_empty() => json.raw("null"),
            Shape::One(members) => writer.object(json, members, level, &read, 0)?,
            Shape::Page(parts) => writer.page(json, parts, level, &read, 0)?,
        }
        Ok(())
    }
}

/// Reads what is below rows, one statement for each page that is selected of them.
fn below<'a>(
    level: &'a Level,
    db: &'a mut PgConnection,
    rows: &'a [PgRow],
) -> BoxFuture<'a, sqlx::Result<Vec<Read>>> {
    Box::pin(async move {
        let mut all = Vec::with_capacity(level.below.len());
        let Some(id) = level.id.filter(|_| !level.below.is_empty()) else { return Ok(all) };
        let id = id + level.source.columns_before();
        let above: Vec<Uuid> = rows.iter().map(|row| row.try_get(id)).collect::<Result<_, _>>()?;
        for level in &level.below {
            let rows = statement::fetch(db, &level.source, &level.reading, &above, false).await?;
            let mut pages = Vec::with_capacity(above.len());
            let mut from = 0;
            for place in 1..=above.len() {
                let mut to = from;
                while let Some(row) = rows.get(to) {
                    if row.try_get::<i64, _>(0)? != place as i64 {
                        break;
                    }
                    to += 1;
                }
                pages.push(from..to);
                from = to;
            }
            all.push(Read { below: below(level, db, &rows).await?, rows, pages });
        }
        Ok(all)
    })
}

struct Writer<'a> {
    held: &'a Listed,
}

impl Writer<'_> {
    fn object(
        &self,
        json: &mut Json,
        members: &Members<Node>,
        level: &Level,
        read: &Read,
        place: usize,
    ) -> Result<(), Unwritten> {
        let row = &read.rows[place];
        let before = level.source.columns_before();
        json.between(["{", "}"], members, |json, Member { key, node }| {
            json.0.extend_from_slice(key);
            match node {
                Node::TypeName(name) => json.quoted(name),
                Node::Value { column, kind } => json.value(row, before + column, *kind)?,
                Node::Object { unless: Some(column), .. }
                    if write::is_null(row, before + column)? =>
                {
                    json.raw("null");
                }
                Node::Object { members, .. } => self.object(json, members, level, read, place)?,
                Node::Held { column, members } => {
                    self.held(json, members, row.try_get(before + column)?)?;
                }
                Node::Page { level: below, parts } => {
                    self.page(json, parts, &level.below[*below], &read.below[*below], place)?;
                }
            }
            Ok(())
        })
    }

    fn held(&self, json: &mut Json, members: &Members<Said>, id: Uuid) -> Result<(), Unwritten> {
        json.between(["{", "}"], members, |json, Member { key, node }| {
            json.0.extend_from_slice(key);
            match node {
                Said::TypeName(name) => json.quoted(name),
                Said::By(field) => field(self.held, id, json).ok_or(Unwritten::NotCovered)?,
            }
            Ok(())
        })
    }

    /// The page of a row above.
    fn page(
        &self,
        json: &mut Json,
        parts: &Members<Part>,
        level: &Level,
        read: &Read,
        above: usize,
    ) -> Result<(), Unwritten> {
        let Some((window, order)) = level.source.page() else { return Ok(()) };
        let paged = Paged::new(window, order, level, read, read.pages[above].clone());
        json.between(["{", "}"], parts, |json, Member { key, node }| {
            json.0.extend_from_slice(key);
            match node {
                Part::TypeName(what) => json.quoted([level.table.name, what].concat()),
                Part::Nodes(members) => {
                    json.between(["[", "]"], paged.places(), |json, place| {
                        self.object(json, members, level, read, place)
                    })?;
                }
                Part::Edges(parts) => {
                    json.between(["[", "]"], paged.places(), |json, place| {
                        self.edge(json, parts, &paged, place)
                    })?;
                }
                Part::PageInfo(infos) => paged.info(json, infos)?,
            }
            Ok(())
        })
    }

    fn edge(
        &self,
        json: &mut Json,
        parts: &Members<EdgePart>,
        paged: &Paged<'_>,
        place: usize,
    ) -> Result<(), Unwritten> {
        json.between(["{", "}"], parts, |json, Member { key, node }| {
            json.0.extend_from_slice(key);
            match node {
                EdgePart::TypeName(what) => json.quoted([paged.level.table.name, what].concat()),
                EdgePart::Cursor => json.quoted(paged.cursor(place)?),
                EdgePart::Node(members) => {
                    self.object(json, members, paged.level, paged.read, place)?;
                }
            }
            Ok(())
        })
    }
}

/// One page of rows.
struct Paged<'a> {
    window: &'a Window,
    order: Order,
    level: &'a Level,
    read: &'a Read,
    /// The rows on it, as they were read.
    kept: Range<usize>,
    neighbors: (bool, bool),
}

impl<'a> Paged<'a> {
    fn new(
        window: &'a Window,
        order: Order,
        level: &'a Level,
        read: &'a Read,
        found: Range<usize>,
    ) -> Self {
        let neighbors = window.neighbors(found.len());
        let kept = found.start..found.start + window.kept(found.len());
        Self { window, order, level, read, kept, neighbors }
    }

    /// The rows in the order of the page.
    fn places(&self) -> impl Iterator<Item = usize> + use<> {
        let Range { start, end } = self.kept;
        let backward = self.window.backward;
        (start..end).map(move |place| if backward { end - 1 - (place - start) } else { place })
    }

    fn cursor(&self, place: usize) -> sqlx::Result<String> {
        let row = &self.read.rows[place];
        let before = self.level.source.columns_before();
        let id = row.try_get(before + self.level.id.unwrap_or_default())?;
        let key = match self.level.key {
            Some(key) => self.order.key(row.try_get_raw(before + key)?),
            None => Ok(String::new()),
        };
        let key = key.map_err(sqlx::Error::Decode)?;
        Ok(self.window.cursor(&Position { key, id }))
    }

    fn info(&self, json: &mut Json, infos: &Members<Info>) -> Result<(), Unwritten> {
        let cursor = |json: &mut Json, place: Option<usize>| -> sqlx::Result<()> {
            match place {
                Some(place) => json.quoted(self.cursor(place)?),
                None => json.raw("null"),
            }
            Ok(())
        };
        json.between(["{", "}"], infos, |json, Member { key, node }| {
            json.0.extend_from_slice(key);
            match node {
                Info::TypeName => json.quoted("PageInfo"),
                Info::HasPreviousPage => json.display(self.neighbors.0),
                Info::HasNextPage => json.display(self.neighbors.1),
                Info::StartCursor => cursor(json, self.places().next())?,
                Info::EndCursor => cursor(json, self.places().last())?,
            }
            Ok(())
        })
    }
}

impl Order {
    /// A row's value as it stands in cursors.
    fn key(self, value: PgValueRef<'_>) -> Result<String, sqlx::error::BoxDynError> {
        let bytes = value.as_bytes()?;
        Ok(match self {
            Self::Id => String::new(),
            Self::Text(_) => std::str::from_utf8(bytes)?.to_owned(),
            Self::Date(_) => write::date(bytes)?.map(|day| day.to_string()).unwrap_or_default(),
            Self::Amount(_) => {
                let mut json = Json::default();
                json.money(bytes)?;
                format!("{:0>20}", String::from_utf8(json.0)?)
            }
        })
    }
}
