//! The YAML in the documents: what people copy has to work.

use std::fs;

use crate::{root, tracked};

/// A piece of YAML in a document: a block that is marked as `yaml`, or what a command is given between `<<YAML` and `YAML`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// File and line, from 1, of what comes before it.
    pub place: String,
    /// The YAML: one document or several.
    pub text: String,
}

/// All of them, in the documents of the tree.
///
/// # Panics
/// A document cannot be read.
pub fn yaml() -> Vec<Block> {
    let documents = tracked("*.md").into_iter();
    let blocks = documents.flat_map(|document| {
        let text = fs::read_to_string(root().join(&document));
        blocks(
            &document,
            &text.unwrap_or_else(|error| panic!("{document}: {error}")),
        )
    });
    blocks.collect()
}

fn blocks(document: &str, text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<(&str, Block)> = None;
    for (number, line) in text.lines().enumerate() {
        open = match open.take() {
            Some((end, block)) if line.trim() == end => {
                blocks.push(block);
                None
            }
            Some((end, mut block)) => {
                block.text += line;
                block.text.push('\n');
                Some((end, block))
            }
            None => opened(line).map(|end| {
                let place = format!("{document}:{}", number + 1);
                let text = String::new();
                (end, Block { place, text })
            }),
        };
    }
    blocks
}

/// What ends the YAML that begins after a line.
fn opened(line: &str) -> Option<&'static str> {
    match line.trim() {
        "```yaml" => Some("```"),
        command if command.ends_with("<<YAML") => Some("YAML"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_those_marked_and_what_commands_are_given() {
        let text = "text\n```yaml\na: 1\n---\nb: 2\n```\n```\nc: 3\n```\n```\nkubectl apply -f - <<YAML\nd: 4\nYAML\n```\n";
        let found = blocks("page.md", text);
        let found: Vec<_> = found
            .iter()
            .map(|block| (block.place.as_str(), block.text.as_str()))
            .collect();
        assert_eq!(
            found,
            [("page.md:2", "a: 1\n---\nb: 2\n"), ("page.md:11", "d: 4\n")]
        );
    }
}
