use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::Ipv6Addr;
use std::time::{Duration, Instant};

use super::message::Message;

/// What keeps the other end informed; routers that take part in this say it as often.
const ADVERTISE: Duration = Duration::from_secs(10);
/// No two advertisements are closer (RFC 4861 §10, MIN_DELAY_BETWEEN_RAS).
const APART: Duration = Duration::from_secs(3);
/// The longest wait before the answer to a solicitation (MAX_RA_DELAY_TIME).
const ANSWER: Duration = Duration::from_millis(500);
/// No two solicitations are closer (RTR_SOLICITATION_INTERVAL).
const SOLICIT: Duration = Duration::from_secs(4);
/// A router that is nobody's default router says nothing of how long it lives: three of the longest intervals.
const LIFETIME: Duration = Duration::from_secs(1800);
/// Routers that live for less are given time for three advertisements.
const SHORTEST_LIFETIME: Duration = Duration::from_secs(30);
/// Another router is the one, once it was heard so often since the last word of the one before.
const INSISTENT: u8 = 3;

/// What was heard, of a station on the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Somebody looks for routers.
    Solicitation,
    /// A router says that it is there.
    Advertisement { source: Ipv6Addr, lifetime: Duration },
}

impl Heard {
    /// None where the RFC wants it ignored.
    pub(super) fn new(message: Message, source: Ipv6Addr) -> Option<Self> {
        match message {
            Message::Solicitation => Some(Self::Solicitation),
            Message::Advertisement { lifetime } => source
                .is_unicast_link_local()
                .then_some(Self::Advertisement { source, lifetime }),
        }
    }
}

/// Who is on a link, and what to say there. Holds no socket and no clock.
#[derive(Debug)]
pub(super) struct Discovery {
    seed: u64,
    router: Option<Router>,
    advertised_at: Option<Instant>,
    advertise_at: Instant,
    solicited_at: Option<Instant>,
    solicit_at: Option<Instant>,
    advertisement_due: bool,
    solicitation_due: bool,
}

#[derive(Clone, Copy, Debug)]
struct Router {
    address: Ipv6Addr,
    until: Instant,
    /// Another one, and how often it was heard since.
    other: Option<(Ipv6Addr, u8)>,
}

impl Discovery {
    /// Nobody is known; both messages are due.
    pub(super) fn new(now: Instant, seed: u64) -> Self {
        Self {
            seed,
            router: None,
            advertised_at: None,
            advertise_at: now,
            solicited_at: None,
            solicit_at: Some(now),
            advertisement_due: false,
            solicitation_due: false,
        }
    }

    pub(super) fn handle_input(&mut self, now: Instant, heard: Heard) {
        match heard {
            Heard::Solicitation => {
                let answer = now + self.share_of(ANSWER);
                let earliest = self.advertised_at.map_or(now, |at| at + APART);
                self.advertise_at = self.advertise_at.min(answer.max(earliest));
            }
            Heard::Advertisement { source, lifetime } => self.on_advertisement(now, source, lifetime),
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.router.is_some_and(|router| router.until <= now) {
            self.router = None;
            self.solicit(now);
        }
        if self.advertise_at <= now {
            self.advertisement_due = true;
            self.advertised_at = Some(now);
            self.advertise_at = now + ADVERTISE - self.share_of(ADVERTISE / 4);
        }
        if self.solicit_at.is_some_and(|at| at <= now) {
            self.solicitation_due = true;
            self.solicited_at = Some(now);
            self.solicit_at = self.router.is_none().then(|| now + SOLICIT);
        }
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Message> {
        if std::mem::take(&mut self.advertisement_due) {
            let lifetime = Duration::ZERO;
            return Some(Message::Advertisement { lifetime });
        }
        std::mem::take(&mut self.solicitation_due).then_some(Message::Solicitation)
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        [
            Some(self.advertise_at),
            self.solicit_at,
            self.router.map(|router| router.until),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// The router on the link.
    pub(super) fn router(&self) -> Option<Ipv6Addr> {
        self.router.map(|router| router.address)
    }

    fn on_advertisement(&mut self, now: Instant, source: Ipv6Addr, lifetime: Duration) {
        let lifetime = if lifetime.is_zero() {
            LIFETIME
        } else {
            lifetime.max(SHORTEST_LIFETIME)
        };
        let other = match &mut self.router {
            Some(router) if router.address != source => {
                let times = match router.other {
                    Some((address, times)) if address == source => times + 1,
                    _ => 1,
                };
                router.other = Some((source, times));
                times < INSISTENT
            }
            _ => false,
        };
        if other {
            // Whether the one that is known is still there shows soon.
            self.solicit(now);
        } else {
            self.router = Some(Router {
                address: source,
                until: now + lifetime,
                other: None,
            });
            self.solicit_at = None;
        }
    }

    fn solicit(&mut self, now: Instant) {
        let earliest = self.solicited_at.map_or(now, |at| (at + SOLICIT).max(now));
        self.solicit_at = Some(self.solicit_at.map_or(earliest, |at| at.min(earliest)));
    }

    /// Between nothing and `longest`: two ends that start in one instant do not speak in one instant.
    fn share_of(&mut self, longest: Duration) -> Duration {
        let mut hasher = DefaultHasher::new();
        self.seed.hash(&mut hasher);
        self.seed = hasher.finish();
        longest.mul_f64(self.seed as f64 / u64::MAX as f64)
    }
}

#[cfg(test)]
mod tests;
