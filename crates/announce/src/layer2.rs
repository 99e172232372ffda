use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use model::NodeName;

use crate::facts::{Facts, L2Advertisement, Node, Pool, Service, TrafficPolicy};
use crate::reason::{NodeReason, Reason};

/// Who may announce a Service on layer 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The addresses, which go together: one node announces all of them (P-L2-12).
    pub addresses: BTreeSet<IpAddr>,
    /// The nodes of which one is to announce; never empty.
    pub candidates: BTreeMap<NodeName, Candidate>,
}

/// A node that may announce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The sum of its preference weights; candidates with more go first (P-L2-15, -27).
    pub preference: u32,
    /// Where it announces.
    pub interfaces: Interfaces,
}

/// The interfaces of a node that an address is announced on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Interfaces {
    /// Every one that carries the address's subnet.
    All,
    /// These, whatever their subnets.
    Named(BTreeSet<String>),
}

impl Interfaces {
    /// What two advertisements allow together (P-L2-46).
    fn union(self, other: Self) -> Self {
        match (self, other) {
            (Self::Named(some), Self::Named(more)) => Self::Named(some.into_iter().chain(more).collect()),
            (Self::All, Self::All | Self::Named(_)) | (Self::Named(_), Self::All) => Self::All,
        }
    }
}

/// Which nodes may announce `service` on layer 2.
///
/// A node that is not Ready is a candidate only where no Ready one is left: a node that cannot reach the API server
/// turns NotReady and forwards all the same, and an outage of the API must withdraw nothing (S5).
///
/// # Errors
/// The reason why nobody may.
pub fn layer2(facts: &Facts, service: &Service) -> Result<Plan, Reason> {
    let advertisements = matching(facts, service)?;
    if !service.endpoints.any() {
        return Err(Reason::NoEndpoints);
    }
    let mut candidates = BTreeMap::new();
    let mut reasons = BTreeMap::new();
    for (name, node) in &facts.nodes {
        match candidate(name, node, service, &advertisements) {
            Ok(candidate) => candidates.insert(name.clone(), candidate).map(drop),
            Err(reason) => reasons.insert(name.clone(), reason).map(drop),
        };
    }
    let ready = |name: &NodeName| facts.nodes.get(name).is_some_and(|node| node.ready);
    if candidates.keys().any(ready) {
        candidates.retain(|name, _| ready(name));
    }
    if candidates.is_empty() {
        return Err(Reason::NoNode(reasons));
    }
    Ok(Plan {
        addresses: service.addresses.iter().copied().collect(),
        candidates,
    })
}

/// The advertisements that select the Service and the pool of each of its addresses, whatever nodes they select.
fn matching<'a>(facts: &'a Facts, service: &Service) -> Result<Vec<&'a L2Advertisement>, Reason> {
    let mut matching: Option<Vec<&L2Advertisement>> = None;
    for &address in &service.addresses {
        let pool = facts
            .pools
            .iter()
            .find(|pool| pool.ranges.iter().any(|range| range.contains(address)));
        let pool = pool.ok_or(Reason::AddressNotInPool(address))?;
        let selects = |advertisement: &&L2Advertisement| advertisement.selects(pool, service);
        let selecting: Vec<_> = match matching {
            None => facts.l2_advertisements.iter().filter(selects).collect(),
            Some(others) => others.into_iter().filter(selects).collect(),
        };
        if selecting.is_empty() {
            return Err(Reason::NoMatchingAdvertisement(pool.name.clone()));
        }
        matching = Some(selecting);
    }
    matching.ok_or(Reason::NoAddress)
}

fn candidate(
    name: &NodeName,
    node: &Node,
    service: &Service,
    advertisements: &[&L2Advertisement],
) -> Result<Candidate, NodeReason> {
    let selecting = || {
        advertisements
            .iter()
            .filter(|advertisement| advertisement.nodes.unset_or_any(&node.labels))
    };
    let interfaces = selecting()
        .map(|advertisement| advertisement.interfaces())
        .reduce(Interfaces::union);
    let interfaces = interfaces.ok_or(NodeReason::NotSelected)?;
    if node.excluded {
        return Err(NodeReason::Excluded);
    }
    if node.network_unavailable {
        return Err(NodeReason::NetworkUnavailable);
    }
    if service.traffic_policy == TrafficPolicy::Local && !service.endpoints.nodes.contains(name) {
        return Err(NodeReason::NoLocalEndpoint);
    }
    let preference = selecting()
        .map(|advertisement| advertisement.preference(node))
        .sum();
    Ok(Candidate {
        preference,
        interfaces,
    })
}

impl L2Advertisement {
    fn selects(&self, pool: &Pool, service: &Service) -> bool {
        let every_pool = self.pools.is_empty() && self.pool_selectors.is_empty();
        (every_pool || self.pools.contains(&pool.name) || self.pool_selectors.any(&pool.labels))
            && self.services.unset_or_any(&service.labels)
    }

    fn interfaces(&self) -> Interfaces {
        if self.interfaces.is_empty() {
            Interfaces::All
        } else {
            Interfaces::Named(self.interfaces.clone())
        }
    }

    fn preference(&self, node: &Node) -> u32 {
        let gained = self
            .preferences
            .iter()
            .filter(|preference| preference.nodes.matches(&node.labels));
        gained.map(|preference| preference.weight).sum()
    }
}

#[cfg(test)]
mod tests;
