use ipnet::IpNet;

use super::*;
use crate::kernel::links::Gateway;

/// A link with these addresses: `net`, or `net kind`.
fn link(index: u32, name: &str, addresses: &[&str]) -> Link {
    let read = |text: &&str| {
        let (net, kind) = text.split_once(' ').unwrap_or((text, "permanent"));
        let subnet: IpNet = net.parse().unwrap();
        let kind = match kind {
            "dynamic" => AddressKind::Dynamic,
            "temporary" => AddressKind::Temporary,
            "deprecated" => AddressKind::Deprecated,
            "tentative" => AddressKind::Unusable,
            "secondary" => AddressKind::Secondary,
            _ => AddressKind::Permanent,
        };
        let ip = subnet.addr();
        Address { ip, subnet, kind }
    };
    let addresses: std::collections::BTreeSet<Address> = addresses.iter().map(read).collect();
    let usable = addresses.iter().filter(|address| address.is_usable());
    Link {
        mac: (name != "lo").then(|| l2::Mac::new([2, 0, 0, 0, 0, 1]).unwrap()),
        resolves: !name.starts_with("dummy"),
        subnets: addresses.iter().map(|address| address.subnet).collect(),
        own: usable.map(|address| address.ip).collect(),
        addresses,
        ..Link::new(index, name)
    }
}

fn gateway(priority: u32, address: &str) -> Gateway {
    let address: IpAddr = address.parse().unwrap();
    Gateway {
        priority,
        family: Family::of(address),
        address: Some(address),
    }
}

fn links(all: impl IntoIterator<Item = Link>) -> Links {
    all.into_iter().map(|link| (link.name.clone(), link)).collect()
}

fn to(remote: &str) -> Destination {
    let remote = remote
        .parse()
        .map_or_else(|_| Remote::Interface(remote.to_owned()), Remote::Address);
    Destination {
        remote,
        source: None,
        vrf: None,
    }
}

fn from(source: &str, remote: &str) -> Destination {
    Destination {
        source: Some(source.parse().unwrap()),
        ..to(remote)
    }
}

fn ends(local: &str, remote: &str) -> Connection {
    Connection {
        local: local.parse().unwrap(),
        remote: remote.parse().unwrap(),
    }
}

/// What routes may point to: IPv4, IPv6, link-local; empty for none.
fn hops(way: &Way) -> [String; 3] {
    let NextHops { v4, v6, link_local } = way.next_hops;
    let text = |address: Option<IpAddr>| address.map(|address| address.to_string()).unwrap_or_default();
    [
        text(v4.map(IpAddr::V4)),
        text(v6.map(IpAddr::V6)),
        text(link_local.map(IpAddr::V6)),
    ]
}

fn nodes(addresses: &[&str]) -> Vec<IpAddr> {
    addresses.iter().map(|address| address.parse().unwrap()).collect()
}

const LO: [&str; 2] = ["127.0.0.1/8", "::1/128"];

/// What the control plane's address, privacy and renumbering leave on an interface.
fn crowded() -> Link {
    link(
        2,
        "eth0",
        &[
            "192.0.2.10/24",
            "192.0.2.100/32",
            "192.0.2.5/24 secondary",
            "2001:db8::11/64",
            "2001:db8::1/128",
            "2001:db8::2/64 temporary",
            "2001:db8::3/64 deprecated",
            "2001:db8::4/64 tentative",
            "2001:db8::5/64 dynamic",
            "fe80::a/64",
        ],
    )
}

#[test]
fn routes_point_to_the_address_that_stays_and_is_the_nodes_own() {
    let all = links([link(1, "lo", &LO), crowded()]);
    let ends = ends("192.0.2.10", "192.0.2.1");
    let way = way(&all, &to("192.0.2.1"), Some(&ends), &[]);
    assert_eq!(hops(&way), ["192.0.2.10", "2001:db8::11", "fe80::a"]);
    assert_eq!(way.interface.as_ref().map(|interface| interface.index), Some(2));
    let known = nodes(&["2001:db8::5"]);
    let named = super::way(&all, &to("192.0.2.1"), Some(&ends), &known);
    assert_eq!(hops(&named)[1], "2001:db8::5", "what the cluster knows it by");
    let wandering = nodes(&["2001:db8::1"]);
    let named = super::way(&all, &to("192.0.2.1"), Some(&ends), &wandering);
    assert_eq!(hops(&named)[1], "2001:db8::11", "but for one that wanders");
}

#[test]
fn each_kind_of_address_is_taken_only_where_there_is_no_better_one() {
    let better = [
        "2001:db8::6/64 permanent",
        "2001:db8::5/64 dynamic",
        "2001:db8::4/64 temporary",
        "2001:db8::3/128 permanent",
        "2001:db8::2/64 deprecated",
        "2001:db8::1/64 tentative",
    ];
    for first in 0..better.len() {
        let all = links([link(2, "eth0", &better[first..])]);
        let way = way(&all, &to("2001:db8::ff"), None, &[]);
        let expected = better[first].split('/').next().unwrap();
        let expected = if first + 1 == better.len() { "" } else { expected };
        assert_eq!(hops(&way)[1], expected, "{:?}", &better[first..]);
    }
}

