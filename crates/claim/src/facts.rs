//! The units that there are, as the facts of the API have them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::NodeName;

use crate::identity::Node;
use crate::{Addresses, Serving, Takes, Unit, UnitId};

/// All units of the segment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) units: BTreeMap<UnitId, UnitFacts>,
    /// All nodes that are candidates of any unit.
    pub(crate) eligible: BTreeSet<Node>,
    by_address: ByAddress,
}

/// A unit as the facts of the API have it.
#[derive(Clone, Debug)]
pub(crate) struct UnitFacts {
    pub(crate) addresses: Addresses,
    pub(crate) candidates: Arc<BTreeMap<Node, u32>>,
    /// Those of them whose endpoints all terminate.
    pub(crate) terminating: BTreeSet<Node>,
    /// Those of the addresses that this node's interface takes.
    pub(crate) takes: Addresses,
    /// Until when this node is not given the unit, for it cannot serve it yet.
    pub(crate) unserved_until: Option<Instant>,
    /// The units that had some of its addresses before, the one with most of them first.
    pub(crate) ancestors: Box<[UnitId]>,
    /// When it got its name or its addresses.
    pub(crate) changed: Instant,
}

/// The units by their addresses, in order. One address may be in several.
#[derive(Clone, Debug, Default)]
struct ByAddress(Box<[(IpAddr, UnitId)]>);

/// The candidates of units by those that were given: most units have the same, and share one map.
#[derive(Default)]
struct Shared<'a>(BTreeMap<&'a BTreeMap<NodeName, u32>, Arc<BTreeMap<Node, u32>>>);

impl Facts {
    /// These units, where there were those of `before`. Who cannot serve a unit yet has this long to get ready.
    pub(crate) fn new(
        now: Instant,
        units: &BTreeMap<UnitId, Unit>,
        before: &Self,
        patience: Duration,
    ) -> Self {
        let mut shared = Shared::default();
        let mut facts = BTreeMap::new();
        for (unit, given) in units {
            let Unit {
                addresses,
                candidates,
                terminating,
                takes,
                serving,
            } = given;
            let former = before.units.get(unit);
            let unserved_until = match serving {
                Serving::Yes => None,
                Serving::NotYet => former
                    .and_then(|former| former.unserved_until)
                    .or(Some(now + patience)),
            };
            let (ancestors, changed) = match former {
                Some(same) if same.addresses == *addresses => (same.ancestors.clone(), same.changed),
                _ => (before.by_address.ancestors(addresses), now),
            };
            let unit_facts = UnitFacts {
                addresses: addresses.clone(),
                candidates: shared.candidates(candidates),
                terminating: terminating.iter().map(Node::of).collect(),
                takes: match takes {
                    Takes::All => addresses.clone(),
                    Takes::Part(part) => part.iter().copied().filter(|ip| addresses.contains(ip)).collect(),
                    Takes::None => Addresses::default(),
                },
                unserved_until,
                ancestors,
                changed,
            };
            facts.insert(*unit, unit_facts);
        }
        Self {
            by_address: ByAddress::of(&facts),
            eligible: shared.nodes(),
            units: facts,
        }
    }

    /// The units that have the address, in order.
    pub(crate) fn with(&self, address: IpAddr) -> impl Iterator<Item = UnitId> + '_ {
        self.by_address.with(address)
    }
}

impl UnitFacts {
    /// How many of the addresses this node could take now, its datapath apart.
    pub(crate) fn takes_at(&self, now: Instant) -> u8 {
        if self.unserved_until.is_some_and(|until| now < until) {
            return 0;
        }
        u8::try_from(self.takes.len()).unwrap_or(u8::MAX)
    }

    /// How many addresses there are to take.
    pub(crate) fn size(&self) -> u8 {
        u8::try_from(self.addresses.len()).unwrap_or(u8::MAX)
    }
}

impl ByAddress {
    fn of(units: &BTreeMap<UnitId, UnitFacts>) -> Self {
        let entries = units
            .iter()
            .flat_map(|(unit, facts)| facts.addresses.iter().map(|address| (*address, *unit)));
        let mut entries: Box<[(IpAddr, UnitId)]> = entries.collect();
        entries.sort_unstable();
        Self(entries)
    }

    fn with(&self, address: IpAddr) -> impl Iterator<Item = UnitId> + '_ {
        let first = self.0.partition_point(|(other, _)| *other < address);
        let from = self.0.get(first..).unwrap_or_default().iter();
        from.take_while(move |(other, _)| *other == address)
            .map(|(_, unit)| *unit)
    }

    /// The units that have some of these addresses, the one with most of them first.
    fn ancestors(&self, addresses: &Addresses) -> Box<[UnitId]> {
        let mut overlaps: BTreeMap<UnitId, usize> = BTreeMap::new();
        for unit in addresses.iter().filter_map(|address| self.with(*address).last()) {
            *overlaps.entry(unit).or_default() += 1;
        }
        let mut overlaps: Vec<(UnitId, usize)> = overlaps.into_iter().collect();
        overlaps.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        overlaps.into_iter().map(|(unit, _)| unit).collect()
    }
}

impl<'a> Shared<'a> {
    fn candidates(&mut self, given: &'a BTreeMap<NodeName, u32>) -> Arc<BTreeMap<Node, u32>> {
        let made = || {
            let of = given
                .iter()
                .map(|(node, preference)| (Node::of(node), *preference));
            Arc::new(of.collect())
        };
        self.0.entry(given).or_insert_with(made).clone()
    }

    fn nodes(&self) -> BTreeSet<Node> {
        self.0.values().flat_map(|nodes| nodes.keys().copied()).collect()
    }
}
