//! Whether the kernel of this node answers ARP for what other nodes hold (F29).
//!
//! kube-proxy in IPVS mode puts the address of every Service on an interface of its own, on every node; and a kernel answers on every
//! link for whatever address the machine has, unless it is told otherwise. IPv6 knows no such answers.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::kernel::links::{ExcludeList, Links, usable};
use crate::layer2::announcer::Report;

/// Where kube-proxy puts the addresses.
const INTERFACE: &str = "kube-ipvs0";

/// Between two looks: nobody tells of a sysctl that changes.
const INTERVAL: Duration = Duration::from_secs(5);

/// The interfaces, of those that addresses are announced on, where the kernel answers for every address of the node.
/// `arp_ignore` gives the sysctl `net.ipv4.conf.NAME.arp_ignore`, of which the greater one of an interface and of `all` counts.
pub fn answering(
    links: &Links,
    excluded: &ExcludeList,
    arp_ignore: impl Fn(&str) -> Option<u32>,
) -> BTreeSet<String> {
    if !links.contains_key(INTERFACE) || arp_ignore("all") > Some(0) {
        return BTreeSet::new();
    }
    let announced_on = links.values().filter(|link| usable(link, excluded).is_ok());
    let answers = announced_on.filter(|link| arp_ignore(&link.name) == Some(0));
    answers.map(|link| link.name.clone()).collect()
}

/// Reports where the kernel answers, each time that it is not where it was, until nobody follows the interfaces any more.
pub async fn follow(
    mut links: watch::Receiver<Arc<Links>>,
    excluded: ExcludeList,
    reports: mpsc::UnboundedSender<Report>,
) {
    let mut known = BTreeSet::new();
    loop {
        let ifaces = answering(&links.borrow_and_update(), &excluded, arp_ignore);
        if ifaces != known && reports.send(Report::KernelAnswers(ifaces.clone())).is_err() {
            return;
        }
        known = ifaces;
        tokio::select! {
            changed = links.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

fn arp_ignore(name: &str) -> Option<u32> {
    let value = fs::read_to_string(format!("/proc/sys/net/ipv4/conf/{name}/arp_ignore"));
    value.ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::links::Link;

    fn link(name: &str) -> (String, Link) {
        let link = Link {
            mac: Some(l2::Mac::new([2, 0, 0, 0, 0, 1]).unwrap()),
            ..Link::new(1, name)
        };
        (name.into(), link)
    }

    /// F29
    #[test]
    fn the_kernel_answers_where_kube_proxy_has_put_the_addresses_and_neither_sysctl_keeps_it_from_that() {
        let ipvs: Links = ["eth0", "eth1", INTERFACE].map(link).into();
        let of = |links: &Links, all: u32, eth1: u32| {
            let arp_ignore = |name: &str| match name {
                "all" => Some(all),
                "eth1" => Some(eth1),
                _ => Some(0),
            };
            let ifaces = answering(links, &ExcludeList::default(), arp_ignore);
            ifaces.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(of(&ipvs, 0, 0), ["eth0", "eth1"]);
        assert_eq!(of(&ipvs, 0, 1), ["eth0"]);
        assert_eq!(of(&ipvs, 1, 0), [""; 0], "strictARP");
        assert_eq!(
            of(&["eth0", "eth1"].map(link).into(), 0, 0),
            [""; 0],
            "iptables or nftables"
        );
    }
}
