use serde_json::json;

use super::*;

fn ip_pool(name: &str, created: &str, addresses: &[&str]) -> IPPool {
    let object = json!({
        "apiVersion": "heraldlb.io/v1beta1", "kind": "IPPool",
        "metadata": {"name": name, "creationTimestamp": created, "generation": 1},
        "spec": {"addresses": addresses},
    });
    serde_json::from_value(object).unwrap()
}

fn old(addresses: &[&str]) -> IPPool {
    ip_pool("old", "2026-01-01T00:00:00Z", addresses)
}

fn new(addresses: &[&str]) -> IPPool {
    ip_pool("new", "2026-02-01T00:00:00Z", addresses)
}

fn read(pools: &[IPPool], previous: &Snapshot) -> Snapshot {
    Snapshot::read(pools, &[], previous)
}

fn verdict<'a>(snapshot: &'a Snapshot, name: &str) -> &'a Verdict {
    &snapshot.verdicts()[&ObjectName {
        kind: Kind::IPPool,
        name: name.into(),
    }]
}

fn message(snapshot: &Snapshot, name: &str) -> String {
    verdict(snapshot, name)
        .fault
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default()
}

fn in_force(snapshot: &Snapshot) -> Vec<String> {
    snapshot
        .ipam_pools()
        .iter()
        .map(|pool| format!("{} {}", pool.name, pool.ranges[0]))
        .collect()
}

/// P-CFG-1, W-16
#[test]
fn of_two_pools_that_overlap_the_older_stays_and_the_newer_is_told() {
    let pools = [
        new(&["192.0.2.128/25", "203.0.113.0/24"]),
        old(&["198.51.100.0/24", "192.0.2.0/24"]),
    ];
    let snapshot = read(&pools, &Snapshot::default());
    assert_eq!(in_force(&snapshot), ["old 198.51.100.0/24"]);
    assert_eq!(verdict(&snapshot, "old").fault, None);
    assert_eq!(
        message(&snapshot, "new"),
        "addresses: 192.0.2.128/25 overlaps 192.0.2.0/24 of IPPool old: take the addresses out of one of the two"
    );
    assert_eq!(
        verdict(&snapshot, "new").fault.as_ref().unwrap().reason(),
        "Overlap"
    );
}

/// P-CFG-39
#[test]
fn an_edit_that_is_wrong_leaves_the_last_good_form_in_force_and_harms_nobody_else() {
    let before = read(
        &[old(&["192.0.2.0/25"]), new(&["192.0.2.128/25"])],
        &Snapshot::default(),
    );
    let edited = read(&[old(&["192.0.2.0/24"]), new(&["192.0.2.128/25"])], &before);
    assert_eq!(in_force(&edited), ["new 192.0.2.128/25", "old 192.0.2.0/25"]);
    assert!(verdict(&edited, "old").previous_in_force && verdict(&edited, "old").fault.is_some());
    assert!(!verdict(&edited, "new").previous_in_force);
    let mended = read(&[old(&["192.0.2.0/26"]), new(&["192.0.2.128/25"])], &edited);
    assert_eq!(in_force(&mended), ["new 192.0.2.128/25", "old 192.0.2.0/26"]);
}

#[test]
fn a_pool_that_is_deleted_is_no_longer_in_force() {
    let before = read(&[old(&["192.0.2.0/25"])], &Snapshot::default());
    assert_eq!(in_force(&read(&[], &before)), [""; 0]);
}

/// P-CFG-2, P-CFG-3
#[test]
fn a_pool_that_is_wrong_by_itself_is_told_which_entry_and_the_others_go_on() {
    let wrong = |addresses: &[&str]| {
        let snapshot = read(&[new(addresses), old(&["198.51.100.0/24"])], &Snapshot::default());
        assert_eq!(in_force(&snapshot), ["old 198.51.100.0/24"]);
        message(&snapshot, "new")
    };
    assert_eq!(
        wrong(&[]),
        "addresses is empty: write at least one prefix or range"
    );
    assert_eq!(
        wrong(&["203.0.113.0/24", "192.0.2.9-192.0.2.1"]),
        "addresses[1]: 192.0.2.9 is after 192.0.2.1: write 192.0.2.1-192.0.2.9"
    );
    assert_eq!(
        wrong(&["203.0.113.0/24", "203.0.113.7-203.0.113.9"]),
        "addresses: 203.0.113.0/24 and 203.0.113.7-203.0.113.9 overlap: write each address once"
    );
    assert!(
        wrong(&["203.0.113.0/33"])
            .starts_with("addresses[0]: \"33\" in \"203.0.113.0/33\" is not a prefix length")
    );
}

#[test]
fn a_negative_priority_is_refused() {
    let mut object = new(&["203.0.113.0/24"]);
    object.spec.service_allocation = Some(crds::ServiceAllocation {
        priority: -1,
        ..Default::default()
    });
    let snapshot = read(&[object], &Snapshot::default());
    assert_eq!(
        message(&snapshot, "new"),
        "serviceAllocation.priority is -1: write 0 to 2147483647"
    );
}

/// P-CFG-12, P-CFG-13
#[test]
fn an_advertisement_reads_with_its_defaults_and_a_wrong_weight_is_named() {
    let object = |weight: i32| -> crds::L2Advertisement {
        let object = json!({
            "apiVersion": "heraldlb.io/v1beta1", "kind": "L2Advertisement", "metadata": {"name": "all"},
            "spec": {"preferredNodeSelectors": [{"weight": weight, "preference": {}}]},
        });
        serde_json::from_value(object).unwrap()
    };
    let good = Snapshot::read(&[], &[object(100)], &Snapshot::default());
    assert_eq!(good.l2_advertisements()[0].preferences[0].weight, 100);
    let bad = Snapshot::read(&[], &[object(101)], &good);
    let name = ObjectName {
        kind: Kind::L2Advertisement,
        name: "all".into(),
    };
    let verdict = &bad.verdicts()[&name];
    assert_eq!(
        verdict.fault.as_ref().unwrap().to_string(),
        "preferredNodeSelectors[0].weight is 101: write 1 to 100"
    );
    assert!(verdict.previous_in_force && bad.l2_advertisements() == good.l2_advertisements());
}
