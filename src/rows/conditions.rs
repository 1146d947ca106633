//! What rows have to fulfil, as filters say it.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{access::Reach, clock::Date};

/// A value of a statement.
#[derive(Clone)]
pub enum Bind {
    Uuid(Uuid),
    Uuids(Vec<Uuid>),
    Text(String),
    Texts(Vec<String>),
    Date(Date),
    Instant(DateTime<Utc>),
}

macro_rules! bind {
    ($($type:ty => $bind:ident),+ $(,)?) => {
        $(impl From<$type> for Bind {
            fn from(value: $type) -> Self {
                Self::$bind(value)
            }
        })+
    };
}
bind!(String => Text, Date => Date, DateTime<Utc> => Instant);

impl Bind {
    pub fn ids<T: Copy + Into<Uuid>>(ids: &[T]) -> Self {
        Self::Uuids(ids.iter().map(|id| (*id).into()).collect())
    }

    pub fn words<T: ToString>(words: &[T]) -> Self {
        Self::Texts(words.iter().map(T::to_string).collect())
    }

    /// What an actor reaches: organizations, and cities.
    pub fn reach(reach: &Reach) -> [Self; 2] {
        [Self::ids(&reach.organizations), Self::ids(&reach.cities)]
    }
}

/// SQL in which each `$` stands for the next value: an expression, and what is said of it.
pub struct Condition {
    pub(super) text: [&'static str; 2],
    pub(super) values: Vec<Bind>,
}

impl Condition {
    pub fn new(text: &'static str, values: impl IntoIterator<Item = Bind>) -> Self {
        Self::of("", text, values)
    }

    pub fn of(
        expression: &'static str,
        text: &'static str,
        values: impl IntoIterator<Item = Bind>,
    ) -> Self {
        Self { text: [expression, text], values: values.into_iter().collect() }
    }
}

/// All that rows have to fulfil; what a filter leaves out is no condition.
#[derive(Default)]
pub struct Conditions(pub(super) Vec<Condition>);

impl Conditions {
    pub fn add(&mut self, condition: Condition) {
        self.0.push(condition);
    }

    pub fn given<T: Into<Bind>>(&mut self, text: &'static str, value: Option<T>) {
        self.0.extend(value.map(|value| Condition::new(text, [value.into()])));
    }

    /// That a column is one of these. A single one is compared by itself, so that an index gives its rows in order.
    pub fn is<T: Copy + Into<Uuid>>(&mut self, column: &'static str, ids: Option<&[T]>) {
        self.0.extend(ids.map(|ids| match ids {
            [only] => Condition::of(column, " = $", [Bind::Uuid((*only).into())]),
            several => Condition::of(column, " = any($)", [Bind::ids(several)]),
        }));
    }

    pub fn ids<T: Copy + Into<Uuid>>(&mut self, text: &'static str, ids: Option<&[T]>) {
        self.0.extend(ids.map(|ids| Condition::new(text, [Bind::ids(ids)])));
    }

    pub fn words<T: ToString>(&mut self, text: &'static str, words: Option<&[T]>) {
        self.0.extend(words.map(|words| Condition::new(text, [Bind::words(words)])));
    }
}
