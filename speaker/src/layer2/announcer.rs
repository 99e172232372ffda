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

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

pub use announce::Interfaces;
use claim::Keys;
use model::NodeName;
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use crate::decide::wanted::Wanted;
use crate::kernel::links::{ExcludeList, Links};
use crate::watch::departure::Shutdown;
use crate::watch::serving::Served;
use crate::watch::speakers::Speakers;

mod interface;
mod memory;
mod plan;
mod report;
mod siblings;
mod statistics;

use interface::Interface;
pub use interface::Station;
pub use memory::Memory;
use plan::{Assignment, Others, Plan};
pub use report::{Duty, InterfaceFacts, Knowledge, NoInterface, Report, UnitRole};
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

/// Announces what this node holds.
pub struct Announcer {
    me: NodeName,
    wanted: watch::Receiver<Arc<Wanted>>,
    links: watch::Receiver<Arc<Links>>,
    excluded: ExcludeList,
    served: watch::Receiver<Arc<Served>>,
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
            served: watch::channel(Arc::default()).1,
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

    /// Takes nothing that it cannot serve yet, by what is told here.
    #[must_use]
    pub fn serving(self, served: watch::Receiver<Arc<Served>>) -> Self {
        Self { served, ..self }
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
                Ok(()) = self.served.changed() => {}
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
        let served = self.served.borrow_and_update().clone();
        let plan = plan::plan(&self.me, &wanted, &links, &self.excluded, others, &served);
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
