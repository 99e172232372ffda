//! Prints the statements that have no test, or writes which tests prove which statement into the tree.

use anyhow::Context as _;
use clap::Parser;

/// Prints the files that say which statements have a test.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Write them into the tree instead of printing them.
    #[arg(long)]
    write: bool,
}

#[allow(clippy::print_stdout, reason = "printing is what this tool is for")]
fn main() -> anyhow::Result<()> {
    let Args { write } = Args::parse();
    let pages = guards::parity::pages().map_err(|errors| anyhow::anyhow!(errors.join("\n")))?;
    for (file, text) in pages {
        if write {
            let path = guards::root().join(&file);
            std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        } else {
            print!("{text}");
        }
    }
    Ok(())
}
