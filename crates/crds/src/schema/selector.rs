//! Label selectors, with the checks that the schema of Kubernetes leaves to its controllers.

use super::{rule, with_rules};
use kube::core::Rule;
use schemars::{Schema, SchemaGenerator, json_schema};

pub(super) const KEY: &str =
    "^([a-z0-9]([-.a-z0-9]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$";
pub(super) const KEY_ADVICE: &str =
    r#" is not a label key: write "name" or "prefix/name", such as "kubernetes.io/hostname""#;
const VALUE: &str = "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$";
const VALUE_ADVICE: &str = r#" is not a label value: write letters, digits, "-", "_" and ".", with a letter or a digit at both ends, or nothing"#;

/// A list of selectors, none of them twice.
///
/// Many people name their nodes one by one, so the lists may be long. The list type is not `set`: the API server takes such a
/// definition, and then fails every server-side apply of an object with a set of objects.
pub(crate) fn selectors(generator: &mut SchemaGenerator) -> Schema {
    let list = json_schema!({
        "type": "array",
        "maxItems": 128,
        "items": selector(generator),
        "x-kubernetes-list-type": "atomic",
    });
    let once = Rule::new("self.all(x, self.indexOf(x) == self.lastIndexOf(x))")
        .message("the same selector stands in the list twice: remove one of them");
    with_rules(list, &[once])
}

/// One selector.
pub(crate) fn selector(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "description": "Selects objects by their labels: everything listed must hold; an empty selector, {}, selects every object.",
        "type": "object",
        "properties": {
            "matchExpressions": {
                "description": "Conditions on labels; all of them must hold.",
                "type": "array",
                "maxItems": 16,
                "items": requirement(),
                "x-kubernetes-list-type": "atomic",
            },
            "matchLabels": match_labels(),
        },
        "x-kubernetes-map-type": "atomic",
    })
}

fn match_labels() -> Schema {
    let value = json_schema!({ "type": "string", "maxLength": 63 });
    let labels = json_schema!({
        "description": "Labels that the object must carry, each with exactly this value.",
        "type": "object",
        "maxProperties": 32,
        "additionalProperties": with_rules(value, &[matching(VALUE, VALUE_ADVICE)]),
    });
    // The keys of a map have no schema of their own.
    let keys = rule(
        format!("self.all(key, key.matches('{KEY}'))"),
        format!(r#"'"' + self.filter(key, !key.matches('{KEY}'))[0] + '"{KEY_ADVICE}'"#),
    );
    with_rules(labels, &[keys])
}

fn requirement() -> Schema {
    let requirement = json_schema!({
        "description": "A condition on one label.",
        "type": "object",
        "required": ["key", "operator"],
        "properties": {
            "key": key(),
            "operator": {
                "description": "In and NotIn compare the label with the values; Exists and DoesNotExist ask only whether the object has the label.",
                "type": "string",
                "enum": ["In", "NotIn", "Exists", "DoesNotExist"],
            },
            "values": {
                "description": "The values to compare with: at least one for In and NotIn, none for Exists and DoesNotExist.",
                "type": "array",
                "maxItems": 256,
                // A pattern, because a rule on so many values would cost more than the budget.
                "items": { "type": "string", "maxLength": 63, "pattern": VALUE },
                "x-kubernetes-list-type": "set",
            },
        },
    });
    let values_missing = rule(
        "!(self.operator in ['In', 'NotIn']) || has(self.values) && self.values.size() > 0",
        r#"'operator ' + self.operator + ' on "' + self.key + '" compares with nothing: add values, or write Exists or DoesNotExist'"#,
    );
    let values_unused = rule(
        "self.operator in ['In', 'NotIn'] || !has(self.values) || self.values.size() == 0",
        r#"'operator ' + self.operator + ' on "' + self.key + '" takes no values: remove them, or write In or NotIn'"#,
    );
    with_rules(requirement, &[values_missing, values_unused])
}

fn key() -> Schema {
    let key = json_schema!({ "description": "The label's key.", "type": "string", "maxLength": 317 });
    with_rules(key, &[matching(KEY, KEY_ADVICE)])
}

fn matching(pattern: &str, advice: &str) -> Rule {
    rule(
        format!("self.matches('{pattern}')"),
        format!(r#"'"' + self + '"{advice}'"#),
    )
}
