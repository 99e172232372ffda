//! Prints the table of statements and their tests, or writes it into `tests/PARITY.md`.

use anyhow::Context as _;
use clap::Parser;

/// Prints which statements have a test.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Write the table into the tree instead of printing it.
    #[arg(long)]
    write: bool,
}

#[allow(clippy::print_stdout, reason = "printing is what this tool is for")]
fn main() -> anyhow::Result<()> {
    let Args { write } = Args::parse();
    let table = guards::parity::table().map_err(|errors| anyhow::anyhow!(errors.join("\n")))?;
    if !write {
        print!("{table}");
        return Ok(());
    }
    let path = guards::root().join(guards::parity::TABLE);
    std::fs::write(&path, table).with_context(|| format!("cannot write {}", path.display()))
}
