//! The schema as clients read it.

use async_graphql::{
    Positioned,
    parser::{
        parse_schema,
        types::{ServiceDocument, TypeKind, TypeSystemDefinition},
    },
};
use thrive::graphql;

/// After a change: `make schema`.
#[test]
fn the_committed_schema_is_the_one_the_code_serves() {
    assert_eq!(include_str!("../schema.graphql"), graphql::sdl(), "run: make schema");
}

#[test]
fn everything_is_described_and_nothing_is_a_float() {
    let document = parse_schema(graphql::sdl()).unwrap();
    let missing = undescribed(&document);
    assert!(missing.is_empty(), "without a description: {missing:#?}");
    assert!(!graphql::sdl().contains("Float"));
}

fn undescribed(document: &ServiceDocument) -> Vec<String> {
    let mut missing = Vec::new();
    let mut check = |described: bool, name: String| {
        if !described {
            missing.push(name);
        }
    };
    let some = |description: &Option<Positioned<String>>| {
        description.as_ref().is_some_and(|text| !text.node.is_empty())
    };
    for definition in &document.definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let name = &definition.node.name.node;
        // Connections are described by their specification.
        check(some(&definition.node.description) || name.ends_with("Connection"), name.to_string());
        match &definition.node.kind {
            TypeKind::Object(object) => {
                for field in &object.fields {
                    check(
                        some(&field.node.description),
                        format!("{name}.{}", field.node.name.node),
                    );
                    for argument in &field.node.arguments {
                        // The arguments of connections are the same everywhere, and told by their specification.
                        let name_of = argument.node.name.node.as_str();
                        let known = [
                            "first", "after", "last", "before", "filter", "orderBy", "id", "ids",
                            "input",
                        ];
                        let described =
                            some(&argument.node.description) || known.contains(&name_of);
                        check(described, format!("{name}.{}({name_of}:)", field.node.name.node));
                    }
                }
            }
            TypeKind::InputObject(input) => {
                for field in &input.fields {
                    check(
                        some(&field.node.description),
                        format!("{name}.{}", field.node.name.node),
                    );
                }
            }
            TypeKind::Enum(values) => {
                for value in &values.values {
                    check(
                        some(&value.node.description),
                        format!("{name}.{}", value.node.value.node),
                    );
                }
            }
            _ => {}
        }
    }
    missing
}
