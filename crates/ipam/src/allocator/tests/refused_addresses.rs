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

#[test]
fn what_is_wrong_with_an_address_asked_for_is_told_with_what_to_do() {
    let mut ipam = world();
    let avoiding = Pool {
        avoid_buggy_ips: true,
        excluded: ranges(&["198.51.100.7/32"]),
        ..pool("b", &["198.51.100.0/24"])
    };
    let mut pools: Vec<Pool> = ipam.free_lists.iter().map(|list| list.pool.clone()).collect();
    pools.push(avoiding);
    ipam.set_pools(pools);
    let cases: [(Families, &[&str], &str, &str); 7] = [
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
         default/web has together with another one (two dual-stack Services share both of their addresses or none); six has no address to go with 192.0.2.0, which Service default/web has together with another one (two dual-stack Services share both of their addresses or none): \
         use another sharing key (annotation heraldlb.io/allow-shared-ip)",
    );
    let Refusal::NoPoolFits { pools, .. } = refusal else {
        panic!("{refusal}");
    };
    assert!(matches!(pools[0].1, PoolRefusal::PairSplit { .. }));
}
