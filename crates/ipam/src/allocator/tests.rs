use model::{Labels, Requirement, Selector, Selectors};
use proptest::prelude::*;

use super::*;
use crate::pool::Pinned;
use crate::request::Families;

const V4: Families = Families::One(Family::V4);

fn pool(name: &str, ranges: &[&str]) -> Pool {
    Pool::new(
        PoolName(name.into()),
        ranges.iter().map(|range| range.parse().unwrap()).collect(),
    )
}

fn service(name: &str) -> ServiceName {
    ServiceName::new("default", name)
}

fn request(name: &str) -> Request {
    Request::new(service(name), V4)
}

fn with_pools(pools: impl IntoIterator<Item = Pool>) -> Ipam {
    let mut ipam = Ipam::default();
    ipam.set_pools(pools.into_iter().collect());
    ipam
}

fn ip(address: &str) -> IpAddr {
    address.parse().unwrap()
}

fn addresses(grant: Result<Grant, Refusal>) -> Vec<String> {
    grant.unwrap().addresses.iter().map(IpAddr::to_string).collect()
}

/// P-ALLOC-11, P-ALLOC-13, P-ALLOC-14
#[test]
fn addresses_are_given_in_the_order_of_the_entries_lowest_first() {
    let mut ipam = with_pools([pool(
        "a",
        &["2001:db8::/64", "192.0.2.10-192.0.2.11", "192.0.2.0/31"],
    )]);
    let given: Vec<_> = ["a", "b", "c", "d"]
        .iter()
        .flat_map(|name| addresses(ipam.assign(&request(name))))
        .collect();
    assert_eq!(given, ["192.0.2.10", "192.0.2.11", "192.0.2.0", "192.0.2.1"]);
}

/// P-ALLOC-56
#[test]
fn asking_again_gives_the_same_and_changes_nothing() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/30"])]);
    let first = ipam.assign(&request("web")).unwrap();
    assert_eq!(ipam.assign(&request("web")).unwrap(), first);
    assert_eq!(ipam.usage()[&PoolName("a".into())].assigned_v4, 1);
}

/// P-ALLOC-3
#[test]
fn a_released_address_can_be_given_again() {
    let mut ipam = with_pools([pool("a", &["192.0.2.7/32"])]);
    ipam.assign(&request("web")).unwrap();
    assert_eq!(ipam.assign(&request("api")).unwrap_err().reason(), "PoolFull");
    assert!(ipam.release(&service("web")));
    assert!(!ipam.release(&service("web")));
    assert_eq!(addresses(ipam.assign(&request("api"))), ["192.0.2.7"]);
}

/// P-ALLOC-54, P-ALLOC-55
#[test]
fn what_is_claimed_after_a_start_is_given_to_nobody_else() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/30"])]);
    assert_eq!(ipam.claim(&service("old"), &[ip("192.0.2.0")]), []);
    assert_eq!(ipam.claim(&service("old"), &[ip("192.0.2.0")]), []);
    assert_eq!(addresses(ipam.assign(&request("new"))), ["192.0.2.1"]);
    assert_eq!(addresses(ipam.assign(&request("old"))), ["192.0.2.0"]);
}

#[test]
fn of_two_that_claim_one_address_the_first_keeps_it() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/30"])]);
    ipam.claim(&service("old"), &[ip("192.0.2.0")]);
    assert_eq!(
        ipam.claim(&service("new"), &[ip("192.0.2.0")]),
        [(ip("192.0.2.0"), service("old"))]
    );
    assert_eq!(addresses(ipam.assign(&request("new"))), ["192.0.2.1"]);
}

/// P-ALLOC-58, and DESIGN §7 in place of P-ALLOC-57 and -59
#[test]
fn no_edit_of_the_pools_moves_an_address() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/30"])]);
    let before = ipam.assign(&request("web")).unwrap();
    for pools in [
        vec![pool("b", &["192.0.2.0/31"])],
        vec![pool("b", &["198.51.100.0/24"])],
        vec![],
    ] {
        ipam.set_pools(pools);
        assert_eq!(ipam.assign(&request("web")).unwrap().addresses, before.addresses);
    }
    assert_eq!(ipam.assign(&request("web")).unwrap().pool, None);
    ipam.set_pools(vec![pool("a", &["192.0.2.0/30"])]);
    assert_eq!(addresses(ipam.assign(&request("api"))), ["192.0.2.1"]);
}

