use bgp::Community;
use model::{Labels, Origins, PoolName, Requirement, Selector, Selectors, ServiceName};

use super::*;
use crate::facts::{Endpoints, Peer, Pool};

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs
        .iter()
        .map(|(key, value)| (key.to_string(), value.to_string()))
        .collect()
}

fn selectors(key: &str, values: &[&str]) -> Selectors {
    let one = |value: &&str| Selector(vec![Requirement::In(key.into(), [value.to_string()].into())]);
    Selectors(values.iter().map(one).collect())
}

fn name(node: &str) -> NodeName {
    NodeName(node.into())
}

fn peer(name: &str, nodes: &[&str]) -> Peer {
    Peer {
        name: PeerName(name.into()),
        nodes: selectors("host", nodes),
        families: [Family::V4, Family::V6].into(),
    }
}

fn node(host: &str) -> (NodeName, Node) {
    let node = Node {
        labels: labels(&[("host", host)]),
        ..Node::default()
    };
    (name(host), node)
}

/// Nodes n1 to n3, none of them Ready; pool p of both families; peers a and b of all nodes, c of n3 alone.
fn facts(advertisements: &[BgpAdvertisement]) -> Facts {
    let pool = Pool {
        name: PoolName("p".into()),
        labels: labels(&[("zone", "lan")]),
        ranges: vec!["192.0.2.0/24".parse().unwrap(), "2001:db8::/64".parse().unwrap()],
    };
    Facts {
        nodes: ["n1", "n2", "n3"].into_iter().map(node).collect(),
        pools: vec![pool],
        bgp_advertisements: advertisements.to_vec(),
        peers: vec![peer("a", &[]), peer("b", &[]), peer("c", &["n3"])],
        ..Facts::default()
    }
}

/// With two endpoints on n2 and one on n3.
fn service(addresses: &[&str]) -> Service {
    Service {
        name: ServiceName::new("default", "web"),
        labels: labels(&[("tier", "front")]),
        addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
        origins: Origins::default(),
        traffic_policy: TrafficPolicy::Cluster,
        health_check_port: None,
        endpoints: Endpoints::from_iter([(name("n2"), 2), (name("n3"), 1)]),
    }
}

fn local(service: Service) -> Service {
    Service {
        traffic_policy: TrafficPolicy::Local,
        ..service
    }
}

fn advertisement(name: &str) -> BgpAdvertisement {
    BgpAdvertisement {
        name: name.into(),
        ..BgpAdvertisement::default()
    }
}

/// With this community and local preference.
fn with(name: &str, community: &str, local_pref: Option<u32>) -> BgpAdvertisement {
    let community: Community = community.parse().unwrap();
    BgpAdvertisement {
        attributes: Arc::new(Attributes {
            local_pref,
            communities: [community].into(),
            ..Attributes::default()
        }),
        ..advertisement(name)
    }
}

/// `prefix peers` of each export of a node.
fn shown(facts: &Facts, me: &str, service: &Service) -> Vec<String> {
    let exports = exports(facts, &name(me), service).unwrap();
    let show = |export: Export| {
        let peers: Vec<_> = export.peers.iter().map(ToString::to_string).collect();
        format!("{} {}", export.prefix, peers.join(","))
    };
    exports.into_iter().map(show).collect()
}

fn reason(facts: &Facts, me: &str, service: &Service) -> String {
    exports(facts, &name(me), service).unwrap_err().to_string()
}

fn who(facts: &Facts, service: &Service) -> Vec<String> {
    let plan = bgp(facts, service).unwrap();
    plan.nodes.keys().map(ToString::to_string).collect()
}

/// P-BGP-1, P-BGP-66, P-BGP-22, P-CFG-12
#[test]
fn every_node_announces_to_every_peer_that_it_has_a_session_with() {
    let facts = facts(&[advertisement("all")]);
    let web = service(&["192.0.2.1"]);
    assert_eq!(shown(&facts, "n1", &web), ["192.0.2.1/32 a,b"]);
    assert_eq!(shown(&facts, "n3", &web), ["192.0.2.1/32 a,b,c"]);
    let plan = bgp(&facts, &web).unwrap();
    let peers = |node: &str| plan.nodes[&name(node)].len();
    assert_eq!((peers("n1"), peers("n2"), peers("n3")), (2, 2, 3));
}

/// P-BGP-2, P-BGP-3, P-BGP-5
#[test]
fn with_local_policy_only_nodes_with_an_endpoint_announce() {
    let facts = facts(&[advertisement("all")]);
    let web = local(service(&["192.0.2.1", "2001:db8::1"]));
    assert_eq!(who(&facts, &web), ["n2", "n3"]);
    assert_eq!(
        reason(&facts, "n1", &web),
        "this node has no usable endpoint (externalTrafficPolicy: Local)"
    );
    let gone = Service {
        endpoints: Endpoints::default(),
        ..web
    };
    assert_eq!(bgp(&facts, &gone), Err(Reason::NoEndpoints));
    assert_eq!(
        exports(&facts, &name("n2"), &gone),
        Err(BgpReason::Everywhere(Reason::NoEndpoints))
    );
}

