//! What this node claims, and what it does about it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::identity::Node;
use crate::wire::{Claim, Kind};
use crate::{Addresses, Role, Strength, UnitId};

/// What this node claims, answers for and remembers of the units: what the rules decide about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Own {
    /// Whether its datapath is ready.
    pub(crate) able: bool,
    /// Whether it should rather not hold anything.
    pub(crate) drain: bool,
    /// Whether it has heard from the API lately.
    pub(crate) fresh: bool,
    /// Since when it has been about to end for good.
    pub(crate) leaving: Option<Instant>,
    pub(crate) claims: BTreeMap<UnitId, Held>,
    /// What it held under a name that is gone.
    pub(crate) tombstones: BTreeMap<UnitId, Tombstone>,
    /// The highest term heard of each unit.
    pub(crate) terms: BTreeMap<UnitId, u32>,
    /// How many of their addresses it could take, of units that it does not hold, where it is not all.
    pub(crate) takes: BTreeMap<UnitId, u8>,
    /// What was asked about who answers for units that it would take (rule 19).
    pub(crate) inquiries: BTreeMap<UnitId, Inquiry>,
    /// Units that anybody may take, and since when.
    pub(crate) open: BTreeMap<UnitId, Instant>,
    /// For whom it answers meanwhile, with the holder's hardware address.
    pub(crate) surrogates: BTreeMap<UnitId, [u8; 6]>,
    /// Who holds what.
    pub(crate) holders: BTreeMap<UnitId, Node>,
    /// When it last pulled a unit to itself for balance.
    pub(crate) pulled: Option<Instant>,
    /// When it last looked whether it should give one away for balance.
    pub(crate) balanced: Option<Instant>,
}

/// How somebody was seen to answer for an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Asked,
    Unasked,
}

/// What is known, by asking, of who answers for a unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Inquiry {
    /// When it was asked last, and how often without an answer.
    pub(crate) asked: Option<Instant>,
    pub(crate) times: u32,
    /// Which other node's speaker last answered the question, and when.
    pub(crate) answered: Option<(Node, Instant)>,
    /// Which other node's speaker was last seen to answer, asked or not, and when: its own words, or a surrogate's.
    pub(crate) seen: Option<(Node, Instant)>,
    /// When one was first seen to.
    pub(crate) since: Option<Instant>,
    /// When one last spoke of the address unasked.
    pub(crate) unasked: Option<Instant>,
}

/// Another node that is asked whether it answers for what we answer for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Contest {
    pub(crate) node: Node,
    /// When it was asked last, and how often.
    pub(crate) asked: Option<Instant>,
    pub(crate) times: u32,
}

/// A claim of ours.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// Whether a majority has confirmed it (rule 3).
    pub(crate) strong: bool,
    pub(crate) term: u32,
    /// Since when nobody else has claimed the unit.
    pub(crate) uncontested: Instant,
    pub(crate) answering: Answering,
    pub(crate) giving: Giving,
    /// Until when it may be moved for balance (rule 13).
    pub(crate) fresh_until: Option<Instant>,
    /// When a rival last made us pause.
    pub(crate) rivalled: Option<Instant>,
    /// Another node that answers for it too, is not heard, and comes before us.
    pub(crate) contested: Option<Contest>,
    /// When we last asked whether somebody who is not heard answers for it, too.
    pub(crate) checked: Option<Instant>,
    /// When we last announced it against one that does not come before us.
    pub(crate) defended: Option<Instant>,
    /// An offer that nobody took is not repeated before this.
    pub(crate) no_offer_before: Option<Instant>,
}

/// Whether we answer for what we claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answering {
    Yes,
    /// Not before we have listened.
    Suspended,
    /// Not before this time, unless the claim of somebody who answered for it too turns out to be lower.
    Paused(Instant),
}

/// Whether we want to be rid of it, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Giving {
    No,
    /// To anybody.
    Away(Instant),
    /// To anybody who can hold it better than one who takes so many of its addresses.
    ForBetter {
        takes: u8,
    },
    /// To one node.
    To(Node, Instant),
}

