use bgp::Community;
use proptest::prelude::*;

use super::*;

fn service(name: &str) -> ServiceName {
    ServiceName::new("default", name)
}

fn export(prefix: &str, peers: &[&str], attributes: Attributes) -> Export {
    Export {
        peers: Arc::new(peers.iter().map(|peer| PeerName((*peer).into())).collect()),
        prefix: prefix.parse().unwrap(),
        attributes: Arc::new(attributes),
    }
}

fn community(community: u32) -> Attributes {
    Attributes {
        communities: [Community(community)].into(),
        ..Attributes::default()
    }
}

fn weight(weight: u32) -> Attributes {
    Attributes {
        link_bandwidth: Some(LinkBandwidth(weight)),
        ..Attributes::default()
    }
}

fn peer(name: &str) -> PeerName {
    PeerName(name.into())
}

fn route(exports: &mut Exports, to: &str, prefix: &str) -> Option<Arc<Attributes>> {
    let table = exports.tables().get(&peer(to))?;
    table.get(&prefix.parse().unwrap()).cloned()
}

/// P-BGP-9, P-BGP-12, P-BGP-61
#[test]
fn a_route_is_there_while_any_service_needs_it() {
    let mut exports = Exports::default();
    let aggregate = || vec![export("192.0.2.0/24", &["a"], community(1))];
    exports.set(service("x"), aggregate());
    exports.set(service("y"), aggregate());
    exports.set(
        service("z"),
        vec![export("192.0.2.9/32", &["a", "b"], community(1))],
    );
    assert_eq!(exports.tables()[&peer("a")].len(), 2);
    exports.remove(&service("x"));
    assert!(route(&mut exports, "a", "192.0.2.0/24").is_some());
    exports.set(service("y"), vec![]);
    assert_eq!(route(&mut exports, "a", "192.0.2.0/24"), None);
    assert!(route(&mut exports, "b", "192.0.2.9/32").is_some());
    exports.remove(&service("z"));
    assert!(exports.tables().is_empty());
}

/// P-BGP-59, P-BGP-76, P-BGP-77
#[test]
fn what_makes_one_route_gives_it_all_its_communities() {
    let mut exports = Exports::default();
    exports.set(
        service("x"),
        vec![
            export("192.0.2.1/32", &["a", "b"], community(1)),
            export("192.0.2.1/32", &["b"], community(2)),
        ],
    );
    exports.set(service("y"), vec![export("192.0.2.2/32", &["b"], community(3))]);
    assert_eq!(*route(&mut exports, "a", "192.0.2.1/32").unwrap(), community(1));
    let both = Attributes {
        communities: [Community(1), Community(2)].into(),
        ..Attributes::default()
    };
    assert_eq!(*route(&mut exports, "b", "192.0.2.1/32").unwrap(), both);
    assert_eq!(*route(&mut exports, "b", "192.0.2.2/32").unwrap(), community(3));
}

/// P-BGP-60, P-BGP-73, P-BGP-74
#[test]
fn an_edit_changes_the_routes_that_it_concerns_in_place() {
    let mut exports = Exports::default();
    exports.set(service("x"), vec![export("192.0.2.1/32", &["a"], community(1))]);
    exports.set(service("y"), vec![export("192.0.2.2/32", &["a"], community(1))]);
    let before = exports.tables()[&peer("a")].clone();
    exports.set(service("x"), vec![export("192.0.2.1/32", &["a"], community(2))]);
    let after = exports.tables()[&peer("a")].clone();
    assert!(before.keys().eq(after.keys()));
    let changed: Vec<_> = after
        .iter()
        .filter(|(prefix, route)| before[*prefix] != **route)
        .collect();
    assert_eq!(changed.len(), 1);
    exports.set(service("x"), vec![export("192.0.2.0/24", &["a"], community(2))]);
    let prefixes: Vec<_> = exports.tables()[&peer("a")]
        .keys()
        .map(ToString::to_string)
        .collect();
    assert_eq!(prefixes, ["192.0.2.0/24", "192.0.2.2/32"]);
}

#[test]
fn weights_of_services_add_up_and_one_service_counts_once() {
    let mut exports = Exports::default();
    let twice = vec![
        export("192.0.2.1/32", &["a"], weight(5)),
        export("192.0.2.1/32", &["a"], weight(5)),
    ];
    exports.set(service("x"), twice);
    exports.set(service("y"), vec![export("192.0.2.1/32", &["a"], weight(3))]);
    assert_eq!(*route(&mut exports, "a", "192.0.2.1/32").unwrap(), weight(8));
}

#[test]
fn of_what_a_route_has_one_of_the_most_attractive_counts_whatever_the_order() {
    let one = Attributes {
        local_pref: Some(90),
        med: Some(7),
        prepend: 2,
        ..Attributes::default()
    };
    let other = Attributes {
        prepend: 1,
        ..Attributes::default()
    };
    let merged = |first: &Attributes, second: &Attributes| {
        let mut exports = Exports::default();
        exports.set(service("x"), vec![export("192.0.2.1/32", &["a"], first.clone())]);
        exports.set(service("y"), vec![export("192.0.2.1/32", &["a"], second.clone())]);
        route(&mut exports, "a", "192.0.2.1/32").unwrap()
    };
    assert_eq!(*merged(&one, &other), other);
    assert_eq!(merged(&one, &other), merged(&other, &one));
    let usual = Attributes {
        local_pref: Some(100),
        ..Attributes::default()
    };
    assert_eq!(
        merged(&usual, &Attributes::default()),
        merged(&Attributes::default(), &usual)
    );
}

