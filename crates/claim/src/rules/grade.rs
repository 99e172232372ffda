//! Rule 16, who is better: ranks, no vetoes. Whoever can hold a unit better than its holder gets it at once; where nobody
//! can, whoever has it keeps it, though its datapath be broken or its node drained.

use super::Round;
use crate::facts::UnitFacts;
use crate::identity::Node;
use crate::{Status, UnitId};

/// How well a node can hold a unit; the first difference decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Grade {
    /// How many of the addresses it takes.
    pub(super) takes: u8,
    pub(super) work: Work,
    /// Whether any of its endpoints stays.
    pub(super) staying: bool,
}

/// Whether a node is fit for work at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Work {
    /// Its datapath is not ready.
    Unable,
    /// It is to be emptied.
    Draining,
    Full,
}

/// In what order nodes take a unit that is nobody's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    grade: Option<(u8, Work)>,
    /// Rule 18: who has not heard from the API lately comes after all who have.
    fresh: bool,
    staying: bool,
    preference: u32,
}

impl Rank {
    /// Of one of several that are alike but for their preference.
    #[cfg(test)]
    pub(super) fn of_preference(preference: u32) -> Self {
        Self {
            preference,
            ..Self::default()
        }
    }
}

/// The grade of a node for a unit; `None`: it is not to hold it at all.
pub(super) fn of(round: &Round<'_>, unit: UnitId, facts: &UnitFacts, node: Node) -> Option<Grade> {
    if !facts.candidates.contains_key(&node) {
        return None;
    }
    let takes = takes(round, unit, facts, node);
    let work = work(round, node).filter(|_| takes > 0)?;
    Some(Grade {
        takes,
        work,
        staying: !facts.terminating.contains(&node),
    })
}

/// The rank of a node for a unit that it may take; `None`: it may not.
pub(super) fn rank(round: &Round<'_>, unit: UnitId, facts: &UnitFacts, node: Node) -> Option<Rank> {
    let preference = *facts.candidates.get(&node)?;
    let grade = of(round, unit, facts, node)?;
    let peer = round.view.peers.get(&node);
    Some(Rank {
        grade: Some((grade.takes, grade.work)),
        fresh: peer.map_or(round.decision.own.fresh, |peer| peer.fresh),
        staying: grade.staying,
        preference,
    })
}

/// Whether another node that is there can hold the unit better.
pub(super) fn is_outdone(round: &Round<'_>, unit: UnitId, facts: &UnitFacts, ours: Grade) -> bool {
    if ours.takes >= facts.size() && ours.work == Work::Full && ours.staying {
        return false;
    }
    let there = round.view.peers.values().filter(|peer| {
        let works = matches!(peer.status, Status::Ready | Status::Draining | Status::Unable);
        works && !peer.late && !peer.former
    });
    let mut grades = there.filter_map(|peer| of(round, unit, facts, peer.node));
    grades.any(|grade| grade > ours)
}

fn takes(round: &Round<'_>, unit: UnitId, facts: &UnitFacts, node: Node) -> u8 {
    match round.view.peers.get(&node) {
        Some(peer) => peer.takes.get(&unit).copied().unwrap_or_else(|| facts.size()),
        None if node == round.view.me => facts.takes_at(round.now),
        None => 0,
    }
}

/// `None`: it is about to end, or does not take part.
pub(super) fn work(round: &Round<'_>, node: Node) -> Option<Work> {
    if node == round.view.me {
        let own = &round.decision.own;
        return match (own.leaving, own.able, own.drain) {
            (Some(_), ..) => None,
            (None, false, _) => Some(Work::Unable),
            (None, true, true) => Some(Work::Draining),
            (None, true, false) => Some(Work::Full),
        };
    }
    let peer = round.view.peers.get(&node)?;
    match peer.status {
        _ if peer.leaving => None,
        Status::Ready | Status::Listening => Some(Work::Full),
        Status::Draining => Some(Work::Draining),
        Status::Unable => Some(Work::Unable),
        Status::OneWay | Status::Missing | Status::SpeakerLost | Status::Dead => None,
    }
}
