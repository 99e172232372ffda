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

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use config::Change;
use config::service::Classes;
use config::{ObjectName, Reservations, Snapshot, Verdict};
use crds::{
    BFDProfile, BGPAdvertisement, BGPPeer, Community, IPPool, IPReservation, L2Advertisement, Stored,
};
use ipam::Ipam;
use k8s_openapi::api::core::v1::{Namespace, Service};
use model::{Labels, PeerName, ReservationName, ServiceName};

use crate::agenda::Agenda;
use crate::departed::Departed;
use crate::desired_status::DesiredStatus;
use crate::tracked::Tracked;

mod decision;
mod intake;
mod routing;

use routing::Routing;
pub use routing::RoutingInput;

/// What happened.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "made and taken apart once an event, never stored"
)]
pub enum Input {
    /// A watch of Services of type LoadBalancer.
    Services(Change<Service>),
    /// The answer to [`Action::FindFormer`]: the Services found.
    Former(Vec<Service>),
    /// A watch of Namespaces.
    Namespaces(Change<Namespace>),
    /// A watch of IPPools.
    Pools(Change<Stored<IPPool>>),
    /// A watch of L2Advertisements.
    L2Advertisements(Change<Stored<L2Advertisement>>),
    /// A watch of what BGP is set up by.
    Routing(RoutingInput),
    /// A watch of IPReservations.
    Reservations(Change<Stored<IPReservation>>),
    /// An [`Action::Reserve`], [`Action::Write`] or [`Action::Clear`] for the Service ended.
    Ended(ServiceName, Ending),
}

/// How a write ended.
#[derive(Debug)]
pub enum Ending {
    /// The status is written; this is the object as the API server has it now.
    Written(Box<Service>),
    /// The Service shows nothing of ours any more; this is the object as it is now, none if there is none.
    Cleared(Option<Box<Service>>),
    /// The Service that was to be cleared is one of ours again; nothing was written.
    Returned(Box<Service>),
    /// The reservation is written; this is the object as the API server has it now.
    Reserved(Box<IPReservation>),
    /// There is no such Service.
    Missing,
    /// Nothing was written: the object had changed meanwhile, or the API server refused.
    Refused {
        /// How long the API server wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// Nobody knows whether the write took place.
    Unknown,
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub enum Action {
    /// Find the Services that are no LoadBalancers and still show something of ours. The watch does not show them, and
    /// they may have changed while nobody led.
    FindFormer,
    /// Write the status of a Service, if it is still at the version that the decision was made from.
    Write {
        /// The object that the decision was made from.
        object: Arc<Service>,
        /// What its status is to say.
        desired: DesiredStatus,
        /// Addresses that its status showed and that another Service has, to be told once the status is written.
        lost: Vec<(IpAddr, ServiceName)>,
    },
    /// Write down which addresses a reservation keeps, before the status of the Service that has them is written.
    Reserve {
        /// The Service.
        service: ServiceName,
        /// The reservation.
        reservation: ReservationName,
        /// What it is to keep.
        addresses: Vec<IpAddr>,
        /// The version that it replaces; none: there is no such reservation yet.
        version: Option<String>,
    },
    /// Take our part out of the status of a Service that is gone or is not ours any more.
    Clear(ServiceName),
    /// Bring the status of the custom resources up to date with these.
    Publish(Box<Publication>),
}

/// What the status of the custom resources is to say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Publication {
    /// What became of each object.
    pub verdicts: BTreeMap<ObjectName, Verdict>,
    /// How full each pool is.
    pub usage: BTreeMap<model::PoolName, ipam::Usage>,
    /// Services with all they ask for, and Services that wait.
    pub served: (usize, usize),
    /// The objects as last seen, whose status may say so already.
    pub pools: BTreeMap<String, Stored<IPPool>>,
    /// The same for L2Advertisements.
    pub l2_advertisements: BTreeMap<String, Stored<L2Advertisement>>,
    /// The same for BGPAdvertisements.
    pub bgp_advertisements: BTreeMap<String, Stored<BGPAdvertisement>>,
    /// The same for BGPPeers.
    pub bgp_peers: BTreeMap<String, Stored<BGPPeer>>,
    /// The same for BFDProfiles.
    pub bfd_profiles: BTreeMap<String, Stored<BFDProfile>>,
    /// The same for Communities.
    pub communities: BTreeMap<String, Stored<Community>>,
    /// The BGPPeers that name each BFDProfile.
    pub profile_users: BTreeMap<String, BTreeSet<PeerName>>,
    /// The same for IPReservations.
    pub reservations: BTreeMap<ReservationName, Stored<IPReservation>>,
}

/// The machine.
#[derive(Debug)]
pub struct Reconciler {
    classes: Classes,
    services: BTreeMap<ServiceName, Tracked>,
    /// Those of `services` that would have more if an address became free.
    hopeful: BTreeSet<ServiceName>,
    departed: Departed,
    namespaces: Option<BTreeMap<String, Labels>>,
    pools: Option<BTreeMap<String, Stored<IPPool>>>,
    l2_advertisements: Option<BTreeMap<String, Stored<L2Advertisement>>>,
    routing: Routing,
    reservations: Option<BTreeMap<ReservationName, Stored<IPReservation>>>,
    services_listed: bool,
    former: Former,
    /// Every watch has delivered its first list and every address is claimed.
    started: bool,
    snapshot: Snapshot,
    /// What `reservations` mean.
    kept: Reservations,
    ipam: Ipam,
    /// [`Ipam::freed`] when the Services that wait were looked at last.
    loosened: u64,
    agenda: Agenda,
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
    pub fn new(classes: Classes) -> Self {
        Self {
            classes,
            services: BTreeMap::new(),
            hopeful: BTreeSet::new(),
            departed: Departed::default(),
            namespaces: None,
            pools: None,
            l2_advertisements: None,
            routing: Routing::default(),
            reservations: None,
            services_listed: false,
            former: Former::NotAskedFor,
            started: false,
            snapshot: Snapshot::default(),
            kept: Reservations::default(),
            ipam: Ipam::default(),
            loosened: 0,
            agenda: Agenda::default(),
        }
    }

