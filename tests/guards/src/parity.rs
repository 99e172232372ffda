//! Which statements have a test: the tables in `docs/requirements`, and their sums in `tests/PARITY.md`.
//!
//! A test names the statements that it proves in the comment above it, and [`pages()`] turns that around. What statements
//! there are is what the tables list.

use std::collections::BTreeMap;
use std::fs;

use crate::{root, rust_files, tracked};

mod source;
mod statements;

use source::Test;
use statements::{Family, Row, Statements};

/// The sums, relative to the root.
const SUMS: &str = "tests/PARITY.md";

/// The folder of the pages that list the statements.
const PAGES: &str = "docs/requirements";

const PREFACE: &str = "\
# What has a test

How many of the statements that Herald is held to are named by a test, and which are not. [docs/requirements](../docs/requirements/README.md) has
their sentences and their tests. `make parity` writes this file and the last column of those tables, from the ids in the comments above the tests.

| statements | with a test | without |
|---|---|---|
";

/// The tests that name a statement, by its id.
type Proofs = BTreeMap<String, Vec<String>>;

/// The pages of statements, each with its tests, and the sums, as the tests in the tree would have them: the text by the
/// file, relative to the root.
///
/// # Errors
/// One line for each row that is no statement, and for each id that a test names and that has no row.
///
/// # Panics
/// A file of the tree cannot be read.
pub fn pages() -> Result<BTreeMap<String, String>, Vec<String>> {
    let mut pages = requirements();
    let statements = Statements::read(&pages).map_err(|error| vec![error])?;
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
    if !errors.is_empty() {
        return Err(errors);
    }
    for text in pages.values_mut() {
        *text = filled(text, &proofs);
    }
    pages.insert(SUMS.to_owned(), sums(&statements, &proofs));
    Ok(pages)
}

/// One line for each id in code, tests or documents that has no sentence in the tables.
///
/// # Errors
/// The first row of the tables that is no statement.
///
/// # Panics
/// A file of the tree cannot be read.
pub fn without_sentence() -> Result<Vec<String>, String> {
    let statements = Statements::read(&requirements())?;
    let mut errors = Vec::new();
    let documents = tracked("*.md");
    let read_here = |file: &String| !file.starts_with("tests/guards/src/parity");
    for file in rust_files().into_iter().chain(documents).filter(read_here) {
        let unknown = statements.without_sentence(&read(&file));
        errors.extend(unknown.iter().map(|id| format!("{file} names {id}")));
    }
    Ok(errors)
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn requirements() -> BTreeMap<String, String> {
    let pages = tracked(&format!("{PAGES}/*.md"));
    pages
        .into_iter()
        .map(|file| (file.clone(), read(&file)))
        .collect()
}

fn prove(proofs: &mut Proofs, id: String, test: &Test) {
    let tests = proofs.entry(id).or_default();
    if !tests.contains(&test.path) {
        tests.push(test.path.clone());
    }
}

/// A page with the tests in the last cell of each statement's row.
fn filled(page: &str, proofs: &Proofs) -> String {
    let line = |line| {
        Row::read(line).map_or_else(
            || format!("{line}\n"),
            |row| {
                let tests = proofs
                    .get(row.id)
                    .map_or_else(|| "–".to_owned(), |tests| tests.join("<br>"));
                format!("{}\n", row.with(&tests))
            },
        )
    };
    page.lines().map(line).collect()
}

fn sums(statements: &Statements, proofs: &Proofs) -> String {
    let rows = statements.families.iter().map(|family| sum(family, proofs));
    [PREFACE.to_owned()].into_iter().chain(rows).collect()
}

fn sum(family: &Family, proofs: &Proofs) -> String {
    let (proven, missing): (Vec<_>, Vec<_>) = family.ids().partition(|id| proofs.contains_key(id));
    let (name, subject, page) = (family.name(), &family.subject, &family.page);
    let all = proven.len() + missing.len();
    format!(
        "| [{name}: {subject}](../{page}) | {} of {all} | {} |\n",
        proven.len(),
        missing.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str =
        "# X: Things\n\n| X-1 | It holds. | practice | old |\n| X-2 | So does this. | RFC 1 | old |\n";

    fn proofs() -> Proofs {
        [("X-1".to_owned(), vec!["a::b".to_owned(), "c::d".to_owned()])].into()
    }

    #[test]
    fn tests_go_into_the_last_cell_and_the_rest_of_a_page_stays() {
        let expected = "# X: Things\n\n| X-1 | It holds. | practice | a::b<br>c::d |\n\
                        | X-2 | So does this. | RFC 1 | – |\n";
        assert_eq!(filled(PAGE, &proofs()), expected);
        assert_eq!(filled(expected, &proofs()), expected);
    }

    #[test]
    fn a_statement_without_a_test_shows_as_missing_and_does_not_count() {
        let page = PAGE.replace("X", "P-X");
        let statements = Statements::read(&[("x.md".to_owned(), page)].into()).unwrap();
        let proofs = [("P-X-1".to_owned(), vec!["a::b".to_owned()])].into();
        let text = sums(&statements, &proofs);
        let expected = "| [P-X: Things](../x.md) | 1 of 2 | P-X-2 |\n";
        assert_eq!(text.strip_prefix(PREFACE), Some(expected));
    }
}
