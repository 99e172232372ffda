//! The machine of the speaker: what the watches say goes in, what is to be announced and by whom it may be comes out.
//!
//! No I/O and no clock. `announce` says who may; who does is agreed on the segments. This machine keeps the facts and looks
//! again at what a change concerns.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use announce::{BgpPlan, Facts, Interfaces, Plan, Reason};
use api::watch::Change;
use claim::UnitId;
use config::endpoints::Slice;
use config::{Kind, NodeValues, Novelty, Objects, Snapshot, Store, Update};
use crds::{IPPool, Stored};
use k8s_openapi::api::core::v1::{Node, Secret};
use kube::ResourceExt;
use model::{Labels, NodeName, PeerName, PoolName, ServiceName};

use crate::bgp::peering::Peerings;
use crate::decide::wanted::{Places, Shared, Unit, Wanted};
use crate::report::outbox::ShownChange;
use crate::report::passwords::Verdicts;

mod nodes;
mod peerings;
mod plans;
mod routing;
mod services;
mod slices;

pub use peerings::SessionFault;
use peerings::Sessions;
use plans::Plans;
pub use services::Seen;
use slices::Slices;

/// What happened.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "made and taken apart once an event, never stored"
)]
pub enum Input {
    /// A watch of Services of type LoadBalancer.
    Services(Change<Seen>),
    /// A watch of EndpointSlices.
    Slices(Change<Slice>),
    /// A watch of Nodes.
    Nodes(Change<Node>),
    /// A watch of one kind of custom resource.
    Objects(Update),
    /// A watch of the one Secret of this name, in Herald's namespace.
    Secret(String, Change<Secret>),
    /// That watch has said nothing for a while.
    SecretUnread(String),
}

/// What is to be announced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// What the segments are to agree on.
    pub wanted: Arc<Wanted>,
    /// What becomes of each Service that there is something to say about.
    pub prospects: Prospects,
    /// What the peers of this node are to get.
    pub peerings: Arc<Peerings>,
    /// The Secrets that peers of this node name.
    pub secrets: BTreeSet<String>,
    /// What is wrong with some of them.
    pub session_faults: BTreeMap<PeerName, SessionFault>,
    /// What this node is to say of them on the BGPPeers: one node speaks for each peer.
    pub secret_verdicts: Verdicts,
    /// The nodes that are Ready.
    pub ready: BTreeSet<NodeName>,
}

/// What becomes of Services.
pub type Prospects = BTreeMap<ServiceName, Arc<Prospect>>;

/// What becomes of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prospect {
    /// On the segments.
    pub layer2: Layer2,
    /// Who announces it by BGP; or the reason why nobody does.
    pub bgp: Result<Arc<BgpPlan>, Reason>,
}

/// What becomes of a Service on the segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layer2 {
    /// One node is to announce its addresses, with all others of the unit.
    One(Plan),
    /// No node may announce it.
    Nobody(Reason),
    /// This speaker is on none.
    Off,
}

/// What the machine is told at its start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The node that the speaker runs on.
    pub me: NodeName,
    /// The exclusion label does not count (P-L2-10).
    pub ignore_exclude_label: bool,
    /// A cordoned node hands over what it holds.
    pub drain_on_cordon: bool,
    /// Nothing is announced on the segments.
    pub bgp_only: bool,
}

