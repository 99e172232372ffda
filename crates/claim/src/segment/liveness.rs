//! Who is there: what peers are, whether their nodes answer, and whether we hear anything at all.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::{Phase, Segment};
use crate::identity::Node;
use crate::{Event, Status, Transmit, Why};

/// A dead peer is forgotten after so many crash windows.
const FORGET: u32 = 6;
/// Up to so many peers are all looked at when one of them is, to know when to look next: cheaper than to wake for nothing.
const FEW: usize = 16;

impl Segment {
    /// Rule 11: whether we have just not run for so long that others may have taken what was ours.
    pub(super) fn notice_time(&mut self, now: Instant) {
        self.notice_lateness(now);
        let gap = now.saturating_duration_since(self.ran);
        self.ran = now;
        if gap > self.interval() * self.settings.misses {
            self.counters.fenced += 1;
            self.fall_silent(now, Why::Fenced);
        }
    }

    /// Who comes late has yet to read what its peers said meanwhile: it does not call them late before it has had the time
    /// to. Not twice in an interval, or who is always late would never miss anybody.
    fn notice_lateness(&mut self, now: Instant) {
        let due = self.poll_timeout().unwrap_or(now);
        let excused = self.late.is_some_and(|at| now < at + self.interval());
        if now > due + self.interval() / 10 && !excused {
            self.late = Some(now);
            self.check = self.check.max(now + self.interval() / 20);
        }
    }

    /// Listens again before it answers for anything.
    pub(super) fn fall_silent(&mut self, now: Instant, why: Why) {
        let until = self.carrier_lost.is_none().then(|| now + self.settings.listening);
        self.phase = Phase::Listening(until);
        self.ready = None;
        self.suspend(why);
        self.wake_at(now);
        self.beacon_soon(now);
    }

    pub(super) fn on_carrier(&mut self, now: Instant, carrier: bool) {
        match (carrier, self.carrier_lost) {
            (false, None) => {
                self.carrier_lost = Some(now);
                self.fall_silent(now, Why::Fenced);
            }
            (true, Some(lost)) => {
                self.carrier_lost = None;
                let short = now < lost + self.interval() * self.settings.misses;
                let listening = if short {
                    Duration::ZERO
                } else {
                    self.settings.listening
                };
                self.phase = Phase::Listening(Some(now + listening));
                self.beacon_soon(now);
            }
            (false, Some(_)) | (true, None) => {}
        }
    }

    /// Ends listening when it has been long enough, and what the others hold is known.
    pub(super) fn end_listening(&mut self, now: Instant) {
        let Phase::Listening(Some(until)) = self.phase else {
            return;
        };
        let twin = self.twin.is_some_and(|at| now < at + self.settings.listening);
        if now < until || twin {
            return self.wake_at(now.max(until) + self.interval() * u32::from(twin));
        }
        let unknown = self
            .peers
            .values()
            .any(|peer| peer.status.is_alive() && !peer.received.is_known());
        if unknown && now < until + self.settings.listening {
            return self.wake_at(now + self.interval() / 10);
        }
        self.phase = Phase::Ready;
        self.ready = Some(now);
        self.wake = Some(now);
        self.beacon_soon(now);
    }

    /// What every peer is by now. A beacon can only put off when that changes: what it does to its sender is seen to when
    /// it comes ([`Self::refresh_peer`]), and the others are looked at when one of them is due.
    pub(super) fn refresh_peers(&mut self, now: Instant) {
        if now < self.check {
            return;
        }
        let nodes: Vec<Node> = self.peers.keys().copied().collect();
        nodes.into_iter().for_each(|node| self.refresh_peer(now, node));
        self.check = self.next_change(now);
    }

    /// When any peer may be something else than it is, nothing arriving.
    fn next_change(&self, now: Instant) -> Instant {
        let changes = self.peers.values().filter_map(|peer| {
            let forgotten = peer.since + self.settings.crash_window * FORGET;
            let forgotten = (peer.status == Status::Dead).then_some(forgotten);
            let changes = peer.changes_at(now, &self.settings);
            changes.into_iter().chain(forgotten).min()
        });
        changes.min().unwrap_or(now + self.settings.crash_window)
    }

