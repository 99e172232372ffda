//! The loop of the speaker: watches and reports in, what is wanted and standings out.

use std::sync::Arc;
use std::time::Duration;

use kube::runtime::watcher::Config;
use kube::{Api, Client};
use process::probes::Readiness;
use process::watch::{follow, readable};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::announcer::Report;
use crate::decision::{Decider, Decision, Input};
use crate::outbox::Standings;
use crate::scene::Scene;
use crate::status::{self, Picture};
use crate::wanted::Wanted;

/// What a speaker needs to be ready: to know everything it decides from,
pub const KNOWLEDGE: &str = "objects";
/// and to have listened before it answers. Whoever is replaced next may rely on it then.
pub const SEGMENTS: &str = "segments";

/// Between two rounds: what comes meanwhile is taken in at once. A thousand Services that are created in a second are not a
/// thousand decisions.
const CALM: Duration = Duration::from_millis(10);

/// The speaker, wired to its surroundings.
pub struct Speaker {
    /// Who decides what is to be announced.
    pub decider: Decider,
    /// What has become of it.
    pub scene: Scene,
    /// What the announcer is to bring about.
    pub wanted: watch::Sender<Arc<Wanted>>,
    /// What the reporter is to write.
    pub standings: watch::Sender<Standings>,
    /// What the Speaker of this node is to show.
    pub pictures: watch::Sender<Picture>,
    /// Whether everything is known.
    pub readiness: Readiness,
}

impl Speaker {
    /// Runs until nobody sends anything any more.
    pub async fn run(
        mut self,
        mut inputs: mpsc::Receiver<Input>,
        mut reports: mpsc::UnboundedReceiver<Report>,
    ) {
        // None until the API server has told everything: what the last process left stays in force until then.
        let mut decision: Option<Decision> = None;
        loop {
            tokio::select! {
                Some(input) = inputs.recv() => {
                    self.decider.handle_input(input);
                    // A list is many objects, and one decision.
                    while let Ok(input) = inputs.try_recv() {
                        self.decider.handle_input(input);
                    }
                    let Some(next) = self.decider.poll_decision() else { continue };
                    self.readiness.set(KNOWLEDGE, true);
                    self.want(&next.wanted);
                    decision = Some(next);
                }
                Some(report) = reports.recv() => {
                    self.scene.handle_report(report);
                    // A thousand addresses that move are a thousand reports, and one picture.
                    while let Ok(report) = reports.try_recv() {
                        self.scene.handle_report(report);
                    }
                }
                else => return,
            }
            if let Some(decision) = &decision {
                replace(&self.standings, self.scene.standings(decision));
            }
            let picture = Picture {
                node_uid: self.decider.node_uid().map(str::to_owned),
                status: status::status(&self.scene, decision.is_some()),
            };
            replace(&self.pictures, picture);
            self.readiness.set(SEGMENTS, self.scene.is_speaking());
            tokio::time::sleep(CALM).await;
        }
    }

    fn want(&self, wanted: &Wanted) {
        self.wanted.send_if_modified(|known| {
            let changed = **known != *wanted;
            if changed {
                *known = Arc::new(wanted.clone());
            }
            changed
        });
    }
}

fn replace<T: PartialEq>(sender: &watch::Sender<T>, value: T) {
    sender.send_if_modified(|known| {
        let changed = *known != value;
        *known = value;
        changed
    });
}

/// Follows everything that the decider wants to know.
pub fn follow_all(client: &Client, sender: &mpsc::Sender<Input>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let all = Config::default;
    let services = all().fields("spec.type=LoadBalancer");
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
    tasks
}
