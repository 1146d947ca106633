//! What a query selects: fields merged as they are answered, and arguments with the values of variables.

use async_graphql::{
    InputType, Name, Positioned, Value as Const, Variables,
    parser::types::{
        Directive, ExecutableDocument, Field, FragmentDefinition, OperationDefinition,
        OperationType, Selection, SelectionSet,
    },
};

use super::Question;
use crate::{Error, page::PageArgs};

/// The executor answers this.
#[derive(Debug)]
pub struct NotCovered;

/// What is wrong with a question is told by the executor.
impl From<Error> for NotCovered {
    fn from(_: Error) -> Self {
        Self
    }
}

/// One operation of a document, with the values of its variables.
#[derive(Clone, Copy)]
pub struct Selected<'a> {
    document: &'a ExecutableDocument,
    operation: &'a OperationDefinition,
    variables: &'a Variables,
}

/// A field as it is answered: all selections of the same key together.
pub struct Wanted<'a> {
    pub key: &'a str,
    pub field: &'a Field,
    pub below: Vec<&'a SelectionSet>,
}

impl<'a> Selected<'a> {
    pub fn new(question: &Question<'a>) -> Self {
        let Question { document, operation, variables } = *question;
        Self { document, operation, variables }
    }

    /// The query that a question is about.
    pub fn query(question: &Question<'a>) -> Result<Self, NotCovered> {
        let operation = question.operation;
        if operation.ty != OperationType::Query || !operation.directives.is_empty() {
            return Err(NotCovered);
        }
        Ok(Self::new(question))
    }

    /// A fragment of the document.
    pub fn fragment(&self, name: &Name) -> Option<&'a FragmentDefinition> {
        Some(&self.document.fragments.get(name)?.node)
    }

    pub fn roots(&self) -> Result<Vec<Wanted<'a>>, NotCovered> {
        self.fields(&[&self.operation.selection_set.node], "Query")
    }

    /// The fields that are selected of an object of a type, in the order in which they are answered.
    pub fn fields(
        &self,
        sets: &[&'a SelectionSet],
        of_type: &str,
    ) -> Result<Vec<Wanted<'a>>, NotCovered> {
        let mut wanted = Vec::with_capacity(sets.first().map_or(0, |set| set.items.len()));
        for set in sets {
            self.collect(set, of_type, &mut wanted)?;
        }
        // So rare that the executor may answer it.
        if wanted.is_empty() { Err(NotCovered) } else { Ok(wanted) }
    }

    fn collect(
        &self,
        set: &'a SelectionSet,
        of_type: &str,
        wanted: &mut Vec<Wanted<'a>>,
    ) -> Result<(), NotCovered> {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    if !self.included(&field.directives)? {
                        continue;
                    }
                    let key = field.response_key().node.as_str();
                    match wanted.iter_mut().find(|known| known.key == key) {
                        Some(known) => known.below.push(&field.selection_set.node),
                        None => {
                            let below = vec![&field.selection_set.node];
                            wanted.push(Wanted { key, field, below });
                        }
                    }
                }
                Selection::InlineFragment(fragment) => {
                    let fragment = &fragment.node;
                    let on = fragment.type_condition.as_ref().map(|on| on.node.on.node.as_str());
                    if self.included(&fragment.directives)? && fits(on, of_type)? {
                        self.collect(&fragment.selection_set.node, of_type, wanted)?;
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let spread = &spread.node;
                    if !self.included(&spread.directives)? {
                        continue;
                    }
                    let fragment = self.fragment(&spread.fragment_name.node).ok_or(NotCovered)?;
                    if !fragment.directives.is_empty() {
                        return Err(NotCovered);
                    }
                    if fits(Some(fragment.type_condition.node.on.node.as_str()), of_type)? {
                        self.collect(&fragment.selection_set.node, of_type, wanted)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// By `@skip` and `@include`.
    pub fn included(&self, directives: &[Positioned<Directive>]) -> Result<bool, NotCovered> {
        for directive in directives {
            let skips = match directive.node.name.node.as_str() {
                "skip" => true,
                "include" => false,
                _ => return Err(NotCovered),
            };
            let condition = directive.node.get_argument("if").ok_or(NotCovered)?;
            match condition.node.clone().into_const_with(|name| self.variable(&name))? {
                Const::Boolean(holds) if holds == skips => return Ok(false),
                Const::Boolean(_) => {}
                _ => return Err(NotCovered),
            }
        }
        Ok(true)
    }

    pub fn arguments(self, wanted: &Wanted<'a>) -> Arguments<'a> {
        Arguments { selected: self, field: wanted.field, below: wanted.below.clone() }
    }

    /// As given, or else its default; null where it may be left out and was.
    fn variable(&self, name: &Name) -> Result<Const, NotCovered> {
        let mut defined = self.operation.variable_definitions.iter();
        let defined = &defined.find(|each| each.node.name.node == *name).ok_or(NotCovered)?.node;
        let given = self.variables.get(name).or_else(|| defined.default_value());
        match given {
            None | Some(Const::Null) if !defined.var_type.node.nullable => Err(NotCovered),
            given => Ok(given.cloned().unwrap_or_default()),
        }
    }
}

/// Whether a fragment on a type is about objects of a type.
fn fits(on: Option<&str>, of_type: &str) -> Result<bool, NotCovered> {
    match on {
        Some(on) if on != of_type => Err(NotCovered),
        _ => Ok(true),
    }
}

/// The arguments of a field, as the schema's own types read them.
pub struct Arguments<'a> {
    selected: Selected<'a>,
    field: &'a Field,
    below: Vec<&'a SelectionSet>,
}

impl Arguments<'_> {
    /// An argument that may be null or left out.
    pub fn optional<T: InputType>(&self, name: &str) -> Result<Option<T>, NotCovered> {
        match self.given(name)? {
            None | Some(Const::Null) => Ok(None),
            Some(value) => T::parse(Some(value)).map(Some).map_err(|_| NotCovered),
        }
    }

    /// An argument that may be left out and not be null.
    pub fn or_default<T: InputType + Default>(&self, name: &str) -> Result<T, NotCovered> {
        match self.given(name)? {
            None => Ok(T::default()),
            Some(Const::Null) => Err(NotCovered),
            Some(value) => T::parse(Some(value)).map_err(|_| NotCovered),
        }
    }

    /// Whether the field's selection shows a field, by the types on the way there.
    pub fn shows(&self, of_types: &[&str], path: &[&str]) -> bool {
        self.selected.shows(&self.below, of_types, path)
    }

    /// An argument that has to be given.
    pub fn required<T: InputType>(&self, name: &str) -> Result<T, NotCovered> {
        self.optional(name)?.ok_or(NotCovered)
    }

    /// The arguments of a connection.
    pub fn page(&self) -> Result<PageArgs, NotCovered> {
        Ok(PageArgs {
            first: self.optional("first")?,
            after: self.optional("after")?,
            last: self.optional("last")?,
            before: self.optional("before")?,
        })
    }

    fn given(&self, name: &str) -> Result<Option<Const>, NotCovered> {
        let given = self.field.get_argument(name).map(|value| value.node.clone());
        given.map(|value| value.into_const_with(|name| self.selected.variable(&name))).transpose()
    }
}
