//! Offers: a holder gives a unit to one node in particular, for preference and for balance. It goes on answering until it
//! hears the other's claim.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::claimants::Claimants;
use super::grade::{self, Work};
use super::{Round, balance, preference, take};
use crate::facts::UnitFacts;
use crate::identity::Node;
use crate::own::Giving;
use crate::wire::Kind;
use crate::{Status, UnitId, Why};

pub(super) fn all(round: &mut Round<'_>) {
    let full = grade::work(round, round.view.me) == Some(Work::Full);
    if !round.view.ready || !full {
        return;
    }
    withdraw(round);
    let members = members_since(round);
    preference::offer(round, &members);
    balance::offer(round, &members);
}

/// Offers that nobody took.
fn withdraw(round: &mut Round<'_>) {
    let (now, view) = (round.now, round.view);
    let mut wake = Vec::new();
    for held in round.own().claims.values_mut() {
        if let Giving::To(to, since) = held.giving {
            let until = since + view.settings.hand_over;
            let there = view
                .peers
                .get(&to)
                .is_some_and(|peer| peer.status == Status::Ready);
            if now < until && there {
                wake.push(until);
            } else {
                held.giving = Giving::No;
                held.uncontested = now;
                held.no_offer_before = Some(now + view.settings.hand_over);
            }
        }
    }
    wake.into_iter().for_each(|at| round.wake_at(at));
}

/// The peers that are ready, and since when.
fn members_since(round: &Round<'_>) -> BTreeMap<Node, Instant> {
    let peers = round.view.peers.values();
    let ready = peers.filter(|peer| peer.status == Status::Ready && !peer.late);
    ready.map(|peer| (peer.node, peer.since)).collect()
}

/// Takes a unit that its holder offers to us, if it should be ours. Not where a candidate does not hear us, or we not it: it
/// would take the unit for vacant.
pub(super) fn accept(
    round: &mut Round<'_>,
    unit: UnitId,
    facts: &UnitFacts,
    claimants: &Claimants,
    one_way: &[Node],
) -> bool {
    let me = round.view.me;
    let Some(seen) = claimants.active else {
        return false;
    };
    let Kind::Offered { to, fresh } = seen.claim.kind else {
        return false;
    };
    let Some(ours) = facts.candidates.get(&me).filter(|_| to == me) else {
        return false;
    };
    let unheard = one_way.iter().any(|node| facts.candidates.contains_key(node));
    let grade = grade::of(round, unit, facts, me);
    let worse = grade.is_none() || grade < grade::of(round, unit, facts, seen.node);
    if unheard || worse {
        return false;
    }
    let preferred = facts
        .candidates
        .get(&seen.node)
        .is_none_or(|theirs| ours > theirs);
    if !preferred && !balance::accepts(round, seen.node) {
        return false;
    }
    take::take(round, unit, claimants, Why::HandedOver);
    let now = round.now;
    if let Some(held) = round.own().claims.get_mut(&unit).filter(|_| fresh > 0) {
        held.fresh_until = Some(now + Duration::from_secs(fresh.into()));
    }
    true
}
