use std::time::{Duration, Instant};

/// So many packets may go out of turn in a row.
pub(crate) const BURST: u32 = 10;

/// A bound on packets that go out of turn: answers to polls and changes of state, which the other end can cause as often as it
/// likes. Only ever delays: what is refused goes with the next packet in turn.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limit {
    /// When all that was taken is made up for.
    paid: Option<Instant>,
}

impl Limit {
    /// Takes one, if there is one; one grows back each `every`.
    pub(crate) fn take(&mut self, now: Instant, every: Duration) -> bool {
        let paid = self.paid.map_or(now, |paid| paid.max(now));
        let allowed = paid - now < every * BURST;
        if allowed {
            self.paid = Some(paid + every);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]
    fn after_a_burst_one_is_given_for_each_interval() {
        let (start, every) = (Instant::now(), Duration::from_millis(10));
        let mut limit = Limit::default();
        let mut taken = |after| (0..100).filter(|_| limit.take(start + after, every)).count();
        assert_eq!(taken(Duration::ZERO), 10);
        assert_eq!(taken(Duration::from_millis(20)), 2);
        assert_eq!(taken(Duration::from_secs(9)), 10);
    }
}