/// P-BGP-6, P-BGP-7
#[test]
fn excluded_and_unavailable_nodes_announce_nothing_and_one_that_is_not_ready_does() {
    let mut facts = facts(&[advertisement("all")]);
    let web = service(&["192.0.2.1"]);
    facts.nodes.get_mut(&name("n1")).unwrap().excluded = true;
    facts.nodes.get_mut(&name("n2")).unwrap().network_unavailable = true;
    assert_eq!(who(&facts, &web), ["n3"]);
    assert!(reason(&facts, "n1", &web).contains("exclude-from-external-load-balancers"));
    assert!(reason(&facts, "n2", &web).contains("NetworkUnavailable"));
    assert_eq!(reason(&facts, "n4", &web), "this node is no Node of the cluster");
    facts.nodes.remove(&name("n3"));
    assert_eq!(bgp(&facts, &web).unwrap_err().word(), "NoNode");
}

/// P-BGP-10, P-ALLOC-60
#[test]
fn an_address_is_announced_by_the_word_of_its_pool() {
    let facts = facts(&[advertisement("all")]);
    assert_eq!(bgp(&facts, &service(&[])), Err(Reason::NoAddress));
    let outside = service(&["198.51.100.1"]);
    assert_eq!(bgp(&facts, &outside).unwrap_err().word(), "AddressNotInPool");
    let kept = Service {
        origins: Origins::from_iter([("198.51.100.1".parse().unwrap(), PoolName("p".into()))]),
        ..outside
    };
    assert_eq!(shown(&facts, "n1", &kept), ["198.51.100.1/32 a,b"]);
}

/// P-BGP-58, P-BGP-71, P-BGP-72, P-CFG-10
#[test]
fn an_advertisement_has_to_match_both_pool_and_service() {
    let matching = BgpAdvertisement {
        pools: [PoolName("missing".into())].into(),
        pool_selectors: selectors("zone", &["lan"]),
        services: selectors("tier", &["back", "front"]),
        ..advertisement("one")
    };
    let web = service(&["192.0.2.1"]);
    assert_eq!(who(&facts(std::slice::from_ref(&matching)), &web).len(), 3);
    let other_pool = BgpAdvertisement {
        pool_selectors: Selectors::default(),
        ..matching.clone()
    };
    let other_service = BgpAdvertisement {
        services: selectors("tier", &["back"]),
        ..matching
    };
    for other in [other_pool, other_service] {
        let nothing = Err(Reason::NoMatchingAdvertisement(PoolName("p".into())));
        assert_eq!(bgp(&facts(&[other]), &web), nothing);
    }
}

#[test]
fn an_address_whose_pool_nobody_advertises_does_not_keep_back_the_other() {
    let mut facts = facts(&[BgpAdvertisement {
        pools: [PoolName("p".into())].into(),
        ..advertisement("one")
    }]);
    facts.pools.push(Pool {
        name: PoolName("q".into()),
        labels: Labels::new(),
        ranges: vec!["198.51.100.0/24".parse().unwrap()],
    });
    let moving = service(&["198.51.100.1", "192.0.2.1"]);
    assert_eq!(shown(&facts, "n1", &moving), ["192.0.2.1/32 a,b"]);
}

/// P-BGP-67, P-BGP-68, P-BGP-69, P-BGP-70
#[test]
fn next_hops_are_the_nodes_that_some_matching_advertisement_selects() {
    let from = |name: &str, nodes: &[&str]| BgpAdvertisement {
        nodes: selectors("host", nodes),
        ..advertisement(name)
    };
    let web = service(&["192.0.2.1"]);
    let mut facts = facts(&[from("x", &["n1"]), from("y", &["n2"])]);
    assert_eq!(who(&facts, &web), ["n1", "n2"]);
    assert_eq!(
        reason(&facts, "n3", &web),
        "this node is selected by no matching advertisement"
    );
    facts.nodes.get_mut(&name("n3")).unwrap().labels = labels(&[("host", "n1")]);
    assert_eq!(who(&facts, &web), ["n1", "n2", "n3"]);
    facts.bgp_advertisements = vec![from("x", &["nowhere"])];
    assert_eq!(bgp(&facts, &web).unwrap_err().word(), "NoNode");
}

