//! What follows from claims: what this node answers for, and what is told of it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Instant;

use super::Segment;
use super::held::Answering;
use super::survey::Standing;
use crate::identity::Node;
use crate::{Event, Role, UnitId, Why};

impl Segment {
    /// The addresses that this node answers for, in order: the holdings spelled out, never an address twice. What the
    /// driver makes true after every input.
    pub fn answers(&self) -> impl Iterator<Item = (IpAddr, Role)> {
        let mut answers: BTreeMap<IpAddr, Role> = BTreeMap::new();
        for (unit, role) in &self.roles {
            let relic = self.relics.get(unit).map(|relic| &relic.addresses);
            let addresses = self.units.get(unit).map(|facts| &facts.addresses).or(relic);
            for address in addresses.into_iter().flatten() {
                let place = answers.entry(*address).or_insert(*role);
                if *role == Role::Holder {
                    *place = Role::Holder;
                }
            }
        }
        answers.into_iter()
    }

    /// Makes roles and holders what they are now, and tells what changed.
    pub(super) fn settle_roles(&mut self, now: Instant, survey: &BTreeMap<UnitId, Standing>) {
        let own = self
            .own
            .iter()
            .filter(|(_, held)| held.answering == Answering::Yes);
        let relics = self
            .relics
            .iter()
            .filter(|(_, relic)| relic.answers_until.is_some());
        let mut roles: BTreeMap<UnitId, Role> = self
            .surrogates
            .iter()
            .map(|(unit, mac)| (*unit, Role::Surrogate { mac: *mac }))
            .collect();
        roles.extend(relics.map(|(unit, _)| (*unit, Role::Holder)));
        roles.extend(own.map(|(unit, _)| (*unit, Role::Holder)));
        let before = std::mem::replace(&mut self.roles, roles);
        let reasons = std::mem::take(&mut self.reasons);
        let why = |unit: &UnitId, otherwise: Why| reasons.get(unit).copied().unwrap_or(otherwise);
        for (unit, role) in &before {
            if !self.roles.contains_key(unit) {
                let otherwise = if *role == Role::Holder {
                    Why::Gone
                } else {
                    Why::HolderBack
                };
                let (unit, why) = (*unit, why(unit, otherwise));
                self.events.push_back(Event::Release { unit, why });
            }
        }
        for (unit, role) in self
            .roles
            .iter()
            .filter(|(unit, role)| before.get(unit) != Some(role))
        {
            let unit = *unit;
            self.events.push_back(match *role {
                Role::Holder => Event::Hold {
                    unit,
                    why: why(&unit, Why::Vacant),
                },
                Role::Surrogate { mac } => Event::Surrogate { unit, mac },
            });
        }
        self.settle_holders(now, survey);
    }

    fn settle_holders(&mut self, now: Instant, survey: &BTreeMap<UnitId, Standing>) {
        let mut holders = BTreeMap::new();
        for (unit, facts) in &self.units {
            let ours = self.own.contains_key(unit).then_some(self.node);
            let theirs = || {
                self.standing(now, survey, unit, facts)
                    .holder()
                    .map(|seen| seen.node)
            };
            if let Some(node) = ours.or_else(theirs) {
                holders.insert(*unit, node);
            }
        }
        let before = std::mem::take(&mut self.holders);
        let gone = before
            .keys()
            .filter(|unit| !holders.contains_key(unit))
            .map(|unit| (*unit, None));
        let moved = holders
            .iter()
            .filter(|(unit, node)| before.get(unit) != Some(node));
        let moved = moved.map(|(unit, node)| (*unit, Some(*node)));
        for (unit, holder) in gone.chain(moved).collect::<Vec<_>>() {
            let holder = holder.and_then(|node| self.name_of(node));
            self.events.push_back(Event::Moved { unit, holder });
        }
        self.holders = holders;
    }

    fn name_of(&self, node: Node) -> Option<model::NodeName> {
        if node == self.node {
            return Some(self.me.node.clone());
        }
        self.peers.get(&node).map(|peer| peer.name.clone())
    }

    /// Rule 6: who cannot be sure of its ears announces nothing.
    pub(super) fn settle_quiet(&mut self, now: Instant) {
        let quiet = !self.hears(now);
        if self.quiet != quiet {
            self.quiet = quiet;
            self.events.push_back(Event::Quiet(quiet));
            self.wake_at(now);
        }
    }
}
