use std::time::{Duration, Instant};

/// So many drops ...
const DROPS: usize = 3;
/// ... within so long make a path one that flaps.
const WITHIN: Duration = Duration::from_secs(60);
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// For how long to keep quiet that a path works again, when it has failed again and again (RFC 5882 §4.1): routes that come
/// and go with it harm more than a path that is not used for a minute.
///
/// Bad news is never held back: who has found out by itself that the path works, and uses it, is to hear that it does not.
#[derive(Clone, Copy, Debug, Default)]
pub struct Damping {
    drops: [Option<Instant>; DROPS],
    hold: Duration,
}

impl Damping {
    /// The path has failed.
    pub fn on_drop(&mut self, now: Instant) {
        let calm = self.hold + WITHIN;
        if self.drops[DROPS - 1].is_none_or(|last| now.saturating_duration_since(last) > calm) {
            *self = Self::default();
        }
        self.drops.rotate_left(1);
        self.drops[DROPS - 1] = Some(now);
        // The time for which it was held back is no time in which it has shown that it works.
        let within = WITHIN + self.hold;
        if self.drops[0].is_some_and(|first| now.saturating_duration_since(first) <= within) {
            self.hold = (self.hold * 2).clamp(SHORTEST, LONGEST);
        }
    }

    /// For how long it has to work before that is news: zero, unless it flaps.
    #[must_use]
    pub fn hold(&self) -> Duration {
        self.hold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Drops so many seconds after the start; the hold in seconds after each.
    #[allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]
    fn holds(drops: &[u64]) -> Vec<u64> {
        let start = Instant::now();
        let mut damping = Damping::default();
        let mut hold = |at: &u64| {
            damping.on_drop(start + Duration::from_secs(*at));
            damping.hold().as_secs()
        };
        drops.iter().map(&mut hold).collect()
    }

    /// D16
    #[test]
    fn the_third_drop_within_a_minute_holds_the_path_back_and_each_further_one_for_twice_as_long() {
        assert_eq!(holds(&[0, 10, 20]), [0, 0, 1]);
        let all = holds(&(0..10).map(|n| n * 5).collect::<Vec<_>>());
        assert_eq!(all, [0, 0, 1, 2, 4, 8, 16, 32, 60, 60]);
    }

    /// D16
    #[test]
    fn a_path_that_drops_once_a_minute_is_not_held_back() {
        assert_eq!(holds(&[0, 31, 62, 93, 124]), [0; 5]);
    }

    /// D16
    #[test]
    fn a_minute_without_a_drop_forgives_everything() {
        assert_eq!(holds(&[0, 1, 2, 3, 70, 71]), [0, 0, 1, 2, 0, 0]);
    }
}
