use model::{Labels, Origins, PoolName, Requirement, Selector, Selectors};

use super::*;
use crate::facts::{Endpoints, L2Advertisement, Node, Pool, Preference, TrafficPolicy};

mod sharing;

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs
        .iter()
        .map(|(key, value)| (key.to_string(), value.to_string()))
        .collect()
}

fn selector(key: &str, value: &str) -> Selector {
    Selector(vec![Requirement::In(key.into(), [value.to_owned()].into())])
}

fn selectors(pairs: &[(&str, &str)]) -> Selectors {
    Selectors(pairs.iter().map(|(key, value)| selector(key, value)).collect())
}

fn name(node: &str) -> NodeName {
    NodeName(node.into())
}

fn ready_node(node: &str) -> (NodeName, Node) {
    (
        name(node),
        Node {
            labels: labels(&[("host", node)]),
            ready: true,
            ..Node::default()
        },
    )
}

/// Nodes n1 to n3, one pool, one advertisement for everything.
fn facts() -> Facts {
    let pool = Pool {
        name: PoolName("p".into()),
        labels: labels(&[("zone", "lan")]),
        ranges: vec!["192.0.2.0/24".parse().unwrap(), "2001:db8::/64".parse().unwrap()],
    };
    Facts {
        nodes: ["n1", "n2", "n3"].into_iter().map(ready_node).collect(),
        pools: vec![pool],
        l2_advertisements: vec![L2Advertisement {
            name: "all".into(),
            ..L2Advertisement::default()
        }],
        ..Facts::default()
    }
}

fn service() -> Service {
    Service {
        name: ServiceName::new("default", "web"),
        labels: labels(&[("tier", "front")]),
        addresses: vec!["192.0.2.1".parse().unwrap()],
        origins: Origins::default(),
        traffic_policy: TrafficPolicy::Cluster,
        health_check_port: None,
        endpoints: Endpoints::from_iter([(name("n2"), 1)]),
    }
}

/// A Service that shares nothing.
fn judge(facts: &Facts, service: &Service) -> Result<Plan, Reason> {
    layer2(facts, &[service]).remove(&service.name).unwrap()
}

fn who(facts: &Facts, service: &Service) -> Vec<String> {
    judge(facts, service)
        .unwrap()
        .candidates
        .keys()
        .map(ToString::to_string)
        .collect()
}

/// P-L2-1, P-L2-2, P-L2-13
#[test]
fn with_local_policy_only_nodes_with_an_endpoint_may() {
    assert_eq!(who(&facts(), &service()), ["n1", "n2", "n3"]);
    let local = Service {
        traffic_policy: TrafficPolicy::Local,
        ..service()
    };
    assert_eq!(who(&facts(), &local), ["n2"]);
}

/// F30
#[test]
fn a_node_whose_endpoints_all_terminate_is_marked_where_its_own_endpoints_matter() {
    let mut endpoints = Endpoints::from_iter([(name("n2"), 1)]);
    endpoints.count(Some(name("n1")), true);
    endpoints.count(Some(name("n2")), true);
    let local = Service {
        traffic_policy: TrafficPolicy::Local,
        endpoints,
        ..service()
    };
    let marked = |services: &[&Service]| -> Vec<(String, LocalEndpoints)> {
        let plan = layer2(&facts(), services).remove(&local.name).unwrap().unwrap();
        let of = |(node, candidate): (&NodeName, &Candidate)| (node.to_string(), candidate.endpoints);
        plan.candidates.iter().map(of).collect()
    };
    let expected = [
        ("n1".to_owned(), LocalEndpoints::Terminate),
        ("n2".to_owned(), LocalEndpoints::Stay),
    ];
    assert_eq!(marked(&[&local]), expected);
    let shared = Service {
        name: ServiceName::new("default", "also"),
        traffic_policy: TrafficPolicy::Cluster,
        ..local.clone()
    };
    assert_eq!(marked(&[&shared, &local]), expected, "one of them is enough");
    let cluster = Service {
        traffic_policy: TrafficPolicy::Cluster,
        ..local.clone()
    };
    assert!(
        marked(&[&cluster])
            .iter()
            .all(|(_, endpoints)| *endpoints == LocalEndpoints::Stay)
    );
}

#[test]
fn what_a_node_could_announce_is_what_the_pools_have_where_advertisements_say() {
    let mut facts = facts();
    assert_eq!(announceable(&facts, &name("n1")).interfaces, Interfaces::All);
    assert_eq!(announceable(&facts, &name("n1")).ranges.len(), 2);
    facts.l2_advertisements[0].interfaces = ["eth1".to_owned()].into();
    let only = Interfaces::Named(["eth1".to_owned()].into());
    assert_eq!(announceable(&facts, &name("n1")).interfaces, only);
    facts.l2_advertisements[0].nodes = selectors(&[("host", "n2")]);
    assert_eq!(announceable(&facts, &name("n1")), Announceable::default());
}

