use super::*;

const PREFER_6: Families = Families::Prefer(Family::V6);

fn single_family_pools() -> Ipam {
    with_pools([pool("four", &["192.0.2.0/24"]), pool("six", &["2001:db8:6::/64"])])
}

/// P-ALLOC-67
#[test]
fn one_family_gives_one_address_of_it_also_in_a_dual_stack_pool() {
    let mut ipam = with_pools([pool("dual", &["192.0.2.0/24", "2001:db8::/64"])]);
    assert_eq!(given(&mut ipam, &of_families("four", V4)), ["192.0.2.0"]);
    assert_eq!(given(&mut ipam, &of_families("six", V6)), ["2001:db8::"]);
}

/// P-ALLOC-69
#[test]
fn both_addresses_come_from_one_pool_where_one_has_both() {
    let mut ipam = with_pools([
        pool("a", &["192.0.2.0/24", "2001:db8:a::/128"]),
        pool("b", &["198.51.100.0/24", "2001:db8:b::/64"]),
    ]);
    given(&mut ipam, &of_families("last", V6));
    assert_eq!(
        given(&mut ipam, &of_families("web", BOTH)),
        ["198.51.100.0", "2001:db8:b::"]
    );
}

#[test]
fn where_no_pool_has_both_families_each_address_comes_from_a_pool_of_its_own() {
    for families in [BOTH, PREFER] {
        let mut ipam = single_family_pools();
        let grant = ipam.assign(&of_families("web", families)).unwrap();
        assert_eq!(words(&grant.addresses), ["192.0.2.0", "2001:db8:6::"]);
        let from = |address: &str| grant.origins.get(ip(address)).cloned();
        assert_eq!(from("192.0.2.0"), Some(pool_name("four")));
        assert_eq!(from("2001:db8:6::"), Some(pool_name("six")));
    }
}

#[test]
fn what_came_from_two_pools_stays_when_one_pool_comes_to_have_both() {
    let mut ipam = single_family_pools();
    let web = of_families("web", BOTH);
    let before = given(&mut ipam, &web);
    ipam.set_pools(vec![
        pool("dual", &["198.51.100.0/24", "2001:db8::/64"]),
        pool("four", &["192.0.2.0/24"]),
        pool("six", &["2001:db8:6::/64"]),
    ]);
    assert_eq!(given(&mut ipam, &web), before);
}

/// Two pools of a high priority go before one of a low one: a pinned pair serves those whom it is for.
#[test]
fn two_pools_of_a_priority_go_before_one_pool_of_a_lower_one() {
    let first = |name: &str, of: &[&str]| pinned(name, of, Pinned::default());
    let mut ipam = with_pools([
        first("x-four", &["192.0.2.0/24"]),
        first("y-six", &["2001:db8:6::/64"]),
        pool("a-dual", &["198.51.100.0/24", "2001:db8::/64"]),
    ]);
    assert_eq!(
        given(&mut ipam, &of_families("web", BOTH)),
        ["192.0.2.0", "2001:db8:6::"]
    );
    ipam.set_pools(vec![
        first("x-four", &["192.0.2.0/24"]),
        pool("a-dual", &["198.51.100.0/24", "2001:db8::/64"]),
    ]);
    assert_eq!(
        given(&mut ipam, &of_families("api", BOTH)),
        ["198.51.100.0", "2001:db8::"],
        "one pool serves both, and none of a higher priority can"
    );
}

#[test]
fn of_the_pools_that_a_service_names_one_that_has_both_goes_first() {
    let mut ipam = with_pools([
        pool("dual", &["198.51.100.0/24", "2001:db8::/64"]),
        pool("four", &["192.0.2.0/24"]),
        pool("six", &["2001:db8:6::/64"]),
    ]);
    let naming = |name: &str, families: Families, pools: &[&str]| Request {
        pools: pools.iter().map(|name| pool_name(name)).collect(),
        ..of_families(name, families)
    };
    let apart = naming("a", BOTH, &["six", "four"]);
    assert_eq!(given(&mut ipam, &apart), ["192.0.2.0", "2001:db8:6::"]);
    let all = naming("b", BOTH, &["six", "four", "dual"]);
    assert_eq!(given(&mut ipam, &all), ["198.51.100.0", "2001:db8::"]);
    let one = naming("c", V4, &["six", "four", "dual"]);
    assert_eq!(
        given(&mut ipam, &one),
        ["192.0.2.1"],
        "in the order in which they are named"
    );
    let typo = naming("d", BOTH, &["four", "typo"]);
    assert_eq!(refused(&mut ipam, &typo).reason(), "UnknownPool");
    let missing = naming("e", BOTH, &["four"]);
    expect(
        &mut ipam,
        &missing,
        "PoolRefuses",
        "IPPool four has no IPv6 addresses: add addresses of the family, or change the ipFamilies of the Service",
    );
}

