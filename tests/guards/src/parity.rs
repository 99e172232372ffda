//! Which statements have a test: the table in `tests/PARITY.md`.
//!
//! A test names the statements that it proves in the comment above it, and [`table()`] turns that around. What statements
//! there are is in `tests/guards/statements.txt`.

use std::collections::BTreeMap;
use std::fs;

use crate::{root, rust_files};

mod source;
mod statements;

use source::Test;
use statements::{Family, Statements};

/// The table, relative to the root.
pub const TABLE: &str = "tests/PARITY.md";

const LIST: &str = "tests/guards/statements.txt";

const PREFACE: &str = "\
# What has a test

Every statement that Herald is held to, and the tests that prove it. `P-` and `W-`: what users of MetalLB rely on, and what they
suffer from. `A`, `N`, `B`, `U`, `D`: what the protocols demand. `F`: faults to survive. `S`: what holds at every moment.

`make parity` writes this file, from the statement ids in the comments above the tests and from `tests/guards/statements.txt`.
";

/// The tests that name a statement, by its id.
type Proofs = BTreeMap<String, Vec<String>>;

/// The text of [`TABLE`], as the tests in the tree would have it.
///
/// # Errors
/// One line for each id that a test or a note names and that is not a statement.
///
/// # Panics
/// A file of the tree cannot be read.
pub fn table() -> Result<String, Vec<String>> {
    let read =
        |file: &str| fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let statements = Statements::read(&read(LIST)).map_err(|error| vec![format!("{LIST}: {error}")])?;
    let mut proofs = Proofs::new();
    let mut errors = Vec::new();
    for file in rust_files() {
        for test in source::tests(&file, &read(&file)) {
            match statements.named_in(&test.comment) {
                Ok(ids) => ids.into_iter().for_each(|id| prove(&mut proofs, id, &test)),
                Err(unknown) => errors.push(format!("{file}:{}: {} names {unknown}", test.line, test.path)),
            }
        }
    }
    if errors.is_empty() {
        Ok(render(&statements, &proofs))
    } else {
        Err(errors)
    }
}

fn prove(proofs: &mut Proofs, id: String, test: &Test) {
    let tests = proofs.entry(id).or_default();
    if !tests.contains(&test.path) {
        tests.push(test.path.clone());
    }
}

fn render(statements: &Statements, proofs: &Proofs) -> String {
    let sections = statements
        .families
        .iter()
        .map(|family| section(family, statements, proofs));
    [PREFACE.to_owned()].into_iter().chain(sections).collect()
}

fn section(family: &Family, statements: &Statements, proofs: &Proofs) -> String {
    let ids: Vec<String> = family.ids().collect();
    let proven = ids.iter().filter(|id| proofs.contains_key(*id)).count();
    let mut text = format!(
        "\n## {}: {}\n\n{proven} of {} statements have a test.\n\n| id | tests | on purpose otherwise |\n|---|---|---|\n",
        family.name(),
        family.subject,
        ids.len()
    );
    for id in ids {
        let tests = proofs
            .get(&id)
            .map_or_else(|| "–".to_owned(), |tests| tests.join("<br>"));
        let note = statements.notes.get(&id).map_or("", String::as_str);
        text.push_str(&format!("| {id} | {tests} | {note} |\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_without_a_test_shows_as_missing_and_does_not_count() {
        let statements = Statements::read("X- 1-2 Things\nX-2: never\n").unwrap();
        let proofs = [("X-1".to_owned(), vec!["a::b".to_owned(), "c::d".to_owned()])].into();
        let text = render(&statements, &proofs);
        let expected = "\n## X: Things\n\n1 of 2 statements have a test.\n\n| id | tests | on purpose otherwise |\n\
                        |---|---|---|\n| X-1 | a::b<br>c::d |  |\n| X-2 | – | never |\n";
        assert_eq!(text.strip_prefix(PREFACE), Some(expected));
    }
}
