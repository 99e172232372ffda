use crate::wire::NextHop;

/// The most routes that are taken from one peer.
pub const MOST_LEARNED: usize = 1000;

/// A way that a peer offers to a prefix: where it goes, and what decides between several (RFC 4271 §9.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Learned {
    /// Where packets go: a unicast address that is not this node's own, as far as the connection knows those.
    pub next_hop: NextHop,
    /// LOCAL_PREF; external peers say none.
    pub local_pref: Option<u32>,
    /// How many ASes are on the way.
    pub path_length: u32,
    /// ORIGIN: 0 IGP, 1 EGP, 2 incomplete.
    pub origin: u8,
    /// Whether the peer is in our own AS.
    pub internal: bool,
}
