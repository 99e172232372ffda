//! The order of things: an idle cluster, one of many nodes, one of many Services, one of many reservations.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use api::client::connect;
use k8s_openapi::api::core::v1::{Node, Service};
use kube::api::DeleteParams;
use kube::{Api, Client};
use lab::{Signal, Steps};
use process::clock::now;
use suites::Bed;
use tokio::runtime::Runtime;

use super::idle::{self, Daemon, Idle};
use super::objects::{self, Asks};
use super::{Scale, conditions};
use crate::controller::{Controller, USER};
use crate::machine;
use crate::observer::Observer;
use crate::services::{Giver, WRITERS, create, delete_all};

const USER_AGENT: &str = concat!("herald-bench/", env!("CARGO_PKG_VERSION"));

/// How long everything is given to come to rest.
const REST: Duration = Duration::from_secs(5);

/// The one node that somebody runs on.
const NODE: &str = "n1";

/// The smaller of the clusters whose conditions are weighed.
pub(super) const FEW: usize = 10;

/// What one run found.
#[derive(Debug)]
pub(super) struct Measurements {
    pub(super) cores: f64,
    pub(super) load: f64,
    pub(super) controller: Idle,
    pub(super) speaker: Idle,
    /// Octets of conditions beside few and many nodes.
    pub(super) conditions: [usize; 2],
    pub(super) ready: Duration,
    pub(super) serving: Duration,
    pub(super) resident_mb: f64,
    pub(super) peak_mb: f64,
    pub(super) deleted: Deletion,
    pub(super) unreserved: Option<Deletion>,
}

/// What a controller does when one Service of many is deleted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deletion {
    /// Decisions about Services, where the controller counts them.
    pub(super) decisions: Option<f64>,
    /// Processor time, in milliseconds.
    pub(super) processor_ms: f64,
}

/// One run.
pub(super) struct Run<'a> {
    wanted: &'a Scale,
    bed: &'a Bed,
    program: PathBuf,
    steps: Steps,
    runtime: Runtime,
    clients: Vec<Client>,
}

impl<'a> Run<'a> {
    /// To be called, as [`Self::measure`], on a thread in the namespace of the controller's host.
    pub(super) fn new(wanted: &'a Scale, bed: &'a Bed, program: PathBuf, steps: Steps) -> Result<Self> {
        idle::check()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let kubeconfig = bed.lab.kubeconfig_for("herald-bench", Some("system:masters"))?;
        let clients: Result<Vec<_>, _> = (0..WRITERS)
            .map(|_| runtime.block_on(connect(Some(&kubeconfig), USER_AGENT)))
            .collect();
        Ok(Self {
            wanted,
            bed,
            program,
            steps,
            runtime,
            clients: clients?,
        })
    }

    /// Measures everything.
    pub(super) fn measure(self) -> Result<Measurements> {
        let (cores, load) = (machine::cores()?, machine::load()?);
        let (controller, _) = self.start("controller-1")?;
        let speaker = self.bed.speaker(NODE)?;
        let conditions = self.conditions()?;
        let daemons = [
            Daemon {
                user: USER,
                host: crate::controller::HOST,
                pid: controller.pid(),
            },
            Daemon {
                user: "herald-speaker",
                host: NODE,
                pid: speaker.id.pid,
            },
        ];
        let title = "looking at idle daemons";
        let [idle_controller, idle_speaker] =
            self.steps.step(title, || Idle::measure(&self.bed.lab, daemons))?;
        self.bed.end_speaker(NODE, Signal::SIGTERM)?;
        // On a cluster, nodes have processors of their own: here kube-proxy would take away those that are measured.
        self.bed
            .lab
            .process(NODE, "kube-proxy")?
            .signal(Signal::SIGKILL)?;
        controller.stop()?;
        let controller = self.fill(
            "standing",
            self.wanted.standing,
            Asks::Nothing,
            self.wanted.others,
        )?;
        controller.stop()?;
        let (controller, ready, serving) = self.restart()?;
        let (resident_mb, peak_mb) = (controller.resident_mb()?, controller.peak_mb()?);
        let deleted = self.delete(&controller, "standing-0")?;
        controller.stop()?;
        Ok(Measurements {
            cores,
            load,
            controller: idle_controller,
            speaker: idle_speaker,
            conditions,
            ready,
            serving,
            resident_mb,
            peak_mb,
            deleted,
            unreserved: self.reservations()?,
        })
    }

