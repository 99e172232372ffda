//! The rules' decision, carried out: what this node answers for, and what is told of it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Instant;

use super::Segment;
use crate::identity::Node;
use crate::rules::{self, Decision};
use crate::{Event, Role, UnitId, Why};

impl Segment {
    /// The addresses that this node answers for, in order: the holdings spelled out, never an address twice. What the
    /// driver makes true after every input.
    pub fn answers(&self) -> impl Iterator<Item = (IpAddr, Role)> {
        let mut answers: BTreeMap<IpAddr, Role> = BTreeMap::new();
        for (unit, role) in &self.roles {
            let tombstone = self.own.tombstones.get(unit);
            let tombstone = tombstone.map(|tombstone| &tombstone.addresses);
            let facts = self.facts.units.get(unit);
            let addresses = facts.map(|facts| &facts.takes).or(tombstone);
            for address in addresses.into_iter().flatten() {
                let place = answers.entry(*address).or_insert(*role);
                if *role == Role::Holder {
                    *place = Role::Holder;
                }
            }
        }
        answers.into_iter()
    }

    /// Has the rules decide, and does what they say.
    pub(super) fn decide(&mut self, now: Instant) {
        let decision = rules::decide(now, &self.neighbors.view(now), &self.facts, &self.own);
        let Decision {
            own,
            reasons,
            examine,
            questions,
            contested,
            wake,
            taken,
            yielded,
        } = decision;
        let holders = std::mem::replace(&mut self.own, own).holders;
        self.reasons.extend(reasons);
        self.counters.taken += taken;
        self.counters.yielded += yielded;
        if let Some(wake) = wake {
            self.wake_at(wake);
        }
        self.neighbors.examine(now, &examine);
        self.ask(questions, &contested);
        self.tell_roles();
        self.tell_holders(&holders);
    }

    /// Makes roles what they are now, and tells what changed.
    fn tell_roles(&mut self) {
        let before = std::mem::replace(&mut self.roles, self.own.roles());
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
    }

    fn tell_holders(&mut self, before: &BTreeMap<UnitId, Node>) {
        let holders = &self.own.holders;
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
    }

    fn name_of(&self, node: Node) -> Option<model::NodeName> {
        if node == self.node {
            return Some(self.me.node.clone());
        }
        self.neighbors.name(node).cloned()
    }

    /// Rule 6: who cannot be sure of its ears announces nothing.
    pub(super) fn settle_quiet(&mut self, now: Instant) {
        let quiet = !self.neighbors.hears(now);
        if self.quiet != quiet {
            self.quiet = quiet;
            self.events.push_back(Event::Quiet(quiet));
            self.wake_at(now);
        }
    }

    /// Nothing is answered for before we have listened again.
    pub(super) fn suspend(&mut self, why: Why) {
        for (unit, held) in &mut self.own.claims {
            held.suspend();
            self.reasons.insert(*unit, why);
        }
        for tombstone in self.own.tombstones.values_mut() {
            tombstone.answers_until = None;
        }
    }
}
