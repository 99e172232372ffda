//! Who is there: what peers are, whether their nodes answer, and whether we hear anything at all.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::Neighbors;
use crate::identity::Node;
use crate::{Event, Status, Transmit};

/// A dead peer is forgotten after so many crash windows.
const FORGET: u32 = 6;
/// A segment on which nobody was known before is known after so long.
const WATCH: Duration = Duration::from_secs(60);
/// Who was not seen for so long is not on the segment any more.
const FORGET_SEEN: Duration = Duration::from_secs(24 * 3600);
/// Up to so many peers are all looked at when one of them is, to know when to look next: cheaper than to wake for nothing.
const FEW: usize = 16;

impl Neighbors {
    /// Who comes late has yet to read what its peers said meanwhile: it does not call them late before it has had the time
    /// to. Not twice in an interval, or who is always late would never miss anybody.
    pub(crate) fn excuse(&mut self, now: Instant) {
        let excused = self.late.is_some_and(|at| now < at + self.interval());
        if !excused {
            self.late = Some(now);
            self.check = self.check.max(now + self.interval() / 20);
        }
    }

    /// Whether this node has just come late.
    pub(crate) fn is_late(&self, now: Instant) -> bool {
        self.late == Some(now)
    }

    /// What every peer is by now. A beacon can only put off when that changes: what it does to its sender is seen to when
    /// it comes ([`Self::refresh_peer`]), and the others are looked at when one of them is due.
    pub(super) fn refresh_peers(&mut self, now: Instant) {
        if now < self.check {
            return;
        }
        let nodes: Vec<Node> = self.peers.keys().copied().collect();
        nodes.into_iter().for_each(|node| self.refresh_peer(now, node));
        self.refresh_majority(now);
        self.check = self.next_change(now);
    }

    /// When any peer may be something else than it is, nothing arriving.
    fn next_change(&self, now: Instant) -> Instant {
        let times = self.times();
        let changes = self.peers.values().filter_map(|peer| {
            let forgotten = peer.since + times.crash_window * FORGET;
            let forgotten = (peer.status == Status::Dead).then_some(forgotten);
            let changes = peer.changes_at(now, &times);
            changes.into_iter().chain(forgotten).min()
        });
        changes.min().unwrap_or(now + times.crash_window)
    }

    /// What this peer is by now.
    pub(super) fn refresh_peer(&mut self, now: Instant, node: Node) {
        let times = self.times();
        let Some(peer) = self.peers.get_mut(&node) else {
            return;
        };
        let (before, has_claims) = (peer.status, !peer.claims().is_empty());
        let concerns_claims = peer.refresh(now, &times);
        if let Some(at) = peer.changes_at(now, &times) {
            self.check = self.check.min(at);
        }
        let status = peer.status;
        let forgotten = status == Status::Dead && now >= peer.since + times.crash_window * FORGET;
        if concerns_claims {
            self.wake_at(now);
        }
        if status != before {
            self.tell_member(node, Some(before), Some(status));
            // Nodes come by the dozen; who claims nothing can wait a little.
            let wait = if has_claims {
                Duration::ZERO
            } else {
                self.interval() / 20
            };
            self.wake_at(now + wait);
            if status.is_alive() {
                self.note_seen(now, node);
            }
            self.refresh_majority(now);
        } else if forgotten {
            self.tell_member(node, Some(status), None);
            if let Some(peer) = self.peers.remove(&node) {
                self.boots.remove(&peer.boot);
            }
            self.wake_at(now);
        }
    }

    fn tell_member(&mut self, node: Node, from: Option<Status>, to: Option<Status>) {
        if let Some(peer) = self.peers.get(&node) {
            let node = peer.name.clone();
            self.tell(Event::Member { node, from, to });
        }
    }

    /// Rule 17: the nodes that a majority is one of. At first those that could be there by the facts of the API; as soon as
    /// the segment was watched for a while, those of them that were seen on it, oneself included.
    pub(super) fn is_elector(&self, now: Instant, node: Node) -> bool {
        let possible = self.possible.contains(&node);
        let seen = || node == self.node || self.seen.contains_key(&node);
        possible && (!self.knows_segment(now) || seen())
    }

    fn knows_segment(&self, now: Instant) -> bool {
        self.recalled || now >= self.began + WATCH
    }

    /// How many there are.
    pub(super) fn electors(&self, now: Instant) -> usize {
        let possible = self.possible.iter();
        possible.filter(|node| self.is_elector(now, **node)).count()
    }

    pub(super) fn refresh_majority(&mut self, now: Instant) {
        let alive = self.peers.values().filter(|peer| peer.status.is_alive());
        let alive = alive.map(|peer| peer.node).chain([self.node]);
        let count = alive.filter(|node| self.is_elector(now, *node)).count();
        if count * 2 > self.electors(now) {
            self.majority.get_or_insert(now);
        } else {
            self.majority = None;
        }
    }

