use std::net::IpAddr;

/// What is watched: the way to a neighbour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The neighbour.
    pub remote: IpAddr,
    /// The address of this node that the neighbour knows; without it the kernel chooses.
    pub local: Option<IpAddr>,
    /// The interface that it is known by, and that alone counts. A link-local neighbour takes one.
    pub interface: Option<String>,
    /// The VRF that it is in.
    pub vrf: Option<String>,
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

    /// What its sockets are bound to, by name.
    pub(super) fn device(&self) -> Option<&String> {
        self.interface.as_ref().or(self.vrf.as_ref())
    }

    /// Whether packets count from one link alone, and no socket is bound to that.
    pub(super) fn takes_a_link(&self) -> bool {
        self.multihop.is_none() && self.interface.is_none()
    }

    fn least_ttl(&self) -> u8 {
        self.multihop.unwrap_or(::bfd::TTL)
    }

    /// Whether a packet with these marks may be the neighbour's, who is on `link` (RFC 5881 §3 and §5, RFC 5883 §4). Its TTL alone
    /// does not say so: what a pod sends arrives with 255 as well.
    pub(super) fn admits(&self, link: Option<u32>, marks: &Marks) -> bool {
        let to_us = |local| marks.destination == Some(local);
        let is_from_the_link = !self.takes_a_link() || link.is_some() && marks.link == link;
        is_from_the_link
            && marks.source == self.remote
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
    /// The index of the interface that it came in by.
    pub(super) link: Option<u32>,
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
            link: Some(ETH0),
        }
    }

    const ETH0: u32 = 2;

    /// D10, D11
    #[test]
    fn on_the_same_link_only_the_neighbour_counts_and_nothing_that_was_forwarded() {
        let path = Path {
            remote: ip("192.0.2.2"),
            local: None,
            interface: None,
            vrf: None,
            multihop: None,
        };
        assert!(path.admits(Some(ETH0), &marks("192.0.2.2", "192.0.2.1", 255)));
        assert!(!path.admits(Some(ETH0), &marks("192.0.2.2", "192.0.2.1", 254)));
        assert!(!path.admits(Some(ETH0), &marks("192.0.2.3", "192.0.2.1", 255)));
        let unknown = Marks {
            ttl: None,
            ..marks("192.0.2.2", "192.0.2.1", 255)
        };
        assert!(!path.admits(Some(ETH0), &unknown));
    }

    /// D11: a pod is at the other end of a veth, and its packets have as good a TTL as the router's.
    #[test]
    fn a_packet_counts_from_the_link_that_the_neighbour_is_on_and_before_that_is_known_from_none() {
        let path = Path {
            remote: ip("192.0.2.2"),
            local: None,
            interface: None,
            vrf: None,
            multihop: None,
        };
        let from = |link| Marks {
            link,
            ..marks("192.0.2.2", "192.0.2.1", 255)
        };
        assert!(path.admits(Some(ETH0), &from(Some(ETH0))));
        for (link, marked) in [
            (Some(ETH0), Some(7)),
            (Some(ETH0), None),
            (None, Some(ETH0)),
            (None, None),
        ] {
            assert!(!path.admits(link, &from(marked)), "{link:?} {marked:?}");
        }
        let bound = Path {
            interface: Some("eth0".into()),
            ..path.clone()
        };
        assert!(
            bound.admits(None, &from(Some(ETH0))),
            "its socket is bound to the interface"
        );
        let in_a_vrf = Path {
            vrf: Some("blue".into()),
            ..path
        };
        assert!(
            !in_a_vrf.admits(Some(ETH0), &from(Some(7))),
            "a VRF is many links"
        );
    }

    /// D12
    #[test]
    fn over_several_hops_the_ttl_has_a_least_value_and_the_local_address_counts() {
        let path = Path {
            remote: ip("2001:db8::2"),
            local: Some(ip("2001:db8::1")),
            interface: None,
            vrf: None,
            multihop: Some(250),
        };
        assert!(path.admits(Some(ETH0), &marks("2001:db8::2", "2001:db8::1", 250)));
        assert!(!path.admits(Some(ETH0), &marks("2001:db8::2", "2001:db8::1", 249)));
        assert!(!path.admits(Some(ETH0), &marks("2001:db8::2", "2001:db8::3", 250)));
    }
}