#[test]
fn a_pair_that_two_pools_cannot_give_is_told_which_of_them_is_full() {
    let mut ipam = with_pools([
        pool("four", &["192.0.2.0/24"]),
        pool("six", &["2001:db8:6::/128"]),
    ]);
    given(&mut ipam, &of_families("first", V6));
    expect(
        &mut ipam,
        &of_families("web", BOTH),
        "PoolFull",
        "no IPPool can give one IPv4 and one IPv6 address: six has no free IPv6 address left, all 1 are in use; \
         four has no IPv6 addresses: add addresses, or delete a Service or an IPReservation that has one",
    );
    let named = Request {
        pools: vec![pool_name("four"), pool_name("six")],
        ..of_families("web", BOTH)
    };
    expect(
        &mut ipam,
        &named,
        "PoolFull",
        "none of the IPPools that the annotation heraldlb.io/address-pool names can give one IPv4 and one IPv6 address: \
         six has no free IPv6 address left, all 1 are in use; four has no IPv6 addresses: \
         add addresses, or delete a Service or an IPReservation that has one",
    );
}

/// P-ALLOC-70
#[test]
fn prefer_dual_stack_takes_a_pool_with_both_families_when_there_is_one() {
    let mut ipam = with_pools([
        pool("a-four", &["192.0.2.0/24"]),
        pool("dual", &["198.51.100.0/24", "2001:db8::/64"]),
    ]);
    assert_eq!(
        given(&mut ipam, &of_families("web", PREFER)),
        ["198.51.100.0", "2001:db8::"]
    );
    assert_eq!(
        given(&mut ipam, &of_families("six", PREFER_6)),
        ["2001:db8::1", "198.51.100.1"]
    );
}

/// P-ALLOC-71, P-ALLOC-72, P-ALLOC-73
#[test]
fn where_one_family_has_to_do_it_is_the_primary_one_if_possible() {
    let mut ipam = with_pools([pool("four", &["192.0.2.0/24"]), pool("six", &["2001:db8:6::/64"])]);
    assert_eq!(
        given(&mut ipam, &of_families("a", PREFER)),
        ["192.0.2.0", "2001:db8:6::"]
    );
    assert_eq!(
        given(&mut ipam, &of_families("b", PREFER_6)),
        ["2001:db8:6::1", "192.0.2.1"]
    );
    ipam.set_pools(vec![pool("six", &["2001:db8:6::/64"])]);
    assert_eq!(given(&mut ipam, &of_families("c", PREFER)), ["2001:db8:6::2"]);
    ipam.set_pools(vec![pool("four", &["192.0.2.0/24"])]);
    assert_eq!(given(&mut ipam, &of_families("d", PREFER_6)), ["192.0.2.2"]);
}

/// P-ALLOC-74
#[test]
fn a_service_with_one_address_gets_the_other_when_its_pool_gains_the_family() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/24"])]);
    let web = of_families("web", PREFER);
    assert_eq!(given(&mut ipam, &web), ["192.0.2.0"]);
    ipam.set_pools(vec![pool("a", &["192.0.2.0/24", "2001:db8::/64"])]);
    assert_eq!(given(&mut ipam, &web), ["192.0.2.0", "2001:db8::"]);
}

/// P-ALLOC-74: also where the pool has swapped one family for the other.
#[test]
fn a_service_gets_the_other_address_when_the_one_it_has_is_of_the_pool_no_more() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/24"])]);
    let web = of_families("web", PREFER);
    given(&mut ipam, &web);
    ipam.set_pools(vec![pool("a", &["2001:db8::/64"])]);
    assert_eq!(given(&mut ipam, &web), ["192.0.2.0", "2001:db8::"]);
}

/// P-ALLOC-75
#[test]
fn asking_for_both_families_of_a_single_family_pool_takes_the_address_away_and_back() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/24"])]);
    given(&mut ipam, &request("lower"));
    let prefer = of_families("web", PREFER);
    assert_eq!(given(&mut ipam, &prefer), ["192.0.2.1"]);
    ipam.forfeit(&service("lower"));
    ipam.release(&service("lower"));
    refused(&mut ipam, &of_families("web", BOTH));
    assert_eq!(held(&ipam, "web"), [""; 0]);
    assert_eq!(
        given(&mut ipam, &prefer),
        ["192.0.2.1"],
        "its status never changed"
    );
    refused(&mut ipam, &of_families("web", BOTH));
    settled(&mut ipam, "web");
    assert_eq!(given(&mut ipam, &prefer), ["192.0.2.0"]);
}

/// P-ALLOC-75
#[test]
fn a_service_that_comes_to_require_both_families_gets_the_other_beside_the_one_it_has() {
    let mut ipam = with_pools([pool("four", &["192.0.2.0/24"])]);
    given(&mut ipam, &of_families("web", PREFER));
    ipam.set_pools(vec![
        pool("four", &["192.0.2.0/24"]),
        pool("dual", &["198.51.100.0/24", "2001:db8::/64"]),
    ]);
    assert_eq!(
        given(&mut ipam, &of_families("web", BOTH)),
        ["192.0.2.0", "2001:db8::"]
    );
}

