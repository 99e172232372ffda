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
    /// For how long after its start a node listens before it takes anything.
    pub listening: Duration,
    /// For how long a unit that was taken from nobody may still be moved for balance.
    pub settling: Duration,
    /// For how long a node goes on answering for a unit that it wants to give away and nobody takes.
    pub hand_over: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            interval: Duration::from_millis(100),
            misses: 3,
            probe: Duration::from_millis(50),
            crash_window: Duration::from_secs(10),
            listening: Duration::from_millis(500),
            settling: Duration::from_secs(120),
            hand_over: Duration::from_secs(1),
        }
    }
}
