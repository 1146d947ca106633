//! What a document stands for, fragments expanded and rows multiplied. Each fragment is weighed once, and sums stop
//! at the largest number: what would be a thousand million fields is found in as many steps as there are words.

use std::collections::HashMap;

use async_graphql::{
    Value as Constant, Variables,
    parser::types::{ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet},
};

use super::{Excess, Fault};
use crate::{
    config::Limits,
    graphql::types::{self, LISTED, Many, Types},
    page,
};

/// How far selections may lie in one another before the walk gives up: fields, inline fragments and spreads.
const DEEPEST: usize = 64;

/// Of a whole document.
pub struct Total {
    /// Of its dearest operation.
    pub cost: u64,
    pub introspection: u64,
}

/// Of a part of a document.
#[derive(Clone, Copy, Default)]
struct Part {
    /// Fields, each counted wherever its fragment is spread.
    fields: u64,
    /// Fields of the outermost level.
    breadth: u64,
    depth: u64,
    cost: u64,
    /// Inside a connection, what one row costs: the field of the connection knows how many there are.
    row: u64,
    introspection: u64,
    /// How deep lists of types lie in one another: each multiplies by the largest types there are.
    type_lists: u64,
    /// How often the whole schema is asked for.
    schemas: u64,
}

/// What tools ask has one.
const MOST_TYPE_LISTS: u64 = 2;
const MOST_SCHEMAS: u64 = 1;

impl Part {
    fn and(self, other: Self) -> Self {
        Self {
            fields: self.fields.saturating_add(other.fields),
            breadth: self.breadth.saturating_add(other.breadth),
            depth: self.depth.max(other.depth),
            cost: self.cost.saturating_add(other.cost),
            row: self.row.saturating_add(other.row),
            introspection: self.introspection.saturating_add(other.introspection),
            type_lists: self.type_lists.max(other.type_lists),
            schemas: self.schemas.saturating_add(other.schemas),
        }
    }
}

pub fn weigh(
    document: &ExecutableDocument,
    variables: &Variables,
    types: &Types,
    limits: &Limits,
) -> Result<Total, Fault> {
    let mut total = Total { cost: 0, introspection: 0 };
    let mut fields = 0_u64;
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        let mut walk = Walk { document, operation, variables, types, known: HashMap::new() };
        let found = walk.set(&operation.selection_set.node, types::root(operation.ty), 0)?;
        let several = "ask in several requests";
        Excess::unless(
            found.depth,
            limits.depth,
            "fields in fields",
            "ask for less depth at once",
        )?;
        Excess::unless(
            found.breadth,
            limits.root_fields,
            "fields of the operation itself",
            several,
        )?;
        fields = fields.saturating_add(found.fields);
        let expanded = "fields, fragments counted wherever they are spread";
        Excess::unless(fields, limits.fields, expanded, several)?;
        let one_by_one = "ask for the types one by one with `__type`";
        let lists = "lists of types in lists of types";
        Excess::unless(found.schemas, MOST_SCHEMAS, "`__schema` in one operation", "ask once")?;
        Excess::unless(found.type_lists, MOST_TYPE_LISTS, lists, one_by_one)?;
        let smaller =
            "ask for smaller pages with `first`, for fewer fields, or in several requests";
        Excess::unless(found.cost, limits.cost, "cost, a field for each row of its list", smaller)?;
        total.cost = total.cost.max(found.cost);
        total.introspection = total.introspection.max(found.introspection);
        // Those that nothing spreads may be cycles too.
        for name in document.fragments.keys() {
            walk.fragment(name, 0)?;
        }
    }
    Ok(total)
}

struct Walk<'a> {
    document: &'a ExecutableDocument,
    operation: &'a OperationDefinition,
    variables: &'a Variables,
    types: &'a Types,
    /// None while a fragment is being weighed: whoever meets it then is inside of it.
    known: HashMap<&'a str, Option<Part>>,
}

