//! The machine that gives Services their addresses: what the watches and the writes say goes in, what to write comes out.
//!
//! No I/O and no clock: time is an argument. The driver feeds one [`Input`], then drains [`Reconciler::poll_action`],
//! then waits for the next input or for [`Reconciler::poll_timeout`].
//!
//! It reconciles from the whole state: an input marks Services as dirty, and a dirty Service is compared with what it
//! should be. Nothing is given out before every watch has delivered its first list and every address that a status
//! holds is claimed (P-ALLOC-55, P-CFG-45).
//!
//! What a Service is to lose stays taken until its status is known not to show it any more, so that no order of writes,
//! and no write that is lost, shows one address on two Services (S1).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use config::{Change, Kind, ObjectName, Reservations, Snapshot, SpeakerFacts, Store, Update, Verdict};
use crds::IPReservation;
use ipam::Ipam;
use k8s_openapi::api::core::v1::{Namespace, Node, Service};
use kube::core::PartialObjectMeta;
use model::{Labels, PeerName, PoolName, ServiceName};

use crate::agenda::Agenda;
use crate::departed::Departed;
use crate::finalizers::Finalizers;
use crate::release::Release;
use crate::task::{Finalized, Search, Task};
use crate::tracked::Tracked;
use crate::waiting::Awaited;

mod decision;
mod finalizing;
mod intake;
mod routing;
mod telling;

pub use decision::DRAIN_TIME;
use routing::Nodes;

/// What happened.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "made and taken apart once an event, never stored"
)]
pub enum Input {
    /// A watch of Services of type LoadBalancer.
    Services(Change<Service>),
    /// The end of [`Task::FindFormer`]: the Services found, or none if the search has to begin anew.
    Former(Option<Vec<Service>>),
    /// A watch of Namespaces.
    Namespaces(Change<PartialObjectMeta<Namespace>>),
    /// A watch of a kind of custom resources.
    Objects(Update),
    /// A watch of Nodes.
    Nodes(Change<Node>),
    /// A watch of Speakers.
    Speakers(Change<SpeakerFacts>),
    /// A task for the Service ended.
    Ended(ServiceName, Ending),
    /// A [`Task::Finalize`] ended.
    Finalized(PoolName, Finalized),
}

/// How a write ended.
#[derive(Debug, PartialEq)]
pub enum Ending {
    /// The status is written.
    Written {
        /// The object as the API server has it now.
        object: Box<Service>,
        /// Whether it says what it was to say: what another writer owns may have stayed.
        brought_about: bool,
    },
    /// The Service shows nothing of ours any more; this is the object as it is now, none if there is none.
    Cleared(Option<Box<Service>>),
    /// The Service that was to be cleared is one of ours again; nothing was written.
    Returned(Box<Service>),
    /// The reservation is written; this is the object as the API server has it now.
    Reserved(Box<IPReservation>),
    /// There is no such Service.
    Missing,
    /// Nothing was written: the object had changed meanwhile, or this process leads no more.
    Conflict,
    /// Nothing was written: the API server does not permit it, or does not like it.
    Refused {
        /// How long the API server wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// Nobody knows whether the write took place.
    Unknown,
}

/// What is to be done.
#[derive(Debug)]
pub enum Action {
    /// Carry out a task; [`Reconciler::handle_input`] wants to know how it ends.
    Do(Task),
    /// Bring the status of the custom resources up to date with these.
    Publish(Box<Publication>),
}

/// What the status of the custom resources is to say.
#[derive(Clone, Debug, Default)]
pub struct Publication {
    /// What became of each object.
    pub verdicts: BTreeMap<ObjectName, Verdict>,
    /// How full each pool is.
    pub usage: BTreeMap<PoolName, ipam::Usage>,
    /// Services with all they ask for, and Services that wait.
    pub served: (usize, usize),
    /// The objects as last seen, whose status may say so already.
    pub objects: Store,
    /// The BGPPeers that name each BFDProfile.
    pub profile_users: BTreeMap<String, BTreeSet<PeerName>>,
    /// How the sessions of each BGPPeer stand; none while no speaker has said so.
    pub sessions: Option<BTreeMap<PeerName, Sessions>>,
}

/// How the sessions of a BGPPeer stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sessions {
    /// How many nodes have one that is up.
    pub up: usize,
    /// How many nodes are to have one.
    pub wanted: usize,
}

/// The machine.
#[derive(Debug)]
pub struct Reconciler {
    release: Release,
    services: BTreeMap<ServiceName, Tracked>,
    departed: Departed,
    namespaces: Option<BTreeMap<String, Labels>>,
    objects: Store,
    nodes: Nodes,
    services_listed: bool,
    former: Former,
    /// Every watch has delivered its first list and every address is claimed.
    started: bool,
    snapshot: Snapshot,
    /// What the IPReservations among them mean.
    kept: Reservations,
    ipam: Ipam,
    /// What is known and under way of the pools' finalizers.
    finalizers: Finalizers,
    /// Tasks about pools, to be given out next.
    tasks: VecDeque<Task>,
    agenda: Agenda,
    decisions: u64,
}

/// What is known of Services that show something of ours and are not watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Former {
    NotAskedFor,
    AskedFor,
    Found,
}

