//! Units of others, and of nobody: who takes them, who answers meanwhile, who finds out (rules 2, 4, 6, 9).

use std::collections::BTreeMap;
use std::time::Instant;

use super::held::Held;
use super::survey::{Seen, Standing};
use super::units::Facts;
use super::{Phase, Segment};
use crate::identity::Node;
use crate::peer::Peer;
use crate::placement::{Choice, Placement, Seat};
use crate::{Status, UnitId, Why};

/// What a unit that we do not hold is to us.
#[derive(Clone, Copy, Debug)]
enum Need {
    /// Its holder does its work.
    None,
    /// A holder: from this one, to be taken by the first in order at once, by the others later.
    Holder(Option<Node>, Why),
    /// Somebody who answers while this holder is away.
    Surrogate(Node),
    /// Somebody who finds out why this holder is silent.
    Doctor(Node),
}

impl Segment {
    pub(super) fn take_units(
        &mut self,
        now: Instant,
        units: &BTreeMap<UnitId, Facts>,
        survey: &BTreeMap<UnitId, Standing>,
    ) {
        for peer in self.peers.values_mut() {
            peer.probing.wanted = false;
        }
        self.surrogates.clear();
        let mut placement = Placement::new(self.seats(true), units.len());
        // As it will be when those are gone who are late now: so that who asks after them is who takes over from them.
        let mut without_late = Placement::new(self.seats(false), units.len());
        if self.phase != Phase::Ready {
            // Whose turn it is counts from when we could take something.
            return self.open.clear();
        }
        let veiled = self.veiled(now);
        for (unit, facts) in units {
            if self.own.contains_key(unit) {
                self.open.remove(unit);
                continue;
            }
            let standing = self.standing(now, survey, unit, facts);
            if self.accept_offer(now, *unit, facts, &standing) {
                continue;
            }
            let need = self.need(facts, &standing);
            if !matches!(need, Need::Holder(..)) {
                self.open.remove(unit);
            }
            match need {
                Need::None => {}
                Need::Holder(from, why) => {
                    let listening = from.is_none();
                    let choice = choice(*unit, facts, from, listening);
                    let since = self.open_since(now, *unit);
                    let Some(rank) = placement.place(&choice, self.node) else {
                        continue;
                    };
                    let rank = self.rank_behind(rank, facts, &veiled);
                    if self.is_due(now, since, rank)
                        && self.may_take(now)
                        && self.heard_since_it_fell_silent(now, from)
                    {
                        self.take(now, *unit, &standing, why);
                    }
                }
                Need::Surrogate(of) => self.stand_in(now, *unit, facts, of, &mut placement),
                Need::Doctor(of) => {
                    let choice = choice(*unit, facts, Some(of), false);
                    if let Some(rank) = without_late.place(&choice, self.node) {
                        self.silent_claimants(*unit)
                            .into_iter()
                            .for_each(|of| self.look_after(now, of, rank));
                    }
                }
            }
        }
    }

    /// Who could have a unit: everybody alive, and we.
    fn seats(&self, late: bool) -> Vec<Seat> {
        let peers = self
            .peers
            .values()
            .filter(|peer| late || !peer.late)
            .filter_map(|peer| {
                let listening = peer.status == Status::Listening;
                let seat = Seat {
                    node: peer.node,
                    load: peer.claims().len(),
                    listening,
                };
                let open = peer.status == Status::Ready || listening;
                (open && self.eligible.contains(&peer.node)).then_some(seat)
            });
        let us = Seat {
            node: self.node,
            load: self.own.len(),
            listening: self.phase != Phase::Ready,
        };
        let open = self.able && !self.drain && self.carrier_lost.is_none();
        let us = (open && self.eligible.contains(&self.node)).then_some(us);
        peers.chain(us).collect()
    }

    fn need(&self, facts: &Facts, standing: &Standing) -> Need {
        if let Some(seen) = standing.leaving() {
            return Need::Holder(Some(seen.node), Why::HandedOver);
        }
        let late = |seen: Seen| self.peers.get(&seen.node).is_some_and(|peer| peer.late);
        if let Some(seen) = standing.active {
            return if late(seen) {
                Need::Doctor(seen.node)
            } else {
                Need::None
            };
        }
        if standing.one_way.is_some() {
            return Need::None;
        }
        if let Some(seen) = standing.missing {
            return Need::Doctor(seen.node);
        }
        match (standing.away, standing.dead) {
            (Some(seen), _) if facts.candidates.contains_key(&seen.node) => Need::Surrogate(seen.node),
            // It must not hold it any more, and cannot say so itself.
            (Some(seen), _) => Need::Holder(Some(seen.node), Why::HandedOver),
            (None, Some(seen)) => Need::Holder(Some(seen.node), Why::HolderDead),
            (None, None) => Need::Holder(None, Why::Vacant),
        }
    }