/// P-ALLOC-17
#[test]
fn a_pool_without_auto_assign_serves_only_who_names_it_or_its_address() {
    let by_name = Pool {
        auto_assign: false,
        ..pool("manual", &["192.0.2.0/30"])
    };
    let mut ipam = with_pools([by_name]);
    let refusal = ipam.assign(&request("web")).unwrap_err();
    assert_eq!(refusal.reason(), "NoPoolMatches");
    assert!(
        refusal
            .to_string()
            .contains("manual gives addresses only to Services that name it"),
        "{refusal}"
    );
    let named = Request {
        pool: Some(PoolName("manual".into())),
        ..request("web")
    };
    assert_eq!(addresses(ipam.assign(&named)), ["192.0.2.0"]);
    let wanted = Request {
        addresses: vec![ip("192.0.2.2")],
        ..request("api")
    };
    assert_eq!(addresses(ipam.assign(&wanted)), ["192.0.2.2"]);
}

fn pinned(name: &str, range: &str, pinned: Pinned) -> Pool {
    Pool {
        pinned: Some(pinned),
        ..pool(name, &[range])
    }
}

/// P-ALLOC-21, P-ALLOC-22, P-ALLOC-24, P-ALLOC-26, P-ALLOC-32
#[test]
fn pinned_pools_come_first_by_priority_with_zero_last_then_the_others() {
    let mut ipam = with_pools([
        pool("everyone", &["192.0.2.4/32"]),
        pinned("last", "192.0.2.3/32", Pinned::default()),
        pinned(
            "second",
            "192.0.2.2/32",
            Pinned {
                priority: 2,
                ..Pinned::default()
            },
        ),
        pinned(
            "first",
            "192.0.2.1/32",
            Pinned {
                priority: 1,
                ..Pinned::default()
            },
        ),
    ]);
    let given: Vec<_> = ["a", "b", "c", "d"]
        .iter()
        .flat_map(|name| addresses(ipam.assign(&request(name))))
        .collect();
    assert_eq!(given, ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"]);
}

fn selectors(key: &str) -> Selectors {
    Selectors(vec![Selector(vec![Requirement::Exists(key.into())])])
}

fn labelled(key: &str) -> Labels {
    [(key.to_owned(), String::new())].into()
}

/// P-ALLOC-23, P-ALLOC-25, P-ALLOC-27, P-ALLOC-28, P-ALLOC-29, P-ALLOC-30, P-ALLOC-31
#[test]
fn a_pinned_pool_serves_its_namespaces_and_services_and_no_other() {
    let both = Pinned {
        namespaces: ["default".to_owned()].into(),
        namespace_selectors: selectors("gold"),
        service_selectors: selectors("public"),
        ..Pinned::default()
    };
    let mut ipam = with_pools([pinned("p", "192.0.2.0/24", both)]);
    let by_name = Request {
        labels: labelled("public"),
        ..request("a")
    };
    assert!(ipam.assign(&by_name).is_ok());
    let elsewhere = Request {
        service: ServiceName::new("other", "b"),
        ..by_name.clone()
    };
    assert!(ipam.assign(&elsewhere).is_err());
    assert!(
        ipam.assign(&Request {
            namespace_labels: labelled("gold"),
            ..elsewhere
        })
        .is_ok()
    );
    assert!(ipam.assign(&request("unlabelled")).is_err());
    let asks = Request {
        addresses: vec![ip("192.0.2.9")],
        ..request("unlabelled")
    };
    assert_eq!(ipam.assign(&asks).unwrap_err().reason(), "PoolRefuses");
}

/// P-ALLOC-34, P-ALLOC-38, P-ALLOC-39, P-ALLOC-40, P-ALLOC-41, P-ALLOC-42
#[test]
fn a_request_that_cannot_be_honoured_says_which_rule_forbids_it() {
    let mut ipam = with_pools([
        Pool {
            avoid_buggy_ips: true,
            ..pool("a", &["192.0.2.0/24"])
        },
        pool("b", &["198.51.100.0/24", "2001:db8::/64"]),
    ]);
    ipam.claim(&service("other"), &[ip("192.0.2.5")]);
    let mut refused = |families, pool: Option<&str>, wanted: &[&str]| {
        let request = Request {
            families,
            pool: pool.map(|name| PoolName(name.into())),
            addresses: wanted.iter().map(|address| ip(address)).collect(),
            ..request("web")
        };
        ipam.assign(&request).unwrap_err().to_string()
    };
    assert_eq!(
        refused(V4, Some("c"), &[]),
        "IPPool c does not exist: correct the annotation heraldlb.io/address-pool or create the pool"
    );
    assert_eq!(
        refused(V4, None, &["192.0.2.5"]),
        "192.0.2.5 is held by Service default/other"
    );
    assert_eq!(
        refused(V4, Some("b"), &["192.0.2.6"]),
        "192.0.2.6 is not in IPPool b"
    );
    assert!(refused(V4, None, &["203.0.113.1"]).starts_with("203.0.113.1 is in no IPPool"));
    assert!(refused(V4, None, &["192.0.2.255"]).contains("avoidBuggyIPs"));
    assert!(refused(V4, None, &["2001:db8::1"]).contains("calls for one IPv4 address"));
    assert!(
        refused(Families::Both, None, &["192.0.2.6"]).contains("calls for one IPv4 and one IPv6 address")
    );
    assert_eq!(
        refused(Families::Both, None, &["192.0.2.6", "2001:db8::1"]),
        "2001:db8::1 is not in IPPool a"
    );
    assert_eq!(
        refused(Families::Both, Some("a"), &[]),
        "IPPool a has no IPv6 addresses"
    );
}

/// P-ALLOC-35, P-ALLOC-43
#[test]
fn a_changed_request_moves_the_service_and_frees_the_old_address() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/24"]), pool("b", &["198.51.100.0/24"])]);
    ipam.assign(&request("web")).unwrap();
    let in_b = Request {
        pool: Some(PoolName("b".into())),
        ..request("web")
    };
    assert_eq!(addresses(ipam.assign(&in_b)), ["198.51.100.0"]);
    let exact = Request {
        addresses: vec![ip("198.51.100.9")],
        ..in_b
    };
    assert_eq!(addresses(ipam.assign(&exact)), ["198.51.100.9"]);
    assert_eq!(addresses(ipam.assign(&request("api"))), ["192.0.2.0"]);
}

