use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use model::{AddressRange, NodeName, ServiceName};

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
    /// Of a unit that has Services with `externalTrafficPolicy: Local`: whether the node can serve all of them for longer.
    pub endpoints: LocalEndpoints,
}

/// Whether a node has what it takes to serve a Service of which it serves only its own endpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LocalEndpoints {
    /// It has, or any node of the cluster will do.
    #[default]
    Stay,
    /// All its endpoints are on their way out: most refuse new connections already. It goes after any node whose endpoints stay (F30).
    Terminate,
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

/// What could be announced on interfaces, whatever Services there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announceable {
    /// The addresses of the pools.
    pub ranges: Vec<AddressRange>,
    /// Where, as far as that does not depend on the address; named none: nothing is announced at all.
    pub interfaces: Interfaces,
}

impl Default for Announceable {
    fn default() -> Self {
        Self {
            ranges: Vec::new(),
            interfaces: Interfaces::Named(BTreeSet::new()),
        }
    }
}

/// What node `me` could announce: which of its interfaces are worth listening on before the first Service has an address.
pub fn announceable(facts: &Facts, me: &NodeName) -> Announceable {
    let node = facts.nodes.get(me);
    let selects = |advertisement: &&crate::L2Advertisement| {
        node.is_some_and(|node| advertisement.nodes.unset_or_any(&node.labels))
    };
    let interfaces = facts
        .l2_advertisements
        .iter()
        .filter(selects)
        .map(alone::interfaces)
        .reduce(Interfaces::union);
    let Some(interfaces) = interfaces else {
        return Announceable::default();
    };
    let ranges = facts.pools.iter().flat_map(|pool| &pool.ranges);
    Announceable {
        ranges: ranges.copied().collect(),
        interfaces,
    }
}

/// The nodes that every Service may have, the Ready ones if there are any, with their preferences added up.
fn common(facts: &Facts, able: &[(&Service, Candidates)]) -> BTreeMap<NodeName, Common> {
    let Some(((_, first), others)) = able.split_first() else {
        return BTreeMap::new();
    };
    let of_all = |node: &NodeName| {
        let Candidate {
            preference,
            endpoints,
            ..
        } = first.get(node)?;
        let mut common = Common {
            preference: *preference,
            endpoints: *endpoints,
        };
        for (_, candidates) in others {
            let candidate = candidates.get(node)?;
            common.preference += candidate.preference;
            common.endpoints = common.endpoints.max(candidate.endpoints);
        }
        Some((node.clone(), common))
    };
    let mut common: BTreeMap<_, _> = first.keys().filter_map(of_all).collect();
    let ready = |node: &NodeName| facts.nodes.get(node).is_some_and(|node| node.ready);
    if common.keys().any(ready) {
        common.retain(|node, _| ready(node));
    }
    common
}

/// What is true of a node for all Services of a unit together.
struct Common {
    preference: u32,
    endpoints: LocalEndpoints,
}

fn narrowed(candidates: Candidates, common: &BTreeMap<NodeName, Common>) -> Candidates {
    let narrowed = candidates.into_iter().filter_map(|(node, candidate)| {
        let Common {
            preference,
            endpoints,
        } = *common.get(&node)?;
        Some((
            node,
            Candidate {
                preference,
                endpoints,
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
