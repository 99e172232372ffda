//! The rules (docs/segment-protocol.md): what follows from what is known. Nothing else is looked at, and nothing is done
//! here: a decision says what this node claims from now on.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Instant;

use crate::facts::Facts;
use crate::identity::Node;
use crate::own::Own;
use crate::view::View;
use crate::{UnitId, Why};

mod arp;
mod balance;
mod claimants;
mod confirm;
mod elsewhere;
mod fresh;
mod grade;
mod hold;
mod leave;
mod offer;
mod one_way;
mod placement;
mod preference;
mod rename;
mod resume;
mod surrogate;
mod take;
mod yielding;

pub(crate) use arp::loses;
use claimants::Survey;
pub(crate) use rename::{bury, inherit};

/// What this node does from now on.
#[derive(Clone, Debug)]
pub(crate) struct Decision {
    pub(crate) own: Own,
    /// Why it begins or ends to answer for these.
    pub(crate) reasons: BTreeMap<UnitId, Why>,
    /// The silent nodes that are to be asked whether they live.
    pub(crate) examine: BTreeSet<Node>,
    /// The addresses for which it is to be asked who answers.
    pub(crate) questions: Vec<IpAddr>,
    /// Nodes that are to be asked, each by itself, whether they answer for these.
    pub(crate) contested: Vec<(Node, IpAddr)>,
    /// When to decide again, nothing happening meanwhile.
    pub(crate) wake: Option<Instant>,
    pub(crate) taken: u64,
    pub(crate) yielded: u64,
}

/// One pass over all units: what the rules see, and what they have decided so far.
struct Round<'a> {
    now: Instant,
    view: &'a View<'a>,
    facts: &'a Facts,
    survey: Survey,
    decision: Decision,
}

/// What becomes of a claim of ours.
enum Verdict {
    Stays,
    Ends(Why),
}

/// What follows from what is known, for a node that so far claims `own`.
pub(crate) fn decide(now: Instant, view: &View<'_>, facts: &Facts, own: &Own) -> Decision {
    let mut round = Round {
        now,
        view,
        facts,
        survey: Survey::of(now, view, &own.terms),
        decision: Decision {
            own: own.clone(),
            reasons: BTreeMap::new(),
            examine: BTreeSet::new(),
            questions: Vec::new(),
            contested: Vec::new(),
            wake: None,
            taken: 0,
            yielded: 0,
        },
    };
    rename::expire(&mut round);
    learn_terms(&mut round);
    learn_takes(&mut round);
    hold::all(&mut round);
    take::all(&mut round);
    offer::all(&mut round);
    learn_holders(&mut round);
    round.decision
}

impl Round<'_> {
    fn own(&mut self) -> &mut Own {
        &mut self.decision.own
    }

    /// The rules are to look again at this time, if not before.
    fn wake_at(&mut self, at: Instant) {
        let wake = &mut self.decision.wake;
        *wake = Some(wake.map_or(at, |wake| wake.min(at)));
    }

    fn because(&mut self, unit: UnitId, why: Why) {
        self.decision.reasons.insert(unit, why);
    }
}

fn learn_terms(round: &mut Round<'_>) {
    let known = round.survey.iter();
    let known: Vec<(UnitId, u32)> = known
        .filter(|(unit, _)| round.facts.units.contains_key(unit))
        .map(|(unit, claimants)| (*unit, claimants.term))
        .collect();
    for (unit, heard) in known {
        let term = round.own().terms.entry(unit).or_insert(0);
        *term = heard.max(*term);
    }
}

/// What the others are to know: who could not take all of a unit is not waited for.
fn learn_takes(round: &mut Round<'_>) {
    let (now, me, facts) = (round.now, round.view.me, round.facts);
    let mut takes = BTreeMap::new();
    for (unit, facts) in &facts.units {
        if let Some(until) = facts.unserved_until.filter(|until| now < *until) {
            round.wake_at(until);
        }
        let ours = facts.takes_at(now);
        let claimed = round.own().claims.contains_key(unit);
        if ours < facts.size() && !claimed && facts.candidates.contains_key(&me) {
            takes.insert(*unit, ours);
        }
    }
    round.own().takes = takes;
}

fn learn_holders(round: &mut Round<'_>) {
    let mut holders = BTreeMap::new();
    for (unit, facts) in &round.facts.units {
        let own = round.decision.own.claims.contains_key(unit);
        let ours = own.then_some(round.view.me);
        let theirs = || {
            let claimants = round.survey.of_unit(round.now, round.view, unit, facts);
            claimants.holder().map(|seen| seen.node)
        };
        if let Some(node) = ours.or_else(theirs) {
            holders.insert(*unit, node);
        }
    }
    round.own().holders = holders;
}

#[cfg(test)]
mod tests;
