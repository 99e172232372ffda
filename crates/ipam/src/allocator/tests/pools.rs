use super::*;

/// P-ALLOC-11, P-ALLOC-13
#[test]
fn ranges_and_prefixes_serve_addresses_of_their_own_family() {
    let forms: [&[&str]; 2] = [
        &["192.0.2.8/30", "2001:db8::8/126"],
        &["2001:db8::8-2001:db8::b", "192.0.2.8-192.0.2.11"],
    ];
    for of in forms {
        let mut ipam = with_pools([pool("a", of)]);
        assert_eq!(given(&mut ipam, &of_families("four", V4)), ["192.0.2.8"]);
        assert_eq!(given(&mut ipam, &of_families("six", V6)), ["2001:db8::8"]);
        assert_eq!(
            given(&mut ipam, &of_families("both", BOTH)),
            ["192.0.2.9", "2001:db8::9"]
        );
    }
}

/// P-ALLOC-12
#[test]
fn a_prefix_with_host_bits_gives_out_the_whole_prefix() {
    let mut ipam = with_pools([pool("a", &["198.51.100.10/30"])]);
    let all: Vec<_> = ["a", "b", "c", "d"]
        .iter()
        .flat_map(|name| given(&mut ipam, &request(name)))
        .collect();
    assert_eq!(
        all,
        ["198.51.100.8", "198.51.100.9", "198.51.100.10", "198.51.100.11"]
    );
}

/// P-ALLOC-14
#[test]
fn addresses_are_given_in_the_order_of_the_entries_lowest_first() {
    let entries = ["2001:db8::/64", "192.0.2.10-192.0.2.11", "192.0.2.0/31"];
    let mut ipam = with_pools([pool("a", &entries)]);
    let all: Vec<_> = ["a", "b", "c", "d"]
        .iter()
        .flat_map(|name| given(&mut ipam, &request(name)))
        .collect();
    assert_eq!(all, ["192.0.2.10", "192.0.2.11", "192.0.2.0", "192.0.2.1"]);
    ipam.release(&service("d"));
    ipam.release(&service("b"));
    assert_eq!(given(&mut ipam, &request("e")), ["192.0.2.11"]);
}

/// P-ALLOC-14, P-ALLOC-46
#[test]
fn an_address_that_may_be_shared_is_taken_when_it_comes_before_the_first_that_is_free() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/30"])]);
    given(
        &mut ipam,
        &exactly(shared(request("web"), "k", &[80]), &["192.0.2.1"]),
    );
    assert_eq!(
        given(&mut ipam, &shared(request("api"), "k", &[81])),
        ["192.0.2.0"]
    );
    assert_eq!(
        given(&mut ipam, &shared(request("dns"), "k", &[82])),
        ["192.0.2.0"]
    );
    assert_eq!(given(&mut ipam, &request("alone")), ["192.0.2.2"]);
}

/// P-ALLOC-15
#[test]
fn addresses_that_end_in_0_or_255_are_neither_chosen_nor_to_be_asked_for() {
    let buggy = Pool {
        avoid_buggy_ips: true,
        ..pool("a", &["192.0.2.255-192.0.3.1", "2001:db8::/127"])
    };
    let mut ipam = with_pools([buggy]);
    assert_eq!(
        refused(&mut ipam, &exactly(request("web"), &["192.0.2.255"])).reason(),
        "AddressNotInPool"
    );
    assert_eq!(
        refused(&mut ipam, &exactly(request("web"), &["192.0.3.0"])).reason(),
        "AddressNotInPool"
    );
    assert_eq!(given(&mut ipam, &request("web")), ["192.0.3.1"]);
    assert_eq!(refused(&mut ipam, &request("api")).reason(), "PoolFull");
    assert_eq!(given(&mut ipam, &of_families("six", V6)), ["2001:db8::"]);
}

/// P-ALLOC-17
#[test]
fn a_pool_without_auto_assign_serves_only_who_names_it_or_its_address() {
    let manual = Pool {
        auto_assign: false,
        ..pool("manual", &["192.0.2.0/30"])
    };
    let mut ipam = with_pools([manual]);
    assert_eq!(refused(&mut ipam, &request("web")).reason(), "NoPoolMatches");
    assert_eq!(
        given(&mut ipam, &from_pool(request("web"), "manual")),
        ["192.0.2.0"]
    );
    assert_eq!(
        given(&mut ipam, &exactly(request("api"), &["192.0.2.2"])),
        ["192.0.2.2"]
    );
}

#[test]
fn who_has_an_address_of_a_pool_without_auto_assign_may_drop_the_name_and_keep_it() {
    let manual = Pool {
        auto_assign: false,
        reclaim: Reclaim::Move,
        ..pool("manual", &["192.0.2.0/30", "2001:db8::/126"])
    };
    let mut ipam = with_pools([manual, pool("auto", &["198.51.100.0/24"])]);
    given(&mut ipam, &from_pool(request("web"), "manual"));
    assert_eq!(given(&mut ipam, &request("web")), ["192.0.2.0"]);
    assert_eq!(
        given(&mut ipam, &of_families("web", PREFER)),
        ["192.0.2.0", "2001:db8::"]
    );
}

#[test]
fn what_a_pool_excludes_is_neither_chosen_nor_to_be_asked_for() {
    let excluding = Pool {
        excluded: ranges(&["192.0.2.0-192.0.2.1", "192.0.2.3/32", "2001:db8::/128"]),
        ..pool("a", &["192.0.2.0/29", "2001:db8::/64"])
    };
    let mut ipam = with_pools([excluding]);
    let all: Vec<_> = ["a", "b", "c"]
        .iter()
        .flat_map(|name| given(&mut ipam, &request(name)))
        .collect();
    assert_eq!(all, ["192.0.2.2", "192.0.2.4", "192.0.2.5"]);
    assert_eq!(given(&mut ipam, &of_families("six", V6)), ["2001:db8::1"]);
    let asks = exactly(request("web"), &["192.0.2.3"]);
    assert_eq!(refused(&mut ipam, &asks).reason(), "AddressNotInPool");
}

#[test]
fn a_pool_that_is_being_deleted_gives_out_nothing_more() {
    let closed = Pool {
        closed: true,
        ..pool("a", &["192.0.2.0/24", "2001:db8::/64"])
    };
    let mut ipam = with_pools([pool("a", &["192.0.2.0/24"])]);
    given(&mut ipam, &request("web"));
    ipam.set_pools(vec![closed, pool("b", &["198.51.100.0/24"])]);
    let automatic = request("api");
    assert_eq!(given(&mut ipam, &automatic), ["198.51.100.0"]);
    let named = from_pool(request("named"), "a");
    assert_eq!(refused(&mut ipam, &named).reason(), "PoolRefuses");
    let exact = exactly(request("exact"), &["192.0.2.9"]);
    assert_eq!(refused(&mut ipam, &exact).reason(), "PoolRefuses");
    assert_eq!(given(&mut ipam, &of_families("web", PREFER)), ["192.0.2.0"]);
}
