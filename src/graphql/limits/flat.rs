//! What a document holds as it stands, fragments not expanded.

use async_graphql::{
    Positioned,
    parser::types::{Directive, DocumentOperations, ExecutableDocument, Selection, SelectionSet},
};

use super::Excess;
use crate::config::Limits;

const SEVERAL: &str = "ask in several requests";

pub fn check(document: &ExecutableDocument, limits: &Limits) -> Result<(), Excess> {
    let operations = match &document.operations {
        DocumentOperations::Single(_) => 1,
        DocumentOperations::Multiple(many) => many.len(),
    };
    Excess::unless(operations, limits.operations, "operations", SEVERAL)?;
    Excess::unless(document.fragments.len(), limits.fragments, "fragments", SEVERAL)?;
    let mut count = Count { limits, aliases: 0, directives: 0 };
    for (_, operation) in document.operations.iter() {
        count.directives(&operation.node.directives)?;
        for variable in &operation.node.variable_definitions {
            count.directives(&variable.node.directives)?;
        }
        count.selections(&operation.node.selection_set.node)?;
    }
    for fragment in document.fragments.values() {
        count.directives(&fragment.node.directives)?;
        count.selections(&fragment.node.selection_set.node)?;
    }
    Ok(())
}

struct Count<'a> {
    limits: &'a Limits,
    aliases: usize,
    directives: usize,
}

impl Count<'_> {
    fn directives(&mut self, here: &[Positioned<Directive>]) -> Result<(), Excess> {
        let most = self.limits.directives_in_place;
        Excess::unless(here.len(), most, "directives at one place", "leave out what repeats")?;
        self.directives += here.len();
        Excess::unless(self.directives, self.limits.directives, "directives", SEVERAL)
    }

    /// As deep as the parser went, which has its own limit.
    fn selections(&mut self, set: &SelectionSet) -> Result<(), Excess> {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    self.aliases += usize::from(field.node.alias.is_some());
                    Excess::unless(self.aliases, self.limits.aliases, "aliases", SEVERAL)?;
                    self.directives(&field.node.directives)?;
                    self.selections(&field.node.selection_set.node)?;
                }
                Selection::InlineFragment(fragment) => {
                    self.directives(&fragment.node.directives)?;
                    self.selections(&fragment.node.selection_set.node)?;
                }
                Selection::FragmentSpread(spread) => self.directives(&spread.node.directives)?,
            }
        }
        Ok(())
    }
}
