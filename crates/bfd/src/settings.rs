use std::num::NonZeroU32;
use std::time::Duration;

/// What a session is run with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// My Discriminator: random, and no other session's on this node (RFC 5880 §6.8.1).
    pub local_discriminator: NonZeroU32,
    /// How often packets go and how many may be missed.
    pub timers: Timers,
    /// Whether to wait for the neighbour's first packet before sending any.
    pub passive: bool,
    /// Sows the jitter: another number for each session.
    pub seed: u64,
}

/// How often packets go and how many may be missed. May change while the session runs, which does not disturb it.
///
/// Intervals are whole microseconds; 0 counts as one, and more than 71 minutes as that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// The shortest interval at which this end wants to send (Desired Min TX); a second at least while the session is not up.
    pub transmit_interval: Duration,
    /// The shortest interval at which this end can receive (Required Min RX).
    pub receive_interval: Duration,
    /// So many packets in a row may be missed by the neighbour before it takes the path for dead. 0 counts as 1.
    pub detect_multiplier: u8,
}

impl Default for Timers {
    /// 3 packets of 300 ms: what most routers begin with.
    fn default() -> Self {
        Self {
            transmit_interval: Duration::from_millis(300),
            receive_interval: Duration::from_millis(300),
            detect_multiplier: 3,
        }
    }
}

impl Timers {
    /// The same, of values that a packet can carry.
    pub(crate) fn in_bounds(self) -> Self {
        let Self {
            transmit_interval,
            receive_interval,
            detect_multiplier,
        } = self;
        // 0 would ask the neighbour to be silent.
        let interval = |interval: Duration| {
            let micros = u32::try_from(interval.as_micros()).unwrap_or(u32::MAX);
            Duration::from_micros(micros.max(1).into())
        };
        Self {
            transmit_interval: interval(transmit_interval),
            receive_interval: interval(receive_interval),
            detect_multiplier: detect_multiplier.max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_packet_cannot_carry_is_brought_into_bounds() {
        let timers = Timers {
            transmit_interval: Duration::ZERO,
            receive_interval: Duration::from_secs(10_000),
            detect_multiplier: 0,
        };
        let expected = Timers {
            transmit_interval: Duration::from_micros(1),
            receive_interval: Duration::from_micros(u32::MAX.into()),
            detect_multiplier: 1,
        };
        assert_eq!(timers.in_bounds(), expected);
    }
}
