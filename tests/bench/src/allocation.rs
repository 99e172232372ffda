use std::path::PathBuf;

use anyhow::Result;
use lab::{NodeKind, Signal, Spec, Steps};
use suites::Bed;

use crate::Report;
use crate::allocation::report::report;
use crate::allocation::run::Run;
use crate::controller::HOST;

mod report;
mod run;

pub(crate) use run::interrupted;

/// Addresses that are set aside for benchmarks (RFC 2544): more than all steps together need.
const POOL: &str = "198.18.0.0/16";

/// What is measured, and where the figures go.
#[derive(Debug, clap::Args)]
pub(crate) struct Allocation {
    /// Services created one after the other.
    #[arg(long, default_value_t = 200)]
    one: usize,
    /// Services created at once, from 8 clients.
    #[arg(long, default_value_t = 1000)]
    burst: usize,
    /// Services that stand when the last steps are measured.
    #[arg(long, default_value_t = 10_000)]
    standing: usize,
    /// Services created one after the other while those stand.
    #[arg(long, default_value_t = 50)]
    further: usize,
    /// The controller to measure; without it, the one that goes into the image.
    #[arg(long)]
    controller: Option<PathBuf>,
    /// Where the figures are written; without it, target/bench/allocation.json.
    #[arg(long)]
    output: Option<PathBuf>,
}

impl Allocation {
    /// Brings a lab up, measures, and takes it down, also when something fails and after Ctrl-C.
    pub(crate) fn run(&self) -> Result<Report> {
        let program = match &self.controller {
            Some(program) => program.clone(),
            None => suites::binary("herald-controller")?,
        };
        let steps = Steps::printing();
        let bed = Bed::bare_on(Spec {
            nodes: 1,
            steps,
            ..Spec::new("bench-allocation", NodeKind::Process)
        })?;
        // On a cluster, nodes have processors of their own: here kube-proxy would take away those that are measured.
        bed.lab.process("n1", "kube-proxy")?.signal(Signal::SIGKILL)?;
        bed.pool("lan", POOL)?;
        let measured = bed
            .lab
            .inside(HOST, || Run::new(self, &bed.lab, program, steps)?.measure())??;
        steps.step("removing the lab", || bed.lab.down())?;
        let default = || suites::root().join("target/bench/allocation.json");
        let figures = report(self, &measured);
        Ok(Report {
            table: figures.table(),
            numbers: figures.into_numbers(),
            file: self.output.clone().unwrap_or_else(default),
            failed: None,
        })
    }
}
