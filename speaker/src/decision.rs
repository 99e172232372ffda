//! The machine of the speaker: what the watches say goes in, what this node holds and reports comes out.
//!
//! No I/O and no clock. `announce` says who may, [`placement`] who does; this machine keeps the facts
//! for both and looks again at what a change concerns.
//!
//! [`placement`]: crate::placement

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Instant;

use announce::{Candidate, Facts, Interfaces, Plan, Reason};
use config::Snapshot;
use config::service::Classes;
use crds::{IPPool, L2Advertisement, Stored};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::ResourceExt;
use model::{NodeName, PoolName, ServiceName};
use process::watch::Change;

use crate::membership::Membership;
use crate::placement;

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
    /// A watch of the Leases that speakers renew.
    Leases(Change<Lease>),
    /// Another station claims an address that this node holds.
    ForeignClaim(IpAddr),
}

/// What this node is to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// The addresses that it holds, and where to announce them.
    pub holdings: BTreeMap<IpAddr, Interfaces>,
    /// The Services that it reports on, because it announces them or because nobody can.
    pub reports: BTreeMap<ServiceName, Verdict>,
}

impl Decision {
    /// Adds addresses of one Service. Another one may have them too: they are announced where either says (P-L2-46).
    fn hold(&mut self, addresses: &BTreeSet<IpAddr>, me: Option<&Candidate>) {
        let Some(Candidate { interfaces, .. }) = me else {
            return;
        };
        for ip in addresses {
            let held = self.holdings.remove(ip);
            let both = held.map_or_else(|| interfaces.clone(), |held| held.union(interfaces.clone()));
            self.holdings.insert(*ip, both);
        }
    }
}

/// What this node knows about announcing a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// This node holds these addresses of it.
    Held(BTreeSet<IpAddr>),
    /// No node may announce it.
    Nobody(Reason),
    /// Nodes may, but none of them has a live speaker.
    NoSpeaker(BTreeSet<NodeName>),
}

/// The label on the Leases of speakers, whose `holderIdentity` is the node.
pub const LEASE_LABEL: (&str, &str) = ("heraldlb.io/component", "speaker");

/// The machine.
#[derive(Debug)]
pub struct Decider {
    me: NodeName,
    classes: Classes,
    ignore_exclude_label: bool,
    slices: Slices,
    pools: BTreeMap<String, Stored<IPPool>>,
    l2_advertisements: BTreeMap<String, Stored<L2Advertisement>>,
    snapshot: Snapshot,
    plans: Plans,
    membership: Membership,
    /// Addresses given up to another station while the API server was out of reach.
    yielded: BTreeSet<IpAddr>,
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
    Leases,
}

impl Watch {
    const ALL: [Self; 6] = [
        Self::Services,
        Self::Slices,
        Self::Nodes,
        Self::Pools,
        Self::L2Advertisements,
        Self::Leases,
    ];
}

impl Decider {
    /// The machine of the speaker on node `me`, which has seen nothing yet.
    pub fn new(me: NodeName, classes: Classes, ignore_exclude_label: bool) -> Self {
        Self {
            membership: Membership::new(me.clone()),
            me,
            classes,
            ignore_exclude_label,
            slices: Slices::default(),
            pools: BTreeMap::new(),
            l2_advertisements: BTreeMap::new(),
            snapshot: Snapshot::default(),
            plans: Plans::default(),
            yielded: BTreeSet::new(),
            unlisted: Watch::ALL.into(),
        }
    }

    /// Whether every watch has delivered its first list, and the own Lease has come back through one.
    pub fn is_ready(&self) -> bool {
        self.unlisted.is_empty() && self.membership.alive().contains(&self.me)
    }

    /// Takes in what happened.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
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
            Input::Leases(change) => self.on_leases(now, change),
            Input::ForeignClaim(ip) => {
                // While the others cannot see us they may have taken over in good faith.
                if !self.membership.is_fresh(now) {
                    self.yielded.insert(ip);
                }
            }
        }
    }

    /// What this node is to do now; none before it knows enough to decide (P-CFG-45, P-L2-32).
    pub fn decision(&self) -> Option<Decision> {
        if !self.is_ready() {
            return None;
        }
        let mut decision = Decision::default();
        for (name, plan) in self.plans.iter() {
            let Some(verdict) = self.verdict(name, plan) else {
                continue;
            };
            if let (Verdict::Held(addresses), Ok(plan)) = (&verdict, plan) {
                decision.hold(addresses, plan.candidates.get(&self.me));
            }
            decision.reports.insert(name.clone(), verdict);
        }
        Some(decision)
    }

    /// What this node has to say about a Service; none when it is for another node to say.
    fn verdict(&self, name: &ServiceName, plan: &Result<Plan, Reason>) -> Option<Verdict> {
        let alive = self.membership.alive();
        let reporting = || {
            let service = self.plans.service(name)?;
            placement::reporter(&service.addresses, alive).filter(|node| **node == self.me)
        };
        match plan {
            Err(reason) => reporting().map(|_| Verdict::Nobody(reason.clone())),
            Ok(plan) => match placement::owner(plan, alive) {
                Some(owner) if *owner == self.me => {
                    let held = plan
                        .addresses
                        .iter()
                        .filter(|ip| !self.yielded.contains(ip))
                        .copied();
                    Some(Verdict::Held(held.collect()))
                }
                Some(_) => None,
                None => reporting().map(|_| Verdict::NoSpeaker(plan.candidates.keys().cloned().collect())),
            },
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
        let ours = config::service::is_ours(object, &self.classes);
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
        let read = |object: &Node| config::node::node(object, self.ignore_exclude_label);
        let mut facts = self.plans.facts().clone();
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

    fn on_leases(&mut self, now: Instant, change: Change<Lease>) {
        self.listed(Watch::Leases, &change);
        match change {
            Change::Listed(leases) => {
                let listed: BTreeSet<NodeName> = leases.iter().filter_map(node_of).collect();
                let gone: Vec<_> = self
                    .membership
                    .known()
                    .filter(|node| !listed.contains(node))
                    .cloned()
                    .collect();
                gone.iter().for_each(|node| self.membership.handle_leave(node));
                leases.iter().for_each(|lease| self.on_renewal(now, lease));
            }
            Change::Applied(lease) => self.on_renewal(now, &lease),
            Change::Deleted(lease) => {
                if let Some(node) = node_of(&lease) {
                    self.membership.handle_leave(&node);
                }
            }
        }
    }

    fn on_renewal(&mut self, now: Instant, lease: &Lease) {
        let Some(node) = node_of(lease) else { return };
        let renewal = lease.resource_version().unwrap_or_default();
        self.membership.handle_renewal(now, &node, &renewal);
        if node == self.me {
            self.yielded.clear();
        }
    }

    fn listed<K>(&mut self, watch: Watch, change: &Change<K>) {
        if matches!(change, Change::Listed(_)) {
            self.unlisted.remove(&watch);
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

fn node_of(lease: &Lease) -> Option<NodeName> {
    lease.spec.as_ref()?.holder_identity.clone().map(NodeName)
}

#[cfg(test)]
mod tests;
