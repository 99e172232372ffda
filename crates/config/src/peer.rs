//! What a BGPPeer means.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use bgp::{ImportPolicy, PeerAsn};
use model::{Family, PeerName, Selectors};

use crate::bfd_profile::BfdProfile;
use crate::fault::{Fault, PeerFault};
use crate::together::Nodes;
use crate::warning::Warning;

mod imports;
mod read;
mod timers;

pub(crate) use read::peer;

/// A BGPPeer that is in force, with all that it refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its name.
    pub name: PeerName,
    /// Nodes that open a session with it; empty: all.
    pub nodes: Selectors,
    /// Where it is.
    pub remote: Remote,
    /// The TCP port to dial.
    pub port: u16,
    /// The local address of the connection; none: the kernel chooses.
    pub source: Option<IpAddr>,
    /// The VRF of the host to dial in.
    pub vrf: Option<String>,
    /// Our AS number, as this peer sees it.
    pub local_asn: u32,
    /// The peer's. [`PeerAsn::is_internal`] tells whether the session is iBGP.
    pub peer_asn: PeerAsn,
    /// The hold time offered: none at all (0), or 3 s and more; whole seconds.
    pub hold_time: Duration,
    /// How often a KEEPALIVE is sent; none: a third of the hold time agreed on.
    pub keepalive_time: Option<Duration>,
    /// How long to wait before dialling again; none: the wait doubles.
    pub connect_time: Option<Duration>,
    /// Our BGP identifier; none: [that of the node](crate::node::identifier).
    pub identifier: Option<Ipv4Addr>,
    /// The Secret in Herald's namespace that the key of TCP MD5 is in.
    pub password: Option<String>,
    /// How BFD watches the path; none: it does not.
    pub bfd: Option<BfdProfile>,
    /// For how long the peer is asked to keep our routes while the speaker restarts; none: it is not asked.
    pub graceful_restart: Option<Duration>,
    /// For how long routes are marked before they are withdrawn on a drain.
    pub graceful_shutdown: Duration,
    /// An external peer may be more than one hop away. An internal one always may.
    pub multihop: bool,
    /// Only segments that no router has forwarded are taken (RFC 5082).
    pub ttl_security: bool,
    /// The families offered; never empty.
    pub families: BTreeSet<Family>,
    /// Which of its routes are accepted.
    pub imports: ImportPolicy,
}

impl Peer {
    /// What `announce` has to know of it.
    pub fn announced_to(&self) -> announce::Peer {
        announce::Peer {
            name: self.name.clone(),
            nodes: self.nodes.clone(),
            families: self.families.clone(),
        }
    }
}

impl Peer {
    pub(crate) fn warnings(&self) -> Vec<Warning> {
        let never_expires = self.hold_time.is_zero() && self.bfd.is_none();
        never_expires
            .then_some(Warning::NeverExpires)
            .into_iter()
            .collect()
    }

    /// Whether a session with both would be two with one router.
    pub(crate) fn is_same_router(&self, other: &Self) -> bool {
        (&self.remote, &self.vrf) == (&other.remote, &other.vrf)
    }
}

/// What is wrong with one beside those that are in force (P-CFG-15 to -18, -26). Two that are written alike conflict even where they
/// select no node yet.
pub(crate) fn conflict(
    one: &Peer,
    in_force: &BTreeMap<String, Arc<Peer>>,
    nodes: &Nodes<'_>,
) -> Option<Fault> {
    let same = |other: &&Arc<Peer>| {
        one.is_same_router(other) && (one.nodes == other.nodes || nodes.meet(&one.nodes, &other.nodes))
    };
    let other = in_force.values().find(same)?;
    let same = PeerFault::Same {
        remote: one.remote.clone(),
        vrf: one.vrf.clone(),
        other: other.name.clone(),
    };
    Some(same.into())
}

/// Where a peer is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Remote {
    /// At this address.
    Address(IpAddr),
    /// The router that is seen on this interface (unnumbered BGP).
    Interface(String),
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Interface(interface) => f.write_str(interface),
        }
    }
}

#[cfg(test)]
mod tests;
