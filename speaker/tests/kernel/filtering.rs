use l2::Ignored;
use l2::wire::{ArpFrame, Operation};

use crate::client::{Client, mac};
use crate::node::Node;
use crate::segment::Segment;

const VIP: &str = "192.0.2.10";

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
    let mut malformed = client.question(VIP).encode();
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
