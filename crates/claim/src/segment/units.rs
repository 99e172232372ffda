//! The units that there are, and what becomes of claims when they change.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use model::NodeName;

use super::Segment;
use super::by_address::ByAddress;
use super::held::{Answering, Held, Relic};
use crate::wire::Kind;
use crate::identity::Node;
use crate::{Addresses, Unit, UnitId, Why};

/// A unit as the facts of the API have it.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) addresses: Addresses,
    pub(super) candidates: Arc<BTreeMap<Node, u32>>,
    /// The units that had some of its addresses before, the one with most of them first.
    pub(super) ancestors: Box<[UnitId]>,
    /// When it got its name or its addresses.
    pub(super) changed: Instant,
}

/// The candidates of units by those that were given: most units have the same, and share one map.
#[derive(Default)]
struct Shared<'a>(BTreeMap<&'a BTreeMap<NodeName, u32>, Arc<BTreeMap<Node, u32>>>);

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

impl Segment {
    pub(super) fn on_units(&mut self, now: Instant, units: &BTreeMap<UnitId, Unit>) {
        let before = std::mem::take(&mut self.units);
        let former = std::mem::take(&mut self.by_address);
        let mut shared = Shared::default();
        for (
            unit,
            Unit {
                addresses,
                candidates,
            },
        ) in units
        {
            let (ancestors, changed) = match before.get(unit) {
                Some(same) if same.addresses == *addresses => (same.ancestors.clone(), same.changed),
                _ => (ancestors(&former, addresses), now),
            };
            let facts = Facts {
                addresses: addresses.clone(),
                candidates: shared.candidates(candidates),
                ancestors,
                changed,
            };
            self.units.insert(*unit, facts);
        }
        self.by_address = ByAddress::of(&self.units);
        self.eligible = shared.nodes();
        self.inherit(now);
        self.bury(now, &before);
        self.units_known = true;
        let units = &self.units;
        self.terms.retain(|unit, _| units.contains_key(unit));
        self.open.retain(|unit, _| units.contains_key(unit));
        self.wake_at(now);
    }

    /// A unit with a new name stays with the holder of the unit that had most of its addresses.
    fn inherit(&mut self, now: Instant) {
        let survey = self.survey(now);
        let mut inherited = Vec::new();
        for (unit, facts) in &self.units {
            if self.own.contains_key(unit) {
                continue;
            }
            let claimed = |name: &UnitId| survey.get(name).is_some_and(|standing| standing.is_claimed());
            if claimed(unit) {
                continue;
            }
            let own = |name: &UnitId| self.own.get(name).cloned().or_else(|| self.revived(now, name));
            let names = std::iter::once(unit).chain(&facts.ancestors);
            let heir = names
                .take_while(|name| !claimed(name) || own(name).is_some())
                .find_map(own);
            if let Some(held) = heir {
                inherited.push((*unit, held));
            }
        }
        for (unit, mut held) in inherited {
            held.term = held.term.max(self.terms.get(&unit).copied().unwrap_or(0));
            self.relics.remove(&unit);
            self.own.insert(unit, held);
            self.reasons.insert(unit, Why::Renamed);
        }
    }

    /// A claim whose unit went and came back.
    fn revived(&self, now: Instant, unit: &UnitId) -> Option<Held> {
        let relic = self.relics.get(unit)?;
        let strong = relic.claim.kind == Kind::Strong;
        let mut held = Held::taken(now, strong, relic.claim.term);
        if self.ready.is_none() {
            held.answering = Answering::Suspended;
        }
        Some(held)
    }

    /// Claims on units that are no more.
    fn bury(&mut self, now: Instant, before: &BTreeMap<UnitId, Facts>) {
        let taken = |address: &IpAddr| self.by_address.with(*address).next().is_some();
        let mut gone = Vec::new();
        for (unit, held) in &self.own {
            if !self.units.contains_key(unit) {
                let addresses = before.get(unit).map(|facts| facts.addresses.clone());
                let addresses = addresses.unwrap_or_default();
                let moves = addresses.iter().any(taken);
                let answers = held.answering == Answering::Yes && moves;
                let relic = Relic {
                    claim: held.claim(now),
                    until: now + self.settings.crash_window,
                    answers_until: answers.then(|| now + self.settings.hand_over),
                    addresses,
                };
                gone.push((*unit, relic));
            }
        }
        for (unit, relic) in gone {
            self.own.remove(&unit);
            self.relics.insert(unit, relic);
            self.reasons.insert(unit, Why::Gone);
        }
    }

    /// Forgets relics in time, and stops answering for addresses that another has under a new name.
    pub(super) fn expire_relics(&mut self, now: Instant) {
        self.relics.retain(|_, relic| now < relic.until);
        let mut wake = Vec::new();
        for relic in self.relics.values_mut() {
            if relic.answers_until.is_some_and(|until| now >= until) {
                relic.answers_until = None;
            }
            wake.push(relic.answers_until.unwrap_or(relic.until));
        }
        for at in wake {
            self.wake_at(at);
        }
    }
}

fn ancestors(former: &ByAddress, addresses: &Addresses) -> Box<[UnitId]> {
    let mut overlaps: BTreeMap<UnitId, usize> = BTreeMap::new();
    for unit in addresses
        .iter()
        .filter_map(|address| former.with(*address).last())
    {
        *overlaps.entry(unit).or_default() += 1;
    }
    let mut overlaps: Vec<(UnitId, usize)> = overlaps.into_iter().collect();
    overlaps.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    overlaps.into_iter().map(|(unit, _)| unit).collect()
}
