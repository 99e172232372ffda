//! Frames that arrive, of either protocol.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::Responder;
use super::claims::Claims;
use crate::wire::Protocol;
use crate::wire::arp::{ArpFrame, BROADCAST, Operation};
use crate::wire::ndp::{Advertisement, NdpFrame, Solicitation};
use crate::{Event, Mac};

/// Between two times that one speaker is told of.
const NEWS: Duration = Duration::from_secs(1);

impl Responder {
    pub(super) fn on_frame(&mut self, now: Instant, octets: &[u8]) {
        match Protocol::of_frame(octets) {
            Some(Protocol::Arp) => {
                if let Ok(frame) = ArpFrame::decode(octets) {
                    return self.on_arp(now, &frame);
                }
            }
            Some(Protocol::Ndp) => match NdpFrame::decode(octets) {
                Ok(NdpFrame::Solicitation(solicitation)) => return self.on_solicitation(now, &solicitation),
                Ok(NdpFrame::Advertisement(advertisement)) => {
                    return self.on_advertisement(now, &advertisement);
                }
                Err(_) => {}
            },
            None => {}
        }
        self.counters.ignored.malformed += 1;
    }

    fn on_arp(&mut self, now: Instant, frame: &ArpFrame) {
        if frame.sender == self.mac || frame.source == self.mac {
            self.counters.ignored.own += 1;
            return;
        }
        self.on_neighbor(now, frame.source);
        let sender = frame.sender_address.into();
        let claims = self.on_claim(now, sender, frame.sender, frame.source);
        let to_us = frame.destination == self.mac.octets();
        if frame.asks() {
            let for_us = to_us || frame.destination == BROADCAST;
            let target = frame.target_address.into();
            if let Some(mac) = self.on_question(now, target, frame.sender, for_us) {
                let answer = ArpFrame {
                    source: self.mac,
                    ..frame.answer(mac)
                };
                self.transmit(target, answer.encode());
            }
            return;
        }
        let answers = frame.operation == Operation::Reply && self.on_answer(now, sender, frame.sender, to_us);
        if !claims && !answers {
            self.counters.ignored.unasked += 1;
        }
    }

    fn on_solicitation(&mut self, now: Instant, frame: &Solicitation) {
        if frame.source == self.mac || frame.link_layer == Some(self.mac) {
            self.counters.ignored.own += 1;
            return;
        }
        self.on_neighbor(now, frame.source);
        // A filter of hardware may be wider than the group: any group will do, as with the broadcast of ARP.
        let for_us = frame.destination == self.mac.octets() || frame.destination[0] & 1 == 1;
        let target = frame.target.into();
        if let Some(mac) = self.on_question(now, target, frame.asker(), for_us) {
            let answer = Advertisement {
                source: self.mac,
                ..frame.answer(mac)
            };
            self.transmit(target, answer.encode());
        }
    }

    fn on_advertisement(&mut self, now: Instant, frame: &Advertisement) {
        let sender = frame.sender();
        if sender == self.mac || frame.source == self.mac {
            self.counters.ignored.own += 1;
            return;
        }
        self.on_neighbor(now, frame.source);
        let target = frame.target.into();
        let claims = self.on_claim(now, target, sender, frame.source);
        if !self.on_answer(now, target, sender, frame.solicited) && !claims {
            self.counters.ignored.unasked += 1;
        }
    }

    /// Whether the frame claims an address held here (A6, N6): any ARP packet from it does, of whatever kind, and any
    /// advertisement of it.
    fn on_claim(&mut self, now: Instant, address: IpAddr, mac: Mac, source: Mac) -> bool {
        let own = self.mac;
        let Some(held) = self.held.get_mut(&address) else {
            return self.on_shared_claim(now, address, mac, source);
        };
        // The holder for whom we stand in, or another one who does so; or an interface next to this one.
        if held.role.station(own) == mac || self.siblings.contains(&mac) {
            self.counters.ignored.own += 1;
            return true;
        }
        let is_rival = self.cluster.as_ref().is_none_or(|cluster| cluster.contains(&mac));
        if is_rival {
            self.counters.rivals += 1;
            if Claims::notice(&mut held.claims_of_rivals, now, mac) {
                self.events.push_back(Event::Rival { address, mac });
            }
        } else {
            self.counters.strangers += 1;
            let news = Claims::notice(&mut held.claims_of_strangers, now, mac);
            self.on_stranger(now, address, mac, news);
        }
        true
    }

    /// Whether another speaker says that it has an address that speakers share and that is not held here. Who says so of another
    /// station stands in for it: that is no word of that station.
    fn on_shared_claim(&mut self, now: Instant, address: IpAddr, mac: Mac, source: Mac) -> bool {
        let is_speaker = self
            .cluster
            .as_ref()
            .is_some_and(|cluster| cluster.contains(&mac));
        let Some(known) = self.shared.get_mut(&address) else {
            return false;
        };
        if !is_speaker || mac != source || self.siblings.contains(&mac) {
            return false;
        }
        if Claims::notice(known, now, mac) {
            self.events.push_back(Event::Rival { address, mac });
        }
        true
    }

    pub(super) fn on_shared(&mut self, shared: &BTreeSet<IpAddr>) {
        let before = self.shared.len();
        self.shared.retain(|address, _| shared.contains(address));
        let mut changed = self.shared.len() != before;
        for address in shared {
            self.shared.entry(*address).or_insert_with(|| {
                changed = true;
                None
            });
        }
        self.interest_changed |= changed;
    }

    /// A frame of this station came: tells of it now and then if it is a speaker.
    fn on_neighbor(&mut self, now: Instant, mac: Mac) {
        let is_speaker = self
            .cluster
            .as_ref()
            .is_some_and(|cluster| cluster.contains(&mac));
        let lately = |at: &Instant| now.saturating_duration_since(*at) < NEWS;
        if is_speaker && !self.neighbors.get(&mac).is_some_and(lately) {
            self.neighbors.insert(mac, now);
            self.events.push_back(Event::Neighbor { mac });
        }
    }

    /// The station to name to `asker`, if it is to have an answer.
    fn on_question(&mut self, now: Instant, address: IpAddr, asker: Mac, for_us: bool) -> Option<Mac> {
        let ignored = &mut self.counters.ignored;
        if !for_us {
            ignored.elsewhere += 1;
            return None;
        }
        let Some(held) = self.held.get(&address) else {
            ignored.not_held += 1;
            return None;
        };
        if held.asking.is_some() {
            ignored.not_held += 1;
            return None;
        }
        let role = held.role;
        self.counters.requests += 1;
        if self.is_yielded(address) {
            self.counters.ignored.yielded += 1;
            return None;
        }
        if !self.limiter.admit(now, asker) {
            self.counters.ignored.limited += 1;
            return None;
        }
        self.counters.replies += 1;
        Some(role.station(self.mac))
    }
}
