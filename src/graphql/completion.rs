//! An answer as the specification has it (October 2021, 6.4), where async-graphql 7.2 differs: fields come in the order
//! of the selection and not as they are completed; a field that failed is null, and what may not be null has what it is
//! in be null instead; an object of which nothing is selected is empty, and not null.

use async_graphql::{
    Name, PathSegment, Pos, Positioned, Response, Value,
    indexmap::IndexMap,
    parser::types::{
        BaseType, DocumentOperations, ExecutableDocument, Field, OperationDefinition,
        OperationType, Selection, SelectionSet, Type,
    },
};

use super::types::{self, Types};
use crate::rows::Selected;

/// Under this key objects of which perhaps nothing else is selected tell their type: no document can say it.
const MARK: &str = "?";

/// A document in which every object answers something, if in its own one may not.
pub fn marked(document: &ExecutableDocument) -> Option<ExecutableDocument> {
    let mut marked = document.clone();
    let mut count = 0;
    let mut operation = |operation: &mut OperationDefinition| {
        // What a subscription follows is one field, and no other.
        let tells = operation.ty != OperationType::Subscription;
        mark(&mut operation.selection_set.node, tells, &mut count);
    };
    match &mut marked.operations {
        DocumentOperations::Single(only) => operation(&mut only.node),
        DocumentOperations::Multiple(many) => {
            many.values_mut().for_each(|each| operation(&mut each.node));
        }
    }
    for fragment in marked.fragments.values_mut().map(|fragment| &mut fragment.node) {
        let on = fragment.type_condition.node.on.node.as_str();
        let tells = on != types::root(OperationType::Subscription);
        mark(&mut fragment.selection_set.node, tells, &mut count);
    }
    (count > 0).then_some(marked)
}

/// Marks what is selected in fields, and these fields themselves where all may be left out.
fn mark(set: &mut SelectionSet, itself: bool, count: &mut usize) {
    let mut tells = set.items.is_empty();
    for selection in &mut set.items {
        match &mut selection.node {
            Selection::Field(field) => {
                tells |= field.node.directives.is_empty();
                mark(&mut field.node.selection_set.node, true, count);
            }
            Selection::InlineFragment(fragment) => {
                mark(&mut fragment.node.selection_set.node, itself, count);
            }
            Selection::FragmentSpread(_) => {}
        }
    }
    if itself && !tells {
        *count += 1;
        let pos = Pos::default();
        let field = Field {
            alias: Some(Positioned::new(Name::new(MARK), pos)),
            name: Positioned::new(Name::new("__typename"), pos),
            arguments: vec![],
            directives: vec![],
            selection_set: Positioned::default(),
        };
        set.items.push(Positioned::new(Selection::Field(Positioned::new(field, pos)), pos));
    }
}

/// Has an answer be what the specification makes of the fields and errors it has.
pub fn complete(response: &mut Response, operation: &OperationDefinition, selected: Selected<'_>) {
    let root = types::root(operation.ty);
    let set = &operation.selection_set.node;
    // Without a path nothing was carried out, or nothing can be said of where.
    for error in response.errors.iter().filter(|error| !error.path.is_empty()) {
        let depth = nullable(&error.path, root, set, selected);
        if let Some(path) = depth.and_then(|depth| error.path.get(..depth)) {
            make_null(&mut response.data, path);
        }
    }
    arrange(&mut response.data, &[set], selected);
}

