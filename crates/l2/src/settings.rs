use std::time::Duration;

use crate::Rate;

/// What may be tuned. The default suits a segment with thousands of hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The shortest time between two refreshes of an address (A12); the longest is twice as long. Less than a second
    /// counts as one.
    pub refresh: Duration,
    /// Replies to one station. A router that forgot a thousand addresses asks for all of them at once.
    pub per_source: Rate,
    /// Replies on the interface.
    pub total: Rate,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            refresh: Duration::from_secs(30),
            per_source: Rate {
                every: Duration::from_millis(1),
                burst: 2_000,
            },
            total: Rate {
                every: Duration::from_micros(50),
                burst: 10_000,
            },
        }
    }
}
