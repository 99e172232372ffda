//! Membership of the groups that questions about IPv6 addresses go to.

use std::collections::BTreeSet;
use std::net::Ipv6Addr;
use std::sync::Arc;

use l2::wire::{Protocol, solicited_node};
use speaker::kernel::links::{Link, Links};
use speaker::layer2::announcer::Interfaces;
use tokio::sync::watch;

use crate::client::mac;
use crate::ear::Ear;
use crate::namespace::{Namespace, PATIENCE, eventually};
use crate::node::Node;
use crate::segment::Segment;

const VIP: &str = "2001:db8::10:10";
const ALIKE: &str = "2001:db8::1:10:10";
const GROUP: &str = "ff02::1:ff10:10";

/// Whether the switch forwards the group to its port `node`.
fn is_forwarded(switch: &Namespace) -> bool {
    let output = switch.output("bridge", "mdb show dev br0");
    let entries = String::from_utf8(output.stdout).unwrap();
    let mut entries = entries.lines();
    entries.any(|entry| entry.contains("port node") && entry.contains(&format!("grp {GROUP} ")))
}

fn is_member(namespace: &Namespace) -> bool {
    let groups = namespace.ip("-6 maddr show dev eth0");
    groups.split_whitespace().any(|word| word == GROUP)
}

/// N1, P-L2-57
#[test]
fn a_switch_that_forwards_groups_where_they_are_asked_for_knows_of_ours() {
    let (segment, switch) = Segment::switched();
    let node = Node::start(&segment.node);
    assert!(!is_forwarded(&switch));
    node.hold(&[VIP]);
    node.reports("announced 2001:db8::10:10 on eth0");
    eventually("the group is forwarded", || is_forwarded(&switch));
    segment.resolves(VIP, &segment.node.hardware_address("eth0"));
    node.hold(&[]);
    node.reports("withdrawn 2001:db8::10:10 from eth0");
    eventually("the group is forwarded no more", || !is_forwarded(&switch));
}

/// N1, P-L2-50: a switch that forgot everything, as one that was restarted.
#[test]
fn after_a_flap_the_switch_knows_our_groups_again() {
    let (segment, switch) = Segment::switched();
    let node = Node::start(&segment.node);
    node.hold(&[VIP]);
    node.reports("announced 2001:db8::10:10 on eth0");
    eventually("the group is forwarded", || is_forwarded(&switch));
    switch.ip("link set node down");
    let mut reports = [node.report(), node.report()];
    reports.sort();
    assert_eq!(
        reports,
        [
            "no interface for 2001:db8::10:10",
            "withdrawn 2001:db8::10:10 from eth0"
        ]
    );
    assert!(!is_forwarded(&switch));
    switch.ip("link set node up");
    node.reports("announced 2001:db8::10:10 on eth0");
    eventually("the group is forwarded again", || is_forwarded(&switch));
    segment.resolves(VIP, &segment.node.hardware_address("eth0"));
}

/// N1: the flap is over before the speaker looks, and nothing but the count of changes tells of it.
#[test]
fn after_a_flap_too_short_to_be_seen_the_membership_is_told_again() {
    let segment = Segment::new();
    let eth0 = Link {
        mac: Some(mac(&segment.node.hardware_address("eth0"))),
        carrier_changes: 2,
        subnets: BTreeSet::from(["2001:db8::1/64".parse().unwrap()]),
        own: BTreeSet::from(["2001:db8::1".parse().unwrap()]),
        ..Link::new(segment.node.index("eth0"), "eth0")
    };
    let seen = |link: &Link| Arc::new(Links::from([("eth0".to_owned(), link.clone())]));
    let (links, believed) = watch::channel(seen(&eth0));
    let node = Node::believing(&segment.node, believed);
    let reports = Ear::on(&segment.client, "eth0", Protocol::Ndp, reported_groups);
    let is_reported = || {
        let group: Ipv6Addr = GROUP.parse().unwrap();
        reports
            .hear(PATIENCE, |groups: &Vec<Ipv6Addr>| groups.contains(&group))
            .is_some()
    };
    node.hold(&[VIP]);
    node.reports("announced 2001:db8::10:10 on eth0");
    // The kernel says everything twice (RFC 3810 §9.14.1).
    assert!(is_reported() && is_reported());
    links.send_replace(seen(&Link {
        carrier_changes: 4,
        ..eth0
    }));
    assert!(is_reported());
    assert!(is_member(&segment.node));
    node.has_nothing_to_report();
}

