//! Interfaces and addresses that come and go.

use speaker::bgp::bfd::{State, Trouble};

use crate::node::{Node, every, on_link, to};
use crate::segment::{PORTS, Segment};

/// D11
#[test]
fn an_interface_that_is_made_anew_is_used_again() {
    let segment = Segment::new();
    let nodes = segment.nodes.each_ref().map(Node::start);
    let watch = nodes[0].watch(on_link("fe80::2"), every(50));
    let other = nodes[1].watch(on_link("fe80::1"), every(50));
    watch.becomes(State::Up);
    segment.nodes[0].ip("link del eth0");
    watch.becomes(State::Down);
    watch.eventually("told", |status| {
        status.trouble == Some(Trouble::NoInterface("eth0".to_owned()))
    });
    segment.wire(0);
    watch.becomes(State::Up);
    other.becomes(State::Up);
    assert_eq!(watch.status().trouble, None);
}

#[test]
fn a_path_over_an_interface_that_comes_later_comes_up_then() {
    let segment = Segment::new();
    segment.nodes[0].ip("link del eth0");
    let nodes = segment.nodes.each_ref().map(Node::start);
    let watch = nodes[0].watch(on_link("192.0.2.2"), every(50));
    let _other = nodes[1].watch(to("192.0.2.1"), every(50));
    watch.eventually("told", |status| {
        matches!(status.trouble, Some(Trouble::NoInterface(_)))
    });
    segment.wire(0);
    watch.becomes(State::Up);
}

#[test]
fn a_neighbour_of_some_link_without_a_link_is_refused_in_words() {
    let segment = Segment::new();
    let node = Node::start(&segment.nodes[0]);
    let watch = node.watch(to("fe80::2"), every(50));
    watch.eventually("told", |status| {
        matches!(status.trouble, Some(Trouble::NoLink(_)))
    });
}

/// D11: two links with the same addresses on both.
#[test]
fn a_packet_that_comes_in_over_another_interface_does_not_count() {
    let segment = Segment::new();
    let [one, two] = &segment.nodes;
    one.wire("eth1", two, "eth1");
    for (node, last) in [(one, 1), (two, 2)] {
        node.ip(&format!("addr add fe80::{last}/64 dev eth1 nodad"));
    }
    let nodes = segment.nodes.each_ref().map(Node::start);
    let watch = nodes[0].watch(on_link("fe80::2"), every(50));
    let path = speaker::bgp::bfd::Path {
        interface: Some("eth1".to_owned()),
        ..to("fe80::1")
    };
    let elsewhere = nodes[1].watch(path, every(50));
    elsewhere.eventually("it speaks", |status| status.packets_sent >= 3);
    assert_eq!(
        (watch.status().packets_received, watch.status().state),
        (0, State::Never)
    );
    drop(elsewhere);
    let _there = nodes[1].watch(on_link("fe80::1"), every(50));
    watch.becomes(State::Up);
    segment.cut(PORTS[0]);
    watch.becomes(State::Down);
}
