//! What interfaces are and become, with an address of each family.

use std::time::Duration;

use crate::client::{mac, now};
use crate::namespace::{Namespace, eventually};
use crate::neighbour::Neighbour;
use crate::node::Node;
use crate::segment::Segment;

const VIPS: [&str; 2] = ["192.0.2.10", "2001:db8::10"];

/// The next reports, in any order, must be these.
#[track_caller]
fn report(node: &Node, mut expected: Vec<String>) {
    let mut reports: Vec<String> = expected.iter().map(|_| node.report()).collect();
    reports.sort();
    expected.sort();
    assert_eq!(reports, expected);
}

fn announced(iface: &str) -> Vec<String> {
    VIPS.map(|vip| format!("announced {vip} on {iface}")).into()
}

fn withdrawn(iface: &str) -> Vec<String> {
    VIPS.map(|vip| format!("withdrawn {vip} from {iface}")).into()
}

fn homeless() -> Vec<String> {
    VIPS.map(|vip| format!("no interface for {vip}")).into()
}

fn give_addresses(namespace: &Namespace, iface: &str, last: u8) {
    namespace.ip(&format!("addr add 192.0.2.{last}/24 dev {iface}"));
    namespace.ip(&format!("addr add 2001:db8::{last}/64 dev {iface} nodad"));
}

/// A11
#[test]
fn a_new_hardware_address_is_announced_within_100_ms_and_believed() {
    let segment = Segment::new();
    let node = Node::start(&segment.node);
    let client = Neighbour::on(&segment.client, "eth0");
    node.hold(&[VIPS[1]]);
    node.reports("announced 2001:db8::10 on eth0");
    segment.resolves(VIPS[1], &segment.node.hardware_address("eth0"));
    // The best of a few, because the machine may be doing something else just then.
    let fastest = (1..=5).map(|number| {
        let hardware = format!("02:00:00:00:01:0{number}");
        segment.node.ip(&format!("link set eth0 address {hardware}"));
        let changed = now();
        let announced = client.announcement(mac(&hardware), VIPS[1]);
        eventually("the entry follows", || {
            segment.entry(VIPS[1]).as_deref() == Some(&hardware)
        });
        announced.saturating_duration_since(changed)
    });
    let fastest = fastest.min().unwrap();
    assert!(
        fastest <= Duration::from_millis(100),
        "announced after {fastest:?}"
    );
    node.has_nothing_to_report();
}

/// P-L2-48, P-L2-50
#[test]
fn a_link_that_goes_down_and_up_is_announced_on_again() {
    let segment = Segment::new();
    // Else the kernel takes the IPv6 addresses away when the link goes down.
    segment
        .node
        .output("sysctl", "-qw net.ipv6.conf.eth0.keep_addr_on_down=1");
    segment
        .client
        .output("sysctl", "-qw net.ipv6.conf.eth0.keep_addr_on_down=1");
    let hardware = segment.node.hardware_address("eth0");
    let node = Node::start(&segment.node);
    node.hold(&VIPS);
    report(&node, announced("eth0"));
    // Ours is switched off, and then the other end of the wire.
    for end in [&segment.node, &segment.client] {
        end.ip("link set eth0 down");
        report(&node, [withdrawn("eth0"), homeless()].concat());
        end.ip("link set eth0 up");
        report(&node, announced("eth0"));
        for vip in VIPS {
            segment.resolves(vip, &hardware);
        }
    }
}

/// P-L2-49, P-L2-50
#[test]
fn a_new_interface_is_used_for_both_families_without_a_restart() {
    let segment = Segment::new();
    segment.node.ip("addr flush dev eth0");
    segment.client.ip("addr flush dev eth0");
    let node = Node::start(&segment.node);
    node.hold(&VIPS);
    report(&node, homeless());
    segment.node.wire("eth1", &segment.client, "eth1");
    give_addresses(&segment.client, "eth1", 2);
    give_addresses(&segment.node, "eth1", 1);
    report(&node, announced("eth1"));
    for vip in VIPS {
        segment.resolves(vip, &segment.node.hardware_address("eth1"));
    }
}

/// N9: an address from DHCPv6, and a subnet that a router told.
#[test]
fn a_subnet_that_a_route_puts_on_the_link_is_announced_there() {
    let segment = Segment::new();
    segment.node.ip("addr flush dev eth0");
    segment.node.ip("addr add 2001:db8::1/128 dev eth0 nodad");
    segment.node.ip("-6 route add 2001:db8::/64 dev eth0 proto ra");
    let node = Node::start(&segment.node);
    node.hold(&[VIPS[1]]);
    node.reports("announced 2001:db8::10 on eth0");
    segment.resolves(VIPS[1], &segment.node.hardware_address("eth0"));
    segment.node.ip("-6 route del 2001:db8::/64 dev eth0 proto ra");
    let reports = [
        "withdrawn 2001:db8::10 from eth0",
        "no interface for 2001:db8::10",
    ];
    report(&node, reports.map(str::to_owned).into());
    segment.node.ip("-6 route add 2001:db8::/64 dev eth0 proto ra");
    node.reports("announced 2001:db8::10 on eth0");
}

/// P-L2-48
#[test]
fn a_bridge_speaks_for_its_ports() {
    let segment = Segment::new();
    segment.node.ip("addr flush dev eth0");
    segment.node.ip("link add br0 type bridge");
    segment.node.ip("link set br0 up");
    segment.node.ip("link set eth0 master br0");
    give_addresses(&segment.node, "br0", 1);
    let node = Node::start(&segment.node);
    node.hold(&VIPS);
    report(&node, announced("br0"));
    for vip in VIPS {
        segment.resolves(vip, &segment.node.hardware_address("br0"));
    }
    let held: Vec<String> = node.statistics.snapshot().into_keys().collect();
    assert_eq!(held, ["br0"]);
}

/// P-L2-43, A6: each hears what the other announces.
#[test]
fn two_interfaces_on_one_segment_are_no_strangers_to_each_other() {
    let (segment, switch) = Segment::switched();
    segment.node.wire("eth1", &switch, "second");
    switch.ip("link set second master br0");
    give_addresses(&segment.node, "eth1", 3);
    let node = Node::start(&segment.node);
    node.hold(&VIPS);
    report(&node, [announced("eth0"), announced("eth1")].concat());
    let heard = || {
        let statistics = node.statistics.snapshot();
        let heard = ["eth0", "eth1"].map(|iface| statistics[iface].responder);
        assert_eq!(heard.map(|counters| counters.strangers), [0, 0]);
        heard.map(|counters| counters.ignored.own)
    };
    eventually("they hear each other", || {
        heard().iter().sum::<u64>() >= 12 && heard().iter().all(|count| *count > 0)
    });
    node.has_nothing_to_report();
}