impl Own {
    /// What this node answers for.
    pub(crate) fn roles(&self) -> BTreeMap<UnitId, Role> {
        let own = self
            .claims
            .iter()
            .filter(|(_, held)| held.answering == Answering::Yes);
        let tombstones = self
            .tombstones
            .iter()
            .filter(|(_, tombstone)| tombstone.answers_until.is_some());
        let mut roles: BTreeMap<UnitId, Role> = self
            .surrogates
            .iter()
            .map(|(unit, mac)| (*unit, Role::Surrogate { mac: *mac }))
            .collect();
        roles.extend(tombstones.map(|(unit, _)| (*unit, Role::Holder)));
        roles.extend(own.map(|(unit, _)| (*unit, Role::Holder)));
        roles
    }

    /// Another node's speaker was seen to answer for a unit.
    pub(crate) fn note_answered(&mut self, now: Instant, unit: UnitId, node: Node, how: Seen) {
        let inquiry = self.inquiries.entry(unit).or_default();
        inquiry.seen = Some((node, now));
        inquiry.since.get_or_insert(now);
        match how {
            Seen::Asked => inquiry.answered = Some((node, now)),
            Seen::Unasked => inquiry.unasked = Some(now),
        }
    }

    /// What the others are told.
    pub(crate) fn told(&self, now: Instant) -> BTreeMap<UnitId, Claim> {
        let own = self.claims.iter().map(|(unit, held)| (*unit, held.claim(now)));
        let tombstones = self
            .tombstones
            .iter()
            .map(|(unit, tombstone)| (*unit, tombstone.claim));
        let takes = self.takes.iter().map(|(unit, takes)| {
            let (kind, term) = (Kind::Takes(*takes), 0);
            (*unit, Claim { kind, term })
        });
        takes.chain(tombstones).chain(own).collect()
    }
}

impl Held {
    /// A claim that is ours from now on.
    pub(crate) fn taken(now: Instant, strong: bool, term: u32) -> Self {
        Self {
            strong,
            term,
            uncontested: now,
            answering: Answering::Yes,
            giving: Giving::No,
            fresh_until: None,
            rivalled: None,
            contested: None,
            checked: None,
            defended: None,
            no_offer_before: None,
        }
    }

    /// A claim of our former life.
    pub(crate) fn suspended(now: Instant, strength: Strength, term: u32) -> Self {
        Self {
            answering: Answering::Suspended,
            ..Self::taken(now, strength == Strength::Strong, term)
        }
    }

    /// Not to be answered for before we have listened again.
    pub(crate) fn suspend(&mut self) {
        self.answering = Answering::Suspended;
        self.giving = Giving::No;
    }

    /// How firm it is apart from being given away.
    pub(crate) fn firmness(&self) -> Strength {
        if self.strong {
            Strength::Strong
        } else {
            Strength::Weak
        }
    }

    pub(crate) fn strength(&self) -> Strength {
        match self.giving {
            Giving::No => self.firmness(),
            Giving::Away(_) | Giving::ForBetter { .. } | Giving::To(..) => Strength::Leaving,
        }
    }

    pub(crate) fn rank(&self, me: Node) -> (Strength, u32, Node) {
        (self.strength(), self.term, me)
    }

    /// What the others are told.
    pub(crate) fn claim(&self, now: Instant) -> Claim {
        let kind = match self.giving {
            Giving::Away(_) => Kind::Leaving,
            Giving::ForBetter { takes } => Kind::ForBetter { takes },
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

    pub(crate) fn is_fresh(&self, now: Instant) -> bool {
        self.fresh_until.is_some_and(|until| now < until)
    }
}

fn seconds(until: Option<Instant>, from: Instant) -> u8 {
    let left = until.map_or(Duration::ZERO, |until| until.saturating_duration_since(from));
    u8::try_from(left.as_secs()).unwrap_or(u8::MAX)
}

/// What is left of a claim whose unit is gone.
#[derive(Clone, Debug)]
pub(crate) struct Tombstone {
    /// As it was told last. Others may learn later than we that the unit is gone: nobody is to take it meanwhile.
    pub(crate) claim: Claim,
    /// Until when it is told.
    pub(crate) until: Instant,
    /// Until when we still answer, because somebody else is about to.
    pub(crate) answers_until: Option<Instant>,
    pub(crate) addresses: Addresses,
}
