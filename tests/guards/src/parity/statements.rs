use std::collections::{BTreeMap, BTreeSet};

/// All statements that there are, as the pages of requirements list them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Statements {
    pub(super) families: Vec<Family>,
}

/// Statements whose ids differ in the number only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Family {
    /// What the ids begin with: `P-ALLOC-`, `F`.
    prefix: String,
    numbers: BTreeSet<u32>,
    pub(super) subject: String,
    /// The file that lists them.
    pub(super) page: String,
}

/// The first cell of a row, which is an id, and the other cells.
pub(super) struct Row<'a> {
    pub(super) id: &'a str,
    pub(super) statement: &'a str,
    pub(super) source: &'a str,
}

impl<'a> Row<'a> {
    /// The row of a table of statements, if the line is one.
    pub(super) fn read(line: &'a str) -> Option<Self> {
        let mut cells = line
            .strip_prefix("| ")?
            .strip_suffix('|')?
            .split('|')
            .map(str::trim);
        let id = cells.next()?;
        let is_id = id.starts_with(|c: char| c.is_ascii_uppercase()) && split(id).is_some();
        is_id.then_some(Self {
            id,
            statement: cells.next()?,
            source: cells.next().unwrap_or_default(),
        })
    }

    /// The line that says which tests prove the statement.
    pub(super) fn with(&self, tests: &str) -> String {
        let Self {
            id,
            statement,
            source,
        } = self;
        format!("| {id} | {statement} | {source} | {tests} |")
    }
}

/// An id in two: what comes before the number, and the number.
fn split(id: &str) -> Option<(&str, u32)> {
    let prefix = id.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = id[prefix.len()..].parse().ok()?;
    (!prefix.is_empty()).then_some((prefix, number))
}

impl Family {
    pub(super) fn name(&self) -> &str {
        self.prefix.trim_end_matches('-')
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = String> {
        self.numbers
            .iter()
            .map(|number| format!("{}{number}", self.prefix))
    }

    /// A heading that opens a family: `# P-ALLOC: Services`.
    fn read(page: &str, line: &str) -> Option<Self> {
        let (name, subject) = line.strip_prefix('#')?.trim_start_matches('#').split_once(": ")?;
        let name = name.trim();
        let of_a_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || !name.chars().all(of_a_name) {
            return None;
        }
        let dash = if name.len() > 1 || name == "W" { "-" } else { "" };
        Some(Self {
            prefix: format!("{name}{dash}"),
            numbers: BTreeSet::new(),
            subject: subject.trim().to_owned(),
            page: page.to_owned(),
        })
    }
}

impl Statements {
    /// Reads the pages, by their files.
    ///
    /// # Errors
    /// The first row that is no statement, with its page.
    pub(super) fn read(pages: &BTreeMap<String, String>) -> Result<Self, String> {
        let mut statements = Self::default();
        for (page, text) in pages {
            let mut family: Option<Family> = None;
            for line in text.lines() {
                if let Some(next) = Family::read(page, line) {
                    statements.families.extend(family.replace(next));
                } else if let Some(row) = Row::read(line) {
                    let in_page = |error: String| format!("{page}: {error}");
                    add(family.as_mut(), &row).map_err(in_page)?;
                }
            }
            statements.families.extend(family);
        }
        Ok(statements)
    }

    /// The ids in a text. After a full id, the next of its family may be shortened: `P-ALLOC-57 and -59`.
    ///
    /// # Errors
    /// The first word that looks like an id and is none.
    pub(super) fn named_in(&self, text: &str) -> Result<BTreeSet<String>, String> {
        let mut ids = BTreeSet::new();
        let mut latest: Option<&Family> = None;
        for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-') {
            let is_number = |text: &&str| text.starts_with(|c: char| c.is_ascii_digit());
            let full = self.families.iter().find_map(|family| {
                let number = word.strip_prefix(family.prefix.as_str()).filter(is_number)?;
                Some((family, number))
            });
            let short = || Some((latest?, word.strip_prefix('-').filter(is_number)?));
            let Some((family, number)) = full.or_else(short) else {
                if looks_like_an_id(word) {
                    return Err(format!("{word}, which is of no known family"));
                }
                continue;
            };
            let known = number
                .parse()
                .ok()
                .filter(|number| family.numbers.contains(number));
            let number =
                known.ok_or_else(|| format!("{word}, which is no statement of {}", family.name()))?;
            ids.insert(format!("{}{number}", family.prefix));
            latest = Some(family);
        }
        Ok(ids)
    }

