//! The rules, one pass over all units.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::Instant;

use super::held::{Answering, Giving, Held};
use super::survey::{Seen, Standing};
use super::units::Facts;
use super::{Phase, Segment};
use crate::{UnitId, Why};

/// What becomes of a claim of ours.
enum Verdict {
    Stays,
    Ends(Why),
}

impl Segment {
    pub(super) fn decide(&mut self, now: Instant) {
        let survey = self.survey(now);
        let units = std::mem::take(&mut self.units);
        self.expire_relics(now);
        self.learn_terms(&units, &survey);
        let own: Vec<UnitId> = self.own.keys().copied().collect();
        for unit in own {
            let standing = survey.get(&unit).copied().unwrap_or_default();
            self.keep(now, unit, units.get(&unit), &standing);
        }
        self.take_units(now, &units, &survey);
        self.offer(now, &units);
        self.units = units;
        self.settle_roles(now, &survey);
    }

    fn learn_terms(&mut self, units: &BTreeMap<UnitId, Facts>, survey: &BTreeMap<UnitId, Standing>) {
        for (unit, standing) in survey {
            if units.contains_key(unit) {
                let term = self.terms.entry(*unit).or_insert(0);
                *term = standing.term.max(*term);
            }
        }
    }

    /// What becomes of a claim of ours.
    fn keep(&mut self, now: Instant, unit: UnitId, facts: Option<&Facts>, standing: &Standing) {
        let Some(mut held) = self.own.remove(&unit) else {
            return;
        };
        let verdict = match (held.answering, self.phase) {
            (Answering::Suspended, _) => self.resume(now, unit, &mut held, standing),
            (Answering::Yes | Answering::Paused(_), _) => self.hold(now, unit, &mut held, facts, standing),
        };
        match verdict {
            Verdict::Stays => {
                self.own.insert(unit, held);
            }
            Verdict::Ends(why) => {
                if why == Why::Outranked || why == Why::HandedOver {
                    self.counters.yielded += 1;
                }
                self.reasons.insert(unit, why);
            }
        }
    }

    /// Rule 10: a claim of a former life, or from before a pause.
    fn resume(&mut self, now: Instant, unit: UnitId, held: &mut Held, standing: &Standing) -> Verdict {
        let rank = held.rank(self.node);
        let is_theirs = |seen: Seen| seen.claim.term > held.term || seen.rank() > rank;
        if standing.active.or(standing.one_way).is_some_and(is_theirs) {
            return Verdict::Ends(Why::Outranked);
        }
        if self.phase == Phase::Ready {
            held.answering = Answering::Yes;
            held.uncontested = now;
            self.reasons.insert(unit, Why::Resumed);
            self.wake_at(now); // The rest of the rules.
        }
        Verdict::Stays
    }

    /// A claim that we answer for.
    fn hold(
        &mut self,
        now: Instant,
        unit: UnitId,
        held: &mut Held,
        facts: Option<&Facts>,
        standing: &Standing,
    ) -> Verdict {
        // First: a claim that is given away is lower than one that was heard before.
        if let Some(facts) = facts
            && let Some(why) = self.leave(now, held, facts)
        {
            return Verdict::Ends(why);
        }
        if let Some(why) = self.yields(held, standing) {
            return Verdict::Ends(why);
        }
        if let Answering::Paused(until) = held.answering {
            if now < until {
                self.wake_at(until);
            } else {
                held.answering = Answering::Yes;
                self.reasons.insert(unit, Why::RivalGone);
            }
        }
        if standing.active.is_some() {
            held.uncontested = now;
        }
        self.confirm(now, held);
        Verdict::Stays
    }

    /// Rule 5.
    fn yields(&self, held: &Held, standing: &Standing) -> Option<Why> {
        let why = if held.giving == Giving::No {
            Why::Outranked
        } else {
            Why::HandedOver
        };
        let rank = held.rank(self.node);
        let higher = standing.active.is_some_and(|seen| seen.rank() > rank);
        // Who does not hear us cannot know what we claim: only what is firmer, or came after it and is as firm, is higher.
        let (strength, term) = (held.strength(), held.term);
        let prevails = |seen: Seen| match seen.claim.strength().cmp(&strength) {
            Ordering::Greater => true,
            Ordering::Equal => seen.claim.term > term,
            Ordering::Less => false,
        };
        let newer = standing.one_way.is_some_and(prevails);
        (higher || newer).then_some(why)
    }

    /// Rule 7: whether this node should hold the unit at all, and if not, for how long it goes on.
    fn leave(&mut self, now: Instant, held: &mut Held, facts: &Facts) -> Option<Why> {
        let candidate = facts.candidates.contains_key(&self.node);
        if candidate && self.able && !self.drain {
            if matches!(held.giving, Giving::Away(_)) {
                held.giving = Giving::No;
            }
            return None;
        }
        let others = facts.candidates.keys().any(|node| *node != self.node);
        if !others && (!candidate || !self.able) {
            return Some(Why::Gone);
        }
        let since = match held.giving {
            Giving::Away(since) => since,
            Giving::No | Giving::To(..) => now,
        };
        held.giving = Giving::Away(since);
        let until = since + self.settings.hand_over;
        if now >= until {
            return Some(Why::GivenUp);
        }
        self.wake_at(until);
        None
    }

    /// Rule 3.
    fn confirm(&mut self, now: Instant, held: &mut Held) {
        if held.strong || held.giving != Giving::No {
            return;
        }
        if self.is_alone() {
            held.strong = true; // Rule 14.
        }
        let Some(majority) = self.majority else {
            return;
        };
        let at = majority.max(held.uncontested) + self.interval() * (self.settings.misses + 2);
        if now >= at {
            held.strong = true;
        } else {
            self.wake_at(at);
        }
    }

    /// Nothing is answered for before we have listened again.
    pub(super) fn suspend(&mut self, why: Why) {
        for (unit, held) in &mut self.own {
            held.answering = Answering::Suspended;
            held.giving = Giving::No;
            self.reasons.insert(*unit, why);
        }
        for relic in self.relics.values_mut() {
            relic.answers_until = None;
        }
    }

    /// Rule 5: a member announces what we hold. It has a claim that we have yet to hear, or will hear ours.
    pub(super) fn on_rival(&mut self, now: Instant, address: std::net::IpAddr, mac: [u8; 6]) {
        let peer = self
            .peers
            .values()
            .find(|peer| peer.beacon.mac == mac && peer.status.is_alive());
        let (Some(peer), true) = (peer, mac != self.mac) else {
            return;
        };
        let until = now + self.interval();
        let unit = self
            .by_address
            .with(address)
            .find(|unit| self.own.contains_key(unit));
        let Some((unit, held)) = unit.and_then(|unit| Some((unit, self.own.get_mut(&unit)?))) else {
            return;
        };
        let rank = held.rank(self.node);
        // Who gives it away announces it, too, until it hears that we have it.
        let lower = peer
            .claims()
            .get(&unit)
            .is_some_and(|claim| claim.rank(peer.node) < rank);
        let lately = held.rivalled.is_some_and(|at| now < at + self.settings.hand_over);
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
