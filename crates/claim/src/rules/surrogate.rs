//! Rule 9, surrogates: while a holder's speaker is away and its node forwards, somebody else answers with the holder's
//! hardware address.

use super::grade::{self, Rank};
use super::placement::Placement;
use super::take::{choice, examine, heard_since_it_fell_silent, is_due, may_answer};
use super::{Round, elsewhere};
use crate::UnitId;
use crate::facts::UnitFacts;
use crate::identity::Node;

/// Where no other candidate is left, anybody will do: only the answer comes from here, not the traffic.
pub(super) fn stand_in(
    round: &mut Round<'_>,
    unit: UnitId,
    facts: &UnitFacts,
    of: Node,
    placement: &mut Placement,
) {
    let ranks = |node| grade::rank(round, unit, facts, node);
    let anybody = |node| grade::work(round, node).map(|_| Rank::default());
    let candidates = choice(unit, &ranks, Some(of), false);
    let rank = if placement.has_room_for(&candidates) {
        placement.place(&candidates, round.view.me)
    } else {
        placement.place(&choice(unit, &anybody, Some(of), false), round.view.me)
    };
    let Some(rank) = rank else {
        return;
    };
    examine(round, of, rank);
    let Some(peer) = round.view.peers.get(&of) else {
        return;
    };
    let (since, mac) = (peer.away.unwrap_or(round.now), peer.mac);
    // What was heard of its answers meanwhile were its surrogates'.
    elsewhere::forget_answers(round, unit, of);
    if elsewhere::is_answered_by_another(round, unit, of, since) {
        return;
    }
    let due = is_due(round, since, rank) && may_answer(round);
    if due && heard_since_it_fell_silent(round, Some(of)) {
        round.own().surrogates.insert(unit, mac);
    }
}
