use std::collections::{BTreeMap, BTreeSet};

/// All statements that there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Statements {
    pub(super) families: Vec<Family>,
    /// Where Herald differs from a statement on purpose, by id.
    pub(super) notes: BTreeMap<String, String>,
}

/// Statements whose ids differ in the number only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Family {
    /// What the ids begin with: `P-ALLOC-`, `F`.
    prefix: String,
    numbers: BTreeSet<u32>,
    pub(super) subject: String,
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

    /// One line: prefix, numbers, subject.
    fn read(line: &str) -> Option<Self> {
        let (prefix, rest) = line.split_once(' ')?;
        let (numbers, subject) = rest.trim().split_once(' ')?;
        let ranges: Option<Vec<_>> = numbers.split(',').map(range).collect();
        Some(Self {
            prefix: prefix.to_owned(),
            numbers: ranges?.into_iter().flatten().collect(),
            subject: subject.trim().to_owned(),
        })
    }
}

fn range(text: &str) -> Option<std::ops::RangeInclusive<u32>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some(first.parse().ok()?..=last.parse().ok()?)
}

impl Statements {
    /// Reads the list.
    ///
    /// # Errors
    /// The first line that means nothing.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut statements = Self::default();
        let lines = text.lines().map(str::trim);
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some((id, note)) = line.split_once(": ") {
                if statements.named_in(id)? != [id.to_owned()].into() {
                    return Err(format!("{id} is no statement"));
                }
                statements.notes.insert(id.to_owned(), note.trim().to_owned());
            } else {
                let family = Family::read(line).ok_or_else(|| format!("cannot read {line:?}"))?;
                statements.families.push(family);
            }
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
}

/// `P-SOMETHING-7`, or without its last number.
fn looks_like_an_id(word: &str) -> bool {
    word.strip_prefix("P-")
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statements() -> Statements {
        Statements::read("# what there is\nP-L2- 1-4,7 Layer 2\nF 1,3 Faults\n\nP-L2-2: never\n").unwrap()
    }

    fn named(text: &str) -> Result<Vec<String>, String> {
        statements().named_in(text).map(|ids| ids.into_iter().collect())
    }

    #[test]
    fn a_family_has_the_numbers_of_its_ranges_and_no_other() {
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
    fn a_note_on_something_else_is_refused() {
        assert_eq!(
            Statements::read("F 1 Faults\nF2: why"),
            Err("F2, which is no statement of F".into())
        );
        assert_eq!(
            Statements::read("F 1 Faults\nwhatever: why"),
            Err("whatever is no statement".into())
        );
    }
}
