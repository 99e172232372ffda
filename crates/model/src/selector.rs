use std::collections::{BTreeMap, BTreeSet};

/// Labels of an object: key to value, in the order of the keys. They take no more room than they need: most objects have two or
/// three, and there are many objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Labels(Box<[(Box<str>, Box<str>)]>);

impl Labels {
    /// None at all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of a label.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        let at = self.0.binary_search_by(|(known, _)| (**known).cmp(key)).ok()?;
        Some(&self.0[at].1)
    }

    /// Whether the label is there, whatever its value.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }
}

impl From<BTreeMap<String, String>> for Labels {
    fn from(labels: BTreeMap<String, String>) -> Self {
        let label = |(key, value): (String, String)| (key.into(), value.into());
        Self(labels.into_iter().map(label).collect())
    }
}

impl FromIterator<(String, String)> for Labels {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(labels: I) -> Self {
        BTreeMap::from_iter(labels).into()
    }
}

impl<const N: usize> From<[(String, String); N]> for Labels {
    fn from(labels: [(String, String); N]) -> Self {
        labels.into_iter().collect()
    }
}

/// One term of a [`Selector`], with the meaning that Kubernetes gives it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Requirement {
    /// The label is there and its value is one of these.
    In(String, BTreeSet<String>),
    /// The label is missing, or its value is none of these.
    NotIn(String, BTreeSet<String>),
    /// The label is there, whatever its value.
    Exists(String),
    /// The label is missing.
    DoesNotExist(String),
}

impl Requirement {
    fn matches(&self, labels: &Labels) -> bool {
        match self {
            Self::In(key, values) => labels.get(key).is_some_and(|value| values.contains(value)),
            Self::NotIn(key, values) => labels.get(key).is_none_or(|value| !values.contains(value)),
            Self::Exists(key) => labels.contains_key(key),
            Self::DoesNotExist(key) => !labels.contains_key(key),
        }
    }
}

/// A label selector: all of its requirements hold. Without any it matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selector(pub Vec<Requirement>);

impl Selector {
    /// Whether every requirement holds for `labels`.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|requirement| requirement.matches(labels))
    }
}

/// A list of selectors, of which one has to match (parity.md, Conventions: lists are ORed, terms are ANDed).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selectors(pub Vec<Selector>);

impl Selectors {
    /// Whether the list is empty, which most fields read as "no restriction".
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether any selector of the list matches. An empty list matches nothing.
    pub fn any(&self, labels: &Labels) -> bool {
        self.0.iter().any(|selector| selector.matches(labels))
    }

    /// Whether the list is empty or any of its selectors matches.
    pub fn unset_or_any(&self, labels: &Labels) -> bool {
        self.is_empty() || self.any(labels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs
            .iter()
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect()
    }

    fn values(values: &[&str]) -> BTreeSet<String> {
        values.iter().map(|value| value.to_string()).collect()
    }

    #[test]
    fn an_empty_selector_matches_everything_and_an_empty_list_nothing() {
        assert!(Selector::default().matches(&labels(&[])));
        assert!(!Selectors::default().any(&labels(&[("a", "b")])));
        assert!(Selectors::default().unset_or_any(&labels(&[])));
    }

    #[test]
    fn terms_are_anded_and_lists_are_ored() {
        let rack_a = Requirement::In("rack".into(), values(&["a"]));
        let edge = Requirement::Exists("edge".into());
        let both = Selector(vec![rack_a.clone(), edge.clone()]);
        assert!(both.matches(&labels(&[("rack", "a"), ("edge", "")])));
        assert!(!both.matches(&labels(&[("rack", "a")])));
        let either = Selectors(vec![Selector(vec![rack_a]), Selector(vec![edge])]);
        assert!(either.any(&labels(&[("rack", "a")])));
        assert!(!either.any(&labels(&[("rack", "b")])));
    }

    #[test]
    fn a_missing_label_satisfies_not_in_and_does_not_exist() {
        assert!(Requirement::NotIn("rack".into(), values(&["a"])).matches(&labels(&[])));
        assert!(!Requirement::NotIn("rack".into(), values(&["a"])).matches(&labels(&[("rack", "a")])));
        assert!(Requirement::DoesNotExist("rack".into()).matches(&labels(&[])));
        assert!(!Requirement::DoesNotExist("rack".into()).matches(&labels(&[("rack", "a")])));
        assert!(!Requirement::In("rack".into(), values(&["a"])).matches(&labels(&[])));
    }
}
