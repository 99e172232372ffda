use std::time::Duration;

/// Numbers that follow from a seed (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = self.0;
        let z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// The interval less up to a quarter, so that sessions do not fall into step; where a single packet decides, less a tenth
    /// at least, so that it arrives before the neighbour gives up (RFC 5880 §6.8.7).
    pub(crate) fn jittered(&mut self, interval: Duration, detect_multiplier: u8) -> Duration {
        let most = if detect_multiplier == 1 { 0.9 } else { 1.0 };
        let fraction = self.number() as f64 / u64::MAX as f64;
        interval.mul_f64(most - (most - 0.75) * fraction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(detect_multiplier: u8) -> Vec<f64> {
        let mut chance = Chance::new(1);
        let second = Duration::from_secs(1);
        (0..1000)
            .map(|_| chance.jittered(second, detect_multiplier).as_secs_f64())
            .collect()
    }

    /// D5
    #[test]
    fn intervals_lie_between_three_quarters_and_all_of_it_and_all_over_that_range() {
        let shares = shares(3);
        assert!(shares.iter().all(|share| (0.75..=1.0).contains(share)));
        let low = shares.iter().filter(|share| **share < 0.875).count();
        assert!((400..600).contains(&low), "{low} of 1000 in the lower half");
        assert!(shares.iter().any(|share| *share > 0.99) && shares.iter().any(|share| *share < 0.76));
    }

    /// D5
    #[test]
    fn where_one_packet_decides_no_interval_is_longer_than_nine_tenths() {
        assert!(shares(1).iter().all(|share| (0.75..=0.9).contains(share)));
        assert!(shares(1).iter().any(|share| *share > 0.89));
    }
}
