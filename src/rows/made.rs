//! Objects that are computed from what was read, and written straight into the answer as rows are.

use async_graphql::parser::types::SelectionSet;
use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use uuid::Uuid;

use super::{Held, NotCovered, Selected, answer::write_held, write::Json};
use crate::{App, Result, clock::Date, money::Money, streams::Listed};

/// An object that can say what its fields are.
pub trait Object: Send + Sync {
    /// The name of its type.
    fn name(&self) -> &'static str;
    /// A field by its name; none when it is for the executor.
    fn field(&self, name: &str) -> Option<Said<'_>>;
    /// The stamp of who may do what, where one statement read it with all that this says.
    fn stamp(&self) -> Option<i64> {
        None
    }
}

/// What a field is.
pub enum Said<'a> {
    Null,
    Money(Money),
    Int(i64),
    /// What is written as text that needs no escaping: a year, an enum.
    Plain(String),
    Date(Date),
    Instant(DateTime<Utc>),
    Object(&'a dyn Object),
    List(Vec<&'a dyn Object>),
    Held(&'static Held, Uuid),
}

impl<'a, T> From<Option<T>> for Said<'a>
where
    T: Into<Said<'a>>,
{
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

macro_rules! said {
    ($($type:ty => $said:ident),+ $(,)?) => {
        $(impl From<$type> for Said<'_> {
            fn from(value: $type) -> Self {
                Self::$said(value)
            }
        })+
    };
}
said!(Money => Money, i64 => Int, String => Plain, Date => Date, DateTime<Utc> => Instant);

/// An object that a root field computes.
pub struct Made {
    /// One of its kind that says nothing: what cannot be asked of it is known before anything is read.
    pub empty: Box<dyn Object>,
    pub read: Read,
}

/// Reads and computes it.
pub type Read = Box<dyn Fn(App) -> BoxFuture<'static, Result<Box<dyn Object>>> + Send + Sync>;

impl<'a> Selected<'a> {
    /// Whether a selection shows a field, under whatever key and in whatever fragment.
    pub fn shows(&self, sets: &[&'a SelectionSet], of_types: &[&str], path: &[&str]) -> bool {
        let ([of_type, below @ ..], [name, rest @ ..]) = (of_types, path) else { return true };
        let Ok(fields) = self.fields(sets, of_type) else { return true };
        let mut fields = fields.iter().filter(|wanted| wanted.field.name.node == *name);
        fields.any(|wanted| rest.is_empty() || self.shows(&wanted.below, below, rest))
    }

    /// Writes what is selected of an object; without what is held, to see whether it can be.
    pub fn write(
        &self,
        json: &mut Json,
        object: &dyn Object,
        sets: &[&'a SelectionSet],
        held: Option<&Listed>,
    ) -> Result<(), NotCovered> {
        let fields = self.fields(sets, object.name())?;
        json.between(["{", "}"], fields, |json, wanted| {
            json.quoted(wanted.key);
            json.raw(":");
            let name = wanted.field.name.node.as_str();
            if name == "__typename" {
                json.quoted(object.name());
                return Ok(());
            }
            if !wanted.field.arguments.is_empty() {
                return Err(NotCovered);
            }
            match object.field(name).ok_or(NotCovered)? {
                Said::Null => json.raw("null"),
                Said::Money(amount) => json.quoted(amount),
                Said::Int(number) => json.display(number),
                Said::Plain(text) => json.quoted(text),
                Said::Date(day) => json.quoted(day),
                Said::Instant(instant) => json.quoted(instant.to_rfc3339()),
                Said::Object(object) => self.write(json, object, &wanted.below, held)?,
                Said::List(objects) => {
                    json.between(["[", "]"], objects, |json, object| {
                        self.write(json, object, &wanted.below, held)
                    })?;
                }
                Said::Held(what, id) => {
                    let members = self.held(&wanted.below, what)?;
                    if let Some(held) = held {
                        write_held(json, &members, held, id)?;
                    }
                }
            }
            Ok(())
        })
    }
}
