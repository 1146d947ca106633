//! Every element of the schema has its row in the permission table, and every row is asked for.

use std::{collections::BTreeMap, fs};

use async_graphql::parser::{
    parse_schema,
    types::{TypeKind, TypeSystemDefinition},
};
use thrive::{
    access::{Permission, permissions},
    graphql,
};

/// The fields of the roots, and the types of nodes, as the schema has them.
fn elements() -> Vec<String> {
    let document = parse_schema(graphql::sdl()).unwrap();
    let mut elements = vec![];
    for definition in document.definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let definition = definition.node;
        let TypeKind::Object(object) = definition.kind else { continue };
        let name = definition.name.node.to_string();
        if ["Query", "Mutation", "Subscription"].contains(&name.as_str()) {
            elements.extend(
                object.fields.iter().map(|field| format!("{name}.{}", field.node.name.node)),
            );
        } else if object.implements.iter().any(|interface| interface.node == "Node") {
            elements.push(name);
        }
    }
    elements
}

#[test]
fn every_root_field_and_every_node_has_one_row_of_the_permission_table() {
    let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
    for permission in Permission::ALL {
        *rows.entry(permission.element()).or_default() += 1;
    }
    let elements = elements();
    assert!(elements.len() > 120, "{}", elements.len());
    let missing: Vec<_> =
        elements.iter().filter(|element| rows.get(element.as_str()) != Some(&1)).collect();
    assert!(missing.is_empty(), "without exactly one row: {missing:#?}");
    let unknown: Vec<_> = rows
        .keys()
        .filter(|row| !row.contains(", ") && !elements.iter().any(|element| element == *row))
        .collect();
    assert!(unknown.is_empty(), "rows of nothing: {unknown:#?}");
}

#[test]
fn every_row_is_asked_for_somewhere() {
    let mut text = String::new();
    read("src".as_ref(), &mut text);
    read("jobs".as_ref(), &mut text);
    let unused: Vec<_> = Permission::ALL
        .iter()
        .filter(|permission| !text.contains(&format!("Permission::{}", permission.name())))
        .collect();
    assert!(unused.is_empty(), "{unused:?}");
}

fn read(folder: &std::path::Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, text);
        } else if path.extension().is_some_and(|ending| ending == "rs")
            && !path.ends_with("permissions.rs")
        {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn the_printed_table_is_current() {
    let printed = fs::read_to_string("src/access/permissions.md").unwrap();
    assert_eq!(
        printed,
        permissions::markdown(),
        "run `cargo run -- permissions > src/access/permissions.md`"
    );
}
