use super::*;

fn two_pools() -> Ipam {
    with_pools([
        pool("a", &["192.0.2.0/24", "2001:db8:a::/64"]),
        pool("b", &["198.51.100.0/24", "2001:db8:b::/64"]),
    ])
}

/// P-ALLOC-33
#[test]
fn a_named_pool_is_used_and_no_other() {
    let mut ipam = with_pools([
        pool("a", &["192.0.2.0/24", "2001:db8:a::/64"]),
        pool("b", &["198.51.100.0/32", "2001:db8:b::/128"]),
    ]);
    assert_eq!(
        given(&mut ipam, &from_pool(request("four"), "b")),
        ["198.51.100.0"]
    );
    assert_eq!(
        given(&mut ipam, &from_pool(of_families("six", V6), "b")),
        ["2001:db8:b::"]
    );
    assert_eq!(
        refused(&mut ipam, &from_pool(request("late"), "b")).reason(),
        "PoolFull"
    );
}

/// P-ALLOC-34
#[test]
fn an_unknown_pool_and_one_pinned_to_others_give_nothing() {
    let elsewhere = Pinned {
        namespaces: ["team".to_owned()].into(),
        ..Pinned::default()
    };
    let mut ipam = with_pools([
        pool("a", &["192.0.2.0/24"]),
        pinned("p", &["198.51.100.0/24"], elsewhere),
    ]);
    assert_eq!(
        refused(&mut ipam, &from_pool(request("web"), "typo")).reason(),
        "UnknownPool"
    );
    assert_eq!(
        refused(&mut ipam, &from_pool(request("web"), "p")).reason(),
        "PoolRefuses"
    );
}

/// P-ALLOC-35
#[test]
fn a_service_that_names_another_pool_moves_there_and_frees_what_it_had() {
    let mut ipam = two_pools();
    given(&mut ipam, &of_families("web", BOTH));
    let in_b = from_pool(of_families("web", BOTH), "b");
    assert_eq!(given(&mut ipam, &in_b), ["198.51.100.0", "2001:db8:b::"]);
    settled(&mut ipam, "web");
    assert_eq!(
        given(&mut ipam, &of_families("api", BOTH)),
        ["192.0.2.0", "2001:db8:a::"]
    );
}

/// P-ALLOC-36
#[test]
fn addresses_asked_for_are_given_exactly() {
    let mut ipam = two_pools();
    assert_eq!(
        given(&mut ipam, &exactly(request("four"), &["192.0.2.77"])),
        ["192.0.2.77"]
    );
    let pair = ["2001:db8:b::9", "198.51.100.9"];
    for (name, families) in [("both", BOTH), ("prefer", Families::Prefer(Family::V6))] {
        let mut granted = given(&mut ipam, &exactly(of_families(name, families), &pair));
        granted.sort();
        assert_eq!(granted, ["198.51.100.9", "2001:db8:b::9"]);
        ipam.release(&service(name));
    }
}

/// P-ALLOC-39
#[test]
fn addresses_asked_for_have_the_families_of_the_service() {
    let mut ipam = two_pools();
    for (families, addresses) in [
        (V4, &["2001:db8:a::1"][..]),
        (V6, &["192.0.2.1"]),
        (V4, &["192.0.2.1", "2001:db8:a::1"]),
        (BOTH, &["192.0.2.1"]),
        (PREFER, &["192.0.2.1"]),
        (BOTH, &["192.0.2.1", "192.0.2.2"]),
    ] {
        let asks = exactly(of_families("web", families), addresses);
        assert_eq!(refused(&mut ipam, &asks).reason(), "WrongFamilies", "{asks:?}");
    }
}

