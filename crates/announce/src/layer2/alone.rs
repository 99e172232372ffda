//! Who may announce a Service that shares its addresses with nobody.

use std::collections::BTreeMap;

use model::NodeName;

use super::{Candidate, Candidates, Interfaces, LocalEndpoints};
use crate::facts::{Facts, L2Advertisement, Node, Pool, Service, TrafficPolicy};
use crate::reason::{NodeReason, Reason};

/// The nodes, Ready or not, that may announce a Service as far as it alone is concerned.
pub(super) fn candidates(facts: &Facts, service: &Service) -> Result<Candidates, Reason> {
    let pools = pools(facts, service)?;
    let advertisements = matching(facts, service, &pools)?;
    if !service.endpoints.any() {
        return Err(Reason::NoEndpoints);
    }
    let mut candidates = BTreeMap::new();
    let mut reasons = BTreeMap::new();
    for (name, node) in &facts.nodes {
        match candidate(name, node, service, &pools, &advertisements) {
            Ok(candidate) => candidates.insert(name.clone(), candidate).map(drop),
            Err(reason) => reasons.insert(name.clone(), reason).map(drop),
        };
    }
    if candidates.is_empty() {
        return Err(Reason::NoNode(reasons));
    }
    Ok(candidates)
}

/// The pools of a Service's addresses: of each the one that covers it, else the one that it was given from.
fn pools<'a>(facts: &'a Facts, service: &Service) -> Result<Vec<&'a Pool>, Reason> {
    if service.addresses.is_empty() {
        return Err(Reason::NoAddress);
    }
    let mut pools: Vec<&Pool> = Vec::with_capacity(1);
    for &address in &service.addresses {
        let pool = facts.pool_of(service, address)?;
        if !pools.contains(&pool) {
            pools.push(pool);
        }
    }
    Ok(pools)
}

/// The advertisements that select the Service and one of its pools, whatever nodes they select; at least one for each pool.
fn matching<'a>(
    facts: &'a Facts,
    service: &Service,
    pools: &[&Pool],
) -> Result<Vec<&'a L2Advertisement>, Reason> {
    let selects = |advertisement: &&L2Advertisement| {
        advertisement.services.unset_or_any(&service.labels)
            && pools.iter().any(|pool| advertisement.selects(pool))
    };
    let matching: Vec<_> = facts.l2_advertisements.iter().filter(selects).collect();
    let left_out = |pool: &&&Pool| !matching.iter().any(|advertisement| advertisement.selects(pool));
    match pools.iter().find(left_out) {
        Some(pool) => Err(Reason::NoMatchingAdvertisement(pool.name.clone())),
        None => Ok(matching),
    }
}

fn candidate(
    name: &NodeName,
    node: &Node,
    service: &Service,
    pools: &[&Pool],
    advertisements: &[&L2Advertisement],
) -> Result<Candidate, NodeReason> {
    let selecting = || {
        advertisements
            .iter()
            .filter(|advertisement| advertisement.nodes.unset_or_any(&node.labels))
    };
    let selected = |pool: &&Pool| selecting().any(|advertisement| advertisement.selects(pool));
    if !pools.iter().all(selected) {
        return Err(NodeReason::NotSelected);
    }
    let places = selecting()
        .map(|advertisement| interfaces(advertisement))
        .reduce(Interfaces::union);
    let interfaces = places.ok_or(NodeReason::NotSelected)?;
    if node.excluded {
        return Err(NodeReason::Excluded);
    }
    if node.network_unavailable {
        return Err(NodeReason::NetworkUnavailable);
    }
    if service.traffic_policy == TrafficPolicy::Local && service.endpoints.on(name) == 0 {
        return Err(NodeReason::NoLocalEndpoint);
    }
    let preference = selecting()
        .map(|advertisement| advertisement.preference(node))
        .sum();
    Ok(Candidate {
        preference,
        interfaces,
        yields: selecting().any(|advertisement| advertisement.yields),
        endpoints: match service.traffic_policy {
            TrafficPolicy::Local if service.endpoints.staying_on(name) == 0 => LocalEndpoints::Terminate,
            TrafficPolicy::Local | TrafficPolicy::Cluster => LocalEndpoints::Stay,
        },
    })
}

/// Where the advertisement has addresses announced.
pub(super) fn interfaces(advertisement: &L2Advertisement) -> Interfaces {
    match advertisement.interfaces.is_empty() {
        true => Interfaces::All,
        false => Interfaces::Named(advertisement.interfaces.clone()),
    }
}

impl L2Advertisement {
    fn selects(&self, pool: &Pool) -> bool {
        let every_pool = self.pools.is_empty() && self.pool_selectors.is_empty();
        every_pool || self.pools.contains(&pool.name) || self.pool_selectors.any(&pool.labels)
    }

    fn preference(&self, node: &Node) -> u32 {
        let gained = self
            .preferences
            .iter()
            .filter(|preference| preference.nodes.matches(&node.labels));
        gained.map(|preference| preference.weight).sum()
    }
}
