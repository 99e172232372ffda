//! Names of Herald's objects: those of the other provider where they are free.

use sha2::{Digest as _, Sha256};

/// The longest name that is given.
const LONGEST: usize = 63;

/// `name` as Kubernetes takes it.
pub(crate) fn valid(name: &str) -> String {
    let fit = |one: char| match one.is_ascii_alphanumeric() {
        true => one.to_ascii_lowercase(),
        false => '-',
    };
    let name: String = name.chars().map(fit).collect();
    let name = name.trim_matches('-');
    if name.len() <= LONGEST {
        return name.to_owned();
    }
    let hash = Sha256::digest(name.as_bytes());
    let hex: String = hash.iter().take(3).map(|octet| format!("{octet:02x}")).collect();
    format!("{}-{hex}", name[..LONGEST - 7].trim_end_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_valid_and_stay_different() {
        assert_eq!(valid("kubevip-10.0.0.1"), "kubevip-10-0-0-1");
        assert_eq!(valid("kubevip-2001:db8::1"), "kubevip-2001-db8--1");
        let (one, other) = ("a".repeat(80), format!("{}b", "a".repeat(79)));
        assert_eq!((valid(&one).len(), valid(&one) == valid(&other)), (63, false));
    }
}
