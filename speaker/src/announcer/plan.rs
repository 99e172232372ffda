use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use l2::Mac;

use super::{Holdings, Interfaces};
use crate::links::{ExcludeList, Link, Links, usable};

/// What each interface is to do, and which addresses none of them can take.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Every usable interface, those without addresses too: a socket that is open already answers sooner.
    pub(super) interfaces: BTreeMap<String, Assignment>,
    pub(super) homeless: BTreeSet<IpAddr>,
}

/// What one interface is, and what it is to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assignment {
    pub(super) index: u32,
    pub(super) mac: Mac,
    pub(super) carrier_changes: u32,
    pub(super) failovers: u32,
    /// The addresses that the interface has itself.
    pub(super) own: BTreeSet<IpAddr>,
    /// The hardware addresses of the node's other interfaces.
    pub(super) siblings: BTreeSet<Mac>,
    pub(super) addresses: BTreeSet<IpAddr>,
}

impl Assignment {
    /// The same interface with nothing to do, and nothing of its own.
    pub(super) fn idle(&self) -> Self {
        Self {
            own: BTreeSet::new(),
            siblings: BTreeSet::new(),
            addresses: BTreeSet::new(),
            ..*self
        }
    }
}

/// Which interfaces announce what, as things are.
pub(super) fn plan(holdings: &Holdings, links: &Links, excluded: &ExcludeList) -> Plan {
    let mut interfaces: BTreeMap<String, Assignment> = links
        .values()
        .filter_map(|link| Some((link.name.clone(), idle(link, excluded)?)))
        .collect();
    let all: BTreeSet<Mac> = interfaces.values().map(|assignment| assignment.mac).collect();
    for assignment in interfaces.values_mut() {
        assignment.siblings = all.iter().copied().filter(|mac| *mac != assignment.mac).collect();
    }
    let usable: Vec<&Link> = links
        .values()
        .filter(|link| interfaces.contains_key(&link.name))
        .collect();
    let mut homeless = BTreeSet::new();
    for (ip, wanted) in holdings {
        let mut homes = 0;
        for link in usable.iter().filter(|link| takes(link, *ip, wanted)) {
            homes += 1;
            interfaces.entry(link.name.clone()).and_modify(|assignment| {
                assignment.addresses.insert(*ip);
            });
        }
        if homes == 0 {
            homeless.insert(*ip);
        }
    }
    Plan { interfaces, homeless }
}

/// The interfaces on which this node can announce `address`, of those `wanted`: none, and it is no candidate for it.
pub fn interfaces_for<'a>(
    address: IpAddr,
    wanted: &'a Interfaces,
    links: &'a Links,
    excluded: &'a ExcludeList,
) -> impl Iterator<Item = &'a Link> {
    links
        .values()
        .filter(move |link| idle(link, excluded).is_some() && takes(link, address, wanted))
}

fn idle(link: &Link, excluded: &ExcludeList) -> Option<Assignment> {
    usable(link, excluded).ok()?;
    let Link {
        index,
        mac,
        carrier_changes,
        failovers,
        own,
        ..
    } = link;
    Some(Assignment {
        index: *index,
        mac: (*mac)?,
        carrier_changes: *carrier_changes,
        failovers: *failovers,
        own: own.clone(),
        siblings: BTreeSet::new(),
        addresses: BTreeSet::new(),
    })
}

/// An address is of use where its subnet is; who names an interface knows better.
fn takes(link: &Link, address: IpAddr, wanted: &Interfaces) -> bool {
    match wanted {
        Interfaces::All => link.carries(address),
        Interfaces::Named(names) => names.contains(&link.name),
    }
}

#[cfg(test)]
mod tests;
