use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use bgp::Attributes;
use model::{
    AddressRange, Family, Labels, NodeName, Origins, PeerName, PoolName, Selector, Selectors, ServiceName,
};

use crate::reason::Reason;
use crate::routes::agreement;

/// Everything about the cluster that decides who may announce.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Every Node of the cluster.
    pub nodes: BTreeMap<NodeName, Node>,
    /// Every pool. One that is not in force has no ranges: nothing is announced on its word, but what was given from it stays.
    pub pools: Vec<Pool>,
    /// Every L2Advertisement that is in force.
    pub l2_advertisements: Vec<L2Advertisement>,
    /// Every BGPAdvertisement that is in force.
    pub bgp_advertisements: Vec<BgpAdvertisement>,
    /// Every BGPPeer that is in force, whatever nodes it selects.
    pub peers: Vec<Peer>,
}

/// A Node, as far as it decides about announcing (parity.md 1.9).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Its labels, for selectors.
    pub labels: Labels,
    /// It carries `node.kubernetes.io/exclude-from-external-load-balancers`, and that label counts.
    pub excluded: bool,
    /// Its condition `NetworkUnavailable` is true.
    pub network_unavailable: bool,
    /// Its condition `Ready` is true.
    pub ready: bool,
}

/// A pool, as far as it decides about announcing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// The IPPool's name.
    pub name: PoolName,
    /// The IPPool's labels, for `ipPoolSelectors`.
    pub labels: Labels,
    /// Its addresses, those included that it does not give out.
    pub ranges: Vec<AddressRange>,
}

impl Facts {
    /// The pool of an address of the Service: the one that covers it, else the one that it was given from.
    pub(crate) fn pool_of(&self, service: &Service, address: IpAddr) -> Result<&Pool, Reason> {
        let covering = || self.pools.iter().find(|pool| pool.covers(address));
        let recorded = || {
            let mut pools = self.pools.iter();
            pools.find(|pool| Some(&pool.name) == service.origins.get(address))
        };
        covering()
            .or_else(recorded)
            .ok_or_else(|| Reason::AddressNotInPool {
                address,
                recorded: service.origins.get(address).cloned(),
            })
    }
}

impl Pool {
    /// Whether the address is one of the pool.
    pub(crate) fn covers(&self, address: IpAddr) -> bool {
        self.ranges.iter().any(|range| range.contains(address))
    }
}

/// An L2Advertisement (parity.md 1.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct L2Advertisement {
    /// Its name.
    pub name: String,
    /// Pools by name; they add to `pool_selectors`. Both empty: all pools.
    pub pools: BTreeSet<PoolName>,
    /// Pools by label.
    pub pool_selectors: Selectors,
    /// Nodes that may announce; empty: all.
    pub nodes: Selectors,
    /// Services announced; empty: all.
    pub services: Selectors,
    /// Interfaces to announce from; empty: all.
    pub interfaces: BTreeSet<String>,
    /// A node falls silent about an address that a host outside of the cluster has too; otherwise it defends it.
    pub yields: bool,
    /// Soft preferences among the nodes that `nodes` selects.
    pub preferences: Vec<Preference>,
}

/// A BGPAdvertisement (parity.md 1.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BgpAdvertisement {
    /// Its name.
    pub name: String,
    /// Pools by name; they add to `pool_selectors`. Both empty: all pools.
    pub pools: BTreeSet<PoolName>,
    /// Pools by label.
    pub pool_selectors: Selectors,
    /// Nodes that announce, hence next hops; empty: all.
    pub nodes: Selectors,
    /// Services announced; empty: all.
    pub services: Selectors,
    /// Peers to announce to; empty: all.
    pub peers: BTreeSet<PeerName>,
    /// The length of the IPv4 prefixes announced, 1 to 32.
    pub length_v4: u8,
    /// The length of the IPv6 prefixes announced, 1 to 128.
    pub length_v6: u8,
    /// What the routes carry, apart from a link bandwidth.
    pub attributes: Arc<Attributes>,
    /// Whether routes tell how many endpoints the node has, of Services for which that matters.
    pub weighted: bool,
    /// It came to conflict with another one without being edited: where both make one route, the other counts.
    pub yields: bool,
}

impl BgpAdvertisement {
    /// The first field of both in which a route can only be like one of them.
    pub fn differs_in(&self, other: &Self) -> Option<&'static str> {
        agreement::difference(&self.attributes, &other.attributes)
    }

    /// The length of the prefixes announced of a family.
    pub fn length(&self, family: Family) -> u8 {
        match family {
            Family::V4 => self.length_v4,
            Family::V6 => self.length_v6,
        }
    }

    /// Whether addresses of the pool are announced.
    pub fn selects(&self, pool: &PoolName, labels: &Labels) -> bool {
        let every_pool = self.pools.is_empty() && self.pool_selectors.is_empty();
        every_pool || self.pools.contains(pool) || self.pool_selectors.any(labels)
    }
}

