//! A peer on one node, in three lives: what is in the OPEN, how it is dialled, and what changes while the session runs.

use std::net::IpAddr;

use bgp::{ImportPolicy, LiveSettings, OpenSettings, Retention};
use model::PeerName;

use super::Remote;
use crate::bfd_profile::BfdProfile;

/// What one node's session with a BGPPeer is run with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerSession {
    /// The BGPPeer.
    pub name: PeerName,
    /// What the peer is told of us.
    pub open: OpenSettings,
    /// How it is reached.
    pub dial: Dial,
    /// What changes in the session that there is.
    pub live: Live,
}

/// How a peer is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dial {
    /// Where it is.
    pub remote: Remote,
    /// The TCP port.
    pub port: u16,
    /// The local address of the connection; none: the kernel chooses.
    pub source: Option<IpAddr>,
    /// The VRF of the host to dial in.
    pub vrf: Option<String>,
    /// An external peer may be more than one hop away. An internal one always may.
    pub multihop: bool,
    /// Only segments that no router has forwarded are taken (RFC 5082).
    pub ttl_security: bool,
}

/// What the peer is told nothing of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// The times of the session itself.
    pub settings: LiveSettings,
    /// How BFD watches the path; none: it does not.
    pub bfd: Option<BfdProfile>,
    /// Which routes of the peer are accepted.
    pub imports: ImportPolicy,
    /// The Secret in Herald's namespace that the key of TCP MD5 is in.
    pub password: Option<String>,
}

/// What an edit of a BGPPeer means to the session that there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionChange {
    /// It is told what is new.
    InPlace,
    /// It ends, and another one begins.
    NewSession(Retention),
}

impl PeerSession {
    /// What it means to a session that runs with `self` if `after` is what it is to run with.
    pub fn change_to(&self, after: &Self) -> SessionChange {
        let (open, dial) = (&after.open, &after.dial);
        if (&self.open, &self.dial) == (open, dial) {
            return SessionChange::InPlace;
        }
        let who = |open: &OpenSettings| (open.local_asn, open.peer_asn);
        let same_routes = who(&self.open) == who(open) && self.open.families == open.families;
        let place = |dial: &Dial| (dial.remote.clone(), dial.source, dial.vrf.clone());
        let retention = match same_routes && place(&self.dial) == place(dial) {
            true => Retention::Keep,
            false => Retention::Drop,
        };
        SessionChange::NewSession(retention)
    }
}
