//! The loop of the speaker: watches and reports in, what is wanted and standings out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use api::health::{Health, Trouble};
use api::kinds;
use api::watch::{Change, follow_reporting, readable, without_managed_fields};
use config::endpoints::Slice;
use config::service::Classes;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::watcher::Config;
use kube::{Api, Client, Resource};
use model::PeerName;
use process::probes::{Pulse, Readiness};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::bgp::peering::{Peerings, SessionView};
use crate::decide::decision::{self, Decider, Decision, Input, Seen};
use crate::decide::wanted::Wanted;
use crate::layer2::announcer::Report;
use crate::report::outbox::Standings;
use crate::report::passwords::Verdicts;
use crate::report::scene::Scene;
use crate::report::status::{self, Picture};
use crate::watch::slices::{Interest, fetch_missed};

/// What a speaker needs to be ready: to know everything it decides from,
pub const KNOWLEDGE: &str = "objects";
/// to be able to, which takes definitions, rights, and an API server that is new enough;
pub const API: &str = "api";
/// and to have listened before it answers. Whoever is replaced next may rely on it then.
pub const SEGMENTS: &str = "segments";

/// Between two rounds: what comes meanwhile is taken in at once. A thousand Services that are created in a second are not a
/// thousand decisions.
const CALM: Duration = Duration::from_millis(10);

/// The longest pause.
const LONGEST_CALM: Duration = Duration::from_millis(200);

/// The speaker, wired to its surroundings.
pub struct Speaker {
    /// Who decides what is to be announced.
    pub decider: Decider,
    /// What has become of it.
    pub scene: Scene,
    /// What the announcer is to bring about.
    pub wanted: watch::Sender<Arc<Wanted>>,
    /// What the peers of this node are to get.
    pub peerings: watch::Sender<Arc<Peerings>>,
    /// What is to be said of the passwords of peers.
    pub verdicts: watch::Sender<Verdicts>,
    /// The Secrets to follow.
    pub secrets: watch::Sender<BTreeSet<String>>,
    /// How the sessions stand.
    pub sessions: watch::Receiver<BTreeMap<PeerName, SessionView>>,
    /// What the reporter is to write.
    pub standings: watch::Sender<Standings>,
    /// What the Speaker of this node is to show.
    pub pictures: watch::Sender<Picture>,
    /// Whether everything is known.
    pub readiness: Readiness,
    /// By which this loop says that it turns.
    pub pulse: Pulse,
}

/// How long a round of the speaker may take: the first of a large cluster takes seconds.
pub const LONGEST_ROUND: Duration = Duration::from_secs(60);

impl Speaker {
    /// Runs until nobody sends anything any more.
    pub async fn run(
        mut self,
        mut inputs: mpsc::Receiver<Box<Input>>,
        mut reports: mpsc::UnboundedReceiver<Report>,
    ) {
        // None until the API server has told everything: what the last process left stays in force until then.
        let mut decision: Option<Decision> = None;
        loop {
            let news = tokio::select! {
                Some(input) = inputs.recv() => News::Input(input),
                Ok(()) = self.sessions.changed() => News::Sessions,
                Some(report) = reports.recv() => News::Report(report),
                () = self.pulse.due() => {
                    self.pulse.beat();
                    continue;
                }
                else => return,
            };
            self.pulse.beat();
            let begun = Instant::now();
            match news {
                News::Input(input) => {
                    self.decider.handle_input(*input);
                    // A list is many objects, and one decision.
                    while let Ok(input) = inputs.try_recv() {
                        self.decider.handle_input(*input);
                    }
                    let Some(next) = self.decider.poll_decision() else {
                        continue;
                    };
                    self.bring_about(&next);
                    decision = Some(next);
                }
                News::Sessions => {
                    let sessions = self.sessions.borrow_and_update().clone();
                    self.scene.handle_sessions(sessions);
                }
                News::Report(report) => {
                    self.scene.handle_report(report);
                    // A thousand addresses that move are a thousand reports, and one picture.
                    while let Ok(report) = reports.try_recv() {
                        self.scene.handle_report(report);
                    }
                    self.scene.log();
                }
            }
            self.tell(decision.as_ref());
            tokio::time::sleep(calm(begun.elapsed())).await;
        }
    }

    fn bring_about(&self, decision: &Decision) {
        self.readiness.met(KNOWLEDGE);
        replace(&self.wanted, decision.wanted.clone());
        replace(&self.peerings, decision.peerings.clone());
        replace(&self.verdicts, decision.secret_verdicts.clone());
        replace(&self.secrets, decision.secrets.clone());
    }

