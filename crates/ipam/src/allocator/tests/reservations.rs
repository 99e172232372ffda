use super::*;

fn reserved(all: &[(&str, &[&str])]) -> BTreeMap<ReservationName, Vec<IpAddr>> {
    let one = |&(name, addresses): &(&str, &[&str])| (reservation(name), ips(addresses));
    all.iter().map(one).collect()
}

fn reservation(name: &str) -> ReservationName {
    let (namespace, name) = name.split_once('/').unwrap_or(("default", name));
    ReservationName::new(namespace, name)
}

fn naming(request: Request, name: &str) -> Request {
    Request {
        reservation: Some(reservation(name)),
        ..request
    }
}

fn with_reserved(all: &[(&str, &[&str])]) -> Ipam {
    let mut ipam = with_pools([
        pool("a", &["192.0.2.0/29", "2001:db8:a::/64"]),
        pool("b", &["198.51.100.0/24", "2001:db8:b::/64"]),
    ]);
    ipam.set_reservations(reserved(all));
    ipam
}

#[test]
fn a_reserved_address_goes_only_to_who_names_the_reservation() {
    let mut ipam = with_reserved(&[("r", &["192.0.2.0"])]);
    assert_eq!(given(&mut ipam, &request("web")), ["192.0.2.1"]);
    let asks = exactly(request("api"), &["192.0.2.0"]);
    assert_eq!(refused(&mut ipam, &asks).reason(), "AddressReserved");
    let other = naming(asks, "other");
    assert_eq!(refused(&mut ipam, &other).reason(), "AddressReserved");
    assert_eq!(given(&mut ipam, &naming(request("api"), "r")), ["192.0.2.0"]);
}

#[test]
fn who_holds_an_address_that_becomes_reserved_keeps_it() {
    let mut ipam = with_reserved(&[]);
    given(&mut ipam, &request("web"));
    ipam.set_reservations(reserved(&[("r", &["192.0.2.0"])]));
    assert_eq!(given(&mut ipam, &request("web")), ["192.0.2.0"]);
    let waits = naming(request("api"), "r");
    assert_eq!(refused(&mut ipam, &waits).reason(), "AddressTaken");
    ipam.release(&service("web"));
    assert_eq!(given(&mut ipam, &waits), ["192.0.2.0"]);
}

#[test]
fn a_reservation_outlives_its_service_and_is_free_when_it_is_deleted() {
    let mut ipam = with_reserved(&[("r", &["192.0.2.0"])]);
    given(&mut ipam, &naming(request("web"), "r"));
    ipam.release(&service("web"));
    assert_eq!(given(&mut ipam, &request("api")), ["192.0.2.1"]);
    assert_eq!(given(&mut ipam, &naming(request("web"), "r")), ["192.0.2.0"]);
    ipam.release(&service("web"));
    ipam.set_reservations(reserved(&[]));
    assert_eq!(given(&mut ipam, &request("dns")), ["192.0.2.0"]);
}

#[test]
fn a_service_that_names_a_reservation_of_another_address_moves_to_it() {
    let mut ipam = with_reserved(&[("r", &["198.51.100.9", "2001:db8:b::9"])]);
    given(&mut ipam, &of_families("web", BOTH));
    let named = naming(of_families("web", BOTH), "r");
    assert_eq!(given(&mut ipam, &named), ["198.51.100.9", "2001:db8:b::9"]);
}

#[test]
fn who_names_a_reservation_without_addresses_yet_gets_any_and_keeps_what_it_has() {
    let mut ipam = with_reserved(&[]);
    given(&mut ipam, &request("web"));
    assert_eq!(given(&mut ipam, &naming(request("web"), "new")), ["192.0.2.0"]);
    assert_eq!(given(&mut ipam, &naming(request("api"), "new2")), ["192.0.2.1"]);
}

#[test]
fn a_family_that_the_reservation_lacks_comes_from_its_pool() {
    for (families, expected) in [
        (BOTH, &["198.51.100.9", "2001:db8:b::"][..]),
        (PREFER, &["198.51.100.9", "2001:db8:b::"]),
        (V4, &["198.51.100.9"]),
        (V6, &["2001:db8:a::"]),
    ] {
        let mut ipam = with_reserved(&[("r", &["198.51.100.9"])]);
        let named = naming(of_families("web", families), "r");
        assert_eq!(given(&mut ipam, &named), expected);
    }
}

