//! Handing over in an orderly way, for preference and for balance (rules 12 and 13).

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::held::{Answering, Giving};
use super::survey::Standing;
use super::units::Facts;
use super::{Phase, Segment};
use crate::wire::Kind;
use crate::identity::Node;
use crate::{Status, UnitId, Why};

/// So much longer is it until the next look for balance after one of which nothing came.
const IDLE: u32 = 5;

impl Segment {
    /// A holder offers what another should have. It goes on answering until it hears the other's claim.
    pub(super) fn offer(&mut self, now: Instant, units: &BTreeMap<UnitId, Facts>) {
        if self.phase != Phase::Ready || self.drain || !self.able {
            return;
        }
        self.withdraw(now);
        let members = self.members_since();
        self.offer_for_preference(now, units, &members);
        self.offer_for_balance(now, units, &members);
    }

    /// Offers that nobody took.
    fn withdraw(&mut self, now: Instant) {
        let mut wake = None;
        for held in self.own.values_mut() {
            if let Giving::To(to, since) = held.giving {
                let until = since + self.settings.hand_over;
                let there = self
                    .peers
                    .get(&to)
                    .is_some_and(|peer| peer.status == Status::Ready);
                if now < until && there {
                    wake = Some(wake.map_or(until, |wake: Instant| wake.min(until)));
                } else {
                    held.giving = Giving::No;
                    held.uncontested = now;
                    held.no_offer_before = Some(now + self.settings.hand_over);
                }
            }
        }
        if let Some(wake) = wake {
            self.wake_at(wake);
        }
    }

    /// The peers that are ready, and since when.
    fn members_since(&self) -> BTreeMap<Node, Instant> {
        let ready = self
            .peers
            .values()
            .filter(|peer| peer.status == Status::Ready && !peer.late);
        ready.map(|peer| (peer.node, peer.since)).collect()
    }

    /// Rule 12.
    fn offer_for_preference(
        &mut self,
        now: Instant,
        units: &BTreeMap<UnitId, Facts>,
        members: &BTreeMap<Node, Instant>,
    ) {
        let mut wake = None;
        for (unit, held) in &mut self.own {
            let Some(facts) = units.get(unit).filter(|_| held.giving == Giving::No) else {
                continue;
            };
            let Some(ours) = facts.candidates.get(&self.node) else {
                continue;
            };
            let better = facts
                .candidates
                .iter()
                .filter(|(_, preference)| *preference > ours);
            let there =
                better.filter_map(|(node, preference)| Some((*preference, *node, members.get(node)?)));
            let Some((_, node, since)) = there.max() else {
                continue;
            };
            let at = (*since + self.settings.crash_window).max(held.no_offer_before.unwrap_or(*since));
            if now >= at && held.answering == Answering::Yes {
                held.giving = Giving::To(node, now);
                wake = Some(now);
            } else {
                let at = at.max(now);
                wake = Some(wake.map_or(at, |wake: Instant| wake.min(at)));
            }
        }
        if let Some(wake) = wake {
            self.wake_at(wake);
        }
    }

    /// Rule 13. Whoever has at least two more than another offers it one that was taken from nobody; the other decides,
    /// for it alone knows how many it is being offered.
    fn offer_for_balance(
        &mut self,
        now: Instant,
        units: &BTreeMap<UnitId, Facts>,
        members: &BTreeMap<Node, Instant>,
    ) {
        let pace = self.pace();
        if let Some(at) = self.balanced.map(|at| at + pace).filter(|at| now < *at) {
            if self.own.values().any(|held| held.is_fresh(now)) {
                self.wake_at(at);
            }
            return;
        }
        let ours = self.own.len();
        let load = |node: &Node| {
            self.peers
                .get(node)
                .map_or(usize::MAX, |peer| peer.claims().len())
        };
        let mut idle: Vec<(usize, Node)> = members.keys().map(|node| (load(node), *node)).collect();
        idle.retain(|(load, _)| load.saturating_add(2) <= ours);
        idle.sort_unstable();
        let pending = |giving: Giving| {
            if let Giving::To(to, _) = giving {
                Some(to)
            } else {
                None
            }
        };
        let mut offered: BTreeSet<Node> = self
            .own
            .values()
            .filter_map(|held| pending(held.giving))
            .collect();
        let (mut fresh, mut given, mut later) = (false, false, false);
        for (unit, held) in &mut self.own {
            let may = held.giving == Giving::No && held.is_fresh(now) && held.answering == Answering::Yes;
            fresh |= held.is_fresh(now);
            let Some(facts) = units.get(unit).filter(|_| may) else {
                continue;
            };
            if held.no_offer_before.is_some_and(|at| now < at) {
                later = true;
                continue;
            }
            let preference = facts.candidates.get(&self.node);
            let fits = |node: &Node| !offered.contains(node) && facts.candidates.get(node) == preference;
            if let Some((_, node)) = idle.iter().find(|(_, node)| fits(node)) {
                held.giving = Giving::To(*node, now);
                offered.insert(*node);
                given = true;
            }
        }
        if given {
            self.wake_at(now); // A claim that is offered is lower than one that was heard before.
        }
        self.balanced = Some(now);
        // Where nothing comes of it nothing does before something happens, which is a reason to look by itself.
        if fresh {
            self.wake_at(now + if given || later { pace } else { pace * IDLE });
        }
    }

    /// How long two moves for balance are apart.
    fn pace(&self) -> Duration {
        self.interval() * 2
    }

    /// Takes a unit that its holder offers to us, if it should be ours.
    pub(super) fn accept_offer(
        &mut self,
        now: Instant,
        unit: UnitId,
        facts: &Facts,
        standing: &Standing,
    ) -> bool {
        let Some(seen) = standing.active else {
            return false;
        };
        let Kind::Offered { to, fresh } = seen.claim.kind else {
            return false;
        };
        let Some(ours) = facts.candidates.get(&self.node).filter(|_| to == self.node) else {
            return false;
        };
        if self
            .veiled(now)
            .iter()
            .any(|node| facts.candidates.contains_key(node))
        {
            return false; // One who does not hear us would take it for vacant.
        }
        if self.phase != Phase::Ready || self.drain || !self.able {
            return false;
        }
        let preferred = facts
            .candidates
            .get(&seen.node)
            .is_none_or(|theirs| ours > theirs);
        if !preferred {
            let theirs = self.peers.get(&seen.node).map_or(0, |peer| peer.claims().len());
            let soonest = self.pulled.map_or(now, |at| at + self.pace());
            if self.own.len() + 2 > theirs {
                return false;
            }
            if now < soonest {
                self.wake_at(soonest);
                return false;
            }
            self.pulled = Some(now);
        }
        self.take(now, unit, standing, Why::HandedOver);
        if let Some(held) = self.own.get_mut(&unit).filter(|_| fresh > 0) {
            held.fresh_until = Some(now + Duration::from_secs(fresh.into()));
        }
        true
    }
}
