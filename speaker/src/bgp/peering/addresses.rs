//! What the interfaces of this node are called and which addresses they have.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use model::Family;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::SockaddrStorage;

/// An interface, and the addresses that routes may point to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Addresses {
    pub(super) interface: String,
    pub(super) v4: Option<Ipv4Addr>,
    pub(super) v6: Option<Ipv6Addr>,
    pub(super) link_local: Option<Ipv6Addr>,
}

/// One address of this node.
#[derive(Clone, Debug)]
struct Entry {
    interface: String,
    flags: InterfaceFlags,
    address: IpAddr,
}

/// The interface that has the address `local`; none if no interface of this node has it.
///
/// On the loopback interface there is no address that a router could send to but `local`, which the network knows of: the other
/// family's, or both if `local` is one of loopback, are those of the interface with the default route, or of the first that has
/// one.
pub(super) fn around(local: IpAddr) -> Option<Addresses> {
    let preferred = [Family::V4, Family::V6].map(|family| (family, default_interfaces(family)));
    around_among(&all(), &preferred.into(), local)
}

fn around_among(
    all: &[Entry],
    preferred: &BTreeMap<Family, Vec<String>>,
    local: IpAddr,
) -> Option<Addresses> {
    let own = all.iter().find(|entry| entry.address == local)?;
    let of = |interface: &str, family| {
        let mut here = all.iter().filter(|entry| entry.interface == interface);
        here.find_map(|entry| {
            Some(entry.address).filter(|address| is_reachable(*address) && Family::of(*address) == family)
        })
    };
    let elsewhere = |family| {
        let is_usable =
            |entry: &&Entry| entry.flags.contains(InterfaceFlags::IFF_UP) && !entry.is_on_loopback();
        let usable: BTreeSet<&str> = all
            .iter()
            .filter(is_usable)
            .map(|entry| entry.interface.as_str())
            .collect();
        let first = preferred.get(&family).into_iter().flatten().map(String::as_str);
        let mut interfaces = first
            .filter(|name| usable.contains(name))
            .chain(usable.iter().copied());
        interfaces.find_map(|interface| of(interface, family))
    };
    let global = |family| match (
        own.is_on_loopback(),
        Family::of(local) == family && is_reachable(local),
    ) {
        (true, true) => Some(local),
        (true, false) => elsewhere(family),
        (false, _) => of(&own.interface, family),
    };
    let link_local = all.iter().filter(|entry| entry.interface == own.interface);
    Some(Addresses {
        interface: own.interface.clone(),
        v4: global(Family::V4).and_then(v4),
        v6: global(Family::V6).and_then(v6),
        link_local: link_local
            .filter_map(|entry| v6(entry.address))
            .find(Ipv6Addr::is_unicast_link_local),
    })
}

/// Whether a router may have a route that points to this address without an interface.
pub(super) fn is_reachable(address: IpAddr) -> bool {
    let is_link_local = v6(address).is_some_and(|address| address.is_unicast_link_local());
    !address.is_loopback() && !address.is_unspecified() && !is_link_local
}

/// Whether `remote` is on a subnet of one of this node's interfaces.
pub(super) fn is_connected(remote: IpAddr) -> bool {
    let mut subnets = getifaddrs().into_iter().flatten().filter_map(|entry| {
        let (address, netmask) = (ip(entry.address?)?, ip(entry.netmask?)?);
        IpNet::with_netmask(address, netmask).ok()
    });
    match remote {
        IpAddr::V6(remote) if remote.is_unicast_link_local() => true,
        IpAddr::V4(_) | IpAddr::V6(_) => subnets.any(|subnet| subnet.contains(&remote)),
    }
}

impl Entry {
    fn is_on_loopback(&self) -> bool {
        self.flags.contains(InterfaceFlags::IFF_LOOPBACK)
    }
}

fn all() -> Vec<Entry> {
    let listed = getifaddrs().into_iter().flatten();
    let read = listed.filter_map(|entry| {
        Some(Entry {
            address: ip(entry.address?)?,
            interface: entry.interface_name,
            flags: entry.flags,
        })
    });
    read.collect()
}

fn ip(storage: SockaddrStorage) -> Option<IpAddr> {
    let v4 = storage.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
    v4.or_else(|| storage.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
}

fn v4(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(v4) => Some(v4),
        IpAddr::V6(_) => None,
    }
}

fn v6(address: IpAddr) -> Option<Ipv6Addr> {
    match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(v6) => Some(v6),
    }
}

/// The interfaces of the default routes of the main table, the best first. What cannot be read is not there.
fn default_interfaces(family: Family) -> Vec<String> {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    match family {
        Family::V4 => defaults_v4(&read("/proc/net/route")),
        Family::V6 => defaults_v6(&read("/proc/net/ipv6_route")),
    }
}

fn defaults_v4(table: &str) -> Vec<String> {
    sorted(table.lines().filter_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let [interface, destination, _, _, _, _, metric, mask, ..] = columns[..] else {
            return None;
        };
        let is_default = destination == "00000000" && mask == "00000000";
        Some((metric.parse().ok()?, interface)).filter(|_| is_default)
    }))
}

fn defaults_v6(table: &str) -> Vec<String> {
    sorted(table.lines().filter_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let [destination, length, _, _, _, metric, .., interface] = columns[..] else {
            return None;
        };
        let is_default = length == "00" && destination.bytes().all(|digit| digit == b'0');
        Some((u32::from_str_radix(metric, 16).ok()?, interface)).filter(|_| is_default)
    }))
}

