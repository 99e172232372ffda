use rtnetlink::packet_route::address::{AddressAttribute, AddressHeaderFlags};
use rtnetlink::packet_route::route::{RouteAddress, RouteAttribute, RouteHeader, RouteType};

use super::*;
use crate::kernel::links::Gateway;

fn link(index: u32, attributes: Vec<LinkAttribute>) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.header.link_layer_type = LinkLayerType::Ether;
    message.header.flags = LinkFlags::Up | LinkFlags::LowerUp;
    message.attributes = attributes;
    message
}

fn ethernet(index: u32, name: &str) -> LinkMessage {
    let hardware = vec![2, 0, 0, 0, 0, u8::try_from(index).unwrap()];
    link(
        index,
        vec![
            LinkAttribute::IfName(name.to_owned()),
            LinkAttribute::Address(hardware),
        ],
    )
}

fn address(index: u32, prefix_len: u8, attributes: Vec<AddressAttribute>) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.index = index;
    message.header.prefix_len = prefix_len;
    message.attributes = attributes;
    message
}

fn plain(index: u32, net: &str) -> AddressMessage {
    let net: IpNet = net.parse().unwrap();
    let attributes = vec![
        AddressAttribute::Address(net.addr()),
        AddressAttribute::Local(net.addr()),
    ];
    address(index, net.prefix_len(), attributes)
}

fn table(messages: impl IntoIterator<Item = RouteNetlinkMessage>) -> Table {
    let mut table = Table::default();
    for message in messages {
        table.apply(&message);
    }
    table
}

fn only(table: &Table) -> Link {
    let links = table.snapshot();
    assert_eq!(links.len(), 1);
    links.into_values().next().unwrap()
}

use RouteNetlinkMessage::{DelAddress, DelLink, DelRoute, NewAddress, NewLink, NewRoute};

#[test]
fn a_link_has_the_addresses_that_were_told_before_or_after_it() {
    let table = table([
        NewAddress(plain(2, "192.0.2.1/24")),
        NewLink(ethernet(2, "eth0")),
        NewAddress(plain(2, "2001:db8::1/64")),
        NewAddress(plain(3, "198.51.100.1/24")),
    ]);
    let link = only(&table);
    let nets = ["192.0.2.1/24", "2001:db8::1/64"].map(|net| net.parse().unwrap());
    assert_eq!(link.subnets, BTreeSet::from(nets));
    assert_eq!(link.mac, Mac::new([2, 0, 0, 0, 0, 2]).ok());
    assert!(link.carries("192.0.2.200".parse().unwrap()));
    assert!(!link.carries("198.51.100.1".parse().unwrap()));
}

#[test]
fn a_link_that_is_gone_takes_its_addresses_with_it() {
    let table = table([
        NewLink(ethernet(2, "eth0")),
        NewAddress(plain(2, "192.0.2.1/24")),
        DelLink(ethernet(2, "eth0")),
        NewLink(ethernet(2, "eth0")),
    ]);
    assert_eq!(only(&table).subnets, BTreeSet::new());
}

#[test]
fn an_address_that_is_gone_is_gone() {
    let table = table([
        NewLink(ethernet(2, "eth0")),
        NewAddress(plain(2, "192.0.2.1/24")),
        NewAddress(plain(2, "198.51.100.1/24")),
        DelAddress(plain(2, "192.0.2.1/24")),
        DelAddress(plain(9, "192.0.2.1/24")),
    ]);
    assert_eq!(
        only(&table).subnets,
        BTreeSet::from(["198.51.100.1/24".parse().unwrap()])
    );
}

/// N9
#[test]
fn an_address_is_not_used_before_it_is_found_unique_nor_after_it_was_found_not_to_be() {
    let with = |flags| {
        let mut message = plain(2, "fe80::1/64");
        message.header.flags = flags;
        NewAddress(message)
    };
    let mut table = table([NewLink(ethernet(2, "eth0")), with(AddressHeaderFlags::Tentative)]);
    assert_eq!(only(&table).own, BTreeSet::new());
    assert_eq!(only(&table).subnets.len(), 1);
    table.apply(&with(AddressHeaderFlags::Permanent));
    assert_eq!(only(&table).own, ["fe80::1".parse().unwrap()].into());
    table.apply(&with(
        AddressHeaderFlags::Tentative | AddressHeaderFlags::Dadfailed,
    ));
    assert_eq!(only(&table).own, BTreeSet::new());
    table.apply(&with(
        AddressHeaderFlags::Tentative | AddressHeaderFlags::Optimistic,
    ));
    assert_eq!(only(&table).own.len(), 1);
}

