use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use model::Family;

use crate::peer_asn::PeerAsn;

/// What a session is made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What the peer is told of us. It stays as it is for as long as the session is there.
    pub open: OpenSettings,
    /// What changes while the session runs, by [`Input::Live`](crate::Input::Live).
    pub live: LiveSettings,
    /// This process takes the place of one that had sessions (the R bit of RFC 4724).
    pub restarted: bool,
    /// The name of the node, for the text of a shutdown (RFC 9003).
    pub node: String,
    /// Sows the jitter of the timers: another number for each session.
    pub seed: u64,
}

/// What is in our OPEN, or decides whether the peer's is taken. Another value takes another session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSettings {
    /// Our AS number, as this peer sees it. Never 0 nor 23456.
    pub local_asn: u32,
    /// The peer's.
    pub peer_asn: PeerAsn,
    /// Our BGP identifier; never 0.0.0.0.
    pub identifier: Ipv4Addr,
    /// The hold time offered: 0 or 3 s to 65535 s.
    pub hold_time: Duration,
    /// The families offered.
    pub families: BTreeSet<Family>,
    /// The peer keeps our routes for so long while we restart (RFC 4724); without it graceful restart is not offered.
    pub restart_time: Option<Duration>,
}

/// What the peer is told nothing of. A change takes effect in the session that there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveSettings {
    /// How often a KEEPALIVE is sent at least; never more than a third of the hold time agreed on, which is what is taken
    /// without it.
    pub keepalive_time: Option<Duration>,
    /// How long to wait before dialling again; without it the wait doubles from a second to half a minute, and goes back only
    /// after the session has been Established for a while (B10).
    pub connect_time: Option<Duration>,
    /// For how long routes carry GRACEFUL_SHUTDOWN before they are withdrawn (RFC 8326).
    pub graceful_shutdown: Duration,
}
