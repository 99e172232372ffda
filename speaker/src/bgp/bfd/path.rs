use std::net::IpAddr;

/// What is watched: the way to a neighbour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The neighbour.
    pub remote: IpAddr,
    /// The address of this node that the neighbour knows; without it the kernel chooses.
    pub local: Option<IpAddr>,
    /// The interface that it is behind, and that alone counts, or the VRF; without it the kernel chooses. A link-local
    /// neighbour takes one.
    pub interface: Option<String>,
    /// Several hops away: the least TTL or hop limit that its packets may arrive with. Without it, it is on the same link, and
    /// nothing is accepted that a router may have forwarded.
    pub multihop: Option<u8>,
}

impl Path {
    /// The port that packets go to.
    pub(super) fn port(&self) -> u16 {
        match self.multihop {
            Some(_) => ::bfd::MULTIHOP_PORT,
            None => ::bfd::SINGLE_HOP_PORT,
        }
    }

    fn least_ttl(&self) -> u8 {
        self.multihop.unwrap_or(::bfd::TTL)
    }

    /// Whether a packet with these marks may be the neighbour's (RFC 5881 §5, RFC 5883 §4).
    pub(super) fn admits(&self, marks: &Marks) -> bool {
        let to_us = |local| marks.destination == Some(local);
        marks.source == self.remote
            && self.local.is_none_or(to_us)
            && marks.ttl.is_some_and(|ttl| ttl >= self.least_ttl())
    }
}

/// What the network says of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) source: IpAddr,
    pub(super) destination: Option<IpAddr>,
    pub(super) ttl: Option<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn marks(source: &str, destination: &str, ttl: u8) -> Marks {
        Marks {
            source: ip(source),
            destination: Some(ip(destination)),
            ttl: Some(ttl),
        }
    }

    /// D10, D11
    #[test]
    fn on_the_same_link_only_the_neighbour_counts_and_nothing_that_was_forwarded() {
        let path = Path {
            remote: ip("192.0.2.2"),
            local: None,
            interface: None,
            multihop: None,
        };
        assert!(path.admits(&marks("192.0.2.2", "192.0.2.1", 255)));
        assert!(!path.admits(&marks("192.0.2.2", "192.0.2.1", 254)));
        assert!(!path.admits(&marks("192.0.2.3", "192.0.2.1", 255)));
        let unknown = Marks {
            ttl: None,
            ..marks("192.0.2.2", "192.0.2.1", 255)
        };
        assert!(!path.admits(&unknown));
    }

    /// D12
    #[test]
    fn over_several_hops_the_ttl_has_a_least_value_and_the_local_address_counts() {
        let path = Path {
            remote: ip("2001:db8::2"),
            local: Some(ip("2001:db8::1")),
            interface: None,
            multihop: Some(250),
        };
        assert!(path.admits(&marks("2001:db8::2", "2001:db8::1", 250)));
        assert!(!path.admits(&marks("2001:db8::2", "2001:db8::1", 249)));
        assert!(!path.admits(&marks("2001:db8::2", "2001:db8::3", 250)));
    }
}
