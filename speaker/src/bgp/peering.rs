//! The BGP sessions of this node: one task for each peer, with a [`bgp::Session`] and its connection.
//!
//! [`Peerings`] says which sessions there are to be and what each peer is to get; [`Sessions`] tells how they stand. A session
//! whose peer is described anew is closed and run with the new description; a change of its routes, of those that are accepted, of
//! its password or of how BFD watches it is carried out in the session that there is.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bgp::{Drain, ExportGuard, Forwarding, Retention, Stop, Table};
use config::{PeerSession, SessionChange};
use model::{NodeName, PeerName};
use process::clock::{now, until};
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::timeout;

use crate::bgp::accepted::Offered;
use crate::bgp::bfd::Bfd;
use crate::kernel::links::Links;
use crate::watch::departure::Shutdown;

mod connection;
mod dial;
mod driver;
mod password;
mod sessions;
mod sockopt;
mod way;

pub use password::{Password, SecretFault};
pub use sessions::{PathState, SessionView, Sessions};

use driver::{Driver, Surroundings, Wish};

/// What the peers of this node are to be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peerings {
    /// The peers of this node.
    pub peers: BTreeMap<PeerName, Peering>,
    /// What may be announced at all.
    pub guard: Arc<ExportGuard>,
    /// The addresses by which the cluster knows this node, the best first.
    pub addresses: Vec<IpAddr>,
    /// This node is to be left alone.
    pub drain: bool,
    /// The API server has told everything. Until then this is what the last process left: no router may take it for all.
    pub complete: bool,
}

/// One peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peering {
    /// How the session is run.
    pub peer: Arc<PeerSession>,
    /// The key of its segments.
    pub password: Option<Password>,
    /// What it is to get.
    pub table: Arc<Table>,
}

impl Peering {
    /// What this means to a session that is run for `before`. A key is exchanged in the session that there is, but one that comes or goes
    /// takes another connection.
    fn change_from(&self, before: &Self) -> SessionChange {
        match before.peer.change_to(&self.peer) {
            SessionChange::InPlace if self.password.is_some() != before.password.is_some() => {
                SessionChange::NewSession(Retention::Keep)
            }
            change @ (SessionChange::InPlace | SessionChange::NewSession(_)) => change,
        }
    }
}

/// Runs the sessions.
pub struct Peers {
    node: NodeName,
    desired: watch::Receiver<Arc<Peerings>>,
    leave: watch::Receiver<Option<Shutdown>>,
    able: watch::Receiver<bool>,
    surroundings: Surroundings,
    sessions: Sessions,
    offered: Offered,
    running: BTreeMap<PeerName, Running>,
    tasks: JoinSet<()>,
    /// Sessions that begin now take the place of the last process's.
    restarted: bool,
    /// Whether the node has forwarded since it was switched on.
    forwarding: Forwarding,
    /// Sessions that are to be run anew, and when it is this node's turn for that.
    changes: BTreeMap<PeerName, Instant>,
}

struct Running {
    task: Id,
    peering: Peering,
    wishes: watch::Sender<Wish>,
}

/// A session that comes to be within this time of the process's start may be one that the last process had.
const RESTART: Duration = Duration::from_secs(60);

/// Nodes take turns of so long to run a session anew: longer than a session takes to come up.
const TURN: Duration = Duration::from_secs(3);
const TURNS: u32 = 8;

/// How long a speaker that is replaced waits for withdrawals to be with the routers.
const WITHDRAWAL: Duration = Duration::from_secs(2);

impl Peers {
    /// The sessions of `node` with the peers that are `desired`, until it is to `leave`. While the node is not `able` to forward,
    /// its routes are withdrawn as on a drain (S4).
    pub fn new(
        node: NodeName,
        desired: watch::Receiver<Arc<Peerings>>,
        leave: watch::Receiver<Option<Shutdown>>,
        able: watch::Receiver<bool>,
        bfd: Bfd,
        links: watch::Receiver<Arc<Links>>,
    ) -> Self {
        // A node that cannot forward as its speaker starts was switched off: routers are not to keep what they had of it.
        let forwarding = if *able.borrow() {
            Forwarding::Preserved
        } else {
            Forwarding::Lost
        };
        Self {
            node,
            desired,
            leave,
            able,
            surroundings: Surroundings { bfd, links },
            sessions: Sessions::default(),
            offered: Offered::default(),
            running: BTreeMap::new(),
            tasks: JoinSet::new(),
            restarted: true,
            forwarding,
            changes: BTreeMap::new(),
        }
    }

    /// How the sessions stand.
    pub fn sessions(&self) -> Sessions {
        self.sessions.clone()
    }

