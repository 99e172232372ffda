use std::net::Ipv6Addr;

use l2::Ignored;
use l2::wire::arp::{ArpFrame, Operation};
use l2::wire::ndp::Advertisement;

use crate::client::{Client, mac};
use crate::neighbour::Neighbour;
use crate::node::Node;
use crate::segment::Segment;

const VIP: &str = "192.0.2.10";
const VIP6: &str = "2001:db8::10";

/// A13
#[test]
fn what_is_not_about_a_held_address_does_not_leave_the_kernel() {
    let segment = Segment::new();
    let node = Node::start(&segment.node);
    let client = Client::on(&segment.client, "eth0");
    node.hold(&[VIP, "192.0.2.12"]);
    client.announcement(mac(&segment.node.hardware_address("eth0")), "192.0.2.12");
    for other in [
        "192.0.2.9",
        "192.0.2.11",
        "192.0.2.13",
        "198.51.100.1",
        "192.0.2.1",
    ] {
        for operation in [Operation::Request, Operation::Reply] {
            client.say(
                &ArpFrame {
                    operation,
                    ..client.question(other)
                }
                .encode(),
            );
        }
    }
    let mut malformed = client.question(VIP).encode().to_vec();
    malformed[21] = 9;
    client.say(&malformed);
    // Frames arrive in order: with the answer to the last one, all the others have been dealt with.
    client.say(&client.question(VIP).encode());
    client.reply(VIP);
    let counters = node.statistics.snapshot()["eth0"].responder;
    assert_eq!((counters.requests, counters.replies), (1, 1));
    assert_eq!(counters.ignored, Ignored::default());
}

/// A10: the kernel takes the tag off before our socket sees the frame.
#[test]
fn a_question_in_a_vlan_is_not_answered_outside_of_it() {
    let segment = Segment::new();
    let node = Node::start(&segment.node);
    let client = Client::on(&segment.client, "eth0");
    node.hold(&[VIP, "192.0.2.11"]);
    client.announcement(mac(&segment.node.hardware_address("eth0")), "192.0.2.11");
    let tagged = |address, tag: [u8; 2]| {
        let frame = client.question(address).encode();
        [&frame[..12], &[0x81, 0x00], &tag, &frame[12..]].concat()
    };
    client.say(&tagged(VIP, [0x00, 0x0a]));
    client.say(&tagged("192.0.2.11", [0xe0, 0x00]));
    client.reply("192.0.2.11");
    assert_eq!(
        node.statistics.snapshot()["eth0"].responder.requests,
        1,
        "a priority without a VLAN is none"
    );
}

/// A13: the filter follows the addresses.
#[test]
fn the_filter_opens_for_a_new_address_and_closes_for_an_old_one() {
    let segment = Segment::new();
    let node = Node::start(&segment.node);
    let client = Client::on(&segment.client, "eth0");
    for _ in 0..20 {
        for (held, other) in [(VIP, "192.0.2.11"), ("192.0.2.11", VIP)] {
            node.hold(&[held]);
            while !node.report().starts_with("announced") {}
            client.say(&client.question(other).encode());
            client.say(&client.question(held).encode());
            client.reply(held);
        }
    }
    let counters = node.statistics.snapshot()["eth0"].responder;
    assert_eq!((counters.requests, counters.ignored.not_held), (40, 0));
}

/// N10, A13
#[test]
fn what_is_not_about_a_held_ipv6_address_does_not_leave_the_kernel() {
    let segment = Segment::new();
    let node = Node::start(&segment.node);
    let client = Neighbour::on(&segment.client, "eth0");
    node.hold(&[VIP6, "2001:db8::12"]);
    client.announcement(mac(&segment.node.hardware_address("eth0")), "2001:db8::12");
    for number in 0..1000u128 {
        let other = Ipv6Addr::from(0x2001_0db8_0000_0000_0000_0000_0001_0000 + number).to_string();
        client.say(&client.question(&other).encode());
        client.say(&Advertisement::announcement(client.mac, other.parse().unwrap()).encode());
    }
    let mut routed = client.question(VIP6).encode().to_vec();
    routed[21] = 64;
    client.say(&routed);
    segment.client.output("ping", "-c 3 -i 0.01 -W 0.1 2001:db8::1");
    // Frames arrive in order: with the answer to the last one, all the others have been dealt with.
    client.say(&client.question(VIP6).encode());
    client.answer(VIP6);
    let counters = node.statistics.snapshot()["eth0"].responder;
    assert_eq!((counters.requests, counters.replies), (1, 1));
    assert_eq!(counters.ignored, Ignored::default());
    // Nor does the node's kernel remember any of it.
    let entries = segment.node.ip("-6 neigh show");
    assert!(!entries.contains("2001:db8::1:"), "{entries}");
}

/// A10, N2: the kernel takes the tag off before our socket sees the frame.
#[test]
fn a_solicitation_in_a_vlan_is_not_answered_outside_of_it() {
    let segment = Segment::new();
    let node = Node::start(&segment.node);
    let client = Neighbour::on(&segment.client, "eth0");
    node.hold(&[VIP6, "2001:db8::11"]);
    client.announcement(mac(&segment.node.hardware_address("eth0")), "2001:db8::11");
    let frame = client.question(VIP6).encode();
    client.say(&[&frame[..12], &[0x81, 0x00, 0x00, 0x0a], &frame[12..]].concat());
    client.say(&client.question("2001:db8::11").encode());
    client.answer("2001:db8::11");
    assert_eq!(node.statistics.snapshot()["eth0"].responder.requests, 1);
}
