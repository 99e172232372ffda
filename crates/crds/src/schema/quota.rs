//! How many addresses a namespace may hold, and what becomes of those that a pool gives out no more.

use super::name::namespace;
use schemars::{Schema, SchemaGenerator, json_schema};

/// Limits of namespaces, at most one for each.
pub(crate) fn namespace_limits(generator: &mut SchemaGenerator) -> Schema {
    let mut name = namespace(generator);
    name.insert(
        "description".to_owned(),
        "The namespace's name. It need not exist yet.".into(),
    );
    json_schema!({
        "type": "array",
        "maxItems": 256,
        "items": {
            "description": "How many addresses one namespace may hold.",
            "type": "object",
            "required": ["namespace", "limit"],
            "properties": {
                "namespace": name,
                "limit": {
                    "description": "The most addresses that the namespace may hold, instead of the limit for all; 0 gives it none.",
                    "type": "integer",
                    "format": "int32",
                    "minimum": 0,
                },
            },
        },
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["namespace"],
    })
}

/// One of the two words.
pub(crate) fn reclaim_policy(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ["Keep", "Move"] })
}

/// One of the two words.
pub(crate) fn namespace_sharing(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ["Invited", "Never"] })
}