/// The groups that somebody begins to listen to, if the frame reports such (RFC 3810 §5.2), behind the router alert.
fn reported_groups(frame: &[u8]) -> Option<Vec<Ipv6Addr>> {
    const LISTENS: u8 = 4; // CHANGE_TO_EXCLUDE_MODE: to nobody less
    let report = frame.get(62..).filter(|_| frame[20] == 0)?;
    let records = report.get(8..).filter(|_| report[0] == 143)?;
    let record = |record: &[u8]| {
        let group = <[u8; 16]>::try_from(&record[4..20]).unwrap();
        (record[0] == LISTENS).then_some(Ipv6Addr::from(group))
    };
    Some(records.chunks_exact(20).filter_map(record).collect())
}

/// N1
#[test]
fn a_group_is_left_with_the_last_address_that_needs_it() {
    let segment = Segment::new();
    let node = Node::start(&segment.node);
    node.hold(&[VIP, ALIKE]);
    node.reports("announced 2001:db8::10:10 on eth0");
    node.reports("announced 2001:db8::1:10:10 on eth0");
    node.hold(&[ALIKE]);
    node.reports("withdrawn 2001:db8::10:10 from eth0");
    assert!(is_member(&segment.node));
    node.hold(&[]);
    node.reports("withdrawn 2001:db8::1:10:10 from eth0");
    eventually("the group is left", || !is_member(&segment.node));
}

/// N1: one socket holds 2340 memberships at most, and far fewer where the kernel gives it less memory.
#[test]
fn more_groups_than_a_socket_has_room_for_are_joined() {
    for memory in ["131072", "20480"] {
        let segment = Segment::new();
        segment
            .node
            .output("sysctl", &format!("-qw net.core.optmem_max={memory}"));
        let node = Node::start(&segment.node);
        let addresses: Vec<Ipv6Addr> = (0..2500u128)
            .map(|n| Ipv6Addr::from(0x2001_0db8_0000_0000_0000_0000_0001_0000 + 3 * n))
            .collect();
        let held: Vec<String> = addresses.iter().map(Ipv6Addr::to_string).collect();
        node.hold(&held.iter().map(String::as_str).collect::<Vec<_>>());
        for _ in &held {
            assert!(node.report().starts_with("announced"));
        }
        let groups = segment.node.ip("-6 maddr show dev eth0");
        let joined: BTreeSet<&str> = groups.split_whitespace().collect();
        for address in addresses {
            let group = solicited_node(address).to_string();
            assert!(joined.contains(group.as_str()), "{group} with {memory} octets");
        }
    }
}

/// N1, P-L2-50: an interface whose packets are too short for IPv6 takes no part in it.
#[test]
fn the_group_is_joined_as_soon_as_the_interface_takes_part_in_ipv6() {
    let segment = Segment::new();
    segment.node.ip("link set eth0 mtu 1000");
    let node = Node::start(&segment.node);
    let on_eth0 = || Interfaces::Named(BTreeSet::from(["eth0".to_owned()]));
    node.hold_on([(VIP, on_eth0()), ("192.0.2.10", on_eth0())]);
    node.reports("announced 192.0.2.10 on eth0");
    node.reports("announced 2001:db8::10:10 on eth0");
    segment.resolves("192.0.2.10", &segment.node.hardware_address("eth0"));
    assert!(!is_member(&segment.node));
    for _ in 0..2 {
        segment.node.ip("link set eth0 mtu 1500");
        eventually("the group is joined", || is_member(&segment.node));
        segment.resolves(VIP, &segment.node.hardware_address("eth0"));
        // What the kernel forgets is joined again.
        segment.node.ip("link set eth0 mtu 1000");
        eventually("the group is lost", || !is_member(&segment.node));
    }
}
