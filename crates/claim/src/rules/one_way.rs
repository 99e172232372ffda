//! Peers that others hear and we do not, or that do not hear us: what they claim is not known, or what we claim not to them.

use std::time::Instant;

use crate::Status;
use crate::facts::UnitFacts;
use crate::identity::Node;
use crate::view::View;

/// Whoever has such peers lets so many others go before it, or all that there are: they take over within the second for
/// which a node that drains goes on answering.
const STAND_BACK: usize = 4;

/// Those peers, where it is so for longer than a link takes to come back.
pub(super) fn lasting(now: Instant, view: &View<'_>) -> Vec<Node> {
    let lasting = view.settings.interval * view.settings.misses;
    let one_way = view.peers.values().filter(|peer| peer.status == Status::OneWay);
    let lasting = one_way.filter(|peer| now >= peer.since + lasting);
    lasting.map(|peer| peer.node).collect()
}

/// How many others are to have their time before us. Of two that do not hear each other both would take a unit; whoever
/// hears both goes before them. Where there is nobody else they both take it, for the alternative is that nobody does.
pub(super) fn rank_behind(rank: usize, facts: &UnitFacts, one_way: &[Node]) -> usize {
    let is_candidate = |node: &Node| facts.candidates.contains_key(node);
    if !one_way.iter().any(is_candidate) {
        return rank;
    }
    rank.max(facts.candidates.len().min(STAND_BACK))
}
