use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use claim::UnitId;
use l2::Mac;
use model::NodeName;

use super::Interfaces;
use crate::decide::wanted::{Shared, Wanted};
use crate::kernel::links::{ExcludeList, Link, Links, usable};

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
    /// What is to be agreed on there.
    pub(super) units: Arc<BTreeMap<UnitId, claim::Unit>>,
    /// Of their addresses, the ones that are given up to a stranger.
    pub(super) yielding: BTreeSet<IpAddr>,
    /// Every node that could be there.
    pub(super) possible: BTreeSet<NodeName>,
    /// This node is to hand over what it holds.
    pub(super) drain: bool,
}

impl Assignment {
    /// The same interface with nothing to do, and nothing of its own.
    pub(super) fn idle(&self) -> Self {
        Self {
            own: BTreeSet::new(),
            siblings: BTreeSet::new(),
            units: Arc::default(),
            yielding: BTreeSet::new(),
            possible: BTreeSet::new(),
            drain: false,
            ..*self
        }
    }

    /// All that node `me` may hold here.
    pub(super) fn candidacies(&self, me: &NodeName) -> BTreeSet<IpAddr> {
        let units = self
            .units
            .values()
            .filter(|unit| unit.candidates.contains_key(me));
        units.flat_map(|unit| unit.addresses.iter().copied()).collect()
    }
}

/// Which interfaces are to agree on what and announce it, as things are for node `me`.
pub(super) fn plan(me: &NodeName, wanted: &Wanted, links: &Links, excluded: &ExcludeList) -> Plan {
    let mut interfaces: BTreeMap<String, Assignment> = links
        .values()
        .filter_map(|link| Some((link.name.clone(), idle(link, excluded)?)))
        .collect();
    let all: BTreeSet<Mac> = interfaces.values().map(|assignment| assignment.mac).collect();
    let mut homeless = wanted.candidacies(me);
    for (name, assignment) in &mut interfaces {
        assignment.siblings = all.iter().copied().filter(|mac| *mac != assignment.mac).collect();
        assignment.yielding = wanted
            .units
            .values()
            .flat_map(|unit| &unit.yielding)
            .copied()
            .collect();
        assignment.possible = wanted.possible.clone();
        assignment.drain = wanted.drain;
        let link = &links[name];
        let units = wanted.units.iter();
        let mut shared = Shared::default();
        let here = units.filter_map(|(id, unit)| {
            let here = unit.on(me, |ip, place| takes(link, ip, place))?;
            Some((*id, shared.unit(here)))
        });
        assignment.units = Arc::new(here.collect());
        for address in assignment.candidacies(me) {
            homeless.remove(&address);
        }
    }
    Plan { interfaces, homeless }
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
        units: Arc::default(),
        yielding: BTreeSet::new(),
        possible: BTreeSet::new(),
        drain: false,
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