/// P-CFG-41, P-BGP-24
#[test]
fn a_table_that_does_not_change_is_the_same_and_peers_that_get_the_same_share_it() {
    let mut exports = Exports::default();
    let to_both = |prefix: &str| vec![export(prefix, &["a", "b"], community(1))];
    exports.set(service("x"), to_both("192.0.2.1/32"));
    let before = exports.tables().clone();
    assert!(Arc::ptr_eq(&before[&peer("a")], &before[&peer("b")]));
    exports.set(service("x"), to_both("192.0.2.1/32"));
    exports.set(service("y"), vec![export("192.0.2.2/32", &["c"], community(1))]);
    let after = exports.tables().clone();
    assert!(Arc::ptr_eq(&before[&peer("a")], &after[&peer("a")]));
    exports.set(service("z"), to_both("192.0.2.3/32"));
    let tables = exports.tables().clone();
    assert!(Arc::ptr_eq(&tables[&peer("a")], &tables[&peer("b")]));
    // A peer that comes later shares the table too, and the attributes are one.
    exports.set(
        service("x"),
        vec![export("192.0.2.1/32", &["a", "b", "d"], community(1))],
    );
    exports.set(
        service("z"),
        vec![export("192.0.2.3/32", &["a", "b", "d"], community(1))],
    );
    let tables = exports.tables();
    assert!(Arc::ptr_eq(&tables[&peer("a")], &tables[&peer("d")]));
    let routes: Vec<_> = tables.values().flat_map(|table| table.values()).collect();
    assert!(routes.iter().all(|route| Arc::ptr_eq(route, routes[0])));
}

#[test]
fn nothing_is_kept_of_what_nobody_announces() {
    let mut exports = Exports::default();
    for round in 0..3 {
        exports.set(
            service("x"),
            vec![export("192.0.2.1/32", &["a"], community(round))],
        );
        exports.tables();
    }
    assert_eq!((exports.attributes.len(), exports.peers.len()), (1, 1));
    exports.remove(&service("x"));
    exports.tables();
    assert!(exports.attributes.is_empty() && exports.peers.is_empty() && exports.users.is_empty());
}

/// What a peer is to get, worked out anew from all that is set.
fn naive(set: &BTreeMap<ServiceName, Vec<Export>>) -> BTreeMap<PeerName, Table> {
    let mut communities: BTreeMap<(PeerName, IpNet), Attributes> = BTreeMap::new();
    for exports in set.values() {
        let mut weights: BTreeMap<(PeerName, IpNet), u32> = BTreeMap::new();
        for export in exports {
            for peer in export.peers.iter() {
                let key = (peer.clone(), export.prefix);
                let route = communities.entry(key.clone()).or_default();
                route.communities.extend(&export.attributes.communities);
                if let Some(LinkBandwidth(weight)) = export.attributes.link_bandwidth {
                    let most = weights.entry(key).or_default();
                    *most = weight.max(*most);
                }
            }
        }
        for (key, weight) in weights {
            let route = communities.get_mut(&key).unwrap();
            let before = route.link_bandwidth.map_or(0, |weight| weight.0);
            route.link_bandwidth = Some(LinkBandwidth(before + weight));
        }
    }
    let mut tables: BTreeMap<PeerName, Table> = BTreeMap::new();
    for ((peer, prefix), route) in communities {
        tables.entry(peer).or_default().insert(prefix, Arc::new(route));
    }
    tables
}

/// F30 of faults.md
#[test]
fn a_route_is_marked_while_all_who_need_it_are_about_to_withdraw_it() {
    let mut exports = Exports::default();
    let staying = community(1);
    let leaving = Attributes {
        leaving: true,
        local_pref: Some(200),
        ..community(2)
    };
    let is = |exports: &mut Exports, leaving, communities: &[u32]| {
        let route = route(exports, "a", "192.0.2.0/24").unwrap();
        assert_eq!((route.leaving, route.local_pref), (leaving, Some(200)));
        let expected = communities.iter().copied().map(Community).collect();
        assert_eq!(route.communities, expected);
    };
    for name in ["x", "z"] {
        exports.set(
            service(name),
            vec![export("192.0.2.0/24", &["a"], leaving.clone())],
        );
    }
    is(&mut exports, true, &[2]);
    exports.set(service("y"), vec![export("192.0.2.0/24", &["a"], staying)]);
    is(&mut exports, false, &[1, 2]);
    exports.remove(&service("x"));
    is(&mut exports, false, &[1, 2]);
    exports.remove(&service("y"));
    is(&mut exports, true, &[2]);
}

fn any_export() -> impl Strategy<Value = Export> {
    let prefixes = prop::sample::select(vec![
        "192.0.2.0/24",
        "192.0.2.1/32",
        "192.0.2.2/32",
        "2001:db8::1/128",
    ]);
    let peers = prop::sample::subsequence(vec!["a", "b", "c"], 1..=3);
    (prefixes, peers, 0..3u32, prop::option::of(1..9u32)).prop_map(|(prefix, peers, of, weight)| {
        let attributes = Attributes {
            link_bandwidth: weight.map(LinkBandwidth),
            ..community(of)
        };
        export(prefix, &peers, attributes)
    })
}

proptest! {
    #[test]
    fn tables_are_what_working_them_out_anew_gives(
        steps in prop::collection::vec(
            (0..4u8, prop::collection::vec(any_export(), 0..4), prop::bool::ANY),
            1..40,
        ),
    ) {
        let mut exports = Exports::default();
        let mut set = BTreeMap::new();
        for (name, wanted, look) in steps {
            let name = service(&name.to_string());
            exports.set(name.clone(), wanted.clone());
            set.insert(name, wanted);
            if look {
                let tables: BTreeMap<_, _> = exports
                    .tables()
                    .iter()
                    .map(|(peer, table)| (peer.clone(), Table::clone(table)))
                    .collect();
                prop_assert_eq!(tables, naive(&set));
            }
        }
    }
}
