use std::time::Duration;

const MILLION: u128 = 1_000_000;

/// A node's own clock, which is monotonic and nothing more: it runs too fast or too slowly, may jump ahead, and may have
/// stood still while the node did not run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    /// So many millionths of the time it is too fast; below zero, too slow.
    rate: i32,
    /// At this time it showed that one.
    at: Duration,
    shows: Duration,
}

impl Clock {
    /// What it shows now.
    pub(crate) fn shown(&self, now: Duration) -> Duration {
        let passed = now.saturating_sub(self.at);
        match self.rate {
            0 => self.shows + passed,
            _ => self.shows + scaled(passed.as_nanos() * self.speed() / MILLION),
        }
    }

    /// When it will show this, going on as it does; never too early.
    pub(crate) fn when(&self, shown: Duration) -> Duration {
        let left = shown.saturating_sub(self.shows);
        match self.rate {
            0 => self.at + left,
            _ => self.at + scaled((left.as_nanos() * MILLION).div_ceil(self.speed())),
        }
    }

    pub(crate) fn set_rate(&mut self, now: Duration, rate: i32) {
        self.set(now, self.shown(now));
        self.rate = rate;
    }

    /// It shows this from now on.
    pub(crate) fn set(&mut self, now: Duration, shown: Duration) {
        (self.at, self.shows) = (now, shown);
    }

    fn speed(&self) -> u128 {
        MILLION.saturating_add_signed(self.rate.into())
    }
}

fn scaled(nanoseconds: u128) -> Duration {
    Duration::from_nanos(nanoseconds as u64)
}
