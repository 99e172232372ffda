//! What the API wants announced on layer 2, as one node sees it: who may hold what. Who does is agreed on the segments.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use announce::Interfaces;
use claim::UnitId;
use model::NodeName;

/// Everything that is to be announced, and by whom it may be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Addresses that Services tie together, by the lowest of them.
    pub units: BTreeMap<UnitId, Unit>,
    /// Every node that could announce anything: what a majority of speakers is one of.
    pub possible: BTreeSet<NodeName>,
    /// This node is to hand over what it holds.
    pub drain: bool,
}

impl Wanted {
    /// Addresses that nobody but node `me` may hold, each by itself.
    pub fn only(me: &NodeName, places: impl IntoIterator<Item = (IpAddr, Interfaces)>) -> Self {
        let unit = |(ip, place): (IpAddr, Interfaces)| {
            let unit = Unit {
                addresses: [(ip, place)].into(),
                yielding: BTreeSet::new(),
                candidates: [(me.clone(), 0)].into(),
            };
            (UnitId(ip), unit)
        };
        Self {
            units: places.into_iter().map(unit).collect(),
            possible: [me.clone()].into(),
            drain: false,
        }
    }

    /// All addresses that node `me` may hold.
    pub fn candidacies(&self, me: &NodeName) -> BTreeSet<IpAddr> {
        let units = self
            .units
            .values()
            .filter(|unit| unit.candidates.contains_key(me));
        units.flat_map(|unit| unit.addresses.keys().copied()).collect()
    }
}

/// Addresses that one node is to announce.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unit {
    /// The addresses, and where this node may announce each of them. Where it is no candidate: wherever they could be
    /// announced, for it takes part in the agreement all the same.
    pub addresses: BTreeMap<IpAddr, Interfaces>,
    /// Of these, the ones about which this node falls silent when a host outside of the cluster has them too.
    pub yielding: BTreeSet<IpAddr>,
    /// The nodes of which one is to announce them, with their preferences.
    pub candidates: BTreeMap<NodeName, u32>,
}

impl Unit {
    /// The unit as the interface sees it that takes those of its addresses for which `takes` holds; none if it takes none.
    /// `me` is no candidate where it may not announce: its own word on that counts.
    pub fn on(
        &self,
        me: &NodeName,
        mut takes: impl FnMut(IpAddr, &Interfaces) -> bool,
    ) -> Option<claim::Unit> {
        let wherever = Interfaces::All;
        let is_candidate = self.candidates.contains_key(me);
        let mut of = |places: bool| -> BTreeSet<IpAddr> {
            let of = |place| if places { place } else { &wherever };
            let taken = self.addresses.iter().filter(|(ip, place)| takes(**ip, of(place)));
            taken.map(|(ip, _)| *ip).collect()
        };
        let own = of(is_candidate);
        if !own.is_empty() {
            return Some(claim::Unit {
                addresses: own,
                candidates: self.candidates.clone(),
            });
        }
        let others = if is_candidate { of(false) } else { own };
        let mut candidates = self.candidates.clone();
        candidates.remove(me);
        (!others.is_empty() && !candidates.is_empty()).then_some(claim::Unit {
            addresses: others,
            candidates,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(node: &str) -> NodeName {
        NodeName(node.into())
    }

    fn ip(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    fn unit(place: Interfaces) -> Unit {
        Unit {
            addresses: [(ip("192.0.2.1"), place)].into(),
            yielding: BTreeSet::new(),
            candidates: [(name("n1"), 0), (name("n2"), 5)].into(),
        }
    }

    /// An interface with the subnet, of the name eth0.
    fn eth0(_: IpAddr, place: &Interfaces) -> bool {
        match place {
            Interfaces::All => true,
            Interfaces::Named(names) => names.contains("eth0"),
        }
    }

    #[test]
    fn a_unit_is_on_the_interfaces_that_take_it() {
        let on = unit(Interfaces::All).on(&name("n1"), eth0).unwrap();
        assert_eq!(on.candidates.len(), 2);
        assert_eq!(unit(Interfaces::All).on(&name("n1"), |_, _| false), None);
    }

    /// P-L2-44, P-L2-45: and it counts for who may hold.
    #[test]
    fn a_node_is_no_candidate_on_an_interface_that_it_may_not_announce_on() {
        let elsewhere = Interfaces::Named(["eth1".to_owned()].into());
        let on = unit(elsewhere).on(&name("n1"), eth0).unwrap();
        assert_eq!(on.candidates, [(name("n2"), 5)].into());
    }

    #[test]
    fn a_node_that_is_no_candidate_takes_part_wherever_the_address_could_be() {
        let on = unit(Interfaces::All).on(&name("n3"), eth0).unwrap();
        assert_eq!(on.candidates.len(), 2);
    }
}
