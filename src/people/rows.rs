//! What is read of organizations straight from their rows.

use crate::rows::{Field::Value, Kind, Table};

pub static ORGANIZATION: Table = Table {
    name: "Organization",
    fields: &[
        ("id", Value(Kind::Id("org"), "@.id")),
        ("name", Value(Kind::Text, "@.name")),
        ("kind", Value(Kind::Text, "@.kind")),
        ("fictional", Value(Kind::Bool, "@.fictional")),
        ("createdAt", Value(Kind::Instant, "@.created_at")),
    ],
};
