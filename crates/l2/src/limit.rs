//! Limits on replies (A8), in bounded memory.
//!
//! Two kinds of bucket: one for all replies of an interface, and a table of fixed size for the senders of requests. A
//! sender's place in the table is a hash of its hardware address, so a flood from any number of made-up senders costs no
//! memory; two senders in one place share its budget. There is no eviction that a flood could drive.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use crate::Mac;

const PLACES: usize = 256;

/// How often something may happen: once per `every` in the long run, and up to `burst` times at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The time that one use costs. Zero: no limit, as long as `burst` is not 0.
    pub every: Duration,
    /// How many uses may come at once after a quiet time. Zero: none is allowed, ever.
    pub burst: u32,
}

#[derive(Debug)]
pub(crate) struct Limiter {
    per_source: Rate,
    total: Rate,
    sources: Box<[Bucket; PLACES]>,
    all: Bucket,
}

impl Limiter {
    pub(crate) fn new(per_source: Rate, total: Rate) -> Self {
        Self {
            per_source,
            total,
            sources: Box::new([Bucket::default(); PLACES]),
            all: Bucket::default(),
        }
    }

    /// Whether `source` may have a reply now. A refusal costs neither budget anything: a sender that floods takes
    /// nothing from the others once its own budget is used up.
    pub(crate) fn admit(&mut self, now: Instant, source: Mac) -> bool {
        let place = &mut self.sources[place_of(source)];
        let admitted = place.allows(now, self.per_source) && self.all.allows(now, self.total);
        if admitted {
            place.take(now, self.per_source);
            self.all.take(now, self.total);
        }
        admitted
    }
}

fn place_of(source: Mac) -> usize {
    // Without keys on purpose: chance is not for this crate, and who finds a collision only shares a budget.
    let mut hasher = DefaultHasher::new();
    source.hash(&mut hasher);
    usize::try_from(hasher.finish() % PLACES as u64).expect("a remainder of a usize fits a usize")
}

/// A token bucket as one instant: the time at which it will be full again.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    full_at: Option<Instant>,
}

impl Bucket {
    fn allows(self, now: Instant, rate: Rate) -> bool {
        let missing = self
            .full_at
            .map_or(Duration::ZERO, |at| at.saturating_duration_since(now));
        rate.burst > 0 && missing <= rate.every.saturating_mul(rate.burst - 1)
    }

    fn take(&mut self, now: Instant, rate: Rate) {
        let from = self.full_at.map_or(now, |at| at.max(now));
        self.full_at = Some(from + rate.every);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);
    const NO_LIMIT: Rate = Rate {
        every: Duration::ZERO,
        burst: 1,
    };

    fn mac(last: u8) -> Mac {
        Mac::new([2, 0, 0, 0, 0, last]).unwrap()
    }

    #[allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]
    fn start() -> Instant {
        Instant::now()
    }

    /// A8
    #[test]
    fn a_source_gets_its_burst_and_then_its_rate() {
        let now = start();
        let mut limiter = Limiter::new(
            Rate {
                every: MILLISECOND,
                burst: 3,
            },
            NO_LIMIT,
        );
        let admitted = (0..10).filter(|_| limiter.admit(now, mac(1))).count();
        assert_eq!(admitted, 3);
        let later = now + 2 * MILLISECOND;
        let admitted = (0..10).filter(|_| limiter.admit(later, mac(1))).count();
        assert_eq!(admitted, 2);
    }

    /// A8
    #[test]
    fn a_flooding_source_takes_nothing_from_another() {
        let now = start();
        let rate = Rate {
            every: MILLISECOND,
            burst: 3,
        };
        let mut limiter = Limiter::new(
            rate,
            Rate {
                every: MILLISECOND,
                burst: 4,
            },
        );
        assert_ne!(place_of(mac(1)), place_of(mac(2)));
        for _ in 0..1000 {
            limiter.admit(now, mac(1));
        }
        assert!(limiter.admit(now, mac(2)));
    }

    /// A8
    #[test]
    fn many_sources_together_get_no_more_than_the_total() {
        let now = start();
        let mut limiter = Limiter::new(
            NO_LIMIT,
            Rate {
                every: MILLISECOND,
                burst: 5,
            },
        );
        let admitted = (0..=255).filter(|n| limiter.admit(now, mac(*n))).count();
        assert_eq!(admitted, 5);
    }

    #[test]
    fn a_long_quiet_time_saves_up_no_more_than_the_burst() {
        let now = start();
        let mut limiter = Limiter::new(
            Rate {
                every: MILLISECOND,
                burst: 3,
            },
            NO_LIMIT,
        );
        assert!(limiter.admit(now, mac(1)));
        let later = now + 1000 * MILLISECOND;
        assert_eq!((0..10).filter(|_| limiter.admit(later, mac(1))).count(), 3);
    }

    #[test]
    fn a_burst_of_zero_admits_nothing() {
        let mut limiter = Limiter::new(
            NO_LIMIT,
            Rate {
                every: Duration::ZERO,
                burst: 0,
            },
        );
        assert!(!limiter.admit(start(), mac(1)));
    }
}
