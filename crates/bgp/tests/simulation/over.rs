//! What the session runs over.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bgp::{Connection, NextHops};

use crate::chance::Chance;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    V4,
    V6,
    /// Unnumbered.
    LinkLocal,
}

impl Over {
    pub(crate) fn connection(self) -> Connection {
        let v4 = |i| Ipv4Addr::new(203, 0, 113, i);
        let v6 = |i| Ipv6Addr::new(0x2001, 0xdb8, 0xff, 0, 0, 0, 0, i);
        let link_local = |i| Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, i);
        let ends: [IpAddr; 2] = match self {
            Self::V4 => [v4(1).into(), v4(2).into()],
            Self::V6 => [v6(1).into(), v6(2).into()],
            Self::LinkLocal => [link_local(1).into(), link_local(2).into()],
        };
        let [local, remote] = ends;
        Connection { local, remote }
    }

    /// What the node has where nobody disturbs it.
    pub(crate) fn next_hops(self) -> NextHops {
        let link_local = Some(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1));
        NextHops {
            v4: Some(Ipv4Addr::new(203, 0, 113, 1)).filter(|_| self != Self::V6),
            v6: Some(Ipv6Addr::new(0x2001, 0xdb8, 0xff, 0, 0, 0, 0, 1)).filter(|_| self != Self::LinkLocal),
            link_local: link_local.filter(|_| self != Self::V4),
        }
    }

    /// Addresses come, go and change (SLAAC, renumbering, a VIP on the interface).
    pub(crate) fn other_next_hops(self, chance: &mut Chance) -> NextHops {
        let usual = self.next_hops();
        NextHops {
            v4: [usual.v4, None, Some(Ipv4Addr::new(203, 0, 113, 77))][chance.index(3)],
            v6: [
                usual.v6,
                None,
                Some(Ipv6Addr::new(0x2001, 0xdb8, 0xff, 0, 0, 0, 0, 0x77)),
            ][chance.index(3)],
            link_local: [usual.link_local, None][chance.index(2)],
        }
    }
}
