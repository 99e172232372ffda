//! `tests/PARITY.md` says what the tests say.

use std::fs;

use guards::parity::{TABLE, table};
use guards::root;

#[test]
fn the_table_of_statements_is_what_the_tests_name() {
    let expected = table().unwrap_or_else(|errors| panic!("{}", errors.join("\n")));
    let written = fs::read_to_string(root().join(TABLE)).unwrap_or_default();
    let differing: Vec<&str> = expected
        .lines()
        .filter(|line| !written.lines().any(|known| known == *line))
        .collect();
    assert!(
        written == expected,
        "{TABLE} is out of date: run `make parity`. Lines that differ: {differing:#?}"
    );
}
