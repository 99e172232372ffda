//! Numbers of 32 bits without a sign, for which Kubernetes has no format.

use super::with_rules;
use kube::core::Rule;
use schemars::{Schema, SchemaGenerator, json_schema};

/// Any such number.
pub(crate) fn number(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "format": "int64", "minimum": 0, "maximum": u32::MAX })
}

/// The same in a status, which nobody writes by hand.
pub(crate) fn any_number(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "format": "int64" })
}

/// An AS number that somebody can have: 23456 stands for those that old routers cannot write (RFC 6793 §9).
pub(crate) fn asn(_: &mut SchemaGenerator) -> Schema {
    let asn = json_schema!({ "type": "integer", "format": "int64" });
    // The API server quotes the number itself; in a message it would cost more than the budget.
    let usable = Rule::new("self >= 1 && self <= 4294967295 && self != 23456")
        .message("no router can have this AS number: write 1 to 4294967295, such as 64512, and not 23456");
    with_rules(asn, &[usable])
}
