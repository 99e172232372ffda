//! Saying where the addresses are without being asked.

use std::net::IpAddr;
use std::time::Instant;

use super::Responder;
use super::agenda::Task;
use super::held::Role;
use crate::schedule::Announcing;
use crate::wire::arp::ArpFrame;
use crate::wire::ndp::Advertisement;

impl Responder {
    pub(super) fn announce_anew(&mut self, now: Instant) {
        let held: Vec<IpAddr> = self.held.keys().copied().collect();
        for address in held {
            self.begin_announcing(now, address);
        }
    }

    pub(super) fn on_quiet(&mut self, now: Instant, quiet: bool) {
        let was_quiet = std::mem::replace(&mut self.quiet, quiet);
        match (was_quiet, quiet) {
            (false, true) => {
                for address in self.held.keys() {
                    self.agenda.clear(Task::Announce(*address));
                }
            }
            (true, false) => self.announce_anew(now),
            (false, false) | (true, true) => {}
        }
    }

    /// The first announcement of what the address is from now on, and the times of the next ones.
    pub(super) fn begin_announcing(&mut self, now: Instant, address: IpAddr) {
        self.agenda.clear(Task::Announce(address));
        if self.quiet || self.is_yielded(address) {
            return;
        }
        let Some(held) = self.held.get_mut(&address).filter(|held| held.asking.is_none()) else {
            return;
        };
        match held.role {
            Role::Holder => {
                held.announcing = Some(Announcing::start(now));
                self.announce(now, address);
            }
            Role::Surrogate(_) => {
                held.announcing = None;
                self.counters.announcements += 1;
                self.send_announcement(address);
            }
        }
    }

    /// Makes the announcement that is due, and sets the time of the one after it.
    pub(super) fn announce(&mut self, now: Instant, address: IpAddr) {
        let (mac, refresh) = (self.mac, self.refresh);
        let held = self.held.get_mut(&address);
        let Some(announcing) = held.and_then(|held| held.announcing.as_mut()) else {
            return;
        };
        announcing.sent(now, address, mac, refresh);
        self.agenda.set(Task::Announce(address), announcing.due());
        self.counters.announcements += 1;
        self.send_announcement(address);
    }

    /// One announcement beside those that are due.
    pub(super) fn announce_once(&mut self, address: IpAddr) {
        let speaks = self.held.get(&address).is_some_and(|held| held.asking.is_none());
        if speaks && !self.is_yielded(address) {
            self.counters.announcements += 1;
            self.send_announcement(address);
        }
    }

    pub(super) fn send_announcement(&mut self, address: IpAddr) {
        let Some(held) = self.held.get(&address) else {
            return;
        };
        let (source, station) = (self.mac, held.role.station(self.mac));
        let octets = match address {
            IpAddr::V4(address) => ArpFrame {
                source,
                ..ArpFrame::announcement(station, address)
            }
            .encode(),
            IpAddr::V6(address) => Advertisement {
                source,
                ..Advertisement::announcement(station, address)
            }
            .encode(),
        };
        self.transmit(address, octets);
    }
}
