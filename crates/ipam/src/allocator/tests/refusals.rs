use super::*;

#[test]
fn without_a_pool_there_is_nothing_to_give() {
    let refusal = expect(
        &mut Ipam::default(),
        &request("api"),
        "NoPool",
        "there is no IPPool: create one, or ask the administrator of the cluster to",
    );
    assert_eq!(refusal, Refusal::NoPools);
}

/// P-ALLOC-34
#[test]
fn an_unknown_pool_is_named() {
    expect(
        &mut with_pools([pool("a", &["192.0.2.0/31"])]),
        &from_pool(request("api"), "typo"),
        "UnknownPool",
        "IPPool typo does not exist: correct the annotation heraldlb.io/address-pool or create the pool",
    );
}

#[test]
fn every_pool_says_what_it_refuses() {
    let mut ipam = with_pools([
        Pool {
            auto_assign: false,
            ..pool("b-manual", &["192.0.2.0/30"])
        },
        Pool {
            closed: true,
            ..pool("c-closed", &["192.0.2.8/30"])
        },
        pool("d-six", &["2001:db8::/64"]),
        Pool {
            quota: Some(Quota::default()),
            ..pool("e-quota", &["192.0.2.16/30"])
        },
        pool("f-full", &["192.0.2.24/31"]),
        pinned("g-pinned", &["192.0.2.32/30"], others_only()),
    ]);
    given(&mut ipam, &from_pool(request("team/a"), "f-full"));
    given(&mut ipam, &from_pool(request("default/b"), "f-full"));
    let refusal = expect(
        &mut ipam,
        &request("api"),
        "PoolFull",
        "no IPPool can give one IPv4 address: f-full has no free IPv4 address left, all 2 are in use; \
         e-quota gives namespace default no more than 0 of its addresses (namespaceQuota), and too few of these are left; \
         b-manual gives addresses only to Services that name it (autoAssign: false); \
         d-six has no IPv4 addresses; \
         c-closed is being deleted and gives out nothing more; \
         g-pinned is for other Services only (serviceAllocation): \
         add addresses, or delete a Service or an IPReservation that has one",
    );
    let holders = [("default".to_owned(), 1), ("team".to_owned(), 1)];
    assert_eq!(refusal.holders(), [(&pool_name("f-full"), holders.as_slice())]);
}

fn others_only() -> Pinned {
    Pinned {
        namespaces: ["others".to_owned()].into(),
        ..Pinned::default()
    }
}

#[test]
fn a_message_names_no_more_pools_than_one_can_read() {
    let pools = (0..20).map(|n| pinned(&format!("p{n:02}"), &[&format!("192.0.2.{n}/32")], others_only()));
    let mut ipam = with_pools(pools);
    let text = refused(&mut ipam, &request("api")).to_string();
    assert!(
        text.contains("p07 is for other Services only (serviceAllocation); and 12 more IPPools: use"),
        "{text}"
    );
    assert!(!text.contains("p08"), "{text}");
}

/// What one pool says, with what can be done about it.
#[test]
fn a_pool_that_is_named_says_what_can_be_done() {
    let cases: [(Pool, Families, &str, &str); 4] = [
        (
            pinned("p", &["192.0.2.0/30"], others_only()),
            V4,
            "PoolRefuses",
            "IPPool p is for other Services only (serviceAllocation): use another pool, or ask for a change of its serviceAllocation",
        ),
        (
            Pool {
                closed: true,
                ..pool("p", &["192.0.2.0/30"])
            },
            V4,
            "PoolRefuses",
            "IPPool p is being deleted and gives out nothing more: use another pool",
        ),
        (
            pool("p", &["192.0.2.0/30"]),
            BOTH,
            "PoolRefuses",
            "IPPool p has no IPv6 addresses: add addresses of the family, or change the ipFamilies of the Service",
        ),
        (
            Pool {
                quota: Some(Quota {
                    limit: 1,
                    overrides: BTreeMap::new(),
                }),
                ..pool("p", &["192.0.2.0/30", "2001:db8::/64"])
            },
            BOTH,
            "QuotaReached",
            "IPPool p gives namespace default no more than 1 of its addresses (namespaceQuota), and too few of these are left: delete a Service or an IPReservation of the namespace, or ask for a higher namespaceQuota",
        ),
    ];
    for (pool, families, reason, text) in cases {
        let mut ipam = with_pools([pool]);
        let named = from_pool(of_families("api", families), "p");
        expect(&mut ipam, &named, reason, text);
    }
}

#[test]
fn a_full_pool_that_is_named_says_how_many_are_in_use() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/31"])]);
    given(&mut ipam, &request("web"));
    given(&mut ipam, &from_pool(request("api"), "a"));
    let refusal = expect(
        &mut ipam,
        &from_pool(request("dns"), "a"),
        "PoolFull",
        "IPPool a has no free IPv4 address left, all 2 are in use: add addresses, or delete a Service or an IPReservation that has one",
    );
    assert_eq!(
        refusal.holders(),
        [(&pool_name("a"), [("default".to_owned(), 2)].as_slice())]
    );
}

#[test]
fn of_the_namespaces_that_hold_a_full_pool_the_three_largest_are_known() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/29"])]);
    for name in ["a/1", "b/1", "b/2", "c/1", "c/2", "c/3", "d/1", "d/2"] {
        given(&mut ipam, &request(name));
    }
    let refusal = refused(&mut ipam, &request("late"));
    let largest = [("c".to_owned(), 3), ("b".to_owned(), 2), ("d".to_owned(), 2)];
    assert_eq!(refusal.holders(), [(&pool_name("a"), largest.as_slice())]);
}
