//! Datagrams that go out.

use std::time::{Duration, Instant};

use model::NodeName;

use super::{Phase, Segment};
use crate::Transmit;
use crate::identity::mix;
use crate::seal::TAG;
use crate::wire::{Beacon, Echo, Entry, Header, Message, State};
use crate::{MAX_ADDRESSES, MAX_DATAGRAM};

/// What the messages that carry entries take besides them.
const ENTRIES_FIXED: usize = 9;
/// A beacon that cannot wait follows the last one by at least this share of the interval.
const SOON: u32 = 20;
/// One that somebody unknown is waiting for, by this share: who replays what others said long ago gains little.
const SOON_FOR_UNPROVEN: u32 = 5;
/// Claims are repeated as often.
const REPAIRS_PER_INTERVAL: u32 = 5;

/// How many entries go into one datagram of this node.
pub(super) fn room_for_entries(node: &NodeName) -> usize {
    let header = 22 + crate::wire::name_octets(node).len();
    (MAX_DATAGRAM - TAG - ENTRIES_FIXED).saturating_sub(header) / Entry::MAX
}

impl Segment {
    /// Seals a message and gives it out.
    pub(super) fn speak(&mut self, message: &Message) {
        if self.phase == Phase::Second {
            return;
        }
        let sequence = self.neighbors.next_sequence();
        let header = Header {
            key: self.sealer.id(),
            boot: self.me.boot,
            sequence,
            name: self.me.node.clone(),
        };
        let datagram = self.sealer.seal(sequence, header.encode(), message.encode());
        debug_assert!(datagram.len() <= MAX_DATAGRAM);
        self.counters.sent += 1;
        self.transmits.push_back(Transmit::Datagram(datagram));
    }

    /// What this node says it is doing.
    fn state(&self) -> State {
        match self.phase {
            Phase::Ended => State::Restarting,
            Phase::Listening(_) | Phase::Second => State::Listening,
            Phase::Ready if self.own.leaving.is_some() => State::Leaving,
            Phase::Ready if !self.own.able => State::Unable,
            Phase::Ready if self.own.drain => State::Draining,
            Phase::Ready => State::Ready,
        }
    }

    pub(super) fn beacon(&self, echoes: Vec<Echo>) -> Beacon {
        Beacon {
            state: self.state(),
            fresh: self.own.fresh,
            interval: self.neighbors.interval(),
            mac: self.mac,
            held: u32::try_from(self.own.claims.len()).unwrap_or(u32::MAX),
            version: self.published.version(),
            digest: self.published.digest(),
            addresses: self.addresses.iter().copied().take(MAX_ADDRESSES).collect(),
            echoes,
        }
    }

    /// One beacon: more than one datagram where there are more peers than one can name.
    pub(super) fn send_beacon(&mut self, now: Instant) {
        let name = crate::wire::name_octets(&self.me.node).len();
        let room = Beacon::room(22 + name, MAX_ADDRESSES).max(1);
        let echoes = self.neighbors.echoes(now);
        let mut chunks = echoes.chunks(room);
        loop {
            let chunk = chunks.next().unwrap_or_default().to_vec();
            let beacon = self.beacon(chunk);
            self.speak(&Message::Beacon(beacon));
            self.neighbors.note_beacon(now);
            if chunks.len() == 0 {
                break;
            }
        }
        self.beacon_sent = Some(now);
    }

    /// Whether one was.
    pub(super) fn send_beacon_if_due(&mut self, now: Instant) -> bool {
        if now < self.beacon_due {
            return false;
        }
        self.neighbors.forget_unproven(now);
        self.send_beacon(now);
        // Two nodes that started together are not to speak at the same instant for ever: nine to eleven tenths.
        let chance = u32::try_from(mix(self.me.boot.0 ^ self.neighbors.sequence()) % 201).unwrap_or(100);
        self.beacon_due = now + self.neighbors.interval() * (900 + chance) / 1000;
        if self.neighbors.is_late(now) {
            self.beacon_soon(now); // It may not name peers whose beacons have come, and wait to be read.
        }
        true
    }

    /// The next beacon cannot wait for its turn.
    pub(super) fn beacon_soon(&mut self, now: Instant) {
        self.beacon_after(now, self.neighbors.interval() / SOON);
    }

    pub(super) fn beacon_for_unproven(&mut self, now: Instant) {
        self.beacon_after(now, self.neighbors.interval() / SOON_FOR_UNPROVEN);
    }

    fn beacon_after(&mut self, now: Instant, gap: Duration) {
        let earliest = self.beacon_sent.map_or(now, |at| at + gap);
        self.beacon_due = self.beacon_due.min(earliest.max(now));
    }

    /// Tells the others what changed in our claims.
    pub(super) fn publish(&mut self, now: Instant) {
        for message in self.published.update(&self.own.told(now)) {
            self.speak(&message);
        }
    }

    /// When to answer those who asked for our claims: one answer serves all who ask about the same time.
    pub(super) fn repair_due(&self) -> Option<Instant> {
        self.asked?;
        let after = self
            .repaired
            .map(|at| at + self.neighbors.interval() / REPAIRS_PER_INTERVAL);
        Some(after.unwrap_or(self.ran))
    }

    pub(super) fn send_repairs(&mut self, now: Instant) {
        if self.repair_due().is_none_or(|at| now < at) {
            return;
        }
        let have = self.asked.take().unwrap_or(0);
        self.repaired = Some(now);
        for message in self.published.repair(have) {
            self.speak(&message);
        }
    }

    /// Rule 8: the last words of this speaker. Two of them, for one may be lost.
    pub(super) fn on_restart(&mut self, now: Instant) {
        let second = self.phase == Phase::Second;
        self.phase = Phase::Ended;
        if !second {
            self.send_beacon(now);
            self.send_beacon(now);
        }
    }
}
