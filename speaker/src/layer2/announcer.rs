//! Agrees with the other speakers on every interface who holds what, says there what this node holds, and answers for it.
//!
//! [`Announcer`] compares what is [`Wanted`] with the interfaces that there are ([`Links`]) and keeps one task per usable
//! interface. Each task owns a [`claim::Segment`] and an [`l2::Responder`] with their sockets; a task that fails never stops
//! the others, and tries again.
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use speaker::{decide::wanted::Wanted, kernel::links::{ExcludeList, Watcher}, layer2::announcer::Announcer};
//! # use tokio::sync::{mpsc, watch};
//! # async fn example() -> Result<(), speaker::kernel::links::LinksError> {
//! let (watcher, links) = Watcher::open().await?;
//! let (wanted, desired) = watch::channel(Arc::new(Wanted::default()));
//! let (reports, mut told) = mpsc::unbounded_channel();
//! let me = model::NodeName("n1".into());
//! let announcer = Announcer::new(me, desired, links, ExcludeList::default(), reports);
//! let statistics = announcer.statistics();
//! tokio::spawn(watcher.run());
//! tokio::spawn(announcer.run());
//! # Ok(())
//! # }
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

pub use announce::Interfaces;
use claim::{Keys, UnitId, Why};
use ipnet::IpNet;
use jiff::Timestamp;
use l2::{Mac, Response};
use model::NodeName;
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use crate::decide::wanted::Wanted;
use crate::kernel::links::{ExcludeList, Links};
use crate::kernel::packet::SocketError;
use crate::watch::departure::Shutdown;
use crate::watch::keys::KeysError;
use crate::watch::speakers::Speakers;

mod interface;
mod memory;
mod plan;
mod siblings;
mod statistics;

use interface::Interface;
pub use interface::Station;
pub use memory::Memory;
use plan::{Assignment, Others, Plan};
use siblings::Siblings;
pub use statistics::{InterfaceStatistics, Statistics};

/// After what is wanted was taken in, the next news waits so many times as long as that took: the tasks of the interfaces,
/// which share the thread, have as much work with it again.
const REST: u32 = 10;
/// No news waits longer than this.
const LONGEST_REST: Duration = Duration::from_millis(200);

/// What it takes to agree with the other speakers. Without it this node holds all that it may.
#[derive(Clone, Debug)]
pub struct Agreeing {
    /// The node that this is.
    pub me: NodeName,
    /// The times of the protocol.
    pub settings: claim::Settings,
    /// The UDP port that they talk on.
    pub port: u16,
    /// The keys that the speakers share.
    pub keys: watch::Receiver<Keys>,
    /// Whether this node forwards.
    pub able: watch::Receiver<bool>,
    /// How this process is to end, if it is to.
    pub leave: watch::Receiver<Option<Shutdown>>,
    /// Whether what the API wants is known as it is now.
    pub fresh: watch::Receiver<bool>,
    /// The speakers of the other nodes, as the API knows them.
    pub speakers: watch::Receiver<Arc<Speakers>>,
    /// What was agreed before, and what is agreed.
    pub memory: Memory,
}

