//! Names of things outside the object: pools, namespaces, interfaces.

use super::{rule, with_rules};
use schemars::{Schema, SchemaGenerator, json_schema};

/// Names of pools, none of them twice. The pools need not exist yet.
pub(crate) fn pools(_: &mut SchemaGenerator) -> Schema {
    set(&object("an IPPool"))
}

/// Names of BGPPeers, none of them twice. They need not exist yet.
pub(crate) fn peers(_: &mut SchemaGenerator) -> Schema {
    set(&object("a BGPPeer"))
}

/// The name of a BFDProfile, which need not exist yet.
pub(crate) fn bfd_profile(_: &mut SchemaGenerator) -> Schema {
    object("a BFDProfile")
}

/// The name of a Secret, which need not exist yet.
pub(crate) fn secret(_: &mut SchemaGenerator) -> Schema {
    object("a Secret")
}

/// Names of namespaces, none of them twice. They need not exist yet.
pub(crate) fn namespaces(generator: &mut SchemaGenerator) -> Schema {
    set(&namespace(generator))
}

/// The name of a namespace, which need not exist yet.
pub(crate) fn namespace(_: &mut SchemaGenerator) -> Schema {
    name(
        json_schema!({ "type": "string", "maxLength": 63 }),
        r"self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
        r#"'"' + self + '" cannot be the name of a namespace: names are lower case letters, digits and "-"'"#,
    )
}

/// Names of network interfaces as the kernel has them, none of them twice.
pub(crate) fn interfaces(generator: &mut SchemaGenerator) -> Schema {
    set(&interface(generator))
}

/// The name of a network interface as the kernel has it.
pub(crate) fn interface(_: &mut SchemaGenerator) -> Schema {
    name(
        // Longer than the kernel allows, so that the rule below speaks instead of the bare bound.
        json_schema!({ "type": "string", "maxLength": 128 }),
        r"self.matches('^[^/:\\s]{1,15}$')",
        r#"'"' + self + '" cannot be the name of an interface: write the name that "ip link" shows, 1 to 15 characters, such as "eth0"'"#,
    )
}

/// The name of an object that lives in no namespace, or in Herald's.
fn object(what: &str) -> Schema {
    name(
        json_schema!({ "type": "string", "maxLength": 253 }),
        r"self.matches('^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$')",
        &format!(
            r#"'"' + self + '" cannot be the name of {what}: names are lower case letters, digits, "-" and "."'"#
        ),
    )
}

fn name(entry: Schema, holds: &str, message: &str) -> Schema {
    with_rules(entry, &[rule(holds, message)])
}

fn set(entry: &Schema) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 256,
        "items": entry,
        "x-kubernetes-list-type": "set",
    })
}
