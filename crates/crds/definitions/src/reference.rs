//! Pages for people: every field of every kind, from the definitions, with an example of each kind.

use std::fmt::Write as _;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::Value;

use crate::{definitions, value};

/// A page about a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The file's name: the kind in lower case, with `.md`.
    pub name: String,
    /// Markdown that ends in a newline.
    pub text: String,
}

/// The page of every kind, in the order of the definitions. The text depends on the types and the examples alone.
pub fn pages() -> Vec<Page> {
    definitions().iter().map(page).collect()
}

/// An example that an API server takes, if users write objects of the kind. `tests/objects/good` has them, so the suites
/// apply them.
fn example(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "BFDProfile" => include_str!("../tests/objects/good/example-bfd-profile.yaml"),
        "BGPAdvertisement" => include_str!("../tests/objects/good/example-bgp-advertisement.yaml"),
        "BGPPeer" => include_str!("../tests/objects/good/example-bgp-peer.yaml"),
        "Community" => include_str!("../tests/objects/good/example-community.yaml"),
        "IPPool" => include_str!("../tests/objects/good/example-ip-pool.yaml"),
        "IPReservation" => include_str!("../tests/objects/good/example-ip-reservation.yaml"),
        "L2Advertisement" => include_str!("../tests/objects/good/example-l2-advertisement.yaml"),
        _ => return None,
    })
}

fn page(definition: &CustomResourceDefinition) -> Page {
    let value = value(definition);
    let (names, version) = (&value["spec"]["names"], &value["spec"]["versions"][0]);
    let schema = &version["schema"]["openAPIV3Schema"];
    let (kind, plural) = (word(&names["kind"]), word(&names["plural"]));
    let (group, scope) = (word(&value["spec"]["group"]), word(&value["spec"]["scope"]));
    let mut text = format!(
        "# {kind}\n\n{}\n\n`{group}/{}` · {} · `kubectl get {plural}.{group}`, short {} · fields: `kubectl explain {plural}.{group}.spec`\n\n",
        word(&schema["description"]),
        word(&version["name"]),
        if scope == "Cluster" {
            "without a namespace"
        } else {
            "in a namespace"
        },
        short_names(names),
    );
    text += "*Written by `make crds` from the definitions.*\n";
    if let Some(example) = example(kind) {
        text += &format!("\n## Example\n\n```yaml\n{example}```\n");
    }
    for (part, title) in [("spec", "Fields of the spec"), ("status", "Fields of the status")] {
        let rows = rows(&schema["properties"][part], "");
        if !rows.is_empty() {
            text +=
                &format!("\n## {title}\n\n| field | type | default | meaning |\n|---|---|---|---|\n{rows}");
        }
    }
    Page {
        name: format!("{}.md", kind.to_lowercase()),
        text,
    }
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn short_names(names: &Value) -> String {
    let names = names["shortNames"].as_array().into_iter().flatten();
    let names: Vec<_> = names.map(|name| format!("`{}`", word(name))).collect();
    names.join(", ")
}

/// The rows of an object's fields, each followed by those inside of it.
fn rows(object: &Value, path: &str) -> String {
    let required = object["required"].as_array().cloned().unwrap_or_default();
    let mut text = String::new();
    for (name, field) in object["properties"].as_object().into_iter().flatten() {
        let is_required = required.iter().any(|one| one == name.as_str());
        let path = format!("{path}{name}");
        writeln!(
            text,
            "| `{path}` | {} | {} | {} |",
            form(field),
            default(field, is_required),
            cell(word(&field["description"]))
        )
        .expect("a String takes whatever is written");
        let (inner, path) = match field["items"].is_object() {
            true => (&field["items"], format!("{path}[].")),
            false => (field, format!("{path}.")),
        };
        if !is_selector(inner) && name != "conditions" {
            text += &rows(inner, &path);
        }
    }
    text
}

/// Kubernetes' own label selectors need no rows.
fn is_selector(field: &Value) -> bool {
    field["properties"]["matchExpressions"].is_object()
}

fn default(field: &Value, is_required: bool) -> String {
    match (&field["default"], is_required) {
        (Value::Null, true) => "required".to_owned(),
        (Value::Null, false) => String::new(),
        (value, _) => format!("`{value}`"),
    }
}

/// The type, with its bounds.
fn form(field: &Value) -> String {
    if let Some(values) = field["enum"].as_array() {
        let values = values.iter().filter_map(Value::as_str);
        let values: Vec<_> = values.map(|value| format!("`{value}`")).collect();
        return values.join(" or ");
    }
    let name = match word(&field["type"]) {
        "array" => return format!("list of {}", form(&field["items"])),
        "object" if is_selector(field) => "label selector",
        "object" if field["additionalProperties"].is_object() => "map",
        name => name,
    };
    match (field["minimum"].as_i64(), field["maximum"].as_i64()) {
        (Some(least), Some(most)) => format!("{name}, {least} to {most}"),
        (Some(least), None) => format!("{name}, {least} at least"),
        (None, Some(most)) => format!("{name}, {most} at most"),
        (None, None) => name.to_owned(),
    }
}

/// A text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
        .replace('<', "&lt;")
        .replace("\n\n", "<br><br>")
        .replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_shows_its_type_bounds_default_and_what_is_inside_of_it() {
        let object = json!({
            "required": ["name"],
            "properties": {
                "count": {"type": "integer", "minimum": 1, "maximum": 9, "default": 3, "description": "How many."},
                "mode": {"type": "string", "enum": ["A", "B"], "description": "a|b <c>\n\nMore."},
                "name": {"type": "string"},
                "peers": {"type": "array", "items": {"type": "object", "properties": {"weight": {"type": "integer", "minimum": 1}}}},
                "selectors": {"type": "array", "items": {"type": "object", "properties": {"matchExpressions": {}, "matchLabels": {}}}},
            },
        });
        let expected = "| `count` | integer, 1 to 9 | `3` | How many. |\n\
                        | `mode` | `A` or `B` |  | a\\|b &lt;c><br><br>More. |\n\
                        | `name` | string | required |  |\n\
                        | `peers` | list of object |  |  |\n\
                        | `peers[].weight` | integer, 1 at least |  |  |\n\
                        | `selectors` | list of label selector |  |  |\n";
        assert_eq!(rows(&object, ""), expected);
    }

    #[test]
    fn every_kind_that_users_write_has_an_example_of_itself() {
        for definition in definitions() {
            let kind = definition.spec.names.kind;
            let Some(text) = example(&kind) else {
                assert_eq!(kind, "Speaker", "speakers alone write theirs");
                continue;
            };
            let object: Value = serde_saphyr::from_str(text).unwrap();
            assert_eq!(word(&object["kind"]), kind);
        }
    }
}