/// What happened, for whoever tells users. Reports on one interface come in the order in which things happened.
#[derive(Debug)]
pub enum Report {
    /// The first announcement of the address has been sent, and it is answered for.
    Announced {
        /// The address.
        ip: IpAddr,
        /// Where.
        iface: String,
    },
    /// The address is answered for no longer.
    Withdrawn {
        /// The address.
        ip: IpAddr,
        /// Where.
        iface: String,
    },
    /// The address is held, and no interface can announce it. Reported when this becomes true, or so for another reason; an
    /// [`Report::Announced`] ends it.
    NoInterface {
        /// The address.
        ip: IpAddr,
        /// Why not.
        why: NoInterface,
    },
    /// The interfaces that are used, each time that they change.
    Interfaces(BTreeMap<String, InterfaceFacts>),
    /// What this node does for a unit on a segment; none: nothing any more.
    Role {
        /// Where.
        iface: String,
        /// The unit.
        unit: UnitId,
        /// What it does.
        role: Option<UnitRole>,
    },
    /// Another speaker of the cluster claims the address. Repeated while it does: see [`l2::Event::Rival`].
    Rival {
        /// The address.
        ip: IpAddr,
        /// Where.
        iface: String,
        /// The other speaker.
        mac: Mac,
    },
    /// A station outside of the cluster claims the address. Repeated while it does: see [`l2::Event::Stranger`].
    Stranger {
        /// The address.
        ip: IpAddr,
        /// Where.
        iface: String,
        /// The stranger.
        mac: Mac,
        /// What is done about it.
        response: Response,
    },
    /// The kernel answers ARP on these interfaces for what other nodes hold: see [`ipvs`](crate::kernel::ipvs).
    KernelAnswers(BTreeSet<String>),
    /// Whether there are keys to talk to the other speakers with. Until there are, nothing is announced.
    Keys(Knowledge),
    /// What is wrong with one of the keys; none: nothing any more.
    KeyFault(Option<KeysError>),
    /// The stranger claims the address no longer.
    StrangerGone {
        /// The address.
        ip: IpAddr,
        /// Where.
        iface: String,
    },
    /// What is known of another node's speaker has changed.
    Member {
        /// Where.
        iface: String,
        /// The other node.
        node: NodeName,
        /// What it is now; none: nothing is known of it any more.
        status: Option<claim::Status>,
    },
    /// Another node holds a unit than before; none: nobody does.
    Moved {
        /// Where.
        iface: String,
        /// The unit.
        unit: UnitId,
        /// Its holder.
        holder: Option<NodeName>,
    },
    /// Whether this speaker only listens on the segment as yet, and answers for nothing there.
    Listening {
        /// Where.
        iface: String,
        /// Whether it does.
        listening: bool,
    },
    /// Other speakers are on the segment, and nothing that they say is heard. None: that is over.
    Unheard {
        /// Where.
        iface: String,
        /// Their nodes, as far as they are known; none of them while it cannot be told who they are.
        nodes: Option<BTreeSet<NodeName>>,
    },
    /// The interface is used no longer; what was known of its segment is worth nothing.
    Left {
        /// Which.
        iface: String,
    },
    /// Nothing is announced on the interface, because of this; it is tried again. Repeated at each failure.
    SocketFailed {
        /// Where.
        iface: String,
        /// What the operating system refused.
        error: SocketError,
    },
}

/// Why no interface of a node can announce an address; the last of these that is true of one is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoInterface {
    /// None has its subnet, or is one that an L2Advertisement names.
    NoSubnet,
    /// The one that would has no address, so that the speakers cannot agree there.
    Unaddressed {
        /// The interface.
        iface: String,
    },
    /// It is the first or the last address of a subnet of an interface, and thus no host's (RFC 1122 §3.2.1.3).
    NoHost {
        /// The subnet.
        subnet: IpNet,
    },
}

/// What other programs of the cluster may want to know of an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InterfaceFacts {
    /// Its hardware address.
    pub mac: Option<Mac>,
    /// The subnets that it is in.
    pub subnets: BTreeSet<IpNet>,
    /// The addresses that the node itself has there.
    pub addresses: BTreeSet<IpAddr>,
    /// The default gateways that are reached through it.
    pub gateways: BTreeSet<IpAddr>,
}

/// What a node does for a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitRole {
    /// Whose traffic it is.
    pub duty: Duty,
    /// Why it came to be so, where that is known.
    pub why: Option<Why>,
    /// Since when it is.
    pub since: Timestamp,
}

/// For whom a node answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// For itself.
    Holder,
    /// In place of the holder's speaker.
    Proxy,
}

/// Whether something that a speaker needs is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Knowledge {
    /// It is.
    #[default]
    There,
    /// It is waited for.
    Awaited,
}

