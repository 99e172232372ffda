use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use proptest::prelude::*;
use serde_json::json;

use super::*;

mod bgp;

fn ip_pool(name: &str, created: &str, addresses: &[&str]) -> Stored<IPPool> {
    let object = json!({
        "apiVersion": "heraldlb.io/v1beta1", "kind": "IPPool",
        "metadata": {"name": name, "creationTimestamp": created, "generation": 1},
        "spec": {"addresses": addresses},
    });
    serde_json::from_value(object).unwrap()
}

fn old(addresses: &[&str]) -> Stored<IPPool> {
    ip_pool("old", "2026-01-01T00:00:00Z", addresses)
}

fn new(addresses: &[&str]) -> Stored<IPPool> {
    ip_pool("new", "2026-02-01T00:00:00Z", addresses)
}

fn read(pools: &[Stored<IPPool>], previous: &Snapshot) -> Snapshot {
    let objects = Objects {
        pools: pools.iter().collect(),
        ..Objects::none(&NO_NODES)
    };
    Snapshot::read(objects, previous)
}

fn read_l2(advertisement: &Stored<crds::L2Advertisement>, previous: &Snapshot) -> Snapshot {
    let objects = Objects {
        l2_advertisements: vec![advertisement],
        ..Objects::none(&NO_NODES)
    };
    Snapshot::read(objects, previous)
}

