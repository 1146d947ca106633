//! The statement of a level: put together from what slices declare, and nothing that anybody sent is ever part of its
//! text but the size of a page.

use sqlx::{PgConnection, PgExecutor, Postgres, QueryBuilder, postgres::PgRow};
use uuid::Uuid;

use super::{Below, Bind, Condition, Conditions, One, Order, PageOf};
use crate::{
    clock::Date,
    page::{Position, Window},
};

/// Which row of a statement: the listed one, or one joined to it.
pub type Row = usize;

const ROWS: [&str; 12] = ["t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8", "t9", "t10", "t11"];
/// The listed row.
pub const LISTED: Row = 0;

/// What a statement reads.
#[derive(Default)]
pub struct Reading {
    columns: Vec<(Row, &'static str)>,
    joins: Vec<(Row, &'static str, Option<Condition>)>,
    /// Of a page, one row more than it holds, to learn whether more follow.
    pub further: bool,
}

/// Where a statement finds its rows.
pub enum Source {
    /// One row, or a page of rows.
    Root { from: &'static str, conditions: Conditions, page: Option<PageOf> },
    /// A page of the rows below each of others.
    Below { below: &'static Below, window: Window, order: Order },
}

/// Before the columns of rows below others: the place of the one above.
const BELOW_COLUMNS: usize = 1;

impl Reading {
    /// The place of a column among those that are read, each once.
    pub fn column(&mut self, row: Row, expression: &'static str) -> usize {
        let known = self.columns.iter().position(|known| *known == (row, expression));
        known.unwrap_or_else(|| {
            self.columns.push((row, expression));
            self.columns.len() - 1
        })
    }

    /// Joins a row to another; none when a statement has enough of them.
    pub fn join(&mut self, to: Row, one: &One, within: Option<Condition>) -> Option<Row> {
        let row = self.joins.len() + 1;
        ROWS.get(row)?;
        self.joins.push((to, one.join, within));
        Some(row)
    }

    /// How many rows of a page are read.
    fn size(&self, window: &Window) -> i64 {
        if self.further { window.limit() } else { window.size() }
    }
}

impl Source {
    pub fn columns_before(&self) -> usize {
        match self {
            Self::Root { .. } => 0,
            Self::Below { .. } => BELOW_COLUMNS,
        }
    }

    pub fn page(&self) -> Option<(&Window, Order)> {
        match self {
            Self::Root { page, .. } => page.as_ref().map(|page| (&page.window, page.order)),
            Self::Below { window, order, .. } => Some((window, *order)),
        }
    }
}

/// Reads the rows of a level; those below others in the order of the others, and on each page in its order. With
/// `stamped`, the stamp of who may do what is the last column.
pub async fn fetch(
    db: &mut PgConnection,
    source: &Source,
    reading: &Reading,
    above: &[Uuid],
    stamped: bool,
) -> sqlx::Result<Vec<PgRow>> {
    let mut sql = Sql(QueryBuilder::new("select "));
    if let Source::Below { .. } = source {
        sql.0.push("wanted.place, ");
    }
    for (place, (row, expression)) in reading.columns.iter().enumerate() {
        sql.0.push(if place == 0 { "" } else { ", " });
        sql.fragment(expression, *row);
    }
    if reading.columns.is_empty() {
        sql.0.push("1");
    }
    if stamped {
        sql.0.push(", (select stamp from access_stamp)");
    }
    match source {
        Source::Root { from, conditions, page: None } => {
            sql.from(from);
            sql.joins(reading);
            sql.conditions(&conditions.0);
        }
        Source::Root { from, conditions, page: Some(page) } => {
            let PageOf { window, order, ways, bounded } = page;
            sql.0.push(if *bounded { " from (select t0.* from (" } else { " from (" });
            if let [] | [_] = ways.as_slice() {
                sql.page(from, conditions, ways.first(), (window, *order), reading);
            } else {
                sql.0.push("select t0.* from (");
                for (place, way) in ways.iter().enumerate() {
                    sql.0.push(if place == 0 { "(" } else { " union all (" });
                    sql.page(from, conditions, Some(way), (window, *order), reading);
                    sql.0.push(")");
                }
                sql.0.push(") t0");
                sql.ordered(window, *order, reading);
            }
            if *bounded {
                // Of a size that it does not know PostgreSQL expects a tenth: so it keeps the plan that reads in order, where
                // for want of the bounds it would read and sort all between them, or plan each time.
                sql.0.push(") t0 limit ").push_bind(reading.size(window));
            }
            sql.0.push(") t0");
            sql.joins(reading);
            sql.in_order(" order by ", window, *order);
        }
        Source::Below { below, window, order } => {
            sql.0.push(" from unnest(").push_bind(above.to_vec());
            sql.0.push(
                "::uuid[]) with ordinality as wanted (id, place) cross join lateral (select t0.*",
            );
            sql.from(below.from);
            sql.0.push(" where ");
            sql.fragment(below.owner, LISTED);
            sql.0.push(" = wanted.id");
            sql.beyond(" and ", window, *order);
            sql.ordered(window, *order, reading);
            sql.0.push(") t0");
            sql.joins(reading);
            sql.in_order(" order by wanted.place, ", window, *order);
        }
    }
    sql.0.build().fetch_all(db).await
}

/// The stamp of who may do what, by itself.
pub async fn stamp(db: impl PgExecutor<'_>) -> sqlx::Result<i64> {
    sqlx::query_scalar!("select stamp from access_stamp").fetch_one(db).await
}

struct Sql(QueryBuilder<Postgres>);

impl Sql {
    /// Declared SQL without values, about one row.
    fn fragment(&mut self, text: &'static str, row: Row) {
        self.filled(text, [row, row], &mut [].iter());
    }

    /// Declared SQL, with its rows and values in their places.
    fn filled<'v>(
        &mut self,
        text: &'static str,
        [row, joined]: [Row; 2],
        values: &mut impl Iterator<Item = &'v Bind>,
    ) {
        let mut rest = text;
        while let Some(at) = rest.find(['@', '#', '$']) {
            self.0.push(&rest[..at]);
            match rest.as_bytes()[at] {
                b'@' => {
                    self.0.push(ROWS[row]);
                }
                b'#' => {
                    self.0.push(ROWS[joined]);
                }
                _ => {
                    if let Some(value) = values.next() {
                        self.bind(value.clone());
                    }
                }
            }
            rest = &rest[at + 1..];
        }
        self.0.push(rest);
    }

    fn bind(&mut self, value: Bind) {
        match value {
            Bind::Uuid(value) => self.0.push_bind(value),
            Bind::Uuids(value) => self.0.push_bind(value),
            Bind::Text(value) => self.0.push_bind(value),
            Bind::Texts(value) => self.0.push_bind(value),
            Bind::Date(value) => self.0.push_bind(value),
            Bind::Instant(value) => self.0.push_bind(value),
        };
    }

    fn from(&mut self, from: &'static str) {
        self.0.push(" from ");
        self.fragment(from, LISTED);
    }

    fn joins(&mut self, reading: &Reading) {
        for (place, (to, join, within)) in reading.joins.iter().enumerate() {
            self.0.push(" ");
            self.filled(join, [*to, place + 1], &mut [].iter());
            if let Some(within) = within {
                self.0.push(" and ");
                self.condition(within, place + 1);
            }
        }
    }

    /// The rows of a page, in its order.
    fn page(
        &mut self,
        from: &'static str,
        conditions: &Conditions,
        way: Option<&Condition>,
        (window, order): (&Window, Order),
        reading: &Reading,
    ) {
        self.0.push("select t0.*");
        self.from(from);
        let before = self.conditions(conditions.0.iter().chain(way));
        self.beyond(before, window, order);
        self.ordered(window, order, reading);
    }

    /// The size of a page is a number, and part of the text: as a value PostgreSQL takes it for a tenth of all rows, finds
    /// that too dear a plan to keep, and plans each time.
    fn ordered(&mut self, window: &Window, order: Order, reading: &Reading) {
        self.in_order(" order by ", window, order);
        self.0.push(" limit ").push(reading.size(window));
    }

    /// What comes before the next condition.
    fn conditions<'c>(
        &mut self,
        conditions: impl IntoIterator<Item = &'c Condition>,
    ) -> &'static str {
        let mut before = " where ";
        for condition in conditions {
            self.0.push(before);
            self.condition(condition, LISTED);
            before = " and ";
        }
        before
    }

    fn condition(&mut self, Condition { text, values }: &Condition, row: Row) {
        let mut values = values.iter();
        for part in text {
            self.filled(part, [row, row], &mut values);
        }
    }

    /// Where a cursor says so, only what comes after or before it.
    fn beyond(&mut self, mut before: &'static str, window: &Window, order: Order) {
        let after = window.after.as_ref().map(|at| (at, window.descending));
        let until = window.before.as_ref().map(|at| (at, !window.descending));
        for (Position { key, id }, smaller) in [after, until].into_iter().flatten() {
            self.0.push(before);
            before = " and ";
            let than = if smaller { " < " } else { " > " };
            let Some((expression, cast)) = order.expression() else {
                self.0.push("t0.id").push(than).push_bind(*id);
                continue;
            };
            self.0.push("(");
            self.fragment(expression, LISTED);
            self.0.push(", t0.id)").push(than).push("((").push_bind(order.value_of(key));
            self.0.push("::text)").push(cast).push(", ").push_bind(*id).push(")");
        }
    }

    fn in_order(&mut self, by: &'static str, window: &Window, order: Order) {
        let direction = if window.reads_descending() { " desc" } else { "" };
        self.0.push(by);
        if let Some((expression, _)) = order.expression() {
            self.fragment(expression, LISTED);
            self.0.push(direction).push(", ");
        }
        self.0.push("t0.id").push(direction);
    }
}

impl Order {
    /// What it orders by, and the cast of the text in a cursor.
    fn expression(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Id => None,
            Self::Text(expression) => Some((expression, " collate \"C\"")),
            Self::Date(expression) => Some((expression, "::date")),
            Self::Amount(expression) => Some((expression, "::numeric")),
        }
    }

    /// The expression whose value stands in cursors.
    pub fn column(self) -> Option<&'static str> {
        self.expression().map(|(expression, _)| expression)
    }

    fn value_of(self, key: &str) -> String {
        match self {
            Self::Date(_) if key.is_empty() => "-infinity".into(),
            _ => key.into(),
        }
    }

    /// Whether a cursor's text can be one of this order's: PostgreSQL would not refuse it in words for people.
    pub fn knows(self, key: &str) -> bool {
        match self {
            Self::Id | Self::Text(_) => true,
            Self::Date(_) => key.is_empty() || key.parse::<Date>().is_ok(),
            Self::Amount(_) => key.trim_start_matches('0').parse::<crate::money::Money>().is_ok(),
        }
    }
}
