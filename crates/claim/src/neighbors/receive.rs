//! Datagrams that come in: who may be believed, and what they change.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use model::NodeName;

use super::peer::{Peer, Probing};
use super::{ChangedClaims, Neighbors};
use crate::identity::Node;
use crate::seal::SenderKey;
use crate::wire::{Beacon, DecodeError, Header, Message, State, name_octets};
use crate::{BootId, Event};

/// So often at most a peer is asked for its claims.
const REQUESTS_PER_INTERVAL: u32 = 5;
/// How often the log says that others have other keys.
const TELL_UNKNOWN_KEY: Duration = Duration::from_secs(60);

impl Neighbors {
    pub(crate) fn handle_datagram(&mut self, now: Instant, source: IpAddr, octets: &[u8]) {
        let (header, clear, sealed) = match Header::decode(octets) {
            Ok(parts) => parts,
            Err(DecodeError::Version(_)) => {
                // Another version's speaker is there as one with another key is: it is not understood, and respected.
                self.known.unopened = Some(now);
                return self.refused.version += 1;
            }
            Err(_) => return self.refused.malformed += 1,
        };
        if header.boot == self.me.boot {
            return self.refused.own += 1;
        }
        if self.is_replayed(&header) {
            return self.refused.replayed += 1;
        }
        let Some((key, body)) = self.unseal(now, &header, clear, sealed) else {
            return;
        };
        match Message::decode(&body) {
            Ok(message) => {
                let boot = header.boot;
                self.on_message(now, header, key, message);
                self.note_family(now, boot, source);
            }
            Err(_) => self.refused.malformed += 1,
        }
    }

    /// A peer's datagram came, and not for the second time.
    fn note_family(&mut self, now: Instant, boot: BootId, source: IpAddr) {
        let peer = self.boots.get(&boot).and_then(|node| self.peers.get_mut(node));
        if let Some(peer) = peer.filter(|_| source.is_ipv4()) {
            peer.heard_by_ipv4 = Some(now);
        }
    }

    fn peer_of(&self, header: &Header) -> Option<&Peer> {
        let node = self.boots.get(&header.boot)?;
        self.peers.get(node).filter(|peer| peer.name == header.name)
    }

    fn is_replayed(&self, header: &Header) -> bool {
        let peer = self.peer_of(header).map(|peer| &peer.window);
        let unproven = || self.unproven.get(header.boot).map(|life| &life.window);
        peer.or_else(unproven)
            .is_some_and(|window| !window.is_new(header.sequence))
    }

    /// Opens the seal. A key that had to be derived for it comes along.
    fn unseal(
        &mut self,
        now: Instant,
        header: &Header,
        clear: &[u8],
        sealed: &[u8],
    ) -> Option<(Option<SenderKey>, Vec<u8>)> {
        let peer = self.peer_of(header).map(|peer| &peer.key);
        let unproven = || self.unproven.get(header.boot).map(|life| &life.key);
        let known = peer.or_else(unproven).filter(|key| key.id() == header.key);
        let Some(key) = self.keys.find(header.key) else {
            self.refused.unknown_key += 1;
            self.known.unopened = Some(now);
            if self
                .unknown_key_told
                .is_none_or(|at| now >= at + TELL_UNKNOWN_KEY)
            {
                self.unknown_key_told = Some(now);
                self.tell(Event::UnknownKey);
            }
            return None;
        };
        let (derived, body) = match known {
            Some(known) => (None, known.open(header.sequence, clear, sealed)),
            None => {
                // Before anything is derived: whoever has no key can have as much derived as he likes.
                let budget = match peer {
                    Some(_) => &mut self.rekeyings,
                    None => &mut self.derivations,
                };
                if !budget.spend(now) {
                    self.refused.limited += 1;
                    return None;
                }
                let key = key.of_sender(name_octets(&header.name), header.boot);
                let body = key.open(header.sequence, clear, sealed);
                (Some(key), body)
            }
        };
        let Some(body) = body else {
            self.refused.forged += 1;
            return None;
        };
        Some((derived, body))
    }

    /// Something that only a holder of the key can have said.
    fn on_message(&mut self, now: Instant, header: Header, key: Option<SenderKey>, message: Message) {
        let sequence = header.sequence;
        let Some(node) = self.peer_of(&header).map(|peer| peer.node) else {
            return self.on_unproven(now, header, key, message);
        };
        let Some(peer) = self.peers.get_mut(&node) else {
            return;
        };
        self.received += 1;
        let newest = peer.window.highest();
        peer.window.note(sequence);
        if let Some(key) = key {
            peer.key = key;
        }
        match message {
            Message::Beacon(beacon) => {
                let missed = sequence.saturating_sub(newest + 1);
                self.on_beacon(now, node, sequence, beacon);
                self.excuse_silence(missed);
            }
            Message::Changes { from, to: _, entries } => {
                let units = peer.received.change(from, entries);
                if peer.received.has_gap() {
                    // What is missing may only have been overtaken.
                    let soon = now + self.settings.interval / 20;
                    peer.repair = Some(soon);
                    self.errand_at(soon);
                }
                self.effects.claims.add(ChangedClaims::Some(units));
                self.refresh_peer(now, node);
            }
            Message::Set {
                version,
                part,
                parts,
                claims,
            } => {
                if peer.received.part(version, part, parts, claims) {
                    self.effects.claims.add(ChangedClaims::Any);
                    self.refresh_peer(now, node);
                }
            }
            Message::Request { of, have } => {
                if of == self.me.boot {
                    self.effects.note_asked(have);
                }
            }
        }
    }