/// Everything is announced to everybody, each address by itself.
impl Default for BgpAdvertisement {
    fn default() -> Self {
        Self {
            name: String::new(),
            pools: BTreeSet::new(),
            pool_selectors: Selectors::default(),
            nodes: Selectors::default(),
            services: Selectors::default(),
            peers: BTreeSet::new(),
            length_v4: 32,
            length_v6: 128,
            attributes: Arc::default(),
            weighted: false,
            yields: false,
        }
    }
}

/// A BGPPeer, as far as it decides about announcing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its name.
    pub name: PeerName,
    /// Nodes that have a session with it; empty: all.
    pub nodes: Selectors,
    /// The families that its sessions carry.
    pub families: BTreeSet<Family>,
}

/// A weight for the nodes that a selector matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preference {
    /// What a matching node gains, 1 to 100.
    pub weight: u32,
    /// Which nodes gain it.
    pub nodes: Selector,
}

/// A LoadBalancer Service, as far as it decides about announcing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: ServiceName,
    /// Its labels, for `serviceSelectors`.
    pub labels: Labels,
    /// The addresses in its status.
    pub addresses: Vec<IpAddr>,
    /// The pools that they were given from, as the Service itself says: an address that its pool covers no more is announced
    /// as before (P-ALLOC-60).
    pub origins: Origins,
    /// Its `externalTrafficPolicy`.
    pub traffic_policy: TrafficPolicy,
    /// The port on which each node says whether it serves endpoints of its own (`healthCheckNodePort`), with
    /// [`TrafficPolicy::Local`].
    pub health_check_port: Option<u16>,
    /// Where its usable endpoints are.
    pub endpoints: Endpoints,
}

/// Which endpoints a node hands outside traffic to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrafficPolicy {
    /// Any of the cluster.
    #[default]
    Cluster,
    /// Only those on the node itself.
    Local,
}

/// Where the usable endpoints of a Service are (usable: parity.md, Conventions).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// Nodes with at least one, in order.
    nodes: Vec<(NodeName, Count)>,
    /// Whether there are any that belong to no node, such as those of a Service without a pod selector.
    pub outside_nodes: bool,
}

/// How many there are on a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    /// All of them: never 0.
    usable: u32,
    /// Those that are on their way out, and still serve.
    leaving: u32,
}

impl Count {
    fn add(&mut self, more: Self) {
        self.usable = self.usable.saturating_add(more.usable);
        self.leaving = self.leaving.saturating_add(more.leaving);
    }
}

impl Endpoints {
    /// Whether there is any.
    pub fn any(&self) -> bool {
        self.outside_nodes || !self.nodes.is_empty()
    }

    /// How many are on the node.
    pub fn on(&self, node: &NodeName) -> u32 {
        self.of(node).usable
    }

    /// How many are on the node to stay: they do not terminate.
    pub fn staying_on(&self, node: &NodeName) -> u32 {
        let count = self.of(node);
        count.usable - count.leaving
    }

    fn of(&self, node: &NodeName) -> Count {
        let at = self.nodes.binary_search_by(|(known, _)| known.cmp(node));
        at.map(|at| self.nodes[at].1).unwrap_or_default()
    }

    /// Counts those of another EndpointSlice too.
    pub fn add(&mut self, others: &Self) {
        self.outside_nodes |= others.outside_nodes;
        for (node, count) in &others.nodes {
            self.add_on(node, *count);
        }
    }

    /// Counts one on `node`; on none: outside of the nodes.
    pub fn count(&mut self, node: Option<NodeName>, leaving: bool) {
        let one = Count {
            usable: 1,
            leaving: leaving.into(),
        };
        match node {
            Some(node) => self.add_on(&node, one),
            None => self.outside_nodes = true,
        }
    }

    fn add_on(&mut self, node: &NodeName, count: Count) {
        match self.nodes.binary_search_by(|(known, _)| known.cmp(node)) {
            Ok(at) => self.nodes[at].1.add(count),
            Err(at) => {
                // Most Services have endpoints on a few nodes, and there may be a great many Services.
                self.nodes.reserve_exact(1);
                self.nodes.insert(at, (node.clone(), count));
            }
        }
    }
}

/// So many on each node, all of them to stay.
impl FromIterator<(NodeName, u32)> for Endpoints {
    fn from_iter<I: IntoIterator<Item = (NodeName, u32)>>(counts: I) -> Self {
        let mut endpoints = Self::default();
        for (node, usable) in counts {
            endpoints.add_on(&node, Count { usable, leaving: 0 });
        }
        endpoints
    }
}
