use l2::Mac;

use super::*;
use crate::kernel::links::State;

fn link(index: u32, name: &str, nets: &[&str]) -> (String, Link) {
    let link = Link {
        mac: Mac::new([2, 0, 0, 0, 0, u8::try_from(index).unwrap()]).ok(),
        subnets: nets.iter().map(|net| net.parse().unwrap()).collect(),
        own: nets
            .iter()
            .map(|net| net.parse::<IpNet>().unwrap().addr())
            .collect(),
        ..Link::new(index, name)
    };
    (name.to_owned(), link)
}

/// Two networks, and an interface that is left out.
fn links() -> Links {
    Links::from([
        link(1, "eth0", &["192.0.2.1/24"]),
        link(2, "eth1", &["198.51.100.1/24", "192.0.2.129/25"]),
        link(3, "veth0", &["192.0.2.1/24"]),
    ])
}

fn named(names: &[&str]) -> Interfaces {
    Interfaces::Named(names.iter().map(|name| (*name).to_owned()).collect())
}

fn me() -> NodeName {
    NodeName("n1".into())
}

fn planned(ip: &str, wanted: Interfaces, links: &Links) -> Plan {
    let wanted = Wanted::only(&me(), [(ip.parse().unwrap(), wanted)]);
    plan(
        &me(),
        &wanted,
        links,
        &ExcludeList::default(),
        Others::Asked,
        &Served::All,
    )
}

/// The names of the interfaces that get an address.
fn homes(plan: &Plan) -> Vec<&str> {
    let busy = plan
        .interfaces
        .iter()
        .filter(|(_, assignment)| !assignment.candidacies(&me()).is_empty());
    busy.map(|(name, _)| name.as_str()).collect()
}

#[test]
fn an_address_goes_to_every_usable_interface_in_whose_subnets_it_lies() {
    assert_eq!(
        homes(&planned("192.0.2.200", Interfaces::All, &links())),
        ["eth0", "eth1"]
    );
    assert_eq!(homes(&planned("192.0.2.20", Interfaces::All, &links())), ["eth0"]);
}

#[test]
fn an_address_in_no_subnet_has_no_home() {
    let plan = planned("203.0.113.1", Interfaces::All, &links());
    assert_eq!(homes(&plan), [""; 0]);
    assert_eq!(
        plan.homeless,
        [("203.0.113.1".parse().unwrap(), NoInterface::NoSubnet)].into()
    );
}

#[test]
fn a_named_interface_takes_an_address_of_any_subnet_and_the_others_take_none() {
    assert_eq!(
        homes(&planned("203.0.113.1", named(&["eth0", "eth9"]), &links())),
        ["eth0"]
    );
    assert_eq!(
        homes(&planned("192.0.2.200", named(&["eth1"]), &links())),
        ["eth1"]
    );
}

/// P-L2-45, P-L2-48
#[test]
fn naming_an_interface_that_is_left_out_or_not_there_gives_no_home() {
    for names in [&["veth0"][..], &["eth9"], &[]] {
        let plan = planned("192.0.2.20", named(names), &links());
        assert_eq!((homes(&plan).len(), plan.homeless.len()), (0, 1));
    }
}

#[test]
fn a_node_tells_the_others_of_what_it_can_announce_on_no_interface() {
    let [here, nowhere]: [IpAddr; 2] = ["192.0.2.20", "203.0.113.1"].map(|ip| ip.parse().unwrap());
    let wanted = Wanted::only(&me(), [(here, Interfaces::All), (nowhere, Interfaces::All)]);
    let plan = plan(
        &me(),
        &wanted,
        &links(),
        &ExcludeList::default(),
        Others::Asked,
        &Served::All,
    );
    let eth0 = &plan.interfaces["eth0"];
    assert_eq!(eth0.candidacies(&me()), [here].into());
    assert_eq!(eth0.units[&UnitId(nowhere)].takes, Takes::None);
    assert!(plan.homeless.contains_key(&nowhere));
}

