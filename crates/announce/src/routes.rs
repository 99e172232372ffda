//! Who announces a Service by BGP, and what of it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use bgp::{Attributes, LinkBandwidth};
use ipnet::IpNet;
use model::{Family, NodeName, PeerName};

use crate::aggregate::aggregate;
use crate::facts::{BgpAdvertisement, Facts, Node, Peer, Service, TrafficPolicy};
use crate::reason::{BgpReason, NodeReason, Reason};

pub(crate) mod agreement;

/// What one endpoint weighs, in octets per second: a megabit, so that routers which round to kilobits still tell the counts
/// apart. Only the ratio between nodes means anything.
const WEIGHT: u32 = 125_000;

/// A route that a node announces of a Service. A Service may have several of one prefix: [`Exports`](crate::Exports) makes them one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Who gets it: peers that the node has sessions with; never empty.
    pub peers: Arc<BTreeSet<PeerName>>,
    /// The address of the Service, or the aggregate that it lies in.
    pub prefix: IpNet,
    /// What it carries.
    pub attributes: Arc<Attributes>,
}

/// The nodes that announce a Service by BGP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BgpPlan {
    /// Each with the peers that it announces to; never empty, neither one.
    pub nodes: BTreeMap<NodeName, BTreeSet<PeerName>>,
}

/// What node `me` announces of a Service, and to whom; or why it does not.
///
/// Whether the node is Ready does not matter: it speaks for itself, and one that is cut off from the API server turns NotReady
/// and forwards all the same (S5).
///
/// # Errors
/// The reason, of this node alone or of all.
pub fn exports(facts: &Facts, me: &NodeName, service: &Service) -> Result<Vec<Export>, BgpReason> {
    let concerning = concerning(facts, service)?;
    Ok(on_node(facts, me, service, &concerning)?)
}

/// Which nodes announce a Service by BGP, and to whom.
///
/// # Errors
/// The reason why none does. A Service that no BGPAdvertisement concerns has [`Reason::NoMatchingAdvertisement`].
pub fn bgp(facts: &Facts, service: &Service) -> Result<BgpPlan, Reason> {
    let concerning = concerning(facts, service)?;
    let mut nodes = BTreeMap::new();
    let mut reasons = BTreeMap::new();
    for name in facts.nodes.keys() {
        match on_node(facts, name, service, &concerning) {
            Ok(exports) => {
                let peers = exports.iter().flat_map(|export| export.peers.iter().cloned());
                nodes.insert(name.clone(), peers.collect());
            }
            Err(reason) => drop(reasons.insert(name.clone(), reason)),
        }
    }
    match nodes.is_empty() {
        true => Err(Reason::NoNode(reasons)),
        false => Ok(BgpPlan { nodes }),
    }
}

/// An address, and an advertisement of it.
type Concern<'a> = (IpAddr, &'a BgpAdvertisement);

/// The advertisements of each address of the Service, whatever nodes they select. An address whose pool nobody advertises is
/// left out, unless that leaves none.
fn concerning<'a>(facts: &'a Facts, service: &Service) -> Result<Vec<Concern<'a>>, Reason> {
    let mut concerning = Vec::with_capacity(service.addresses.len());
    let mut left_out = Err(Reason::NoAddress);
    for &address in &service.addresses {
        let pool = facts.pool_of(service, address)?;
        let selects = |one: &&BgpAdvertisement| {
            one.services.unset_or_any(&service.labels) && one.selects(&pool.name, &pool.labels)
        };
        let before = concerning.len();
        concerning.extend(
            facts
                .bgp_advertisements
                .iter()
                .filter(selects)
                .map(|one| (address, one)),
        );
        if concerning.len() == before {
            left_out = Err(Reason::NoMatchingAdvertisement(pool.name.clone()));
        }
    }
    if concerning.is_empty() {
        return left_out;
    }
    if !service.endpoints.any() {
        return Err(Reason::NoEndpoints);
    }
    Ok(concerning)
}