/// P-ALLOC-40
#[test]
fn an_address_asked_for_is_of_a_pool_for_the_service_and_two_may_be_of_two() {
    let elsewhere = Pinned {
        namespaces: ["team".to_owned()].into(),
        ..Pinned::default()
    };
    let mut ipam = two_pools();
    let across = exactly(of_families("pair", BOTH), &["192.0.2.1", "2001:db8:b::1"]);
    assert_eq!(given(&mut ipam, &across), ["192.0.2.1", "2001:db8:b::1"]);
    let named = Request {
        service: service("api"),
        pools: vec![pool_name("a")],
        ..across
    };
    let named = exactly(named, &["192.0.2.2", "2001:db8:b::2"]);
    expect(
        &mut ipam,
        &named,
        "AddressNotInPool",
        "2001:db8:b::2 is not in IPPool a, where the addresses of this Service have to come from: ask for an address of \
         that pool, or name another in the annotation heraldlb.io/address-pool",
    );
    let nowhere = exactly(request("web"), &["203.0.113.1"]);
    assert_eq!(refused(&mut ipam, &nowhere).reason(), "AddressNotInPool");
    ipam.set_pools(vec![pinned("p", &["192.0.2.0/24"], elsewhere)]);
    let pinned_away = exactly(request("web"), &["192.0.2.9"]);
    assert_eq!(refused(&mut ipam, &pinned_away).reason(), "PoolRefuses");
    assert!(ipam.assign(&exactly(request("team/web"), &["192.0.2.9"])).is_ok());
}

/// P-ALLOC-41
#[test]
fn an_address_outside_the_pool_that_is_named_too_is_refused() {
    let mut ipam = two_pools();
    let asks = exactly(from_pool(request("web"), "b"), &["192.0.2.6"]);
    assert_eq!(refused(&mut ipam, &asks).reason(), "AddressNotInPool");
    let asks = exactly(from_pool(request("web"), "typo"), &["192.0.2.6"]);
    assert_eq!(refused(&mut ipam, &asks).reason(), "UnknownPool");
}

/// P-ALLOC-42, P-ALLOC-3
#[test]
fn an_address_that_another_service_holds_is_given_as_soon_as_it_is_free() {
    let mut ipam = two_pools();
    given(&mut ipam, &exactly(request("web"), &["192.0.2.5"]));
    let waits = exactly(request("api"), &["192.0.2.5"]);
    assert_eq!(refused(&mut ipam, &waits).reason(), "AddressTaken");
    ipam.forfeit(&service("web"));
    assert_eq!(refused(&mut ipam, &waits).reason(), "AddressTaken");
    assert!(ipam.release(&service("web")));
    assert!(!ipam.release(&service("web")));
    assert_eq!(given(&mut ipam, &waits), ["192.0.2.5"]);
}

/// P-ALLOC-43
#[test]
fn a_service_that_asks_for_another_address_moves_and_frees_the_old_one() {
    let mut ipam = two_pools();
    given(&mut ipam, &request("web"));
    let exact = exactly(request("web"), &["198.51.100.9"]);
    assert_eq!(given(&mut ipam, &exact), ["198.51.100.9"]);
    assert_eq!(settled(&mut ipam, "web"), ["198.51.100.9"]);
    assert_eq!(given(&mut ipam, &request("api")), ["192.0.2.0"]);
}

#[test]
fn a_refused_change_leaves_the_service_what_it_holds() {
    let mut ipam = two_pools();
    given(&mut ipam, &of_families("web", BOTH));
    given(&mut ipam, &exactly(request("other"), &["192.0.2.5"]));
    for change in [
        from_pool(of_families("web", BOTH), "typo"),
        exactly(of_families("web", BOTH), &["192.0.2.5", "2001:db8:a::5"]),
        exactly(of_families("web", BOTH), &["192.0.2.6"]),
    ] {
        refused(&mut ipam, &change);
        assert_eq!(held(&ipam, "web"), ["192.0.2.0", "2001:db8:a::"]);
        assert!(ipam.leaving(&service("web")).is_empty());
    }
}

#[test]
fn who_drops_a_request_keeps_what_it_got_by_it() {
    let mut ipam = two_pools();
    given(
        &mut ipam,
        &exactly(from_pool(request("web"), "b"), &["198.51.100.9"]),
    );
    assert_eq!(given(&mut ipam, &request("web")), ["198.51.100.9"]);
}

/// A typo in the name of the pool, once corrected, has moved nothing.
#[test]
fn a_refused_change_does_not_make_the_service_forget_where_its_address_is_from() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/24"])]);
    let named = from_pool(request("web"), "a");
    given(&mut ipam, &named);
    ipam.set_pools(vec![pool("a", &["192.0.2.128/25"]), pool("c", &["192.0.2.0/25"])]);
    refused(&mut ipam, &from_pool(request("web"), "typo"));
    ipam.retain(&service("web"), &Sharing::default());
    assert_eq!(given(&mut ipam, &named), ["192.0.2.0"]);
}
