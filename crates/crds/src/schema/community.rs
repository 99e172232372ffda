//! BGP communities, and names for them.

use super::{rule, with_rules};
use kube::core::Rule;
use schemars::{Schema, SchemaGenerator, json_schema};

/// A name is anything that cannot be taken for a community; a number alone is the old way to write one.
const NAME: &str =
    "self.matches('^[A-Za-z0-9_]([-A-Za-z0-9_.]*[A-Za-z0-9_])?$') && !self.matches('^[0-9]+$')";

/// Communities or names of communities, none of them twice.
pub(crate) fn communities(_: &mut SchemaGenerator) -> Schema {
    let entry = json_schema!({ "type": "string", "maxLength": 63 });
    let known = rule(
        format!("self.contains(':') || {NAME}"),
        r#"'"' + self + '" is neither a community nor the name of one: write "65000:100", "large:4200000000:1:2", or a name that a Community object has'"#,
    );
    let [form, plain, large] = value("self.contains(':')");
    json_schema!({
        "type": "array",
        "maxItems": 63,
        "items": with_rules(entry, &[known, form, plain, large]),
        "x-kubernetes-list-type": "set",
    })
}

/// Names for communities, none of them twice.
pub(crate) fn community_aliases(_: &mut SchemaGenerator) -> Schema {
    let name = json_schema!({
        "description": "The name, such as \"no-transit\": letters, digits, \"-\", \"_\" and \".\", and not digits alone.",
        "type": "string",
        "maxLength": 63,
    });
    let usable = rule(
        NAME,
        r#"'"' + self + '" cannot be the name of a community: write letters, digits, "-", "_" and ".", and not digits alone'"#,
    );
    let community = json_schema!({
        "description": "The community that it stands for: \"65000:100\", or \"large:4200000000:1:2\" for a large one.",
        "type": "string",
        "maxLength": 63,
    });
    json_schema!({
        "type": "array",
        "maxItems": 256,
        "items": {
            "description": "A name for a community.",
            "type": "object",
            "required": ["name", "value"],
            "properties": {
                "name": with_rules(name, &[usable]),
                "value": with_rules(community, &value("true")),
            },
        },
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
    })
}

/// The rules about a text that is to be a community where `applies` holds.
fn value(applies: &str) -> [Rule; 3] {
    let plain = "self.matches('^[0-9]{1,10}:[0-9]{1,10}$')";
    let large = "self.matches('^large:[0-9]{1,10}:[0-9]{1,10}:[0-9]{1,10}$')";
    [
        rule(
            format!("!({applies}) || {plain} || {large}"),
            r#"'"' + self + '" is no community: write "65000:100", or "large:4200000000:1:2"; extended communities are not supported'"#,
        ),
        rule(
            format!("!({applies} && {plain}) || self.split(':').all(part, int(part) <= 65535)"),
            r#"'"' + self + '" has a part above 65535: write "65000:100", or a large community such as "large:4200000000:1:2"'"#,
        ),
        rule(
            format!(
                "!({applies} && {large}) || self.substring(6).split(':').all(part, int(part) <= 4294967295)"
            ),
            r#"'"' + self + '" has a part above 4294967295: write "large:4200000000:1:2"'"#,
        ),
    ]
}