/// P-L2-5
#[test]
fn without_a_usable_endpoint_nobody_may() {
    let without = Service {
        endpoints: Endpoints::default(),
        ..service()
    };
    assert_eq!(judge(&facts(), &without), Err(Reason::NoEndpoints));
    let mut outside = without;
    outside.endpoints.count(None, false);
    assert_eq!(who(&facts(), &outside), ["n1", "n2", "n3"]);
}

/// P-L2-8, P-L2-9, P-L2-11
#[test]
fn excluded_and_unavailable_nodes_are_left_out_and_named() {
    let mut facts = facts();
    facts.nodes.get_mut(&name("n1")).unwrap().excluded = true;
    facts.nodes.get_mut(&name("n2")).unwrap().network_unavailable = true;
    assert_eq!(who(&facts, &service()), ["n3"]);
    facts.nodes.get_mut(&name("n3")).unwrap().excluded = true;
    let reason = judge(&facts, &service()).unwrap_err();
    assert_eq!(reason.word(), "NoNode");
    assert!(
        reason
            .to_string()
            .contains("each of n1, n3 carries the label node.kubernetes.io/exclude-from-external-load-balancers; n2 has the condition"),
        "{reason}"
    );
}

#[test]
fn nodes_that_are_not_ready_may_only_where_no_ready_one_is_left() {
    let mut facts = facts();
    facts.nodes.get_mut(&name("n1")).unwrap().ready = false;
    assert_eq!(who(&facts, &service()), ["n2", "n3"]);
    for node in facts.nodes.values_mut() {
        node.ready = false;
    }
    assert_eq!(who(&facts, &service()), ["n1", "n2", "n3"]);
}

/// P-L2-17, P-L2-18, P-L2-20
#[test]
fn only_selected_nodes_may() {
    let mut facts = facts();
    facts.l2_advertisements[0].nodes = selectors(&[("host", "n1"), ("host", "n3")]);
    assert_eq!(who(&facts, &service()), ["n1", "n3"]);
    let local = Service {
        traffic_policy: TrafficPolicy::Local,
        ..service()
    };
    let reason = judge(&facts, &local).unwrap_err().to_string();
    assert!(
        reason.contains(
            "each of n1, n3 has no usable endpoint (externalTrafficPolicy: Local); n2 is selected by no"
        ),
        "{reason}"
    );
}

/// P-L2-37, P-L2-39, P-L2-40, P-CFG-10
#[test]
fn an_advertisement_has_to_match_both_pool_and_service() {
    let mut facts = facts();
    let advertisement = &mut facts.l2_advertisements[0];
    advertisement.pools = [PoolName("missing".into())].into();
    advertisement.services = selectors(&[("tier", "back"), ("tier", "front")]);
    let reason = judge(&facts, &service()).unwrap_err();
    assert_eq!(reason, Reason::NoMatchingAdvertisement(PoolName("p".into())));
    facts.l2_advertisements[0].pool_selectors = selectors(&[("zone", "lan")]);
    assert_eq!(who(&facts, &service()).len(), 3);
    facts.l2_advertisements[0].services = selectors(&[("tier", "back")]);
    assert_eq!(
        judge(&facts, &service()),
        Err(Reason::NoMatchingAdvertisement(PoolName("p".into())))
    );
}

/// P-L2-46, P-L2-47
#[test]
fn each_node_uses_the_interfaces_of_the_advertisements_that_select_it() {
    let mut facts = facts();
    let on = |nodes: &[(&str, &str)], interface: Option<&str>| L2Advertisement {
        nodes: selectors(nodes),
        interfaces: interface.into_iter().map(str::to_owned).collect(),
        ..L2Advertisement::default()
    };
    facts.l2_advertisements = vec![
        on(&[("host", "n1"), ("host", "n2")], Some("eth0")),
        on(&[("host", "n2"), ("host", "n3")], Some("eth1")),
        on(&[("host", "n3")], None),
    ];
    let plan = judge(&facts, &service()).unwrap();
    let of = |node: &str| plan.candidates[&name(node)].interfaces.clone();
    assert_eq!(of("n1"), Interfaces::Named(["eth0".to_owned()].into()));
    assert_eq!(
        of("n2"),
        Interfaces::Named(["eth0".to_owned(), "eth1".to_owned()].into())
    );
    assert_eq!(of("n3"), Interfaces::All);
}

/// P-L2-25, P-L2-26, P-L2-27, P-L2-28
#[test]
fn weights_add_up_within_the_nodes_and_services_of_their_advertisement() {
    let mut facts = facts();
    let weighing = |nodes: &[(&str, &str)], services: &[(&str, &str)], weight| L2Advertisement {
        nodes: selectors(nodes),
        services: selectors(services),
        preferences: vec![
            Preference {
                weight,
                nodes: selector("host", "n1"),
            },
            Preference {
                weight: 1,
                nodes: Selector::default(),
            },
        ],
        ..L2Advertisement::default()
    };
    facts.l2_advertisements = vec![
        weighing(&[], &[], 10),
        weighing(&[("host", "n2")], &[], 20),
        weighing(&[], &[("tier", "back")], 40),
    ];
    let plan = judge(&facts, &service()).unwrap();
    let weights: Vec<_> = plan
        .candidates
        .values()
        .map(|candidate| candidate.preference)
        .collect();
    assert_eq!(weights, [11, 2, 1]);
}

