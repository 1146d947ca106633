//! Reads what a plan asks for, and writes the answer from the rows.

use std::ops::Range;

use futures_util::future::BoxFuture;
use sqlx::{
    PgConnection, PgPool, Row as _,
    postgres::{PgRow, PgValueRef},
};
use uuid::Uuid;

use super::{
    Answered, Asking, NotCovered, Order,
    compile::{
        EdgePart, HeldNode, Info, Level, Member, Members, Node, Part, Plan, Planned, Rooted, Shape,
    },
    statement,
    write::{self, Json},
};
use crate::{
    Error, Result,
    page::{Position, Window},
    streams::Listed,
};

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
                    let found = match object.stamp() {
                        Some(found) => found,
                        None => statement::stamp(&app.db).await?,
                    };
                    compare(stamp, found)?;
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

impl From<sqlx::Error> for Unwritten {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Error> for Unwritten {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<NotCovered> for Unwritten {
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

/// Writes what is held of this id, if it is.
pub fn write_held(
    json: &mut Json,
    members: &Members<HeldNode>,
    held: &Listed,
    id: Uuid,
) -> Result<(), NotCovered> {
    json.between(["{", "}"], members, |json, Member { key, node }| {
        json.0.extend_from_slice(key);
        match node {
            HeldNode::TypeName(name) => json.quoted(name),
            HeldNode::By(field) => field(held, id, json).ok_or(NotCovered)?,
        }
        Ok(())
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
                    write_held(json, members, self.held, row.try_get(before + column)?)?;
                }
                Node::Page { level: below, parts } => {
                    self.page(json, parts, &level.below[*below], &read.below[*below], place)?;
                }
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
