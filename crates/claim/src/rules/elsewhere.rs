//! Rule 19, another channel judges: where speakers are there that are not heard, nobody takes what one of them answers for.
//! It is asked for by ARP or neighbour solicitation first, and taken when nobody answers.

use std::time::{Duration, Instant};

use super::Round;
use crate::UnitId;
use crate::facts::UnitFacts;
use crate::identity::Node;
use crate::own::{Answering, Held, Inquiry};

/// So many questions without an answer are needed: fewer may be lost.
const ENOUGH: u32 = 3;
/// Who answered is taken to go on answering for so long before it is asked again.
const BELIEVED: Duration = Duration::from_secs(2);
/// Who was heard unasked is no proxy that answers for a dead host: for so long.
const ORIGINAL: Duration = Duration::from_secs(600);
/// Up to so many nodes are asked one by one.
const FEW: usize = 4;
/// So many addresses are asked for at once.
const AT_ONCE: usize = 32;

/// Whether nobody who is not heard answers for a unit that this node would begin to answer for, having been held by `from`.
pub(super) fn is_silent(round: &mut Round<'_>, unit: UnitId, facts: &UnitFacts, from: Option<Node>) -> bool {
    if !is_needed(round, from) {
        return true;
    }
    let now = round.now;
    let mut inquiry = round.own().inquiries.get(&unit).copied().unwrap_or_default();
    let silent = decide(round, &mut inquiry, facts, from);
    if silent {
        round.own().inquiries.remove(&unit);
    } else {
        round.own().inquiries.insert(unit, inquiry);
        round.wake_at(now + round.view.settings.probe / 5);
    }
    silent
}

/// Whether somebody may hold the unit who is there and not heard.
fn is_needed(round: &Round<'_>, from: Option<Node>) -> bool {
    let view = round.view;
    let hears_anybody = view.peers.values().any(|peer| peer.status.is_alive());
    if !hears_anybody {
        return !view.unheard.is_empty() || view.unopened;
    }
    match from {
        Some(from) => view.unheard.contains(&from),
        None => !view.unheard.is_empty(),
    }
}

fn decide(round: &mut Round<'_>, inquiry: &mut Inquiry, facts: &UnitFacts, from: Option<Node>) -> bool {
    let (now, settings) = (round.now, round.view.settings);
    if let Some((node, at)) = inquiry.answered {
        if is_proxy(round, inquiry) {
            return true;
        }
        // Who has died since does not answer any more.
        if now < at + BELIEVED && round.view.unheard.contains(&node) {
            return false;
        }
        (inquiry.answered, inquiry.times) = (None, 0);
    }
    let due = inquiry.asked.is_none_or(|at| now >= at + settings.probe);
    if !due || facts.takes.is_empty() {
        return false;
    }
    if inquiry.times >= ENOUGH {
        return true;
    }
    if ask(round, facts, from) {
        (inquiry.asked, inquiry.times) = (Some(now), inquiry.times + 1);
    }
    false
}

/// Asks who answers for a unit, if not too much is asked at once.
fn ask(round: &mut Round<'_>, facts: &UnitFacts, from: Option<Node>) -> bool {
    let asked_alone = asked_alone(round, from);
    let each = asked_alone.len().max(1);
    let decision = &mut round.decision;
    let asked = decision.questions.len() + decision.contested.len();
    if asked > 0 && asked + each * facts.takes.len() > AT_ONCE {
        return false;
    }
    for address in &facts.takes {
        if asked_alone.is_empty() {
            decision.questions.push(*address);
        }
        decision
            .contested
            .extend(asked_alone.iter().map(|node| (*node, *address)));
    }
    true
}

/// Who is asked, each by itself: a surrogate, who would answer in the name of one of them, is not asked then. Nobody: it is
/// for everybody to answer.
fn asked_alone(round: &Round<'_>, from: Option<Node>) -> Vec<Node> {
    let unheard = &round.view.unheard;
    let holder = from.filter(|from| unheard.contains(from));
    if unheard.len() <= FEW && (holder.is_some() || !round.view.unopened) {
        return unheard.iter().copied().collect();
    }
    // Others stand in for it until they know more: of those who are not heard it is the one that matters.
    holder.into_iter().collect()
}

/// Whether what answers is to be taken for a proxy that answers for a dead host: others are heard, and it never spoke unasked
/// for as long as a speaker may be away. If it is none after all, it fights for the address, and rule 5 settles it.
fn is_proxy(round: &Round<'_>, inquiry: &Inquiry) -> bool {
    let now = round.now;
    let original = |at: Instant| now < at + ORIGINAL;
    let hears_anybody = round.view.peers.values().any(|peer| peer.status.is_alive());
    let long = |since: Instant| now >= since + round.view.settings.crash_window;
    hears_anybody && !inquiry.unasked.is_some_and(original) && inquiry.since.is_some_and(long)
}

/// While speakers are there that are not heard, asks now and then whether one of them answers for what this node holds.
pub(super) fn check(round: &mut Round<'_>, held: &mut Held, facts: &UnitFacts) {
    if round.view.unheard.is_empty() || held.answering != Answering::Yes {
        return;
    }
    let (now, every) = (round.now, round.view.settings.hand_over);
    if let Some(at) = held.checked.map(|at| at + every).filter(|at| now < *at) {
        return round.wake_at(at);
    }
    round.wake_at(now + every);
    if ask(round, facts, None) {
        held.checked = Some(now);
    }
}

/// Whether it is still being found out whether anybody answers for the unit.
pub(super) fn is_asking(round: &Round<'_>, unit: UnitId) -> bool {
    let inquiry = round.decision.own.inquiries.get(&unit);
    inquiry.is_some_and(|inquiry| inquiry.answered.is_none())
}

/// Forgets that this node was seen to answer for the unit.
pub(super) fn forget_answers(round: &mut Round<'_>, unit: UnitId, of: Node) {
    let inquiries = &mut round.own().inquiries;
    let inquiry = inquiries.get(&unit);
    if inquiry.is_some_and(|inquiry| inquiry.seen.is_none_or(|(node, _)| node == of)) {
        inquiries.remove(&unit);
    }
}

/// Whether somebody else than this node answers for the unit, as far as is known.
pub(super) fn is_answered_by_another(round: &Round<'_>, unit: UnitId, than: Node, since: Instant) -> bool {
    let inquiry = round.decision.own.inquiries.get(&unit);
    let seen = inquiry.and_then(|inquiry| inquiry.seen);
    seen.is_some_and(|(node, at)| node != than && at >= since)
}