/// Announces what this node holds.
pub struct Announcer {
    me: NodeName,
    wanted: watch::Receiver<Arc<Wanted>>,
    links: watch::Receiver<Arc<Links>>,
    excluded: ExcludeList,
    settings: l2::Settings,
    agreeing: Option<Agreeing>,
    reports: mpsc::UnboundedSender<Report>,
    statistics: Statistics,
    /// Addresses that were reported as having no interface, and still have none.
    homeless: BTreeMap<IpAddr, NoInterface>,
    /// The interfaces that were reported.
    facts: BTreeMap<String, InterfaceFacts>,
    interfaces: BTreeMap<String, Running>,
    siblings: Siblings,
    tasks: JoinSet<()>,
}

struct Running {
    task: Id,
    /// `None`: told to stop. The name is not used again before it has, so that its reports stay in order.
    desired: Option<watch::Sender<Assignment>>,
}

impl Announcer {
    /// An announcer on node `me` of what is `wanted`, on those of `links` that are not `excluded`.
    ///
    /// Reports are not limited in number, except where [`Report`] says so: the receiver has to take them.
    pub fn new(
        me: NodeName,
        wanted: watch::Receiver<Arc<Wanted>>,
        links: watch::Receiver<Arc<Links>>,
        excluded: ExcludeList,
        reports: mpsc::UnboundedSender<Report>,
    ) -> Self {
        Self {
            me,
            wanted,
            links,
            excluded,
            settings: l2::Settings::default(),
            agreeing: None,
            reports,
            statistics: Statistics::default(),
            homeless: BTreeMap::new(),
            facts: BTreeMap::new(),
            interfaces: BTreeMap::new(),
            siblings: Siblings::default(),
            tasks: JoinSet::new(),
        }
    }

    /// Holds only what the speakers agree on.
    #[must_use]
    pub fn agreeing(self, agreeing: Agreeing) -> Self {
        Self {
            agreeing: Some(agreeing),
            ..self
        }
    }

    /// Uses these settings instead of the default ones.
    #[must_use]
    pub fn with_settings(self, settings: l2::Settings) -> Self {
        Self { settings, ..self }
    }

    /// The counts that this announcer keeps; the handle stays good while it runs.
    pub fn statistics(&self) -> Statistics {
        self.statistics.clone()
    }

    /// Announces until nobody can say what is wanted or tell of the links any more, or this speaker has left. Then
    /// withdraws everything, reports that, and returns.
    pub async fn run(mut self) {
        loop {
            let begun = Instant::now();
            self.reconcile();
            let rested = rested(begun, Instant::now());
            tokio::select! {
                changed = changed_after(rested, &mut self.wanted) => if changed.is_err() { break },
                changed = self.links.changed() => if changed.is_err() { break },
                Some(ended) = self.tasks.join_next_with_id() => {
                    self.on_end(ended.map(|(id, ())| id));
                    if self.has_left() { return; }
                }
            }
        }
        for running in self.interfaces.values_mut() {
            running.desired = None;
        }
        while let Some(ended) = self.tasks.join_next_with_id().await {
            self.on_end(ended.map(|(id, ())| id));
        }
    }

    /// Whether this speaker was to leave, and all its interfaces have.
    fn has_left(&self) -> bool {
        let leave = self
            .agreeing
            .as_ref()
            .and_then(|agreeing| *agreeing.leave.borrow());
        leave.is_some() && self.tasks.is_empty()
    }

    fn reconcile(&mut self) {
        let wanted = self.wanted.borrow_and_update().clone();
        let links = self.links.borrow_and_update().clone();
        let others = match self.agreeing {
            Some(_) => Others::Asked,
            None => Others::Ignored,
        };
        let plan = plan::plan(&self.me, &wanted, &links, &self.excluded, others);
        for (name, running) in &mut self.interfaces {
            if !plan.interfaces.contains_key(name) && running.desired.take().is_some() {
                tracing::info!(iface = name, "interface is not used any more");
            }
        }
        self.tell_facts(&plan, &links);
        for (name, assignment) in plan.interfaces {
            self.assign(name, assignment);
        }
        for (ip, why) in &plan.homeless {
            if self.homeless.get(ip) != Some(why) {
                let (ip, why) = (*ip, why.clone());
                self.report(Report::NoInterface { ip, why });
            }
        }
        self.homeless = plan.homeless;
        self.statistics.retain(|name| links.contains_key(name));
    }