fn sorted<'a>(found: impl Iterator<Item = (u32, &'a str)>) -> Vec<String> {
    let mut found: Vec<_> = found.collect();
    found.sort_by_key(|(metric, _)| *metric);
    found
        .into_iter()
        .map(|(_, interface)| interface.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Interfaces with their addresses; one whose name begins with `!` is down.
    fn node(interfaces: &[(&str, &[&str])]) -> Vec<Entry> {
        let entries = |(name, addresses): &(&str, &[&str])| {
            let up = if name.starts_with('!') {
                InterfaceFlags::empty()
            } else {
                InterfaceFlags::IFF_UP
            };
            let kind = if *name == "lo" {
                InterfaceFlags::IFF_LOOPBACK
            } else {
                InterfaceFlags::empty()
            };
            let (interface, flags) = (name.trim_start_matches('!').to_owned(), up | kind);
            let entry = |address: &&str| Entry {
                interface: interface.clone(),
                flags,
                address: address.parse().unwrap(),
            };
            addresses.iter().map(entry).collect::<Vec<_>>()
        };
        interfaces.iter().flat_map(entries).collect()
    }

    /// What routes may point to, with default routes over these interfaces.
    fn hops(all: &[Entry], preferred: &[&str], local: &str) -> [Option<String>; 3] {
        let preferred: Vec<String> = preferred.iter().map(|name| (*name).to_owned()).collect();
        let preferred = [(Family::V4, preferred.clone()), (Family::V6, preferred)].into();
        let found = around_among(all, &preferred, local.parse().unwrap()).unwrap();
        let text = |address: Option<IpAddr>| address.map(|address| address.to_string());
        [
            text(found.v4.map(IpAddr::V4)),
            text(found.v6.map(IpAddr::V6)),
            text(found.link_local.map(IpAddr::V6)),
        ]
    }

    fn some(texts: [&str; 3]) -> [Option<String>; 3] {
        texts.map(|text| (!text.is_empty()).then(|| text.to_owned()))
    }

    const LO: (&str, &[&str]) = ("lo", &["127.0.0.1", "::1", "198.51.100.7", "2001:db8:7::7"]);
    const ETH0: (&str, &[&str]) = ("eth0", &["fe80::a", "192.0.2.10", "2001:db8::10"]);

    #[test]
    fn the_interface_of_an_address_is_found_with_its_other_addresses() {
        let all = node(&[LO, ETH0, ("eth1", &["192.0.2.129", "fe80::b"])]);
        assert_eq!(
            hops(&all, &[], "192.0.2.10"),
            some(["192.0.2.10", "2001:db8::10", "fe80::a"])
        );
        assert_eq!(
            hops(&all, &[], "192.0.2.129"),
            some(["192.0.2.129", "", "fe80::b"])
        );
        assert_eq!(hops(&all, &[], "fe80::b"), some(["192.0.2.129", "", "fe80::b"]));
        assert_eq!(around("203.0.113.77".parse().unwrap()), None);
    }

    #[test]
    fn no_route_points_to_a_loopback_address() {
        let all = node(&[LO, ETH0]);
        assert_eq!(
            hops(&all, &[], "198.51.100.7"),
            some(["198.51.100.7", "2001:db8::10", ""])
        );
        assert_eq!(
            hops(&all, &[], "2001:db8:7::7"),
            some(["192.0.2.10", "2001:db8:7::7", ""])
        );
        for local in ["127.0.0.1", "::1"] {
            assert_eq!(hops(&all, &[], local), some(["192.0.2.10", "2001:db8::10", ""]));
        }
        assert_eq!(
            hops(&node(&[LO]), &[], "198.51.100.7"),
            some(["198.51.100.7", "", ""])
        );
        let odd = node(&[("eth0", &["127.0.0.9", "0.0.0.0", "::1", "::", "192.0.2.10"])]);
        assert_eq!(hops(&odd, &[], "192.0.2.10"), some(["192.0.2.10", "", ""]));
    }

    #[test]
    fn the_other_family_is_that_of_the_default_route_or_of_the_first_interface_that_is_up() {
        let all = node(&[
            LO,
            ("!a", &["2001:db8:a::1"]),
            ("c", &["2001:db8:c::1"]),
            ("b", &["fe80::b", "2001:db8:b::1"]),
            ("d", &["192.0.2.99"]),
        ]);
        let v6 = |preferred: &[&str]| hops(&all, preferred, "198.51.100.7")[1].clone().unwrap();
        assert_eq!(v6(&[]), "2001:db8:b::1");
        assert_eq!(v6(&["c"]), "2001:db8:c::1");
        assert_eq!(v6(&["a", "lo", "gone", "d", "c"]), "2001:db8:c::1");
    }

    #[test]
    fn default_routes_are_read_the_best_first() {
        let v4 = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
                  eth1\t00000000\t010200C0\t0003\t0\t0\t200\t00000000\t0\t0\t0\n\
                  eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
                  eth2\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
        assert_eq!(defaults_v4(v4), ["eth0", "eth1"]);
        let none = "0".repeat(32);
        let line = |destination: &str, length: &str, metric: &str, interface: &str| {
            format!(
                "{destination} {length} {none} 00 {none} {metric} 00000001 00000000 00000001 {interface:>8}\n"
            )
        };
        let v6 = [
            line("fd000000000000000000000000000000", "40", "00000100", "eth2"),
            line(&none, "00", "ffffffff", "lo"),
            line(&none, "00", "00000400", "eth1"),
            line(&none, "00", "00000064", "eth0"),
        ];
        assert_eq!(defaults_v6(&v6.concat()), ["eth0", "eth1", "lo"]);
    }

    #[test]
    fn what_is_on_a_subnet_of_this_node_is_connected() {
        assert!(is_connected("127.0.0.9".parse().unwrap()));
        assert!(!is_connected("203.0.113.77".parse().unwrap()));
    }
}
