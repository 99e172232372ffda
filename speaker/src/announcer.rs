//! Says on the interfaces of this node which addresses it holds, and answers for them.
//!
//! [`Announcer`] compares what is to be held ([`Holdings`]) with the interfaces that there are ([`Links`]) and keeps one
//! task per usable interface. Each task owns an [`l2::Responder`] and its sockets; a task that fails never stops the
//! others, and tries again.
//!
//! ```no_run
//! # use std::{collections::BTreeMap, sync::Arc};
//! # use speaker::{announcer::{Announcer, Holdings}, links::{ExcludeList, Watcher}};
//! # use tokio::sync::{mpsc, watch};
//! # async fn example() -> Result<(), speaker::links::LinksError> {
//! let (watcher, links) = Watcher::open().await?;
//! let (holdings, desired) = watch::channel(Arc::new(Holdings::new()));
//! let (reports, mut told) = mpsc::unbounded_channel();
//! let announcer = Announcer::new(desired, links, ExcludeList::default(), reports);
//! let statistics = announcer.statistics();
//! tokio::spawn(watcher.run());
//! tokio::spawn(announcer.run());
//! # Ok(())
//! # }
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

pub use announce::Interfaces;
use l2::{Mac, Response, Settings};
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinError, JoinSet};

use crate::links::{ExcludeList, Links};
use crate::packet::SocketError;

mod interface;
mod plan;
mod statistics;

use interface::Interface;
pub use interface::Station;
use plan::Assignment;
pub use plan::interfaces_for;
pub use statistics::{InterfaceStatistics, Statistics};

/// The addresses that this node holds, and where each of them is to be announced.
pub type Holdings = BTreeMap<IpAddr, Interfaces>;

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
    /// The address is held, and no interface can announce it. Reported when this becomes true; an [`Report::Announced`]
    /// ends it.
    NoInterface {
        /// The address.
        ip: IpAddr,
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
    /// The stranger claims the address no longer.
    StrangerGone {
        /// The address.
        ip: IpAddr,
        /// Where.
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

/// Announces what this node holds.
pub struct Announcer {
    holdings: watch::Receiver<Arc<Holdings>>,
    links: watch::Receiver<Arc<Links>>,
    excluded: ExcludeList,
    settings: Settings,
    reports: mpsc::UnboundedSender<Report>,
    statistics: Statistics,
    /// Addresses that were reported as having no interface, and still have none.
    homeless: BTreeSet<IpAddr>,
    interfaces: BTreeMap<String, Running>,
    tasks: JoinSet<()>,
}

struct Running {
    task: Id,
    /// `None`: told to stop. The name is not used again before it has, so that its reports stay in order.
    desired: Option<watch::Sender<Assignment>>,
}

impl Announcer {
    /// An announcer of `holdings` on those of `links` that are not `excluded`.
    ///
    /// Reports are not limited in number, except where [`Report`] says so: the receiver has to take them.
    pub fn new(
        holdings: watch::Receiver<Arc<Holdings>>,
        links: watch::Receiver<Arc<Links>>,
        excluded: ExcludeList,
        reports: mpsc::UnboundedSender<Report>,
    ) -> Self {
        Self {
            holdings,
            links,
            excluded,
            settings: Settings::default(),
            reports,
            statistics: Statistics::default(),
            homeless: BTreeSet::new(),
            interfaces: BTreeMap::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Uses these settings instead of the default ones.
    #[must_use]
    pub fn with_settings(self, settings: Settings) -> Self {
        Self { settings, ..self }
    }

    /// The counts that this announcer keeps; the handle stays good while it runs.
    pub fn statistics(&self) -> Statistics {
        self.statistics.clone()
    }

    /// Announces until nobody can change the holdings or tell of the links any more. Then withdraws everything, reports
    /// that, and returns.
    pub async fn run(mut self) {
        loop {
            self.reconcile();
            tokio::select! {
                changed = self.holdings.changed() => if changed.is_err() { break },
                changed = self.links.changed() => if changed.is_err() { break },
                Some(ended) = self.tasks.join_next_with_id() => self.on_end(ended.map(|(id, ())| id)),
            }
        }
        for running in self.interfaces.values_mut() {
            running.desired = None;
        }
        while let Some(ended) = self.tasks.join_next_with_id().await {
            self.on_end(ended.map(|(id, ())| id));
        }
    }

    fn reconcile(&mut self) {
        let holdings = self.holdings.borrow_and_update().clone();
        let links = self.links.borrow_and_update().clone();
        let plan = plan::plan(&holdings, &links, &self.excluded);
        for (name, running) in &mut self.interfaces {
            if !plan.interfaces.contains_key(name) && running.desired.take().is_some() {
                tracing::info!(iface = name, "interface is not used any more");
            }
        }
        for (name, assignment) in plan.interfaces {
            self.assign(name, assignment);
        }
        for ip in plan.homeless.difference(&self.homeless).copied() {
            self.report(Report::NoInterface { ip });
        }
        self.homeless = plan.homeless;
        self.statistics.retain(|name| links.contains_key(name));
    }

    fn assign(&mut self, name: String, assignment: Assignment) {
        let Some(running) = self.interfaces.get(&name) else {
            tracing::info!(iface = name, "interface is used");
            let (desired, receiver) = watch::channel(assignment);
            let interface = Interface {
                name: name.clone(),
                desired: receiver,
                settings: self.settings,
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
                *known = assignment;
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
