//! The `resourceVersion` of the lease.

use std::fmt;

/// At which version an object is: what changes whenever the object changes.
///
/// Versions of one kind of object are numbers that grow (KEP-5504) for as long as the store behind the API server is not put
/// back to an older state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(String);

impl Version {
    /// The version as the API server writes it.
    pub fn new(version: impl Into<String>) -> Self {
        Self(version.into())
    }

    /// The version as the API server writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this version is an earlier one than `other`. What is not a number is before nothing, and nothing before it.
    pub fn is_before(&self, other: &Self) -> bool {
        matches!((self.number(), other.number()), (Some(own), Some(other)) if own < other)
    }

    /// What orders numbers of any length, as they have no leading zeros.
    fn number(&self) -> Option<(usize, &str)> {
        let digits = !self.0.is_empty() && self.0.bytes().all(|byte| byte.is_ascii_digit());
        digits.then_some((self.0.len(), &self.0))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_before(version: &str, other: &str) -> bool {
        Version::new(version).is_before(&Version::new(other))
    }

    #[test]
    fn versions_are_compared_as_numbers_of_any_length() {
        assert!(is_before("9", "10"));
        assert!(!is_before("10", "9"));
        assert!(!is_before("10", "10"));
        assert!(is_before(
            "340282366920938463463374607431768211456",
            "340282366920938463463374607431768211457"
        ));
    }

    #[test]
    fn what_is_not_a_number_is_before_nothing() {
        for (version, other) in [("", "1"), ("1", ""), ("a", "b"), ("1", "b"), ("-1", "1")] {
            assert!(!is_before(version, other), "{version:?} {other:?}");
        }
    }
}
