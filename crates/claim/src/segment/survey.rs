//! Who claims what, by how far the claimant can be relied upon.

use std::collections::BTreeMap;
use std::time::Instant;

use super::Segment;
use super::units::Facts;
use crate::wire::{Claim, Kind};
use crate::identity::Node;
use crate::{Status, UnitId};

/// Somebody's claim.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) claim: Claim,
    pub(super) node: Node,
}

/// The highest claims of others for one unit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing {
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

impl Standing {
    fn note(&mut self, status: Status, away: bool, seen: Seen) {
        let place = match status {
            Status::Ready | Status::Draining | Status::Unable if !away => &mut self.active,
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
}

impl Seen {
    pub(super) fn rank(&self) -> (crate::Strength, u32, Node) {
        self.claim.rank(self.node)
    }
}

impl Segment {
    /// All claims of others.
    pub(super) fn survey(&self, now: Instant) -> BTreeMap<UnitId, Standing> {
        let mut survey: BTreeMap<UnitId, Standing> = BTreeMap::new();
        for peer in self.peers.values() {
            let keeps = peer.keeps_until(&self.settings).is_none_or(|until| now < until);
            let listens_for_ever = peer.status == Status::Listening && !keeps;
            let status = if listens_for_ever {
                Status::Dead
            } else {
                peer.status
            };
            let node = peer.node;
            for (unit, claim) in peer.claims() {
                let seen = Seen { claim: *claim, node };
                survey
                    .entry(*unit)
                    .or_default()
                    .note(status, peer.former.is_some(), seen);
            }
        }
        self.forget_outlived(now, &mut survey);
        survey
    }

    /// What stands about a unit: claims under its own name, or else, soon after it got that name, those under the names
    /// that its addresses had before.
    pub(super) fn standing(
        &self,
        now: Instant,
        survey: &BTreeMap<UnitId, Standing>,
        unit: &UnitId,
        facts: &Facts,
    ) -> Standing {
        let direct = survey.get(unit).copied().unwrap_or_default();
        if direct.is_claimed() || now >= facts.changed + self.settings.crash_window {
            return direct;
        }
        let within = facts.addresses.iter().map(|address| UnitId(*address));
        let names = facts.ancestors.iter().copied().chain(within);
        let mut former = names
            .filter_map(|name| survey.get(&name))
            .filter(|standing| standing.is_claimed());
        former.next().copied().map_or(direct, |former| Standing {
            term: former.term.max(direct.term),
            ..former
        })
    }
}