    /// The words of a text that are an id by their form and have no sentence. Unlike [`Self::named_in`] it takes ids only as
    /// whole words, as they stand among others in code.
    pub(super) fn without_sentence(&self, text: &str) -> BTreeSet<String> {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !['-', '_', '.'].contains(&c));
        let ids = words
            .map(|word| word.trim_end_matches('.'))
            .filter(|word| self.families.iter().all(|family| family.name() != *word))
            .filter_map(|word| Some((word, split(word)?)));
        let unknown = ids.filter(|(word, (prefix, number))| {
            let family = self.families.iter().find(|family| family.prefix == *prefix);
            family.map_or_else(
                || looks_like_an_id(word),
                |family| !family.numbers.contains(number),
            )
        });
        unknown.map(|(word, _)| word.to_owned()).collect()
    }
}

fn add(family: Option<&mut Family>, row: &Row<'_>) -> Result<(), String> {
    let id = row.id;
    let family = family.ok_or_else(|| format!("{id} stands above the first heading of a family"))?;
    let number = split(id)
        .filter(|(prefix, _)| *prefix == family.prefix)
        .map(|(_, number)| number)
        .ok_or_else(|| format!("{id} stands among the statements of {}", family.name()))?;
    if row.statement.is_empty() || row.source.is_empty() {
        return Err(format!("{id} needs a sentence and a source"));
    }
    if family.numbers.insert(number) {
        Ok(())
    } else {
        Err(format!("{id} stands there twice"))
    }
}

/// `P-SOMETHING-7`, or without its last number.
fn looks_like_an_id(word: &str) -> bool {
    word.strip_prefix("P-")
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Statements, String> {
        Statements::read(&[("page.md".to_owned(), text.to_owned())].into())
    }

    fn statements() -> Statements {
        let ids = |prefix: &str, numbers: &[u32]| -> String {
            let row = |number: &u32| format!("| {prefix}{number} | It holds. | practice | |\n");
            numbers.iter().map(row).collect()
        };
        let (layer2, faults) = (ids("P-L2-", &[1, 2, 3, 4, 7]), ids("F", &[1, 3]));
        read(&format!(
            "# P-L2: Layer 2\n\n| id | statement |\n|---|---|\n{layer2}\n# Faults\n\n## F: Faults\n{faults}"
        ))
        .unwrap()
    }

    fn named(text: &str) -> Result<Vec<String>, String> {
        statements().named_in(text).map(|ids| ids.into_iter().collect())
    }

    #[test]
    fn a_family_has_the_ids_of_its_rows_and_no_other() {
        let ids: Vec<_> = statements().families.iter().flat_map(Family::ids).collect();
        assert_eq!(
            ids,
            ["P-L2-1", "P-L2-2", "P-L2-3", "P-L2-4", "P-L2-7", "F1", "F3"]
        );
    }

    #[test]
    fn ids_are_found_among_words_and_in_short_form() {
        assert_eq!(
            named("P-L2-1, F3: a word (P-L2-4)"),
            Ok(vec!["F3".into(), "P-L2-1".into(), "P-L2-4".into()])
        );
        assert_eq!(
            named("instead of P-L2-2 and -3"),
            Ok(vec!["P-L2-2".into(), "P-L2-3".into()])
        );
        assert_eq!(
            named("RFC 5227 §2.1, IPv4, -1 and - and F-16; F1 (arping -D)"),
            Ok(vec!["F1".into()])
        );
    }

    #[test]
    fn an_id_that_is_no_statement_is_refused_by_name() {
        for unknown in ["P-L2-5", "P-L3-1", "F2", "F1-F3", "P-L2-1-2", "P-L2"] {
            assert!(named(&format!("F1 and {unknown}")).unwrap_err().contains(unknown));
        }
        assert!(named("P-L2-1 and -5").unwrap_err().contains("-5"));
    }

    #[test]
    fn an_id_without_a_sentence_is_found_among_code() {
        let found =
            statements().without_sentence("let x = F1; // P-L2-9, F2. f2 IPv4 0xF4 F_5 x.F6 P-L3-1 P-L2");
        assert_eq!(
            found,
            ["F2", "P-L2-9", "P-L3-1"]
                .map(str::to_owned)
                .into_iter()
                .collect()
        );
    }

    #[test]
    fn a_row_needs_a_family_a_sentence_and_a_source_and_is_alone() {
        for (text, why) in [
            ("| F1 | It holds. | practice | |", "above the first heading"),
            (
                "# F: Faults\n| D1 | It holds. | practice | |",
                "among the statements of F",
            ),
            ("# F: Faults\n| F1 | | practice | |", "needs a sentence"),
            ("# F: Faults\n| F1 | It holds. | | |", "a source"),
            ("# F: Faults\n| F1 | a | b | |\n| F1 | a | b | |", "twice"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(why) && error.starts_with("page.md"), "{error}");
        }
    }
}
