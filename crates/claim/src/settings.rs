use std::time::Duration;

/// The times of the protocol. The defaults suit every segment; they are the same on all its nodes or at least close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Between two beacons, give or take a tenth. A segment of more than 100 nodes stretches it by itself.
    pub interval: Duration,
    /// After so many intervals without a beacon a peer's speaker is not alive.
    pub misses: u32,
    /// Between two questions whether the node of a silent speaker still answers.
    pub probe: Duration,
    /// For how long a speaker may be down, with its node answering, before its units go to others. And for how long a
    /// preferred node must have been back before it gets its units back.
    pub crash_window: Duration,
    /// The same for a speaker that said that it will be replaced. A node that stops answering meanwhile is dead as any other.
    pub restart_window: Duration,
    /// For how long a node that cannot serve a unit yet is not given it.
    pub serving: Duration,
    /// For how long after its start a node listens before it takes anything.
    pub listening: Duration,
    /// For how long a unit that was taken from nobody may still be moved for balance.
    pub settling: Duration,
    /// For how long a node goes on answering for a unit that it wants to give away and nobody takes.
    pub hand_over: Duration,
}

impl Settings {
    /// The same times where beacons are so far apart: all but those that count from the API stretch alike.
    pub(crate) fn stretched(&self, interval: Duration) -> Self {
        if interval <= self.interval {
            return *self;
        }
        let factor = interval.as_secs_f64() / self.interval.as_secs_f64().max(f64::MIN_POSITIVE);
        Self {
            interval,
            crash_window: self.crash_window.mul_f64(factor),
            listening: self.listening.mul_f64(factor),
            hand_over: self.hand_over.mul_f64(factor),
            restart_window: self.restart_window.max(self.crash_window.mul_f64(factor)),
            ..*self
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            interval: Duration::from_millis(100),
            misses: 3,
            probe: Duration::from_millis(50),
            crash_window: Duration::from_secs(10),
            restart_window: Duration::from_secs(300),
            serving: Duration::from_secs(5),
            listening: Duration::from_millis(500),
            settling: Duration::from_secs(120),
            hand_over: Duration::from_secs(1),
        }
    }
}