fn on_node(
    facts: &Facts,
    name: &NodeName,
    service: &Service,
    concerning: &[Concern<'_>],
) -> Result<Vec<Export>, NodeReason> {
    let node = facts.nodes.get(name).ok_or(NodeReason::Unknown)?;
    let selecting = concerning
        .iter()
        .filter(|(_, advertisement)| advertisement.nodes.unset_or_any(&node.labels));
    let selecting: Vec<_> = selecting.collect();
    may_announce(name, node, service, selecting.is_empty())?;
    let has_session = facts
        .peers
        .iter()
        .filter(|peer| peer.nodes.unset_or_any(&node.labels));
    let sessions: Vec<&Peer> = has_session.collect();
    let mut unheard = NodeReason::NoPeer;
    let mut exports = Vec::with_capacity(selecting.len());
    let mut authors = Vec::with_capacity(selecting.len());
    for (address, advertisement) in selecting {
        let family = Family::of(*address);
        let wanted =
            |peer: &&&Peer| advertisement.peers.is_empty() || advertisement.peers.contains(&peer.name);
        let (carrying, others): (Vec<&Peer>, Vec<&Peer>) = sessions
            .iter()
            .filter(wanted)
            .partition(|peer| peer.families.contains(&family));
        if carrying.is_empty() && !others.is_empty() {
            unheard = NodeReason::NoPeerOfFamily(family);
        }
        let peers: BTreeSet<PeerName> = carrying.into_iter().map(|peer| peer.name.clone()).collect();
        if !peers.is_empty() {
            exports.push(Export {
                peers: Arc::new(peers),
                prefix: aggregate(*address, advertisement, &facts.pools),
                attributes: attributes(name, service, advertisement),
            });
            authors.push(*advertisement);
        }
    }
    if exports.is_empty() {
        return Err(unheard);
    }
    let mut exports = agreement::agreed(exports, &authors)?;
    if is_leaving(name, service) {
        for export in &mut exports {
            Arc::make_mut(&mut export.attributes).leaving = true;
        }
    }
    Ok(exports)
}

/// Whether all endpoints that the node has for outside traffic terminate: its routes will be withdrawn when they are gone, and
/// until then routers are to prefer other nodes (F30 of faults.md).
fn is_leaving(name: &NodeName, service: &Service) -> bool {
    service.traffic_policy == TrafficPolicy::Local && service.endpoints.staying_on(name) == 0
}

fn may_announce(name: &NodeName, node: &Node, service: &Service, unselected: bool) -> Result<(), NodeReason> {
    if unselected {
        return Err(NodeReason::NotSelected);
    }
    if node.excluded {
        return Err(NodeReason::Excluded);
    }
    if node.network_unavailable {
        return Err(NodeReason::NetworkUnavailable);
    }
    if service.traffic_policy == TrafficPolicy::Local && service.endpoints.on(name) == 0 {
        return Err(NodeReason::NoLocalEndpoint);
    }
    Ok(())
}

/// With `externalTrafficPolicy: Cluster` every node hands traffic to every endpoint, so that all nodes weigh the same (P-BGP-11).
fn attributes(name: &NodeName, service: &Service, advertisement: &BgpAdvertisement) -> Arc<Attributes> {
    let local = service.traffic_policy == TrafficPolicy::Local;
    let endpoints = &service.endpoints;
    let count = match endpoints.staying_on(name) {
        0 => endpoints.on(name),
        staying => staying,
    };
    if count == 0 || !advertisement.weighted || !local {
        return Arc::clone(&advertisement.attributes);
    }
    Arc::new(Attributes {
        link_bandwidth: Some(LinkBandwidth(WEIGHT.saturating_mul(count))),
        ..Attributes::clone(&advertisement.attributes)
    })
}

#[cfg(test)]
mod tests;
