//! The loop of the speaker: watches and reports in, what is wanted and standings out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crds::SpeakerStatus;
use model::PeerName;
use process::probes::{Pulse, Readiness};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::bgp::peering::{Peerings, SessionView};
use crate::decide::decision::{Decider, Decision, Input};
use crate::decide::wanted::Wanted;
use crate::layer2::announcer::Report;
use crate::report::outbox::{ShownChange, Standings};
use crate::report::own_speaker::Picture;
use crate::report::passwords::Verdicts;
use crate::report::scene::Scene;
use crate::report::status;

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
    /// What Services show already.
    pub shown: mpsc::UnboundedSender<ShownChange>,
    /// Whether this node can forward.
    pub can_forward: watch::Receiver<bool>,
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
                Ok(()) = self.can_forward.changed() => News::Forwarding,
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
                    for change in self.decider.poll_shown() {
                        // Nobody listening is how a process ends.
                        let _ = self.shown.send(change);
                    }
                    let Some(next) = self.decider.poll_decision() else {
                        continue;
                    };
                    self.bring_about(&next);
                    decision = Some(next);
                }
                News::Forwarding => drop(self.can_forward.borrow_and_update()),
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
            status: SpeakerStatus {
                can_forward: Some(*self.can_forward.borrow()),
                ..status::status(&self.scene, decision)
            },
        };
        replace(&self.pictures, picture);
        match self.scene.silence() {
            None => self.readiness.met(SEGMENTS),
            Some(reason) => self.readiness.unmet(SEGMENTS, &reason),
        }
    }
}

/// What a round begins with.
enum News {
    Input(Box<Input>),
    Sessions,
    Forwarding,
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