impl Reconciler {
    /// A machine that has seen nothing yet.
    pub fn new(release: Release) -> Self {
        Self {
            release,
            services: BTreeMap::new(),
            departed: Departed::default(),
            namespaces: None,
            objects: Store::new(Kind::ALL.iter().copied()),
            nodes: Nodes::default(),
            services_listed: false,
            former: Former::NotAskedFor,
            started: false,
            snapshot: Snapshot::default(),
            kept: Reservations::default(),
            ipam: Ipam::default(),
            finalizers: Finalizers::default(),
            tasks: VecDeque::new(),
            agenda: Agenda::default(),
            decisions: 0,
        }
    }

    /// Whether every first list is in and every held address is claimed.
    pub fn started(&self) -> bool {
        self.started
    }

    /// How often it was decided what a Service is to have, since this was asked last.
    pub fn poll_decisions(&mut self) -> u64 {
        std::mem::take(&mut self.decisions)
    }

    /// Takes in what happened.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Services(change) => self.on_services(now, change),
            Input::Former(services) => self.on_former(services),
            Input::Namespaces(change) => self.on_namespaces(change),
            Input::Objects(update) => self.on_objects(now, update),
            Input::Nodes(change) => {
                let news = self.nodes.handle_change(change);
                self.on_nodes(now, news);
            }
            Input::Speakers(change) => {
                let news = self.nodes.handle_speakers(change);
                self.on_nodes(now, news);
            }
            Input::Ended(name, ending) => self.on_ended(now, &name, ending),
            Input::Finalized(pool, finalized) => self.on_finalized(now, &pool, finalized),
        }
        self.start_when_complete(now);
    }

    /// Acts on timers that are due. Safe to call early or twice.
    pub fn handle_timeout(&mut self, now: Instant) {
        for name in self.agenda.due(now) {
            self.mark(&name);
        }
        if let Some(waiting) = self.finalizers.handle_timeout(now) {
            waiting.iter().for_each(|name| self.mark(name));
            if self.started {
                self.agenda.publish_soon(now);
            }
        }
    }

    /// The next thing to do.
    pub fn poll_action(&mut self, now: Instant) -> Option<Action> {
        // Only after the list of LoadBalancers: one that stops being one after that is shown by the watch.
        if self.services_listed && self.former == Former::NotAskedFor {
            self.former = Former::AskedFor;
            return Some(Action::Do(Task::FindFormer(Search::default())));
        }
        if !self.started {
            return None;
        }
        self.spread_news(now);
        while let Some(name) = self.agenda.next(|awaited| is_left(&self.ipam, awaited)) {
            self.decisions += 1;
            let task = self.reconcile(now, &name);
            self.spread_news(now);
            if let Some(task) = task {
                return Some(Action::Do(task));
            }
        }
        if let Some(task) = self.tasks.pop_front() {
            return Some(Action::Do(task));
        }
        self.agenda.publication_due(now).then(|| {
            self.review_finalizers(now);
            Action::Publish(Box::new(self.publication()))
        })
    }

    /// When [`Self::handle_timeout`] and [`Self::poll_action`] should be called again.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let finalizers = self.finalizers.poll_timeout();
        self.agenda.poll_timeout().into_iter().chain(finalizers).min()
    }

    /// An address was freed, or a Service shares it with others than before: those that wait for that may be served
    /// (P-ALLOC-64).
    fn spread_news(&mut self, now: Instant) {
        while let Some(news) = self.ipam.poll_news() {
            self.agenda.happened(Awaited::Ipam(news));
            self.agenda.publish_soon(now);
        }
    }

    fn publication(&self) -> Publication {
        let waiting = self.services.values().filter(|tracked| tracked.waits()).count();
        Publication {
            verdicts: self.verdicts(),
            usage: self.ipam.usage(),
            served: (self.services.len() - waiting, waiting),
            objects: self.objects.clone(),
            profile_users: routing::profile_users(&self.objects, &self.snapshot),
            sessions: self.nodes.sessions(),
        }
    }

    fn verdicts(&self) -> BTreeMap<ObjectName, Verdict> {
        let all = [self.snapshot.verdicts(), self.kept.verdicts()]
            .into_iter()
            .flatten();
        let mut verdicts: BTreeMap<_, _> = all.map(owned).collect();
        for (pool, warning) in self.snapshot.occupied(self.ipam.occupied()) {
            let name = ObjectName {
                kind: Kind::IPPool,
                namespace: None,
                name: pool.0,
            };
            if let Some(verdict) = verdicts.get_mut(&name) {
                verdict.warnings.push(warning);
            }
        }
        verdicts
    }

    fn mark(&mut self, name: &ServiceName) {
        if let Some(tracked) = self.services.get(name) {
            self.agenda.look_at(tracked.age(), name.clone());
        }
    }

    fn mark_all(&mut self) {
        for (name, tracked) in &self.services {
            self.agenda.look_at(tracked.age(), name.clone());
        }
    }
}

/// Whether there is something left for others that wait for it.
fn is_left(ipam: &Ipam, awaited: &Awaited) -> bool {
    match awaited {
        Awaited::Ipam(wait) => ipam.is_left(wait),
        Awaited::Reservation(_) => true,
    }
}

/// Whether a Service is one that the watch shows.
pub(crate) fn is_load_balancer(object: &Service) -> bool {
    let spec = object.spec.as_ref();
    spec.and_then(|spec| spec.type_.as_deref()) == Some("LoadBalancer")
}

fn owned((name, verdict): (&ObjectName, &Verdict)) -> (ObjectName, Verdict) {
    (name.clone(), verdict.clone())
}

#[cfg(test)]
mod tests;
