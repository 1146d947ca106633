//! What the live schema has: the elements that need a row and a case, and how each mutation is written.

use std::collections::BTreeMap;

use async_graphql::parser::{
    parse_schema,
    types::{BaseType, ObjectType, Type, TypeKind, TypeSystemDefinition},
};
use thrive::graphql;

/// What is asked of a type beside its name, its id and its revision.
const MORE: &[(&str, &str)] = &[("Grant", "number budget { id }"), ("RuleSet", "rules { id }")];

pub struct Schema(BTreeMap<String, ObjectType>);

/// How a mutation is written.
pub struct Shape {
    pub input_type: String,
    /// The field of the payload that holds what was changed.
    pub field: String,
    /// What is asked of it.
    pub selection: String,
}

impl Schema {
    pub fn live() -> Self {
        let document = parse_schema(graphql::sdl()).unwrap();
        let objects = document.definitions.into_iter().filter_map(|definition| match definition {
            TypeSystemDefinition::Type(definition) => match definition.node.kind {
                TypeKind::Object(object) => Some((definition.node.name.node.to_string(), object)),
                _ => None,
            },
            _ => None,
        });
        Self(objects.collect())
    }

    /// The fields of a root, such as `Query`; none where the schema lacks it.
    pub fn fields(&self, root: &str) -> Vec<String> {
        let Some(object) = self.0.get(root) else { return vec![] };
        object.fields.iter().map(|field| field.node.name.node.to_string()).collect()
    }

    /// The types of what has an id of its own.
    pub fn nodes(&self) -> Vec<String> {
        let is_node = |object: &ObjectType| {
            object.implements.iter().any(|interface| interface.node.as_str() == "Node")
        };
        self.0.iter().filter(|(_, object)| is_node(object)).map(|(name, _)| name.clone()).collect()
    }

    pub fn shape(&self, mutation: &str) -> Shape {
        let fields = &self.0["Mutation"].fields;
        let found = fields.iter().find(|field| field.node.name.node.as_str() == mutation);
        let found = &found.unwrap_or_else(|| panic!("no mutation {mutation}")).node;
        let payload = &self.0[&named(&found.ty.node)];
        let changed = payload.fields.iter().find(|field| field.node.name.node != "userErrors");
        let changed = &changed.unwrap().node;
        let of = named(&changed.ty.node);
        let mut selection = String::from("__typename");
        for wanted in ["id", "revision"] {
            if self.0[&of].fields.iter().any(|field| field.node.name.node.as_str() == wanted) {
                selection = format!("{selection} {wanted}");
            }
        }
        if let Some((_, more)) = MORE.iter().find(|(name, _)| *name == of) {
            selection = format!("{selection} {more}");
        }
        Shape {
            input_type: named(&found.arguments[0].node.ty.node),
            field: changed.name.node.to_string(),
            selection,
        }
    }
}

/// The name of a type, without lists and exclamation marks.
fn named(of: &Type) -> String {
    match &of.base {
        BaseType::Named(name) => name.to_string(),
        BaseType::List(of) => named(of),
    }
}
