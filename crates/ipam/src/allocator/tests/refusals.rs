use super::*;
use crate::refusal::PoolRefusal;

const TAKEN: &str = "192.0.2.0";

/// A pool of two addresses a family and more, of which Service default/web has the first.
fn world() -> Ipam {
    let mut ipam = with_pools([
        pool("a", &["192.0.2.0/31", "2001:db8::/126"]),
        pool("six", &["2001:db8:6::/64"]),
    ]);
    given(&mut ipam, &request("web"));
    ipam
}

fn expect(ipam: &mut Ipam, request: &Request, reason: &str, text: &str) -> Refusal {
    let refusal = refused(ipam, request);
    assert_eq!((refusal.reason(), refusal.to_string().as_str()), (reason, text));
    refusal
}

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
        &mut world(),
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
    let cases: [(Pool, Families, &str, &str); 6] = [
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
        (
            Pool {
                excluded: ranges(&["192.0.2.1-192.0.2.3"]),
                ..pool("p", &["192.0.2.0/30"])
            },
            V4,
            "",
            "",
        ),
        (
            Pool {
                auto_assign: false,
                ..pool("p", &["192.0.2.0/30"])
            },
            V4,
            "",
            "",
        ),
    ];
    for (pool, families, reason, text) in cases {
        let mut ipam = with_pools([pool]);
        let named = from_pool(of_families("api", families), "p");
        match reason {
            "" => drop(given(&mut ipam, &named)),
            _ => drop(expect(&mut ipam, &named, reason, text)),
        }
    }
}

