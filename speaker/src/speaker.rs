//! The loop of the speaker: watches and reports in, holdings and standings out.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use kube::runtime::watcher::Config;
use kube::{Api, Client};
use model::NodeName;
use process::clock::now;
use process::probes::Readiness;
use process::watch::{follow, readable};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::announcer::{Holdings, Report};
use crate::decision::{Decider, Decision, Input, LEASE_LABEL};
use crate::outbox::Standings;
use crate::standing::{Announcements, Standing};

/// What a speaker needs to be ready: to know everything it decides from.
pub const KNOWLEDGE: &str = "objects and leases";

/// The speaker, wired to its surroundings.
pub struct Speaker {
    /// The node that it runs on.
    pub me: NodeName,
    /// Who decides.
    pub decider: Decider,
    /// What the announcer is to hold.
    pub holdings: watch::Sender<Arc<Holdings>>,
    /// What the reporter is to write.
    pub standings: watch::Sender<Standings>,
    /// Whether everything is known.
    pub readiness: Readiness,
}

impl Speaker {
    /// Runs until `stop` turns true. The holdings stay as they are then: what follows is for the caller to say.
    pub async fn run(
        mut self,
        mut inputs: mpsc::Receiver<Input>,
        mut reports: mpsc::UnboundedReceiver<Report>,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut told = Told::default();
        let mut decision = Decision::default();
        loop {
            let input = tokio::select! {
                Some(input) = inputs.recv() => Some(input),
                Some(report) = reports.recv() => told.take_in(report),
                _ = stop.wait_for(|stop| *stop) => return,
            };
            if let Some(input) = input {
                self.decider.handle_input(now(), input);
                if let Some(next) = self.decider.decision() {
                    self.readiness.set(KNOWLEDGE, true);
                    self.hold(&next);
                    decision = next;
                }
            }
            self.tell(&decision, &told);
        }
    }

    fn hold(&self, decision: &Decision) {
        self.holdings.send_if_modified(|holdings| {
            let changed = **holdings != decision.holdings;
            if changed {
                *holdings = Arc::new(decision.holdings.clone());
            }
            changed
        });
    }

    fn tell(&self, decision: &Decision, told: &Told) {
        let standing = |verdict| Standing::of(&self.me, verdict, &told.announcements, &told.homeless);
        let reports = decision.reports.iter();
        let standings: Standings = reports
            .filter_map(|(name, verdict)| Some((name.clone(), standing(verdict)?)))
            .collect();
        self.standings.send_if_modified(|before| {
            let changed = *before != standings;
            *before = standings;
            changed
        });
    }
}

/// What the announcer has told.
#[derive(Debug, Default)]
struct Told {
    announcements: Announcements,
    homeless: BTreeSet<IpAddr>,
}

impl Told {
    /// Keeps a report; what the decider should know of it comes back.
    fn take_in(&mut self, report: Report) -> Option<Input> {
        match report {
            Report::Announced { ip, iface } => {
                tracing::info!(%ip, iface, "announced");
                self.homeless.remove(&ip);
                self.announcements.entry(ip).or_default().insert(iface);
                None
            }
            Report::Withdrawn { ip, iface } => {
                tracing::info!(%ip, iface, "withdrawn");
                let interfaces = self.announcements.entry(ip).or_default();
                interfaces.remove(&iface);
                if interfaces.is_empty() {
                    self.announcements.remove(&ip);
                }
                None
            }
            Report::NoInterface { ip } => {
                tracing::warn!(%ip, "no usable interface for the address");
                self.homeless.insert(ip);
                None
            }
            Report::Rival { ip, iface, mac } => {
                tracing::warn!(%ip, iface, %mac, "another speaker claims the address");
                Some(Input::ForeignClaim(ip))
            }
            Report::Stranger {
                ip,
                iface,
                mac,
                response,
            } => {
                tracing::warn!(%ip, iface, %mac, ?response, "another station claims the address");
                Some(Input::ForeignClaim(ip))
            }
            Report::StrangerGone { ip, iface } => {
                tracing::info!(%ip, iface, "no other station claims the address any more");
                None
            }
            Report::SocketFailed { iface, error } => {
                tracing::warn!(iface, %error, "cannot announce on the interface, trying again");
                None
            }
        }
    }
}

/// Follows everything that the decider wants to know.
pub fn follow_all(client: &Client, namespace: &str, sender: &mpsc::Sender<Input>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let all = Config::default;
    let services = all().fields("spec.type=LoadBalancer");
    let (label, value) = LEASE_LABEL;
    let leases = all().labels(&format!("{label}={value}"));
    tasks.spawn(follow(
        Api::all(client.clone()),
        services,
        readable(|_| {}),
        Input::Services,
        sender.clone(),
    ));
    tasks.spawn(follow(
        Api::all(client.clone()),
        all(),
        readable(|_| {}),
        Input::Slices,
        sender.clone(),
    ));
    tasks.spawn(follow(
        Api::all(client.clone()),
        all(),
        readable(|_| {}),
        Input::Nodes,
        sender.clone(),
    ));
    tasks.spawn(follow(
        Api::all(client.clone()),
        all(),
        Some,
        Input::Pools,
        sender.clone(),
    ));
    tasks.spawn(follow(
        Api::all(client.clone()),
        all(),
        Some,
        Input::L2Advertisements,
        sender.clone(),
    ));
    tasks.spawn(follow(
        Api::namespaced(client.clone(), namespace),
        leases,
        readable(|_| {}),
        Input::Leases,
        sender.clone(),
    ));
    tasks
}