#[test]
fn every_address_has_to_be_in_a_pool_and_advertised() {
    let outside: IpAddr = "198.51.100.1".parse().unwrap();
    let two = Service {
        addresses: vec!["192.0.2.1".parse().unwrap(), outside],
        ..service()
    };
    assert_eq!(
        judge(&facts(), &two),
        Err(Reason::AddressNotInPool {
            address: outside,
            recorded: None
        })
    );
    assert_eq!(
        judge(
            &facts(),
            &Service {
                addresses: vec![],
                ..service()
            }
        ),
        Err(Reason::NoAddress)
    );
}

fn ip(address: &str) -> IpAddr {
    address.parse().unwrap()
}

/// The Service `name`, at these addresses, with an endpoint on each node.
fn sharing(name_of_it: &str, tier: &str, addresses: &[&str]) -> Service {
    Service {
        name: ServiceName::new("default", name_of_it),
        labels: labels(&[("tier", tier)]),
        addresses: addresses.iter().map(|address| ip(address)).collect(),
        endpoints: Endpoints::from_iter(["n1", "n2", "n3"].map(|node| (name(node), 1))),
        ..service()
    }
}

/// An advertisement of the Services of that tier from these nodes.
fn from(tier: &str, nodes: &[&str]) -> L2Advertisement {
    let nodes: Vec<_> = nodes.iter().map(|node| ("host", *node)).collect();
    L2Advertisement {
        nodes: selectors(&nodes),
        services: selectors(&[("tier", tier)]),
        ..L2Advertisement::default()
    }
}

/// P-ALLOC-59, P-ALLOC-60
#[test]
fn an_address_that_its_pool_covers_no_more_is_announced_as_before() {
    let mut facts = facts();
    let kept = Service {
        addresses: vec![ip("198.51.100.1")],
        origins: Origins::from_iter([(ip("198.51.100.1"), PoolName("p".into()))]),
        ..service()
    };
    assert_eq!(who(&facts, &kept), ["n1", "n2", "n3"]);
    facts.l2_advertisements[0].pools = [PoolName("q".into())].into();
    assert_eq!(
        judge(&facts, &kept),
        Err(Reason::NoMatchingAdvertisement(PoolName("p".into())))
    );
    facts.pools.clear();
    let reason = judge(&facts, &kept).unwrap_err();
    assert_eq!(reason.word(), "AddressNotInPool");
    assert!(
        reason
            .to_string()
            .starts_with("198.51.100.1 is in no IPPool, and IPPool p that it was given from is not there"),
        "{reason}"
    );
}

/// P-ALLOC-58
#[test]
fn the_pool_that_covers_an_address_now_counts_and_not_the_one_that_it_was_given_from() {
    let mut facts = facts();
    facts.pools.push(Pool {
        name: PoolName("q".into()),
        labels: Labels::new(),
        ranges: vec!["198.51.100.0/24".parse().unwrap()],
    });
    facts.l2_advertisements[0].pools = [PoolName("q".into())].into();
    let moved = Service {
        addresses: vec![ip("198.51.100.1")],
        origins: Origins::from_iter([(ip("198.51.100.1"), PoolName("p".into()))]),
        ..service()
    };
    assert_eq!(who(&facts, &moved).len(), 3);
}

#[test]
fn addresses_of_two_pools_need_a_node_that_both_pools_are_advertised_from() {
    let mut facts = facts();
    facts.pools.push(Pool {
        name: PoolName("q".into()),
        labels: Labels::new(),
        ranges: vec!["198.51.100.0/24".parse().unwrap()],
    });
    let of = |pool: &str, nodes: &[&str]| L2Advertisement {
        pools: [PoolName(pool.into())].into(),
        ..from("front", nodes)
    };
    facts.l2_advertisements = vec![of("p", &["n1", "n2"]), of("q", &["n2", "n3"])];
    let moving = sharing("moving", "front", &["192.0.2.1", "198.51.100.1"]);
    assert_eq!(who(&facts, &moving), ["n2"]);
    facts.l2_advertisements.pop();
    assert_eq!(
        judge(&facts, &moving),
        Err(Reason::NoMatchingAdvertisement(PoolName("q".into())))
    );
}

#[test]
fn possible_are_the_nodes_that_an_advertisement_selects_and_nothing_keeps_away() {
    let mut facts = facts();
    facts.nodes.get_mut(&name("n2")).unwrap().excluded = true;
    assert_eq!(possible(&facts), [name("n1"), name("n3")].into());
    facts.l2_advertisements = vec![from("front", &["n1", "n2"])];
    assert_eq!(possible(&facts), [name("n1")].into());
    facts.l2_advertisements.clear();
    assert!(possible(&facts).is_empty());
}
