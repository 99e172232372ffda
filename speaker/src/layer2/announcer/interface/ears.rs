//! What the kernel can say of whether an interface hears anything: proof that this node is not deaf, when no speaker is heard.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How many hosts are asked besides the gateways.
const HOSTS: usize = 8;

/// How many frames the interface has received.
pub(super) fn frames_received(iface: &str) -> Option<u64> {
    received(&fs::read_to_string("/proc/self/net/dev").ok()?, iface)
}

/// Hosts that are likely to answer: the default gateways behind the interface, and hosts that the kernel has talked to.
pub(super) fn hosts(iface: &str) -> Vec<IpAddr> {
    let read = |file: &str| fs::read_to_string(format!("/proc/self/net/{file}")).unwrap_or_default();
    let mut hosts = gateways_v4(&read("route"), iface);
    hosts.extend(gateways_v6(&read("ipv6_route"), iface));
    hosts.extend(neighbours(&read("arp"), iface).into_iter().take(HOSTS));
    hosts
}

/// From `/proc/net/dev`: a line an interface, its name, a colon, octets and frames received.
fn received(table: &str, iface: &str) -> Option<u64> {
    let of = |line: &str| -> Option<u64> {
        let (name, counts) = line.split_once(':')?;
        let frames = (name.trim() == iface).then(|| counts.split_ascii_whitespace().nth(1))??;
        frames.parse().ok()
    };
    table.lines().find_map(of)
}

/// From `/proc/net/route`: interface, destination, gateway, as the octets lie in memory.
fn gateways_v4(table: &str, iface: &str) -> Vec<IpAddr> {
    let gateway = |line: &str| -> Option<IpAddr> {
        let mut words = line.split_ascii_whitespace();
        let is_default = words.next()? == iface && words.next()? == "00000000";
        let octets = u32::from_str_radix(words.next()?, 16).ok()?.to_ne_bytes();
        (is_default && octets != [0; 4]).then(|| Ipv4Addr::from(octets).into())
    };
    table.lines().filter_map(gateway).collect()
}

/// From `/proc/net/ipv6_route`: destination and its length, source and its length, gateway, …, interface.
fn gateways_v6(table: &str, iface: &str) -> Vec<IpAddr> {
    let gateway = |line: &str| -> Option<IpAddr> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let &[_, "00", _, _, gateway, .., of] = words.as_slice() else {
            return None;
        };
        let gateway = Ipv6Addr::from(u128::from_str_radix(gateway, 16).ok()?);
        (of == iface && !gateway.is_unspecified()).then_some(gateway.into())
    };
    table.lines().filter_map(gateway).collect()
}

/// From `/proc/net/arp`: address, kind, flags, hardware address, mask, interface.
fn neighbours(table: &str, iface: &str) -> Vec<IpAddr> {
    let neighbour = |line: &str| -> Option<IpAddr> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let &[address, _, _, _, _, of] = words.as_slice() else {
            return None;
        };
        address.parse().ok().filter(|_| of == iface)
    };
    table.lines().filter_map(neighbour).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_of_the_kernel_are_read() {
        let dev =
            "Inter-|   Receive   |  Transmit\n face |bytes packets errs\n  eth0: 1234 56 0 0\neth01:9 8 0\n";
        assert_eq!(
            (
                received(dev, "eth0"),
                received(dev, "eth01"),
                received(dev, "eth1")
            ),
            (Some(56), Some(8), None)
        );
        let gateway = format!("{:08X}", u32::from_ne_bytes([192, 0, 2, 254]));
        let route = format!(
            "Iface\tDestination\tGateway\tFlags\neth0\t00000000\t{gateway}\t0003\neth0\t000200C0\t00000000\t1\n"
        );
        assert_eq!(
            gateways_v4(&route, "eth0"),
            ["192.0.2.254".parse::<IpAddr>().unwrap()]
        );
        assert!(gateways_v4(&route, "eth1").is_empty());
        let zero = "0".repeat(32);
        let route = format!(
            "{zero} 00 {zero} 00 fe80000000000000000000000000000a 00000400 1 0 3 eth0\n{zero} 00 {zero} 00 {zero} ffffffff 1 0 2 lo\n"
        );
        assert_eq!(
            gateways_v6(&route, "eth0"),
            ["fe80::a".parse::<IpAddr>().unwrap()]
        );
        assert!(gateways_v6(&route, "lo").is_empty());
        let arp =
            "IP address HW type Flags HW address Mask Device\n192.0.2.7 0x1 0x2 02:00:00:00:00:01 * eth0\n";
        assert_eq!(neighbours(arp, "eth0"), ["192.0.2.7".parse::<IpAddr>().unwrap()]);
    }
}
