//! Prints the definitions of Herald's custom resources, or writes them where the chart takes them from.

use anyhow::Context as _;
use clap::Parser;
use std::path::PathBuf;

/// Prints the definitions of Herald's custom resources.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Write one file for each kind into this folder instead of printing.
    #[arg(long, value_name = "FOLDER")]
    write: Option<PathBuf>,
}

#[allow(clippy::print_stdout, reason = "printing is what this tool is for")]
fn main() -> anyhow::Result<()> {
    let Args { write } = Args::parse();
    for file in definitions::files() {
        let Some(folder) = &write else {
            print!("---\n{}", file.yaml);
            continue;
        };
        let path = folder.join(&file.name);
        std::fs::write(&path, file.yaml).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
