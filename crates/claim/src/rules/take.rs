//! Rules 1, 2 and 6: who takes a unit that nobody holds any more, and who finds out whether that is so.

use std::time::Instant;

use super::claimants::{Claimants, Seen};
use super::grade::{Grade, Rank, Work};
use super::placement::{Choice, Placement, Seat};
use super::{Round, elsewhere, fresh, grade, offer, one_way, surrogate};
use crate::facts::UnitFacts;
use crate::identity::Node;
use crate::own::Held;
use crate::view::Neighbor;
use crate::{Status, UnitId, Why};

/// What a unit that we do not hold needs.
#[derive(Clone, Copy, Debug)]
enum Need {
    /// Nothing: its holder does its work.
    None,
    /// A holder: from this one, to be taken by the first in order at once, by the others later.
    Holder(Option<Node>, Why),
    /// Somebody who answers while this holder is away.
    Surrogate(Node),
    /// Somebody who finds out why this holder is silent.
    Prober(Node),
}

/// Whether peers count whose next sign of life is overdue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Late {
    Counts,
    DoesNot,
}

pub(super) fn all(round: &mut Round<'_>) {
    let before = std::mem::take(&mut round.own().surrogates);
    if !round.view.ready {
        // Whose turn it is counts from when we could take something.
        return round.own().open.clear();
    }
    let facts = round.facts;
    let mut placement = Placement::new(seats(round, Late::Counts), facts.units.len());
    // As it will be when those are gone who are late now: so that who asks after them is who takes over from them.
    let mut without_late = Placement::new(seats(round, Late::DoesNot), facts.units.len());
    let one_way = one_way::lasting(round.now, round.view);
    for (unit, unit_facts) in &facts.units {
        if round.own().claims.contains_key(unit) {
            round.own().open.remove(unit);
            continue;
        }
        let claimants = round.survey.of_unit(round.now, round.view, unit, unit_facts);
        if offer::accept(round, *unit, unit_facts, &claimants, &one_way) {
            continue;
        }
        let need = need(round, *unit, unit_facts, &claimants);
        if !matches!(need, Need::Holder(..)) {
            round.own().open.remove(unit);
        }
        match need {
            Need::None => {}
            Need::Holder(from, why) => {
                let since = open_since(round, *unit);
                let ranks = |node| grade::rank(round, *unit, unit_facts, node);
                let choice = choice(*unit, &ranks, from, from.is_none());
                let Some(rank) = placement.place(&choice, round.view.me) else {
                    continue;
                };
                let rank = one_way::rank_behind(rank, unit_facts, &one_way);
                let rank = fresh::rank_behind(round, rank);
                if is_due(round, since, rank)
                    && may_take(round)
                    && heard_since_it_fell_silent(round, from)
                    && elsewhere::is_silent(round, *unit, unit_facts, from)
                {
                    take(round, *unit, &claimants, why);
                } else if let Some(mac) = before.get(unit).filter(|_| elsewhere::is_asking(round, *unit)) {
                    // Whoever answered in the name of one who is away goes on until it is known what has become of it.
                    round.own().surrogates.insert(*unit, *mac);
                }
            }
            Need::Surrogate(of) => surrogate::stand_in(round, *unit, unit_facts, of, &mut placement),
            Need::Prober(of) => {
                let ranks = |node| grade::rank(round, *unit, unit_facts, node);
                let choice = choice(*unit, &ranks, Some(of), false);
                if let Some(rank) = without_late.place(&choice, round.view.me) {
                    let silent = silent_claimants(round, *unit);
                    silent.into_iter().for_each(|of| examine(round, of, rank));
                }
            }
        }
    }
}

/// Who could have a unit: everybody alive, and we.
fn seats(round: &Round<'_>, late: Late) -> Vec<Seat> {
    let (view, own) = (round.view, &round.decision.own);
    let peers = view
        .peers
        .values()
        .filter(|peer| late == Late::Counts || !peer.late)
        .filter_map(|peer| {
            let work = grade::work(round, peer.node)?;
            let seat = Seat {
                node: peer.node,
                load: peer.claims.len(),
                listening: peer.status == Status::Listening,
                full: work == Work::Full,
            };
            round.facts.eligible.contains(&peer.node).then_some(seat)
        });
    let us = grade::work(round, view.me).map(|work| Seat {
        node: view.me,
        load: own.claims.len(),
        listening: !view.ready,
        full: work == Work::Full,
    });
    let us = us.filter(|us| view.carrier && round.facts.eligible.contains(&us.node));
    peers.chain(us).collect()
}

fn need(round: &Round<'_>, unit: UnitId, facts: &UnitFacts, claimants: &Claimants) -> Need {
    if let Some(seen) = claimants.leaving() {
        return Need::Holder(Some(seen.node), Why::HandedOver);
    }
    if let Some((seen, takes)) = claimants.for_better()
        && is_better(round, unit, facts, seen, takes)
    {
        return Need::Holder(Some(seen.node), Why::HandedOver);
    }
    let late = |seen: Seen| round.view.peers.get(&seen.node).is_some_and(|peer| peer.late);
    if let Some(seen) = claimants.active {
        return if late(seen) {
            Need::Prober(seen.node)
        } else if fresh::corrects(round, unit, facts, seen) {
            Need::Holder(Some(seen.node), Why::Stale)
        } else {
            Need::None
        };
    }
    if claimants.one_way.is_some() {
        return Need::None;
    }
    if let Some(seen) = claimants.missing {
        return Need::Prober(seen.node);
    }
    match (claimants.away, claimants.dead) {
        (Some(seen), _) if facts.candidates.contains_key(&seen.node) => Need::Surrogate(seen.node),
        // It must not hold it any more, and cannot say so itself.
        (Some(seen), _) if !round.decision.own.fresh => Need::Surrogate(seen.node),
        (Some(seen), _) => Need::Holder(Some(seen.node), Why::HandedOver),
        (None, Some(seen)) => Need::Holder(Some(seen.node), Why::HolderDead),
        (None, None) => Need::Holder(None, Why::Vacant),
    }
}

