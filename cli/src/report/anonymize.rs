//! Names that tell who somebody is, replaced by others that still tell objects apart.

use std::collections::BTreeMap;

use serde_json::Value;

/// What kinds are called when their names are replaced.
const KINDS: &[(&str, &str)] = &[("Service", "service"), ("Node", "node"), ("Pod", "pod")];

/// These say nothing of anybody.
const COMMON: &[&str] = &[
    "default",
    "kube-system",
    "kube-public",
    "kube-node-lease",
    "herald-system",
    "kubernetes",
];

/// Which name stands for which.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<String, String>);

impl Names {
    /// The names of objects, and of the namespaces that they are in.
    pub(super) fn of<'a>(objects: impl Iterator<Item = &'a Value>) -> Self {
        let mut names = Self::default();
        let mut counts = BTreeMap::new();
        for object in objects {
            let kind = object["kind"].as_str().unwrap_or_default();
            let known = KINDS.iter().find(|(known, _)| *known == kind);
            if let (Some((_, word)), Some(name)) = (known, object["metadata"]["name"].as_str()) {
                names.add(word, name, &mut counts);
            }
            if let Some(namespace) = object["metadata"]["namespace"].as_str() {
                names.add("namespace", namespace, &mut counts);
            }
            for label in ["kubernetes.io/hostname"] {
                if let Some(name) = object["metadata"]["labels"][label].as_str() {
                    names.add("node", name, &mut counts);
                }
            }
        }
        names
    }

    fn add(&mut self, word: &'static str, name: &str, counts: &mut BTreeMap<&'static str, usize>) {
        if COMMON.contains(&name) || self.0.contains_key(name) {
            return;
        }
        let count = counts.entry(word).or_insert(0);
        *count += 1;
        self.0.insert(name.to_owned(), format!("{word}-{count}"));
    }

    /// The text with each name replaced where it stands as a word.
    pub(super) fn replace(&self, text: &str) -> String {
        let is_part = |one: char| one.is_ascii_alphanumeric() || one == '-';
        let mut replaced = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(|one| !is_part(one)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            replaced.push_str(&self.word(word));
            let next = after.find(is_part).unwrap_or(after.len());
            replaced.push_str(&after[..next]);
            rest = &after[next..];
        }
        replaced
    }

    /// A word, or what it begins with: names of slices and pods begin with those of their owners.
    fn word(&self, word: &str) -> String {
        if let Some(other) = self.0.get(word) {
            return other.clone();
        }
        let starts = |name: &&String| {
            word.strip_prefix(name.as_str())
                .is_some_and(|rest| rest.starts_with('-'))
        };
        let longest = self.0.keys().filter(starts).max_by_key(|name| name.len());
        match longest.and_then(|name| Some((self.0.get(name)?, word.strip_prefix(name.as_str())?))) {
            Some((other, rest)) => format!("{other}{rest}"),
            None => word.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_replaced_everywhere_alike_and_nothing_else_is() {
        let objects = [
            json!({"kind": "Service", "metadata": {"name": "acme-shop", "namespace": "acme"}}),
            json!({"kind": "Node", "metadata": {"name": "berlin-1"}}),
            json!({"kind": "Service", "metadata": {"name": "web", "namespace": "default"}}),
        ];
        let names = Names::of(objects.iter());
        let text = "acme/acme-shop on berlin-1 (acme-shop-x7k2p), default/web, website, webhook";
        assert_eq!(
            names.replace(text),
            "namespace-1/service-1 on node-1 (service-1-x7k2p), default/service-2, website, webhook"
        );
    }
}
