use super::*;

fn limited(limit: u32, overrides: &[(&str, u32)]) -> Pool {
    let own = |&(namespace, limit): &(&str, u32)| (namespace.to_owned(), limit);
    let quota = Quota {
        limit,
        overrides: overrides.iter().map(own).collect(),
    };
    Pool {
        quota: Some(quota),
        ..pool("a", &["192.0.2.0/29", "2001:db8::/64"])
    }
}

fn reason(ipam: &mut Ipam, request: &Request) -> Option<&'static str> {
    ipam.assign(request).err().map(|refusal| refusal.reason())
}

#[test]
fn a_namespace_gets_as_many_addresses_as_its_quota_says() {
    let mut ipam = with_pools([limited(1, &[("big", 3), ("none", 0)])]);
    assert_eq!(reason(&mut ipam, &request("small/a")), None);
    assert_eq!(reason(&mut ipam, &request("small/b")), Some("QuotaReached"));
    assert_eq!(reason(&mut ipam, &of_families("big/a", BOTH)), None);
    assert_eq!(
        reason(&mut ipam, &of_families("big/b", BOTH)),
        Some("QuotaReached")
    );
    assert_eq!(reason(&mut ipam, &of_families("big/b", PREFER)), None);
    assert_eq!(held(&ipam, "big/b").len(), 1);
    assert_eq!(reason(&mut ipam, &request("none/a")), Some("QuotaReached"));
}

#[test]
fn a_quota_holds_for_who_names_the_pool_and_for_who_names_an_address_of_it() {
    let mut ipam = with_pools([limited(1, &[])]);
    given(&mut ipam, &request("web"));
    let named = from_pool(request("api"), "a");
    assert_eq!(reason(&mut ipam, &named), Some("QuotaReached"));
    let exact = exactly(request("api"), &["192.0.2.5"]);
    assert_eq!(reason(&mut ipam, &exact), Some("QuotaReached"));
}

#[test]
fn who_reaches_the_quota_of_a_pool_is_served_by_the_next() {
    let mut ipam = with_pools([limited(1, &[]), pool("b", &["198.51.100.0/24"])]);
    assert_eq!(given(&mut ipam, &request("web")), ["192.0.2.0"]);
    assert_eq!(given(&mut ipam, &request("api")), ["198.51.100.0"]);
}

#[test]
fn an_address_that_is_shared_counts_once_in_each_namespace() {
    let mut ipam = with_pools([limited(1, &[])]);
    for (name, port) in [("x/a", 80), ("x/b", 81), ("y/a", 82)] {
        let mut request = exactly(shared(request(name), "k", &[port]), &["192.0.2.0"]);
        request.sharing.joiners = Joiners::Any;
        assert_eq!(reason(&mut ipam, &request), None, "{name}");
    }
    assert_eq!(
        reason(&mut ipam, &request("y/b")),
        Some("QuotaReached"),
        "it has a share"
    );
    ipam.release(&service("x/a"));
    assert_eq!(reason(&mut ipam, &request("x/c")), Some("QuotaReached"));
    ipam.release(&service("x/b"));
    assert_eq!(reason(&mut ipam, &request("x/c")), None);
}

#[test]
fn a_reservation_counts_and_its_service_not_again() {
    let mut ipam = with_pools([limited(1, &[])]);
    let name = ReservationName::new("default", "r");
    ipam.set_reservations([(name.clone(), ips(&["192.0.2.3"]))].into());
    assert_eq!(reason(&mut ipam, &request("web")), Some("QuotaReached"));
    let named = Request {
        reservation: Some(name),
        ..request("web")
    };
    assert_eq!(given(&mut ipam, &named), ["192.0.2.3"]);
    ipam.release(&service("web"));
    assert_eq!(reason(&mut ipam, &request("web")), Some("QuotaReached"));
    ipam.set_reservations(BTreeMap::new());
    assert_eq!(reason(&mut ipam, &request("web")), None);
}

#[test]
fn a_lower_quota_takes_nothing_away_and_gives_nothing_more() {
    let mut ipam = with_pools([limited(2, &[])]);
    given(&mut ipam, &of_families("web", BOTH));
    ipam.set_pools(vec![limited(0, &[])]);
    assert_eq!(
        given(&mut ipam, &of_families("web", BOTH)),
        ["192.0.2.0", "2001:db8::"]
    );
    assert_eq!(
        given(
            &mut ipam,
            &exactly(of_families("web", BOTH), &["192.0.2.0", "2001:db8::"])
        ),
        ["192.0.2.0", "2001:db8::"]
    );
    assert_eq!(reason(&mut ipam, &request("api")), Some("QuotaReached"));
}

