use super::*;

fn elsewhere() -> Pinned {
    Pinned {
        namespaces: ["team".to_owned()].into(),
        ..Pinned::default()
    }
}

/// Every way in which a pool can come not to give out 192.0.2.0 any more, with the rest of it as it was.
fn edits() -> Vec<(&'static str, Vec<Pool>)> {
    let before = || pool("a", &["192.0.2.0/30"]);
    vec![
        ("shrunk", vec![pool("a", &["192.0.2.1-192.0.2.3"])]),
        (
            "excluded",
            vec![Pool {
                excluded: ranges(&["192.0.2.0/32"]),
                ..before()
            }],
        ),
        (
            "buggy",
            vec![Pool {
                avoid_buggy_ips: true,
                ..before()
            }],
        ),
        ("pinned away", vec![pinned("a", &["192.0.2.0/30"], elsewhere())]),
        (
            "closed",
            vec![Pool {
                closed: true,
                ..before()
            }],
        ),
    ]
}

fn moving(pools: Vec<Pool>) -> Vec<Pool> {
    let moving = |pool| Pool {
        reclaim: Reclaim::Move,
        ..pool
    };
    pools.into_iter().map(moving).collect()
}

fn holding_the_first() -> Ipam {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/30"])]);
    assert_eq!(given(&mut ipam, &request("web")), ["192.0.2.0"]);
    ipam
}

/// DESIGN §7 in place of P-ALLOC-16, P-ALLOC-57, P-ALLOC-59 and P-ALLOC-61.
#[test]
fn under_keep_no_edit_of_the_pools_moves_an_address() {
    let other = || pool("other", &["198.51.100.0/24"]);
    for (edit, mut pools) in edits() {
        let mut ipam = holding_the_first();
        pools.push(other());
        ipam.set_pools(pools);
        let grant = ipam.assign(&request("web")).unwrap();
        assert_eq!(words(&grant.addresses), ["192.0.2.0"], "{edit}");
        assert_eq!(
            (only_pool(&grant.origins), grant.outside),
            (Some(pool_name("a")), true),
            "{edit}"
        );
    }
}

/// DESIGN §7 in place of P-ALLOC-8 and P-ALLOC-57.
#[test]
fn under_keep_a_pool_that_is_gone_takes_nothing_with_it() {
    let mut ipam = holding_the_first();
    for pools in [vec![pool("b", &["198.51.100.0/24"])], vec![]] {
        ipam.set_pools(pools);
        let grant = ipam.assign(&request("web")).unwrap();
        assert_eq!(words(&grant.addresses), ["192.0.2.0"]);
        assert_eq!(
            (only_pool(&grant.origins), grant.outside),
            (Some(pool_name("a")), true)
        );
    }
    ipam.set_pools(vec![pool("a", &["192.0.2.0/30"])]);
    assert!(!ipam.assign(&request("web")).unwrap().outside);
    assert_eq!(given(&mut ipam, &request("api")), ["192.0.2.1"]);
}

/// P-ALLOC-16, P-ALLOC-57, P-ALLOC-59, P-ALLOC-61
#[test]
fn under_move_a_service_leaves_an_address_that_its_pool_would_not_give_it() {
    for (edit, pools) in edits() {
        let mut ipam = holding_the_first();
        let mut pools = moving(pools);
        pools.push(pool("other", &["198.51.100.0/24"]));
        ipam.set_pools(pools);
        let expected = match edit {
            "shrunk" | "excluded" | "buggy" => "192.0.2.1",
            _ => "198.51.100.0",
        };
        assert_eq!(given(&mut ipam, &request("web")), [expected], "{edit}");
        assert_eq!(ipam.leaving(&service("web")), ips(&["192.0.2.0"]), "{edit}");
    }
}

/// P-ALLOC-8
#[test]
fn under_move_the_last_pool_takes_every_address_with_it() {
    let mut ipam = holding_the_first();
    let closed = Pool {
        closed: true,
        ..pool("a", &["192.0.2.0/30"])
    };
    ipam.set_pools(moving(vec![closed]));
    assert_eq!(refused(&mut ipam, &request("web")).reason(), "NoPoolMatches");
    settled(&mut ipam, "web");
    assert!(!usage_of(&ipam, "a").in_use());
}

