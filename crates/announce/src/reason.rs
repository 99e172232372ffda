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

    /// What the text says, without which nodes and how many: nodes come and go, and that changes nothing of why nobody may announce
    /// the Service.
    pub fn gist(&self) -> String {
        match self {
            Self::NoNode(reasons) => {
                let reasons = groups(reasons).into_iter().map(|(reason, _)| reason.to_string());
                let reasons: BTreeSet<String> = reasons.collect();
                reasons.into_iter().collect::<Vec<_>>().join("; ")
            }
            Self::NoCommonNode(nodes) => abridged(nodes.keys()),
            Self::NoAddress
            | Self::AddressNotInPool { .. }
            | Self::NoMatchingAdvertisement(_)
            | Self::NoEndpoints => self.to_string(),
        }
    }
}

/// So many are named; of more, how many there are.
const NAMED: usize = 3;

/// The first three names, and how many there are besides: what a cluster has many of must not make a message longer.
pub fn abridged<T: ToString>(names: impl IntoIterator<Item = T>) -> String {
    let mut names = names.into_iter();
    let first: Vec<_> = names.by_ref().take(NAMED).map(|name| name.to_string()).collect();
    let first = first.join(", ");
    match names.count() {
        0 => first,
        more => format!("{first} and {more} more"),
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

/// The nodes of each reason.
fn groups(reasons: &BTreeMap<NodeName, NodeReason>) -> Vec<(&NodeReason, Vec<&NodeName>)> {
    let mut groups: Vec<(&NodeReason, Vec<&NodeName>)> = Vec::new();
    for (node, reason) in reasons {
        let has_room = groups.len() < MOST_GROUPS;
        match groups.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, nodes)) => nodes.push(node),
            // What is one node's own (a route that would be in conflict there) may be as many as there are nodes.
            None if has_room => groups.push((reason, vec![node])),
            None => {}
        }
    }
    groups
}

/// So many different reasons are told of one Service.
const MOST_GROUPS: usize = 5;

fn by_node(reasons: &BTreeMap<NodeName, NodeReason>) -> String {
    if reasons.is_empty() {
        return "the cluster has no node".to_owned();
    }
    let groups = groups(reasons)
        .into_iter()
        .map(|(reason, nodes)| match nodes[..] {
            [node] => format!("{node} {reason}"),
            _ => format!("each of {} {reason}", abridged(nodes)),
        });
    groups.collect::<Vec<_>>().join("; ")
}

fn by_service(nodes: &BTreeMap<ServiceName, BTreeSet<NodeName>>) -> String {
    let may = nodes.iter().take(NAMED);
    let may = may.map(|(service, nodes)| format!("{service} may be on {}", abridged(nodes)));
    let mut parts: Vec<_> = may.collect();
    if let Some(more) = nodes.len().checked_sub(NAMED).filter(|more| *more > 0) {
        parts.push(format!("and {more} Services more"));
    }
    parts.join("; ")
}

fn gone(recorded: Option<&PoolName>) -> String {
    recorded.map_or_else(String::new, |pool| {
        format!(", and IPPool {pool} that it was given from is not there any more")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_node(nodes: usize) -> Reason {
        let reason = |number: usize| match number {
            0 => NodeReason::Excluded,
            _ => NodeReason::NoLocalEndpoint,
        };
        let node = |number| NodeName(format!("node-{number:04}"));
        Reason::NoNode((0..nodes).map(|number| (node(number), reason(number))).collect())
    }

    /// P-OBS-5
    #[test]
    fn why_no_node_may_is_told_by_reason_and_does_not_grow_with_the_nodes() {
        let told = no_node(10).to_string();
        assert_eq!(
            told,
            "no node may announce it: node-0000 carries the label node.kubernetes.io/exclude-from-external-load-balancers; each of \
             node-0001, node-0002, node-0003 and 6 more has no usable endpoint (externalTrafficPolicy: Local)"
        );
        let (few, many) = (told.len(), no_node(1000).to_string().len());
        assert!(many.abs_diff(few) * 20 <= few, "{few} and {many} octets");
        assert_eq!(no_node(10).gist(), no_node(11).gist());
    }

    #[test]
    fn reasons_of_each_node_s_own_are_cut_off() {
        let conflict = |number: u8| NodeReason::TooManyCommunities {
            prefix: IpNet::new([192, 0, 2, number].into(), 32).unwrap(),
            count: 64,
        };
        let reasons = (0..200).map(|number| (NodeName(number.to_string()), conflict(number)));
        assert!(Reason::NoNode(reasons.collect()).to_string().len() < 1024);
    }

    #[test]
    fn services_that_have_no_common_node_are_told_shortly() {
        let nodes: BTreeSet<NodeName> = (0..100).map(|number| NodeName(number.to_string())).collect();
        let service = |number: usize| ServiceName::new("default", format!("web-{number}"));
        let reason = Reason::NoCommonNode((0..50).map(|number| (service(number), nodes.clone())).collect());
        let told = reason.to_string();
        assert!(
            told.contains("default/web-0 may be on 0, 1, 10 and 97 more"),
            "{told}"
        );
        assert!(
            told.contains("and 47 Services more") && told.len() < 1024,
            "{told}"
        );
    }
}
