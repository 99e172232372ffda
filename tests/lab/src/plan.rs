//! Who has which address on the lab's LAN: 192.168.1.0/24 and fd00:1::/64.
//!
//! Each lab has namespaces of its own, so all labs use the same addresses. 192.168.1.200 to .250 stay free for pools.

use std::net::{Ipv4Addr, Ipv6Addr};

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

/// The host numbers, which are the last part of both addresses.
pub(crate) const ROUTER: u8 = 1;
pub(crate) const CONTROL_PLANE: u8 = 2;
pub(crate) const CLIENT: u8 = 100;
/// Hosts beyond nodes and client count from here to 199.
pub(crate) const FIRST_EXTRA: u8 = 101;
pub(crate) const LAST_EXTRA: u8 = 199;
/// Nodes are numbered 1 to this.
pub(crate) const MAX_NODES: u8 = 80;

/// ClusterIPs of both families, as the API server takes them.
pub(crate) const SERVICE_RANGES: &str = "10.96.0.0/16,fd00:96::/108";
/// Pods of both families, as kube-proxy takes them.
pub(crate) const POD_RANGES: &str = "10.244.0.0/16,fd00:10:244::/48";
/// The API server's first ClusterIP.
pub(crate) const KUBERNETES_SERVICE: &str = "10.96.0.1";

/// A machine on the LAN, a pod behind a process node, or a client behind a router.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// How the lab calls it: `cp`, `n1`, `client`. At most 15 characters: its bridge port has this name.
    pub name: String,
    /// Name of its network namespace, under /run/netns.
    pub netns: String,
    /// Its IPv4 address, on its interface `eth0`.
    pub v4: Ipv4Addr,
    /// Its IPv6 address, on the same interface.
    pub v6: Ipv6Addr,
    /// MAC address of `eth0`, as `ip` prints it.
    pub mac: String,
    /// The node that a pod sits behind, or the router that a client does; none: it is on the LAN.
    pub behind: Option<String>,
}

impl Host {
    /// A machine on the LAN of a lab.
    pub(crate) fn on_lan(lab: &str, name: &str, number: u8) -> Self {
        Self {
            name: name.to_owned(),
            netns: format!("{lab}-{name}"),
            v4: Ipv4Addr::new(192, 168, 1, number),
            v6: textual(&[0xfd00, 1], number),
            mac: format!("02:00:c0:a8:01:{number:02x}"),
            behind: None,
        }
    }

    /// A pod of process node `node`: `number` counts the pods of that node from 2.
    pub(crate) fn pod(lab: &str, name: &str, node: u8, number: u8) -> Self {
        Self {
            name: name.to_owned(),
            netns: format!("{lab}-{name}"),
            v4: Ipv4Addr::new(10, 244, node, number),
            v6: textual(&[0xfd00, 0x10, 0x244, u16::from(node)], number),
            mac: format!("02:00:0a:f4:{node:02x}:{number:02x}"),
            behind: Some(node_name(node)),
        }
    }

    /// The client behind a router, on a network of its own.
    pub(crate) fn behind_router(lab: &str, router: &Self) -> Self {
        let name = format!("{}-client", router.name);
        let number = router.v4.octets()[3];
        Self {
            netns: format!("{lab}-{name}"),
            name,
            v4: Ipv4Addr::new(10, 98, number, 2),
            v6: textual(&[0xfd00, 0x98, u16::from(number)], 2),
            mac: format!("02:00:0a:62:{number:02x}:02"),
            behind: Some(router.name.clone()),
        }
    }
}

/// What hosts on the LAN have as their default route: it forwards nothing.
pub(crate) fn gateway() -> Host {
    Host::on_lan("", "router", ROUTER)
}

/// What the n-th node is called: `n1`.
pub(crate) fn node_name(number: u8) -> String {
    format!("n{number}")
}

/// Host number of the n-th node.
pub(crate) fn node_address(number: u8) -> u8 {
    10 + number
}

/// The ranges of the n-th node's pods: IPv4, then IPv6.
pub(crate) fn pod_ranges(number: u8) -> (String, String) {
    (
        format!("10.244.{number}.0/24"),
        format!("fd00:10:244:{number:x}::/64"),
    )
}

/// Lab names go into names of namespaces and cgroups, and into socket paths, which have a narrow limit.
pub(crate) fn check_lab_name(name: &str) -> Result<()> {
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > 20 || !name.chars().all(fine) || name.starts_with('-') {
        bail!("`{name}` is no name for a lab: 1 to 20 of a-z, 0-9 and -, not starting with -");
    }
    Ok(())
}

/// Host names are names of interfaces too.
pub(crate) fn check_host_name(name: &str) -> Result<()> {
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > 15 || !name.chars().all(fine) || name.starts_with('-') {
        bail!("`{name}` is no name for a host: 1 to 15 of a-z, 0-9 and -, not starting with -");
    }
    Ok(())
}

/// An address whose last group reads like the decimal number: host 11 is `fd00:1::11`, as its IPv4 address ends in 11.
fn textual(prefix: &[u16], number: u8) -> Ipv6Addr {
    let mut groups = [0; 8];
    groups[..prefix.len()].copy_from_slice(prefix);
    let number = u16::from(number);
    groups[7] = ((number / 100) << 8) | ((number / 10 % 10) << 4) | (number % 10);
    groups.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_addresses_of_a_host_end_in_the_same_digits() {
        let client = Host::on_lan("a", "client", CLIENT);
        assert_eq!(
            (client.v4.to_string(), client.v6.to_string()),
            ("192.168.1.100".into(), "fd00:1::100".into())
        );
        let node = Host::on_lan("a", &node_name(1), node_address(1));
        assert_eq!(
            (node.v4.to_string(), node.v6.to_string()),
            ("192.168.1.11".into(), "fd00:1::11".into())
        );
    }

    #[test]
    fn a_pods_addresses_lie_in_its_nodes_ranges() {
        let pod = Host::pod("a", "web", 12, 34);
        assert_eq!(
            (pod.v4.to_string(), pod.v6.to_string()),
            ("10.244.12.34".into(), "fd00:10:244:c::34".into())
        );
        assert_eq!(
            pod_ranges(12),
            ("10.244.12.0/24".into(), "fd00:10:244:c::/64".into())
        );
        assert_eq!(pod.behind.as_deref(), Some("n12"));
    }

    #[test]
    fn the_client_of_a_router_has_a_network_of_its_own() {
        let router = Host::on_lan("a", "tor1", FIRST_EXTRA);
        let client = Host::behind_router("a", &router);
        assert_eq!(
            (client.v4.to_string(), client.v6.to_string()),
            ("10.98.101.2".into(), "fd00:98:65::2".into())
        );
        assert_eq!(
            (client.name.as_str(), client.behind.as_deref()),
            ("tor1-client", Some("tor1"))
        );
    }

    #[test]
    fn no_node_reaches_into_the_numbers_of_client_and_pools() {
        assert!(node_address(MAX_NODES) < CLIENT);
    }

    #[test]
    fn names_that_the_kernel_would_refuse_are_refused_here() {
        for name in ["", "-a", "A", "a_b", "a/b", "a-name-that-is-too-long"] {
            assert!(
                check_lab_name(name).is_err() && check_host_name(name).is_err(),
                "{name}"
            );
        }
        assert!(check_lab_name("suite-l2").is_ok() && check_host_name("client").is_ok());
        assert!(check_host_name("sixteen-letters-").is_err());
    }
}
