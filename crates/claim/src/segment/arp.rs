//! What ARP and neighbour discovery say of other speakers (rules 5 and 19).

use std::net::IpAddr;
use std::time::Instant;

use super::Segment;
use crate::identity::Node;
use crate::own::{Answering, Contest, Giving, Seen};
use crate::{Event, Transmit, UnitId, Why, rules};

impl Segment {
    /// Asks who answers for these addresses, and these nodes whether they do.
    pub(super) fn ask(&mut self, questions: Vec<IpAddr>, contested: &[(Node, IpAddr)]) {
        let broadcast = questions.into_iter().map(|address| (address, None));
        let of = |(node, address): &(Node, IpAddr)| (*address, self.neighbors.mac_of(*node));
        let probes: Vec<_> = broadcast.chain(contested.iter().map(of)).collect();
        let probes = probes
            .into_iter()
            .map(|(address, mac)| Transmit::Probe { address, mac });
        self.transmits.extend(probes);
    }

    /// Somebody answered a question.
    pub(super) fn on_answer(&mut self, now: Instant, address: IpAddr, mac: [u8; 6]) {
        self.neighbors.handle_answer(now, address, mac);
        let node = self.neighbors.node_with(mac).filter(|_| mac != self.mac);
        let Some(node) = node.filter(|node| *node != self.node) else {
            return;
        };
        let units: Vec<UnitId> = self.facts.with(address).collect();
        for unit in units {
            self.own.note_answered(now, unit, node, Seen::Asked);
            self.settle(now, unit, node);
            self.wake_at(now);
        }
    }

    /// A node has just said, asked by us, that it answers for the unit. If we do, too, and do not hear it, one of us stops.
    fn settle(&mut self, now: Instant, unit: UnitId, node: Node) {
        let Some(held) = self.own.claims.get_mut(&unit) else {
            return;
        };
        if held.answering != Answering::Yes || self.neighbors.is_alive(node) {
            return;
        }
        if held.giving != Giving::No || rules::loses(unit, self.node, node) {
            self.own.claims.remove(&unit);
            self.counters.yielded += 1;
            self.reasons.insert(unit, Why::Arp);
        } else {
            self.defend(now, unit);
        }
    }

    fn defend(&mut self, now: Instant, unit: UnitId) {
        let probe = self.settings.probe;
        let held = self.own.claims.get_mut(&unit);
        if let Some(held) = held.filter(|held| held.defended.is_none_or(|at| now >= at + probe)) {
            held.defended = Some(now);
            self.events.push_back(Event::Defend { unit });
        }
    }

    /// One that we do not hear, and that may not hear us: one of the two stops.
    fn on_rival_unheard(&mut self, now: Instant, address: IpAddr, node: Node) {
        let units: Vec<UnitId> = self.facts.with(address).collect();
        for unit in units {
            self.own.note_answered(now, unit, node, Seen::Unasked);
            let Some(held) = self.own.claims.get_mut(&unit) else {
                continue;
            };
            if held.answering != Answering::Yes {
                continue;
            }
            if held.giving != Giving::No || rules::loses(unit, self.node, node) {
                // Of several that come before us the first is asked: it is the one that goes on.
                let first = |contest: Contest| contest.node == node || rules::loses(unit, node, contest.node);
                if !held.contested.is_some_and(first) {
                    held.contested = Some(Contest {
                        node,
                        asked: None,
                        times: 0,
                    });
                }
                self.wake_at(now);
            } else {
                self.defend(now, unit);
            }
        }
    }

    /// Rule 5: another speaker says that it has an address of a unit. One that we hear has a claim that we have yet to hear,
    /// or will hear ours.
    pub(super) fn on_rival(&mut self, now: Instant, address: IpAddr, mac: [u8; 6]) {
        if mac == self.mac {
            return;
        }
        self.neighbors.handle_neighbor(now, mac);
        match (self.neighbors.with_mac(mac), self.neighbors.node_with(mac)) {
            (Some(peer), _) => self.on_rival_heard(now, address, peer),
            (None, Some(node)) => self.on_rival_unheard(now, address, node),
            (None, None) => {}
        }
    }

    fn on_rival_heard(&mut self, now: Instant, address: IpAddr, peer: Node) {
        let until = now + self.neighbors.interval();
        let unit = self
            .facts
            .with(address)
            .find(|unit| self.own.claims.contains_key(unit));
        let Some((unit, held)) = unit.and_then(|unit| Some((unit, self.own.claims.get_mut(&unit)?))) else {
            return;
        };
        let rank = held.rank(self.node);
        // Who gives it away announces it, too, until it hears that we have it.
        let lower = self
            .neighbors
            .claim(peer, &unit)
            .is_some_and(|claim| claim.rank(peer) < rank);
        let lately = held
            .rivalled
            .is_some_and(|at| now < at + self.neighbors.times().hand_over);
        if lower || lately || held.answering != Answering::Yes {
            return;
        }
        held.answering = Answering::Paused(until);
        held.rivalled = Some(now);
        self.reasons.insert(unit, Why::Rival);
        self.wake_at(now + self.gathering());
        self.beacon_soon(now);
    }
}
