//! Questions of our own: who has an address.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use super::Responder;
use super::agenda::Task;
use crate::wire::Octets;
use crate::wire::arp::ArpFrame;
use crate::wire::ndp::Solicitation;
use crate::{Event, Mac};

/// How long an answer counts.
const ANSWER: Duration = Duration::from_secs(1);

/// How long answers are let through after the last question: as long as questions come faster than this, the kernel's
/// filter stays as it is.
const REMEMBERED: Duration = Duration::from_secs(10);

/// Questions about one address that were asked on behalf of the driver.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Whether nobody asked, in IPv6: the answer goes to everybody then.
    from_nobody: bool,
    /// Who was asked, none for everybody, and until when an answer counts. Once there was one, the question is forgotten.
    until: BTreeMap<Option<Mac>, Instant>,
}

impl Asked {
    /// Whether this is the answer of a station that was asked, or of anybody where everybody was.
    fn take(&mut self, now: Instant, mac: Mac) -> bool {
        let mut awaited = false;
        for asked in [Some(mac), None] {
            awaited |= self.until.remove(&asked).is_some_and(|until| now <= until);
        }
        awaited
    }
}

impl Responder {
    pub(super) fn on_probe(&mut self, now: Instant, address: IpAddr, mac: Option<Mac>) {
        let (from_nobody, octets) = match address {
            IpAddr::V4(address) => {
                let from = self.nearest_v4(address);
                (false, ArpFrame::question(self.mac, from, address, mac).encode())
            }
            IpAddr::V6(address) => {
                let from = self.nearest_v6(address);
                let question = Solicitation::question(self.mac, from, address, mac);
                (from.is_unspecified(), question.encode())
            }
        };
        self.interest_changed |= !self.asked.contains_key(&address);
        let asked = self.asked.entry(address).or_default();
        asked.from_nobody = from_nobody;
        asked.until.retain(|_, until| now <= *until);
        asked.until.insert(mac, now + ANSWER);
        self.agenda.set(Task::Forget(address), now + REMEMBERED);
        self.ask(address, octets);
    }

    pub(super) fn forget(&mut self, address: IpAddr) {
        self.interest_changed |= self.asked.remove(&address).is_some();
    }

    /// The station `mac` says that it has the address, and says it `to_us` or to everybody. Whether that is the answer to
    /// a question: what a station announces by itself does not prove that it hears us.
    pub(super) fn on_answer(&mut self, now: Instant, address: IpAddr, mac: Mac, to_us: bool) -> bool {
        let Some(asked) = self.asked.get_mut(&address) else {
            return false;
        };
        let answers = (to_us || asked.from_nobody) && asked.take(now, mac);
        if answers {
            self.counters.answers += 1;
            self.events.push_back(Event::Answered { address, mac });
        }
        answers
    }

    /// Whoever else has the address says so to us; nobody's entries change by the question.
    pub(super) fn look_for_claimants(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(_) => self.look_whether_free(address),
            IpAddr::V6(target) => {
                // From nobody, the answer would go to everybody, and everybody would believe it.
                let from = self.nearest_v6(target);
                let octets = Solicitation::question(self.mac, from, target, None).encode();
                self.ask(address, octets);
            }
        }
    }

    /// The question that a station asks before it takes an address (RFC 5227 §2.1.1, RFC 4862 §5.4.2).
    pub(super) fn look_whether_free(&mut self, address: IpAddr) {
        let octets = match address {
            IpAddr::V4(target) => ArpFrame::question(self.mac, Ipv4Addr::UNSPECIFIED, target, None).encode(),
            IpAddr::V6(target) => {
                Solicitation::question(self.mac, Ipv6Addr::UNSPECIFIED, target, None).encode()
            }
        };
        self.ask(address, octets);
    }

    fn ask(&mut self, about: IpAddr, octets: Octets) {
        self.counters.questions += 1;
        self.transmit(about, octets);
    }

    /// The own address that is most like `target`, thus in its subnet if one is; unspecified if there is none.
    fn nearest_v4(&self, target: Ipv4Addr) -> Ipv4Addr {
        let v4 = |address: IpAddr| match address {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        };
        self.sources(target.into())
            .filter_map(v4)
            .min_by_key(|address| u32::from(*address) ^ u32::from(target))
            .unwrap_or(Ipv4Addr::UNSPECIFIED)
    }

    fn nearest_v6(&self, target: Ipv6Addr) -> Ipv6Addr {
        let v6 = |address: IpAddr| match address {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => Some(address),
        };
        self.sources(target.into())
            .filter_map(v6)
            .min_by_key(|address| u128::from(*address) ^ u128::from(target))
            .unwrap_or(Ipv6Addr::UNSPECIFIED)
    }

    /// From where questions about `target` may come. To ask is to claim the address that one asks from, and to ask for
    /// that one is to announce it: so it is never one that somebody else may hold, even if the interface has it.
    fn sources(&self, target: IpAddr) -> impl Iterator<Item = IpAddr> {
        self.addresses
            .iter()
            .copied()
            .filter(move |address| *address != target && !self.held.contains_key(address))
    }
}
