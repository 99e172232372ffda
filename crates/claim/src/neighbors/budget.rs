use std::time::{Duration, Instant};

/// So many at once.
const MOST: u32 = 512;
/// And one more each time.
const EVERY: Duration = Duration::from_millis(5);

/// How much work strangers to the key may cause: a bucket of tokens, one for each key that is derived.
#[derive(Debug)]
pub(super) struct Budget {
    tokens: u32,
    filled: Instant,
}

impl Budget {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            tokens: MOST,
            filled: now,
        }
    }

    /// Whether there is a token left; it is gone then.
    pub(super) fn spend(&mut self, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.filled);
        let new = u32::try_from(since.as_nanos() / EVERY.as_nanos()).unwrap_or(MOST);
        if new > 0 {
            self.filled += EVERY * new.min(MOST);
            self.tokens = self.tokens.saturating_add(new).min(MOST);
            if new >= MOST {
                self.filled = now;
            }
        }
        match self.tokens.checked_sub(1) {
            Some(left) => {
                self.tokens = left;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]
    fn what_is_spent_comes_back_one_by_one_and_never_more_than_there_was() {
        let now = Instant::now();
        let mut budget = Budget::new(now);
        assert_eq!((0..2 * MOST).filter(|_| budget.spend(now)).count(), MOST as usize);
        let later = now + EVERY * 3;
        assert_eq!((0..9).filter(|_| budget.spend(later)).count(), 3);
        let much_later = now + EVERY * MOST * 9;
        assert_eq!(
            (0..2 * MOST).filter(|_| budget.spend(much_later)).count(),
            MOST as usize
        );
    }
}
