use serde_json::{Value, json};

use super::*;

fn read_with(metadata: Value, spec: Value) -> Result<ipam::Pool, Fault> {
    let mut object = json!({
        "apiVersion": "heraldlb.io/v1beta1", "kind": "IPPool",
        "metadata": {"name": "lan"}, "spec": spec,
    });
    object["metadata"]
        .as_object_mut()
        .unwrap()
        .extend(metadata.as_object().unwrap().clone());
    pool(&serde_json::from_value(object).unwrap()).map(|pool| pool.ipam)
}

fn read(spec: Value) -> Result<ipam::Pool, Fault> {
    read_with(json!({}), spec)
}

fn excluding(exclude: &[&str]) -> Result<Vec<String>, String> {
    let spec = json!({
        "addresses": ["192.0.2.0/25", "192.0.2.128-192.0.2.199", "2001:db8::/64"],
        "exclude": exclude,
    });
    let pool = read(spec).map_err(|fault| fault.to_string())?;
    Ok(pool.excluded.iter().map(ToString::to_string).collect())
}

fn message(spec: Value) -> String {
    read(spec).unwrap_err().to_string()
}

fn with(field: &str, value: Value) -> Value {
    json!({"addresses": ["192.0.2.0/24"], field: value})
}

/// P-ALLOC-12
#[test]
fn prefixes_and_ranges_of_both_families_are_read_in_their_order() {
    let pool = read(json!({"addresses": ["2001:db8::/120", "198.51.100.10/24", " 192.0.2.9 - 192.0.2.12 "]}));
    let ranges: Vec<_> = pool.unwrap().ranges.iter().map(ToString::to_string).collect();
    assert_eq!(
        ranges,
        ["2001:db8::/120", "198.51.100.0/24", "192.0.2.9-192.0.2.12"]
    );
}

#[test]
fn a_pool_that_says_nothing_more_has_the_defaults() {
    let pool = read(json!({"addresses": ["192.0.2.0/24"]})).unwrap();
    let expected = ipam::Pool::new(PoolName("lan".into()), vec!["192.0.2.0/24".parse().unwrap()]);
    assert_eq!(pool, expected);
}

#[test]
fn every_field_is_read() {
    let pool = read(json!({
        "addresses": ["192.0.2.0/24"], "autoAssign": false, "avoidBuggyIPs": true, "reclaimPolicy": "Move",
        "namespaceQuota": {"limit": 2, "overrides": [{"namespace": "shop", "limit": 0}]},
        "serviceAllocation": {"priority": 3, "namespaces": ["shop"], "serviceSelectors": [{}]},
    }))
    .unwrap();
    assert!(!pool.auto_assign && pool.avoid_buggy_ips && !pool.closed);
    assert_eq!(pool.reclaim, Reclaim::Move);
    let quota = Quota {
        limit: 2,
        overrides: [("shop".to_owned(), 0)].into(),
    };
    assert_eq!(pool.quota, Some(quota));
    let pinned = pool.pinned.unwrap();
    assert_eq!((pinned.priority, pinned.namespaces.len()), (3, 1));
    assert_eq!(
        (
            pinned.namespace_selectors.0.len(),
            pinned.service_selectors.0.len()
        ),
        (0, 1)
    );
}