    /// What they have of routes that are accepted.
    pub fn offered(&self) -> Offered {
        self.offered.clone()
    }

    /// Runs until it is to leave, and every session has ended the way that asks for.
    pub async fn run(mut self) {
        let start = tokio::time::sleep(RESTART);
        tokio::pin!(start);
        self.update();
        loop {
            tokio::select! {
                changed = self.desired.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.update();
                }
                changed = self.leave.changed() => {
                    let how = *self.leave.borrow_and_update();
                    match (changed, how) {
                        (Ok(()), None) => {}
                        (Ok(()), Some(Shutdown::Restart)) | (Err(_), _) => break self.restart().await,
                        (Ok(()), Some(Shutdown::HandOver)) => break self.hand_over().await,
                    }
                }
                Ok(()) = self.able.changed() => self.update(),
                () = until(self.changes.values().min().copied()) => self.update(),
                Some(ended) = self.tasks.join_next_with_id() => {
                    self.on_end(ended);
                    self.update();
                }
                () = &mut start, if self.restarted => self.restarted = false,
            }
        }
        while self.tasks.join_next().await.is_some() {}
        // Now that TCP is closed: routers that see BFD go down first take the session for dead, and its routes with it, before they learn
        // that they may keep them.
        self.silence_bfd().await;
    }

    /// Brings the sessions in line with what is desired.
    fn update(&mut self) {
        let now = now();
        let desired = self.desired.borrow_and_update().clone();
        let able = *self.able.borrow_and_update();
        if able {
            self.forwarding = Forwarding::Preserved;
        }
        for (name, running) in &self.running {
            if running.is_stopping() {
                continue;
            }
            match desired.peers.get(name) {
                None => {
                    self.changes.remove(name);
                    running.stop(Stop::Deconfigured);
                }
                Some(peering) => match peering.change_from(&running.peering) {
                    SessionChange::InPlace => drop(self.changes.remove(name)),
                    SessionChange::NewSession(retention) => {
                        let due = *self
                            .changes
                            .entry(name.clone())
                            .or_insert_with(|| now + turn(&self.node));
                        if due <= now || !running.is_established(&self.sessions, name) {
                            self.changes.remove(name);
                            running.stop(Stop::Changed(retention));
                        }
                    }
                },
            }
        }
        for (name, peering) in &desired.peers {
            let mut wish = Wish::new(peering, &desired);
            wish.forwarding = self.forwarding;
            if !able {
                // Marking is for nodes that still forward.
                wish.drain = Drain::Withdraw;
            }
            match self.running.get_mut(name) {
                Some(running) if running.is_stopping() => {}
                Some(running) if self.changes.contains_key(name) => {
                    // The session goes on as it is until its turn, and with it what it announces.
                    let waiting = Peering {
                        table: peering.table.clone(),
                        ..running.peering.clone()
                    };
                    running.wish(Wish {
                        drain: wish.drain,
                        forwarding: wish.forwarding,
                        ..Wish::new(&waiting, &desired)
                    });
                }
                Some(running) => {
                    running.peering = peering.clone();
                    running.wish(wish);
                }
                None => self.begin(name.clone(), peering.clone(), wish),
            }
        }
    }

    fn begin(&mut self, name: PeerName, peering: Peering, wish: Wish) {
        let (wishes, wished) = watch::channel(wish);
        let driver = Driver::new(
            &self.node,
            &peering,
            self.restarted,
            self.surroundings.clone(),
            wished,
            self.sessions.of(name.clone(), &peering),
            self.offered.of(name.clone()),
        );
        let task = self.tasks.spawn(driver.run()).id();
        let running = Running {
            task,
            peering,
            wishes,
        };
        self.running.insert(name, running);
    }

    /// A session has ended: its peer may be wanted again, or in another form.
    fn on_end(&mut self, ended: Result<(Id, ()), JoinError>) {
        let task = match ended {
            Ok((task, ())) => task,
            Err(error) => {
                tracing::error!(%error, "a session's task failed");
                error.id()
            }
        };
        let mut running = self.running.iter();
        let name = running.find_map(|(name, running)| (running.task == task).then(|| name.clone()));
        if let Some(name) = name {
            self.running.remove(&name);
            self.changes.remove(&name);
            self.sessions.forget(&name);
        }
    }

    fn stop_all(&self, how: &Stop) {
        for running in self.running.values() {
            running.stop(how.clone());
        }
    }

    /// Another speaker is about to take over: the peers that can keep the routes do. Those of a node that is drained, or does not forward,
    /// are nothing to keep: they are withdrawn first, for what comes back may be a machine that was off.
    async fn restart(&mut self) {
        let mut drained = BTreeSet::new();
        for (name, running) in &self.running {
            running.wishes.send_if_modified(|wish| {
                let drains = wish.drain != Drain::No;
                if drains {
                    drained.insert(name.clone());
                    wish.drain = Drain::Withdraw;
                }
                drains
            });
        }
        if timeout(WITHDRAWAL, self.drained(drained)).await.is_err() {
            tracing::warn!("routers take the withdrawals of this node too slowly");
        }
        self.stop_all(&Stop::Restart);
    }

    /// Returns when none of these sessions announces anything any more.
    async fn drained(&mut self, peers: BTreeSet<PeerName>) {
        let sessions = self.sessions.clone();
        let drained = sessions.drained(&peers);
        tokio::pin!(drained);
        loop {
            tokio::select! {
                () = &mut drained => return,
                Some(ended) = self.tasks.join_next_with_id() => self.on_end(ended),
            }
        }
    }

    /// Silence must not look like a dead path.
    async fn silence_bfd(&self) {
        let bfd = self.surroundings.bfd.clone();
        // It fails only when the runtime ends, and then all is over.
        let _ = tokio::task::spawn_blocking(move || bfd.stop()).await;
    }

    /// Marks the routes, waits, withdraws them, and says farewell (RFC 8326).
    async fn hand_over(&mut self) {
        for running in self.running.values() {
            running.wishes.send_if_modified(|wish| {
                let begins = wish.drain == Drain::No;
                if begins {
                    wish.drain = Drain::Mark;
                }
                begins
            });
        }
        self.drained(self.running.keys().cloned().collect()).await;
        let text = format!("node {} takes its leave", self.node);
        self.stop_all(&Stop::Shutdown(text));
    }
}

