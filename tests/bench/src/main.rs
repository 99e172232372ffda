//! `herald-bench`: measures Herald on a lab, prints the figures beside their bounds, and writes them to a file.
//!
//! It measures and does not judge: machines differ, and so do their neighbours. It fails when something does not work.
#![forbid(unsafe_code)]

mod allocation;
mod bgp;
mod controller;
mod distribution;
mod failover;
mod figures;
mod machine;
mod numbers;
mod observer;
mod scale;
mod services;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::allocation::Allocation;
use crate::bgp::Bgp;
use crate::failover::Failover;
use crate::numbers::Numbers;
use crate::scale::Scale;

/// Measures Herald on a cluster in network namespaces of this machine.
#[derive(Debug, Parser)]
#[command(name = "herald-bench", version)]
struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// From a Service's creation to its address; the controller's start and memory.
    Allocation(Allocation),
    /// From a fault to the answer of another node; new addresses; the speaker's memory.
    Failover(Failover),
    /// From a Service to its route; a full table; what BFD makes of a cable that is pulled.
    Bgp(Bgp),
    /// What grows with the cluster: the controller's memory, requests, conditions, decisions.
    Scale(Scale),
}

/// What was measured.
struct Report {
    /// For people.
    table: String,
    /// For programs, and where they look.
    numbers: Numbers,
    file: PathBuf,
    /// Why there is not more.
    failed: Option<anyhow::Error>,
}

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("herald-bench: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<()> {
    lab::catch_signals()?;
    let report = match args.what {
        What::Allocation(allocation) => allocation.run()?,
        What::Failover(failover) => failover.run()?,
        What::Bgp(bgp) => bgp.run()?,
        What::Scale(scale) => scale.run()?,
    };
    print(&report.table);
    report.numbers.write(&report.file)?;
    print(&format!("figures are in {}", shown(&report.file)));
    report.failed.map_or(Ok(()), Err)
}

fn shown(path: &Path) -> String {
    path.strip_prefix(suites::root())
        .unwrap_or(path)
        .display()
        .to_string()
}

#[allow(clippy::print_stdout, reason = "this is the command's report to its user")]
fn print(text: &str) {
    println!("{text}");
}

#[allow(clippy::print_stderr, reason = "this is the command's report to its user")]
fn complain(text: &str) {
    eprintln!("{text}");
}
