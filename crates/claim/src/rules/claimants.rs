//! Who claims what, by how far the claimant can be relied upon.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::facts::UnitFacts;
use crate::identity::Node;
use crate::view::View;
use crate::wire::{Claim, Kind};
use crate::{Status, UnitId};

/// Somebody's claim.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) claim: Claim,
    pub(super) node: Node,
}

/// Whose claims a peer's are: of its present life, or of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Present,
    Former,
}

/// The highest claims of others for one unit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Claimants {
    /// Of those who are alive and answer.
    pub(super) active: Option<Seen>,
    /// Of those whose speaker is away and whose node forwards, or who listen before they resume.
    pub(super) away: Option<Seen>,
    /// Of those who are silent, and somebody has yet to find out why.
    pub(super) missing: Option<Seen>,
    /// Of those who do their work, and do not hear us, or we not them.
    pub(super) one_way: Option<Seen>,
    /// Of the dead.
    pub(super) dead: Option<Seen>,
    /// The highest term of all.
    pub(super) term: u32,
}

impl Claimants {
    fn note(&mut self, status: Status, life: Life, seen: Seen) {
        let place = match status {
            Status::Ready | Status::Draining | Status::Unable if life == Life::Present => &mut self.active,
            Status::Ready | Status::Draining | Status::Unable => &mut self.away,
            Status::Listening | Status::SpeakerLost => &mut self.away,
            Status::Missing => &mut self.missing,
            Status::OneWay => &mut self.one_way,
            Status::Dead => &mut self.dead,
        };
        if place.is_none_or(|place| seen.rank() > place.rank()) {
            *place = Some(seen);
        }
        self.term = self.term.max(seen.claim.term);
    }

    /// Whether anybody has it who counts.
    pub(super) fn is_claimed(&self) -> bool {
        let claims = [self.active, self.away, self.missing, self.one_way];
        claims.iter().any(Option::is_some)
    }

    /// The holder, as far as one can tell.
    pub(super) fn holder(&self) -> Option<Seen> {
        self.active.or(self.one_way).or(self.missing).or(self.away)
    }

    /// The claim of somebody alive who gives it to anybody.
    pub(super) fn leaving(&self) -> Option<Seen> {
        self.active.filter(|seen| seen.claim.kind == Kind::Leaving)
    }

    /// The claim of somebody alive who gives it to anybody better, and how many of the addresses it takes.
    pub(super) fn for_better(&self) -> Option<(Seen, u8)> {
        let seen = self.active?;
        match seen.claim.kind {
            Kind::ForBetter { takes } => Some((seen, takes)),
            Kind::Leaving | Kind::Offered { .. } | Kind::Takes(_) | Kind::Weak | Kind::Strong => None,
        }
    }
}

impl Seen {
    pub(super) fn rank(&self) -> (crate::Strength, u32, Node) {
        self.claim.rank(self.node)
    }
}

/// All claims of others, by unit.
#[derive(Clone, Debug, Default)]
pub(super) struct Survey(BTreeMap<UnitId, Claimants>);

impl Survey {
    /// What peers claim, where these terms are known.
    pub(super) fn of(now: Instant, view: &View<'_>, terms: &BTreeMap<UnitId, u32>) -> Self {
        let mut survey = Self::default();
        for peer in view.peers.values() {
            let listens_for_ever = peer.status == Status::Listening && !peer.keeps;
            let status = if listens_for_ever {
                Status::Dead
            } else {
                peer.status
            };
            let life = if peer.former { Life::Former } else { Life::Present };
            let node = peer.node;
            for (unit, claim) in peer.claims {
                let seen = Seen { claim: *claim, node };
                survey.0.entry(*unit).or_default().note(status, life, seen);
            }
        }
        survey.forget_outlived(now, view, terms);
        survey
    }

    /// Forgets claims of peers that we do not hear any more and whose units were taken since: a higher term says so. They
    /// may have been given away by a claim that only others heard, and would keep everybody from taking them ever after.
    fn forget_outlived(&mut self, now: Instant, view: &View<'_>, terms: &BTreeMap<UnitId, u32>) {
        let unheard = |seen: &Seen| {
            let peer = view.peers.get(&seen.node);
            peer.is_some_and(|peer| now >= peer.heard_until)
        };
        // Most units have none of these, and there may be thousands of units.
        let one_way = self.0.iter_mut().filter(|(_, of)| of.one_way.is_some());
        for (unit, claimants) in one_way {
            let known = terms.get(unit).copied().unwrap_or(0).max(claimants.term);
            let outlived = |seen: &Seen| seen.claim.term < known && unheard(seen);
            claimants.one_way = claimants.one_way.filter(|seen| !outlived(seen));
        }
    }

    /// Who claims it under this very name.
    pub(super) fn get(&self, unit: &UnitId) -> Claimants {
        self.0.get(unit).copied().unwrap_or_default()
    }

    /// Whether anybody claims it under this very name who counts.
    pub(super) fn is_claimed(&self, unit: &UnitId) -> bool {
        self.0.get(unit).is_some_and(Claimants::is_claimed)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&UnitId, &Claimants)> {
        self.0.iter()
    }

    /// Who claims a unit: under its own name, or else, soon after it got that name, under the names that its addresses had
    /// before.
    pub(super) fn of_unit(
        &self,
        now: Instant,
        view: &View<'_>,
        unit: &UnitId,
        facts: &UnitFacts,
    ) -> Claimants {
        let direct = self.get(unit);
        if direct.is_claimed() || now >= facts.changed + view.settings.crash_window {
            return direct;
        }
        let within = facts.addresses.iter().map(|address| UnitId(*address));
        let names = facts.ancestors.iter().copied().chain(within);
        let mut former = names
            .filter_map(|name| self.0.get(&name))
            .filter(|claimants| claimants.is_claimed());
        former.next().copied().map_or(direct, |former| Claimants {
            term: former.term.max(direct.term),
            ..former
        })
    }
}
