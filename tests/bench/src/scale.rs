//! What grows with the cluster, and what must not.

use std::path::PathBuf;

use anyhow::Result;
use lab::{NodeKind, Spec, Steps};
use suites::Bed;

use crate::Report;
use crate::controller::HOST;
use crate::scale::report::report;
use crate::scale::run::Run;

mod conditions;
mod idle;
mod objects;
mod report;
mod run;

/// Addresses that are set aside for benchmarks (RFC 2544), of one family: Services that prefer two wait for the other for ever.
const POOL: &str = "198.18.0.0/16";

/// What is measured, and where the figures go.
#[derive(Debug, clap::Args)]
pub(crate) struct Scale {
    /// Services of type LoadBalancer, each of which prefers two families and gets one.
    #[arg(long, default_value_t = 10_000)]
    standing: usize,
    /// Services of other types beside them.
    #[arg(long, default_value_t = 50_000)]
    others: usize,
    /// Services that keep their address by a reservation, measured after the others are gone.
    #[arg(long, default_value_t = 10_000)]
    reservations: usize,
    /// Nodes of the larger cluster whose conditions are weighed.
    #[arg(long, default_value_t = 1000)]
    nodes: usize,
    /// The controller to measure; without it, the one that goes into the image.
    #[arg(long)]
    controller: Option<PathBuf>,
    /// Where the figures are written; without it, target/bench/scale.json.
    #[arg(long)]
    output: Option<PathBuf>,
}

impl Scale {
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
            ..Spec::new("bench-scale", NodeKind::Process)
        })?;
        bed.pool("lan", POOL)?;
        bed.advertise("lan", serde_json::json!({}))?;
        let backend = bed.lab.backend("backend")?;
        bed.lab.load_balancer("web", &[&backend])?;
        let measured = bed
            .lab
            .inside(HOST, || Run::new(self, &bed, program, steps)?.measure())??;
        steps.step("removing the lab", || bed.lab.down())?;
        let default = || suites::root().join("target/bench/scale.json");
        let figures = report(self, &measured);
        Ok(Report {
            table: figures.table(),
            numbers: figures.into_numbers(),
            file: self.output.clone().unwrap_or_else(default),
            failed: None,
        })
    }
}
