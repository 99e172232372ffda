use std::num::NonZeroU32;
use std::time::Duration;

use crate::{Diagnostic, State};

/// What a session can say of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// The state of this end.
    pub state: State,
    /// Why it changed the last time.
    pub diagnostic: Diagnostic,
    /// What is known of the other end; `None` if it has not been heard for the detection time.
    pub remote: Option<RemoteStatus>,
    /// The interval at which packets are sent, before jitter; `None` while there is nothing to send periodically.
    pub transmit_interval: Option<Duration>,
    /// After so long a silence the path is taken for dead; `None` until the other end is heard.
    pub detection_time: Option<Duration>,
}

/// What the other end last said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteStatus {
    /// Its discriminator.
    pub discriminator: NonZeroU32,
    /// Its state.
    pub state: State,
    /// Why that changed the last time.
    pub diagnostic: Diagnostic,
    /// Its Detect Mult.
    pub detect_multiplier: u8,
    /// Its Desired Min TX.
    pub transmit_interval: Duration,
    /// Its Required Min RX.
    pub receive_interval: Duration,
}

/// What a session has done since it was made. Only ever grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets given out to be sent.
    pub sent: u64,
    /// Packets that came in and were taken.
    pub received: u64,
    /// Packets that came in and were not: malformed, or of another session.
    pub refused: u64,
    /// Times that the session came up.
    pub ups: u64,
    /// Times that it left that state.
    pub downs: u64,
}
