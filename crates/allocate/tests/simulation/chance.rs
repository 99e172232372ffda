use std::time::Duration;

/// All chance in a simulated world: the same seed gives the same numbers for ever (SplitMix64).
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A source of its own, so that what one part of the world draws does not change what another part meets.
    pub(super) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    /// Less than `bound`, which is above zero.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Whether something happens that happens `percent` times in a hundred.
    pub(super) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A position in something of this length, which is above zero.
    pub(super) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("less than a length")
    }

    pub(super) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.index(choices.len())]
    }

    /// Some of the choices, each as likely to be among them as not, in their order.
    pub(super) fn some_of<T: Copy>(&mut self, choices: &[T]) -> Vec<T> {
        choices.iter().filter(|_| self.percent(50)).copied().collect()
    }

    /// A time from `least` up to, but not including, `most`.
    pub(super) fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let span = u64::try_from((most - least).as_micros()).expect("minutes, not ages");
        least + Duration::from_micros(self.below(span))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