/// P-ALLOC-56, S2
#[test]
fn the_address_beside_a_reserved_one_stays() {
    for families in [BOTH, PREFER] {
        let mut ipam = with_reserved(&[("r", &["192.0.2.3"])]);
        let plain = of_families("web", families);
        given(
            &mut ipam,
            &exactly(plain.clone(), &["192.0.2.0", "2001:db8:a::7"]),
        );
        let named = naming(plain, "r");
        assert_eq!(given(&mut ipam, &named), ["192.0.2.3", "2001:db8:a::7"]);
        assert_eq!(given(&mut ipam, &named), ["192.0.2.3", "2001:db8:a::7"]);
        // A split of the pool does not tear the two apart.
        ipam.set_pools(vec![
            pool("a", &["192.0.2.0/29"]),
            pool("c", &["2001:db8:a::/64"]),
        ]);
        assert_eq!(given(&mut ipam, &named), ["192.0.2.3", "2001:db8:a::7"]);
    }
}

/// S2
#[test]
fn the_address_beside_a_reserved_one_stays_also_when_its_pool_gives_it_out_no_more() {
    let mut ipam = with_reserved(&[("r", &["192.0.2.3"])]);
    given(&mut ipam, &of_families("web", BOTH));
    let excluding = Pool {
        excluded: ranges(&["2001:db8:a::/128"]),
        ..pool("a", &["192.0.2.0/29", "2001:db8:a::/64"])
    };
    ipam.set_pools(vec![excluding]);
    let named = naming(of_families("web", BOTH), "r");
    assert_eq!(given(&mut ipam, &named), ["192.0.2.3", "2001:db8:a::"]);
}

#[test]
fn a_request_waits_when_its_reserved_address_is_not_to_be_had() {
    let buggy = Pool {
        avoid_buggy_ips: true,
        excluded: ranges(&["192.0.2.1/32"]),
        ..pool("a", &["192.0.2.0/29"])
    };
    let closed = Pool {
        closed: true,
        ..pool("closed", &["198.51.100.0/24"])
    };
    let mut ipam = with_pools([buggy, closed, pool("c", &["2001:db8:c::/64"])]);
    for (addresses, families, reason) in [
        (&["203.0.113.1"][..], V4, "AddressNotInPool"),
        (&["192.0.2.0"], V4, "AddressNotInPool"),
        (&["192.0.2.1"], V4, "AddressNotInPool"),
        (&["198.51.100.1"], V4, "PoolRefuses"),
    ] {
        ipam.set_reservations(reserved(&[("r", addresses)]));
        let named = naming(of_families("web", families), "r");
        assert_eq!(refused(&mut ipam, &named).reason(), reason, "{addresses:?}");
    }
    ipam.set_reservations(reserved(&[("r", &["192.0.2.2"])]));
    let elsewhere = from_pool(naming(request("web"), "r"), "c");
    assert_eq!(refused(&mut ipam, &elsewhere).reason(), "AddressNotInPool");
}

#[test]
fn two_reserved_addresses_may_be_of_two_pools_and_one_is_completed_from_another() {
    for addresses in [&["192.0.2.2", "2001:db8:c::1"][..], &["192.0.2.2"]] {
        let mut ipam = with_pools([pool("a", &["192.0.2.0/29"]), pool("c", &["2001:db8:c::1/128"])]);
        ipam.set_reservations(reserved(&[("r", addresses)]));
        let web = naming(of_families("web", BOTH), "r");
        assert_eq!(given(&mut ipam, &web), ["192.0.2.2", "2001:db8:c::1"]);
    }
}

#[test]
fn who_waits_for_a_reserved_address_keeps_what_it_has() {
    let mut ipam = with_reserved(&[("r", &["203.0.113.1"])]);
    given(&mut ipam, &request("web"));
    refused(&mut ipam, &naming(request("web"), "r"));
    assert_eq!(held(&ipam, "web"), ["192.0.2.0"]);
}

/// The address is shared, so that it does not become free.
#[test]
fn who_would_share_an_address_is_told_when_it_is_reserved_no_more() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/32"])]);
    let front = ReservationName::new("default", "front");
    let owner = Request {
        reservation: Some(front.clone()),
        ..shared(request("web"), "k", &[80])
    };
    ipam.set_reservation(&front, ips(&["192.0.2.0"]));
    given(&mut ipam, &owner);
    let joins = shared(request("api"), "k", &[81]);
    refused(&mut ipam, &joins);
    let waits = ipam.waits(&joins);
    while ipam.poll_news().is_some() {}
    ipam.set_reservation(&front, Vec::new());
    assert!(std::iter::from_fn(|| ipam.poll_news()).any(|news| waits.contains(&news)));
    assert_eq!(given(&mut ipam, &joins), ["192.0.2.0"]);
}