#[test]
fn a_pool_whose_deletion_is_asked_for_is_closed() {
    let metadata = json!({"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["heraldlb.io/in-use"]});
    let pool = read_with(metadata, json!({"addresses": ["192.0.2.0/24"]})).unwrap();
    assert!(pool.closed);
}

#[test]
fn exclusions_are_addresses_prefixes_and_ranges_that_may_overlap_and_reach_over_entries() {
    assert_eq!(excluding(&[]), Ok(vec![]));
    assert_eq!(
        excluding(&[
            "192.0.2.7",
            "192.0.2.6/31",
            " 192.0.2.100 - 192.0.2.150",
            "2001:db8::a"
        ])
        .unwrap(),
        ["192.0.2.6/31", "192.0.2.100-192.0.2.150", "2001:db8::a/128"]
    );
    assert_eq!(
        excluding(&["192.0.2.1", "192.0.2.1", "192.0.2.0/30"]).unwrap(),
        ["192.0.2.0/30"]
    );
}

#[test]
fn an_exclusion_that_is_wrong_is_named_with_what_to_write() {
    let refusal = |entry: &str| excluding(&["192.0.2.1", entry]).unwrap_err();
    assert_eq!(
        refusal("router"),
        "exclude[1]: \"router\" is neither an address, a prefix nor a range: write 192.0.2.7, 192.0.2.0/29 or \
         192.0.2.10-192.0.2.20"
    );
    assert_eq!(
        refusal("192.0.2.9-192.0.2.1"),
        "exclude[1]: 192.0.2.9 is after 192.0.2.1: write 192.0.2.1-192.0.2.9"
    );
    assert_eq!(
        refusal("192.0.2.198-192.0.2.201"),
        "exclude[1]: \"192.0.2.198-192.0.2.201\" is not inside addresses, for the pool has no 192.0.2.200: correct or remove it"
    );
    assert_eq!(
        refusal("10.0.0.1"),
        "exclude[1]: \"10.0.0.1\" is not inside addresses, for the pool has no 10.0.0.1: correct or remove it"
    );
}

#[test]
fn exclusions_that_leave_nothing_are_refused() {
    let refusal =
        excluding(&["192.0.2.0-192.0.2.99", "2001:db8::/64", "192.0.2.64-192.0.2.199"]).unwrap_err();
    assert_eq!(
        refusal,
        "exclude leaves no address of the pool: take entries out of exclude, or add some to addresses"
    );
    assert!(excluding(&["192.0.2.0-192.0.2.199"]).is_ok());
}

/// P-CFG-3
#[test]
fn addresses_that_no_service_can_have_are_refused() {
    assert_eq!(
        message(json!({"addresses": ["192.0.2.0/24", "::/0"]})),
        "addresses[1]: ::/0 has addresses of ::/128 (unspecified), which no Service can have: list only addresses of your own \
         network"
    );
    assert_eq!(
        message(json!({"addresses": ["126.0.0.0-128.0.0.0"]})),
        "addresses[0]: 126.0.0.0-128.0.0.0 has addresses of 127.0.0.0/8 (loopback), which no Service can have: list only \
         addresses of your own network"
    );
}

/// P-CFG-4
#[test]
fn what_stands_in_a_list_twice_is_refused() {
    let allocation = |field: &str, list: Value| message(with("serviceAllocation", json!({field: list})));
    assert_eq!(
        allocation("namespaces", json!(["shop", "web", "shop"])),
        "serviceAllocation.namespaces[2] is the same as serviceAllocation.namespaces[0]: remove one of them"
    );
    let twice = json!([{"matchLabels": {"team": "web"}}, {"matchLabels": {"team": "web"}}]);
    assert_eq!(
        allocation("namespaceSelectors", twice.clone()),
        "serviceAllocation.namespaceSelectors[1] is the same as serviceAllocation.namespaceSelectors[0]: remove one of them"
    );
    assert_eq!(
        allocation("serviceSelectors", twice),
        "serviceAllocation.serviceSelectors[1] is the same as serviceAllocation.serviceSelectors[0]: remove one of them"
    );
    let overrides = json!([{"namespace": "shop", "limit": 1}, {"namespace": "shop", "limit": 2}]);
    assert_eq!(
        message(with(
            "namespaceQuota",
            json!({"limit": 1, "overrides": overrides})
        )),
        "namespaceQuota.overrides[1] is the same as namespaceQuota.overrides[0]: remove one of them"
    );
}

#[test]
fn numbers_below_zero_are_refused() {
    assert_eq!(
        message(with("serviceAllocation", json!({"priority": -1}))),
        "serviceAllocation.priority is -1: write 0 to 2147483647"
    );
    assert_eq!(
        message(with("namespaceQuota", json!({"limit": -2}))),
        "namespaceQuota.limit is -2: write 0 to 2147483647"
    );
    let overrides = json!([{"namespace": "a", "limit": 1}, {"namespace": "b", "limit": -3}]);
    assert_eq!(
        message(with(
            "namespaceQuota",
            json!({"limit": 1, "overrides": overrides})
        )),
        "namespaceQuota.overrides[1].limit is -3: write 0 to 2147483647"
    );
}

/// Stored before the definition bounded the lists. What grows with the square of the number takes minutes here.
#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "the time that it takes is what is tested"
)]
fn a_pool_with_a_hundred_thousand_ranges_and_exclusions_is_read_at_once() {
    let range = |i: u32| format!("10.{}.{}.{}/31", i >> 14, (i >> 6) & 255, (i & 63) * 4);
    let address = |i: u32| format!("10.{}.{}.{}", i >> 14, (i >> 6) & 255, (i & 63) * 4);
    let spec = json!({
        "addresses": (0..100_000).map(range).collect::<Vec<_>>(),
        "exclude": (0..100_000).map(address).collect::<Vec<_>>(),
    });
    let begin = std::time::Instant::now();
    let pool = read(spec).unwrap();
    assert_eq!((pool.ranges.len(), pool.excluded.len()), (100_000, 100_000));
    assert!(
        begin.elapsed() < std::time::Duration::from_secs(10),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn a_prefix_that_is_written_with_an_address_within_it_is_warned_of() {
    let entries = [
        "192.0.2.10/24",
        "192.0.2.0/24",
        "192.0.2.10/32",
        "192.0.2.10-192.0.2.20",
        "2001:db8::7/64",
    ];
    let warnings: Vec<_> = host_bits(&entries.map(str::to_owned))
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        warnings,
        [
            "192.0.2.10/24 is all of 192.0.2.0 to 192.0.2.255: write 192.0.2.10/32 for one address, or the first address of the prefix",
            "2001:db8::7/64 is all of 2001:db8:: to 2001:db8::ffff:ffff:ffff:ffff: write 2001:db8::7/128 for one address, or the first \
             address of the prefix",
        ]
    );
}