/// P-BGP-64, P-BGP-65, P-BGP-66
#[test]
fn a_route_goes_to_the_peers_that_its_advertisement_names() {
    let to = |name: &str, peer: &str, community: &str| BgpAdvertisement {
        peers: [PeerName(peer.into())].into(),
        ..with(name, community, None)
    };
    let web = service(&["192.0.2.1", "2001:db8::1"]);
    let both = facts(&[to("x", "a", "65000:1"), to("y", "b", "65000:2")]);
    let exports = exports(&both, &name("n1"), &web).unwrap();
    let shown: Vec<_> = exports
        .iter()
        .map(|export| {
            let communities: Vec<_> = export
                .attributes
                .communities
                .iter()
                .map(ToString::to_string)
                .collect();
            format!("{} {:?} {}", export.prefix, export.peers, communities.join(","))
        })
        .collect();
    assert_eq!(
        shown,
        [
            r#"192.0.2.1/32 {PeerName("a")} 65000:1"#,
            r#"192.0.2.1/32 {PeerName("b")} 65000:2"#,
            r#"2001:db8::1/128 {PeerName("a")} 65000:1"#,
            r#"2001:db8::1/128 {PeerName("b")} 65000:2"#,
        ]
    );
    let nobody = facts(&[to("x", "ghost", "65000:1"), to("y", "c", "65000:1")]);
    assert_eq!(who(&nobody, &web), ["n3"]);
    assert_eq!(
        reason(&nobody, "n1", &web),
        "this node has a session with no BGPPeer that a matching BGPAdvertisement announces to"
    );
}

/// P-BGP-61, P-BGP-63, P-BGP-75
#[test]
fn the_prefix_is_the_address_masked_to_the_aggregation_length() {
    let aggregated = BgpAdvertisement {
        length_v4: 26,
        length_v6: 64,
        ..with("x", "65000:1", Some(200))
    };
    let single = BgpAdvertisement {
        services: selectors("tier", &["front"]),
        ..with("y", "65000:2", Some(300))
    };
    let web = service(&["192.0.2.77", "2001:db8::7"]);
    assert_eq!(
        shown(&facts(&[aggregated, single]), "n1", &web),
        [
            "192.0.2.64/26 a,b",
            "192.0.2.77/32 a,b",
            "2001:db8::/64 a,b",
            "2001:db8::7/128 a,b"
        ]
    );
}

/// P-BGP-78
#[test]
fn advertisements_that_want_one_route_otherwise_keep_the_node_from_announcing_it() {
    let on = |name: &str, local_pref, nodes: &[&str], peers: &[&str]| BgpAdvertisement {
        nodes: selectors("host", nodes),
        peers: peers.iter().map(|peer| PeerName((*peer).into())).collect(),
        services: selectors("tier", &["front"]),
        ..with(name, "65000:1", local_pref)
    };
    let web = service(&["192.0.2.1"]);
    let met = facts(&[
        on("x", Some(200), &["n1", "n2"], &[]),
        on("y", None, &["n2", "n3"], &["b"]),
    ]);
    assert_eq!(who(&met, &web), ["n1", "n3"]);
    assert_eq!(
        reason(&met, "n2", &web),
        "this node would announce 192.0.2.1/32 to BGPPeer b with localPref of BGPAdvertisement x and with another of y: give both the \
         same, or let their selectors, peers or nodes differ"
    );
    // Unset is 100; peers that do not meet, and a selector that matches no node, are no conflict.
    for apart in [
        [on("x", Some(100), &[], &[]), on("y", None, &[], &[])],
        [on("x", Some(200), &[], &["a"]), on("y", None, &[], &["b"])],
        [on("x", Some(200), &["nowhere"], &[]), on("y", None, &[], &[])],
    ] {
        assert_eq!(who(&facts(&apart), &web), ["n1", "n2", "n3"]);
    }
}

#[test]
fn of_two_that_conflict_the_one_that_yields_leaves_the_route_to_the_other() {
    let firm = BgpAdvertisement {
        peers: [PeerName("b".into())].into(),
        ..with("firm", "65000:1", Some(200))
    };
    let yielding = BgpAdvertisement {
        yields: true,
        ..with("yielding", "65000:2", None)
    };
    let web = service(&["192.0.2.1"]);
    let both = facts(&[yielding.clone(), firm.clone()]);
    assert_eq!(shown(&both, "n1", &web), ["192.0.2.1/32 a", "192.0.2.1/32 b"]);
    let same = BgpAdvertisement {
        attributes: firm.attributes.clone(),
        ..yielding.clone()
    };
    assert_eq!(
        shown(&facts(&[same, firm]), "n1", &web),
        ["192.0.2.1/32 a,b", "192.0.2.1/32 b"]
    );
    let other = BgpAdvertisement {
        yields: true,
        ..with("other", "65000:1", Some(300))
    };
    assert!(
        reason(&facts(&[yielding, other]), "n1", &web).contains("localPref of BGPAdvertisement yielding")
    );
}

