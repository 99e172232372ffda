use std::collections::BTreeMap;
use std::net::IpAddr;

use model::{NodeName, PoolName};

/// Why nobody may announce a Service. The text tells a person what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Its status holds no address.
    #[error("the Service has no address yet")]
    NoAddress,
    /// An address of it is in no pool that is in force.
    #[error("{0} is in no IPPool: only addresses of a pool are announced")]
    AddressNotInPool(IpAddr),
    /// No advertisement selects its pool and the Service itself.
    #[error("no L2Advertisement selects IPPool {0} and this Service: create one, or widen its selectors")]
    NoMatchingAdvertisement(PoolName),
    /// No endpoint of it is usable.
    #[error("the Service has no usable endpoint: none of its pods is ready")]
    NoEndpoints,
    /// No node is left.
    #[error("no node may announce it: {}", by_node(.0))]
    NoNode(BTreeMap<NodeName, NodeReason>),
}

impl Reason {
    /// The reason of the Service's `Announced` condition: one word from a closed list.
    pub fn word(&self) -> &'static str {
        match self {
            Self::NoAddress => "NoAddress",
            Self::AddressNotInPool(_) => "AddressNotInPool",
            Self::NoMatchingAdvertisement(_) => "NoMatchingAdvertisement",
            Self::NoEndpoints => "NoEndpoints",
            Self::NoNode(_) => "NoNode",
        }
    }
}

/// Why one node may not announce a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeReason {
    /// No matching advertisement selects the node.
    #[error("is selected by no matching L2Advertisement")]
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
