use std::fmt;

/// Which AS number the peer must have (`peerASN` or `dynamicASN` of a BGPPeer).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerAsn {
    /// This one. The session is internal if it is ours too.
    Exactly(u32),
    /// Ours.
    Internal,
    /// Any but ours.
    External,
}

impl PeerAsn {
    /// Whether a session with such a peer is internal (iBGP) to `local_asn`.
    #[must_use]
    pub fn is_internal(self, local_asn: u32) -> bool {
        match self {
            Self::Exactly(asn) => asn == local_asn,
            Self::Internal => true,
            Self::External => false,
        }
    }

    /// Whether a peer of AS `asn` is the one that is meant.
    #[must_use]
    pub fn admits(self, asn: u32, local_asn: u32) -> bool {
        match self {
            Self::Exactly(expected) => asn == expected,
            Self::Internal => asn == local_asn,
            Self::External => asn != local_asn,
        }
    }
}

impl fmt::Display for PeerAsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(asn) => write!(f, "AS {asn}"),
            Self::Internal => f.write_str("our own AS"),
            Self::External => f.write_str("any AS but our own"),
        }
    }
}
