use l2::wire::arp::ArpFrame;
use l2::wire::ndp::Advertisement;
use l2::{Event, Input};

use crate::client::{Client, mac};
use crate::driven::{Driven, address};
use crate::namespace::{PATIENCE, eventually};
use crate::neighbour::Neighbour;
use crate::node::Node;
use crate::segment::Segment;

const VIP: &str = "192.0.2.10";
const VIP6: &str = "2001:db8::10";
const VIPS: [&str; 2] = [VIP, VIP6];

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
        node.reports(&format!("rival {hardware} claims 192.0.2.10 on eth0"));
    }
}

/// N6, A7
#[test]
fn a_host_that_advertises_a_held_address_is_named() {
    let segment = Segment::new();
    let node = Node::start(&segment.node);
    let client = Neighbour::on(&segment.client, "eth0");
    node.hold(&[VIP6]);
    node.reports("announced 2001:db8::10 on eth0");
    client.say(&Advertisement::announcement(client.mac, VIP6.parse().unwrap()).encode());
    node.reports(&format!("rival {} claims 2001:db8::10 on eth0", client.mac));
}

/// A6, N6
#[test]
fn a_stranger_is_defended_against_and_its_host_believes_it() {
    let segment = Segment::new();
    let ours = segment.node.hardware_address("eth0");
    let station = Driven::on(&segment.node, "eth0");
    let (arp, ndp) = (
        Client::on(&segment.client, "eth0"),
        Neighbour::on(&segment.client, "eth0"),
    );
    station.tell(Input::Cluster([mac("02:00:00:00:00:05")].into()));
    for vip in VIPS {
        station.tell(Input::Hold(address(vip)));
    }
    // With the burst over, only a defence can put right what the client believes.
    for _ in l2::ANNOUNCEMENTS {
        arp.announcement(mac(&ours), VIP);
        ndp.announcement(mac(&ours), VIP6);
    }
    for vip in VIPS {
        let hardware = "02:00:00:00:00:99";
        segment.client.ip(&format!(
            "neigh replace {vip} lladdr {hardware} dev eth0 nud reachable"
        ));
    }
    arp.say(&ArpFrame::announcement(arp.mac, VIP.parse().unwrap()).encode());
    ndp.say(&Advertisement::announcement(ndp.mac, VIP6.parse().unwrap()).encode());
    for _ in VIPS {
        let event = station.events.recv_timeout(PATIENCE).unwrap();
        let Event::Stranger { mac, .. } = event else {
            panic!("{event:?}")
        };
        assert_eq!(mac, arp.mac);
    }
    for vip in VIPS {
        eventually("the entry is ours again", || {
            segment.entry(vip).as_ref() == Some(&ours)
        });
    }
}

/// A4, N11
#[test]
fn a_host_that_has_a_new_address_already_is_found() {
    for vip in VIPS {
        let segment = Segment::new();
        let hardware = mac(&segment.client.hardware_address("eth0"));
        segment.client.ip(&format!("addr add {vip}/32 dev eth0"));
        let station = Driven::on(&segment.node, "eth0");
        // The host detects a duplicate by itself if it is still looking when we announce.
        eventually("the address is the host's", || {
            !segment.client.ip("addr show dev eth0").contains("tentative")
        });
        station.tell(Input::Cluster([].into()));
        station.tell(Input::FirstUse(address(vip)));
        let event = station.event_of_others();
        let Event::Stranger { mac, .. } = event else {
            panic!("{event:?}")
        };
        assert_eq!(mac, hardware);
    }
}

/// A6: a yielded address is the host's, and ours again when the host gives it up.
#[test]
fn a_yielded_address_comes_back_when_the_host_is_gone() {
    for vip in VIPS {
        let segment = Segment::new();
        segment
            .client
            .ip(&format!("addr add {vip}/128 dev eth0").replace("2.10/128", "2.10/32"));
        eventually("the address is the host's", || {
            !segment.client.ip("addr show dev eth0").contains("tentative")
        });
        let station = Driven::on(&segment.node, "eth0");
        station.tell(Input::Yielding([address(vip)].into()));
        station.tell(Input::Cluster([].into()));
        station.tell(Input::FirstUse(address(vip)));
        let found = station.event_of_others();
        assert!(matches!(found, Event::Stranger { .. }), "{found:?}");
        segment
            .client
            .ip(&format!("addr del {vip}/128 dev eth0").replace("2.10/128", "2.10/32"));
        let gone = Event::StrangerGone {
            address: address(vip),
        };
        while station.events.recv_timeout(PATIENCE).unwrap() != gone {}
        segment.resolves(vip, &segment.node.hardware_address("eth0"));
    }
}
