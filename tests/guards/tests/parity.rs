//! `docs/requirements` and `tests/PARITY.md` say what the tests say, and every id in the tree has its sentence there.

use std::collections::BTreeSet;
use std::fs;

use guards::parity::{pages, without_sentence};
use guards::{root, rust_files};

#[test]
fn the_tables_of_statements_are_what_the_tests_name() {
    let expected = pages().unwrap_or_else(|errors| panic!("{}", errors.join("\n")));
    for (file, text) in expected {
        let written = fs::read_to_string(root().join(&file)).unwrap_or_default();
        let known: BTreeSet<&str> = written.lines().collect();
        let differing: Vec<&str> = text.lines().filter(|line| !known.contains(line)).collect();
        assert!(
            written == text,
            "{file} is out of date: run `make parity`. Lines that differ: {differing:#?}"
        );
    }
}

#[test]
fn every_id_in_code_tests_and_documents_has_its_sentence() {
    let errors = without_sentence().unwrap_or_else(|error| panic!("{error}"));
    assert!(
        errors.is_empty(),
        "these have no sentence: add a row to a table in docs/requirements, or mend the id: {errors:#?}"
    );
}

/// The numbers after the word `rule` or `rules` in a text.
fn rules_named_in(text: &str) -> impl Iterator<Item = u32> {
    let words: Vec<&str> = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let pairs: Vec<[&str; 2]> = words.windows(2).filter_map(|pair| pair.try_into().ok()).collect();
    let named = pairs
        .into_iter()
        .filter(|[before, _]| ["rule", "rules"].contains(before));
    named
        .filter_map(|[_, number]| number.parse().ok())
        .collect::<Vec<_>>()
        .into_iter()
}

#[test]
fn every_rule_that_the_speakers_code_names_is_in_the_segment_protocol() {
    let protocol = fs::read_to_string(root().join("docs/segment-protocol.md")).unwrap();
    let numbered = protocol
        .lines()
        .filter_map(|line| line.split_once(". **")?.0.parse().ok());
    let rules: BTreeSet<u32> = numbered.collect();
    assert!(rules.contains(&1), "the protocol numbers its rules");
    let homes = ["crates/claim/", "speaker/src/layer2/"];
    let mut named = 0;
    for file in rust_files()
        .into_iter()
        .filter(|file| homes.iter().any(|home| file.starts_with(home)))
    {
        let text = fs::read_to_string(root().join(&file)).unwrap();
        for rule in rules_named_in(&text) {
            named += 1;
            assert!(
                rules.contains(&rule),
                "{file} names rule {rule}, which docs/segment-protocol.md does not have"
            );
        }
    }
    assert!(named > 0, "the code names rules");
}