/// P-ALLOC-59
#[test]
fn a_shrinking_pool_moves_only_who_falls_outside_and_leaves_without_whom_it_has_no_room_for() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0-192.0.2.2"])]);
    let names = ["a", "b", "c"];
    names
        .iter()
        .for_each(|name| drop(given(&mut ipam, &request(name))));
    ipam.set_pools(moving(vec![pool("a", &["192.0.2.1-192.0.2.3"])]));
    let all: Vec<_> = ["b", "c", "a"]
        .iter()
        .flat_map(|name| given(&mut ipam, &request(name)))
        .collect();
    assert_eq!(all, ["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
    ipam.set_pools(moving(vec![pool("a", &["192.0.2.1-192.0.2.2"])]));
    assert_eq!(refused(&mut ipam, &request("a")).reason(), "PoolFull");
    assert_eq!(held(&ipam, "a"), [""; 0]);
}

/// P-ALLOC-58
#[test]
fn growing_renaming_and_splitting_keep_every_address_under_move_and_under_keep() {
    for policy in [|pools| pools, moving] {
        let mut ipam = with_pools([pool("a", &["192.0.2.0/30", "2001:db8::/126"])]);
        let named = from_pool(of_families("named", BOTH), "a");
        let before = given(&mut ipam, &of_families("web", BOTH));
        let named_before = given(&mut ipam, &named);
        for pools in [
            vec![pool("a", &["192.0.2.0/24", "2001:db8::/64"])],
            vec![pool("renamed", &["192.0.2.0/24", "2001:db8::/64"])],
            vec![
                pool("a", &["192.0.2.0/24"]),
                pool("dual", &["198.51.100.0/24", "2001:db8:d::/64"]),
                pool("six", &["2001:db8::/64"]),
            ],
        ] {
            ipam.set_pools(policy(pools));
            assert_eq!(given(&mut ipam, &of_families("web", BOTH)), before);
            assert_eq!(given(&mut ipam, &named), named_before);
        }
    }
}

/// P-ALLOC-58: it names the pool that it got its address from, and another has the address now.
#[test]
fn a_service_that_names_its_pool_stays_when_the_pool_is_split_also_after_a_restart() {
    let named = from_pool(request("web"), "a");
    let after = vec![
        pool("a", &["192.0.2.128/25", "2001:db8::/64"]),
        pool("c", &["192.0.2.0/25", "2001:db8:c::/64"]),
    ];
    let mut ipam = with_pools([pool("a", &["192.0.2.0/24"])]);
    let grant = ipam.assign(&named).unwrap();
    ipam.set_pools(after.clone());
    assert_eq!(ipam.assign(&named).unwrap(), grant);
    let mut restarted = with_pools(after);
    restarted.claim(&service("web"), claim(&["192.0.2.0"], Some("a")));
    assert_eq!(restarted.assign(&named).unwrap(), grant);
    let prefers = from_pool(of_families("web", PREFER), "a");
    assert_eq!(given(&mut restarted, &prefers), ["192.0.2.0", "2001:db8::"]);
    assert_eq!(given(&mut ipam, &request("web")), ["192.0.2.0"]);
    assert_eq!(
        given(&mut ipam, &named),
        ["192.0.2.128"],
        "now it was c's, and a asked for"
    );
}

/// P-ALLOC-61
#[test]
fn who_asks_to_be_reallocated_leaves_what_its_pool_would_not_give_it_and_nothing_else() {
    let reallocated = || Request {
        reallocate: true,
        ..request("web")
    };
    let mut ipam = holding_the_first();
    given(&mut ipam, &request("lower"));
    given(&mut ipam, &exactly(request("web"), &["192.0.2.3"]));
    assert_eq!(given(&mut ipam, &reallocated()), ["192.0.2.3"]);
    for (edit, mut pools) in edits() {
        let mut ipam = holding_the_first();
        pools.push(pool("other", &["198.51.100.0/24"]));
        ipam.set_pools(pools);
        assert_ne!(given(&mut ipam, &reallocated()), ["192.0.2.0"], "{edit}");
    }
    let mut ipam = holding_the_first();
    ipam.set_pools(vec![]);
    assert_eq!(refused(&mut ipam, &reallocated()).reason(), "NoPool");
    assert_eq!(held(&ipam, "web"), [""; 0]);
}

#[test]
fn an_address_that_is_asked_for_by_number_is_taken_away_under_move_too() {
    for (edit, pools) in edits() {
        let mut ipam = holding_the_first();
        let asks = exactly(request("web"), &["192.0.2.0"]);
        ipam.set_pools(pools.clone());
        assert_eq!(given(&mut ipam, &asks), ["192.0.2.0"], "{edit}");
        ipam.set_pools(moving(pools));
        refused(&mut ipam, &asks);
        assert_eq!(held(&ipam, "web"), [""; 0], "{edit}");
    }
}

#[test]
fn a_pool_that_stops_assigning_by_itself_takes_nothing_away() {
    let mut ipam = holding_the_first();
    let manual = Pool {
        auto_assign: false,
        ..pool("a", &["192.0.2.0/30"])
    };
    ipam.set_pools(moving(vec![manual, pool("b", &["198.51.100.0/24"])]));
    assert_eq!(given(&mut ipam, &request("web")), ["192.0.2.0"]);
}

#[test]
fn an_address_of_another_pool_than_the_one_that_declares_it_follows_the_policy_of_that_one() {
    let mut ipam = holding_the_first();
    let taken_over = Pool {
        excluded: ranges(&["192.0.2.0/32"]),
        ..pool("b", &["192.0.2.0/30"])
    };
    ipam.set_pools(moving(vec![taken_over]));
    assert_eq!(given(&mut ipam, &request("web")), ["192.0.2.1"]);
}