impl<'a> Walk<'a> {
    fn set(&mut self, set: &'a SelectionSet, of: &str, level: usize) -> Result<Part, Fault> {
        Excess::unless(level, DEEPEST, "selections in selections", "ask for less depth at once")?;
        let mut sum = Part::default();
        for selection in &set.items {
            let part = match &selection.node {
                Selection::Field(field) => self.field(&field.node, of, level)?,
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let of = condition.map_or(of, |condition| condition.node.on.node.as_str());
                    self.set(&fragment.node.selection_set.node, of, level + 1)?
                }
                Selection::FragmentSpread(spread) => {
                    self.fragment(&spread.node.fragment_name.node, level)?
                }
            };
            sum = sum.and(part);
        }
        Ok(sum)
    }

    /// One that is not there costs nothing, and validation refuses it.
    fn fragment(&mut self, name: &str, level: usize) -> Result<Part, Fault> {
        let Some((name, fragment)) = self.document.fragments.get_key_value(name) else {
            return Ok(Part::default());
        };
        match self.known.get(name.as_str()) {
            Some(Some(part)) => return Ok(*part),
            Some(None) => return Err(Fault::Cycle(name.to_string())),
            None => {}
        }
        self.known.insert(name, None);
        let of = fragment.node.type_condition.node.on.node.as_str();
        let part = self.set(&fragment.node.selection_set.node, of, level + 1)?;
        self.known.insert(name, Some(part));
        Ok(part)
    }

    fn field(&mut self, field: &'a Field, of: &str, level: usize) -> Result<Part, Fault> {
        let types = self.types;
        let name = field.name.node.as_str();
        let shape = types.field(of, name);
        let below = match shape {
            _ if field.selection_set.node.items.is_empty() => Part::default(),
            Some(shape) => self.set(&field.selection_set.node, &shape.type_name, level + 1)?,
            None => self.set(&field.selection_set.node, "", level + 1)?,
        };
        let many = shape.map_or(Many::One, |shape| shape.many);
        let rows = if many == Many::Page { self.page(field) } else { 1 };
        let one = below.cost.saturating_add(rows.saturating_mul(below.row));
        let part = Part {
            fields: below.fields.saturating_add(1),
            breadth: 1,
            depth: below.depth + 1,
            schemas: below.schemas.saturating_add(u64::from(name == "__schema")),
            type_lists: below.type_lists + u64::from(of == "__Type" && is_type_list(name)),
            ..below
        };
        Ok(match many {
            _ if matches!(name, "__schema" | "__type") => {
                Part { cost: 1, row: 0, introspection: one.saturating_add(1), ..part }
            }
            // The rows of a connection.
            Many::List(_) if of.ends_with("Connection") => Part { cost: 1, row: one, ..part },
            Many::List(rows) => Part { cost: times(rows, one), row: 0, ..part },
            Many::Ids => Part { cost: times(self.ids(field), one), row: 0, ..part },
            Many::One | Many::Page => Part { cost: times(1, one), row: 0, ..part },
        })
    }

    /// How many rows a page can have. More than a page may have is refused where it is read, with a better word.
    fn page(&self, field: &Field) -> u64 {
        let size = |name: &str| number(&self.argument(field, name)?);
        let size = [size("first"), size("last")].into_iter().flatten().max();
        let size = size.unwrap_or(i64::from(page::DEFAULT)).clamp(0, i64::from(page::MOST));
        size.try_into().unwrap_or_default()
    }

    fn ids(&self, field: &Field) -> u64 {
        match self.argument(field, "ids") {
            Some(Constant::List(listed)) => listed.len().try_into().unwrap_or(u64::MAX),
            _ => LISTED,
        }
    }

    fn argument(&self, field: &Field, name: &str) -> Option<Constant> {
        let value = field.get_argument(name)?.node.clone();
        value.into_const_with(|name| self.variable(&name).cloned().ok_or(())).ok()
    }

    fn variable(&self, name: &str) -> Option<&Constant> {
        let default = || {
            let definitions = &self.operation.variable_definitions;
            let found = definitions.iter().find(|each| each.node.name.node == name)?;
            found.node.default_value.as_ref().map(|value| &value.node)
        };
        self.variables.get(name).or_else(default)
    }
}

fn is_type_list(field: &str) -> bool {
    matches!(field, "fields" | "inputFields" | "interfaces" | "possibleTypes")
}

/// None where it is null: then the default page is answered.
fn number(value: &Constant) -> Option<i64> {
    match value {
        Constant::Number(number) => Some(number.as_i64().unwrap_or(i64::MAX)),
        _ => None,
    }
}

/// The field itself, and what is below it for each row.
fn times(rows: u64, one: u64) -> u64 {
    rows.saturating_mul(one).saturating_add(1)
}
