use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use model::{Requirement, Selector, Selectors};

use crate::fault::Fault;
use crate::list::without_duplicates;

/// What is wrong with a label selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// The operator is none of the four.
    #[error("operator {0:?} is unknown: write In, NotIn, Exists or DoesNotExist")]
    UnknownOperator(String),
    /// `In` or `NotIn` without values.
    #[error("operator {operator} on {key:?} needs at least one value")]
    NoValues {
        /// The label key.
        key: String,
        /// The operator.
        operator: String,
    },
    /// `Exists` or `DoesNotExist` with values.
    #[error("operator {operator} on {key:?} takes no values")]
    Values {
        /// The label key.
        key: String,
        /// The operator.
        operator: String,
    },
    /// An empty key.
    #[error("a requirement has an empty key: write the label's name")]
    EmptyKey,
}

/// Reads a list of label selectors of the field `field`, none of them twice.
pub(crate) fn selectors(field: &str, selectors: &[LabelSelector]) -> Result<Selectors, Fault> {
    let read = |(index, one): (usize, &LabelSelector)| {
        selector(one).map_err(|source| Fault::Selector {
            field: format!("{field}[{index}]"),
            source,
        })
    };
    let selectors: Vec<Selector> = selectors.iter().enumerate().map(read).collect::<Result<_, _>>()?;
    without_duplicates(field, &selectors)?;
    Ok(Selectors(selectors))
}

/// Reads one label selector.
pub(crate) fn selector(selector: &LabelSelector) -> Result<Selector, SelectorError> {
    let labels = selector.match_labels.iter().flatten();
    let equal = labels.map(|(key, value)| Ok(Requirement::In(key.clone(), [value.clone()].into())));
    let expressions = selector.match_expressions.iter().flatten().map(requirement);
    Ok(Selector(equal.chain(expressions).collect::<Result<_, _>>()?))
}

fn requirement(expression: &LabelSelectorRequirement) -> Result<Requirement, SelectorError> {
    let key = expression.key.clone();
    let operator = expression.operator.clone();
    let values: BTreeSet<String> = expression.values.iter().flatten().cloned().collect();
    if key.is_empty() {
        return Err(SelectorError::EmptyKey);
    }
    match (operator.as_str(), values.is_empty()) {
        ("In", false) => Ok(Requirement::In(key, values)),
        ("NotIn", false) => Ok(Requirement::NotIn(key, values)),
        ("Exists", true) => Ok(Requirement::Exists(key)),
        ("DoesNotExist", true) => Ok(Requirement::DoesNotExist(key)),
        ("In" | "NotIn", true) => Err(SelectorError::NoValues { key, operator }),
        ("Exists" | "DoesNotExist", false) => Err(SelectorError::Values { key, operator }),
        _ => Err(SelectorError::UnknownOperator(operator)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(key: &str, operator: &str, values: &[&str]) -> SelectorError {
        let expression = LabelSelectorRequirement {
            key: key.into(),
            operator: operator.into(),
            values: Some(values.iter().map(|value| value.to_string()).collect()),
        };
        requirement(&expression).unwrap_err()
    }

    /// P-CFG-27
    #[test]
    fn every_way_to_write_a_wrong_requirement_is_refused() {
        assert_eq!(error("", "Exists", &[]), SelectorError::EmptyKey);
        assert_eq!(error("a", "Is", &[]), SelectorError::UnknownOperator("Is".into()));
        assert!(matches!(error("a", "In", &[]), SelectorError::NoValues { .. }));
        assert!(matches!(error("a", "NotIn", &[]), SelectorError::NoValues { .. }));
        assert!(matches!(
            error("a", "Exists", &["b"]),
            SelectorError::Values { .. }
        ));
        assert!(matches!(
            error("a", "DoesNotExist", &["b"]),
            SelectorError::Values { .. }
        ));
    }

    #[test]
    fn the_field_and_index_are_named() {
        let bad = LabelSelectorRequirement {
            key: "a".into(),
            operator: "Is".into(),
            values: None,
        };
        let list = [
            LabelSelector::default(),
            LabelSelector {
                match_expressions: Some(vec![bad]),
                match_labels: None,
            },
        ];
        let fault = selectors("nodeSelectors", &list).unwrap_err().to_string();
        assert_eq!(
            fault,
            "nodeSelectors[1]: operator \"Is\" is unknown: write In, NotIn, Exists or DoesNotExist"
        );
    }

    /// P-CFG-4, P-CFG-9
    #[test]
    fn the_same_selector_twice_is_refused_with_both_places() {
        let by = |value: &str| LabelSelector {
            match_labels: Some([("team".to_owned(), value.to_owned())].into()),
            match_expressions: None,
        };
        assert_eq!(
            selectors("serviceSelectors", &[by("a"), by("b"), by("a")])
                .unwrap_err()
                .to_string(),
            "serviceSelectors[2] is the same as serviceSelectors[0]: remove one of them"
        );
        assert!(selectors("serviceSelectors", &[by("a"), by("b")]).is_ok());
    }
}