    fn tell_facts(&mut self, plan: &Plan, links: &Links) {
        let facts = |name: &String| {
            let link = links.get(name)?;
            let facts = InterfaceFacts {
                mac: link.mac,
                subnets: link.subnets.clone(),
                addresses: link.own.clone(),
                gateways: link
                    .gateways
                    .iter()
                    .filter_map(|gateway| gateway.address)
                    .collect(),
            };
            Some((name.clone(), facts))
        };
        let facts = plan.interfaces.keys().filter_map(facts).collect();
        if self.facts != facts {
            self.facts.clone_from(&facts);
            self.report(Report::Interfaces(facts));
        }
    }

    fn assign(&mut self, name: String, assignment: Assignment) {
        let Some(running) = self.interfaces.get(&name) else {
            tracing::info!(iface = name, "interface is used");
            let (desired, receiver) = watch::channel(assignment);
            let interface = Interface {
                name: name.clone(),
                desired: receiver,
                settings: self.settings,
                me: self.me.clone(),
                agreeing: self.agreeing.clone(),
                siblings: self.siblings.clone(),
                reports: self.reports.clone(),
                statistics: self.statistics.clone(),
            };
            let task = self.tasks.spawn(interface.run()).id();
            self.interfaces.insert(
                name,
                Running {
                    task,
                    desired: Some(desired),
                },
            );
            return;
        };
        if let Some(desired) = &running.desired {
            desired.send_if_modified(|known| {
                let changed = *known != assignment;
                if changed {
                    *known = assignment; // What is the same stays the same copy: the task has it too.
                }
                changed
            });
        }
    }

    /// The task of an interface has ended: its name is free for another one.
    fn on_end(&mut self, ended: Result<Id, JoinError>) {
        let id = ended.unwrap_or_else(|error| {
            tracing::error!(%error, "an interface's task failed");
            error.id()
        });
        self.interfaces.retain(|_, running| running.task != id);
    }

    fn report(&self, report: Report) {
        // Nobody listening is how a process ends: what is announced stays right without being told.
        let _ = self.reports.send(report);
    }
}

/// When what is wanted may be taken in again after a round from `begun` to `ended`. The first news after a time of calm is
/// taken in at once; of a burst from the API server what is newest, and so seldom that the agreement keeps its thread.
fn rested(begun: Instant, ended: Instant) -> Instant {
    ended + ((ended - begun) * REST).min(LONGEST_REST)
}

async fn changed_after(
    rested: Instant,
    wanted: &mut watch::Receiver<Arc<Wanted>>,
) -> Result<(), watch::error::RecvError> {
    if Instant::now() < rested {
        tokio::time::sleep_until(rested).await;
    }
    wanted.changed().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_waits_a_multiple_of_what_the_last_took_and_no_longer_than_the_longest_rest() {
        let begun = Instant::now();
        let after = |took: u64| {
            let ended = begun + Duration::from_millis(took);
            rested(begun, ended) - ended
        };
        assert_eq!(
            [0, 5, 1000].map(after),
            [Duration::ZERO, Duration::from_millis(50), LONGEST_REST]
        );
    }

    #[tokio::test]
    async fn the_first_news_after_a_calm_is_taken_in_at_once() {
        let (sender, mut wanted) = watch::channel(Arc::new(Wanted::default()));
        sender.send_replace(Arc::default());
        let news = changed_after(Instant::now(), &mut wanted);
        tokio::pin!(news);
        let polled = std::future::poll_fn(|context| std::task::Poll::Ready(news.as_mut().poll(context)));
        assert!(polled.await.is_ready());
    }
}
