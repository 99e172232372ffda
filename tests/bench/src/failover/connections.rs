//! New connections while a node that has an endpoint is dead.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lab::{Connection, Lab, NodeKind, Spec, Steps};
use process::clock::now;
use serde_json::Value;

/// A connection begins so often.
const INTERVAL: Duration = Duration::from_millis(20);

/// A client that has no answer by then has given up: one retransmission of its SYN, and time for a second.
const PATIENCE: Duration = Duration::from_secs(2);

/// For how long connections begin that are counted.
const WINDOW: Duration = Duration::from_secs(10);

/// The connections of all runs, each second of them by itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seconds {
    /// How many began in each second after the cable, and how many of those were answered.
    pub(crate) seconds: [(usize, usize); 10],
    /// In each run, when the last one began that was not answered.
    pub(crate) last_failed: Vec<Duration>,
}

/// Both ways.
#[derive(Clone, Debug, Default)]
pub(crate) struct DeadNode {
    /// With `deadNodes.markEndpoints`.
    pub(crate) marked: Seconds,
    /// Without it.
    pub(crate) unmarked: Seconds,
}

impl DeadNode {
    /// Brings up a cluster with containers, once with dead nodes' pods marked and once without, and pulls the holder's cable so often.
    pub(crate) fn measure(runs: usize, steps: Steps) -> Result<Self> {
        Ok(Self {
            marked: Seconds::measure(runs, "deadNodes.markEndpoints=true", steps)?,
            unmarked: Seconds::measure(runs, "deadNodes.markEndpoints=false", steps)?,
        })
    }
}

impl Seconds {
    fn measure(runs: usize, value: &str, steps: Steps) -> Result<Self> {
        let lab = Lab::up(Spec {
            nodes: 3,
            steps,
            ..Spec::new("bench-connections", NodeKind::Kubelet)
        })?;
        let mut seconds = Self::default();
        steps.step(&format!("the holder's cable, {value}"), || {
            let address = prepare(&lab, value)?;
            (0..runs).try_for_each(|_| seconds.run(&lab, address))
        })?;
        steps.step("removing the lab", || lab.down())?;
        Ok(seconds)
    }

    fn run(&mut self, lab: &Lab, to: SocketAddr) -> Result<()> {
        let client = lab.connections("client", to, INTERVAL, PATIENCE)?;
        lab::wait_for("a second of answers", Duration::from_secs(30), || {
            let recent: Vec<_> = client.ended().into_iter().rev().take(50).collect();
            Ok((recent.len() == 50 && recent.iter().all(|one| one.answered.is_some())).then_some(()))
        })?;
        let entry = lab.neighbour("client", to.ip())?.and_then(|entry| entry.mac);
        let mac = entry.context("the client knows no hardware address")?;
        let holder = lab
            .host_with_mac(&mac)
            .context("the hardware address is no node's")?
            .name;
        let cut = now();
        lab.unplug(&holder)?;
        thread::sleep(WINDOW + PATIENCE + INTERVAL);
        let ended = client.ended();
        drop(client);
        self.count(
            ended
                .into_iter()
                .filter(|one| one.began >= cut)
                .map(|one| (one.began - cut, one)),
        );
        lab.plug(&holder)?;
        lab::wait_for(
            "every endpoint to be ready again",
            Duration::from_secs(180),
            || Ok((ready_endpoints(lab)? == 3).then_some(())),
        )
    }

    fn count(&mut self, connections: impl Iterator<Item = (Duration, Connection)>) {
        let mut last_failed = Duration::ZERO;
        for (after, connection) in connections {
            let second = usize::try_from(after.as_secs()).unwrap_or(usize::MAX);
            let Some((begun, answered)) = self.seconds.get_mut(second) else {
                continue;
            };
            *begun += 1;
            match connection.answered {
                Some(_) => *answered += 1,
                None => last_failed = last_failed.max(after),
            }
        }
        self.last_failed.push(last_failed);
    }
}

/// Installs Herald and three pods behind a Service, and gives the Service's address.
fn prepare(lab: &Lab, value: &str) -> Result<SocketAddr> {
    lab.load_image(&suites::image()?)?;
    lab.install_herald_with(&suites::root().join("deploy/herald"), &[value])?;
    for file in ["herald.yaml", "web.yaml", "service.yaml"] {
        let path = suites::root().join("tests/lab/demo").join(file);
        lab.kubectl_apply(&std::fs::read_to_string(path)?)?;
    }
    lab.kubectl(&["rollout", "status", "deployment/web", "--timeout=120s"])?;
    let address = lab::wait_for("an address", Duration::from_secs(30), || {
        let service = lab.kubectl_json(&["get", "service", "web"])?;
        let ip = service["status"]["loadBalancer"]["ingress"][0]["ip"].as_str();
        Ok(ip.map(str::to_owned))
    })?;
    ensure!(ready_endpoints(lab)? == 3, "not every endpoint is ready");
    Ok(SocketAddr::new(address.parse()?, 80))
}

fn ready_endpoints(lab: &Lab) -> Result<usize> {
    let slices = lab.kubectl_json(&["get", "endpointslices", "-l", "kubernetes.io/service-name=web"])?;
    let slices = slices["items"].as_array().into_iter().flatten();
    let endpoints = slices.filter_map(|slice| slice["endpoints"].as_array()).flatten();
    let is_ready = |endpoint: &&Value| endpoint["conditions"]["ready"] == true;
    Ok(endpoints.filter(is_ready).count())
}
