//! Writes what is made from the chart into the tree: manifests, and what it renders to for common clusters.

use anyhow::Context as _;
use clap::Parser;
use guards::chart::files;
use guards::root;

/// Writes what is made from the chart into the tree.
#[derive(Parser)]
#[command(version)]
struct Args {}

fn main() -> anyhow::Result<()> {
    let Args {} = Args::parse();
    for file in files()? {
        let path = root().join(&file.path);
        std::fs::write(&path, file.text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