fn route(index: u32, destination: &str, attributes: Vec<RouteAttribute>) -> RouteMessage {
    let destination: IpNet = destination.parse().unwrap();
    let mut message = RouteMessage::default();
    message.header.address_family = match destination {
        IpNet::V4(_) => AddressFamily::Inet,
        IpNet::V6(_) => AddressFamily::Inet6,
    };
    message.header.table = RouteHeader::RT_TABLE_MAIN;
    message.header.kind = RouteType::Unicast;
    message.header.destination_prefix_length = destination.prefix_len();
    message.attributes = attributes;
    message
        .attributes
        .push(RouteAttribute::Destination(destination.addr().into()));
    message.attributes.push(RouteAttribute::Oif(index));
    message
}

#[test]
fn the_flags_of_an_address_say_what_it_is_good_for() {
    let kind = |net: &str, flags| {
        let mut message = plain(2, net);
        message.header.flags = flags;
        let table = table([NewLink(ethernet(2, "eth0")), NewAddress(message)]);
        only(&table).addresses.first().unwrap().kind
    };
    let (v4, v6) = ("192.0.2.1/24", "2001:db8::1/64");
    let permanent = AddressHeaderFlags::Permanent;
    assert_eq!(kind(v6, permanent), AddressKind::Permanent);
    assert_eq!(kind(v6, AddressHeaderFlags::empty()), AddressKind::Dynamic);
    let second = AddressHeaderFlags::Secondary;
    assert_eq!(kind(v4, permanent | second), AddressKind::Secondary);
    assert_eq!(kind(v6, second), AddressKind::Temporary);
    let deprecated = AddressHeaderFlags::Deprecated;
    assert_eq!(kind(v6, permanent | deprecated), AddressKind::Deprecated);
    let tentative = AddressHeaderFlags::Tentative;
    assert_eq!(kind(v6, permanent | tentative), AddressKind::Unusable);
}

fn towards(gateway: &str) -> RouteAttribute {
    let gateway: IpAddr = gateway.parse().unwrap();
    RouteAttribute::Gateway(gateway.into())
}

fn gateways(table: &Table) -> Vec<Option<String>> {
    let gateways = only(table).gateways.into_iter();
    gateways
        .map(|gateway: Gateway| gateway.address.map(|address| address.to_string()))
        .collect()
}

#[test]
fn the_default_routes_of_a_link_are_known_the_best_first_and_one_that_was_replaced_is_gone() {
    let with = |priority, gateway: &str| {
        route(
            2,
            "0.0.0.0/0",
            vec![RouteAttribute::Priority(priority), towards(gateway)],
        )
    };
    let mut ours = with(20, "192.0.2.7");
    ours.header.protocol = 72.into();
    let mut table = table([
        NewLink(ethernet(2, "eth0")),
        NewRoute(with(200, "192.0.2.2")),
        NewRoute(with(100, "192.0.2.1")),
        NewRoute(ours),
    ]);
    let some = |gateway: &str| Some(gateway.to_owned());
    assert_eq!(gateways(&table), [some("192.0.2.1"), some("192.0.2.2")]);
    table.apply_replacement(&with(100, "192.0.2.9"));
    assert_eq!(gateways(&table), [some("192.0.2.9"), some("192.0.2.2")]);
    table.apply(&DelRoute(with(100, "192.0.2.9")));
    table.apply(&DelRoute(with(200, "192.0.2.2")));
    table.apply(&NewRoute(route(2, "0.0.0.0/0", vec![])));
    assert_eq!(gateways(&table), [None], "a link with one other end");
}