/// How many steps of the way to an error lead to what is null for it; none where the way is not selected. Where fragments
/// on several types select the same key, what one of them may not have null is not.
fn nullable(
    path: &[PathSegment],
    root: &str,
    set: &SelectionSet,
    selected: Selected<'_>,
) -> Option<usize> {
    let types = Types::of_the_schema();
    let mut depth = 0;
    let mut ways: Vec<(&str, &SelectionSet, Option<&Type>)> = vec![(root, set, None)];
    for (step, segment) in path.iter().enumerate() {
        let mut further = vec![];
        for (parent, set, of_type) in ways {
            match (segment, of_type.map(|of_type| &of_type.base)) {
                (PathSegment::Field(key), _) => {
                    let mut chosen = vec![];
                    fields(set, selected, parent, &mut chosen);
                    chosen.retain(|(_, field)| field.response_key().node == *key);
                    further.extend(chosen.into_iter().filter_map(|(on, field)| {
                        let shape = types.field(on, &field.name.node)?;
                        let below = &field.selection_set.node;
                        Some((shape.type_name.as_str(), below, Some(&shape.of_type)))
                    }));
                }
                (PathSegment::Index(_), Some(BaseType::List(item))) => {
                    further.push((parent, set, Some(&**item)));
                }
                (PathSegment::Index(_), _) => {}
            }
        }
        ways = further;
        if ways.is_empty() {
            return None;
        }
        if ways.iter().all(|(.., of_type)| of_type.is_some_and(|of_type| of_type.nullable)) {
            depth = step + 1;
        }
    }
    Some(depth)
}

/// Has what is at the end of a path be null, unless something on the way is.
fn make_null(data: &mut Value, path: &[PathSegment]) {
    let Some((segment, rest)) = path.split_first() else {
        *data = Value::Null;
        return;
    };
    match (segment, data) {
        (PathSegment::Field(key), Value::Object(found)) if rest.is_empty() => {
            found.insert(Name::new(key), Value::Null);
        }
        (PathSegment::Field(key), Value::Object(found)) => {
            if let Some(value) = found.get_mut(key.as_str()) {
                make_null(value, rest);
            }
        }
        (PathSegment::Index(place), Value::List(values)) => {
            if let Some(value) = values.get_mut(*place) {
                make_null(value, rest);
            }
        }
        _ => {}
    }
}

/// Puts the fields of an object in order, and those of what is in them.
fn arrange(data: &mut Value, sets: &[&SelectionSet], selected: Selected<'_>) {
    match data {
        Value::List(values) => {
            values.iter_mut().for_each(|value| arrange(value, sets, selected));
        }
        Value::Object(found) => {
            found.swap_remove(MARK);
            let mut chosen = vec![];
            sets.iter().for_each(|set| fields(set, selected, "", &mut chosen));
            let mut wanted = IndexMap::<&Name, Vec<&SelectionSet>>::new();
            for (_, field) in chosen {
                let key = &field.response_key().node;
                // A fragment on another type was not answered.
                if found.contains_key(key) {
                    wanted.entry(key).or_default().push(&field.selection_set.node);
                }
            }
            if !found.keys().eq(wanted.keys().copied()) {
                let mut unordered = std::mem::take(found);
                let keys = wanted.keys();
                found.extend(keys.filter_map(|key| unordered.swap_remove_entry(*key)));
                // Nothing is lost, even if it was not selected.
                found.extend(unordered);
            }
            for (value, sets) in found.values_mut().zip(wanted.values()) {
                arrange(value, sets, selected);
            }
        }
        _ => {}
    }
}

/// The fields that are selected of an object, each with the type that they are selected of: its own, or a fragment's.
fn fields<'a>(
    set: &'a SelectionSet,
    selected: Selected<'a>,
    of_type: &'a str,
    found: &mut Vec<(&'a str, &'a Field)>,
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
            Selection::Field(field) => found.push((of_type, &field.node)),
            Selection::InlineFragment(inline) => {
                let on = inline.node.type_condition.as_ref();
                let on = on.map_or(of_type, |on| on.node.on.node.as_str());
                fields(&inline.node.selection_set.node, selected, on, found);
            }
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = selected.fragment(&spread.node.fragment_name.node) {
                    let on = fragment.type_condition.node.on.node.as_str();
                    fields(&fragment.selection_set.node, selected, on, found);
                }
            }
        }
    }
}
