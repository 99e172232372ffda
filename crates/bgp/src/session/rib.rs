//! Adj-RIB-Out (RFC 4271 §3.2): what the peer has from us, what it is still to get, and the messages between the two.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipnet::IpNet;
use model::Family;

use super::drain::Draining;
use super::phase::Opened;
use crate::guard::ExportGuard;
use crate::input::NextHops;
use crate::route::{Attributes, Table};
use crate::wire::{Form, NextHop};

mod messages;
mod next_hop;
mod outbound_attributes;
mod queue;
mod refresh;

use outbound_attributes::OutboundAttributes;
use queue::Queue;
use refresh::{Answer, Refresh};

/// What the peer is to have.
pub(super) struct View<'a> {
    pub(super) routes: &'a Table,
    pub(super) guard: &'a ExportGuard,
    /// Whether these are all routes.
    pub(super) complete: bool,
    pub(super) draining: Draining,
}

/// What kind of message it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Advertised {
    Update,
    Refresh,
}

/// The routes of one Established session.
#[derive(Debug)]
pub(super) struct AdjRibOut {
    local_asn: u32,
    form: Form,
    enhanced_refresh: bool,
    /// Of the families that can be announced.
    next_hops: BTreeMap<Family, NextHop>,
    /// The families agreed on.
    families: BTreeMap<Family, Progress>,
    /// What the peer has; without attributes if it is to hear of it again whatever it has.
    sent: BTreeMap<IpNet, Option<Arc<Attributes>>>,
    queue: Queue,
    outbound_attributes: OutboundAttributes,
    /// Whether it is known what there is to announce.
    open: bool,
    /// Whether all of it is known, so that there is an end to it.
    complete: bool,
    /// Whether [`Self::becomes_synced`] has something to say.
    unsynced: bool,
}

/// How far one family is.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// End-of-RIB has been sent.
    ended: bool,
    refresh: Refresh,
}

impl AdjRibOut {
    pub(super) fn new(opened: &Opened, next_hops: &NextHops, local_asn: u32) -> Self {
        let form = opened.agreement.form.clone();
        let families = form.families.iter();
        Self {
            local_asn,
            enhanced_refresh: opened.agreement.enhanced_refresh,
            next_hops: next_hop::by_family(opened, next_hops),
            families: families.map(|family| (*family, Progress::default())).collect(),
            sent: BTreeMap::new(),
            queue: Queue::default(),
            outbound_attributes: OutboundAttributes::new(form.internal),
            form,
            open: false,
            complete: false,
            unsynced: true,
        }
    }

    /// Whether routes of the family have somewhere to point to.
    pub(super) fn has_next_hop(&self, family: Family) -> bool {
        self.next_hops.contains_key(&family)
    }

    /// Takes next hops. If any is another one than before, routes of its family are to be said again: all that follows from that does
    /// a review.
    pub(super) fn point_to(&mut self, opened: &Opened, next_hops: &NextHops) -> bool {
        let after = next_hop::by_family(opened, next_hops);
        let before = std::mem::replace(&mut self.next_hops, after);
        for (prefix, sent) in &mut self.sent {
            let family = family(prefix);
            if before.get(&family) != self.next_hops.get(&family) {
                *sent = None;
            }
        }
        before != self.next_hops
    }

    /// How many routes the peer has.
    pub(super) fn sent(&self) -> usize {
        self.sent.len()
    }

    /// How many it is to get or to lose.
    pub(super) fn pending(&self) -> usize {
        self.queue.len()
    }

    /// Whether the peer has just been told everything: true once each time.
    pub(super) fn becomes_synced(&mut self) -> bool {
        let is_told = |progress: &Progress| progress.ended && progress.refresh.answer == Answer::None;
        let synced = self.complete && self.queue.len() == 0 && self.families.values().all(is_told);
        synced && std::mem::take(&mut self.unsynced)
    }

    /// Looks at every route.
    pub(super) fn review_all(&mut self, view: &View<'_>) {
        (self.open, self.complete) = (true, view.complete);
        for (prefix, attributes) in view.routes {
            self.review(view, *prefix, Some(attributes));
        }
        let known = self.sent.keys().chain(self.queue.announced());
        let gone: Vec<IpNet> = known
            .filter(|prefix| !view.routes.contains_key(prefix))
            .copied()
            .collect();
        for prefix in gone {
            self.review(view, prefix, None);
        }
        self.outbound_attributes.forget_unused();
    }

    /// Looks at those that are not as they were `before`.
    pub(super) fn review_changes(&mut self, view: &View<'_>, before: &Table) {
        self.complete = view.complete;
        for prefix in differences(before, view.routes) {
            self.review(view, prefix, view.routes.get(&prefix));
        }
        self.outbound_attributes.forget_unused();
    }

    /// Queues what makes the peer have this route as it is wanted.
    fn review(&mut self, view: &View<'_>, prefix: IpNet, wanted: Option<&Arc<Attributes>>) {
        let marked = matches!(view.draining, Draining::Marking(_));
        let wanted = wanted.filter(|_| self.may_have(view, &prefix));
        let wanted = wanted.map(|attributes| self.outbound_attributes.of(attributes, marked));
        match (wanted, self.sent.get(&prefix)) {
            (None, None) => self.queue.forget(&prefix),
            (None, Some(_)) => self.queue.withdraw(prefix),
            (Some(wanted), Some(Some(sent))) if wanted == *sent => self.queue.forget(&prefix),
            (Some(wanted), _) => self.queue.announce(prefix, wanted),
        }
        self.unsynced |= self.queue.len() > 0;
    }

    /// Whether the peer may have a route to this prefix. Those that it does not have yet are shown to the guard at the last
    /// moment.
    fn may_have(&self, view: &View<'_>, prefix: &IpNet) -> bool {
        let is_sent = self.sent.contains_key(prefix);
        let by_drain = match view.draining {
            Draining::Not => true,
            Draining::Marking(_) => is_sent,
            Draining::Withdrawing { .. } => false,
        };
        by_drain && self.next_hops.contains_key(&family(prefix)) && (!is_sent || view.guard.permits(prefix))
    }
}

fn family(prefix: &IpNet) -> Family {
    Family::of(prefix.addr())
}

/// Prefixes that only one of the tables has, or both with other attributes.
fn differences(before: &Table, after: &Table) -> Vec<IpNet> {
    let gone = before.keys().filter(|prefix| !after.contains_key(prefix));
    let (mut old, mut differ) = (before.iter().peekable(), gone.copied().collect::<Vec<_>>());
    for (prefix, attributes) in after {
        while old.next_if(|(other, _)| *other < prefix).is_some() {}
        let same = old
            .peek()
            .is_some_and(|(other, was)| *other == prefix && *was == attributes);
        if !same {
            differ.push(*prefix);
        }
    }
    differ
}
