//! The order of things: from an empty cluster to a full one, and one restart.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use api::client::connect;
use kube::Client;
use lab::{Lab, Steps};
use process::clock::now;
use tokio::runtime::Runtime;

use super::Allocation;
use crate::controller::{Controller, USER};
use crate::machine;
use crate::observer::Observer;
use crate::services::{Giver, Measured, WRITERS, burst, create, delete_all, one_at_a_time};

const USER_AGENT: &str = concat!("herald-bench/", env!("CARGO_PKG_VERSION"));

/// How long everything is given to come to rest before memory is read.
const REST: Duration = Duration::from_secs(3);

/// The first requests of an API server, of a connection, of a cache are made and not counted.
const WARM_UP: usize = 20;

/// What one run found.
#[derive(Debug)]
pub(super) struct Measurements {
    pub(super) cores: f64,
    /// The machine's load before the run.
    pub(super) load: f64,
    pub(super) one: Measured,
    pub(super) api_one: Measured,
    pub(super) burst: Measured,
    pub(super) api_burst: Measured,
    pub(super) further: Measured,
    pub(super) api_further: Measured,
    /// From a start beside many Services until the controller said that it was ready.
    pub(super) ready: Duration,
    /// From the same start until the one Service that waited had its address.
    pub(super) serving: Duration,
    pub(super) idle_mb: f64,
    pub(super) full_mb: f64,
    pub(super) peak_mb: f64,
    pub(super) restarted_mb: f64,
    pub(super) restarted_peak_mb: f64,
    pub(super) writes_per_service: f64,
}

/// One run.
pub(super) struct Run<'a> {
    wanted: &'a Allocation,
    lab: &'a Lab,
    /// The controller that is measured.
    program: PathBuf,
    steps: Steps,
    runtime: Runtime,
    /// One for each writer.
    clients: Vec<Client>,
}

impl<'a> Run<'a> {
    /// To be called, as [`Self::measure`], on a thread in the namespace of the controller's host.
    pub(super) fn new(wanted: &'a Allocation, lab: &'a Lab, program: PathBuf, steps: Steps) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let kubeconfig = lab.kubeconfig_for("herald-bench", Some("system:masters"))?;
        let clients: Result<Vec<_>, _> = (0..WRITERS)
            .map(|_| runtime.block_on(connect(Some(&kubeconfig), USER_AGENT)))
            .collect();
        Ok(Self {
            wanted,
            lab,
            program,
            steps,
            runtime,
            clients: clients?,
        })
    }

    /// Measures everything.
    pub(super) fn measure(self) -> Result<Measurements> {
        let (cores, load) = (machine::cores()?, machine::load()?);
        let (api_one, api_burst) = self.api_server_alone()?;
        let (controller, _) = self.start("controller-1")?;
        let idle_mb = self.idle(&controller)?;
        let one = self.one_at_a_time("one at a time", "one", self.wanted.one, Giver::Controller)?;
        self.clear()?;
        let burst = self.burst("burst", "burst", self.wanted.burst, Giver::Controller)?;
        let missing = self.wanted.standing.saturating_sub(self.wanted.burst);
        let title = format!("until {} stand", self.wanted.standing);
        self.burst(&title, "fill", missing, Giver::Controller)?;
        self.rest()?;
        let (full_mb, peak_mb) = (controller.resident_mb()?, controller.peak_mb()?);
        let count = self.wanted.further;
        let further = self.one_at_a_time("further ones", "further", count, Giver::Controller)?;
        controller.stop()?;
        let title = "the API server alone: further ones";
        let api_further = self.one_at_a_time(title, "api-further", count, Giver::Bench)?;
        let (ready, serving, [restarted_mb, restarted_peak_mb]) = self.restart()?;
        Ok(Measurements {
            cores,
            load,
            one,
            api_one,
            burst,
            api_burst,
            further,
            api_further,
            ready,
            serving,
            idle_mb,
            full_mb,
            peak_mb,
            restarted_mb,
            restarted_peak_mb,
            writes_per_service: self.writes_per_service()?,
        })
    }

    /// One at a time, and a burst, when the bench itself gives the addresses and no controller is there.
    fn api_server_alone(&self) -> Result<(Measured, Measured)> {
        self.one_at_a_time("warming up", "warm", WARM_UP, Giver::Bench)?;
        let title = "the API server alone: one at a time";
        let one = self.one_at_a_time(title, "one", self.wanted.one, Giver::Bench)?;
        self.clear()?;
        let title = "the API server alone: burst";
        let burst = self.burst(title, "burst", self.wanted.burst, Giver::Bench)?;
        self.clear()?;
        Ok((one, burst))
    }

    /// The memory of a controller that leads and has nothing to do.
    fn idle(&self, controller: &Controller) -> Result<f64> {
        // The first addresses show that it leads.
        self.one_at_a_time(
            "warming up with the controller",
            "warm",
            WARM_UP,
            Giver::Controller,
        )?;
        self.clear()?;
        controller.resident_mb()
    }

    /// A controller that starts and finds everything as it is, but for one Service that waits: the time until it is
    /// ready, until that Service is served, and its memory then and at most.
    fn restart(&self) -> Result<(Duration, Duration, [f64; 2])> {
        let mut observer = self.wait(Observer::start(&self.clients[0]))?;
        self.wait(create(&self.clients[0], "waiting", 0, Giver::Controller))?;
        let began = now();
        let (controller, ready) = self.start("controller-2")?;
        let serving = self.wait(observer.sighting("waiting"))?.address - began;
        self.rest()?;
        let memory = [controller.resident_mb()?, controller.peak_mb()?];
        controller.stop()?;
        Ok((ready, serving, memory))
    }

    /// Status writes that the API server took from the controller, over the Services that it took them for.
    fn writes_per_service(&self) -> Result<f64> {
        let mut writes = self.lab.writes_of(USER)?;
        writes.retain(|write| write.resource == "services/status");
        let services: BTreeSet<_> = writes.iter().map(|write| &write.name).collect();
        #[allow(clippy::cast_precision_loss, reason = "counts of thousands")]
        Ok(writes.len() as f64 / services.len().max(1) as f64)
    }

    fn one_at_a_time(&self, title: &str, prefix: &str, count: usize, giver: Giver) -> Result<Measured> {
        self.step(title, one_at_a_time(&self.clients[0], prefix, count, giver))
    }

    fn burst(&self, title: &str, prefix: &str, count: usize, giver: Giver) -> Result<Measured> {
        self.step(title, burst(&self.clients, prefix, count, giver))
    }

    /// Removes all Services, and lets whoever saw them finish with them.
    fn clear(&self) -> Result<()> {
        self.wait(delete_all(&self.clients))?;
        self.rest()
    }

    fn rest(&self) -> Result<()> {
        self.wait(async {
            tokio::time::sleep(REST).await;
            Ok(())
        })
    }

    fn start(&self, identity: &str) -> Result<(Controller, Duration)> {
        Controller::start(self.lab, &self.program, identity)
    }

    fn step<T>(&self, title: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.steps.step(title, || self.wait(work))
    }

    /// Does something, unless a signal comes first.
    fn wait<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.runtime.block_on(async {
            tokio::select! {
                done = work => done,
                () = interrupted() => bail!("interrupted"),
            }
        })
    }
}

pub(crate) async fn interrupted() {
    while !lab::interrupted() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