    /// What this peer is by now.
    pub(super) fn refresh_peer(&mut self, now: Instant, node: Node) {
        let Some(peer) = self.peers.get_mut(&node) else {
            return;
        };
        let (before, has_claims) = (peer.status, !peer.claims().is_empty());
        let concerns_claims = peer.refresh(now, &self.settings);
        if let Some(at) = peer.changes_at(now, &self.settings) {
            self.check = self.check.min(at);
        }
        let status = peer.status;
        let forgotten = status == Status::Dead && now >= peer.since + self.settings.crash_window * FORGET;
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
            self.events.push_back(Event::Member { node, from, to });
        }
    }

    pub(super) fn refresh_majority(&mut self, now: Instant) {
        let alive = self.peers.values().filter(|peer| peer.status.is_alive());
        let count = alive.filter(|peer| self.possible.contains(&peer.node)).count();
        let ours = usize::from(self.possible.contains(&self.node));
        if (count + ours) * 2 > self.possible.len() {
            self.majority.get_or_insert(now);
        } else {
            self.majority = None;
        }
    }

    /// When the next of the above may be due, or the next question to a peer.
    pub(super) fn liveness_due(&self) -> Option<Instant> {
        self.errand.into_iter().chain([self.check]).min()
    }

    /// Questions to peers and their nodes, as far as they are due.
    pub(super) fn run_errands(&mut self, now: Instant) {
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
                self.transmits.push_back(Transmit::Probe {
                    address: *address,
                    mac,
                });
            }
        }
    }

    pub(super) fn on_probe_answered(&mut self, now: Instant, address: IpAddr) {
        self.ears.on_proof(now);
        let asked = self
            .peers
            .values_mut()
            .find(|peer| peer.addresses().contains(&address));
        if let Some(peer) = asked {
            peer.probing.answer(now);
            let node = peer.node;
            self.refresh_peer(now, node);
        }
        self.wake_at(now + self.gathering());
    }

    pub(super) fn on_frames(&mut self, now: Instant, frames: u64) {
        self.ears.on_frames(now, frames);
        self.wake_at(now + self.gathering());
    }

    /// Rule 6: asks whether anything reaches us, while no peer is to be heard.
    pub(super) fn hear(&mut self, now: Instant) {
        let overdue = self.interval() * 5 / 4;
        if now >= self.ears.heard + overdue {
            self.ears.on_silence(now);
        }
        if !self.is_alone() && self.ears.due(self.settings.probe).is_some_and(|at| now >= at) {
            self.ears.ask(now);
            self.transmits.push_back(Transmit::CountFrames);
        }
    }

    pub(super) fn ears_due(&self) -> Option<Instant> {
        if self.is_alone() {
            return None;
        }
        let silence = || self.ears.heard + self.interval() * 5 / 4;
        Some(self.ears.due(self.settings.probe).unwrap_or_else(silence))
    }

    /// A beacon came: the peers are to be looked at later than was thought. Not while what they may have missed is put off
    /// ([`Self::notice_lateness`]).
    pub(super) fn put_off_check(&mut self, now: Instant) {
        let excused = self.late.is_some_and(|at| now < at + self.interval());
        if now < self.check && !excused && self.peers.len() <= FEW {
            self.check = self.next_change(now);
        }
    }

    /// Whether we know that we hear what is said (rule 6).
    pub(super) fn hears(&self, now: Instant) -> bool {
        let settling = self.interval() * self.settings.misses;
        if self.is_alone() {
            return true;
        }
        if self.ears.silence.is_none() {
            // Right after a time of deafness the first peers are heard before the others are.
            return self.ears.recovered.is_none_or(|at| now >= at + settling);
        }
        now < self.ears.heard + settling || self.hears_without_peers(now)
    }

    /// Whether there is other proof that we hear, or none to be had.
    pub(super) fn hears_without_peers(&self, now: Instant) -> bool {
        let Some(silence) = self.ears.silence else {
            return false;
        };
        // What reaches us may have just begun to: then so will the peers' beacons.
        let proven = self.ears.is_proven_for(now, self.interval() * 5 / 4);
        let pair = self.possible.len() == 2 && self.carrier_lost.is_none();
        proven || pair && now >= silence + Duration::from_secs(1)
    }
}