    fn tell(&self, decision: Option<&Decision>) {
        if let Some(decision) = decision {
            replace(&self.standings, self.scene.standings(decision));
        }
        let picture = Picture {
            node_uid: self.decider.node_uid().map(str::to_owned),
            status: status::status(&self.scene, decision),
        };
        replace(&self.pictures, picture);
        match self.scene.is_speaking() {
            true => self.readiness.met(SEGMENTS),
            false => self.readiness.unmet(
                SEGMENTS,
                "listening before the first answer, or no interface to speak on",
            ),
        }
    }
}

/// What a round begins with.
enum News {
    Input(Box<Input>),
    Sessions,
    Report(Report),
}

/// How long to pause after a round that took so long: rounds take a quarter of the time at most, whatever comes.
fn calm(round: Duration) -> Duration {
    (round * 3).clamp(CALM, LONGEST_CALM)
}

/// What is the same as before wakes nobody.
fn replace<T: PartialEq>(sender: &watch::Sender<T>, value: T) {
    sender.send_if_modified(|known| {
        let changed = *known != value;
        *known = value;
        changed
    });
}

/// What the API server is asked for, and how it gets on.
pub struct Sources {
    /// The client.
    pub client: Client,
    /// How the watches get on.
    pub health: Health,
    /// The classes of Services that are ours.
    pub classes: Classes,
}

/// Slices of headless Services are of no use: those have no address.
const NOT_HEADLESS: &str = "!service.kubernetes.io/headless";

/// A Node is tens of kilobytes, most of which is not kept: a list of few at a time costs little.
const NODES_AT_ONCE: u32 = 50;

impl Sources {
    /// Follows everything that the decider wants to know.
    pub fn follow_all(self, sender: &mpsc::Sender<Box<Input>>) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        let Self {
            client,
            health,
            classes,
        } = &self;
        let all = Config::default;
        let (interest, missed) = Interest::new();
        let service = readable(without_managed_fields);
        let classes = classes.clone();
        let learned = interest.clone();
        self.follow(
            &mut tasks,
            all().fields("spec.type=LoadBalancer"),
            move |object| Some(Seen::of(&service(object)?, &classes)),
            move |change| {
                learned.handle_services(&change);
                Input::Services(change)
            },
            sender,
        );
        self.follow_slices(&mut tasks, interest.clone(), sender);
        tasks.spawn(fetch_missed(client.clone(), interest, missed, sender.clone()));
        let nodes = all().page_size(NODES_AT_ONCE);
        let node = readable(config::node::slim);
        self.follow(&mut tasks, nodes, node, Input::Nodes, sender);
        let wrap = |update| Box::new(Input::Objects(update));
        kinds::follow(&mut tasks, client, health, decision::kinds(), wrap, sender);
        tasks
    }

    /// Follows the slices of Services that are ours, once those are known.
    fn follow_slices(&self, tasks: &mut JoinSet<()>, interest: Interest, sender: &mpsc::Sender<Box<Input>>) {
        let read = readable(without_managed_fields);
        let (known, wanted) = (interest.clone(), interest.clone());
        let keep = move |object| Slice::of(&read(object)?).filter(|slice| wanted.takes(slice));
        let wrap = move |change| {
            if matches!(change, Change::Listed(_)) {
                interest.handle_slices_listed();
            }
            Box::new(Input::Slices(change))
        };
        let following = follow_reporting(
            self.health.watch::<EndpointSlice>(),
            Api::all(self.client.clone()),
            Config::default().labels(NOT_HEADLESS),
            keep,
            wrap,
            sender.clone(),
        );
        tasks.spawn(async move {
            known.known().await;
            following.await;
        });
    }

    /// Follows one kind, in the whole cluster.
    fn follow<R, K>(
        &self,
        tasks: &mut JoinSet<()>,
        config: Config,
        keep: impl Fn(R) -> Option<K> + Send + 'static,
        wrap: impl Fn(Change<K>) -> Input + Send + 'static,
        sender: &mpsc::Sender<Box<Input>>,
    ) where
        R: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
        K: Send + 'static,
    {
        tasks.spawn(follow_reporting(
            self.health.watch::<R>(),
            Api::all(self.client.clone()),
            config,
            keep,
            move |change| Box::new(wrap(change)),
            sender.clone(),
        ));
    }
}

/// Says of the readiness what stands in the way of watches.
pub fn tell(readiness: &Readiness, troubles: &[Trouble]) {
    if troubles.is_empty() {
        return readiness.met(API);
    }
    let reasons: Vec<_> = troubles.iter().map(ToString::to_string).collect();
    readiness.unmet(API, &reasons.join("; "));
}