/// The names of the interfaces that are used where there is no Service.
fn idle(interfaces: Interfaces, range: &str) -> Vec<String> {
    let wanted = Wanted {
        announceable: Announceable {
            ranges: vec![range.parse().unwrap()],
            interfaces,
        },
        ..Wanted::default()
    };
    let plan = plan(
        &me(),
        &wanted,
        &links(),
        &ExcludeList::default(),
        Others::Asked,
        &Served::All,
    );
    plan.interfaces.into_keys().collect()
}

#[test]
fn an_interface_is_kept_ready_where_an_address_of_the_pools_could_be_announced() {
    assert_eq!(idle(Interfaces::All, "192.0.2.200-192.0.2.210"), ["eth0", "eth1"]);
    assert_eq!(idle(Interfaces::All, "198.51.0.0/16"), ["eth1"]);
    assert_eq!(idle(named(&["eth0"]), "203.0.113.0/24"), ["eth0"]);
}

#[test]
fn where_nothing_could_be_announced_nobody_is_told_anything() {
    assert_eq!(idle(Interfaces::All, "203.0.113.0/24"), [""; 0]);
    assert_eq!(idle(named(&[]), "192.0.2.0/24"), [""; 0]);
    let plan = plan(
        &me(),
        &Wanted::default(),
        &links(),
        &ExcludeList::default(),
        Others::Asked,
        &Served::All,
    );
    assert!(plan.interfaces.is_empty());
}

#[test]
fn the_first_and_the_last_address_of_a_subnet_are_no_host_s() {
    for ip in ["192.0.2.0", "192.0.2.255", "198.51.100.255"] {
        let plan = planned(ip, Interfaces::All, &links());
        assert_eq!(homes(&plan), [""; 0], "{ip}");
        let why = plan.homeless.into_values().next();
        assert!(matches!(why, Some(NoInterface::NoHost { .. })), "{ip}: {why:?}");
    }
    // That of one subnet is an ordinary one of another.
    let between = planned("192.0.2.128", Interfaces::All, &links());
    assert_eq!(homes(&between), ["eth0"]);
    let two = Links::from([link(1, "eth0", &["192.0.2.2/31"])]);
    assert_eq!(homes(&planned("192.0.2.3", Interfaces::All, &two)), ["eth0"]);
}

#[test]
fn an_interface_without_an_address_of_its_own_takes_nothing_and_is_named() {
    let mut links = Links::from([link(1, "eth0", &["192.0.2.1/24"]), link(2, "eth1", &[])]);
    let plan = planned("203.0.113.1", named(&["eth1"]), &links);
    let iface = "eth1".to_owned();
    assert_eq!(
        plan.homeless.into_values().collect::<Vec<_>>(),
        [NoInterface::Unaddressed { iface }]
    );
    links.get_mut("eth1").unwrap().own = ["fe80::1".parse().unwrap()].into();
    assert_eq!(homes(&planned("203.0.113.1", named(&["eth1"]), &links)), ["eth1"]);
}

#[test]
fn an_interface_without_carrier_gets_nothing() {
    let mut links = links();
    links.get_mut("eth0").unwrap().state = State::NoCarrier;
    let plan = planned("192.0.2.20", Interfaces::All, &links);
    assert!(!plan.interfaces.contains_key("eth0"));
    assert_eq!(plan.homeless.len(), 1);
}

#[test]
fn an_ipv6_address_lives_where_its_subnet_is_or_where_it_was_told_to() {
    let links = Links::from([
        link(1, "eth0", &["192.0.2.1/24", "2001:db8::1/64", "fe80::1/64"]),
        link(2, "eth1", &["fe80::2/64"]),
    ]);
    assert_eq!(homes(&planned("2001:db8::2", Interfaces::All, &links)), ["eth0"]);
    assert_eq!(
        homes(&planned("2001:db8::2", named(&["eth1"]), &links)),
        ["eth1"],
        "a link-local address is enough (N9)"
    );
    assert_eq!(planned("2001:db9::2", Interfaces::All, &links).homeless.len(), 1);
}
