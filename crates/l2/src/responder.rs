use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use crate::limit::Limiter;
use crate::schedule::Announcing;
use crate::wire::{ArpFrame, BROADCAST, MINIMUM_FRAME};
use crate::{Counters, Mac, Settings};

mod claims;

use claims::Claims;

/// What a responder may be told.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A frame that arrived on the interface, from the Ethernet header on.
    Frame(&'a [u8]),
    /// The address is ours from now on: answer for it and announce it. Of an address held already: nothing (P-L2-59).
    Hold(Ipv4Addr),
    /// The address is ours no longer: not one word more about it.
    Release(Ipv4Addr),
    /// The interface has another hardware address: everything is announced anew (A11). The same one again: nothing.
    Mac(Mac),
    /// The link came back, perhaps to another port of another switch: everything is announced anew.
    CarrierUp,
}

/// A frame to be sent on the interface, complete from the Ethernet header on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit([u8; MINIMUM_FRAME]);

impl Transmit {
    /// The octets to send. The hardware adds the check sequence.
    pub fn frame(&self) -> &[u8] {
        &self.0
    }
}

/// What the driver should know of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Another station says that it has an address held here (RFC 5227 §2.4): another speaker, or a stranger. The
    /// responder goes on as before; what to do about it is not for one interface to decide.
    ///
    /// For each address at most one per station and second, and at most eight per second from all stations.
    ForeignClaim {
        /// The address held here.
        address: Ipv4Addr,
        /// The station that claims it.
        mac: Mac,
    },
}

/// Speaks for the addresses that a node holds on one interface: see the crate's documentation for its run loop.
///
/// Memory grows with the addresses held and with nothing that arrives.
#[derive(Debug)]
pub struct Responder {
    mac: Mac,
    refresh: Duration,
    held: BTreeMap<Ipv4Addr, Held>,
    /// The announcements of `held` in the order in which they are due.
    due: BTreeSet<(Instant, Ipv4Addr)>,
    limiter: Limiter,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
    counters: Counters,
}

#[derive(Debug)]
struct Held {
    announcing: Announcing,
    claims: Option<Claims>,
}

impl Responder {
    /// A responder that holds nothing yet, for the interface with this hardware address.
    pub fn new(mac: Mac, settings: Settings) -> Self {
        let Settings {
            refresh,
            per_source,
            total,
        } = settings;
        Self {
            mac,
            refresh: refresh.max(Duration::from_secs(1)),
            held: BTreeMap::new(),
            due: BTreeSet::new(),
            limiter: Limiter::new(per_source, total),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// Takes one input. The driver drains before the next one.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        match input {
            Input::Frame(octets) => self.on_frame(now, octets),
            Input::Hold(address) => self.on_hold(now, address),
            Input::Release(address) => self.on_release(address),
            Input::Mac(mac) => self.on_mac(now, mac),
            Input::CarrierUp => self.announce_anew(now),
        }
    }

    /// Makes the announcements that are due. Safe to call early or twice.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((at, address)) = self.due.first().copied()
            && at <= now
        {
            self.due.pop_first();
            self.announce(now, address);
        }
    }

    /// The next frame to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// The next event to report.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Self::handle_timeout`] is to be called; `None` while nothing is held.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The addresses held, in order.
    pub fn held(&self) -> impl Iterator<Item = Ipv4Addr> + '_ {
        self.held.keys().copied()
    }

    /// What was done so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    fn on_frame(&mut self, now: Instant, octets: &[u8]) {
        let Ok(frame) = ArpFrame::decode(octets) else {
            self.counters.ignored.malformed += 1;
            return;
        };
        if frame.sender == self.mac {
            self.counters.ignored.own += 1;
            return;
        }
        let claim = self.on_claim(now, &frame);
        if frame.asks() {
            self.on_request(now, &frame);
        } else if !claim {
            self.counters.ignored.unasked += 1;
        }
    }

    /// Whether the frame claims an address held here (A6): any ARP packet from it does, of whatever kind.
    fn on_claim(&mut self, now: Instant, frame: &ArpFrame) -> bool {
        let Some(held) = self.held.get_mut(&frame.sender_address) else {
            return false;
        };
        self.counters.foreign_claims += 1;
        if Claims::notice(&mut held.claims, now, frame.sender) {
            let (address, mac) = (frame.sender_address, frame.sender);
            self.events.push_back(Event::ForeignClaim { address, mac });
        }
        true
    }

    fn on_request(&mut self, now: Instant, frame: &ArpFrame) {
        if frame.destination != BROADCAST && frame.destination != self.mac.octets() {
            self.counters.ignored.elsewhere += 1;
            return;
        }
        if !self.held.contains_key(&frame.target_address) {
            self.counters.ignored.not_held += 1;
            return;
        }
        self.counters.requests += 1;
        if !self.limiter.admit(now, frame.sender) {
            self.counters.ignored.limited += 1;
            return;
        }
        self.counters.replies += 1;
        self.transmits
            .push_back(Transmit(frame.answer(self.mac).encode()));
    }

    fn on_hold(&mut self, now: Instant, address: Ipv4Addr) {
        if let Entry::Vacant(vacant) = self.held.entry(address) {
            vacant.insert(Held {
                announcing: Announcing::start(now),
                claims: None,
            });
            self.announce(now, address);
        }
    }

    fn on_release(&mut self, address: Ipv4Addr) {
        if let Some(held) = self.held.remove(&address) {
            self.due.remove(&(held.announcing.due(), address));
        }
    }

    fn on_mac(&mut self, now: Instant, mac: Mac) {
        if self.mac != mac {
            self.mac = mac;
            self.announce_anew(now);
        }
    }

    fn announce_anew(&mut self, now: Instant) {
        self.due.clear();
        for (address, held) in &mut self.held {
            held.announcing = Announcing::start(now);
            self.due.insert((held.announcing.due(), *address));
        }
        self.handle_timeout(now);
    }

    /// Makes the announcement that is no longer in `due`, and puts the one after it there.
    fn announce(&mut self, now: Instant, address: Ipv4Addr) {
        let Some(held) = self.held.get_mut(&address) else {
            return;
        };
        held.announcing.sent(now, address, self.mac, self.refresh);
        self.due.insert((held.announcing.due(), address));
        self.counters.announcements += 1;
        self.transmits
            .push_back(Transmit(ArpFrame::announcement(self.mac, address).encode()));
    }
}

#[cfg(test)]
mod tests;
