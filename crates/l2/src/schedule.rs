//! When an address is announced: a burst when it is taken, then a slow refresh for as long as it is held.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::Mac;

/// When the announcements of a newly held address are due, counted from the moment it was taken (A5).
///
/// RFC 5227 §2.3 asks for two, 2 s apart. The early ones bridge a lost frame; those at 2 s and 5 s are for Linux before
/// 4.12, which ignores a change within 1 s of the last one. IPv6 has the same times (N7).
pub const ANNOUNCEMENTS: [Duration; 6] = [
    Duration::ZERO,
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

/// The announcements of one address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Announcing {
    started: Instant,
    sent: u64,
    due: Instant,
}

impl Announcing {
    /// The first announcement is due at once.
    pub(crate) fn start(now: Instant) -> Self {
        Self {
            started: now,
            sent: 0,
            due: now,
        }
    }

    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// An announcement was made: the next one is due at the first instant of the burst that has not passed, then at the
    /// refresh. A machine that was not woken for a while therefore makes up for what it missed with one frame, not many.
    pub(crate) fn sent(&mut self, now: Instant, address: IpAddr, mac: Mac, refresh: Duration) {
        self.sent += 1;
        let burst = ANNOUNCEMENTS
            .iter()
            .map(|offset| self.started + *offset)
            .find(|at| *at > now);
        self.due = burst.unwrap_or_else(|| now + refresh + jitter(refresh, address, mac, self.sent));
    }
}

/// Between nothing and `longest`, spread evenly over addresses, nodes and rounds, so that a thousand addresses taken in
/// one instant are not refreshed in one instant.
pub(crate) fn jitter(longest: Duration, address: IpAddr, mac: Mac, round: u64) -> Duration {
    let mut hasher = DefaultHasher::new();
    (address, mac, round).hash(&mut hasher);
    let fraction = hasher.finish() as f64 / u64::MAX as f64;
    longest.mul_f64(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFRESH: Duration = Duration::from_secs(30);

    fn mac() -> Mac {
        Mac::new([2, 0, 0, 0, 0, 1]).unwrap()
    }

    #[allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]
    fn start() -> Instant {
        Instant::now()
    }

    /// A5
    #[test]
    fn at_least_one_announcement_falls_more_than_a_second_after_the_first() {
        assert!(ANNOUNCEMENTS.iter().any(|at| *at >= Duration::from_millis(1100)));
    }

    /// A12
    #[test]
    fn the_jitter_lies_between_nothing_and_the_refresh_and_differs_by_address_and_round() {
        let one: Vec<_> = (0..100)
            .map(|n| jitter(REFRESH, IpAddr::from([192, 0, 2, n]), mac(), 7))
            .collect();
        let two: Vec<_> = (0..100)
            .map(|n| jitter(REFRESH, IpAddr::from([192, 0, 2, n]), mac(), 8))
            .collect();
        assert!(one.iter().chain(&two).all(|jitter| *jitter <= REFRESH));
        assert!(one.iter().zip(&two).all(|(a, b)| a != b));
        let early = one.iter().filter(|jitter| **jitter < REFRESH / 2).count();
        assert!((25..=75).contains(&early), "{early} of 100 in the first half");
    }

    #[test]
    fn the_jitter_is_the_same_every_time() {
        let address = IpAddr::from([192, 0, 2, 1]);
        assert_eq!(
            jitter(REFRESH, address, mac(), 1),
            jitter(REFRESH, address, mac(), 1)
        );
    }

    #[test]
    fn a_late_wake_up_makes_up_with_one_announcement() {
        let start = start();
        let mut announcing = Announcing::start(start);
        let address = IpAddr::from([192, 0, 2, 1]);
        announcing.sent(start, address, mac(), REFRESH);
        announcing.sent(start + Duration::from_millis(1500), address, mac(), REFRESH);
        assert_eq!(announcing.due(), start + Duration::from_secs(2));
    }
}