/// P-ALLOC-76
#[test]
fn a_service_with_one_address_does_not_leave_its_pool_for_a_dual_stack_one() {
    let mut ipam = with_pools([pool("four", &["192.0.2.0/24"])]);
    let web = of_families("web", PREFER);
    given(&mut ipam, &web);
    ipam.set_pools(vec![
        pool("dual", &["198.51.100.0/24", "2001:db8::/64"]),
        pool("four", &["192.0.2.0/24"]),
    ]);
    assert_eq!(given(&mut ipam, &web), ["192.0.2.0", "2001:db8::"]);
}

fn moving(name: &str, of: &[&str]) -> Pool {
    Pool {
        reclaim: Reclaim::Move,
        ..pool(name, of)
    }
}

/// P-ALLOC-77: it keeps the address that its pool still has.
#[test]
fn a_service_whose_pool_loses_a_family_gets_an_address_of_it_from_another_pool() {
    for (families, other) in [(PREFER, "dual"), (BOTH, "dual"), (PREFER, "six"), (BOTH, "six")] {
        let mut ipam = with_pools([moving("a", &["192.0.2.0/24", "2001:db8:a::/64"])]);
        let web = of_families("web", families);
        given(&mut ipam, &web);
        let others = match other {
            "dual" => moving("dual", &["198.51.100.0/24", "2001:db8:d::/64"]),
            _ => moving("six", &["2001:db8:d::/64"]),
        };
        ipam.set_pools(vec![moving("a", &["192.0.2.0/24"]), others]);
        assert_eq!(given(&mut ipam, &web), ["192.0.2.0", "2001:db8:d::"]);
    }
}

/// P-ALLOC-77: where no other pool has the family.
#[test]
fn a_service_whose_pool_loses_a_family_keeps_the_other_address_if_it_may() {
    for (families, expected) in [(PREFER, &["192.0.2.0"][..]), (BOTH, &[])] {
        let mut ipam = with_pools([moving("a", &["192.0.2.0/24", "2001:db8:a::/64"])]);
        let web = of_families("web", families);
        given(&mut ipam, &web);
        ipam.set_pools(vec![moving("a", &["192.0.2.0/24"])]);
        assert_eq!(ipam.assign(&web).is_ok(), families == PREFER);
        assert_eq!(held(&ipam, "web"), expected);
    }
}

/// P-ALLOC-78, P-ALLOC-62
#[test]
fn an_address_of_a_family_that_is_called_for_no_more_is_given_up() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/24", "2001:db8::/64"])]);
    for (families, expected) in [
        (V4, &["192.0.2.0"][..]),
        (V6, &["2001:db8::"]),
        (BOTH, &["192.0.2.0", "2001:db8::"]),
        (V4, &["192.0.2.0"]),
    ] {
        given(&mut ipam, &of_families("web", families));
        assert_eq!(settled(&mut ipam, "web"), expected);
    }
    ipam.set_pools(vec![pool("a", &["192.0.2.0/24"])]);
    refused(&mut ipam, &of_families("web", V6));
    assert_eq!(held(&ipam, "web"), [""; 0]);
}

/// P-ALLOC-79
#[test]
fn mixed_demand_on_one_pool_is_served_until_one_family_runs_out() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/30", "2001:db8::/127"])]);
    given(&mut ipam, &of_families("both", BOTH));
    given(&mut ipam, &of_families("four", V4));
    given(&mut ipam, &of_families("six", V6));
    let refusal = refused(&mut ipam, &of_families("late", BOTH));
    assert!(refusal.to_string().contains("no free IPv6 address"), "{refusal}");
    assert_eq!(given(&mut ipam, &of_families("five", V4)), ["192.0.2.2"]);
    assert_eq!(given(&mut ipam, &of_families("prefer", PREFER)), ["192.0.2.3"]);
}

/// What keeps it waiting is that the one pool of its primary family is full, not that no pool has the other.
#[test]
fn a_service_that_prefers_two_families_is_told_that_the_pool_of_one_is_full() {
    let mut ipam = with_pools([pool("four", &["192.0.2.0/32"])]);
    given(&mut ipam, &request("web"));
    for families in [PREFER, PREFER_6] {
        let refusal = refused(&mut ipam, &of_families("api", families));
        assert_eq!(refusal.reason(), "PoolFull", "{refusal}");
    }
}

/// P-ALLOC-56, S2: the pool that has the one address says nothing about the other.
#[test]
fn of_two_addresses_that_a_pool_edit_parts_each_follows_the_policy_of_its_own_pool() {
    let web = of_families("web", BOTH);
    let mut ipam = with_pools([pool("a", &["192.0.2.0/30", "2001:db8::/126"])]);
    let before = given(&mut ipam, &web);
    ipam.set_pools(vec![
        pool("a", &["2001:db8:a::/64"]),
        moving("b", &["192.0.2.0/30", "2001:db8:b::/64"]),
    ]);
    assert_eq!(given(&mut ipam, &web), before);
    assert_eq!(given(&mut ipam, &web), before);
    let origins = ipam.origins(&service("web"));
    assert_eq!(origins.get(ip("192.0.2.0")), Some(&pool_name("b")));
    assert_eq!(origins.get(ip("2001:db8::")), Some(&pool_name("a")));
}
