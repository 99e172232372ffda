use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use speaker::kernel::links::{Link, Links};
use tokio::sync::watch;

use crate::client::{Client, mac, now};
use crate::namespace::{Namespace, eventually};
use crate::node::Node;
use crate::segment::Segment;

const VIP: &str = "192.0.2.10";

/// A11
#[test]
fn a_new_hardware_address_is_announced_within_100_ms_and_believed() {
    let segment = Segment::new();
    let node = Node::start(&segment.node);
    let client = Client::on(&segment.client, "eth0");
    node.hold(&[VIP]);
    node.reports("announced 192.0.2.10 on eth0");
    segment.resolves(VIP, &segment.node.hardware_address("eth0"));
    // The best of a few, because the machine may be doing something else just then.
    let fastest = (1..=5).map(|number| {
        let hardware = format!("02:00:00:00:01:0{number}");
        segment.node.ip(&format!("link set eth0 address {hardware}"));
        let changed = now();
        let announced = client.announcement(mac(&hardware), VIP);
        eventually("the entry follows", || {
            segment.entry(VIP).as_deref() == Some(&hardware)
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
    let hardware = segment.node.hardware_address("eth0");
    let node = Node::start(&segment.node);
    let client = Client::on(&segment.client, "eth0");
    node.hold(&[VIP]);
    node.reports("announced 192.0.2.10 on eth0");
    // Ours is switched off, and then the other end of the wire.
    for end in [&segment.node, &segment.client] {
        end.ip("link set eth0 down");
        let mut reports = [node.report(), node.report()];
        reports.sort();
        assert_eq!(
            reports,
            ["no interface for 192.0.2.10", "withdrawn 192.0.2.10 from eth0"]
        );
        end.ip("link set eth0 up");
        node.reports("announced 192.0.2.10 on eth0");
        client.announcement(mac(&hardware), VIP);
        segment.resolves(VIP, &hardware);
    }
}

/// A11, F18: nothing but a count tells that a flap was over before the speaker looked, or that a bond failed over.
#[test]
fn a_flap_too_short_to_be_seen_and_a_failover_are_followed_by_announcements() {
    let segment = Segment::new();
    let hardware = mac(&segment.node.hardware_address("eth0"));
    let eth0 = Link {
        mac: Some(hardware),
        carrier_changes: 2,
        subnets: BTreeSet::from(["192.0.2.1/24".parse().unwrap()]),
        own: BTreeSet::from(["192.0.2.1".parse().unwrap()]),
        ..Link::new(segment.node.index("eth0"), "eth0")
    };
    let seen = |link: &Link| Arc::new(Links::from([("eth0".to_owned(), link.clone())]));
    let (links, believed) = watch::channel(seen(&eth0));
    let node = Node::believing(&segment.node, believed);
    let client = Client::on(&segment.client, "eth0");
    node.hold(&[VIP]);
    node.reports("announced 192.0.2.10 on eth0");
    let announced = || node.statistics.snapshot()["eth0"].responder.announcements;
    eventually("the burst is over", || announced() == 6);
    let flapped = Link {
        carrier_changes: 4,
        ..eth0
    };
    links.send_replace(seen(&flapped));
    eventually("there is another burst", || announced() == 12);
    let failed_over = Link {
        failovers: 1,
        ..flapped
    };
    links.send_replace(seen(&failed_over));
    eventually("there is a third burst", || announced() == 18);
    for _ in 0..18 {
        client.announcement(hardware, VIP);
    }
    node.has_nothing_to_report();
}

/// P-L2-49, P-L2-50
#[test]
fn a_new_interface_is_used_without_a_restart() {
    let segment = Segment::new();
    let node = Node::start(&segment.node);
    node.hold(&["198.51.100.10"]);
    node.reports("no interface for 198.51.100.10");
    segment.node.wire("eth1", &segment.client, "eth1");
    segment.client.ip("addr add 198.51.100.2/24 dev eth1");
    segment.node.ip("addr add 198.51.100.1/24 dev eth1");
    node.reports("announced 198.51.100.10 on eth1");
    segment.resolves("198.51.100.10", &segment.node.hardware_address("eth1"));
    segment.node.ip("addr del 198.51.100.1/24 dev eth1");
    let mut reports = [node.report(), node.report()];
    reports.sort();
    assert_eq!(
        reports,
        [
            "no interface for 198.51.100.10",
            "withdrawn 198.51.100.10 from eth1"
        ]
    );
}

#[test]
fn an_interface_that_vanishes_does_not_disturb_another() {
    let segment = Segment::new();
    segment.node.wire("eth1", &segment.client, "eth1");
    segment.node.ip("addr add 198.51.100.1/24 dev eth1");
    let node = Node::start(&segment.node);
    node.hold(&[VIP, "198.51.100.10"]);
    let mut reports = [node.report(), node.report()];
    reports.sort();
    assert_eq!(
        reports,
        ["announced 192.0.2.10 on eth0", "announced 198.51.100.10 on eth1"]
    );
    segment.node.ip("link del eth1");
    let mut reports = [node.report(), node.report()];
    reports.sort();
    assert_eq!(
        reports,
        [
            "no interface for 198.51.100.10",
            "withdrawn 198.51.100.10 from eth1"
        ]
    );
    segment.resolves(VIP, &segment.node.hardware_address("eth0"));
    assert!(!node.statistics.snapshot().contains_key("eth1"));
}

#[test]
fn a_new_interface_of_an_old_name_takes_over() {
    let segment = Segment::new();
    let node = Node::start(&segment.node);
    node.hold(&[VIP]);
    node.reports("announced 192.0.2.10 on eth0");
    segment.node.ip("link del eth0");
    segment.node.wire("eth0", &segment.client, "eth0");
    segment.client.ip("addr add 192.0.2.2/24 dev eth0");
    segment.node.ip("addr add 192.0.2.1/24 dev eth0");
    while node.report() != "announced 192.0.2.10 on eth0" {}
    segment.resolves(VIP, &segment.node.hardware_address("eth0"));
}

/// A socket stays bound to an interface that leaves its namespace, and hears nothing when it comes back.
#[test]
fn an_interface_that_leaves_the_namespace_and_returns_is_used_again() {
    let segment = Segment::new();
    let elsewhere = Namespace::new("elsewhere");
    let node = Node::start(&segment.node);
    node.hold(&[VIP]);
    node.reports("announced 192.0.2.10 on eth0");
    segment
        .node
        .ip(&format!("link set eth0 netns {}", elsewhere.name()));
    elsewhere.ip(&format!("link set eth0 netns {}", segment.node.name()));
    segment.node.ip("link set eth0 up");
    segment.node.ip("addr add 192.0.2.1/24 dev eth0");
    while node.report() != "announced 192.0.2.10 on eth0" {}
    segment.resolves(VIP, &segment.node.hardware_address("eth0"));
}

/// P-L2-48
#[test]
fn a_port_of_a_bridge_is_silent_and_the_bridge_speaks() {
    let segment = Segment::new();
    let node = Node::start(&segment.node);
    node.hold(&[VIP]);
    node.reports("announced 192.0.2.10 on eth0");
    segment.node.ip("link add br0 type bridge");
    segment.node.ip("link set br0 up");
    segment.node.ip("link set eth0 master br0");
    let mut reports = [node.report(), node.report()];
    reports.sort();
    assert_eq!(
        reports,
        ["no interface for 192.0.2.10", "withdrawn 192.0.2.10 from eth0"]
    );
    segment.node.ip("addr add 192.0.2.3/24 dev br0");
    node.reports("announced 192.0.2.10 on br0");
    segment.resolves(VIP, &segment.node.hardware_address("br0"));
    segment.node.ip("link set eth0 nomaster");
    while node.report() != "announced 192.0.2.10 on eth0" {}
}
