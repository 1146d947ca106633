//! What each field answers, read from the schema itself: a new field is covered without a word here.

use std::{collections::HashMap, sync::LazyLock};

use async_graphql::{
    Name,
    parser::{
        parse_schema,
        types::{BaseType, FieldDefinition, OperationType, Type, TypeKind, TypeSystemDefinition},
    },
};

/// How many rows a list without pages is taken to have: lines of a budget, cities of a grant, rules of a set.
pub const LISTED: u64 = 10;

/// How many times a field answers what is below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Many {
    One,
    /// A page of a list: `first`, `last`, or the default.
    Page,
    /// One for each of `ids`.
    Ids,
    List(u64),
}

/// What a field answers.
#[derive(Clone, Debug)]
pub struct Shape {
    /// As the schema writes it: which of it may be null.
    pub of_type: Type,
    /// The innermost.
    pub type_name: String,
    pub many: Many,
}

/// The fields of each type.
#[derive(Debug)]
pub struct Types(HashMap<String, HashMap<String, Shape>>);

impl Types {
    pub fn of_the_schema() -> &'static Self {
        static TYPES: LazyLock<Types> = LazyLock::new(|| Types::read(&crate::graphql::sdl()));
        &TYPES
    }

    /// A text that is no schema has no types, and every field costs 1.
    pub fn read(sdl: &str) -> Self {
        let mut types: HashMap<_, HashMap<_, _>> = HashMap::new();
        let document = parse_schema(sdl);
        for definition in document.into_iter().flat_map(|document| document.definitions) {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let fields = match definition.node.kind {
                TypeKind::Object(object) => object.fields,
                TypeKind::Interface(interface) => interface.fields,
                _ => vec![],
            };
            let fields = fields.into_iter().map(|field| shape(&field.node)).collect();
            types.insert(definition.node.name.node.to_string(), fields);
        }
        let schema = introspection(&types);
        types.extend(schema);
        Self(types)
    }

    pub fn field(&self, type_name: &str, field: &str) -> Option<&Shape> {
        if type_name == "Query" && matches!(field, "__schema" | "__type") {
            return self.0.get("__Root")?.get(field);
        }
        self.0.get(type_name)?.get(field)
    }
}

/// The type of what an operation selects from.
pub fn root(operation: OperationType) -> &'static str {
    match operation {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    }
}

fn shape(field: &FieldDefinition) -> (String, Shape) {
    let (type_name, is_list) = innermost(&field.ty.node);
    let by_ids = field.arguments.iter().any(|argument| argument.node.name.node == "ids");
    let many = match (is_list, by_ids) {
        (true, true) => Many::Ids,
        (true, false) => Many::List(LISTED),
        (false, _) if type_name.ends_with("Connection") => Many::Page,
        (false, _) => Many::One,
    };
    (field.name.node.to_string(), Shape { of_type: field.ty.node.clone(), type_name, many })
}

fn innermost(given: &Type) -> (String, bool) {
    match &given.base {
        BaseType::Named(name) => (name.to_string(), false),
        BaseType::List(inner) => (innermost(inner).0, true),
    }
}

/// A field's name, its type, and how many it answers.
type Row = (&'static str, &'static str, Many);

/// The fields that tell of the schema, with the sizes it has.
fn introspection(
    types: &HashMap<String, HashMap<String, Shape>>,
) -> HashMap<String, HashMap<String, Shape>> {
    let count = u64::try_from(types.len()).unwrap_or(u64::MAX).max(1);
    let fields = types.values().map(|fields| fields.len()).sum::<usize>();
    let average = u64::try_from(fields).unwrap_or(u64::MAX).div_ceil(count).max(1);
    let list = Many::List;
    let of_type: &[Row] = &[
        ("fields", "__Field", list(average)),
        ("inputFields", "__InputValue", list(average)),
        ("enumValues", "__EnumValue", list(2)),
        ("interfaces", "__Type", list(2)),
        ("possibleTypes", "__Type", list(2)),
        ("ofType", "__Type", Many::One),
    ];
    let of_schema: &[Row] = &[
        ("types", "__Type", list(count)),
        ("queryType", "__Type", Many::One),
        ("mutationType", "__Type", Many::One),
        ("subscriptionType", "__Type", Many::One),
        ("directives", "__Directive", list(6)),
    ];
    let of_field: &[Row] = &[("args", "__InputValue", list(2)), ("type", "__Type", Many::One)];
    let tables: [(&str, &[Row]); 6] = [
        ("__Root", &[("__schema", "__Schema", Many::One), ("__type", "__Type", Many::One)]),
        ("__Schema", of_schema),
        ("__Type", of_type),
        ("__Field", of_field),
        ("__InputValue", &[("type", "__Type", Many::One)]),
        ("__Directive", &[("args", "__InputValue", list(2))]),
    ];
    let shape = |(name, type_name, many): &Row| {
        let of_type = Type { base: BaseType::Named(Name::new(type_name)), nullable: true };
        (name.to_string(), Shape { of_type, type_name: type_name.to_string(), many: *many })
    };
    tables
        .iter()
        .map(|(name, fields)| (name.to_string(), fields.iter().map(shape).collect()))
        .collect()
}
