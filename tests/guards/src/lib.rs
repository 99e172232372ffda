//! Rules about the tree itself, each held by a test: see `tests/`.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::Command;

pub mod chart;
pub mod documents;
pub mod parity;

/// The root of the repository.
pub fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .nth(2)
        .map_or_else(|| here.clone(), PathBuf::from)
}

/// Runs a command at the root and gives its standard output.
///
/// # Panics
/// The command cannot be run, fails, or prints no UTF-8: then the rule cannot be checked.
pub fn output(program: &str, arguments: &[&str]) -> String {
    let run = Command::new(program).args(arguments).current_dir(root()).output();
    let run = run.unwrap_or_else(|error| panic!("{program} {arguments:?}: {error}"));
    assert!(
        run.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&run.stderr)
    );
    String::from_utf8(run.stdout).unwrap_or_else(|error| panic!("{program} {arguments:?}: {error}"))
}

/// The Rust files that are tracked, or would be.
pub fn rust_files() -> Vec<String> {
    tracked("*.rs")
}

/// The files of that pattern that are tracked, or would be, relative to the root.
pub fn tracked(pattern: &str) -> Vec<String> {
    let files = output(
        "git",
        &["ls-files", "--cached", "--others", "--exclude-standard", pattern],
    );
    let there = files.lines().filter(|file| root().join(file).exists());
    there.map(str::to_owned).collect()
}
