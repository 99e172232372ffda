//! Prints the definitions of Herald's custom resources, or writes them, and pages about them, where they belong.

use anyhow::Context as _;
use clap::Parser;
use std::path::{Path, PathBuf};

/// Prints the definitions of Herald's custom resources.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Write one file for each kind into this folder instead of printing.
    #[arg(long, value_name = "FOLDER")]
    write: Option<PathBuf>,
    /// Write one page for each kind into this folder, too.
    #[arg(long, value_name = "FOLDER", requires = "write")]
    reference: Option<PathBuf>,
}

#[allow(clippy::print_stdout, reason = "printing is what this tool is for")]
fn main() -> anyhow::Result<()> {
    let Args { write, reference } = Args::parse();
    for file in definitions::files() {
        let Some(folder) = &write else {
            print!("---\n{}", file.yaml);
            continue;
        };
        put(folder, &file.name, &file.yaml)?;
    }
    for page in definitions::reference::pages() {
        if let Some(folder) = &reference {
            put(folder, &page.name, &page.text)?;
        }
    }
    Ok(())
}

fn put(folder: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let path = folder.join(name);
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}