#[test]
fn a_refused_change_leaves_the_service_what_it_holds() {
    let mut ipam = with_pools([pool("a", &["192.0.2.0/24"])]);
    ipam.assign(&request("web")).unwrap();
    let elsewhere = Request {
        pool: Some(PoolName("b".into())),
        ..request("web")
    };
    assert!(ipam.assign(&elsewhere).is_err());
    assert_eq!(ipam.held(&service("web")), [ip("192.0.2.0")]);
}

/// P-ALLOC-69, P-ALLOC-70, P-ALLOC-71, P-ALLOC-72, P-ALLOC-73, P-ALLOC-78
#[test]
fn dual_stack_addresses_come_from_one_pool_and_preferences_are_obeyed() {
    let mut ipam = with_pools([pool("four", &["192.0.2.0/24"]), pool("six", &["2001:db8:6::/64"])]);
    let asks = |families| Request {
        families,
        ..request("web")
    };
    assert_eq!(
        ipam.assign(&asks(Families::Both)).unwrap_err().reason(),
        "NoPoolMatches"
    );
    assert_eq!(
        addresses(ipam.assign(&asks(Families::Prefer(Family::V6)))),
        ["2001:db8:6::"]
    );
    ipam.release(&service("web"));
    assert_eq!(
        addresses(ipam.assign(&asks(Families::Prefer(Family::V4)))),
        ["192.0.2.0"]
    );
    ipam.set_pools(vec![pool("dual", &["192.0.2.0/24", "2001:db8::/64"])]);
    assert_eq!(
        addresses(ipam.assign(&asks(Families::Both))),
        ["192.0.2.0", "2001:db8::"]
    );
    assert_eq!(
        addresses(ipam.assign(&asks(Families::One(Family::V6)))),
        ["2001:db8::"]
    );
    ipam.set_pools(vec![pool("six", &["2001:db8:6::/64"])]);
    let fresh = Request {
        families: Families::Prefer(Family::V4),
        ..request("api")
    };
    assert_eq!(addresses(ipam.assign(&fresh)), ["2001:db8:6::"]);
}

