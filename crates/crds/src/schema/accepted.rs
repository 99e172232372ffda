//! Which routes of a peer are accepted.

use super::rule;
use kube::core::Rule;
use schemars::{Schema, SchemaGenerator, json_schema};

/// Prefixes, none of them twice. Two ways to write one prefix are told apart by `config`.
pub(crate) fn accepted_routes(_: &mut SchemaGenerator) -> Schema {
    let prefix = json_schema!({
        "description": "The prefix, such as \"0.0.0.0/0\", which is the default route and no other.",
        "type": "string",
        "maxLength": 64,
        "x-kubernetes-validations": [is_prefix(), without_host_bits()],
    });
    let max_length = json_schema!({
        "description": "The length that routes inside of the prefix may have, such as 24: \"0.0.0.0/0\" with 32 is every IPv4 route. Not \
                        below the length of the prefix, and at most 32, in IPv6 128. Default: unset, the prefix alone.",
        "type": "integer",
        "format": "int32",
        "minimum": 0,
        "maximum": 128,
    });
    json_schema!({
        "type": "array",
        "maxItems": 64,
        "items": {
            "description": "Routes that are accepted.",
            "type": "object",
            "required": ["prefix"],
            "properties": { "prefix": prefix, "maxLength": max_length },
            "x-kubernetes-validations": [not_shorter(), not_longer_than_an_address()],
        },
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["prefix"],
    })
}

fn is_prefix() -> Rule {
    rule(
        "isCIDR(self)",
        r#"'"' + self + '" is no CIDR: write one such as "0.0.0.0/0" or "2001:db8::/32"'"#,
    )
}

fn without_host_bits() -> Rule {
    rule(
        "!isCIDR(self) || cidr(self).masked() == cidr(self)",
        r#"'"' + self + '" has bits set behind its length: write zeros there, such as "10.0.0.0/8" in place of "10.1.2.3/8"'"#,
    )
}

/// The message does without the number: to make a text of one costs more than the budget of the API server.
fn not_shorter() -> Rule {
    rule(
        "!has(self.maxLength) || !isCIDR(self.prefix) || self.maxLength >= cidr(self.prefix).prefixLength()",
        r#"'maxLength is below the length of "' + self.prefix + '": write more, or leave it out to accept that route alone'"#,
    )
}

fn not_longer_than_an_address() -> Rule {
    rule(
        "!has(self.maxLength) || !isCIDR(self.prefix) || self.maxLength <= (cidr(self.prefix).ip().family() == 4 ? 32 : 128)",
        r#"'maxLength is above 32, and "' + self.prefix + '" is an IPv4 prefix: write 32 to accept every route inside of it'"#,
    )
}