#[test]
fn a_connection_is_dialled_from_the_address_that_stays() {
    let all = links([crowded()]);
    let local = |destination: &Destination, node: &[IpAddr]| way(&all, destination, None, node).local;
    assert_eq!(local(&to("2001:db8::ff"), &[]), "2001:db8::11".parse().ok());
    assert_eq!(local(&to("192.0.2.1"), &[]), "192.0.2.10".parse().ok());
    let asked_for = from("2001:db8::1", "2001:db8::ff");
    assert_eq!(
        local(&asked_for, &[]),
        asked_for.source,
        "what is asked for goes first"
    );
    assert_eq!(
        local(&to("203.0.113.1"), &[]),
        None,
        "behind routers the kernel knows best"
    );
    assert_eq!(local(&to("127.0.0.1"), &[]), None);
}

#[test]
fn a_local_address_that_does_not_stay_is_no_next_hop_where_there_is_another() {
    let all = links([crowded()]);
    let hop = |local: &str| {
        hops(&way(
            &all,
            &to("2001:db8::ff"),
            Some(&ends(local, "2001:db8::ff")),
            &[],
        ))[1]
            .clone()
    };
    assert_eq!(hop("2001:db8::1"), "2001:db8::11");
    assert_eq!(hop("2001:db8::5"), "2001:db8::5", "the router knows that one");
    assert_eq!(hop("2001:db8::77"), "2001:db8::11", "gone meanwhile");
}

#[test]
fn the_link_local_address_is_that_of_the_link_that_the_peer_is_on() {
    let all = links([
        link(
            2,
            "dummy0",
            &["198.51.100.7/32", "2001:db8:7::7/128", "fe80::d/64"],
        ),
        link(3, "eth0", &["192.0.2.10/24", "2001:db8::10/64", "fe80::a/64"]),
    ]);
    let v4 = way(
        &all,
        &from("198.51.100.7", "192.0.2.1"),
        Some(&ends("198.51.100.7", "192.0.2.1")),
        &[],
    );
    assert_eq!(hops(&v4), ["198.51.100.7", "2001:db8::10", "fe80::a"]);
    let v6 = way(
        &all,
        &from("2001:db8:7::7", "2001:db8::1"),
        Some(&ends("2001:db8:7::7", "2001:db8::1")),
        &[],
    );
    assert_eq!(
        hops(&v6),
        ["192.0.2.10", "2001:db8:7::7", ""],
        "the next hop is on no link of the peer's"
    );
    let far = way(
        &all,
        &to("203.0.113.1"),
        Some(&ends("192.0.2.10", "203.0.113.1")),
        &[],
    );
    assert_eq!(hops(&far), ["192.0.2.10", "2001:db8::10", ""]);
    assert_eq!(far.interface, None);
}

#[test]
fn behind_a_loopback_address_the_other_family_is_that_of_the_default_route_or_of_the_node() {
    let with = |gateways: &[(&str, &str)]| {
        let mut all = links([
            link(1, "lo", &["127.0.0.1/8", "198.51.100.7/32"]),
            link(2, "cni0", &["10.0.0.1/24", "2001:db8:c::1/64"]),
            link(3, "eth0", &["192.0.2.10/24", "2001:db8::10/64"]),
        ]);
        for (name, address) in gateways {
            all.get_mut(*name).unwrap().gateways.insert(gateway(1, address));
        }
        all
    };
    let hop = |all: &Links, node: &[IpAddr]| {
        let ends = ends("198.51.100.7", "203.0.113.1");
        hops(&way(all, &from("198.51.100.7", "203.0.113.1"), Some(&ends), node))
    };
    let routed = with(&[("eth0", "2001:db8::1")]);
    assert_eq!(hop(&routed, &[]), ["198.51.100.7", "2001:db8::10", ""]);
    let unrouted = with(&[]);
    assert_eq!(hop(&unrouted, &nodes(&["2001:db8::10"]))[1], "2001:db8::10");
    assert_eq!(
        hop(&unrouted, &[])[1],
        "",
        "and none of those that come first by name"
    );
}

#[test]
fn an_unnumbered_peer_gets_no_next_hop_of_ipv4() {
    let all = links([link(
        2,
        "eth0",
        &["192.0.2.10/32", "2001:db8::10/64", "fe80::a/64"],
    )]);
    let way = way(&all, &to("eth0"), Some(&ends("fe80::a", "fe80::1")), &[]);
    assert_eq!(hops(&way), ["", "2001:db8::10", "fe80::a"]);
    assert_eq!(way.local, None);
    let alone = links([link(2, "eth0", &["fe80::a/64"])]);
    let way = super::way(&alone, &to("eth0"), Some(&ends("fe80::a", "fe80::1")), &[]);
    assert_eq!(hops(&way), ["", "", "fe80::a"]);
}

