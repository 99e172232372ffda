//! Fields of an object, and which of them have been read: what has not is reported.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// An object of the other provider.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    pub(crate) object: &'a Value,
    taken: RefCell<BTreeSet<String>>,
}

impl<'a> Source<'a> {
    pub(crate) fn of(object: &'a Value) -> Self {
        Self {
            object,
            taken: RefCell::default(),
        }
    }

    pub(crate) fn name(&self) -> &'a str {
        self.object["metadata"]["name"].as_str().unwrap_or_default()
    }

    pub(crate) fn namespace(&self) -> &'a str {
        self.object["metadata"]["namespace"].as_str().unwrap_or_default()
    }

    /// What remarks call it.
    pub(crate) fn word(&self) -> String {
        format!(
            "{}/{}",
            self.object["kind"].as_str().unwrap_or("object"),
            self.name()
        )
    }

    /// The value at a path such as `spec.addresses`, which counts as read.
    pub(crate) fn take(&self, path: &str) -> Option<&'a Value> {
        self.taken.borrow_mut().insert(path.to_owned());
        let mut value = self.object;
        for key in path.split('.') {
            value = value.get(key)?;
        }
        (!value.is_null()).then_some(value)
    }

    /// A text, or a number as one.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        text(self.take(path)?)
    }

    pub(crate) fn bool(&self, path: &str) -> Option<bool> {
        self.take(path)?.as_bool()
    }

    pub(crate) fn texts(&self, path: &str) -> Vec<String> {
        let list = self.take(path).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(text).collect()
    }

    /// A list of texts, or one alone with commas between its parts.
    pub(crate) fn texts_or_text(&self, path: &str) -> Vec<String> {
        match self.take(path) {
            Some(Value::String(text)) => text.split(',').map(|part| part.trim().to_owned()).collect(),
            Some(_) | None => self.texts(path),
        }
    }

    pub(crate) fn list(&self, path: &str) -> &'a [Value] {
        self.take(path)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }

    /// The value as it is, for a field that means the same there and here.
    pub(crate) fn same(&self, path: &str) -> Option<Value> {
        self.take(path).cloned()
    }

    /// The paths below `spec` that nobody has read.
    pub(crate) fn left(&self) -> Vec<String> {
        let mut left = Vec::new();
        if let Some(spec) = self.object.get("spec") {
            self.walk("spec", spec, &mut left);
        }
        left
    }

    fn walk(&self, path: &str, value: &Value, left: &mut Vec<String>) {
        if self.taken.borrow().contains(path) {
            return;
        }
        let below = |path: &str| format!("{path}.");
        match value.as_object() {
            Some(fields)
                if path == "spec"
                    || self
                        .taken
                        .borrow()
                        .iter()
                        .any(|taken| taken.starts_with(&below(path))) =>
            {
                for (key, value) in fields {
                    self.walk(&format!("{path}.{key}"), value, left);
                }
            }
            Some(_) | None => left.push(path.to_owned()),
        }
    }
}

/// A text, a number or a word of JSON as text.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(bool) => Some(bool.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The fields that are there and not empty, as a spec.
pub(crate) fn spec<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let is_empty = |value: &Value| match value {
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Null => true,
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    let fields = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value.filter(|value| !is_empty(value))?)));
    Value::Object(fields.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_that_nobody_read_are_left() {
        let object = json!({"spec": {"a": 1, "b": {"c": 2, "d": 3}, "e": {"f": 4}}});
        let source = Source::of(&object);
        source.take("spec.a");
        source.take("spec.b.c");
        assert_eq!(source.left(), ["spec.b.d", "spec.e"]);
    }
}