/// P-ALLOC-18, P-ALLOC-20
#[test]
fn usage_counts_both_families_and_leaves_out_what_is_never_given() {
    let mut ipam = with_pools([Pool {
        avoid_buggy_ips: true,
        ..pool("a", &["192.0.2.0/24", "2001:db8::/120", "::1/128"])
    }]);
    ipam.assign(&Request {
        families: Families::Both,
        ..request("web")
    })
    .unwrap();
    let usage = Usage {
        assigned_v4: 1,
        assigned_v6: 1,
        available_v4: 253,
        available_v6: 256,
    };
    assert_eq!(ipam.usage()[&PoolName("a".into())], usage);
}

#[derive(Clone, Debug)]
enum Step {
    Assign(u8),
    AssignExact(u8, u8),
    Release(u8),
    Pools(u8, u8),
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..12u8).prop_map(Step::Assign),
        2 => ((0..12u8), (0..16u8)).prop_map(|(name, last)| Step::AssignExact(name, last)),
        2 => (0..12u8).prop_map(Step::Release),
        1 => ((0..8u8), (1..8u8)).prop_map(|(first, length)| Step::Pools(first, length)),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 0..120)
}

proptest! {
    /// S1 and S2 of faults.md, against a model that knows nothing but a table of who holds what.
    #[test]
    fn it_agrees_with_a_table_of_holders(steps in steps()) {
        let mut pool_range = (0u8, 6u8);
        let make = |(first, length): (u8, u8)| pool("p", &[&format!("192.0.2.{first}-192.0.2.{}", first + length)]);
        let mut ipam = with_pools([make(pool_range)]);
        let mut table: BTreeMap<u8, u8> = BTreeMap::new();
        for step in steps {
            let in_pool = |last: u8| (pool_range.0..=pool_range.0 + pool_range.1).contains(&last);
            let free = |table: &BTreeMap<u8, u8>, last: u8| !table.values().any(|&held| held == last);
            match step {
                Step::Assign(name) => {
                    let lowest = (0..=255).find(|&last| in_pool(last) && free(&table, last));
                    if let (false, Some(last)) = (table.contains_key(&name), lowest) {
                        table.insert(name, last);
                    }
                    let granted = ipam.assign(&request(&name.to_string()));
                    prop_assert_eq!(granted.is_ok(), table.contains_key(&name));
                }
                Step::AssignExact(name, last) => {
                    let wanted = Request { addresses: vec![ip(&format!("192.0.2.{last}"))], ..request(&name.to_string()) };
                    let has_it = table.get(&name) == Some(&last);
                    let granted = ipam.assign(&wanted);
                    prop_assert_eq!(granted.is_ok(), has_it || (in_pool(last) && free(&table, last)));
                    if granted.is_ok() {
                        table.insert(name, last);
                    }
                }
                Step::Release(name) => {
                    prop_assert_eq!(ipam.release(&service(&name.to_string())), table.remove(&name).is_some());
                }
                Step::Pools(first, length) => {
                    pool_range = (first, length);
                    ipam.set_pools(vec![make(pool_range)]);
                }
                Step::Restart => {
                    let before = ipam;
                    ipam = with_pools([make(pool_range)]);
                    for (service, addresses) in before.holdings() {
                        prop_assert_eq!(ipam.claim(service, addresses), []);
                    }
                }
            }
            let held: BTreeMap<String, String> =
                ipam.holdings().map(|(service, held)| (service.name.clone(), held[0].to_string())).collect();
            let expected: BTreeMap<String, String> =
                table.iter().map(|(name, last)| (name.to_string(), format!("192.0.2.{last}"))).collect();
            prop_assert_eq!(held, expected);
        }
    }
}
