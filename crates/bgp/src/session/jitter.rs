use std::time::Duration;

/// Numbers that follow from a seed (SplitMix64), so that the timers of many sessions do not beat together (RFC 4271 §10).
#[derive(Debug)]
pub(super) struct Jitter(u64);

impl Jitter {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Three quarters of this time to all of it.
    pub(super) fn of(&mut self, time: Duration) -> Duration {
        time * (750 + (self.number() % 251) as u32) / 1000
    }

    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = self.0;
        let z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
}
