use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ipnet::IpNet;

use crate::community::{Community, LargeCommunity, LinkBandwidth};

/// What a route is announced with, apart from what the session itself adds: ORIGIN, AS_PATH and the next hop.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attributes {
    /// LOCAL_PREF, sent to internal peers only; unset: [`DEFAULT_LOCAL_PREF`].
    pub local_pref: Option<u32>,
    /// MULTI_EXIT_DISC; unset: not sent.
    pub med: Option<u32>,
    /// How often our own AS number is put before the path beyond the one time that external peers need.
    pub prepend: u8,
    /// COMMUNITIES.
    pub communities: BTreeSet<Community>,
    /// LARGE_COMMUNITY.
    pub large_communities: BTreeSet<LargeCommunity>,
    /// The link bandwidth extended community; unset: not sent.
    pub link_bandwidth: Option<LinkBandwidth>,
    /// The route is about to be withdrawn, and routers are to turn to any other way that there is (RFC 8326). How a peer is told is up to
    /// the session.
    pub leaving: bool,
}

/// The preference of a route that says none (RFC 4271 §9.1.1 leaves it open, and everybody takes this).
pub const DEFAULT_LOCAL_PREF: u32 = 100;

/// All routes that one peer is to get, of both families. Shared between peers that get the same, and between a route's
/// neighbours of equal attributes: ten thousand routes cost little more than their prefixes.
pub type Table = BTreeMap<IpNet, Arc<Attributes>>;