#[test]
fn of_two_reservations_of_one_address_the_first_by_name_has_it() {
    let mut ipam = with_reserved(&[("b", &["192.0.2.0"]), ("a", &["192.0.2.0"])]);
    let second = naming(request("web"), "b");
    assert_eq!(refused(&mut ipam, &second).reason(), "AddressReserved");
    assert_eq!(given(&mut ipam, &naming(request("web"), "a")), ["192.0.2.0"]);
}

/// P-ALLOC-53
#[test]
fn a_reserved_pair_is_refused_while_another_pair_has_half_of_it() {
    let mut ipam = with_reserved(&[]);
    let asks = |name, port| shared(of_families(name, BOTH), "k", &[port]);
    given(
        &mut ipam,
        &exactly(asks("web", 80), &["192.0.2.0", "2001:db8:a::1"]),
    );
    for (addresses, reason) in [
        (&["192.0.2.0", "2001:db8:a::2"][..], "SharingRefused"),
        (&["192.0.2.0"], "SharingRefused"),
    ] {
        let whole = [("r", addresses), ("s", &["2001:db8:a::1"])];
        ipam.set_reservations(reserved(&whole));
        let named = naming(asks("api", 81), "r");
        assert_eq!(refused(&mut ipam, &named).reason(), reason);
    }
    ipam.set_reservations(reserved(&[("r", &["192.0.2.0"])]));
    let named = naming(asks("api", 81), "r");
    assert_eq!(given(&mut ipam, &named), ["192.0.2.0", "2001:db8:a::1"]);
}

/// What the reservation keeps can follow the Service; it would wait for ever if it insisted.
#[test]
fn a_service_that_its_pool_moves_away_does_not_insist_on_the_reserved_address() {
    let mut ipam = with_reserved(&[("r", &["192.0.2.0"])]);
    let named = naming(request("web"), "r");
    given(&mut ipam, &named);
    settled(&mut ipam, "web");
    let closed = Pool {
        closed: true,
        reclaim: Reclaim::Move,
        ..pool("a", &["192.0.2.0/29"])
    };
    ipam.set_pools(vec![closed, pool("b", &["198.51.100.0/24"])]);
    assert_eq!(given(&mut ipam, &named), ["198.51.100.0"]);
    assert_eq!(given(&mut ipam, &named), ["198.51.100.0"]);
}

/// From the pool that the Service is in now it cannot be seen that the one before took the address.
#[test]
fn nor_does_it_insist_once_it_has_moved_and_no_pool_declares_the_address_any_more() {
    let mut ipam = with_reserved(&[("r", &["192.0.2.0"])]);
    let named = naming(request("web"), "r");
    given(&mut ipam, &named);
    settled(&mut ipam, "web");
    let shrunk = Pool {
        reclaim: Reclaim::Move,
        ..pool("a", &["192.0.2.4/30"])
    };
    ipam.set_pools(vec![pool("b", &["198.51.100.0/24"]), shrunk]);
    let moved = given(&mut ipam, &named);
    assert_eq!(given(&mut ipam, &named), moved);
}

/// Only who had the address is moved.
#[test]
fn a_service_that_comes_back_to_a_pool_that_is_being_deleted_waits_for_its_address() {
    let closed = Pool {
        closed: true,
        reclaim: Reclaim::Move,
        ..pool("a", &["192.0.2.0/29"])
    };
    let mut ipam = with_pools([closed, pool("b", &["198.51.100.0/24"])]);
    ipam.set_reservations(reserved(&[("r", &["192.0.2.0"])]));
    let named = naming(request("web"), "r");
    assert_eq!(refused(&mut ipam, &named).reason(), "PoolRefuses");
}

#[test]
fn an_address_asked_for_by_number_goes_before_the_reservation() {
    let mut ipam = with_reserved(&[("r", &["192.0.2.0", "2001:db8:a::1"])]);
    let asks = exactly(naming(request("web"), "r"), &["192.0.2.5"]);
    assert_eq!(given(&mut ipam, &asks), ["192.0.2.5"]);
}

/// A reservation is honoured as a whole or not at all: the other family alone would not be it.
#[test]
fn a_service_that_cannot_have_its_other_address_too_gets_the_reserved_one_alone() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/32", "2001:db8:a::/64"])]);
    let asks = |name, families, port| shared(of_families(name, families), "k", &[port]);
    given(&mut ipam, &asks("pair", BOTH, 80));
    given(&mut ipam, &asks("web", V4, 81));
    ipam.set_reservations(reserved(&[("r", &["2001:db8:a::5"])]));
    let named = naming(asks("web", PREFER, 81), "r");
    assert_eq!(given(&mut ipam, &named), ["2001:db8:a::5"]);
}
