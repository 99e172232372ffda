//! What no accepted route may take: what is on this node's own links.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::kernel::links::Links;

/// The subnets on the links of this node, and the hosts there that everything else depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Own {
    subnets: BTreeSet<IpNet>,
    /// The node itself and its gateways.
    hosts: BTreeSet<IpAddr>,
}

/// Whether a route may be put into the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It may.
    Free,
    /// The node has that subnet itself: the way over the link is the better one, as for any router.
    Connected,
    /// It would lead a part of a subnet of the node, or a gateway, through a router.
    Within,
}

impl Own {
    pub(super) fn of(links: &Links) -> Self {
        let gateways = links.values().flat_map(|link| &link.gateways);
        let gateways = gateways.filter_map(|gateway| gateway.address);
        let addresses = links
            .values()
            .flat_map(|link| link.addresses.iter().map(|address| address.ip));
        Self {
            subnets: links
                .values()
                .flat_map(|link| &link.subnets)
                .map(IpNet::trunc)
                .collect(),
            hosts: addresses.chain(gateways).collect(),
        }
    }

    /// The same, where these are gateways too.
    pub(super) fn with_gateways(mut self, gateways: impl IntoIterator<Item = IpAddr>) -> Self {
        self.hosts.extend(gateways);
        self
    }

    /// The kernel prefers what is narrower, and for IPv6 what has the lower metric, which its own routes to a link have not: a router
    /// that announces the LAN that it shares with a node would take it off the link. A single host there may be led elsewhere: an
    /// address of a Service, for example, that nobody on the link answers for.
    pub(super) fn judge(&self, prefix: IpNet) -> Verdict {
        let is_host = prefix.prefix_len() == prefix.max_prefix_len();
        if is_host && self.hosts.contains(&prefix.addr()) {
            Verdict::Within
        } else if self.subnets.contains(&prefix) {
            Verdict::Connected
        } else if !is_host && self.subnets.iter().any(|subnet| subnet.contains(&prefix)) {
            Verdict::Within
        } else {
            Verdict::Free
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::links::{Address, AddressKind, Gateway, Link};

    fn own() -> Own {
        let address = |net: &str| {
            let subnet: IpNet = net.parse().unwrap();
            let ip = subnet.addr();
            Address {
                ip,
                subnet,
                kind: AddressKind::Permanent,
            }
        };
        let addresses: BTreeSet<Address> = ["192.0.2.10/24", "2001:db8:1::10/64"].map(address).into();
        let gateway = Gateway {
            priority: 0,
            family: model::Family::V4,
            address: "192.0.2.1".parse().ok(),
        };
        let eth0 = Link {
            subnets: addresses.iter().map(|address| address.subnet).collect(),
            addresses,
            gateways: [gateway].into(),
            ..Link::new(2, "eth0")
        };
        Own::of(&[("eth0".to_owned(), eth0)].into()).with_gateways(["2001:db8:1::1".parse().unwrap()])
    }

    #[test]
    fn the_nodes_own_subnets_and_gateways_are_not_led_elsewhere_and_all_else_is() {
        let own = own();
        let judge = |prefix: &str| own.judge(prefix.parse().unwrap());
        for prefix in ["192.0.2.0/24", "2001:db8:1::/64"] {
            assert_eq!(judge(prefix), Verdict::Connected, "{prefix}");
        }
        for prefix in [
            "192.0.2.0/25",
            "192.0.2.1/32",
            "192.0.2.10/32",
            "2001:db8:1::/80",
            "2001:db8:1::1/128",
        ] {
            assert_eq!(judge(prefix), Verdict::Within, "{prefix}");
        }
        for prefix in [
            "0.0.0.0/0",
            "::/0",
            "192.0.0.0/16",
            "198.51.100.0/24",
            "192.0.2.200/32",
            "2001:db8:1::77/128",
        ] {
            assert_eq!(judge(prefix), Verdict::Free, "{prefix}");
        }
    }
}
