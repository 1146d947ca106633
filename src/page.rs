//! Pages of a list: keyset cursors over (order value, id), never offsets.
//!
//! A listed statement gives each row a `sort_key` as text; ties are broken by the
//! id. A cursor carries both, and the order it was made for: it is opaque to
//! clients and refused under another order. Text is ordered in lower case for ASCII
//! only: Rust and every locale of PostgreSQL agree on that, and a cursor needs them to.

use std::collections::HashMap;

use async_graphql::{
    Enum, InputObject, OutputType,
    connection::{Connection, Edge},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use uuid::Uuid;

use crate::{Error, Result, clock::Date};

pub const DEFAULT: i32 = 50;
pub const MOST: i32 = 200;

/// Which way a list runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
pub enum OrderDirection {
    /// The smallest, earliest or first of the alphabet comes first.
    Asc,
    /// The largest, latest or last of the alphabet comes first.
    Desc,
}

/// From a day to a day, both included; either may be left out.
#[derive(InputObject, Clone, Copy, Default)]
pub struct DateBounds {
    /// This day or later.
    pub from: Option<Date>,
    /// This day or earlier.
    pub to: Option<Date>,
}

/// Where a row stands in its list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    pub key: String,
    pub id: Uuid,
}

/// The arguments of a connection as the client gave them.
#[derive(Clone, Debug, Default)]
pub struct PageArgs {
    pub first: Option<i32>,
    pub after: Option<String>,
    pub last: Option<i32>,
    pub before: Option<String>,
}

/// The part of a list that is asked for, as statements take it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// The order's name, as the statement's `case` knows it.
    pub order: &'static str,
    pub descending: bool,
    pub after: Option<Position>,
    pub before: Option<Position>,
    /// Counted from the end of the list.
    pub backward: bool,
    size: i32,
}

impl Window {
    pub fn new(order: &'static str, direction: OrderDirection, args: PageArgs) -> Result<Self> {
        let backward = args.last.is_some();
        if args.first.is_some() && backward {
            return Err(Error::BadInput("ask for `first` or for `last`, not for both".into()));
        }
        let size = args.first.or(args.last).unwrap_or(DEFAULT);
        if !(0..=MOST).contains(&size) {
            return Err(Error::BadInput(format!(
                "a page holds 0 to {MOST} rows, and {size} were asked for: ask for fewer and continue with `after`"
            )));
        }
        let descending = direction == OrderDirection::Desc;
        let mut window = Self { order, descending, after: None, before: None, backward, size };
        window.after = args.after.as_deref().map(|cursor| window.position(cursor)).transpose()?;
        window.before = args.before.as_deref().map(|cursor| window.position(cursor)).transpose()?;
        Ok(window)
    }

    /// How many rows the page holds.
    pub fn size(&self) -> i64 {
        i64::from(self.size)
    }

    /// One row more than the page holds, to learn whether more follow.
    pub fn limit(&self) -> i64 {
        self.size() + 1
    }

    /// Rows are read from the end that the page is counted from.
    pub fn reads_descending(&self) -> bool {
        self.descending != self.backward
    }

    fn signature(&self) -> String {
        format!("{}:{}", self.order, if self.descending { "desc" } else { "asc" })
    }

    pub fn cursor(&self, at: &Position) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(format!("{}|{}|{}", self.signature(), at.id.simple(), at.key))
    }

    fn position(&self, cursor: &str) -> Result<Position> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).map_err(|_| not_of_this_list())?;
        let text = String::from_utf8(bytes).map_err(|_| not_of_this_list())?;
        let mut parts = text.splitn(3, '|');
        let (Some(signature), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(not_of_this_list());
        };
        if signature != self.signature() {
            return Err(Error::BadInput(
                "the cursor belongs to another order of this list; start without it".into(),
            ));
        }
        // A cursor is text that a client may change: what PostgreSQL cannot hold is refused here.
        if key.contains('\0') {
            return Err(not_of_this_list());
        }
        Ok(Position { key: key.into(), id: Uuid::try_parse(id).map_err(|_| not_of_this_list())? })
    }

    /// How many of the rows that a statement returned are on the page.
    pub fn kept(&self, rows: usize) -> usize {
        rows.min(usize::try_from(self.size).unwrap_or_default())
    }

    /// Whether there are rows before the page, and after it.
    pub fn neighbors(&self, rows: usize) -> (bool, bool) {
        let more = rows > self.kept(rows);
        if self.backward { (more, self.before.is_some()) } else { (self.after.is_some(), more) }
    }

    /// Makes the connection of the rows that a statement returned for this window.
    pub fn page<T: OutputType, F: async_graphql::ObjectType>(
        &self,
        mut rows: Vec<T>,
        position: impl Fn(&T) -> Position,
        fields: F,
    ) -> Connection<String, T, F> {
        let (previous, next) = self.neighbors(rows.len());
        rows.truncate(self.kept(rows.len()));
        if self.backward {
            rows.reverse();
        }
        let mut page = Connection::with_additional_fields(previous, next, fields);
        page.edges.extend(rows.into_iter().map(|row| Edge::new(self.cursor(&position(&row)), row)));
        page
    }
}

/// A cursor that no edge had.
pub fn not_of_this_list() -> Error {
    Error::BadInput("the cursor is not one of this list; take it from `pageInfo` or an edge".into())
}

