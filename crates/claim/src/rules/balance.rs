//! Rule 13, balance: whoever has at least two more than another offers it one that was taken from nobody lately. The other
//! decides, for it alone knows how many it is being offered. Older claims stay: moving them would reset connections.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::{Round, grade};
use crate::UnitId;
use crate::identity::Node;
use crate::own::{Answering, Giving, Held};

/// After a look that changed nothing, wait so many times as long.
const IDLE: u32 = 5;

/// What a look for something to give came to.
#[derive(Default)]
struct Look {
    /// Whether there is anything that may still be moved.
    fresh: bool,
    given: bool,
    /// Whether something must not be offered yet.
    later: bool,
}

pub(super) fn offer(round: &mut Round<'_>, members: &BTreeMap<Node, Instant>) {
    let (now, pace) = (round.now, pace(round));
    let soonest = round.own().balanced.map(|at| at + pace);
    if let Some(at) = soonest.filter(|at| now < *at) {
        if round.own().claims.values().any(|held| held.is_fresh(now)) {
            round.wake_at(at);
        }
        return;
    }
    let idle = idle(round, members);
    let look = give(round, &idle);
    if look.given {
        round.wake_at(now); // A claim that is offered is lower than one that was heard before.
    }
    round.own().balanced = Some(now);
    // Where nothing comes of it nothing does before something happens, which is a reason to look by itself.
    if look.fresh {
        let wait = if look.given || look.later {
            pace
        } else {
            pace * IDLE
        };
        round.wake_at(now + wait);
    }
}

/// Those who have at least two fewer than we, the idlest first.
fn idle(round: &mut Round<'_>, members: &BTreeMap<Node, Instant>) -> Vec<Node> {
    let ours = round.own().claims.len();
    let load = |node: &Node| round.view.load(*node).unwrap_or(usize::MAX);
    let mut idle: Vec<(usize, Node)> = members.keys().map(|node| (load(node), *node)).collect();
    idle.retain(|(load, _)| load.saturating_add(2) <= ours);
    idle.sort_unstable();
    idle.into_iter().map(|(_, node)| node).collect()
}

fn give(round: &mut Round<'_>, idle: &[Node]) -> Look {
    let (now, me, facts) = (round.now, round.view.me, round.facts);
    let pending = |held: &Held| match held.giving {
        Giving::To(to, _) => Some(to),
        Giving::No | Giving::Away(_) | Giving::ForBetter { .. } => None,
    };
    let mut offered: BTreeSet<Node> = round.own().claims.values().filter_map(pending).collect();
    let mut look = Look::default();
    let movable = |(unit, held): (&UnitId, &Held)| {
        let may = held.giving == Giving::No && held.is_fresh(now) && held.answering == Answering::Yes;
        facts.units.get(unit).filter(|_| may)
    };
    let mut claims = std::mem::take(&mut round.own().claims);
    for (unit, held) in &mut claims {
        look.fresh |= held.is_fresh(now);
        let Some(facts) = movable((unit, held)) else {
            continue;
        };
        if held.no_offer_before.is_some_and(|at| now < at) {
            look.later = true;
            continue;
        }
        let preference = facts.candidates.get(&me);
        let grade = grade::of(round, *unit, facts, me);
        let fits = |node: &&Node| {
            let equal = facts.candidates.get(node) == preference;
            !offered.contains(node) && equal && grade::of(round, *unit, facts, **node) == grade
        };
        if let Some(node) = idle.iter().find(fits) {
            held.giving = Giving::To(*node, now);
            offered.insert(*node);
            look.given = true;
        }
    }
    round.own().claims = claims;
    look
}

/// Whether we take for balance what this holder offers.
pub(super) fn accepts(round: &mut Round<'_>, holder: Node) -> bool {
    let (now, pace) = (round.now, pace(round));
    let theirs = round.view.load(holder).unwrap_or(0);
    let soonest = round.own().pulled.map_or(now, |at| at + pace);
    if round.own().claims.len() + 2 > theirs {
        return false;
    }
    if now < soonest {
        round.wake_at(soonest);
        return false;
    }
    round.own().pulled = Some(now);
    true
}

/// How long two moves for balance are apart.
fn pace(round: &Round<'_>) -> Duration {
    round.view.settings.interval * 2
}
