//! The machine of the speaker: what the watches say goes in, what is to be announced and by whom it may be comes out.
//!
//! No I/O and no clock. `announce` says who may; who does is agreed on the segments. This machine keeps the facts and looks
//! again at what a change concerns.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use announce::{Facts, Interfaces, Plan, Reason};
use claim::UnitId;
use config::Snapshot;
use config::service::Classes;
use crds::{IPPool, L2Advertisement, Stored};
use k8s_openapi::api::core::v1::{Node, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::ResourceExt;
use model::{NodeName, PoolName, ServiceName};
use process::watch::Change;

use crate::wanted::{Unit, Wanted};

mod plans;
mod slices;

use plans::Plans;
use slices::Slices;

/// What happened.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "made and taken apart once an event, never stored"
)]
pub enum Input {
    /// A watch of Services of type LoadBalancer.
    Services(Change<Service>),
    /// A watch of EndpointSlices.
    Slices(Change<EndpointSlice>),
    /// A watch of Nodes.
    Nodes(Change<Node>),
    /// A watch of IPPools.
    Pools(Change<Stored<IPPool>>),
    /// A watch of L2Advertisements.
    L2Advertisements(Change<Stored<L2Advertisement>>),
}

/// What is to be announced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// What the segments are to agree on.
    pub wanted: Wanted,
    /// What becomes of each Service that there is something to say about.
    pub prospects: BTreeMap<ServiceName, Prospect>,
}

/// What becomes of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prospect {
    /// One node is to announce its addresses, with all others of the unit.
    One {
        /// The unit.
        unit: UnitId,
        /// The addresses of the Service.
        addresses: BTreeSet<IpAddr>,
    },
    /// No node may announce it.
    Nobody(Reason),
}

/// What the machine is told at its start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The node that the speaker runs on.
    pub me: NodeName,
    /// Which Services are ours.
    pub classes: Classes,
    /// The exclusion label does not count (P-L2-10).
    pub ignore_exclude_label: bool,
    /// A cordoned node hands over what it holds.
    pub drain_on_cordon: bool,
}

/// The machine.
#[derive(Debug)]
pub struct Decider {
    settings: Settings,
    slices: Slices,
    pools: BTreeMap<String, Stored<IPPool>>,
    l2_advertisements: BTreeMap<String, Stored<L2Advertisement>>,
    snapshot: Snapshot,
    plans: Plans,
    drain: bool,
    node_uid: Option<String>,
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
    Pools,
    L2Advertisements,
}

impl Watch {
    const ALL: [Self; 5] = [
        Self::Services,
        Self::Slices,
        Self::Nodes,
        Self::Pools,
        Self::L2Advertisements,
    ];
}