    /// The octets of the conditions of one Service, beside few nodes and beside many.
    fn conditions(&self) -> Result<[usize; 2]> {
        let client = &self.clients[0];
        let many = self.wanted.nodes;
        let octets = self.step(&format!("conditions beside {FEW} and {many} nodes"), async {
            objects::create_nodes(client, 1, FEW).await?;
            let few = conditions::octets(client, "web").await?;
            objects::create_nodes(client, FEW, many).await?;
            Ok([few, conditions::octets(client, "web").await?])
        })?;
        let api: Api<Node> = Api::all(client.clone());
        let names = (1..many).map(|number| format!("standing-{number}"));
        self.wait(objects::delete_named(&api, names))?;
        Ok(octets)
    }

    /// Services, all of which a controller has served.
    fn fill(&self, prefix: &str, count: usize, asks: Asks, others: usize) -> Result<Controller> {
        let title = format!("creating {others} Services that are none of ours");
        self.step(
            &title,
            objects::create_many(&self.clients, others, objects::other),
        )?;
        let title = format!("creating {count} Services of type LoadBalancer");
        let owned = prefix.to_owned();
        let object = move |number| objects::balanced(&owned, number, asks);
        self.step(&title, objects::create_many(&self.clients, count, object))?;
        let (controller, _) = self.start(&format!("controller-{prefix}"))?;
        self.step(
            "until all have an address",
            objects::all_served(&self.clients[0], count),
        )?;
        self.rest()?;
        Ok(controller)
    }

    /// A controller that starts and finds everything as it is, but for one Service that waits.
    fn restart(&self) -> Result<(Controller, Duration, Duration)> {
        let mut observer = self.wait(Observer::start(&self.clients[0]))?;
        self.wait(create(&self.clients[0], "waiting", 0, Giver::Controller))?;
        let began = now();
        let (controller, ready) = self.start("controller-2")?;
        let serving = self.wait(observer.sighting("waiting"))?.address - began;
        self.rest()?;
        Ok((controller, ready, serving))
    }

    /// Deletes one Service of many.
    fn delete(&self, controller: &Controller, service: &str) -> Result<Deletion> {
        let before = (
            controller.metric(&self.bed.lab, DECISIONS)?,
            controller.processor_time()?,
        );
        let api: Api<Service> = Api::default_namespaced(self.clients[0].clone());
        self.wait(async { Ok(api.delete(service, &DeleteParams::default()).await.map(drop)?) })?;
        self.rest()?;
        let after = (
            controller.metric(&self.bed.lab, DECISIONS)?,
            controller.processor_time()?,
        );
        Ok(Deletion {
            decisions: after.0.zip(before.0).map(|(after, before)| after - before),
            processor_ms: (after.1 - before.1).as_secs_f64() * 1000.0,
        })
    }

    /// The same where each Service keeps its address by a reservation.
    fn reservations(&self) -> Result<Option<Deletion>> {
        let count = self.wanted.reservations;
        if count == 0 {
            return Ok(None);
        }
        self.step("deleting all of them", delete_all(&self.clients))?;
        let controller = self.fill("reserved", count, Asks::Reservation, 0)?;
        let deleted = self.delete(&controller, "reserved-0")?;
        controller.stop()?;
        Ok(Some(deleted))
    }

    fn start(&self, identity: &str) -> Result<(Controller, Duration)> {
        Controller::start(&self.bed.lab, &self.program, identity)
    }

    fn rest(&self) -> Result<()> {
        self.wait(async {
            tokio::time::sleep(REST).await;
            Ok(())
        })
    }

    fn step<T>(&self, title: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.steps.step(title, || self.wait(work))
    }

    /// Does something, unless a signal comes first.
    fn wait<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.runtime.block_on(async {
            tokio::select! {
                done = work => done,
                () = crate::allocation::interrupted() => bail!("interrupted"),
            }
        })
    }
}

/// The metric that counts decisions.
const DECISIONS: &str = "herald_controller_decisions_total";

impl Controller {
    /// A metric without labels; none where there is none.
    fn metric(&self, lab: &lab::Lab, name: &str) -> Result<Option<f64>> {
        let text = self.metrics(lab)?;
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value
            .map(|value| value.parse().context("a metric that is no number"))
            .transpose()
    }
}