#[test]
fn a_full_pool_that_is_named_says_how_many_are_in_use() {
    let mut ipam = world();
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

#[test]
fn what_is_wrong_with_an_address_asked_for_is_told_with_what_to_do() {
    let mut ipam = world();
    let avoiding = Pool {
        avoid_buggy_ips: true,
        excluded: ranges(&["198.51.100.7/32"]),
        ..pool("b", &["198.51.100.0/24"])
    };
    let mut pools: Vec<Pool> = ipam.shelves.iter().map(|shelf| shelf.pool.clone()).collect();
    pools.push(avoiding);
    ipam.set_pools(pools);
    let cases: [(Families, &[&str], &str, &str); 8] = [
        (
            V4,
            &["203.0.113.1"],
            "AddressNotInPool",
            "203.0.113.1 is in no IPPool: ask for an address of a pool, or add it to one",
        ),
        (
            V4,
            &["198.51.100.255"],
            "AddressNotInPool",
            "198.51.100.255 ends in .0 or .255, which IPPool b never gives out (avoidBuggyIPs: true): ask for another address",
        ),
        (
            V4,
            &["198.51.100.7"],
            "AddressNotInPool",
            "198.51.100.7 is one that IPPool b never gives out (exclude): ask for another address",
        ),
        (
            BOTH,
            &["192.0.2.1", "2001:db8:6::1"],
            "AddressNotInPool",
            "2001:db8:6::1 is not in IPPool a, where the addresses of this Service have to come from: ask for an address of that pool, or name another",
        ),
        (
            V4,
            &[TAKEN],
            "AddressTaken",
            "192.0.2.0 is held by Service default/web: ask for another address, or give both Services one sharing key (annotation heraldlb.io/allow-shared-ip)",
        ),
        (
            V4,
            &["2001:db8::1"],
            "WrongFamilies",
            "the Service calls for one IPv4 address and asks for 2001:db8::1: ask for one address of each of its families, or change its ipFamilies and ipFamilyPolicy",
        ),
        (
            PREFER,
            &["192.0.2.1"],
            "WrongFamilies",
            "the Service calls for one IPv4 address and one IPv6 address and asks for 192.0.2.1: ask for one address of each of its families, or change its ipFamilies and ipFamilyPolicy",
        ),
        (
            V4,
            &["192.0.2.1", "192.0.2.0"],
            "WrongFamilies",
            "the Service calls for one IPv4 address and asks for 192.0.2.1 and 192.0.2.0: ask for one address of each of its families, or change its ipFamilies and ipFamilyPolicy",
        ),
    ];
    for (families, addresses, reason, text) in cases {
        expect(
            &mut ipam,
            &exactly(of_families("api", families), addresses),
            reason,
            text,
        );
    }
}

#[test]
fn a_reserved_address_names_what_keeps_it() {
    let mut ipam = world();
    let name = ReservationName::new("team", "spare");
    ipam.set_reservations([(name, ips(&["192.0.2.1"]))].into());
    expect(
        &mut ipam,
        &exactly(request("api"), &["192.0.2.1"]),
        "AddressReserved",
        "192.0.2.1 is kept by IPReservation team/spare for Services of its namespace that name it in the annotation \
         heraldlb.io/reserve: be one of these, ask for another address, or delete the IPReservation",
    );
}

/// P-ALLOC-44, P-ALLOC-45
#[test]
fn every_rule_of_sharing_names_itself_and_the_holder() {
    let lead = "192.0.2.0 is held by Service default/web, which does not share it with this Service: ";
    let mut local = shared(request("web"), "k", &[80]);
    local.sharing.backend = Some(labelled("app"));
    for (holder, rule, text) in [
        (
            request("web"),
            SharingRule::HolderHasNoKey,
            "it has no sharing key; give it the one of this Service (annotation heraldlb.io/allow-shared-ip)",
        ),
        (
            shared(request("web"), "other", &[80]),
            SharingRule::KeysDiffer {
                ours: "k".into(),
                theirs: "other".into(),
            },
            "its sharing key is \"other\", this Service's is \"k\"; use one key (annotation heraldlb.io/allow-shared-ip)",
        ),
        (
            local,
            SharingRule::BackendsDiffer,
            "with externalTrafficPolicy: Local both have to select the same pods; use Cluster on both, or one selector",
        ),
        (
            shared(request("web"), "k", &[80, 81]),
            SharingRule::PortTaken(Port {
                protocol: "TCP".into(),
                number: 81,
            }),
            "both answer on TCP port 81; use another port",
        ),
    ] {
        let mut ipam = world();
        given(&mut ipam, &holder);
        let asks = exactly(shared(request("api"), "k", &[81]), &[TAKEN]);
        let refusal = expect(&mut ipam, &asks, "SharingRefused", &format!("{lead}{text}"));
        assert!(matches!(refusal, Refusal::SharingRefused { rule: found, .. } if found == rule));
    }
}

/// P-ALLOC-53
#[test]
fn a_pair_that_would_be_split_names_who_has_it() {
    let mut ipam = world();
    given(&mut ipam, &shared(of_families("web", BOTH), "k", &[80]));
    let asks = shared(of_families("api", BOTH), "k", &[81]);
    expect(
        &mut ipam,
        &exactly(asks.clone(), &[TAKEN, "2001:db8::3"]),
        "SharingRefused",
        "192.0.2.0 is held by Service default/web, which does not share it with this Service: \
         two dual-stack Services share both of their addresses or none; ask for both, or for others",
    );
    let six = exactly(shared(of_families("six", V6), "k", &[81]), &["2001:db8::"]);
    given(&mut ipam, &six);
    let name = ReservationName::new("default", "r");
    ipam.set_reservations([(name.clone(), ips(&[TAKEN]))].into());
    let reserving = Request {
        reservation: Some(name),
        ..asks
    };
    let refusal = expect(
        &mut ipam,
        &reserving,
        "SharingRefused",
        "no IPPool can give one IPv4 and one IPv6 address: a has no address to go with 192.0.2.0, which Service \
         default/web has together with another one (two dual-stack Services share both of their addresses or none): \
         use another sharing key (annotation heraldlb.io/allow-shared-ip)",
    );
    let pools = |refusal| match refusal {
        Refusal::NoPoolFits { pools, .. } => pools,
        other => panic!("{other}"),
    };
    assert!(matches!(pools(refusal)[0].1, PoolRefusal::PairSplit { .. }));
}