    /// Whether every first list is in and every held address is claimed.
    pub fn started(&self) -> bool {
        self.started
    }

    /// Takes in what happened.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Services(change) => self.on_services(change),
            Input::Former(services) => self.on_former(services),
            Input::Namespaces(change) => self.on_namespaces(change),
            Input::Pools(change) => {
                change.apply_to(self.pools.get_or_insert_default());
                self.on_configuration(now);
            }
            Input::L2Advertisements(change) => {
                change.apply_to(self.l2_advertisements.get_or_insert_default());
                self.on_configuration(now);
            }
            Input::Routing(input) => {
                if self.routing.handle_input(input) {
                    self.on_configuration(now);
                }
            }
            Input::Reservations(change) => self.on_reservations(now, change),
            Input::Ended(name, ending) => self.on_ended(now, &name, ending),
        }
        self.start_when_complete(now);
    }

    /// Acts on timers that are due. Safe to call early or twice.
    pub fn handle_timeout(&mut self, now: Instant) {
        for name in self.agenda.due(now) {
            self.mark(&name);
        }
    }

    /// The next thing to do.
    pub fn poll_action(&mut self, now: Instant) -> Option<Action> {
        // Only after the list of LoadBalancers: one that stops being one after that is shown by the watch.
        if self.services_listed && self.former == Former::NotAskedFor {
            self.former = Former::AskedFor;
            return Some(Action::FindFormer);
        }
        if !self.started {
            return None;
        }
        while let Some(name) = self.agenda.next() {
            let action = self.reconcile(now, &name);
            self.wake_the_hopeful(now);
            if action.is_some() {
                return action;
            }
        }
        self.agenda
            .publication_due(now)
            .then(|| Action::Publish(Box::new(self.publication())))
    }

    /// When [`Self::handle_timeout`] and [`Self::poll_action`] should be called again.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.agenda.poll_timeout()
    }

    /// An address was freed, or a Service shares it with others than before: those that have too little may be served
    /// (P-ALLOC-64).
    fn wake_the_hopeful(&mut self, now: Instant) {
        let loosened = self.ipam.freed();
        if std::mem::replace(&mut self.loosened, loosened) == loosened {
            return;
        }
        for name in &self.hopeful {
            if let Some(tracked) = self.services.get(name) {
                self.agenda.look_at(tracked.age(), name.clone());
            }
        }
        self.agenda.publish_soon(now);
    }

    fn publication(&self) -> Publication {
        let waiting = self.services.values().filter(|tracked| tracked.waits()).count();
        Publication {
            verdicts: [self.snapshot.verdicts(), self.kept.verdicts()]
                .into_iter()
                .flatten()
                .map(owned)
                .collect(),
            usage: self.ipam.usage(),
            served: (self.services.len() - waiting, waiting),
            pools: self.pools.clone().unwrap_or_default(),
            l2_advertisements: self.l2_advertisements.clone().unwrap_or_default(),
            bgp_advertisements: self.routing.advertisements.clone().unwrap_or_default(),
            bgp_peers: self.routing.peers.clone().unwrap_or_default(),
            bfd_profiles: self.routing.profiles.clone().unwrap_or_default(),
            communities: self.routing.communities.clone().unwrap_or_default(),
            profile_users: self.routing.profile_users(&self.snapshot),
            reservations: self.reservations.clone().unwrap_or_default(),
        }
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

fn owned((name, verdict): (&ObjectName, &Verdict)) -> (ObjectName, Verdict) {
    (name.clone(), verdict.clone())
}

#[cfg(test)]
mod tests;
