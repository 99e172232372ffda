//! Rule 12, preference: a preferred node gets its unit back when it has been there for the crash window,
//! and can hold it as well.

use std::collections::BTreeMap;
use std::time::Instant;

use super::{Round, grade};
use crate::identity::Node;
use crate::own::{Answering, Giving};

pub(super) fn offer(round: &mut Round<'_>, members: &BTreeMap<Node, Instant>) {
    let (now, view, facts) = (round.now, round.view, round.facts);
    let mut wake = Vec::new();
    let mut claims = std::mem::take(&mut round.own().claims);
    for (unit, held) in &mut claims {
        let Some(facts) = facts.units.get(unit).filter(|_| held.giving == Giving::No) else {
            continue;
        };
        let Some(ours) = facts.candidates.get(&view.me) else {
            continue;
        };
        let better = facts
            .candidates
            .iter()
            .filter(|(_, preference)| *preference > ours);
        let grade = grade::of(round, *unit, facts, view.me);
        let better = better.filter(|(node, _)| grade::of(round, *unit, facts, **node) >= grade);
        let there = better.filter_map(|(node, preference)| Some((*preference, *node, members.get(node)?)));
        let Some((_, node, since)) = there.max() else {
            continue;
        };
        let at = (*since + view.settings.crash_window).max(held.no_offer_before.unwrap_or(*since));
        if now >= at && held.answering == Answering::Yes {
            held.giving = Giving::To(node, now);
            wake.push(now);
        } else {
            wake.push(at.max(now));
        }
    }
    round.own().claims = claims;
    wake.into_iter().for_each(|at| round.wake_at(at));
}
