use super::*;

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

use RouteNetlinkMessage::{DelAddress, DelLink, NewAddress, NewLink};

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
    assert_eq!(link.addresses, BTreeSet::from(nets));
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
    assert_eq!(only(&table).addresses, BTreeSet::new());
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
        only(&table).addresses,
        BTreeSet::from(["198.51.100.1/24".parse().unwrap()])
    );
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
        only(&table).addresses,
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

#[test]
fn a_port_knows_what_kind_of_interface_it_belongs_to() {
    let port = |kind| {
        let mut message = ethernet(2, "eth0");
        message
            .attributes
            .push(LinkAttribute::LinkInfo(vec![LinkInfo::PortKind(kind)]));
        message.attributes.push(LinkAttribute::Controller(7));
        only(&table([NewLink(message)])).port_of
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
