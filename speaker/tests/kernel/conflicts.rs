use crate::node::Node;
use crate::segment::Segment;

const VIP: &str = "192.0.2.10";

/// A6
#[test]
fn a_host_that_announces_a_held_address_is_named() {
    let segment = Segment::new();
    let node = Node::start(&segment.node);
    node.hold(&[VIP]);
    node.reports("announced 192.0.2.10 on eth0");
    segment.client.ip("addr add 192.0.2.10/32 dev eth0");
    // Another hardware address each time: a second report about one host within a second is not made.
    for (form, hardware) in [("-U", "02:00:00:00:00:07"), ("-A", "02:00:00:00:00:08")] {
        segment.client.ip(&format!("link set eth0 address {hardware}"));
        segment
            .client
            .output("arping", &format!("{form} -c 1 -w 1 -I eth0 {VIP}"));
        node.reports(&format!("{hardware} claims 192.0.2.10 on eth0"));
    }
}
