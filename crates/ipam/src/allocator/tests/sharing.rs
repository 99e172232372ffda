use super::*;

fn one_pool() -> Ipam {
    with_pools([pool("a", &["192.0.2.0/24", "2001:db8::/64"])])
}

fn behind(request: Request, app: &str) -> Request {
    let mut request = request;
    request.sharing.backend = Some([("app".to_owned(), app.to_owned())].into());
    request
}

/// P-ALLOC-44, P-ALLOC-45, P-ALLOC-46
#[test]
fn who_asks_for_a_held_address_gets_it_if_keys_and_backends_are_equal_and_ports_differ() {
    let first = || shared(request("web"), "k", &[80, 443]);
    let second = |key, ports: &[u16]| shared(request("api"), key, ports);
    let mut udp = second("k", &[80]);
    udp.sharing.ports = [Port {
        protocol: "UDP".into(),
        number: 80,
    }]
    .into();
    for (first, second, reason) in [
        (first(), second("k", &[81, 8443]), None),
        (first(), udp, None),
        (behind(first(), "shop"), behind(second("k", &[81]), "shop"), None),
        (first(), second("k", &[81, 443]), Some("SharingRefused")),
        (first(), second("other", &[81]), Some("SharingRefused")),
        (first(), request("api"), Some("AddressTaken")),
        (request("web"), second("k", &[81]), Some("SharingRefused")),
        (request("web"), request("api"), Some("AddressTaken")),
        (
            behind(first(), "shop"),
            second("k", &[81]),
            Some("SharingRefused"),
        ),
        (
            behind(first(), "shop"),
            behind(second("k", &[81]), "blog"),
            Some("SharingRefused"),
        ),
    ] {
        let mut ipam = one_pool();
        given(&mut ipam, &first);
        let result = ipam.assign(&exactly(second.clone(), &["192.0.2.0"]));
        assert_eq!(result.err().map(|refusal| refusal.reason()), reason, "{second:?}");
    }
}

/// P-ALLOC-48
#[test]
fn the_only_user_of_an_address_may_change_how_it_shares_and_keep_it() {
    let mut ipam = one_pool();
    given(&mut ipam, &shared(request("web"), "k", &[80]));
    for change in [
        shared(request("web"), "other", &[80]),
        behind(shared(request("web"), "other", &[80]), "shop"),
        request("web"),
    ] {
        assert_eq!(given(&mut ipam, &change), ["192.0.2.0"]);
    }
}

/// P-ALLOC-49, P-ALLOC-61
#[test]
fn one_of_two_that_share_loses_the_address_when_it_changes_its_key_or_backend() {
    for change in [
        shared(request("api"), "other", &[81]),
        behind(shared(request("api"), "k", &[81]), "shop"),
        request("api"),
    ] {
        let mut ipam = one_pool();
        given(&mut ipam, &shared(request("web"), "k", &[80]));
        given(&mut ipam, &shared(request("api"), "k", &[81]));
        assert_eq!(given(&mut ipam, &change), ["192.0.2.1"]);
        assert_eq!(
            given(&mut ipam, &shared(request("web"), "k", &[80])),
            ["192.0.2.0"]
        );
    }
}

/// P-ALLOC-50
#[test]
fn one_of_two_that_share_keeps_the_address_while_its_ports_stay_disjoint() {
    let mut ipam = one_pool();
    given(&mut ipam, &shared(request("web"), "k", &[80]));
    given(&mut ipam, &shared(request("api"), "k", &[81]));
    assert_eq!(
        given(&mut ipam, &shared(request("api"), "k", &[82, 83])),
        ["192.0.2.0"]
    );
    assert_eq!(
        given(&mut ipam, &shared(request("api"), "k", &[80, 83])),
        ["192.0.2.1"]
    );
}

/// P-ALLOC-51
#[test]
fn who_waits_to_share_is_served_when_the_other_service_changes() {
    let mut ipam = one_pool();
    given(&mut ipam, &shared(request("web"), "k", &[80]));
    let waits = exactly(shared(request("api"), "k", &[80]), &["192.0.2.0"]);
    assert_eq!(refused(&mut ipam, &waits).reason(), "SharingRefused");
    let waited_for = ipam.waits(&waits);
    while ipam.poll_news().is_some() {}
    given(&mut ipam, &shared(request("web"), "k", &[8080]));
    assert!(waited_for.contains(&ipam.poll_news().unwrap()));
    assert_eq!(given(&mut ipam, &waits), ["192.0.2.0"]);
}