impl Decider {
    /// A machine that has seen nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            slices: Slices::default(),
            pools: BTreeMap::new(),
            l2_advertisements: BTreeMap::new(),
            snapshot: Snapshot::default(),
            plans: Plans::default(),
            drain: false,
            node_uid: None,
            changed: false,
            unlisted: Watch::ALL.into(),
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
            Input::Pools(change) => {
                self.listed(Watch::Pools, &change);
                change.apply_to(&mut self.pools);
                self.on_configuration();
            }
            Input::L2Advertisements(change) => {
                self.listed(Watch::L2Advertisements, &change);
                change.apply_to(&mut self.l2_advertisements);
                self.on_configuration();
            }
        }
    }

    /// What is to be announced from now on, if that may be something else than at the last call: most of what a watch tells
    /// changes nothing, our own writes among it.
    pub fn poll_decision(&mut self) -> Option<Decision> {
        let changed = self.plans.take_change() || std::mem::take(&mut self.changed);
        changed.then(|| self.decision()).flatten()
    }

    /// What is to be announced now; none before every watch has delivered its first list (P-CFG-45).
    pub fn decision(&self) -> Option<Decision> {
        if !self.unlisted.is_empty() {
            return None;
        }
        let mut decision = Decision {
            wanted: Wanted {
                possible: announce::possible(self.plans.facts()),
                drain: self.drain,
                units: BTreeMap::new(),
            },
            prospects: BTreeMap::new(),
        };
        for (name, plan) in self.plans.iter() {
            let prospect = match plan {
                Ok(plan) => self.announce(&mut decision.wanted, plan),
                Err(reason) => Prospect::Nobody(reason.clone()),
            };
            decision.prospects.insert(name.clone(), prospect);
        }
        Some(decision)
    }

    /// Adds the addresses of one Service to their unit. Another Service may have them too: they are announced where either
    /// says (P-L2-46).
    fn announce(&self, wanted: &mut Wanted, plan: &Plan) -> Prospect {
        let lowest = plan.unit.first().or_else(|| plan.addresses.first());
        let id = UnitId(*lowest.expect("a plan has an address"));
        let unit = wanted.units.entry(id).or_insert_with(|| Unit {
            addresses: BTreeMap::new(),
            yielding: BTreeSet::new(),
            candidates: plan
                .candidates
                .iter()
                .map(|(node, candidate)| (node.clone(), candidate.preference))
                .collect(),
        });
        let mine = plan.candidates.get(&self.settings.me);
        let place = mine.map_or(Interfaces::All, |candidate| candidate.interfaces.clone());
        if mine.is_some_and(|candidate| candidate.yields) {
            unit.yielding.extend(&plan.addresses);
        }
        for ip in &plan.addresses {
            let before = unit.addresses.remove(ip);
            let both = before.map_or_else(|| place.clone(), |before| before.union(place.clone()));
            unit.addresses.insert(*ip, both);
        }
        Prospect::One {
            unit: id,
            addresses: plan.addresses.clone(),
        }
    }

    fn on_services(&mut self, change: Change<Service>) {
        self.listed(Watch::Services, &change);
        match change {
            Change::Listed(objects) => {
                let services = objects.iter().filter_map(|object| self.read(object)).collect();
                self.plans.handle_services(services);
            }
            Change::Applied(object) => match self.read(&object) {
                Some(service) => self.plans.handle_service(service),
                None => self.plans.forget(&config::service::name(&object)),
            },
            Change::Deleted(object) => self.plans.forget(&config::service::name(&object)),
        }
    }

    /// A Service that there is something to do or to say about.
    fn read(&self, object: &Service) -> Option<announce::Service> {
        let ours = config::service::is_ours(object, &self.settings.classes);
        let concerns = !config::service::assigned(object).is_empty() || crate::standing::is_told(object);
        let endpoints = self.slices.of(&config::service::name(object));
        (ours && concerns).then(|| config::service::announced(object, endpoints))
    }

    fn on_slices(&mut self, change: Change<EndpointSlice>) {
        self.listed(Watch::Slices, &change);
        let concerned = self.slices.handle_change(change);
        let endpoints = concerned.into_iter().map(|name| {
            let endpoints = self.slices.of(&name);
            (name, endpoints)
        });
        self.plans.handle_endpoints(endpoints);
    }

    fn on_nodes(&mut self, change: Change<Node>) {
        self.listed(Watch::Nodes, &change);
        let Settings {
            me,
            ignore_exclude_label,
            drain_on_cordon,
            ..
        } = &self.settings;
        let read = |object: &Node| config::node::node(object, *ignore_exclude_label);
        let is_me = |object: &&Node| object.metadata.name.as_ref() == Some(&me.0);
        let mut facts = self.plans.facts().clone();
        let mine = match &change {
            Change::Listed(objects) => objects.iter().find(is_me),
            Change::Applied(object) | Change::Deleted(object) => Some(object).filter(is_me),
        };
        if let Some(object) = mine {
            // A node that is gone from the API hands over: it is to be no part of the cluster any more.
            let drain =
                config::node::drains(object, *drain_on_cordon) || matches!(change, Change::Deleted(_));
            let uid = object.metadata.uid.clone();
            self.changed |= (self.drain, &self.node_uid) != (drain, &uid);
            (self.drain, self.node_uid) = (drain, uid);
        }
        match change {
            Change::Listed(objects) => facts.nodes = objects.iter().map(read).collect(),
            Change::Applied(object) => facts.nodes.extend([read(&object)]),
            Change::Deleted(object) => drop(facts.nodes.remove(&read(&object).0)),
        }
        self.plans.handle_facts(facts);
    }

    fn on_configuration(&mut self) {
        let (pools, advertisements) = (self.pools.values(), self.l2_advertisements.values());
        self.snapshot = Snapshot::read(pools, advertisements, &self.snapshot);
        let mut pools = self.snapshot.announce_pools();
        // Nothing is announced on the word of a pool that is not in force, but what was given from it stays (P-CFG-39).
        let in_force: BTreeSet<String> = pools.iter().map(|pool| pool.name.0.clone()).collect();
        let idle = self.pools.iter().filter(|(name, _)| !in_force.contains(*name));
        pools.extend(idle.map(|(_, object)| without_addresses(object)));
        self.plans.handle_facts(Facts {
            nodes: self.plans.facts().nodes.clone(),
            pools,
            l2_advertisements: self.snapshot.l2_advertisements(),
        });
    }

    fn listed<K>(&mut self, watch: Watch, change: &Change<K>) {
        if matches!(change, Change::Listed(_)) {
            self.changed |= self.unlisted.remove(&watch);
        }
    }
}

fn without_addresses(object: &Stored<IPPool>) -> announce::Pool {
    announce::Pool {
        name: PoolName(object.name_any()),
        labels: object.labels().clone(),
        ranges: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