    /// Since when nobody has had the unit.
    fn open_since(&mut self, now: Instant, unit: UnitId) -> Instant {
        let holder = self.holders.get(&unit).and_then(|node| self.peers.get(node));
        let silent = holder.filter(|peer| peer.status == Status::Dead && peer.probing.never_answered());
        // Who is not the first to find out that a node is dead counts from when it fell silent, as the first does; or when it was last
        // vouched for, where others heard it longer.
        let silence = |peer: &Peer| peer.vouched.1.max(Some(peer.alive_until(&self.settings)));
        let since = silent.and_then(silence).map_or(now, |since| since.min(now));
        *self.open.entry(unit).or_insert(since)
    }

    /// Whether those who come before us have had their time.
    fn is_due(&mut self, now: Instant, since: Instant, rank: usize) -> bool {
        let rank = u32::try_from(rank).unwrap_or(u32::MAX);
        let at = since + self.interval() * rank.saturating_mul(2).min(1000);
        if now < at {
            self.wake_at(at);
        }
        now >= at
    }

    /// Whether we have heard anything since this node fell silent. Who turns deaf misses one peer after the other: those
    /// it still counts prove nothing.
    fn heard_since_it_fell_silent(&mut self, now: Instant, of: Option<Node>) -> bool {
        let silent = of.and_then(|of| self.peers.get(&of)).filter(|peer| peer.late);
        let Some(since) = silent.map(Peer::late_at) else {
            return true;
        };
        let heard = self.ears.heard >= since || self.ears.silence.is_some() && self.hears_without_peers(now);
        if !heard {
            self.wake_at(now + self.settings.probe / 5);
        }
        heard
    }

    /// Whether this node may take anything.
    fn may_take(&mut self, now: Instant) -> bool {
        if !self.may_answer(now) || !self.able || self.drain {
            return false;
        }
        // A peer whose claims are not known yet may hold it.
        let unknown = self
            .peers
            .values()
            .filter(|peer| peer.status.is_alive() && !peer.received.is_known());
        let until = unknown.map(|peer| peer.accepted + self.settings.listening).max();
        if let Some(until) = until.filter(|until| now < *until) {
            self.wake_at(until);
            return false;
        }
        true
    }

    /// Whether this node may begin to answer for anything.
    fn may_answer(&mut self, now: Instant) -> bool {
        if self.phase != Phase::Ready {
            return false;
        }
        let hears = self.hears(now);
        if !hears {
            self.wake_at(now + self.interval());
        }
        hears
    }

    /// Rule 2: always weakly at first. A node that is just being cut off still counts peers that are about to time out.
    pub(super) fn take(&mut self, now: Instant, unit: UnitId, standing: &Standing, why: Why) {
        let known = self.terms.get(&unit).copied().unwrap_or(0);
        let term = known.max(standing.term).saturating_add(1);
        let mut held = Held::taken(now, self.is_alone(), term);
        if why == Why::Vacant {
            held.fresh_until = Some(now + self.settings.settling);
        }
        self.terms.insert(unit, term);
        self.own.insert(unit, held);
        self.open.remove(&unit);
        self.reasons.insert(unit, why);
        self.counters.taken += 1;
        self.wake_at(now + self.interval());
    }

    /// Rule 9. Where no other candidate is left, anybody will do: only the answer comes from here, not the traffic.
    fn stand_in(&mut self, now: Instant, unit: UnitId, facts: &Facts, of: Node, placement: &mut Placement) {
        let mut choice = choice(unit, facts, Some(of), false);
        if !placement.has_room_for(&choice) {
            choice.candidates = None;
        }
        let Some(rank) = placement.place(&choice, self.node) else {
            return;
        };
        self.look_after(now, of, rank);
        let Some(peer) = self.peers.get(&of) else {
            return;
        };
        let (since, mac) = (peer.away.unwrap_or(now), peer.beacon.mac);
        let due = self.is_due(now, since, rank) && self.may_answer(now);
        if due && self.heard_since_it_fell_silent(now, Some(of)) {
            self.surrogates.insert(unit, mac);
        }
    }

    /// Those who claim a unit and are late. There may be several where the segment was split just before.
    fn silent_claimants(&self, unit: UnitId) -> Vec<Node> {
        let silent = self.peers.values().filter(|peer| peer.late);
        let claimants = silent.filter(|peer| peer.claims().contains_key(&unit));
        claimants.map(|peer| peer.node).collect()
    }

    /// Asks this silent node whether it lives, if that is for us to find out by now.
    fn look_after(&mut self, now: Instant, of: Node, rank: usize) {
        let Some(peer) = self.peers.get(&of) else {
            return;
        };
        let since = peer.late_at().min(peer.away.unwrap_or(now));
        if self.is_due(now, since, rank)
            && let Some(peer) = self.peers.get_mut(&of)
        {
            peer.probing.wanted = true;
            self.errand_at(now);
        }
    }
}

fn choice<'a>(unit: UnitId, facts: &'a Facts, without: Option<Node>, listening: bool) -> Choice<'a> {
    Choice {
        unit,
        candidates: Some(&facts.candidates),
        without,
        listening,
    }
}