    /// Remembers who is on the segment, and forgets who has not been for long.
    fn note_seen(&mut self, now: Instant, node: Node) {
        if self.seen.insert(node, now).is_none() {
            self.seen_version += 1;
        }
        let before = self.seen.len();
        let peers = &self.peers;
        let is_there = |node: &Node| peers.get(node).is_some_and(|peer| peer.status.is_alive());
        self.seen
            .retain(|node, at| now < *at + FORGET_SEEN || is_there(node));
        self.seen_version += u64::from(self.seen.len() != before);
    }

    /// Questions to peers and their nodes, as far as they are due.
    pub(crate) fn run_errands(&mut self, now: Instant) {
        if self.errand.is_none_or(|at| now < at) {
            return;
        }
        self.ask_probes(now);
        self.request_again(now);
        let due = self.peers.values().filter_map(|peer| {
            let probe = peer
                .is_examined()
                .then(|| peer.probing.due(self.settings.probe))
                .flatten();
            probe.into_iter().chain(peer.repair).min()
        });
        self.errand = due.min();
    }

    /// There is something to ask a peer at this time, if not before.
    pub(super) fn errand_at(&mut self, at: Instant) {
        self.errand = Some(self.errand.map_or(at, |errand| errand.min(at)));
    }

    /// Asks the nodes of silent speakers whether they live, where it is ours to know.
    fn ask_probes(&mut self, now: Instant) {
        let every = self.settings.probe;
        for peer in self.peers.values_mut() {
            if !peer.is_examined() {
                continue;
            }
            if peer.probing.due(every).is_some_and(|at| now < at) {
                continue;
            }
            peer.probing.ask(now, every);
            self.check = self.check.min(now + every);
            if let Some(address) = peer.addresses().first() {
                let mac = Some(peer.beacon.mac);
                self.effects.transmits.push(Transmit::Probe {
                    address: *address,
                    mac,
                });
            }
        }
    }

    pub(crate) fn handle_answer(&mut self, now: Instant, address: IpAddr, mac: [u8; 6]) {
        self.handle_neighbor(now, mac);
        self.reception.on_proof(now);
        let asked = self
            .peers
            .values_mut()
            .find(|peer| peer.addresses().contains(&address));
        if let Some(peer) = asked {
            peer.probing.answer(now);
            let node = peer.node;
            self.refresh_peer(now, node);
        }
        self.effects.answered = true;
    }

    pub(crate) fn handle_frames(&mut self, now: Instant, frames: u64) {
        self.reception.on_frames(now, frames);
        self.effects.answered = true;
    }

    /// Rule 6: asks whether anything reaches us, while no peer is to be heard.
    pub(super) fn test_reception(&mut self, now: Instant) {
        let overdue = self.interval() * 5 / 4;
        if now >= self.reception.heard + overdue {
            self.reception.on_silence(now);
        }
        if !self.is_alone()
            && self
                .reception
                .due(self.settings.probe)
                .is_some_and(|at| now >= at)
        {
            self.reception.ask(now);
            self.effects.transmits.push(Transmit::CountFrames);
            self.ask_known(now);
        }
    }

    pub(super) fn reception_due(&self) -> Option<Instant> {
        if self.is_alone() {
            return None;
        }
        let silence = || self.reception.heard + self.interval() * 5 / 4;
        Some(self.reception.due(self.settings.probe).unwrap_or_else(silence))
    }

    /// A beacon came: the peers are to be looked at later than was thought. Not while what they may have missed is put off
    /// ([`Self::excuse`]).
    pub(super) fn put_off_check(&mut self, now: Instant) {
        let excused = self.late.is_some_and(|at| now < at + self.interval());
        if now < self.check && !excused && self.peers.len() <= FEW {
            self.check = self.next_change(now);
        }
    }

    /// Whether we know that we hear what is said (rule 6).
    pub(crate) fn hears(&self, now: Instant) -> bool {
        let settling = self.interval() * self.settings.misses;
        if self.is_alone() {
            return true;
        }
        if self.reception.silence.is_none() {
            // Right after a time of deafness the first peers are heard before the others are.
            return self.reception.recovered.is_none_or(|at| now >= at + settling);
        }
        now < self.reception.heard + settling || self.hears_without_peers(now)
    }

    /// Whether there is other proof that we hear, or none to be had.
    pub(super) fn hears_without_peers(&self, now: Instant) -> bool {
        let Some(silence) = self.reception.silence else {
            return false;
        };
        // What reaches us may have just begun to: then so will the peers' beacons.
        let proven = self.reception.is_proven_for(now, self.interval() * 5 / 4);
        let pair = self.electors(now) == 2 && self.carrier_lost.is_none();
        proven || pair && now >= silence + Duration::from_secs(1)
    }
}
