//! The machine of the speaker: what the watches say goes in, what this node holds and reports comes out.
//!
//! No I/O and no clock. `announce` says who may, [`placement`] who does; this machine keeps the facts
//! for both and looks again at what a change concerns.
//!
//! [`placement`]: crate::placement

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Instant;

use announce::{Endpoints, Facts, Interfaces, Plan, Reason};
use config::Snapshot;
use config::service::Classes;
use crds::{IPPool, L2Advertisement};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::ResourceExt;
use model::{NodeName, ServiceName};
use process::watch::Change;

use crate::membership::Membership;
use crate::placement;

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
    Pools(Change<IPPool>),
    /// A watch of L2Advertisements.
    L2Advertisements(Change<L2Advertisement>),
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
    services: BTreeMap<ServiceName, announce::Service>,
    /// Endpoints by Service and name of the slice.
    slices: BTreeMap<ServiceName, BTreeMap<String, Endpoints>>,
    pools: BTreeMap<String, IPPool>,
    l2_advertisements: BTreeMap<String, L2Advertisement>,
    snapshot: Snapshot,
    facts: Facts,
    plans: BTreeMap<ServiceName, Result<Plan, Reason>>,
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

impl Decider {
    /// The machine of the speaker on node `me`, which has seen nothing yet.
    pub fn new(me: NodeName, classes: Classes, ignore_exclude_label: bool) -> Self {
        use Watch::{L2Advertisements, Leases, Nodes, Pools, Services, Slices};
        Self {
            membership: Membership::new(me.clone()),
            me,
            classes,
            ignore_exclude_label,
            services: BTreeMap::new(),
            slices: BTreeMap::new(),
            pools: BTreeMap::new(),
            l2_advertisements: BTreeMap::new(),
            snapshot: Snapshot::default(),
            facts: Facts::default(),
            plans: BTreeMap::new(),
            yielded: BTreeSet::new(),
            unlisted: [Services, Slices, Nodes, Pools, L2Advertisements, Leases].into(),
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
        for (name, plan) in &self.plans {
            let Some(verdict) = self.verdict(name, plan) else {
                continue;
            };
            if let (Verdict::Held(addresses), Ok(plan)) = (&verdict, plan) {
                let interfaces = plan
                    .candidates
                    .get(&self.me)
                    .map(|candidate| candidate.interfaces.clone());
                for ip in addresses {
                    decision
                        .holdings
                        .extend(interfaces.clone().map(|interfaces| (*ip, interfaces)));
                }
            }
            decision.reports.insert(name.clone(), verdict);
        }
        Some(decision)
    }

    /// What this node has to say about a Service; none when it is for another node to say.
    fn verdict(&self, name: &ServiceName, plan: &Result<Plan, Reason>) -> Option<Verdict> {
        let alive = self.membership.alive();
        let reporting = || {
            let service = self.services.get(name)?;
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
                self.services.clear();
                self.plans.clear();
                objects.iter().for_each(|object| self.on_service(object));
            }
            Change::Applied(object) => self.on_service(&object),
            Change::Deleted(object) => self.forget(&config::service::name(&object)),
        }
    }

    fn on_service(&mut self, object: &Service) {
        let name = config::service::name(object);
        let told = crate::standing::is_told(object);
        if !config::service::is_ours(object, &self.classes)
            || (config::service::assigned(object).is_empty() && !told)
        {
            return self.forget(&name);
        }
        let service = config::service::announced(object, self.endpoints(&name));
        if self.services.insert(name.clone(), service.clone()) != Some(service) {
            self.plan(&name);
        }
    }

    fn forget(&mut self, name: &ServiceName) {
        self.services.remove(name);
        self.plans.remove(name);
    }

    fn on_slices(&mut self, change: Change<EndpointSlice>) {
        self.listed(Watch::Slices, &change);
        let mut concerned = BTreeSet::new();
        let slices = match change {
            Change::Listed(slices) => {
                concerned.extend(std::mem::take(&mut self.slices).into_keys());
                slices
            }
            Change::Applied(slice) => vec![slice],
            Change::Deleted(slice) => {
                concerned.extend(self.remove_slice(&slice));
                Vec::new()
            }
        };
        for slice in slices {
            let Some(service) = config::endpoints::service_of(&slice) else {
                continue;
            };
            let endpoints = config::endpoints::endpoints([&slice]);
            self.slices
                .entry(service.clone())
                .or_default()
                .insert(slice.name_any(), endpoints);
            concerned.insert(service);
        }
        concerned.iter().for_each(|name| self.on_endpoints(name));
    }

    fn remove_slice(&mut self, slice: &EndpointSlice) -> Option<ServiceName> {
        let service = config::endpoints::service_of(slice)?;
        let slices = self.slices.get_mut(&service)?;
        slices.remove(&slice.name_any());
        if slices.is_empty() {
            self.slices.remove(&service);
        }
        Some(service)
    }

    fn on_endpoints(&mut self, name: &ServiceName) {
        let endpoints = self.endpoints(name);
        if let Some(service) = self
            .services
            .get_mut(name)
            .filter(|service| service.endpoints != endpoints)
        {
            service.endpoints = endpoints;
            self.plan(name);
        }
    }

    fn endpoints(&self, name: &ServiceName) -> Endpoints {
        let mut all = Endpoints::default();
        for endpoints in self.slices.get(name).into_iter().flat_map(BTreeMap::values) {
            all.nodes.extend(endpoints.nodes.iter().cloned());
            all.outside_nodes |= endpoints.outside_nodes;
        }
        all
    }

    fn on_nodes(&mut self, change: Change<Node>) {
        self.listed(Watch::Nodes, &change);
        let before = self.facts.nodes.clone();
        let read = |object: &Node| config::node::node(object, self.ignore_exclude_label);
        match change {
            Change::Listed(objects) => self.facts.nodes = objects.iter().map(read).collect(),
            Change::Applied(object) => self.facts.nodes.extend([read(&object)]),
            Change::Deleted(object) => drop(self.facts.nodes.remove(&read(&object).0)),
        }
        // Heartbeats and other news about nodes cause no work (P-CFG-43).
        if before != self.facts.nodes {
            self.plan_all();
        }
    }

    fn on_configuration(&mut self) {
        let snapshot = Snapshot::read(
            self.pools.values(),
            self.l2_advertisements.values(),
            &self.snapshot,
        );
        if snapshot != self.snapshot {
            self.facts.pools = snapshot.announce_pools();
            self.facts.l2_advertisements = snapshot.l2_advertisements();
            self.snapshot = snapshot;
            self.plan_all();
        }
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

    fn plan(&mut self, name: &ServiceName) {
        if let Some(service) = self.services.get(name) {
            self.plans
                .insert(name.clone(), announce::layer2(&self.facts, service));
        }
    }

    fn plan_all(&mut self) {
        let plan = |(name, service): (&ServiceName, &announce::Service)| {
            (name.clone(), announce::layer2(&self.facts, service))
        };
        self.plans = self.services.iter().map(plan).collect();
    }
}

fn node_of(lease: &Lease) -> Option<NodeName> {
    lease.spec.as_ref()?.holder_identity.clone().map(NodeName)
}

#[cfg(test)]
mod tests;
