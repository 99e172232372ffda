use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use announce::Announceable;
use claim::{Takes, UnitId};
use ipnet::IpNet;
use l2::Mac;
use model::{AddressRange, NodeName};

use super::{Interfaces, NoInterface};
use crate::decide::wanted::{Shared, Wanted};
use crate::kernel::links::{ExcludeList, Link, Links, usable};
use crate::watch::serving::Served;

/// What each interface is to do, and which addresses none of them can take.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// The usable interfaces that there is something to agree on, or that addresses of the pools could be announced on: there a
    /// socket that is open already answers sooner. On all others nobody is told anything.
    pub(super) interfaces: BTreeMap<String, Assignment>,
    pub(super) homeless: BTreeMap<IpAddr, NoInterface>,
}

/// Whether what is announced depends on other speakers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Others {
    /// It is agreed on with them: an interface on which nobody can be talked to is of no use.
    Asked,
    /// This node holds all that it may.
    Ignored,
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
    /// The subnets that it is in.
    pub(super) subnets: BTreeSet<IpNet>,
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
            subnets: BTreeSet::new(),
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
        units.flat_map(taken).copied().collect()
    }
}

/// The addresses of the unit that the interface takes.
fn taken(unit: &claim::Unit) -> &[IpAddr] {
    match &unit.takes {
        Takes::All => &unit.addresses,
        Takes::Part(taken) => taken,
        Takes::None => &[],
    }
}

/// Which interfaces are to agree on what and announce it, as things are for node `me`.
pub(super) fn plan(
    me: &NodeName,
    wanted: &Wanted,
    links: &Links,
    excluded: &ExcludeList,
    others: Others,
    served: &Served,
) -> Plan {
    let mut interfaces: BTreeMap<String, Assignment> = links
        .values()
        .filter_map(|link| Some((link.name.clone(), idle(link, excluded)?)))
        .collect();
    let all: BTreeSet<Mac> = interfaces.values().map(|assignment| assignment.mac).collect();
    let mut homeless: BTreeMap<IpAddr, NoInterface> = BTreeMap::new();
    for ip in wanted.candidacies(me) {
        homeless.insert(ip, NoInterface::NoSubnet);
    }
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
            let mine = unit.candidates.contains_key(me);
            let here = unit.on(me, |ip, place| match takes(link, ip, place, others) {
                Ok(()) => true,
                Err(why) => {
                    if let Some(known) = homeless.get_mut(&ip).filter(|_| mine) {
                        *known = why.max(known.clone());
                    }
                    false
                }
            })?;
            let serving = served.serves(unit);
            Some((*id, shared.unit(claim::Unit { serving, ..here })))
        });
        assignment.units = Arc::new(here.collect());
    }
    for assignment in interfaces.values() {
        for address in assignment.candidacies(me) {
            homeless.remove(&address);
        }
    }
    interfaces.retain(|name, assignment| {
        !assignment.units.is_empty() || could_announce(&links[name], &wanted.announceable)
    });
    tell_of_homeless(me, wanted, &mut interfaces);
    Plan { interfaces, homeless }
}

/// Adds to every interface what node `me` may hold and can announce on none: the others on the segment, who may be waiting for it
/// to take that, are told that it cannot.
fn tell_of_homeless(me: &NodeName, wanted: &Wanted, interfaces: &mut BTreeMap<String, Assignment>) {
    let known = |id: &UnitId| interfaces.values().any(|here| here.units.contains_key(id));
    let mine = wanted
        .units
        .iter()
        .filter(|(_, unit)| unit.candidates.contains_key(me));
    let mut shared = Shared::default();
    let homeless: Vec<_> = mine
        .filter(|(id, _)| !known(id))
        .map(|(id, unit)| (*id, shared.unit(unit.nowhere())))
        .collect();
    if homeless.is_empty() {
        return;
    }
    for assignment in interfaces.values_mut() {
        Arc::make_mut(&mut assignment.units).extend(homeless.iter().cloned());
    }
}

fn idle(link: &Link, excluded: &ExcludeList) -> Option<Assignment> {
    usable(link, excluded).ok()?;
    let Link {
        index,
        mac,
        carrier_changes,
        failovers,
        own,
        subnets,
        ..
    } = link;
    Some(Assignment {
        index: *index,
        mac: (*mac)?,
        carrier_changes: *carrier_changes,
        failovers: *failovers,
        own: own.clone(),
        subnets: subnets.clone(),
        siblings: BTreeSet::new(),
        units: Arc::default(),
        yielding: BTreeSet::new(),
        possible: BTreeSet::new(),
        drain: false,
    })
}

/// An address is of use where its subnet is; who names an interface knows better. Either way the speakers have to be able to talk
/// there, and the address has to be one that a host may have.
fn takes(link: &Link, address: IpAddr, wanted: &Interfaces, others: Others) -> Result<(), NoInterface> {
    let is_chosen = match wanted {
        Interfaces::All => link.carries(address),
        Interfaces::Named(names) => names.contains(&link.name),
    };
    if !is_chosen {
        return Err(NoInterface::NoSubnet);
    }
    if let Some(subnet) = link.subnets.iter().find(|subnet| is_edge(subnet, address)) {
        return Err(NoInterface::NoHost { subnet: *subnet });
    }
    if others == Others::Asked && !can_talk(link) {
        return Err(NoInterface::Unaddressed {
            iface: link.name.clone(),
        });
    }
    Ok(())
}

/// Whether the address is the first or the last of the subnet, which no host has (RFC 1122 §3.2.1.3, RFC 3021).
fn is_edge(subnet: &IpNet, address: IpAddr) -> bool {
    match (subnet, address) {
        (IpNet::V4(subnet), IpAddr::V4(address)) => {
            subnet.prefix_len() <= 30 && (address == subnet.network() || address == subnet.broadcast())
        }
        (IpNet::V4(_) | IpNet::V6(_), IpAddr::V4(_) | IpAddr::V6(_)) => false,
    }
}

/// Whether datagrams of the segment protocol have an address to come from.
fn can_talk(link: &Link) -> bool {
    link.own.iter().any(|own| match own {
        IpAddr::V4(_) => true,
        IpAddr::V6(own) => own.is_unicast_link_local(),
    })
}

/// Whether the next Service that gets an address could be announced on the interface.
fn could_announce(link: &Link, announceable: &Announceable) -> bool {
    let overlaps = |range: &AddressRange| {
        let mut subnets = link.subnets.iter();
        subnets.any(|subnet| range.first() <= subnet.broadcast() && subnet.network() <= range.last())
    };
    can_talk(link)
        && match &announceable.interfaces {
            Interfaces::All => announceable.ranges.iter().any(overlaps),
            Interfaces::Named(names) => names.contains(&link.name),
        }
}

#[cfg(test)]
mod tests;
