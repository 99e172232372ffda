//! Values that each node says of itself.

use super::rule;
use super::selector::{KEY, KEY_ADVICE};
use kube::core::Rule;
use schemars::{Schema, SchemaGenerator, json_schema};

/// A label or an annotation of the Node.
pub(crate) fn node_value(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "properties": { "label": key("A label of the Node"), "annotation": key("An annotation of the Node") },
        "x-kubernetes-validations": [one_place()],
    })
}

/// The same, of an address.
pub(crate) fn node_address(_: &mut SchemaGenerator) -> Schema {
    let family = json_schema!({
        "description": "Of which family the address is: it decides which addresses the session carries. Default: IPv4.",
        "type": "string",
        "enum": ["IPv4", "IPv6"],
        "default": "IPv4",
    });
    json_schema!({
        "type": "object",
        "properties": {
            "label": key("A label of the Node"),
            "annotation": key("An annotation of the Node"),
            "family": family,
        },
        "x-kubernetes-validations": [one_place()],
    })
}

fn key(what: &str) -> Schema {
    json_schema!({
        "description": format!("{what}, by its key. Write this or the other."),
        "type": "string",
        "maxLength": 317,
        "x-kubernetes-validations": [is_key()],
    })
}

fn is_key() -> Rule {
    rule(
        format!("self.matches('{KEY}')"),
        format!(r#"'"' + self + '"{KEY_ADVICE}'"#),
    )
}

fn one_place() -> Rule {
    Rule::new("has(self.label) != has(self.annotation)")
        .message("write either label or annotation, the key under which the node says it")
}
