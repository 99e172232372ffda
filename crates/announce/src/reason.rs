use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use model::{Family, NodeName, PeerName, PoolName, ServiceName};

/// Why nobody may announce a Service. The text tells a person what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Its status holds no address.
    #[error("the Service has no address yet")]
    NoAddress,
    /// An address of it is in no pool that is in force, and was not given from one that is there still.
    #[error("{address} is in no IPPool{}: only addresses of a pool are announced", gone(.recorded.as_ref()))]
    AddressNotInPool {
        /// The address.
        address: IpAddr,
        /// The pool that it was given from, if that is known: it is gone.
        recorded: Option<PoolName>,
    },
    /// No advertisement selects its pool and the Service itself.
    #[error(
        "no L2Advertisement or BGPAdvertisement selects IPPool {0} and this Service: create one, or widen its selectors"
    )]
    NoMatchingAdvertisement(PoolName),
    /// No endpoint of it is usable.
    #[error("the Service has no usable endpoint: none of its pods is ready")]
    NoEndpoints,
    /// No node is left.
    #[error("no node may announce it: {}", by_node(.0))]
    NoNode(BTreeMap<NodeName, NodeReason>),
    /// Services that share addresses need one node, and no node may announce all of them. Each with its nodes.
    #[error(
        "no node may announce every Service that shares its addresses ({}): let the L2Advertisements of all of them select a common node, \
         or do not share",
        by_service(.0)
    )]
    NoCommonNode(BTreeMap<ServiceName, BTreeSet<NodeName>>),
}

impl Reason {
    /// The reason of the Service's `Announced` condition: one word from a closed list.
    pub fn word(&self) -> &'static str {
        match self {
            Self::NoAddress => "NoAddress",
            Self::AddressNotInPool { .. } => "AddressNotInPool",
            Self::NoMatchingAdvertisement(_) => "NoMatchingAdvertisement",
            Self::NoEndpoints => "NoEndpoints",
            Self::NoNode(_) => "NoNode",
            Self::NoCommonNode(_) => "NoCommonNode",
        }
    }
}

/// Why one node may not announce a Service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeReason {
    /// No matching advertisement selects the node.
    #[error("is selected by no matching advertisement")]
    NotSelected,
    /// It carries the exclusion label.
    #[error("carries the label node.kubernetes.io/exclude-from-external-load-balancers")]
    Excluded,
    /// Its network is unavailable.
    #[error("has the condition NetworkUnavailable")]
    NetworkUnavailable,
    /// `externalTrafficPolicy: Local` and no usable endpoint on the node.
    #[error("has no usable endpoint (externalTrafficPolicy: Local)")]
    NoLocalEndpoint,
    /// No BGPPeer has a session with the node that a matching BGPAdvertisement names.
    #[error("has a session with no BGPPeer that a matching BGPAdvertisement announces to")]
    NoPeer,
    /// Such sessions carry the other family alone (P-BGP-49).
    #[error(
        "has no session that carries {0}: add a BGPPeer with an {0} address, or set dualStackAddressFamily"
    )]
    NoPeerOfFamily(Family),
    /// Two BGPAdvertisements want one route with different attributes, and neither has the better claim (P-BGP-78).
    #[error(
        "would announce {prefix} to BGPPeer {peer} with {attribute} of BGPAdvertisement {first} and with another of {second}: give both \
         the same, or let their selectors, peers or nodes differ"
    )]
    Conflict {
        /// The route.
        prefix: IpNet,
        /// A peer that both announce it to.
        peer: PeerName,
        /// The field in which they differ.
        attribute: &'static str,
        /// One of them.
        first: String,
        /// The other one.
        second: String,
    },
    /// A route would carry more communities than routers take for granted (P-BGP-59).
    #[error(
        "would announce {prefix} with {count} communities of all BGPAdvertisements together: at most {MOST_COMMUNITIES} are announced"
    )]
    TooManyCommunities {
        /// The route.
        prefix: IpNet,
        /// How many they are.
        count: usize,
    },
    /// It is no Node of the cluster, as far as is known.
    #[error("is no Node of the cluster")]
    Unknown,
}

/// The most communities of a route, of both kinds together.
pub(crate) const MOST_COMMUNITIES: usize = 63;

/// Why one node announces a Service to no peer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BgpReason {
    /// For a reason that holds on every node.
    #[error(transparent)]
    Everywhere(#[from] Reason),
    /// For one of this node's own.
    #[error("this node {0}")]
    Here(#[from] NodeReason),
}

fn by_node(reasons: &BTreeMap<NodeName, NodeReason>) -> String {
    if reasons.is_empty() {
        return "the cluster has no node".to_owned();
    }
    reasons
        .iter()
        .map(|(node, reason)| format!("{node} {reason}"))
        .collect::<Vec<_>>()
        .join("; ")
}

fn by_service(nodes: &BTreeMap<ServiceName, BTreeSet<NodeName>>) -> String {
    let may = nodes.iter().map(|(service, nodes)| {
        let nodes: Vec<_> = nodes.iter().map(ToString::to_string).collect();
        format!("{service} may be on {}", nodes.join(", "))
    });
    may.collect::<Vec<_>>().join("; ")
}

fn gone(recorded: Option<&PoolName>) -> String {
    recorded.map_or_else(String::new, |pool| {
        format!(", and IPPool {pool} that it was given from is not there any more")
    })
}