/// P-BGP-59
#[test]
fn a_route_with_more_than_63_communities_is_not_announced() {
    let with = |name: &str, communities: std::ops::Range<u32>| BgpAdvertisement {
        attributes: Arc::new(Attributes {
            communities: communities.map(Community).collect(),
            ..Attributes::default()
        }),
        ..advertisement(name)
    };
    let web = service(&["192.0.2.1"]);
    assert_eq!(who(&facts(&[with("x", 0..40), with("y", 20..63)]), &web).len(), 3);
    let reason = reason(&facts(&[with("x", 0..40), with("y", 20..64)]), "n1", &web);
    assert_eq!(
        reason,
        "this node would announce 192.0.2.1/32 with 64 communities of all BGPAdvertisements together: at most 63 are announced"
    );
}

/// P-BGP-11, W-8
#[test]
fn nodes_weigh_as_much_as_they_have_endpoints_where_the_policy_is_local() {
    let weighted = BgpAdvertisement {
        weighted: true,
        ..advertisement("all")
    };
    let weights = |service: &Service| {
        let of = |node: &str| {
            exports(&facts(std::slice::from_ref(&weighted)), &name(node), service).unwrap()[0].clone()
        };
        ["n2", "n3"].map(|node| of(node).attributes.link_bandwidth.map(|weight| weight.0))
    };
    let web = service(&["192.0.2.1"]);
    assert_eq!(weights(&web), [None, None]);
    assert_eq!(weights(&local(web)), [Some(250_000), Some(125_000)]);
}

/// P-BGP-49
#[test]
fn an_address_goes_to_sessions_of_its_family_and_without_any_the_reason_is_known() {
    let mut facts = facts(&[advertisement("all")]);
    for peer in &mut facts.peers {
        peer.families = [Family::V4].into();
    }
    let both = service(&["192.0.2.1", "2001:db8::1"]);
    let prefixes = |service| -> Vec<String> {
        let exports = exports(&facts, &name("n1"), service).unwrap();
        exports.iter().map(|export| export.prefix.to_string()).collect()
    };
    assert_eq!(prefixes(&both), ["192.0.2.1/32"]);
    let alone = service(&["2001:db8::1"]);
    let reason = exports(&facts, &name("n1"), &alone).unwrap_err();
    assert_eq!(reason, BgpReason::Here(NodeReason::NoPeerOfFamily(Family::V6)));
    assert!(
        bgp(&facts, &alone)
            .unwrap_err()
            .to_string()
            .contains("no session that carries IPv6")
    );
}

/// F30 of faults.md
#[test]
fn a_node_whose_local_endpoints_all_terminate_is_to_be_avoided() {
    let internal = BgpAdvertisement {
        attributes: Arc::new(Attributes {
            local_pref: Some(200),
            communities: [Community(7)].into(),
            ..Attributes::default()
        }),
        weighted: true,
        ..advertisement("all")
    };
    let facts = facts(&[internal]);
    let mut web = local(service(&["192.0.2.1"]));
    // One of n2 stays, the only one of n3 does not.
    web.endpoints = Endpoints::from_iter([(name("n2"), 1)]);
    web.endpoints.count(Some(name("n2")), true);
    web.endpoints.count(Some(name("n3")), true);
    let of = |node: &str, service: &Service| {
        let exports = exports(&facts, &name(node), service).unwrap();
        Attributes::clone(&exports[0].attributes)
    };
    let stays = of("n2", &web);
    assert_eq!(stays.local_pref, Some(200));
    assert_eq!(stays.link_bandwidth, Some(LinkBandwidth(WEIGHT)));
    assert_eq!(stays.communities, [Community(7)].into());
    let leaves = of("n3", &web);
    assert!(leaves.leaving && !stays.leaving);
    assert_eq!(
        (leaves.local_pref, leaves.communities),
        (stays.local_pref, stays.communities)
    );
    // Where any endpoint of the cluster will do, it does not matter where they are.
    web.traffic_policy = TrafficPolicy::Cluster;
    assert_eq!(of("n3", &web), of("n1", &web));
}

/// P-BGP-78
#[test]
fn what_advertisements_disagree_on_is_told_of_a_node_that_is_to_be_avoided_too() {
    let of = |one: &str, local_pref| BgpAdvertisement {
        attributes: Arc::new(Attributes {
            local_pref: Some(local_pref),
            ..Attributes::default()
        }),
        ..advertisement(one)
    };
    let mut web = local(service(&["192.0.2.1"]));
    web.endpoints = Endpoints::default();
    web.endpoints.count(Some(name("n3")), true);
    let refused = exports(&facts(&[of("x", 1), of("y", 2)]), &name("n3"), &web);
    assert!(
        matches!(refused, Err(BgpReason::Here(NodeReason::Conflict { .. }))),
        "{refused:?}"
    );
}
