//! What a BGPPeer means: [`Peer`] for whatever node, [`PeerSession`] on one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use bgp::PeerAsn;
use model::{Family, PeerName, Selectors};

use crate::fault::{Fault, PeerFault};
use crate::together::Nodes;
use crate::warning::Warning;

mod imports;
mod node_value;
mod read;
mod session;
mod timers;

pub use node_value::{NodeKey, NodeValueFault, NodeValues, Value};
pub use session::{Dial, Live, PeerSession, SessionChange};

pub(crate) use read::peer;

/// A BGPPeer that is in force, with all that it refers to. What of it differs from node to node is put in by [`Self::on_node`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its name.
    pub name: PeerName,
    /// Nodes that open a session with it; empty: all.
    pub nodes: Selectors,
    /// Where it is.
    pub remote: Value<Remote>,
    /// The family of the connection; none: it is over an interface, and IPv6.
    pub remote_family: Option<Family>,
    /// The TCP port to dial.
    pub port: u16,
    /// The local address of the connection; none: the kernel chooses.
    pub source: Option<Value<IpAddr>>,
    /// The VRF of the host to dial in.
    pub vrf: Option<String>,
    /// Our AS number, as this peer sees it.
    pub local_asn: Value<u32>,
    /// The peer's.
    pub peer_asn: PeerAsn,
    /// The hold time offered: none at all (0), or 3 s and more; whole seconds.
    pub hold_time: Duration,
    /// Our BGP identifier; none: [that of the node](crate::node::identifier).
    pub identifier: Option<Value<Ipv4Addr>>,
    /// For how long the peer is asked to keep our routes while the speaker restarts; none: it is not asked.
    pub graceful_restart: Option<Duration>,
    /// An external peer may be more than one hop away. An internal one always may.
    pub multihop: bool,
    /// Only segments that no router has forwarded are taken (RFC 5082).
    pub ttl_security: bool,
    /// The families offered; never empty.
    pub families: BTreeSet<Family>,
    /// What changes in the session that there is.
    pub live: Live,
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
        let never_expires = self.hold_time.is_zero() && self.live.bfd.is_none();
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
        remote: one.remote.to_string(),
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
    /// The default gateway that the node has for this family.
    Gateway(Family),
}

impl Remote {
    /// The family of the connection, as far as it is known from this.
    pub(crate) fn family(&self) -> Option<Family> {
        match self {
            Self::Address(address) => Some(Family::of(*address)),
            Self::Gateway(family) => Some(*family),
            Self::Interface(_) => None,
        }
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Interface(interface) => f.write_str(interface),
            Self::Gateway(family) => write!(f, "the default gateway for {family}"),
        }
    }
}

#[cfg(test)]
mod tests;