/// The kernel says nothing of these.
#[test]
fn routes_of_ipv4_go_with_the_address_that_they_are_used_from_and_with_the_last_address() {
    let source = RouteAttribute::PrefSource(RouteAddress::Inet([192, 0, 2, 2].into()));
    let mut table = table([
        NewLink(ethernet(2, "eth0")),
        NewAddress(plain(2, "192.0.2.1/32")),
        NewAddress(plain(2, "192.0.2.2/32")),
        NewRoute(route(2, "192.0.2.0/24", vec![source])),
        NewRoute(route(2, "198.51.100.0/24", vec![])),
        NewRoute(route(2, "2001:db8::/64", vec![])),
    ]);
    let carried = |table: &Table| {
        let link = only(table);
        ["192.0.2.9", "198.51.100.9", "2001:db8::9"].map(|address| link.carries(address.parse().unwrap()))
    };
    assert_eq!(carried(&table), [true, true, true]);
    table.apply(&DelAddress(plain(2, "192.0.2.2/32")));
    assert_eq!(carried(&table), [false, true, true]);
    table.apply(&DelAddress(plain(2, "192.0.2.1/32")));
    assert_eq!(carried(&table), [false, false, true]);
}

/// A node whose address is a /32, and whose LAN an on-link route.
#[test]
fn a_route_of_ipv4_without_router_makes_its_subnet_one_of_the_link() {
    let table = table([
        NewLink(ethernet(2, "eth0")),
        NewAddress(plain(2, "192.0.2.1/32")),
        NewRoute(route(2, "192.0.2.0/24", vec![])),
    ]);
    assert!(only(&table).carries("192.0.2.10".parse().unwrap()));
}

/// N9: what a node has that got its address from DHCPv6.
#[test]
fn a_route_without_router_makes_its_subnet_one_of_the_link() {
    let subnet = || route(2, "2001:db8::/64", vec![]);
    let address: IpAddr = "2001:db8::10".parse().unwrap();
    let mut table = table([
        NewLink(ethernet(2, "eth0")),
        NewAddress(plain(2, "2001:db8::1/128")),
    ]);
    assert!(!only(&table).carries(address));
    table.apply(&NewRoute(subnet()));
    assert!(only(&table).carries(address));
    table.apply(&DelRoute(subnet()));
    assert!(!only(&table).carries(address));
    table.apply(&NewRoute(subnet()));
    let mut down = ethernet(2, "eth0");
    down.header.flags = LinkFlags::empty();
    table.apply(&NewLink(down));
    assert!(!only(&table).carries(address), "routes end with the link");
}

#[test]
fn a_subnet_is_on_the_link_until_its_last_route_is_gone() {
    let with = |priority| route(2, "2001:db8::/64", vec![RouteAttribute::Priority(priority)]);
    let table = table([
        NewLink(ethernet(2, "eth0")),
        NewRoute(with(256)),
        NewRoute(with(1024)),
        DelRoute(with(256)),
    ]);
    assert!(only(&table).carries("2001:db8::10".parse().unwrap()));
}

#[test]
fn a_route_through_a_router_or_to_one_host_or_everywhere_says_nothing_of_the_link() {
    let router = RouteAttribute::Gateway(RouteAddress::Inet6("fe80::1".parse().unwrap()));
    let mut elsewhere = route(2, "2001:db8::/64", vec![]);
    elsewhere.header.table = 7;
    let mut unreachable = route(2, "2001:db8::/64", vec![]);
    unreachable.header.kind = RouteType::Unreachable;
    let table = table([
        NewLink(ethernet(2, "eth0")),
        NewRoute(route(2, "2001:db8::/64", vec![router])),
        NewRoute(route(2, "2001:db8::10/128", vec![])),
        NewRoute(route(2, "::/0", vec![])),
        NewRoute(route(3, "2001:db8::/64", vec![])),
        NewRoute(elsewhere),
        NewRoute(unreachable),
    ]);
    assert_eq!(only(&table).subnets, BTreeSet::new());
}

#[test]
fn a_renamed_link_is_known_by_its_new_name_only() {
    let table = table([NewLink(ethernet(2, "eth0")), NewLink(ethernet(2, "lan0"))]);
    assert_eq!(only(&table).name, "lan0");
}

