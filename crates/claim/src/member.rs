use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Instant;

use model::NodeName;

/// What another node is to this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub node: NodeName,
    /// What is known of its speaker.
    pub status: Status,
    /// Its own addresses on the segment, at most [`MAX_ADDRESSES`](crate::MAX_ADDRESSES).
    pub addresses: BTreeSet<IpAddr>,
    /// Its hardware address on the segment.
    pub mac: [u8; 6],
    /// Since when it has this status.
    pub since: Instant,
}

/// What is known of a peer's speaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// It hears us, we hear it, and it may hold addresses.
    Ready,
    /// Alive, and it listens before it takes or resumes anything.
    Listening,
    /// Alive, and gives away what it holds.
    Draining,
    /// Alive, and its datapath is not ready.
    Unable,
    /// Heard, or heard by others; but it and this node do not hear each other both ways.
    OneWay,
    /// No beacon from it; whoever would take over from it finds out why.
    Missing,
    /// Its speaker is away, and its node still answers for its own addresses.
    SpeakerLost,
    /// Neither its speaker nor its node answers, or its speaker was away for too long.
    Dead,
}

impl Status {
    /// Whether beacons go both ways.
    pub fn is_alive(self) -> bool {
        matches!(
            self,
            Self::Ready | Self::Listening | Self::Draining | Self::Unable
        )
    }
}
