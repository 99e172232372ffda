//! What is in the tree is used, and what documents say of it is true.

use std::collections::BTreeSet;
use std::fs;

use guards::{output, root, rust_files};

/// The Rust files that the compiler read, as its dep-info files tell.
fn compiled() -> BTreeSet<String> {
    let prefix = format!("{}/", root().display());
    let folders = ["target/debug/deps", "target/debug/examples"].map(|folder| root().join(folder));
    let entries = folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten());
    let notes = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "d"));
    let mut files = BTreeSet::new();
    for note in notes {
        let text = fs::read_to_string(note).expect("what the compiler wrote is text");
        let words = text.split_whitespace().map(|word| word.trim_end_matches(':'));
        let rust = words.filter(|word| word.ends_with(".rs"));
        files.extend(rust.map(|word| word.strip_prefix(&prefix).unwrap_or(word).to_owned()));
    }
    files
}

#[test]
fn every_rust_file_is_compiled() {
    // The suites are not among the default members, so they may not have been built yet.
    output(env!("CARGO"), &["test", "--workspace", "--no-run", "--quiet"]);
    let compiled = compiled();
    let orphans: Vec<_> = rust_files()
        .into_iter()
        // A workspace of its own, in which no file is without a target, and what is there for it: `make fuzz` builds them.
        .filter(|file| {
            !compiled.contains(file) && !file.starts_with("fuzz/") && !file.ends_with("/fuzzing.rs")
        })
        .collect();
    assert!(
        orphans.is_empty(),
        "no mod line declares these, so their tests never run: {orphans:?}"
    );
}

#[test]
fn the_crate_table_of_the_architecture_lists_every_crate_and_no_other() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let rows = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let listed: BTreeSet<String> = rows
        .map(|(path, _)| path.trim_end_matches('/').to_owned())
        .collect();
    let manifests = output(
        "git",
        &[
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "*/Cargo.toml",
        ],
    );
    let crates: BTreeSet<String> = manifests
        .lines()
        .filter_map(|path| path.strip_suffix("/Cargo.toml"))
        .map(str::to_owned)
        .collect();
    assert_eq!(listed, crates);
}

#[test]
fn every_link_in_a_document_leads_somewhere() {
    let documents = output(
        "git",
        &["ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
    );
    for document in documents.lines() {
        let path = root().join(document);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{document}: {error}"));
        let folder = path.parent().unwrap();
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://") && !target.starts_with('#')) {
            let path = target.split('#').next().unwrap_or(target);
            assert!(
                folder.join(path).exists(),
                "{document} links to {target}, which is not there"
            );
        }
    }
}

#[test]
fn shell_and_rust_files_carry_no_note_for_later() {
    // Spelled in two parts so that this file does not find itself.
    let notes = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
    ];
    for file in rust_files() {
        let text = fs::read_to_string(root().join(&file)).unwrap();
        for note in notes {
            assert!(!text.contains(note), "{file} contains {note}");
        }
    }
}
