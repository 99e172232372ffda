use super::*;

fn one_pool() -> Ipam {
    with_pools([pool("a", &["192.0.2.0/30", "2001:db8::/64"])])
}

/// P-ALLOC-56
#[test]
fn asking_again_gives_the_same_and_changes_nothing() {
    let mut ipam = one_pool();
    for families in [V4, BOTH, PREFER] {
        let web = of_families("web", families);
        let first = ipam.assign(&web).unwrap();
        let before = ipam.clone();
        assert_eq!(ipam.assign(&web).unwrap(), first);
        assert_eq!(ipam.usage(), before.usage());
        assert_eq!(ipam.leaving(&service("web")), before.leaving(&service("web")));
    }
}

/// P-ALLOC-54, P-ALLOC-55
#[test]
fn what_is_claimed_after_a_start_is_given_to_nobody_else() {
    let mut ipam = one_pool();
    assert_eq!(ipam.claim(&service("old"), claim(&["192.0.2.0"], Some("a"))), []);
    assert_eq!(ipam.claim(&service("old"), claim(&["192.0.2.0"], Some("a"))), []);
    assert_eq!(given(&mut ipam, &request("new")), ["192.0.2.1"]);
    assert_eq!(given(&mut ipam, &request("old")), ["192.0.2.0"]);
}

#[test]
fn of_two_that_claim_one_address_the_first_keeps_it() {
    let mut ipam = one_pool();
    ipam.claim(&service("old"), claim(&["192.0.2.0"], None));
    assert_eq!(
        ipam.claim(&service("new"), claim(&["192.0.2.0"], None)),
        [(ip("192.0.2.0"), service("old"))]
    );
    assert_eq!(given(&mut ipam, &request("new")), ["192.0.2.1"]);
}

/// P-ALLOC-54
#[test]
fn services_that_share_an_address_both_claim_it() {
    let mut ipam = one_pool();
    for (name, port) in [("web", 80), ("api", 81)] {
        let claimed = Claim {
            sharing: shared(request(name), "k", &[port]).sharing,
            ..claim(&["192.0.2.3"], Some("a"))
        };
        assert_eq!(ipam.claim(&service(name), claimed), []);
    }
    let third = Claim {
        sharing: shared(request("third"), "k", &[80]).sharing,
        ..claim(&["192.0.2.3"], Some("a"))
    };
    assert_eq!(
        ipam.claim(&service("third"), third),
        [(ip("192.0.2.3"), service("web"))]
    );
}

/// An address that two statuses show is free when neither does any more.
#[test]
fn a_contested_address_is_not_free_before_both_statuses_are_clear() {
    let mut ipam = one_pool();
    ipam.claim(&service("old"), claim(&["192.0.2.0"], None));
    ipam.claim(&service("new"), claim(&["192.0.2.0"], None));
    ipam.forfeit(&service("old"));
    ipam.release(&service("old"));
    let waits = exactly(request("third"), &["192.0.2.0"]);
    assert_eq!(refused(&mut ipam, &waits).reason(), "AddressTaken");
    given(&mut ipam, &exactly(request("new"), &["192.0.2.1"]));
    settled(&mut ipam, "new");
    assert_eq!(given(&mut ipam, &waits), ["192.0.2.0"]);
}

/// S2
#[test]
fn who_lost_an_address_to_one_that_goes_keeps_it_after_all() {
    let mut ipam = one_pool();
    ipam.claim(&service("old"), claim(&["192.0.2.3"], None));
    ipam.claim(&service("new"), claim(&["192.0.2.3"], None));
    ipam.release(&service("old"));
    assert_eq!(given(&mut ipam, &request("new")), ["192.0.2.3"]);
}

/// P-ALLOC-62
#[test]
fn a_claimed_address_of_the_wrong_family_is_given_up_and_replaced() {
    let mut ipam = one_pool();
    ipam.claim(&service("web"), claim(&["2001:db8::7"], Some("a")));
    assert_eq!(given(&mut ipam, &request("web")), ["192.0.2.0"]);
    assert_eq!(ipam.leaving(&service("web")), ips(&["2001:db8::7"]));
}

/// A status that was read in the middle of a move shows the new address and the old one.
#[test]
fn of_two_claimed_addresses_of_a_family_the_service_keeps_the_first() {
    for (families, expected) in [
        (V4, &["192.0.2.2"][..]),
        (PREFER, &["192.0.2.2", "2001:db8::"]),
        (BOTH, &["192.0.2.2", "2001:db8::"]),
    ] {
        let mut ipam = one_pool();
        ipam.claim(&service("web"), claim(&["192.0.2.2", "192.0.2.1"], Some("a")));
        assert_eq!(given(&mut ipam, &of_families("web", families)), expected);
        assert_eq!(ipam.leaving(&service("web")), ips(&["192.0.2.1"]));
    }
}

#[test]
fn a_refused_service_keeps_one_of_two_claimed_addresses_of_a_family() {
    for families in [V4, PREFER] {
        let mut ipam = one_pool();
        ipam.claim(&service("web"), claim(&["192.0.2.2", "192.0.2.1"], Some("a")));
        refused(&mut ipam, &from_pool(of_families("web", families), "typo"));
        assert_eq!(held(&ipam, "web"), ["192.0.2.2"]);
    }
}

#[test]
fn of_two_claimed_addresses_the_one_in_the_named_pool_is_kept() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/30"]), pool("b", &["198.51.100.0/30"])]);
    ipam.claim(&service("web"), claim(&["192.0.2.2", "198.51.100.1"], Some("b")));
    assert_eq!(
        given(&mut ipam, &from_pool(request("web"), "b")),
        ["198.51.100.1"]
    );
}

/// P-ALLOC-76: a move that a restart interrupts is no reason to go further.
#[test]
fn a_service_that_claims_two_of_a_family_does_not_leave_its_pool_for_a_dual_stack_one() {
    let mut ipam = with_pools([
        pool("dual", &["198.51.100.0/24", "2001:db8:d::/64"]),
        pool("four", &["192.0.2.0/24"]),
    ]);
    ipam.claim(&service("web"), claim(&["192.0.2.2", "192.0.2.1"], Some("four")));
    assert_eq!(
        given(&mut ipam, &of_families("web", PREFER)),
        ["192.0.2.2", "2001:db8:d::"]
    );
}

#[test]
fn an_address_of_a_pool_that_is_gone_stays_and_is_told_to_be_from_there() {
    let mut ipam = one_pool();
    ipam.claim(&service("web"), claim(&["203.0.113.9"], Some("gone")));
    let grant = ipam.assign(&request("web")).unwrap();
    assert_eq!(
        (only_pool(&grant.origins), grant.outside),
        (Some(pool_name("gone")), true)
    );
    assert_eq!(only_pool(&ipam.origins(&service("web"))), Some(pool_name("gone")));
    assert_eq!(only_pool(&ipam.origins(&service("nobody"))), None);
}
