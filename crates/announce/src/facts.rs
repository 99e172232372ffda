use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use model::{AddressRange, Labels, NodeName, PoolName, Selector, Selectors, ServiceName};

/// Everything about the cluster that decides who may announce.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Every Node of the cluster.
    pub nodes: BTreeMap<NodeName, Node>,
    /// Every pool. One that is not in force has no ranges: nothing is announced on its word, but what was given from it stays.
    pub pools: Vec<Pool>,
    /// Every L2Advertisement that is in force.
    pub l2_advertisements: Vec<L2Advertisement>,
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
    /// The pool that they were given from, as the Service itself says: an address that the pool covers no more is announced
    /// as before (P-ALLOC-60).
    pub recorded_pool: Option<PoolName>,
    /// Its `externalTrafficPolicy`.
    pub traffic_policy: TrafficPolicy,
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
    /// Nodes with at least one.
    pub nodes: BTreeSet<NodeName>,
    /// Whether there are any that belong to no node, such as those of a Service without a pod selector.
    pub outside_nodes: bool,
}

impl Endpoints {
    /// Whether there is any.
    pub fn any(&self) -> bool {
        self.outside_nodes || !self.nodes.is_empty()
    }
}