    fn on_beacon(&mut self, now: Instant, node: Node, sequence: u64, beacon: Beacon) {
        let (echoed, times) = (self.echo_in(&beacon), self.times());
        let me = self.me.boot;
        self.note_vouchers(now, node, &beacon);
        let Some(peer) = self.peers.get_mut(&node) else {
            return;
        };
        // Also of one that was overtaken: where a beacon takes two datagrams, each names other peers.
        peer.echoed = echoed.map_or(peer.echoed, |echoed| echoed.max(peer.echoed));
        if sequence <= peer.beacon_sequence {
            return;
        }
        let was_in_time = now < peer.alive_until(&times) && peer.status.is_alive() && !peer.late;
        peer.beacon_sequence = sequence;
        peer.heard = now;
        if beacon.echoes.iter().any(|echo| echo.boot != me) {
            peer.hears_others = Some(now);
        }
        if beacon.state == State::Restarting && peer.beacon.state != State::Restarting {
            peer.away = Some(now);
            peer.announced = true;
            peer.probing = Probing::presumed(now);
        }
        let differs = (peer.beacon.fresh, peer.beacon.state) != (beacon.fresh, beacon.state);
        peer.beacon = beacon;
        if differs {
            self.wake_at(now);
        }
        self.reception.on_peer(now);
        self.refresh_peer(now, node);
        self.put_off_check(now);
        self.request_if_needed(now, node);
        if !was_in_time {
            // It is back. That it hears us in turn is worth knowing sooner than in an interval.
            self.beacon_soon();
        }
    }

    /// So much of what a peer said never came. To it we may have been away for as long, though our own clock, which stands
    /// still with a virtual machine that is moved, shows nothing of it: that we hear it is worth saying at once.
    fn excuse_silence(&mut self, missed: u64) {
        if missed >= u64::from(self.settings.misses) {
            self.beacon_soon();
        }
    }

    /// When we sent the datagram that this beacon says was heard, or rather the last beacon up to it.
    pub(super) fn echo_in(&self, beacon: &Beacon) -> Option<Instant> {
        let ours = beacon.echoes.iter().filter(|echo| echo.boot == self.me.boot);
        ours.filter_map(|echo| self.sent_at(echo.sequence)).max()
    }

    fn sent_at(&self, sequence: u32) -> Option<Instant> {
        let age = (self.sequence as u32).wrapping_sub(sequence);
        let sequence = self.sequence.checked_sub(age.into())?;
        let beacon = self.sent.iter().rev().find(|(sent, _)| *sent <= sequence)?;
        Some(beacon.1)
    }

    /// An alive peer says whom it hears: that is news of those whom we do not.
    fn note_vouchers(&mut self, now: Instant, from: Node, beacon: &Beacon) {
        if !self.peers.get(&from).is_some_and(|peer| peer.status.is_alive()) {
            return;
        }
        for peer in self
            .peers
            .values_mut()
            .filter(|peer| peer.late && peer.node != from)
        {
            let Some(echo) = beacon.echoes.iter().find(|echo| echo.boot == peer.boot) else {
                continue;
            };
            let is_newer = |than: u32| (echo.sequence.wrapping_sub(than) as i32) > 0;
            let is_news = peer.vouched.1.is_none() || is_newer(peer.vouched.0);
            if is_news && is_newer(peer.window.highest() as u32) {
                peer.vouched = (echo.sequence, Some(now));
                self.check = now;
            }
        }
    }

    /// Asks for a peer's claims if we do not have those that it spoke of; and again, until we have.
    pub(super) fn request_if_needed(&mut self, now: Instant, node: Node) {
        let wait = self.interval() / REQUESTS_PER_INTERVAL;
        let Some(peer) = self.peers.get_mut(&node) else {
            return;
        };
        if peer.is_current() {
            peer.repair = None;
            return;
        }
        if let Some(at) = peer.requested.map(|at| at + wait).filter(|at| now < *at) {
            peer.repair = Some(at);
            return self.errand_at(at);
        }
        if peer.received.version() == peer.beacon.version && !peer.received.has_gap() {
            peer.received.doubt(); // The same version, and yet another set.
        }
        peer.requested = Some(now);
        peer.repair = Some(now + wait);
        let (of, have) = (peer.boot, peer.received.version());
        self.errand_at(now + wait);
        self.effects.requests.push((of, have));
    }

    /// Asks once more where nothing came.
    pub(super) fn request_again(&mut self, now: Instant) {
        let times = self.times();
        let due = |peer: &&Peer| peer.repair.is_some_and(|at| at <= now);
        let nodes: Vec<Node> = self.peers.values().filter(due).map(|peer| peer.node).collect();
        for node in nodes {
            if let Some(peer) = self.peers.get_mut(&node) {
                peer.repair = None;
                if now < peer.heard_until(&times) {
                    self.request_if_needed(now, node);
                }
            }
        }
    }

    /// Says that two speakers bear one name; not at every beacon.
    pub(super) fn tell_duplicate(&mut self, now: Instant, node: NodeName) {
        if self
            .duplicate_told
            .is_none_or(|at| now >= at + self.times().crash_window)
        {
            self.duplicate_told = Some(now);
            self.tell(Event::DuplicateNode { node });
        }
    }
}
