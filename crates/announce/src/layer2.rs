use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use model::{NodeName, ServiceName};

use crate::facts::{Facts, Node, Service};
use crate::reason::Reason;

mod alone;

/// Nodes that may announce.
pub type Candidates = BTreeMap<NodeName, Candidate>;

/// Who may announce a Service on layer 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The addresses of the Service, in order; never none.
    pub addresses: Box<[IpAddr]>,
    /// Every address that Services tie together with these, in order: one node announces all of them (P-L2-4, -12).
    pub unit: Box<[IpAddr]>,
    /// The nodes of which one is to announce; never empty, and the same nodes for all plans of the unit. Most plans have the same.
    pub candidates: Arc<Candidates>,
}

/// A node that may announce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The sum of its preference weights, of all Services of the unit; candidates with more go first (P-L2-15, -27).
    pub preference: u32,
    /// Where it announces the addresses of the Service. An address of two Services is announced where either says.
    pub interfaces: Interfaces,
    /// Whether it falls silent about an address of the Service that a host outside of the cluster has too.
    pub yields: bool,
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
    /// What two advertisements, or two Services with one address, allow together (P-L2-46).
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        match (self, other) {
            (Self::Named(some), Self::Named(more)) => Self::Named(some.into_iter().chain(more).collect()),
            (Self::All, Self::All | Self::Named(_)) | (Self::Named(_), Self::All) => Self::All,
        }
    }
}

/// Which nodes may announce the Services of `unit`, which are tied together by addresses that they share; or for each
/// Service the reason why nobody may.
///
/// One node announces them all, so it must be one that each of them may have. A Service that nobody may announce does not
/// stand in the way of the others.
///
/// A node that is not Ready is a candidate only where no Ready one is left: a node that cannot reach the API server
/// turns NotReady and forwards all the same, and an outage of the API must withdraw nothing (S5).
pub fn layer2(facts: &Facts, unit: &[&Service]) -> BTreeMap<ServiceName, Result<Plan, Reason>> {
    let mut verdicts = BTreeMap::new();
    let mut able = Vec::with_capacity(unit.len());
    for service in unit {
        match alone::candidates(facts, service) {
            Ok(candidates) => able.push((*service, candidates)),
            Err(reason) => drop(verdicts.insert(service.name.clone(), Err(reason))),
        }
    }
    let common = common(facts, &able);
    let apart = common.is_empty().then(|| apart(&able));
    let addresses = in_order(unit.iter().flat_map(|service| &service.addresses));
    for (service, candidates) in able {
        let plan = || Plan {
            addresses: in_order(&service.addresses),
            unit: addresses.clone(),
            candidates: narrowed(candidates, &common).into(),
        };
        verdicts.insert(
            service.name.clone(),
            apart.clone().map_or_else(|| Ok(plan()), Err),
        );
    }
    verdicts
}

fn in_order<'a>(addresses: impl IntoIterator<Item = &'a IpAddr>) -> Box<[IpAddr]> {
    let addresses: BTreeSet<IpAddr> = addresses.into_iter().copied().collect();
    addresses.into_iter().collect()
}

/// Every node that could announce anything: those that an advertisement selects and nothing keeps from it. What a majority
/// of speakers is one of.
pub fn possible(facts: &Facts) -> BTreeSet<NodeName> {
    let may = |node: &Node| {
        let mut advertisements = facts.l2_advertisements.iter();
        !node.excluded
            && !node.network_unavailable
            && advertisements.any(|advertisement| advertisement.nodes.unset_or_any(&node.labels))
    };
    facts
        .nodes
        .iter()
        .filter(|(_, node)| may(node))
        .map(|(name, _)| name.clone())
        .collect()
}

/// The nodes that every Service may have, the Ready ones if there are any, with their preferences added up.
fn common(facts: &Facts, able: &[(&Service, Candidates)]) -> BTreeMap<NodeName, u32> {
    let Some(((_, first), others)) = able.split_first() else {
        return BTreeMap::new();
    };
    let preference = |node: &NodeName| {
        let mut sum = first.get(node)?.preference;
        for (_, candidates) in others {
            sum += candidates.get(node)?.preference;
        }
        Some((node.clone(), sum))
    };
    let mut common: BTreeMap<_, _> = first.keys().filter_map(preference).collect();
    let ready = |node: &NodeName| facts.nodes.get(node).is_some_and(|node| node.ready);
    if common.keys().any(ready) {
        common.retain(|node, _| ready(node));
    }
    common
}

fn narrowed(candidates: Candidates, common: &BTreeMap<NodeName, u32>) -> Candidates {
    let narrowed = candidates.into_iter().filter_map(|(node, candidate)| {
        let preference = *common.get(&node)?;
        Some((
            node,
            Candidate {
                preference,
                ..candidate
            },
        ))
    });
    narrowed.collect()
}

fn apart(able: &[(&Service, Candidates)]) -> Reason {
    let nodes = able
        .iter()
        .map(|(service, candidates)| (service.name.clone(), candidates.keys().cloned().collect()));
    Reason::NoCommonNode(nodes.collect())
}

#[cfg(test)]
mod tests;
