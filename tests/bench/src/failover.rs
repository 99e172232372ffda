use std::path::PathBuf;

use anyhow::Result;
use lab::{NodeKind, Spec, Steps};
use serde_json::json;
use suites::{Bed, Watched};

use crate::Report;
use crate::failover::arp::RoundTrips;
use crate::failover::busy::Busy;
use crate::failover::cases::{Case, Faults};
use crate::failover::connections::DeadNode;
use crate::failover::fresh::Fresh;
use crate::failover::idle::Idle;
use crate::failover::report::Table;
use crate::failover::thousand::Thousand;
use crate::machine;

mod arp;
mod busy;
mod cases;
mod connections;
mod fresh;
mod idle;
mod picture;
mod report;
mod thousand;
mod values;

const SERVICE: &str = "web";

/// What is measured, and where the figures go.
#[derive(Debug, clap::Args)]
pub(crate) struct Failover {
    /// How often each fault happens.
    #[arg(default_value_t = 30)]
    runs: usize,
    /// Only these, separated by commas; everything if none is named.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Nodes of the larger segment.
    #[arg(long, default_value_t = 10)]
    nodes: u8,
    /// The speaker to measure; without it, the one that goes into the image.
    #[arg(long)]
    speaker: Option<PathBuf>,
    /// Where everything is written: failover.json, and the folder failover with every single value and a picture.
    #[arg(long)]
    output: Option<PathBuf>,
}

/// A part of the measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// The cable of the holder is pulled, with three nodes.
    Cut3,
    /// The same with more nodes.
    Cut10,
    /// The holder's node is tainted for a drain.
    Planned,
    /// The holder's speaker is told to end, for good.
    Sigterm,
    /// It is told to end, and another one takes its place.
    Replaced,
    /// All speakers are replaced, one after the other.
    Rolling,
    /// The holder's speaker is killed, and started again.
    Kill,
    /// Pods would take every core of every node.
    Busy,
    /// From the status of a new Service to the first announcement.
    New,
    /// The cable of a node with a thousand addresses is pulled.
    Thousand,
    /// The round trip of an ARP question.
    Arp,
    /// Memory and processor of speakers that have nothing to do.
    Idle,
    /// New connections while a node with an endpoint is dead, with its pods marked and without; ten runs at most.
    Connections,
}

/// All that was measured.
#[derive(Debug, Default)]
pub(crate) struct Measurements {
    cores: f64,
    /// The machine's load before the run.
    load: f64,
    faults: Vec<Faults>,
    busy: Option<Busy>,
    fresh: Option<Fresh>,
    thousand: Option<Thousand>,
    arp: Option<RoundTrips>,
    idle: Option<Idle>,
    idle_with_thousand: Option<Idle>,
    dead_node: Option<DeadNode>,
}

impl Failover {
    /// Brings labs up, measures, and takes them down, also when something fails and after Ctrl-C. What was measured until then
    /// is reported.
    pub(crate) fn run(&self) -> Result<Report> {
        let mut measured = Measurements {
            cores: machine::cores()?,
            load: machine::load()?,
            ..Measurements::default()
        };
        let failed = self.measure(Steps::printing(), &mut measured).err();
        let default = || suites::root().join("target/bench");
        let folder = self.output.clone().unwrap_or_else(default);
        values::write(&folder.join("failover"), &measured)?;
        picture::write(&folder.join("failover/failover.svg"), &measured)?;
        let table = Table::of(self.runs, &measured);
        Ok(Report {
            table: table.text(),
            numbers: table.into_numbers(),
            file: folder.join("failover.json"),
            failed,
        })
    }

