//! The fields of an answer in the order of the selection, as the specification has it: async-graphql 7.2 answers them
//! as they are completed.

use async_graphql::{
    Name, Value,
    indexmap::IndexMap,
    parser::types::{Selection, SelectionSet},
};

use crate::rows::Selected;

/// Puts the fields of an object in order, and those of what is in them.
pub fn arrange(data: &mut Value, sets: &[&SelectionSet], selected: Selected<'_>) {
    match data {
        Value::List(values) => {
            values.iter_mut().for_each(|value| arrange(value, sets, selected));
        }
        Value::Object(found) => {
            let mut fields = IndexMap::new();
            sets.iter().for_each(|set| collect(set, selected, found, &mut fields));
            if !found.keys().eq(fields.keys().copied()) {
                let mut unordered = std::mem::take(found);
                let keys = fields.keys();
                found.extend(keys.filter_map(|key| unordered.swap_remove_entry(*key)));
                // Nothing is lost, even if it was not selected.
                found.extend(unordered);
            }
            for (value, sets) in found.values_mut().zip(fields.values()) {
                arrange(value, sets, selected);
            }
        }
        _ => {}
    }
}

/// What is selected of an object, as far as it was answered: a fragment on another type was not.
fn collect<'a>(
    set: &'a SelectionSet,
    selected: Selected<'a>,
    found: &IndexMap<Name, Value>,
    fields: &mut IndexMap<&'a Name, Vec<&'a SelectionSet>>,
) {
    for selection in &set.items {
        let directives = match &selection.node {
            Selection::Field(field) => &field.node.directives,
            Selection::InlineFragment(inline) => &inline.node.directives,
            Selection::FragmentSpread(spread) => &spread.node.directives,
        };
        if !selected.included(directives).unwrap_or(true) {
            continue;
        }
        match &selection.node {
            Selection::Field(field) => {
                let key = &field.node.response_key().node;
                if found.contains_key(key) {
                    fields.entry(key).or_default().push(&field.node.selection_set.node);
                }
            }
            Selection::InlineFragment(inline) => {
                collect(&inline.node.selection_set.node, selected, found, fields);
            }
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = selected.fragment(&spread.node.fragment_name.node) {
                    collect(&fragment.selection_set.node, selected, found, fields);
                }
            }
        }
    }
}
