//! Selectors of other products as Herald's, which are those of Kubernetes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// Selects the namespaces that have none of these names.
pub(crate) fn namespaces_but<'a>(names: impl IntoIterator<Item = &'a str>) -> Value {
    let names: BTreeSet<_> = names.into_iter().collect();
    json!({"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": names}]})
}

/// The same selector, without one node.
pub(crate) fn but_node(selector: Option<&Value>, hostname: &str) -> Value {
    let mut selector = selector.cloned().unwrap_or_else(|| json!({}));
    let mut expressions = selector["matchExpressions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let excluded = |expression: &Value| {
        expression["key"] == "kubernetes.io/hostname" && expression["operator"] == "NotIn"
    };
    match expressions.iter_mut().find(|expression| excluded(expression)) {
        Some(expression) => {
            if let Some(values) = expression["values"].as_array_mut() {
                values.push(hostname.into());
            }
        }
        None => expressions
            .push(json!({"key": "kubernetes.io/hostname", "operator": "NotIn", "values": [hostname]})),
    }
    selector["matchExpressions"] = expressions.into();
    selector
}

/// The same selector for one node of those that it selects.
pub(crate) fn and_node(selector: Option<&Value>, hostname: &str) -> Value {
    let mut selector = selector.cloned().unwrap_or_else(|| json!({}));
    selector["matchLabels"]["kubernetes.io/hostname"] = hostname.into();
    selector
}

/// Whether the selector is met by whatever has not been named on purpose: absent labels that are asked not to be there.
pub(crate) fn matches_all(selector: &Value) -> bool {
    let has_labels = selector["matchLabels"]
        .as_object()
        .is_some_and(|labels| !labels.is_empty());
    let expressions = selector["matchExpressions"].as_array();
    let negative =
        |expression: &Value| expression["operator"] == "NotIn" || expression["operator"] == "DoesNotExist";
    !has_labels && expressions.is_none_or(|list| list.iter().all(negative))
}

/// Which namespaces and labels a selector means that treats the namespace and the name as labels.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Split {
    pub(crate) namespaces: Vec<String>,
    pub(crate) namespace_selectors: Vec<Value>,
    pub(crate) rest: Option<Value>,
    /// It chooses Services by name.
    pub(crate) names: bool,
}