/// P-ALLOC-51: though the address does not become free, and the one that stood in the way shares it no longer.
#[test]
fn who_waits_to_share_is_told_when_the_one_in_the_way_has_left() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/32"])]);
    given(&mut ipam, &shared(request("web"), "k", &[80]));
    given(&mut ipam, &shared(request("dns"), "k", &[53]));
    let waits = shared(request("api"), "k", &[53]);
    refused(&mut ipam, &waits);
    ipam.retain(&service("dns"), &Sharing::default());
    let waited_for = ipam.waits(&waits);
    while ipam.poll_news().is_some() {}
    ipam.settle(&service("dns"), &[]);
    assert!(std::iter::from_fn(|| ipam.poll_news()).any(|news| waited_for.contains(&news)));
    assert_eq!(given(&mut ipam, &waits), ["192.0.2.0"]);
}

/// P-ALLOC-52
#[test]
fn in_a_full_pool_a_matching_key_still_gets_an_address() {
    for (families, expected) in [
        (V4, &["192.0.2.7"][..]),
        (V6, &["2001:db8::7"]),
        (BOTH, &["192.0.2.7", "2001:db8::7"]),
        (Families::Prefer(Family::V6), &["2001:db8::7", "192.0.2.7"]),
    ] {
        let mut ipam = with_pools([pool("a", &["192.0.2.7/32", "2001:db8::7/128"])]);
        given(&mut ipam, &shared(of_families("web", BOTH), "k", &[80]));
        assert_eq!(
            refused(&mut ipam, &of_families("alone", families)).reason(),
            "PoolFull"
        );
        let sharing = shared(of_families("api", families), "k", &[81]);
        assert_eq!(given(&mut ipam, &sharing), expected);
    }
}

/// P-ALLOC-53
#[test]
fn dual_stack_services_share_both_addresses_or_none() {
    let mut ipam = one_pool();
    given(&mut ipam, &shared(of_families("web", BOTH), "k", &[80]));
    // It keeps others with port 81 from sharing the IPv6 address.
    let single = exactly(shared(of_families("six", V6), "k", &[81]), &["2001:db8::"]);
    assert_eq!(given(&mut ipam, &single), ["2001:db8::"]);
    let both = shared(of_families("both", BOTH), "k", &[82]);
    assert_eq!(given(&mut ipam, &both), ["192.0.2.0", "2001:db8::"]);
    let none = shared(of_families("none", BOTH), "k", &[81]);
    assert_eq!(given(&mut ipam, &none), ["192.0.2.1", "2001:db8::1"]);
    let split = exactly(
        shared(of_families("split", BOTH), "k", &[83]),
        &["192.0.2.0", "2001:db8::7"],
    );
    assert_eq!(refused(&mut ipam, &split).reason(), "SharingRefused");
}

/// P-ALLOC-53
#[test]
fn a_single_stack_service_may_share_one_address_of_a_dual_stack_one() {
    let mut ipam = one_pool();
    given(&mut ipam, &shared(of_families("web", BOTH), "k", &[80]));
    let joins = shared(of_families("six", V6), "k", &[81]);
    assert_eq!(given(&mut ipam, &joins), ["2001:db8::"]);
    let alone = shared(of_families("dual", BOTH), "other", &[80]);
    given(&mut ipam, &alone);
    let joins = exactly(shared(request("four"), "other", &[81]), &["192.0.2.1"]);
    assert_eq!(given(&mut ipam, &joins), ["192.0.2.1"]);
}

/// P-ALLOC-53: there is nothing to go with the shared address, and other addresses are to be had.
#[test]
fn a_service_that_becomes_dual_stack_leaves_an_address_of_which_it_may_not_share_the_other() {
    let mut ipam = one_pool();
    given(&mut ipam, &shared(of_families("web", BOTH), "k", &[80]));
    given(
        &mut ipam,
        &exactly(shared(of_families("six", V6), "k", &[81]), &["2001:db8::"]),
    );
    let four = shared(request("api"), "k", &[81]);
    assert_eq!(given(&mut ipam, &four), ["192.0.2.0"]);
    let prefer = shared(of_families("api", PREFER), "k", &[81]);
    assert_eq!(given(&mut ipam, &prefer), ["192.0.2.0"]);
    let both = shared(of_families("api", BOTH), "k", &[81]);
    assert_eq!(given(&mut ipam, &both), ["192.0.2.1", "2001:db8::1"]);
}

/// P-ALLOC-53
#[test]
fn who_holds_a_pair_that_others_split_long_ago_may_ask_for_it_by_number() {
    let mut ipam = one_pool();
    let sharing = |request, port| shared(request, "k", &[port]);
    for (name, port, six) in [("web", 80, "2001:db8::1"), ("api", 81, "2001:db8::2")] {
        let claimed = Claim {
            sharing: sharing(request(name), port).sharing,
            ..claim(&["192.0.2.0", six], None)
        };
        assert_eq!(ipam.claim(&service(name), claimed), []);
    }
    let asks = exactly(
        sharing(of_families("web", BOTH), 80),
        &["192.0.2.0", "2001:db8::1"],
    );
    assert_eq!(given(&mut ipam, &asks), ["192.0.2.0", "2001:db8::1"]);
}