#[test]
fn who_swaps_an_address_for_another_stays_within_its_quota() {
    let mut ipam = with_pools([limited(1, &[])]);
    given(&mut ipam, &request("web"));
    for address in ["192.0.2.5", "192.0.2.6", "192.0.2.0"] {
        assert_eq!(given(&mut ipam, &exactly(request("web"), &[address])), [address]);
    }
    assert_eq!(reason(&mut ipam, &request("api")), Some("QuotaReached"));
}

/// An address that one Service of the namespace is about to lose is no way round the quota.
#[test]
fn who_joins_an_address_that_another_service_leaves_counts() {
    let mut ipam = with_pools([limited(1, &[])]);
    given(&mut ipam, &shared(request("web"), "k", &[80]));
    given(
        &mut ipam,
        &exactly(shared(request("web"), "k", &[80]), &["192.0.2.5"]),
    );
    let joins = exactly(shared(request("api"), "k", &[81]), &["192.0.2.0"]);
    assert_eq!(reason(&mut ipam, &joins), Some("QuotaReached"));
}

#[test]
fn there_is_room_in_the_quota_as_soon_as_an_address_is_given_up() {
    let mut ipam = with_pools([limited(1, &[])]);
    given(&mut ipam, &request("web"));
    assert_eq!(reason(&mut ipam, &request("api")), Some("QuotaReached"));
    let room = Wait::Quota(PoolName("a".into()), "default".into());
    assert_eq!(ipam.waits(&request("api")), [room.clone()].into());
    assert!(!ipam.is_left(&room));
    while ipam.poll_news().is_some() {}
    ipam.forfeit(&service("web"));
    assert!(std::iter::from_fn(|| ipam.poll_news()).any(|news| news == room));
    assert!(ipam.is_left(&room));
    assert_eq!(given(&mut ipam, &request("api")), ["192.0.2.1"]);
}

#[test]
fn a_service_that_has_one_address_outside_is_held_to_the_quota_for_the_other() {
    let mut ipam = with_pools([limited(2, &[])]);
    given(&mut ipam, &exactly(request("web"), &["192.0.2.1"]));
    let excluding = Pool {
        excluded: ranges(&["192.0.2.1/32"]),
        ..limited(0, &[])
    };
    ipam.set_pools(vec![excluding]);
    let asks = exactly(of_families("web", BOTH), &["192.0.2.1", "2001:db8::1"]);
    assert_eq!(reason(&mut ipam, &asks), Some("QuotaReached"));
}

/// P-ALLOC-52: what holds for a full pool holds for a quota that is used up.
#[test]
fn a_namespace_that_may_have_no_further_address_may_share_those_it_has() {
    let mut ipam = with_pools([limited(2, &[])]);
    let pair = ["192.0.2.3", "2001:db8::3"];
    let asks = |name, families, port| shared(of_families(name, families), "k", &[port]);
    given(&mut ipam, &exactly(asks("web", BOTH, 80), &pair));
    assert_eq!(given(&mut ipam, &asks("four", V4, 81)), ["192.0.2.3"]);
    assert_eq!(given(&mut ipam, &asks("six", V6, 82)), ["2001:db8::3"]);
    assert_eq!(given(&mut ipam, &asks("both", BOTH, 83)), pair);
    assert_eq!(reason(&mut ipam, &asks("late", BOTH, 83)), Some("QuotaReached"));
    assert_eq!(reason(&mut ipam, &asks("late", V4, 83)), Some("QuotaReached"));
}

#[test]
fn with_room_for_one_address_a_dual_stack_service_shares_the_other() {
    let mut ipam = with_pools([limited(2, &[])]);
    let asks = |name, families, port| shared(of_families(name, families), "k", &[port]);
    given(&mut ipam, &exactly(asks("web", V4, 80), &["192.0.2.3"]));
    assert_eq!(
        given(&mut ipam, &asks("both", BOTH, 81)),
        ["192.0.2.3", "2001:db8::"]
    );
}

/// One address would do, and what it lacks for that is not room in the pool.
#[test]
fn a_service_that_prefers_two_families_is_told_of_the_quota_that_keeps_it_from_one() {
    let small = Pool {
        ranges: ranges(&["192.0.2.0/29", "2001:db8::/128"]),
        ..limited(0, &[("rich", 1)])
    };
    let mut ipam = with_pools([small]);
    given(&mut ipam, &of_families("rich/six", V6));
    assert_eq!(
        reason(&mut ipam, &of_families("web", PREFER)),
        Some("QuotaReached")
    );
}
