//! By which families this node listens. Every datagram goes out by both, for either may fail; who hears everybody by IPv4
//! throws the copies away that come by IPv6, and had better not be woken for them.

use std::time::{Duration, Instant};

use super::Neighbors;
use super::peer::Peer;

/// For so long after anything was amiss this node listens to both.
const CALM: Duration = Duration::from_secs(10);
/// So often it does at any rate, for two intervals: somebody may speak by IPv6 alone of whom nobody has told us.
const LOOK: Duration = Duration::from_secs(5);

/// Whether the copies that come by IPv6 are of use.
#[derive(Debug)]
pub(super) struct Families {
    needs_ipv6: bool,
    /// Both are listened to until then.
    until: Instant,
    /// And from then on for a while.
    look: Instant,
}

impl Families {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            needs_ipv6: true,
            until: now + CALM,
            look: now,
        }
    }
}

impl Neighbors {
    /// Whether datagrams that come by IPv6 are of use now. While they are not, the driver may have the kernel drop them.
    ///
    /// They are not while every node that could be there is alive, and was heard by IPv4 when a beacon of it was last due.
    /// As soon as one beacon is overdue they are: its sender's next one is in time, and is heard by either family.
    pub(crate) fn needs_ipv6(&self) -> bool {
        self.families.needs_ipv6
    }

    pub(super) fn settle_families(&mut self, now: Instant) {
        // Datagrams of this node's other interfaces come by IPv6 alone.
        if !self.hears_everybody_by_ipv4(now) || !self.siblings.others.is_empty() {
            self.families.until = now + CALM;
        }
        if now >= self.families.look + self.interval() * 2 {
            self.families.look = now + LOOK;
        }
        self.families.needs_ipv6 = now < self.families.until || now >= self.families.look;
    }

    fn hears_everybody_by_ipv4(&self, now: Instant) -> bool {
        let is_fine = |peer: &Peer| peer.status.is_alive() && !peer.late && peer.is_heard_by_ipv4(now);
        let mut possible = self
            .possible
            .iter()
            .filter(|node| **node != self.node && self.is_elector(now, **node));
        self.ready
            && self.unproven.is_empty()
            && self.peers.values().all(is_fine)
            && possible.all(|node| self.peers.contains_key(node))
    }
}