/// Takes the pseudo labels `namespace` and `name` out of a selector of Services.
pub(crate) fn split(selector: &Value, namespace: &str, name: &str) -> Split {
    let mut split = Split::default();
    let (mut labels, mut expressions) = (serde_json::Map::new(), Vec::new());
    for (key, value) in selector["matchLabels"].as_object().into_iter().flatten() {
        if key == namespace {
            split.namespaces.extend(value.as_str().map(str::to_owned));
        } else if key == name {
            split.names = true;
        } else {
            labels.insert(key.clone(), value.clone());
        }
    }
    for expression in selector["matchExpressions"].as_array().into_iter().flatten() {
        let values = || {
            expression["values"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
        };
        if expression["key"] == namespace && expression["operator"] == "In" {
            split.namespaces.extend(values().map(str::to_owned));
        } else if expression["key"] == namespace && expression["operator"] == "NotIn" {
            split.namespace_selectors.push(namespaces_but(values()));
        } else if expression["key"] == namespace {
            split.namespace_selectors.push(json!({}));
        } else if expression["key"] == name {
            split.names = true;
        } else {
            expressions.push(expression.clone());
        }
    }
    split.namespaces.sort();
    if !labels.is_empty() || !expressions.is_empty() {
        let mut rest = serde_json::Map::new();
        if !labels.is_empty() {
            rest.insert("matchLabels".to_owned(), labels.into());
        }
        if !expressions.is_empty() {
            rest.insert("matchExpressions".to_owned(), expressions.into());
        }
        split.rest = Some(rest.into());
    }
    split
}

/// A selector expression of Calico as selectors of which one is to be met; none if it says what they cannot.
pub(crate) fn expression(text: &str, name_key: &str) -> Option<Vec<Value>> {
    text.split("||").map(|part| conjunction(part, name_key)).collect()
}

fn conjunction(text: &str, name_key: &str) -> Option<Value> {
    let mut expressions = Vec::new();
    for term in text.split("&&").map(str::trim) {
        expressions.extend(one_term(term, name_key)?);
    }
    match expressions.is_empty() {
        true => Some(json!({})),
        false => Some(json!({"matchExpressions": expressions})),
    }
}

fn one_term(term: &str, name_key: &str) -> Option<Option<Value>> {
    if term == "all()" {
        return Some(None);
    }
    let key = |key: &str| match key.trim() {
        "projectcalico.org/name" => name_key.to_owned(),
        other => other.to_owned(),
    };
    let is_key = |key: &str| {
        key.trim()
            .chars()
            .all(|one| one.is_ascii_alphanumeric() || "-_./".contains(one))
    };
    let made = |name: &str, operator: &str, values: Vec<String>| {
        is_key(name).then(|| match values.is_empty() {
            true => json!({"key": key(name), "operator": operator}),
            false => json!({"key": key(name), "operator": operator, "values": values}),
        })
    };
    if let Some(name) = term.strip_prefix("has(").and_then(|rest| rest.strip_suffix(')')) {
        return made(name, "Exists", Vec::new()).map(Some);
    }
    if let Some(name) = term.strip_prefix("!has(").and_then(|rest| rest.strip_suffix(')')) {
        return made(name, "DoesNotExist", Vec::new()).map(Some);
    }
    let quoted = |text: &str| text.trim().trim_matches(['\'', '"']).to_owned();
    let set = |text: &str| {
        let inside = text.trim().strip_prefix('{')?.strip_suffix('}')?;
        let mut values: Vec<_> = inside
            .split(',')
            .map(quoted)
            .filter(|value| !value.is_empty())
            .collect();
        values.sort();
        Some(values)
    };
    if let Some((name, values)) = term.split_once(" not in ") {
        return made(name, "NotIn", set(values)?).map(Some);
    }
    if let Some((name, values)) = term.split_once(" in ") {
        return made(name, "In", set(values)?).map(Some);
    }
    if let Some((name, value)) = term.split_once("!=") {
        return made(name, "NotIn", vec![quoted(value)]).map(Some);
    }
    let (name, value) = term.split_once("==")?;
    made(name, "In", vec![quoted(value)]).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "kubernetes.io/metadata.name";

    #[test]
    fn expressions_become_selectors_or_are_refused() {
        let one = |text| expression(text, NAME);
        assert_eq!(one("all()"), Some(vec![json!({})]));
        assert_eq!(
            one("projectcalico.org/name in {'web', 'shop'}"),
            Some(vec![
                json!({"matchExpressions": [{"key": NAME, "operator": "In", "values": ["shop", "web"]}]})
            ])
        );
        let either = one("a == 'b' && !has(c) || d != \"e\" && f not in {'g'}").unwrap();
        assert_eq!(
            either[0]["matchExpressions"][1],
            json!({"key": "c", "operator": "DoesNotExist"})
        );
        assert_eq!(
            either[1]["matchExpressions"][1],
            json!({"key": "f", "operator": "NotIn", "values": ["g"]})
        );
        for refused in ["a contains 'b'", "a starts with 'b'", "!(a == 'b')", "nonsense"] {
            assert_eq!(one(refused), None, "{refused}");
        }
    }

    #[test]
    fn the_namespace_of_a_selector_is_taken_out() {
        let selector = json!({"matchLabels": {"ns": "web", "tier": "edge"}, "matchExpressions": [{"key": "name", "operator": "In", "values": ["a"]}]});
        let split = split(&selector, "ns", "name");
        assert_eq!((split.namespaces, split.names), (vec!["web".to_owned()], true));
        assert_eq!(split.rest, Some(json!({"matchLabels": {"tier": "edge"}})));
    }
}
