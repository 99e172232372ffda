//! IPv6 as a client's kernel sees it.

use std::collections::BTreeSet;
use std::net::Ipv6Addr;
use std::time::Duration;

use l2::wire::ndp::Solicitation;
use speaker::layer2::announcer::Interfaces;

use crate::client::{mac, now};
use crate::namespace::eventually;
use crate::neighbour::Neighbour;
use crate::node::Node;
use crate::segment::Segment;

const VIP: &str = "2001:db8::10";
const ANOTHER: &str = "2001:db8::11";

/// The state of the client's entry for the address: REACHABLE, STALE and so on.
fn state(segment: &Segment, address: &str) -> Option<String> {
    let entry = segment.client.ip(&format!("neigh show {address}"));
    entry.split_whitespace().last().map(str::to_owned)
}

/// N3, N8, P-L2-51
#[test]
fn a_held_address_resolves_to_the_interface_and_is_on_none() {
    let segment = Segment::new();
    let node = Node::start(&segment.node);
    node.hold(&[VIP]);
    node.reports("announced 2001:db8::10 on eth0");
    segment.resolves(VIP, &segment.node.hardware_address("eth0"));
    assert!(!segment.node.ip("addr").contains(VIP));
}

/// A2, P-L2-53
#[test]
fn a_released_address_is_answered_no_more() {
    let segment = Segment::new();
    let node = Node::start(&segment.node);
    let client = Neighbour::on(&segment.client, "eth0");
    node.hold(&[VIP, ANOTHER]);
    node.reports("announced 2001:db8::10 on eth0");
    node.reports("announced 2001:db8::11 on eth0");
    node.hold(&[ANOTHER]);
    node.reports("withdrawn 2001:db8::10 from eth0");
    client.say(&client.question(VIP).encode());
    client.say(&client.question(ANOTHER).encode());
    client.answer(ANOTHER);
    let second = Duration::from_secs(1);
    assert_eq!(client.answer_within(second, VIP), None);
}

/// N4: the client's kernel asks the station that it knows, without saying where it is itself.
#[test]
fn an_entry_in_doubt_is_confirmed() {
    let segment = Segment::new();
    let hardware = segment.node.hardware_address("eth0");
    let node = Node::start(&segment.node);
    node.hold(&[VIP]);
    node.reports("announced 2001:db8::10 on eth0");
    let requests = || node.statistics.snapshot()["eth0"].responder.requests;
    let before = requests();
    segment.client.ip(&format!(
        "neigh replace {VIP} lladdr {hardware} dev eth0 nud probe"
    ));
    eventually("the entry is confirmed", || {
        state(&segment, VIP).as_deref() == Some("REACHABLE")
    });
    assert_eq!(requests(), before + 1);
}

/// A3, N7, P-L2-54, P-L2-55: also within the second in which Linux keeps an IPv4 entry that it has just learned.
#[test]
fn a_takeover_is_believed_at_once_whatever_the_state_of_the_entry() {
    for (vip, known) in [
        (VIP, "reachable"),
        (VIP, "stale"),
        ("192.0.2.10", "reachable"),
        ("192.0.2.10", "stale"),
    ] {
        let segment = Segment::new();
        let node = Node::start(&segment.node);
        let old = "02:00:00:00:00:99";
        segment
            .client
            .ip(&format!("neigh replace {vip} lladdr {old} dev eth0 nud {known}"));
        node.hold(&[vip]);
        node.reports(&format!("announced {vip} on eth0"));
        let reported = now();
        let ours = segment.node.hardware_address("eth0");
        while segment.entry(vip).as_ref() != Some(&ours) {
            assert!(
                now() - reported < Duration::from_millis(900),
                "{vip} stays where it was {known}"
            );
        }
    }
}

/// N5
#[test]
fn a_host_that_looks_whether_the_address_is_free_finds_that_it_is_not() {
    let segment = Segment::new();
    let node = Node::start(&segment.node);
    node.hold(&[VIP]);
    node.reports("announced 2001:db8::10 on eth0");
    segment.client.ip(&format!("addr add {VIP}/64 dev eth0"));
    eventually("the address is found to be a duplicate", || {
        segment.client.ip("addr show dev eth0").contains("dadfailed")
    });
}

/// N2, N4, P-L2-52
#[test]
fn a_solicitation_is_answered_if_it_is_to_a_group_or_to_us_and_not_otherwise() {
    let segment = Segment::new();
    let ours = mac(&segment.node.hardware_address("eth0"));
    let node = Node::start(&segment.node);
    let client = Neighbour::on(&segment.client, "eth0");
    node.hold(&[VIP, ANOTHER]);
    client.announcement(ours, ANOTHER);
    // In promiscuous mode the kernel hands over frames for others too.
    segment.node.ip("link set eth0 promisc on");
    let other = Solicitation {
        destination: [2, 0, 0, 0, 0, 9],
        ..client.question(VIP)
    };
    client.say(&other.encode());
    let direct = Solicitation {
        link_layer: None,
        ..Solicitation::question(
            client.mac,
            client.question(VIP).from,
            ANOTHER.parse().unwrap(),
            Some(ours),
        )
    };
    client.say(&direct.encode());
    assert_eq!(client.answer(ANOTHER), direct.answer(ours));
    assert_eq!(node.statistics.snapshot()["eth0"].responder.replies, 1);
    client.say(&client.question(VIP).encode());
    assert_eq!(client.answer(VIP), client.question(VIP).answer(ours));
}

/// N9: with a link-local address only, with one that is a duplicate, and with none at all.
#[test]
fn an_interface_needs_no_address_of_its_own() {
    for own in ["fe80::77/64 dev eth0 nodad", "2001:db8::2/64 dev eth0", "none"] {
        let segment = Segment::new();
        segment
            .node
            .output("sysctl", "-qw net.ipv6.conf.eth0.addr_gen_mode=1");
        segment.node.ip("addr flush dev eth0");
        if own != "none" {
            segment.node.ip(&format!("addr add {own}"));
        }
        if own.starts_with("2001") {
            eventually("the address is found to be a duplicate", || {
                segment.node.ip("addr show dev eth0").contains("dadfailed")
            });
        }
        let node = Node::start(&segment.node);
        let on_eth0 = Interfaces::Named(BTreeSet::from(["eth0".to_owned()]));
        node.hold_on([(VIP, on_eth0)]);
        node.reports("announced 2001:db8::10 on eth0");
        segment.resolves(VIP, &segment.node.hardware_address("eth0"));
    }
}

#[test]
fn a_thousand_addresses_are_announced_and_answered() {
    let segment = Segment::new();
    let node = Node::start(&segment.node);
    let client = Neighbour::on(&segment.client, "eth0");
    let addresses: Vec<String> = (0..1000u128)
        .map(|n| Ipv6Addr::from(0x2001_0db8_0000_0000_0000_0000_0001_0000 + 3 * n).to_string())
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
            client.answer(address);
        }
    }
    let statistics = node.statistics.snapshot()["eth0"];
    assert_eq!(
        (statistics.held, statistics.responder.replies, statistics.unsent),
        (1000, 1000, 0)
    );
}