/// Addresses from a cloud, or from DHCPv6.
#[test]
fn an_address_without_a_subnet_is_the_nodes_own_where_there_is_no_other() {
    let mut eth0 = link(
        2,
        "eth0",
        &["192.0.2.10/32", "2001:db8::10/128 dynamic", "fe80::a/64"],
    );
    eth0.subnets
        .extend(["192.0.2.0/24", "2001:db8::/64"].map(|net| net.parse::<IpNet>().unwrap()));
    let all = links([eth0]);
    let way = way(
        &all,
        &to("192.0.2.1"),
        Some(&ends("192.0.2.10", "192.0.2.1")),
        &[],
    );
    assert_eq!(way.interface.as_ref().map(|interface| interface.index), Some(2));
    assert_eq!(hops(&way), ["192.0.2.10", "2001:db8::10", "fe80::a"]);
}

#[test]
fn of_two_links_of_one_subnet_the_peer_is_on_the_one_that_is_up_is_asked_for_or_is_the_nodes() {
    let two = || {
        [
            link(2, "eth0", &["192.0.2.10/24"]),
            link(3, "eth1", &["192.0.2.11/24"]),
        ]
    };
    let index = |all: &Links, destination: &Destination, node: &[IpAddr]| {
        way(all, destination, None, node)
            .interface
            .map(|interface| interface.index)
    };
    let all = links(two());
    assert_eq!(index(&all, &to("192.0.2.1"), &[]), Some(2));
    assert_eq!(index(&all, &to("192.0.2.1"), &nodes(&["192.0.2.11"])), Some(3));
    assert_eq!(
        index(&all, &from("192.0.2.11", "192.0.2.1"), &nodes(&["192.0.2.10"])),
        Some(3)
    );
    let mut dark = links(two());
    dark.get_mut("eth0").unwrap().state = State::NoCarrier;
    assert_eq!(index(&dark, &to("192.0.2.1"), &[]), Some(3));
    dark.get_mut("eth1").unwrap().state = State::Down;
    assert_eq!(
        index(&dark, &to("192.0.2.1"), &[]),
        Some(2),
        "a cable may come back"
    );
    let narrower = links([
        link(2, "eth0", &["192.0.2.10/24"]),
        link(3, "eth1", &["192.0.2.129/25"]),
    ]);
    assert_eq!(index(&narrower, &to("192.0.2.200"), &[]), Some(3));
}

#[test]
fn a_vrf_has_links_of_its_own() {
    let port = Link {
        port_of: Some(Aggregate::Vrf),
        controller: Some(9),
        ..link(2, "eth0", &["192.0.2.10/24"])
    };
    let all = links([port, link(3, "eth1", &["192.0.2.11/24"]), link(9, "blue", &[])]);
    let inside = Destination {
        vrf: Some("blue".into()),
        ..to("192.0.2.1")
    };
    let index = |destination: &Destination| {
        way(&all, destination, None, &[])
            .interface
            .map(|interface| interface.index)
    };
    assert_eq!((index(&inside), index(&to("192.0.2.1"))), (Some(2), Some(3)));
    let elsewhere = Destination {
        vrf: Some("red".into()),
        ..inside
    };
    assert_eq!(index(&elsewhere), None, "there is no such VRF");
}

#[test]
fn a_carrier_that_comes_opens_the_way_and_one_that_was_there_does_not() {
    let at = |state, carrier_changes| {
        let eth0 = Link {
            state,
            carrier_changes,
            ..link(2, "eth0", &["192.0.2.10/24"])
        };
        way(&links([eth0]), &to("192.0.2.1"), None, &[])
    };
    let (up, down) = (at(State::Up, 2), at(State::NoCarrier, 1));
    assert!(up.opens_after(&down) && up.opens_after(&Way::default()));
    assert!(!up.opens_after(&up) && !down.opens_after(&up));
    assert!(
        at(State::Up, 4).opens_after(&up),
        "a flap that was over before anybody looked"
    );
}

#[test]
fn a_default_gateway_is_a_peer_on_the_link_of_the_best_default_route() {
    let mut all = links([
        link(2, "eth0", &["192.0.2.10/24", "2001:db8::10/64", "fe80::a/64"]),
        link(3, "eth1", &["198.51.100.10/24", "fe80::b/64"]),
    ]);
    let to = |family| Destination {
        remote: Remote::Gateway(family),
        ..to("192.0.2.1")
    };
    assert_eq!(way(&all, &to(Family::V4), None, &[]).remote, None);
    all.get_mut("eth0")
        .unwrap()
        .gateways
        .insert(gateway(200, "192.0.2.1"));
    all.get_mut("eth1")
        .unwrap()
        .gateways
        .extend([gateway(100, "198.51.100.1"), gateway(1024, "fe80::1")]);
    let v4 = way(&all, &to(Family::V4), None, &[]);
    assert_eq!(
        (v4.remote, v4.local),
        ("198.51.100.1".parse().ok(), "198.51.100.10".parse().ok())
    );
    let v6 = way(&all, &to(Family::V6), None, &[]);
    assert_eq!(v6.remote, "fe80::1".parse().ok());
    assert_eq!(
        v6.interface.map(|interface| interface.name).as_deref(),
        Some("eth1")
    );
}