/// The machine.
#[derive(Debug)]
pub struct Decider {
    settings: Settings,
    slices: Slices,
    store: Store,
    snapshot: Snapshot,
    plans: Plans,
    sessions: Sessions,
    /// What this node says of itself for its sessions.
    own_values: NodeValues,
    /// By which the cluster knows this node.
    addresses: Vec<IpAddr>,
    drain: bool,
    node_uid: Option<String>,
    /// What Services show, and nobody was told yet.
    shown: Vec<ShownChange>,
    /// Something that is no plan has changed.
    changed: bool,
    /// The watches that have not delivered their first list.
    unlisted: BTreeSet<Watch>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Watch {
    Services,
    Slices,
    Nodes,
}

impl Watch {
    const ALL: [Self; 3] = [Self::Services, Self::Slices, Self::Nodes];
}

/// The kinds of custom resources that a speaker watches: no reservation says anything of announcing.
pub fn kinds() -> impl Iterator<Item = Kind> {
    Kind::ALL
        .iter()
        .copied()
        .filter(|kind| *kind != Kind::IPReservation)
}

impl Decider {
    /// A machine that has seen nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            slices: Slices::default(),
            store: Store::new(kinds()),
            snapshot: Snapshot::default(),
            plans: Plans::new(settings.me.clone(), settings.bgp_only),
            sessions: Sessions::default(),
            own_values: NodeValues {
                labels: Labels::new(),
                annotations: BTreeMap::new(),
                identifier: Ipv4Addr::UNSPECIFIED,
            },
            addresses: Vec::new(),
            drain: false,
            node_uid: None,
            shown: Vec::new(),
            changed: false,
            unlisted: Watch::ALL.into(),
            settings,
        }
    }

    /// The UID of this node's Node, once it was seen.
    pub fn node_uid(&self) -> Option<&str> {
        self.node_uid.as_deref()
    }

    /// Takes in what happened.
    pub fn handle_input(&mut self, input: Input) {
        match input {
            Input::Services(change) => self.on_services(change),
            Input::Slices(change) => self.on_slices(change),
            Input::Nodes(change) => self.on_nodes(change),
            Input::Objects(update) => self.on_objects(update),
            Input::Secret(name, change) => {
                self.sessions.handle_secret(&name, change);
                self.update_sessions();
            }
            Input::SecretUnread(name) => {
                self.sessions.handle_unread_secret(name);
                self.update_sessions();
            }
        }
    }

    /// What Services came to show since the last call. It decides nothing.
    pub fn poll_shown(&mut self) -> Vec<ShownChange> {
        std::mem::take(&mut self.shown)
    }

    /// What is to be announced from now on, if that may be something else than at the last call: most of what a watch tells
    /// changes nothing, our own writes among it.
    pub fn poll_decision(&mut self) -> Option<Decision> {
        // Both are taken, or what is told once now is told again at the next call.
        let changed = [self.plans.take_change(), std::mem::take(&mut self.changed)];
        changed.contains(&true).then(|| self.decision()).flatten()
    }

    /// What is to be announced now; none before every watch has delivered its first list (P-CFG-45).
    pub fn decision(&mut self) -> Option<Decision> {
        if !self.unlisted.is_empty() || !self.store.is_complete() {
            return None;
        }
        let mut wanted = Wanted {
            possible: announce::possible(self.plans.facts()),
            announceable: announce::announceable(self.plans.facts(), &self.settings.me),
            drain: self.drain,
            units: BTreeMap::new(),
        };
        let mut shared = Shared::default();
        for (name, prospect) in self.plans.prospects() {
            if let Layer2::One(plan) = &prospect.layer2 {
                self.announce(&mut wanted, &mut shared, name, plan);
            }
        }
        Some(Decision {
            wanted: Arc::new(wanted),
            prospects: self.plans.prospects().clone(),
            peerings: Arc::new(self.peerings()),
            secrets: self.secrets(),
            session_faults: self.sessions.faults().clone(),
            secret_verdicts: self.secret_verdicts(),
            ready: self.plans.ready(),
        })
    }

    /// Adds the addresses of one Service to their unit. Another Service may have them too: they are announced where either
    /// says (P-L2-46).
    fn announce(&self, wanted: &mut Wanted, shared: &mut Shared, name: &ServiceName, plan: &Plan) {
        let unit = wanted.units.entry(unit_of(plan)).or_insert_with(|| Unit {
            addresses: Places::default(),
            yielding: BTreeSet::new(),
            candidates: shared.preferences(&plan.candidates),
            terminating: shared.terminating(&plan.candidates),
            health_checks: BTreeSet::new(),
        });
        let mine = plan.candidates.get(&self.settings.me);
        let place = shared.place(mine.map_or(&Interfaces::All, |candidate| &candidate.interfaces));
        if mine.is_some() {
            unit.health_checks.extend(self.plans.health_check_port(name));
        }
        if mine.is_some_and(|candidate| candidate.yields) {
            unit.yielding.extend(&plan.addresses);
        }
        for ip in &plan.addresses {
            unit.addresses.allow(*ip, &place);
        }
    }

    fn on_slices(&mut self, change: Change<Slice>) {
        self.listed(Watch::Slices, &change);
        let concerned = self.slices.handle_change(change);
        let endpoints = concerned.into_iter().map(|name| {
            let endpoints = self.slices.of(&name);
            (name, endpoints)
        });
        self.plans.handle_endpoints(endpoints);
    }

    /// The status of an object says nothing that is not known here.
    fn on_objects(&mut self, update: Update) {
        let was_complete = self.store.is_complete();
        let novelty = self.store.handle_update(update);
        self.changed |= !was_complete && self.store.is_complete();
        match novelty {
            Novelty::Content => self.on_configuration(),
            Novelty::Nothing | Novelty::Status => {}
        }
    }

    /// Reads all objects anew, once they and the nodes that they are judged by are known.
    fn on_configuration(&mut self) {
        if !self.store.is_complete() || self.unlisted.contains(&Watch::Nodes) {
            return;
        }
        let objects = Objects::of(&self.store, Some(&self.plans.facts().nodes));
        self.snapshot = Snapshot::read(objects, &self.snapshot);
        let mut pools = self.snapshot.announce_pools();
        // Nothing is announced on the word of a pool that is not in force, but what was given from it stays (P-CFG-39).
        let in_force: BTreeSet<String> = pools.iter().map(|pool| pool.name.0.clone()).collect();
        let idle = self.store.all().map(without_addresses);
        pools.extend(idle.filter(|pool| !in_force.contains(&pool.name.0)));
        self.plans.handle_facts(Facts {
            nodes: self.plans.facts().nodes.clone(),
            pools,
            l2_advertisements: self.snapshot.l2_advertisements(),
            bgp_advertisements: self.snapshot.bgp_advertisements(),
            peers: self.snapshot.peers().map(|peer| peer.announced_to()).collect(),
        });
        self.update_sessions();
    }

    fn listed<K>(&mut self, watch: Watch, change: &Change<K>) {
        if matches!(change, Change::Listed(_)) {
            self.changed |= self.unlisted.remove(&watch);
        }
    }
}

/// The name of the unit that a Service's addresses belong to.
pub fn unit_of(plan: &Plan) -> UnitId {
    UnitId(*plan.unit.first().expect("a plan has an address"))
}

fn without_addresses(object: &Stored<IPPool>) -> announce::Pool {
    announce::Pool {
        name: PoolName(object.name_any()),
        labels: object.labels().clone().into(),
        ranges: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
