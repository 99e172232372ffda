//! What is to be written into the kernel, and when to look again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use model::PeerName;

use super::best::best;
use super::own::{Own, Verdict};
use super::{Chosen, Hop, Offers, Reason, Refusal, Routes};

/// For how long routes of the last process are kept while peers have not said everything: as long as a peer is asked by default
/// to keep ours (RFC 4724).
const INHERITED: Duration = Duration::from_secs(120);

/// How long to wait before a route that was refused is tried again: at first, and at most.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// What the kernel has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    /// Routes of our protocol number.
    pub(super) ours: Routes<BTreeSet<Hop>>,
    /// Prefixes to which others have routes of our metric: to write there could overwrite them.
    pub(super) others: BTreeSet<IpNet>,
    /// What is on the links of this node.
    pub(super) own: Own,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// There is none yet; whoever has one meanwhile keeps it.
    Add(IpNet, BTreeSet<Hop>),
    /// Ours is other than it should be.
    Replace(IpNet, BTreeSet<Hop>),
    /// Ours goes.
    Delete(IpNet),
}

/// Who is to be waited for before a route that nobody announces goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Expected {
    /// Peers that routes are accepted from.
    pub(super) peers: BTreeSet<PeerName>,
    /// Whether these are all, as far as the API knows.
    pub(super) complete: bool,
}

/// The machine. Run: [`Self::handle_offers`] and [`Self::handle_links`] as they come; when [`Self::poll_timeout`] is due, list what
/// the kernel has, carry out the [`Self::changes`], and say how that went with [`Self::handle_outcome`].
#[derive(Debug)]
pub(super) struct Plan {
    wanted: Routes<Chosen>,
    /// What the last process left and nobody has announced yet, and until when that is waited for.
    inherited: BTreeSet<IpNet>,
    patience: Instant,
    /// Everybody has said everything.
    settled: bool,
    /// When to look at the kernel; none: there is nothing of ours in it, and nothing is to be.
    look: Option<Instant>,
    wait: Duration,
    refused: Routes<Reason>,
}

impl Plan {
    /// With the prefixes of what the last process left.
    pub(super) fn new(now: Instant, inherited: BTreeSet<IpNet>) -> Self {
        Self {
            wanted: Routes::new(),
            look: (!inherited.is_empty()).then_some(now),
            inherited,
            patience: now + INHERITED,
            settled: false,
            wait: FIRST,
            refused: Routes::new(),
        }
    }

    /// What the sessions have is other than it was.
    pub(super) fn handle_offers(&mut self, now: Instant, offers: &Offers, expected: &Expected) {
        let wanted = best(offers);
        self.inherited.retain(|prefix| !wanted.contains_key(prefix));
        let is_complete = |peer| offers.get(peer).is_some_and(|offer| offer.complete);
        let settled = expected.complete && expected.peers.iter().all(is_complete);
        let settles = std::mem::replace(&mut self.settled, settled) != settled && settled;
        if self.wanted != wanted || (settles && !self.inherited.is_empty()) {
            self.wanted = wanted;
            self.wait = FIRST;
            self.look_at(now);
        }
    }

    /// The interfaces are other than they were: routes may be gone with one, and next hops may be there.
    pub(super) fn handle_links(&mut self, now: Instant) {
        if self.look.is_some() {
            self.wait = FIRST;
            self.look_at(now);
        }
    }

    /// When to look at the kernel.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let patience = (!self.inherited.is_empty()).then_some(self.patience);
        self.look.into_iter().chain(patience).min()
    }

    /// What makes the kernel have what it should have. Until the next look nothing is to be done but this.
    pub(super) fn changes(&mut self, now: Instant, listing: &Listing) -> Vec<Change> {
        if self.settled || self.patience <= now {
            self.inherited.clear();
        }
        self.refused.clear();
        let gateways = self
            .wanted
            .values()
            .flat_map(|chosen| &chosen.hops)
            .map(|hop| hop.gateway);
        let own = listing.own.clone().with_gateways(gateways);
        let wanted = |prefix: &IpNet| self.wanted.contains_key(prefix) || self.inherited.contains(prefix);
        let unwanted = |prefix: &&IpNet| !wanted(prefix) || own.judge(**prefix) != Verdict::Free;
        let gone = listing.ours.keys().filter(unwanted);
        let mut changes: Vec<Change> = gone.map(|prefix| Change::Delete(*prefix)).collect();
        for (prefix, Chosen { hops, .. }) in &self.wanted {
            match listing.ours.get(prefix) {
                _ if own.judge(*prefix) == Verdict::Connected => {}
                _ if own.judge(*prefix) == Verdict::Within => {
                    self.refused.insert(*prefix, Reason::OwnLink);
                }
                Some(known) if known == hops => {}
                _ if listing.others.contains(prefix) => drop(self.refused.insert(*prefix, Reason::Taken)),
                Some(_) => changes.push(Change::Replace(*prefix, hops.clone())),
                None => changes.push(Change::Add(*prefix, hops.clone())),
            }
        }
        changes
    }

    /// How the changes went: all that are not in `refused` were carried out.
    pub(super) fn handle_outcome(&mut self, now: Instant, refused: Routes<Reason>) {
        self.refused.extend(refused);
        let wait = if self.refused.is_empty() {
            self.wait = FIRST;
            LONGEST
        } else {
            let wait = self.wait;
            self.wait = (wait * 2).min(LONGEST);
            wait
        };
        let idle = self.wanted.is_empty() && self.inherited.is_empty() && self.refused.is_empty();
        self.look = (!idle).then(|| now + wait);
    }

    /// It could not be told what the kernel has.
    pub(super) fn handle_failure(&mut self, now: Instant, reason: &Reason) {
        let refused = self.wanted.keys().map(|prefix| (*prefix, reason.clone()));
        self.handle_outcome(now, refused.collect());
    }

    /// What is not in the kernel, by peer: the first of each. With how many there are.
    pub(super) fn refusals(&self) -> BTreeMap<PeerName, (Refusal, usize)> {
        let mut refusals: BTreeMap<PeerName, (Refusal, usize)> = BTreeMap::new();
        for (prefix, reason) in &self.refused {
            for peer in self
                .wanted
                .get(prefix)
                .into_iter()
                .flat_map(|chosen| &chosen.peers)
            {
                let first = || Refusal {
                    prefix: *prefix,
                    reason: reason.clone(),
                };
                let (_, count) = refusals.entry(peer.clone()).or_insert_with(|| (first(), 0));
                *count += 1;
            }
        }
        refusals
    }

    /// What nobody announces and cannot be deleted: the first of it.
    pub(super) fn stuck(&self) -> Option<Refusal> {
        let mut refused = self.refused.iter();
        let (prefix, reason) = refused.find(|(prefix, _)| !self.wanted.contains_key(*prefix))?;
        Some(Refusal {
            prefix: *prefix,
            reason: reason.clone(),
        })
    }

    fn look_at(&mut self, at: Instant) {
        self.look = Some(self.look.map_or(at, |known| known.min(at)));
    }
}

#[cfg(test)]
mod tests;
