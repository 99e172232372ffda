use std::time::{Duration, Instant};

use crate::wire::{Claim, Kind};
use crate::identity::Node;
use crate::{Addresses, Strength};

/// A claim of ours.
#[derive(Clone, Debug)]
pub(super) struct Held {
    /// Whether a majority has confirmed it (rule 3).
    pub(super) strong: bool,
    pub(super) term: u32,
    /// Since when nobody else has claimed the unit.
    pub(super) uncontested: Instant,
    pub(super) answering: Answering,
    pub(super) giving: Giving,
    /// Until when it may be moved for balance (rule 13).
    pub(super) fresh_until: Option<Instant>,
    /// When a rival last made us pause.
    pub(super) rivalled: Option<Instant>,
    /// An offer that nobody took is not repeated before this.
    pub(super) no_offer_before: Option<Instant>,
}

/// Whether we answer for what we claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answering {
    Yes,
    /// Not before we have listened.
    Suspended,
    /// Not before this time, unless the claim of somebody who answered for it too turns out to be lower.
    Paused(Instant),
}

/// Whether we want to be rid of it, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Giving {
    No,
    /// To anybody.
    Away(Instant),
    /// To one node.
    To(Node, Instant),
}

impl Held {
    /// A claim that is ours from now on.
    pub(super) fn taken(now: Instant, strong: bool, term: u32) -> Self {
        Self {
            strong,
            term,
            uncontested: now,
            answering: Answering::Yes,
            giving: Giving::No,
            fresh_until: None,
            rivalled: None,
            no_offer_before: None,
        }
    }

    /// A claim of our former life.
    pub(super) fn suspended(now: Instant, strength: Strength, term: u32) -> Self {
        Self {
            answering: Answering::Suspended,
            ..Self::taken(now, strength == Strength::Strong, term)
        }
    }

    /// How firm it is apart from being given away.
    pub(super) fn firmness(&self) -> Strength {
        if self.strong {
            Strength::Strong
        } else {
            Strength::Weak
        }
    }

    pub(super) fn strength(&self) -> Strength {
        match self.giving {
            Giving::No => self.firmness(),
            Giving::Away(_) | Giving::To(..) => Strength::Leaving,
        }
    }

    pub(super) fn rank(&self, me: Node) -> (Strength, u32, Node) {
        (self.strength(), self.term, me)
    }

    /// What the others are told.
    pub(super) fn claim(&self, now: Instant) -> Claim {
        let kind = match self.giving {
            Giving::Away(_) => Kind::Leaving,
            Giving::To(to, since) => Kind::Offered {
                to,
                // Counted from the offer: what is told does not change while it stands.
                fresh: seconds(self.fresh_until, since.min(now)),
            },
            Giving::No if self.strong => Kind::Strong,
            Giving::No => Kind::Weak,
        };
        Claim {
            kind,
            term: self.term,
        }
    }

    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        self.fresh_until.is_some_and(|until| now < until)
    }
}

fn seconds(until: Option<Instant>, from: Instant) -> u8 {
    let left = until.map_or(Duration::ZERO, |until| until.saturating_duration_since(from));
    u8::try_from(left.as_secs()).unwrap_or(u8::MAX)
}

/// What is left of a claim whose unit is gone.
#[derive(Clone, Debug)]
pub(super) struct Relic {
    /// As it was told last. Others may learn later than we that the unit is gone: nobody is to take it meanwhile.
    pub(super) claim: Claim,
    /// Until when it is told.
    pub(super) until: Instant,
    /// Until when we still answer, because somebody else is about to.
    pub(super) answers_until: Option<Instant>,
    pub(super) addresses: Addresses,
}