/// Groups what a loader was asked for, so that each kind of page is one statement.
pub fn by_window<K: Copy>(keys: &[(K, Window)]) -> HashMap<&Window, Vec<K>> {
    let mut of_window: HashMap<_, Vec<_>> = HashMap::new();
    for (key, window) in keys {
        of_window.entry(window).or_default().push(*key);
    }
    of_window
}

/// A page of a listed statement. `$rows` gives every column of the row type and a
/// text `sort_key`; its own parameters begin at `$9`, and `$8` is the order's name.
macro_rules! page_of {
    ($row:ty, $columns:tt, $rows:tt, $window:expr $(, $argument:expr)* $(,)?) => {{
        let window: &$crate::page::Window = $window;
        sqlx::query_as!(
            $row,
            "select " + $columns + " from (" + $rows + ") listed
              where ($2::text is null
                     or case when $1::bool then (sort_key, id) < ($2, $3::uuid) else (sort_key, id) > ($2, $3::uuid) end)
                and ($4::text is null
                     or case when $1::bool then (sort_key, id) > ($4, $5::uuid) else (sort_key, id) < ($4, $5::uuid) end)
              order by case when not $6::bool then sort_key end, case when $6::bool then sort_key end desc,
                       case when not $6::bool then id end, case when $6::bool then id end desc
              limit $7::bigint",
            window.descending,
            window.after.as_ref().map(|at| at.key.as_str()),
            window.after.as_ref().map(|at| at.id),
            window.before.as_ref().map(|at| at.key.as_str()),
            window.before.as_ref().map(|at| at.id),
            window.reads_descending(),
            window.limit(),
            window.order,
            $($argument,)*
        )
    }};
}
pub(crate) use page_of;

/// One row of figures over a whole listed statement, such as `count(*) as "count!"`.
/// The parameters of the page are there, so that the numbers of the filter's stay the same.
macro_rules! figures_of {
    ($row:ty, $figures:tt, $rows:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            $row,
            "select " + $figures + " from (" + $rows + ") listed
              where num_nulls($1::bool, $2::text, $3::uuid, $4::text, $5::uuid, $6::bool, $7::bigint) = 7",
            None::<bool>, None::<&str>, None::<uuid::Uuid>, None::<&str>, None::<uuid::Uuid>, None::<bool>, None::<i64>,
            "", $($argument,)*
        )
    };
}
pub(crate) use figures_of;

/// The next rows of a listed statement in the order of their ids, or of what else numbers them: `$beyond` compares with
/// `$3`, where the rows read before end. `$beside` joins what rows are shown with. The parameters of the page are there, so
/// that the numbers of the filter's stay the same.
macro_rules! exported {
    ($row:ty, $columns:tt, $beside:tt, $beyond:tt, $order:tt, $rows:tt, $after:expr, $limit:expr $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            $row,
            "select " + $columns + " from (" + $rows + ") listed " + $beside + "
              where num_nulls($1::bool, $2::text, $4::text, $5::uuid, $6::bool) = 5 and (" + $beyond + ")
              order by " + $order + "
              limit $7::bigint",
            None::<bool>, None::<&str>, $after, None::<&str>, None::<uuid::Uuid>, None::<bool>, $limit,
            "", $($argument,)*
        )
    };
}
pub(crate) use exported;

/// One page of a list of each of many grants, in one statement. `$rows` selects the rows of `wanted.grant_id`, with every
/// column of the row type, `grant_id` and a text `sort_key`; `$9` is the order's name. Answers pages by grant.
macro_rules! pages_of_grants {
    ($db:expr, $row:ty, $columns:tt, $rows:tt, $grants:expr, $window:expr $(,)?) => {{
        let window: &$crate::page::Window = $window;
        let rows = sqlx::query_as!(
            $row,
            "select " + $columns + "
               from (select page.*, wanted.place
                       from unnest($1::uuid[]) with ordinality as wanted (grant_id, place)
                      cross join lateral (
                            select listed.*, row_number() over (order by case when not $7::bool then sort_key end,
                                                                      case when $7::bool then sort_key end desc,
                                                                      case when not $7::bool then id end,
                                                                      case when $7::bool then id end desc) as line
                              from (" + $rows + ") listed
                             where ($9::text is not null)
                               and ($3::text is null
                                    or case when $2::bool then (sort_key, id) < ($3, $4::uuid) else (sort_key, id) > ($3, $4::uuid) end)
                               and ($5::text is null
                                    or case when $2::bool then (sort_key, id) > ($5, $6::uuid) else (sort_key, id) < ($5, $6::uuid) end)
                             order by line
                             limit $8::bigint) page) paged
              order by place, line",
            $grants as _,
            window.descending,
            window.after.as_ref().map(|at| at.key.as_str()),
            window.after.as_ref().map(|at| at.id),
            window.before.as_ref().map(|at| at.key.as_str()),
            window.before.as_ref().map(|at| at.id),
            window.reads_descending(),
            window.limit(),
            window.order,
        )
        .fetch_all($db)
        .await?;
        let mut pages: std::collections::HashMap<_, Vec<$row>> = std::collections::HashMap::new();
        for row in rows {
            pages.entry(row.grant_id).or_default().push(row);
        }
        pages
    }};
}
pub(crate) use pages_of_grants;

/// How many rows a list has.
pub struct Count {
    pub count: i64,
}
