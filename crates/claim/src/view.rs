//! What is known of the segment at one time: all that the rules may know of other nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::identity::Node;
use crate::wire::Claim;
use crate::{Settings, Status, UnitId};

/// The segment as this node sees it now.
#[derive(Clone, Debug)]
pub(crate) struct View<'a> {
    pub(crate) me: Node,
    /// The times of the protocol as they are on this segment.
    pub(crate) settings: Settings,
    /// Whether this node has listened for long enough to answer for anything.
    pub(crate) ready: bool,
    /// Whether its interface has a carrier.
    pub(crate) carrier: bool,
    /// Rule 14: whether no other node can be on the segment.
    pub(crate) alone: bool,
    /// Since when a majority has been alive.
    pub(crate) majority: Option<Instant>,
    pub(crate) hearing: Hearing,
    /// Nodes whose speakers are there, by what their kernels or their ARP say, and are not heard.
    pub(crate) unheard: BTreeSet<Node>,
    /// Whether datagrams of other speakers came lately that cannot be opened.
    pub(crate) unopened: bool,
    pub(crate) peers: BTreeMap<Node, Neighbor<'a>>,
}

/// What this node knows of its own hearing (rule 6).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hearing {
    /// Whether it knows that it hears what is said.
    pub(crate) works: bool,
    /// Whether it knows so by something other than peers.
    pub(crate) without_peers: bool,
    /// When it last heard a peer.
    pub(crate) last: Instant,
}

/// Another node's speaker.
#[derive(Clone, Debug)]
pub(crate) struct Neighbor<'a> {
    pub(crate) node: Node,
    pub(crate) status: Status,
    /// Since when it has this status.
    pub(crate) since: Instant,
    /// Whether its next sign of life is overdue, and when it became so or will.
    pub(crate) late: bool,
    pub(crate) late_at: Instant,
    /// Since when it has not been doing its work: silent, or listening after a start.
    pub(crate) away: Option<Instant>,
    /// Whether its claims count although it is away.
    pub(crate) keeps: bool,
    /// Whether the claims are those of a former life that the present one has yet to take up.
    pub(crate) former: bool,
    /// Until when we can say that we hear it.
    pub(crate) heard_until: Instant,
    /// Since when nobody has vouched for it, if it is dead and its node never answered.
    pub(crate) silent_since: Option<Instant>,
    /// Whether it has heard from the API lately.
    pub(crate) fresh: bool,
    /// Whether it is about to end for good.
    pub(crate) leaving: bool,
    /// How many of their addresses it could take, where it is not all.
    pub(crate) takes: &'a BTreeMap<UnitId, u8>,
    pub(crate) claims: &'a BTreeMap<UnitId, Claim>,
    /// When its claims are taken to be known at the latest, if they are not.
    pub(crate) unknown_until: Option<Instant>,
    pub(crate) mac: [u8; 6],
}

impl View<'_> {
    /// How many claims a peer has, as far as is known.
    pub(crate) fn load(&self, node: Node) -> Option<usize> {
        self.peers.get(&node).map(|peer| peer.claims.len())
    }
}