/// Whether we can hold a unit better than this holder, who takes so many of its addresses.
fn is_better(round: &Round<'_>, unit: UnitId, facts: &UnitFacts, holder: Seen, takes: u8) -> bool {
    let theirs = grade::work(round, holder.node).map(|work| Grade {
        takes,
        work,
        staying: !facts.terminating.contains(&holder.node),
    });
    grade::of(round, unit, facts, round.view.me) > theirs
}

/// Since when nobody has had the unit.
fn open_since(round: &mut Round<'_>, unit: UnitId) -> Instant {
    let now = round.now;
    let holder = round.own().holders.get(&unit).copied();
    let holder = holder.and_then(|node| round.view.peers.get(&node));
    let dead = holder.filter(|peer| peer.status == Status::Dead);
    // Who is not the first to find out that a node is dead counts from when it fell silent, as the first does; or when it was last
    // vouched for, where others heard it longer.
    let since = dead.and_then(|peer| peer.silent_since);
    let since = since.map_or(now, |since| since.min(now));
    *round.own().open.entry(unit).or_insert(since)
}

/// Whether those who come before us have had their time.
pub(super) fn is_due(round: &mut Round<'_>, since: Instant, rank: usize) -> bool {
    let rank = u32::try_from(rank).unwrap_or(u32::MAX);
    let at = since + round.view.settings.interval * rank.saturating_mul(2).min(1000);
    if round.now < at {
        round.wake_at(at);
    }
    round.now >= at
}

/// Whether we have heard anything since this node fell silent. Who turns deaf misses one peer after the other: those it
/// still counts prove nothing.
pub(super) fn heard_since_it_fell_silent(round: &mut Round<'_>, of: Option<Node>) -> bool {
    let silent = of
        .and_then(|of| round.view.peers.get(&of))
        .filter(|peer| peer.late);
    let Some(since) = silent.map(|peer| peer.late_at) else {
        return true;
    };
    let hearing = round.view.hearing;
    let heard = hearing.last >= since || hearing.without_peers;
    if !heard {
        round.wake_at(round.now + round.view.settings.probe / 5);
    }
    heard
}

/// Whether this node may take anything.
fn may_take(round: &mut Round<'_>) -> bool {
    if !may_answer(round) {
        return false;
    }
    // A peer whose claims are not known yet may hold it.
    let until = round
        .view
        .peers
        .values()
        .filter_map(|peer| peer.unknown_until)
        .max();
    if let Some(until) = until.filter(|until| round.now < *until) {
        round.wake_at(until);
        return false;
    }
    true
}

/// Rule 6: whether this node may begin to answer for anything.
pub(super) fn may_answer(round: &mut Round<'_>) -> bool {
    let hears = round.view.hearing.works;
    if !hears {
        round.wake_at(round.now + round.view.settings.interval);
    }
    hears
}

/// Rule 2: always weakly at first. A node that is just being cut off still counts peers that are about to time out.
pub(super) fn take(round: &mut Round<'_>, unit: UnitId, claimants: &Claimants, why: Why) {
    let (now, settings, alone) = (round.now, round.view.settings, round.view.alone);
    let own = round.own();
    let known = own.terms.get(&unit).copied().unwrap_or(0);
    let term = known.max(claimants.term).saturating_add(1);
    let mut held = Held::taken(now, alone, term);
    if why == Why::Vacant {
        held.fresh_until = Some(now + settings.settling);
    }
    own.terms.insert(unit, term);
    own.claims.insert(unit, held);
    own.open.remove(&unit);
    round.because(unit, why);
    round.decision.taken += 1;
    round.wake_at(now + settings.interval);
}

/// Those who claim a unit and are late. There may be several where the segment was split just before.
fn silent_claimants(round: &Round<'_>, unit: UnitId) -> Vec<Node> {
    let silent = round.view.peers.values().filter(|peer| peer.late);
    let claimants = silent.filter(|peer| peer.claims.contains_key(&unit));
    claimants.map(|peer| peer.node).collect()
}

/// Asks this silent node whether it lives, if that is for us to find out by now.
pub(super) fn examine(round: &mut Round<'_>, of: Node, rank: usize) {
    let since = |peer: &Neighbor<'_>| peer.late_at.min(peer.away.unwrap_or(round.now));
    let Some(since) = round.view.peers.get(&of).map(since) else {
        return;
    };
    if is_due(round, since, rank) {
        round.decision.examine.insert(of);
    }
}

pub(super) fn choice<'a>(
    unit: UnitId,
    rank: &'a dyn Fn(Node) -> Option<Rank>,
    without: Option<Node>,
    listening: bool,
) -> Choice<'a> {
    Choice {
        unit,
        rank,
        without,
        listening,
    }
}