#[test]
fn the_subnet_of_a_point_to_point_address_is_that_of_the_other_end() {
    let here = AddressAttribute::Local("192.0.2.1".parse().unwrap());
    let there = AddressAttribute::Address("198.51.100.1".parse().unwrap());
    let table = table([
        NewLink(ethernet(2, "eth0")),
        NewAddress(address(2, 32, vec![here, there])),
    ]);
    assert_eq!(
        only(&table).subnets,
        BTreeSet::from(["198.51.100.1/32".parse().unwrap()])
    );
}

#[test]
fn a_port_that_leaves_its_bridge_stays_an_interface() {
    let mut leaves = ethernet(2, "eth0");
    leaves.header.interface_family = AddressFamily::Bridge;
    let table = table([NewLink(ethernet(2, "eth0")), DelLink(leaves)]);
    assert_eq!(only(&table).port_of, None);
}

#[test]
fn a_wireless_event_does_not_take_the_hardware_address_away() {
    use rtnetlink::packet_route::link::WirelessEvent;
    let name = LinkAttribute::IfName("wlan0".to_owned());
    let event = LinkAttribute::Wireless(WirelessEvent::Other(vec![0; 8]));
    let table = table([NewLink(ethernet(2, "wlan0")), NewLink(link(2, vec![name, event]))]);
    assert!(only(&table).mac.is_some());
}

/// A11: the bond keeps its carrier and its hardware address.
#[test]
fn a_bond_that_sends_through_another_port_has_failed_over() {
    let message = |events: &[LinkEvent]| {
        let mut message = ethernet(2, "bond0");
        let events = events.iter().map(|event| LinkAttribute::Event(*event));
        message.attributes.extend(events);
        NewLink(message)
    };
    let mut table = table([message(&[])]);
    let before = only(&table);
    table.apply(&message(&[LinkEvent::BondingFailover]));
    table.apply(&message(&[LinkEvent::Features]));
    table.apply(&message(&[LinkEvent::NotifyPeers]));
    let failovers = before.failovers + 2;
    assert_eq!(only(&table), Link { failovers, ..before });
}

#[test]
fn a_port_knows_what_kind_of_interface_it_belongs_to() {
    let port = |kind| {
        let mut message = ethernet(2, "eth0");
        message
            .attributes
            .push(LinkAttribute::LinkInfo(vec![LinkInfo::PortKind(kind)]));
        message.attributes.push(LinkAttribute::Controller(7));
        let port = only(&table([NewLink(message)]));
        assert_eq!(port.controller, Some(7));
        port.port_of
    };
    assert_eq!(port(InfoPortKind::Bond), Some(Aggregate::Bond));
    assert_eq!(port(InfoPortKind::Bridge), Some(Aggregate::Bridge));
    assert_eq!(port(InfoPortKind::Team), Some(Aggregate::Team));
    assert_eq!(port(InfoPortKind::Vrf), Some(Aggregate::Vrf));
    assert_eq!(
        port(InfoPortKind::Other("openvswitch".to_owned())),
        Some(Aggregate::Other)
    );
}

#[test]
fn a_port_of_something_unnamed_is_a_port() {
    let mut message = ethernet(2, "eth0");
    message.attributes.push(LinkAttribute::Controller(7));
    assert_eq!(only(&table([NewLink(message)])).port_of, Some(Aggregate::Other));
}

#[test]
fn the_flags_say_whether_a_link_carries_traffic() {
    let state = |flags| {
        let mut message = ethernet(2, "eth0");
        message.header.flags = flags;
        only(&table([NewLink(message)])).state
    };
    assert_eq!(state(LinkFlags::empty()), State::Down);
    assert_eq!(state(LinkFlags::LowerUp), State::Down);
    assert_eq!(state(LinkFlags::Up), State::NoCarrier);
    assert_eq!(state(LinkFlags::Up | LinkFlags::LowerUp), State::Up);
}

#[test]
fn a_link_that_is_not_ethernet_has_no_station() {
    let mut message = ethernet(2, "ib0");
    message.header.link_layer_type = LinkLayerType::Infiniband;
    assert_eq!(only(&table([NewLink(message)])).mac, None);
}