fn verdict<'a>(snapshot: &'a Snapshot, name: &str) -> &'a Verdict {
    &snapshot.verdicts()[&ObjectName {
        kind: Kind::IPPool,
        namespace: None,
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

/// P-CFG-12, P-CFG-13
#[test]
fn an_advertisement_reads_with_its_defaults_and_a_wrong_weight_is_named() {
    let object = |weight: i32| -> Stored<crds::L2Advertisement> {
        let object = json!({
            "apiVersion": "heraldlb.io/v1beta1", "kind": "L2Advertisement", "metadata": {"name": "all"},
            "spec": {"preferredNodeSelectors": [{"weight": weight, "preference": {}}]},
        });
        serde_json::from_value(object).unwrap()
    };
    let good = read_l2(&object(100), &Snapshot::default());
    assert_eq!(good.l2_advertisements()[0].preferences[0].weight, 100);
    let bad = read_l2(&object(101), &good);
    let name = ObjectName {
        kind: Kind::L2Advertisement,
        namespace: None,
        name: "all".into(),
    };
    let verdict = &bad.verdicts()[&name];
    assert_eq!(
        verdict.fault.as_ref().unwrap().to_string(),
        "preferredNodeSelectors[0].weight is 101: write 1 to 100"
    );
    assert!(verdict.previous_in_force && bad.l2_advertisements() == good.l2_advertisements());
}

/// P-CFG-39, F34
#[test]
fn an_object_that_cannot_be_read_is_told_so_and_its_last_good_form_stays_in_force() {
    let before = read(
        &[old(&["192.0.2.0/25"]), new(&["192.0.2.128/25"])],
        &Snapshot::default(),
    );
    let malformed = |name: &str| -> Stored<IPPool> {
        let object = json!({
            "apiVersion": "heraldlb.io/v1beta1", "kind": "IPPool",
            "metadata": {"name": name, "generation": 2}, "spec": {"addresses": "192.0.2.0/24"},
        });
        serde_json::from_value(object).unwrap()
    };
    let after = read(
        &[malformed("old"), new(&["192.0.2.128/25"]), malformed("third")],
        &before,
    );
    assert_eq!(in_force(&after), ["new 192.0.2.128/25", "old 192.0.2.0/25"]);
    assert_eq!(verdict(&after, "new").fault, None);
    assert_eq!(
        message(&after, "third"),
        "cannot be read: spec.addresses: invalid type: string \"192.0.2.0/24\", expected a sequence: correct or delete the object"
    );
    assert_eq!(
        verdict(&after, "third").fault.as_ref().unwrap().reason(),
        "Malformed"
    );
    assert!(verdict(&after, "old").previous_in_force && !verdict(&after, "third").previous_in_force);
    assert_eq!(verdict(&after, "old").generation, 2);
}

/// P-CFG-9
#[test]
fn what_an_advertisement_lists_twice_is_refused() {
    let message = |field: &str, list: serde_json::Value| {
        let object = json!({
            "apiVersion": "heraldlb.io/v1beta1", "kind": "L2Advertisement", "metadata": {"name": "all"},
            "spec": {field: list},
        });
        let object = serde_json::from_value(object).unwrap();
        let snapshot = read_l2(&object, &Snapshot::default());
        let verdict = snapshot.verdicts().values().next().unwrap();
        verdict.fault.as_ref().unwrap().to_string()
    };
    let advice = |field: &str| format!("{field}[1] is the same as {field}[0]: remove one of them");
    for field in ["ipPools", "interfaces"] {
        assert_eq!(message(field, json!(["a", "a"])), advice(field));
    }
    for field in ["ipPoolSelectors", "nodeSelectors", "serviceSelectors"] {
        assert_eq!(message(field, json!([{}, {}])), advice(field));
    }
}

/// P-CFG-5
#[test]
fn no_objects_at_all_are_a_valid_configuration() {
    assert_eq!(read(&[], &Snapshot::default()), Snapshot::default());
    let advertisement = json!({
        "apiVersion": "heraldlb.io/v1beta1", "kind": "L2Advertisement",
        "metadata": {"name": "early"}, "spec": {"ipPools": ["not-there-yet"]},
    });
    let advertisement = serde_json::from_value(advertisement).unwrap();
    let snapshot = read_l2(&advertisement, &Snapshot::default());
    assert_eq!(snapshot.l2_advertisements().len(), 1);
    assert!(
        snapshot
            .verdicts()
            .values()
            .all(|verdict| verdict.fault.is_none())
    );
}

/// P-CFG-41
#[test]
fn reading_the_same_objects_again_changes_nothing() {
    let before = read(&[old(&["192.0.2.0/25"])], &Snapshot::default());
    let objects = [old(&["192.0.2.0/24", "x"]), new(&["192.0.2.64/26"])];
    let once = read(&objects, &before);
    assert!(verdict(&once, "old").previous_in_force && verdict(&once, "new").fault.is_some());
    assert_eq!(read(&objects, &once), once);
}

fn closed(object: &Stored<IPPool>) -> Stored<IPPool> {
    let mut object = object.clone();
    let asked: Time = serde_json::from_value(json!("2026-03-01T00:00:00Z")).unwrap();
    object.meta_mut().deletion_timestamp = Some(asked);
    object
}

#[test]
fn a_pool_whose_deletion_is_asked_for_stays_in_force_and_is_closed() {
    let before = read(&[old(&["192.0.2.0/24"])], &Snapshot::default());
    let after = read(&[closed(&old(&["192.0.2.0/24"]))], &before);
    assert_eq!(in_force(&after), ["old 192.0.2.0/24"]);
    assert!(after.ipam_pools()[0].closed);
    assert_eq!(
        after.announce_pools()[0].ranges,
        before.announce_pools()[0].ranges
    );
    assert_eq!(verdict(&after, "old").fault, None);
}

#[test]
fn a_pool_that_is_renamed_takes_over_what_the_closed_one_has() {
    let before = read(&[old(&["192.0.2.0/24"])], &Snapshot::default());
    let objects = [closed(&old(&["192.0.2.0/24"])), new(&["192.0.2.128/25"])];
    let split = read(&objects, &before);
    assert_eq!(in_force(&split), ["new 192.0.2.128/25", "old 192.0.2.0/25"]);
    assert!(split.verdicts().values().all(|verdict| verdict.fault.is_none()));
    let renamed = read(&[closed(&old(&["192.0.2.0/24"])), new(&["192.0.0.0/16"])], &split);
    let ranges = |name: &str| {
        let pools = renamed.ipam_pools();
        let pool = pools.iter().find(|pool| pool.name.0 == name);
        pool.map(|pool| pool.ranges.len())
    };
    assert_eq!((ranges("new"), ranges("old")), (Some(1), Some(0)));
}

#[test]
fn a_closed_pool_that_is_wrong_stays_closed_with_its_last_good_form() {
    let before = read(&[old(&["192.0.2.0/24"])], &Snapshot::default());
    let after = read(&[closed(&old(&["x"]))], &before);
    assert_eq!(in_force(&after), ["old 192.0.2.0/24"]);
    assert!(after.ipam_pools()[0].closed && verdict(&after, "old").previous_in_force);
}

/// P-CFG-39
#[test]
fn a_pool_that_has_become_unreadable_is_not_robbed_by_the_edit_of_another() {
    let before = read(
        &[old(&["198.51.100.0/24"]), new(&["192.0.2.0/24"])],
        &Snapshot::default(),
    );
    let after = read(&[old(&["192.0.2.0/24"]), new(&["x"])], &before);
    assert_eq!(in_force(&after), ["new 192.0.2.0/24", "old 198.51.100.0/24"]);
    assert_eq!(verdict(&after, "old").fault.as_ref().unwrap().reason(), "Overlap");
}

proptest! {
    /// P-CFG-42
    #[test]
    fn the_order_in_which_objects_arrive_does_not_matter(
        order in Just((0..6u8).collect::<Vec<_>>()).prop_shuffle(),
        overlap: bool,
    ) {
        let pools: Vec<_> = (0..6u8)
            .map(|i| {
                let range = format!("192.0.{}.0/24", if overlap { i / 2 } else { i });
                ip_pool(&format!("p{i}"), &format!("2026-01-0{}T00:00:00Z", i % 3 + 1), &[&range])
            })
            .collect();
        let shuffled: Vec<_> = order.iter().map(|&i| pools[usize::from(i)].clone()).collect();
        let at_once = read(&pools, &Snapshot::default());
        prop_assert_eq!(&read(&shuffled, &Snapshot::default()), &at_once);
        // One by one, what does not conflict comes out the same.
        let mut one_by_one = Snapshot::default();
        for count in 1..=shuffled.len() {
            one_by_one = read(&shuffled[..count], &one_by_one);
        }
        if !overlap {
            prop_assert_eq!(&one_by_one, &at_once);
        }
        prop_assert_eq!(in_force(&one_by_one).len(), in_force(&at_once).len());
    }
}

/// P-CFG-45
#[test]
fn what_bgp_is_set_up_by_is_judged_when_all_of_it_is_known() {
    use crate::{Change, Store};

    let mut store = Store::new(Kind::ALL.iter().copied());
    let profile: Stored<BFDProfile> = serde_json::from_value(json!({
        "apiVersion": "heraldlb.io/v1beta1", "kind": "BFDProfile", "metadata": {"name": "fast"}, "spec": {},
    }))
    .unwrap();
    store.handle_update(Change::Listed(vec![new(&["192.0.2.0/24"])]).into());
    store.handle_update(Change::Listed(vec![profile]).into());
    let nodes = BTreeMap::new();
    let judged = |store: &Store, nodes: Option<&BTreeMap<NodeName, Node>>| {
        let snapshot = Snapshot::read(Objects::of(store, nodes), &Snapshot::default());
        let kinds: Vec<_> = snapshot.verdicts().keys().map(|name| name.kind).collect();
        kinds
    };
    assert_eq!(judged(&store, Some(&nodes)), [Kind::IPPool]);
    store.handle_update(Change::<Stored<BGPPeer>>::Listed(Vec::new()).into());
    store.handle_update(Change::<Stored<BGPAdvertisement>>::Listed(Vec::new()).into());
    store.handle_update(Change::<Stored<Community>>::Listed(Vec::new()).into());
    assert_eq!(judged(&store, None), [Kind::IPPool]);
    assert_eq!(judged(&store, Some(&nodes)), [Kind::BFDProfile, Kind::IPPool]);
}
