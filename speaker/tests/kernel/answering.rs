use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use l2::wire::arp::ArpFrame;
use speaker::layer2::announcer::Interfaces;

use crate::client::{Client, mac, now};
use crate::namespace::Namespace;
use crate::node::Node;
use crate::segment::Segment;

const VIP: &str = "192.0.2.10";

/// A1, P-L2-51
#[test]
fn a_held_address_resolves_to_the_interface_and_is_on_none() {
    let segment = Segment::new();
    let node = Node::start(&segment.node);
    node.hold(&[VIP]);
    node.reports("announced 192.0.2.10 on eth0");
    segment.resolves(VIP, &segment.node.hardware_address("eth0"));
    assert!(segment.is_answered(VIP));
    assert!(!segment.node.ip("addr").contains(VIP));
}

/// A2, P-L2-53
#[test]
fn a_released_address_is_answered_no_more() {
    let segment = Segment::new();
    let node = Node::start(&segment.node);
    node.hold(&[VIP, "192.0.2.11"]);
    node.reports("announced 192.0.2.10 on eth0");
    node.reports("announced 192.0.2.11 on eth0");
    node.hold(&["192.0.2.11"]);
    node.reports("withdrawn 192.0.2.10 from eth0");
    assert!(!segment.is_answered(VIP));
    assert!(segment.is_answered("192.0.2.11"));
}

/// F13: from the edit that the speaker sees to the moment when the old address is withdrawn.
#[test]
fn an_address_that_is_exchanged_is_withdrawn_within_a_tenth_of_a_second() {
    let segment = Segment::new();
    let node = Node::start(&segment.node);
    let addresses = [VIP, "192.0.2.11"];
    node.hold(&[VIP]);
    node.reports("announced 192.0.2.10 on eth0");
    let mut taken: Vec<Duration> = Vec::new();
    for round in 0..9 {
        let (old, new) = (addresses[round % 2], addresses[(round + 1) % 2]);
        let edited = now();
        node.hold(&[new]);
        node.reports(&format!("withdrawn {old} from eth0"));
        taken.push(now() - edited);
        assert!(!segment.is_answered(old));
        node.reports(&format!("announced {new} on eth0"));
    }
    taken.sort();
    assert!(taken[4] <= Duration::from_millis(100), "{taken:?}");
}

/// A1: what `arping -D` sends; an answer makes it fail.
#[test]
fn a_probe_finds_that_the_address_is_taken() {
    let segment = Segment::new();
    let node = Node::start(&segment.node);
    node.hold(&[VIP]);
    node.reports("announced 192.0.2.10 on eth0");
    assert!(
        !segment
            .client
            .output("arping", &format!("-D -c 2 -w 2 -I eth0 {VIP}"))
            .status
            .success()
    );
}

/// A1, P-L2-52
#[test]
fn a_request_is_answered_if_it_is_broadcast_or_to_us_and_not_otherwise() {
    let segment = Segment::new();
    let ours = mac(&segment.node.hardware_address("eth0"));
    let node = Node::start(&segment.node);
    let client = Client::on(&segment.client, "eth0");
    node.hold(&[VIP, "192.0.2.11"]);
    client.announcement(ours, "192.0.2.11");
    // In promiscuous mode the kernel hands over frames for others too.
    segment.node.ip("link set eth0 promisc on");
    let other = ArpFrame {
        destination: [2, 0, 0, 0, 0, 9],
        ..client.question(VIP)
    };
    client.say(&other.encode());
    let direct = ArpFrame {
        destination: ours.octets(),
        ..client.question("192.0.2.11")
    };
    client.say(&direct.encode());
    assert_eq!(client.reply("192.0.2.11"), direct.answer(ours));
    assert_eq!(node.statistics.snapshot()["eth0"].responder.replies, 1);
    client.say(&client.question(VIP).encode());
    assert_eq!(client.reply(VIP), client.question(VIP).answer(ours));
}

/// P-L2-43
#[test]
fn each_interface_answers_with_its_own_hardware_address() {
    let segment = Segment::new();
    segment.node.wire("eth1", &segment.client, "eth1");
    segment.node.ip("addr add 192.0.2.5/24 dev eth1");
    let node = Node::start(&segment.node);
    let clients = ["eth0", "eth1"].map(|iface| (iface, Client::on(&segment.client, iface)));
    node.hold(&[VIP]);
    let mut reports = [node.report(), node.report()];
    reports.sort();
    assert_eq!(
        reports,
        ["announced 192.0.2.10 on eth0", "announced 192.0.2.10 on eth1"]
    );
    for (iface, client) in clients {
        client.say(&client.question(VIP).encode());
        assert_eq!(
            client.reply(VIP).sender,
            mac(&segment.node.hardware_address(iface))
        );
    }
}

/// P-L2-44
#[test]
fn naming_other_interfaces_moves_the_address_without_a_restart() {
    let segment = Segment::new();
    segment.node.wire("eth1", &segment.client, "eth1");
    let node = Node::start(&segment.node);
    let named = |iface: &str| Interfaces::Named(BTreeSet::from([iface.to_owned()]));
    node.hold_on([(VIP, named("eth0"))]);
    node.reports("announced 192.0.2.10 on eth0");
    node.hold_on([(VIP, named("eth1"))]);
    let mut reports = [node.report(), node.report()];
    reports.sort();
    assert_eq!(
        reports,
        ["announced 192.0.2.10 on eth1", "withdrawn 192.0.2.10 from eth0"]
    );
    assert!(!segment.is_answered(VIP));
    node.hold_on([(VIP, named("eth9"))]);
    let mut reports = [node.report(), node.report()];
    reports.sort();
    assert_eq!(
        reports,
        ["no interface for 192.0.2.10", "withdrawn 192.0.2.10 from eth1"]
    );
    node.has_nothing_to_report();
}

#[test]
fn a_thousand_addresses_are_announced_and_answered() {
    let segment = Segment::new();
    segment.node.ip("addr add 10.0.0.1/8 dev eth0");
    let node = Node::start(&segment.node);
    let client = Client::on(&segment.client, "eth0");
    let addresses: Vec<String> = (0..1000u32)
        .map(|n| Ipv4Addr::from(0x0a01_0000 + 3 * n).to_string())
        .collect();
    node.hold(&addresses.iter().map(String::as_str).collect::<Vec<_>>());
    for _ in &addresses {
        assert!(node.report().starts_with("announced"));
    }
    // Not all at once: a socket has room for a few hundred frames.
    for addresses in addresses.chunks(100) {
        for address in addresses {
            client.say(&client.question(address).encode());
        }
        for address in addresses {
            client.reply(address);
        }
    }
    let statistics = node.statistics.snapshot()["eth0"];
    assert_eq!(
        (statistics.held, statistics.responder.replies, statistics.unsent),
        (1000, 1000, 0)
    );
}

#[test]
fn an_announcer_that_ends_withdraws_everything() {
    let segment = Segment::new();
    let node = Node::start(&segment.node);
    node.hold(&[VIP]);
    node.reports("announced 192.0.2.10 on eth0");
    assert_eq!(node.stop(), ["withdrawn 192.0.2.10 from eth0"]);
    assert!(!segment.is_answered(VIP));
}

#[test]
fn a_node_without_any_interface_says_so() {
    let namespace = Namespace::new("alone");
    let node = Node::start(&namespace);
    node.hold(&[VIP]);
    node.reports("no interface for 192.0.2.10");
    node.hold(&[VIP]);
    assert_eq!(node.stop(), [""; 0]);
}
