use super::*;

fn counts(usage: Usage) -> [(u128, u128); 4] {
    let pair = |count: Count| (count.v4, count.v6);
    [
        pair(usage.assigned),
        pair(usage.available),
        pair(usage.reserved),
        pair(usage.outside),
    ]
}

/// P-ALLOC-18
#[test]
fn usage_follows_services_that_come_and_go() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/30", "2001:db8::/126"])]);
    assert_eq!(counts(usage_of(&ipam, "a")), [(0, 0), (4, 4), (0, 0), (0, 0)]);
    given(&mut ipam, &of_families("web", BOTH));
    given(&mut ipam, &request("api"));
    assert_eq!(counts(usage_of(&ipam, "a")), [(2, 1), (2, 3), (0, 0), (0, 0)]);
    ipam.release(&service("web"));
    assert_eq!(counts(usage_of(&ipam, "a")), [(1, 0), (3, 4), (0, 0), (0, 0)]);
}

/// P-ALLOC-19
#[test]
fn a_shared_address_is_in_use_once_until_its_last_service_releases_it() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/30"])]);
    given(&mut ipam, &shared(request("web"), "k", &[80]));
    given(&mut ipam, &shared(request("api"), "k", &[81]));
    assert_eq!(usage_of(&ipam, "a").assigned.v4, 1);
    ipam.release(&service("web"));
    assert_eq!(usage_of(&ipam, "a").assigned.v4, 1);
    ipam.release(&service("api"));
    assert_eq!(counts(usage_of(&ipam, "a"))[..2], [(0, 0), (4, 0)]);
}

/// P-ALLOC-20
#[test]
fn totals_leave_out_what_is_never_given_and_add_up_all_entries() {
    let buggy = Pool {
        avoid_buggy_ips: true,
        excluded: ranges(&["192.0.2.1-192.0.2.10", "2001:db8::/121"]),
        ..pool(
            "a",
            &["192.0.2.0/24", "198.51.100.0/31", "2001:db8::/120", "::1/128"],
        )
    };
    let ipam = with_pools([buggy]);
    assert_eq!(
        counts(usage_of(&ipam, "a"))[..2],
        [(0, 0), (254 - 10 + 1, 128 + 1)]
    );
    let ipam = with_pools([pool("all", &["::/1", "8000::/1"])]);
    assert_eq!(usage_of(&ipam, "all").available.v6, u128::MAX);
}

#[test]
fn what_a_reservation_keeps_and_nobody_holds_is_reserved() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/30", "2001:db8::/126"])]);
    let name = ReservationName::new("default", "r");
    let addresses = ips(&["192.0.2.1", "2001:db8::1"]);
    ipam.set_reservations([(name.clone(), addresses)].into());
    assert_eq!(counts(usage_of(&ipam, "a")), [(0, 0), (3, 3), (1, 1), (0, 0)]);
    let named = Request {
        reservation: Some(name),
        ..request("web")
    };
    given(&mut ipam, &named);
    assert_eq!(counts(usage_of(&ipam, "a")), [(1, 0), (3, 3), (0, 1), (0, 0)]);
}

/// P-ALLOC-18, and DESIGN §7.
#[test]
fn what_a_pool_does_not_give_out_any_more_is_outside_while_a_service_has_it() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/30"])]);
    given(&mut ipam, &request("web"));
    given(&mut ipam, &request("api"));
    let shrunk = |excluded: &[&str]| Pool {
        excluded: ranges(excluded),
        ..pool("a", &["192.0.2.1-192.0.2.3"])
    };
    ipam.set_pools(vec![shrunk(&["192.0.2.1/32"]), pool("b", &["198.51.100.0/24"])]);
    assert_eq!(counts(usage_of(&ipam, "a")), [(0, 0), (2, 0), (0, 0), (2, 0)]);
    assert!(usage_of(&ipam, "a").in_use());
    given(&mut ipam, &from_pool(request("web"), "b"));
    given(&mut ipam, &from_pool(request("api"), "b"));
    assert_eq!(counts(usage_of(&ipam, "a")), [(0, 0), (2, 0), (0, 0), (0, 0)]);
    assert!(!usage_of(&ipam, "a").in_use());
    assert_eq!(counts(usage_of(&ipam, "b"))[0], (2, 0));
}

#[test]
fn an_address_that_a_service_gives_up_is_in_use_until_its_status_is_clear() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/30"])]);
    given(&mut ipam, &request("web"));
    ipam.forfeit(&service("web"));
    assert_eq!(counts(usage_of(&ipam, "a"))[..2], [(1, 0), (3, 0)]);
    assert!(usage_of(&ipam, "a").in_use());
    ipam.settle(&service("web"), &[]);
    assert_eq!(counts(usage_of(&ipam, "a"))[..2], [(0, 0), (4, 0)]);
}

#[test]
fn an_address_that_services_have_from_two_pools_is_outside_of_both() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/32"]), pool("b", &["198.51.100.0/24"])]);
    for (name, port, origin) in [("web", 80, "a"), ("api", 81, "b"), ("dns", 82, "gone")] {
        let claimed = Claim {
            sharing: shared(request(name), "k", &[port]).sharing,
            ..claim(&["203.0.113.1"], Some(origin))
        };
        ipam.claim(&service(name), claimed);
    }
    for pool in ["a", "b"] {
        assert_eq!(usage_of(&ipam, pool).outside.v4, 1, "{pool}");
    }
    assert_eq!(ipam.usage().len(), 2);
}