    fn measure(&self, steps: Steps, measured: &mut Measurements) -> Result<()> {
        if self.wants_any_but(&[Part::Cut10, Part::Connections]) {
            let bed = self.bring_up(3, steps)?;
            self.with_three_nodes(&bed, steps, measured)?;
            steps.step("removing the lab", || bed.lab.down())?;
        }
        if self.wants(Part::Cut10) {
            let bed = self.bring_up(self.nodes, steps)?;
            let watched = Watched::start(&bed, SERVICE)?;
            let case = Case::Cut { nodes: self.nodes };
            measured.faults.push(self.faults(case, &bed, &watched, steps)?);
            drop(watched);
            steps.step("removing the lab", || bed.lab.down())?;
        }
        if self.wants(Part::Connections) {
            measured.dead_node = Some(DeadNode::measure(self.runs.min(10), steps)?);
        }
        Ok(())
    }

    fn with_three_nodes(&self, bed: &Bed, steps: Steps, measured: &mut Measurements) -> Result<()> {
        // Before there are clients: they keep the speakers busy.
        if self.wants(Part::Idle) {
            let idle = || Idle::measure(bed);
            measured.idle = Some(steps.step("speakers with nothing to do", idle)?);
        }
        let watched = Watched::start(bed, SERVICE)?;
        if self.wants(Part::Arp) {
            let arp = || RoundTrips::measure(bed, &watched);
            measured.arp = Some(steps.step("round trips of ARP", arp)?);
        }
        let cases = [
            (Part::Cut3, Case::Cut { nodes: 3 }),
            (Part::Planned, Case::Planned),
            (Part::Sigterm, Case::Sigterm),
            (Part::Replaced, Case::Replaced),
            (Part::Rolling, Case::Rolling),
            (Part::Kill, Case::Kill),
        ];
        for (_, case) in cases.into_iter().filter(|(part, _)| self.wants(*part)) {
            measured.faults.push(self.faults(case, bed, &watched, steps)?);
        }
        if self.wants(Part::Busy) {
            let busy = || Busy::measure(bed, &watched, self.runs);
            measured.busy = Some(steps.step("every core busy", busy)?);
        }
        drop(watched);
        if self.wants(Part::New) {
            let fresh = || Fresh::measure(bed, self.runs);
            measured.fresh = Some(steps.step("new addresses", fresh)?);
        }
        if self.wants(Part::Thousand) {
            let thousand = || thousand::prepare(bed);
            let addresses = steps.step("a thousand addresses on one node", thousand)?;
            if self.wants(Part::Idle) {
                let idle = || Idle::measure(bed);
                measured.idle_with_thousand = Some(steps.step("speakers that hold them", idle)?);
            }
            let thousand = measured.thousand.get_or_insert_default();
            steps.step("the cable of that node", || {
                thousand.measure(bed, &addresses, self.runs)
            })?;
        }
        Ok(())
    }

    fn faults(&self, case: Case, bed: &Bed, watched: &Watched<'_>, steps: Steps) -> Result<Faults> {
        steps.step(&case.title(), || Faults::measure(case, bed, watched, self.runs))
    }

    fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    fn wants_any_but(&self, parts: &[Part]) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| !parts.contains(wanted))
    }

    /// A lab with a speaker on each node, as a user would run it, and a Service with an address of each family that echoes.
    fn bring_up(&self, nodes: u8, steps: Steps) -> Result<Bed> {
        let spec = Spec {
            nodes,
            steps,
            ..Spec::new("bench-failover", NodeKind::Process)
        };
        let bed = Bed {
            log_level: "info",
            speaker_program: self.speaker.clone(),
            ..Bed::bare_on(spec)?
        };
        steps.step("controller, speakers, and a Service", || {
            bed.dual_pool("lan")?;
            bed.advertise("lan", json!({"ipPools": ["lan"]}))?;
            bed.controller(1)?;
            for node in bed.lab.nodes() {
                bed.speaker(&node.name)?;
            }
            let backend = bed.lab.backend("echo")?;
            bed.lab.load_balancer(SERVICE, &[&backend])?;
            bed.both_addresses(SERVICE).map(drop)
        })?;
        Ok(bed)
    }
}