/// When it is this node's turn to run a session anew, after an edit that all nodes learn of at once: routers that lose all sessions together
/// have no way left. By the node's name alone, so that it is the same each time.
fn turn(node: &NodeName) -> Duration {
    // FNV-1a.
    let hash = node.0.bytes().fold(0x811c_9dc5_u32, |hash, octet| {
        (hash ^ u32::from(octet)).wrapping_mul(0x0100_0193)
    });
    TURN * (hash % TURNS)
}

impl Running {
    fn is_established(&self, sessions: &Sessions, name: &PeerName) -> bool {
        sessions.now().get(name).is_some_and(SessionView::is_established)
    }

    fn wish(&self, wish: Wish) {
        self.wishes.send_if_modified(|known| {
            let changed = *known != wish;
            *known = wish;
            changed
        });
    }

    fn stop(&self, how: Stop) {
        self.wishes.send_modify(|wish| {
            wish.stop.get_or_insert(how);
        });
    }

    fn is_stopping(&self) -> bool {
        self.wishes.borrow().stop.is_some()
    }
}

/// How long [`Peers::run`] may take to leave for good, with these sessions.
pub fn longest_farewell(peerings: &Peerings) -> Duration {
    let waits = peerings
        .peers
        .values()
        .map(|peering| peering.peer.live.settings.graceful_shutdown);
    waits.max().unwrap_or_default() + Duration::from_secs(2)
}

#[cfg(test)]
mod tests {
    use bgp::ImportPolicy;

    use super::*;
    use crate::state::recalled;

    /// P-BGP-38: or every restart would close the sessions that it is to keep.
    #[test]
    fn a_session_from_disk_is_the_one_that_the_api_describes() {
        let known = recalled().peers.into_values().next().unwrap();
        let as_the_api_says = |change: fn(&mut PeerSession)| {
            let mut peer = (*known.peer).clone();
            change(&mut peer);
            Peering {
                peer: Arc::new(peer),
                ..known.clone()
            }
        };
        let described = as_the_api_says(|peer| {
            peer.live.bfd.as_mut().unwrap().echo = true;
            peer.live.imports = ImportPolicy::default();
        });
        assert_eq!(described.change_from(&known), SessionChange::InPlace);
        let other = as_the_api_says(|peer| peer.dial.port += 1);
        assert_eq!(
            other.change_from(&known),
            SessionChange::NewSession(Retention::Keep)
        );
    }

    #[test]
    fn nodes_take_turns_that_are_the_same_each_time() {
        let turns: BTreeSet<Duration> = (0..50).map(|n| turn(&NodeName(format!("node-{n}")))).collect();
        assert_eq!(turns.len(), TURNS as usize, "{turns:?}");
        assert!(turns.iter().all(|turn| turn.as_millis() % TURN.as_millis() == 0));
        assert_eq!(turn(&NodeName("n2".into())), TURN);
    }
}
