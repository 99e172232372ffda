//! Peers that others hear and we do not, or that do not hear us: what they claim is not known, or what we claim not to them.

use std::collections::BTreeMap;
use std::time::Instant;

use super::Segment;
use super::survey::{Seen, Standing};
use super::units::Facts;
use crate::identity::Node;
use crate::{Status, UnitId};

/// Whoever has such peers lets so many others go before it, or all that there are: they take over within the second for
/// which a node that drains goes on answering.
const STAND_BACK: usize = 4;

impl Segment {
    /// Those peers, where it is so for longer than a link takes to come back.
    pub(super) fn veiled(&self, now: Instant) -> Vec<Node> {
        let lasting = self.interval() * self.settings.misses;
        let one_way = self.peers.values().filter(|peer| peer.status == Status::OneWay);
        let veiled = one_way.filter(|peer| now >= peer.since + lasting);
        veiled.map(|peer| peer.node).collect()
    }

    /// How many others are to have their time before us. Of two that do not hear each other both would take a unit; whoever
    /// hears both goes before them. Where there is nobody else they both take it, for the alternative is that nobody does.
    pub(super) fn rank_behind(&self, rank: usize, facts: &Facts, veiled: &[Node]) -> usize {
        let is_candidate = |node: &Node| facts.candidates.contains_key(node);
        if !veiled.iter().any(is_candidate) {
            return rank;
        }
        rank.max(facts.candidates.len().min(STAND_BACK))
    }

    /// Forgets claims of peers that we do not hear any more and whose units were taken since: a higher term says so. They
    /// may have been given away by a claim that only others heard, and would keep everybody from taking them ever after.
    pub(super) fn forget_outlived(&self, now: Instant, survey: &mut BTreeMap<UnitId, Standing>) {
        let unheard = |seen: &Seen| {
            let peer = self.peers.get(&seen.node);
            peer.is_some_and(|peer| now >= peer.heard_until(&self.settings))
        };
        // Most units have none of these, and there may be thousands of units.
        let one_way = survey
            .iter_mut()
            .filter(|(_, standing)| standing.one_way.is_some());
        for (unit, standing) in one_way {
            let known = self.terms.get(unit).copied().unwrap_or(0).max(standing.term);
            let outlived = |seen: &Seen| seen.claim.term < known && unheard(seen);
            standing.one_way = standing.one_way.filter(|seen| !outlived(seen));
        }
    }
}
