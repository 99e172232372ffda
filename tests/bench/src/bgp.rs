use std::path::PathBuf;

use anyhow::Result;
use lab::{NodeKind, Router, Spec, Steps};
use serde_json::json;
use suites::Bed;

use crate::Report;
use crate::bgp::bfd::{Cuts, Quiet, Watched};
use crate::bgp::burst::Burst;
use crate::bgp::report::Table;
use crate::bgp::scene::Scene;
use crate::bgp::table::Full;
use crate::bgp::wire::Wire;
use crate::machine;

mod bfd;
mod burst;
mod daemon;
mod report;
mod scene;
mod table;
mod wire;

/// What the pods of a node weigh where its daemons weigh 1: of so little nobody can keep time but by real-time scheduling.
const NEXT_TO_NOTHING: u32 = 100;

/// What is measured, and where the figures go.
#[derive(Debug, clap::Args)]
pub(crate) struct Bgp {
    /// How often a cable is pulled.
    #[arg(default_value_t = 30)]
    runs: usize,
    /// Only these, separated by commas; everything if none is named.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// How many Services are created at once.
    #[arg(long, default_value_t = 1000)]
    burst: usize,
    /// How many routes are a full table.
    #[arg(long, default_value_t = 10_000)]
    routes: usize,
    /// For how long nothing may go down while every core is busy; the same again with real-time scheduling.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// The speaker to measure; without it, the one that goes into the image.
    #[arg(long)]
    speaker: Option<PathBuf>,
    /// Where the figures are written: bgp.json.
    #[arg(long)]
    output: Option<PathBuf>,
}

/// A part of the measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// From a Service that becomes ready to the UPDATE.
    Wire,
    /// From the address to the route, of many Services at once.
    Burst,
    /// A full table at the start of a session, and the speaker's memory with it.
    Table,
    /// What clients behind a router see when a cable is pulled.
    Bfd,
    /// Whether BFD holds while every core is busy, and the speakers have what their request gives them.
    Quiet,
    /// The same with real-time scheduling, and next to nothing otherwise.
    Realtime,
}

/// All that was measured.
#[derive(Debug, Default)]
pub(crate) struct Measurements {
    cores: f64,
    /// The machine's load before the run.
    load: f64,
    wire: Option<Wire>,
    burst: Option<Burst>,
    full: Option<Full>,
    cuts: Vec<Cuts>,
    quiet: Option<Quiet>,
    realtime: Option<Quiet>,
}

impl Bgp {
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
        let table = Table::of(&measured);
        Ok(Report {
            table: table.text(),
            numbers: table.into_numbers(),
            file: self.output.clone().unwrap_or_else(default).join("bgp.json"),
            failed,
        })
    }

    fn measure(&self, steps: Steps, measured: &mut Measurements) -> Result<()> {
        if [Part::Wire, Part::Burst, Part::Table]
            .into_iter()
            .any(|part| self.wants(part))
        {
            let bed = self.bring_up(1, false, steps)?;
            self.with_scripted_peers(&bed, steps, measured)?;
            steps.step("removing the lab", || bed.lab.down())?;
        }
        if [Part::Bfd, Part::Quiet].into_iter().any(|part| self.wants(part)) {
            let bed = self.bring_up(2, false, steps)?;
            self.with_routers(&bed, steps, measured)?;
            steps.step("removing the lab", || bed.lab.down())?;
        }
        if self.wants(Part::Realtime) {
            let bed = self.bring_up(2, true, steps)?;
            measured.realtime = Some(self.in_real_time(&bed, steps)?);
            steps.step("removing the lab", || bed.lab.down())?;
        }
        Ok(())
    }

    fn with_scripted_peers(&self, bed: &Bed, steps: Steps, measured: &mut Measurements) -> Result<()> {
        let scene = steps.step("four peers", || Scene::start(bed))?;
        if self.wants(Part::Wire) {
            let wire = || Wire::measure(&scene);
            measured.wire = Some(steps.step("Services that become ready", wire)?);
        }
        if self.wants(Part::Burst) {
            let burst = || Burst::measure(&scene, self.burst);
            measured.burst = Some(steps.step("many Services at once", burst)?);
        }
        if self.wants(Part::Table) {
            let full = || Full::measure(&scene, self.routes);
            measured.full = Some(steps.step("a full table", full)?);
        }
        Ok(())
    }

    fn with_routers(&self, bed: &Bed, steps: Steps, measured: &mut Measurements) -> Result<()> {
        let (tor, spine) = (bed.lab.router("tor")?, bed.lab.router("spine")?);
        let watched = watch(bed, [&tor, &spine], steps)?;
        if self.wants(Part::Bfd) {
            let cuts = || watched.cut(self.runs);
            measured.cuts = steps.step("cables pulled", cuts)?;
        }
        if self.wants(Part::Quiet) {
            let quiet = || watched.stay_quiet(self.minutes, machine::AS_REQUESTED);
            measured.quiet = Some(steps.step("every core busy", quiet)?);
        }
        Ok(())
    }

    fn in_real_time(&self, bed: &Bed, steps: Steps) -> Result<Quiet> {
        let (tor, spine) = (bed.lab.router("tor")?, bed.lab.router("spine")?);
        let watched = watch(bed, [&tor, &spine], steps)?;
        let quiet = || watched.stay_quiet(self.minutes, NEXT_TO_NOTHING);
        steps.step("every core busy, BFD in real time", quiet)
    }

    fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    /// A lab with a controller, a pool of both families and an advertisement of everything; no speaker yet.
    fn bring_up(&self, nodes: u8, realtime_bfd: bool, steps: Steps) -> Result<Bed> {
        let spec = Spec {
            nodes,
            steps,
            ..Spec::new("bench-bgp", NodeKind::Process)
        };
        let bed = Bed {
            log_level: "info",
            speaker_program: self.speaker.clone(),
            realtime_bfd,
            ..Bed::bare_on(spec)?
        };
        steps.step("controller", || {
            bed.object(
                "IPPool",
                "bgp",
                json!({"addresses": ["198.18.0.0/15", "2001:db8:100::/112"]}),
            )?;
            bed.bgp_advertise("all", json!({}))?;
            bed.controller(1).map(drop)
        })?;
        Ok(bed)
    }
}

fn watch<'a>(bed: &'a Bed, routers: [&'a Router<'a>; 2], steps: Steps) -> Result<Watched<'a>> {
    steps.step("routers with BFD, and their clients", || {
        Watched::start(bed, routers)
    })
}
