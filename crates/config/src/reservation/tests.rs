use proptest::prelude::*;
use serde_json::json;

use super::*;

fn object(name: &str, created: u8, addresses: &[&str]) -> Stored<IPReservation> {
    let object = json!({
        "apiVersion": "heraldlb.io/v1beta1", "kind": "IPReservation",
        "metadata": {
            "namespace": "shop", "name": name, "generation": 3,
            "creationTimestamp": format!("2026-01-01T00:00:{created:02}Z"),
        },
        "spec": {"addresses": addresses},
    });
    serde_json::from_value(object).unwrap()
}

fn read(objects: &[Stored<IPReservation>], previous: &Reservations) -> Reservations {
    Reservations::read(objects, previous)
}

fn in_force(reservations: &Reservations) -> Vec<String> {
    let shown = |(name, addresses): (&ReservationName, &Vec<IpAddr>)| {
        let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        format!("{name} {}", addresses.join(","))
    };
    reservations.in_force().iter().map(shown).collect()
}

fn verdict<'a>(reservations: &'a Reservations, name: &str) -> &'a Verdict {
    &reservations.verdicts()[&ObjectName {
        kind: Kind::IPReservation,
        namespace: Some("shop".into()),
        name: name.into(),
    }]
}

fn message(addresses: &[&str]) -> String {
    let reservations = read(&[object("web", 0, addresses)], &Reservations::default());
    assert_eq!(in_force(&reservations), [""; 0]);
    let fault = verdict(&reservations, "web").fault.clone().unwrap();
    assert_eq!(fault.reason(), "Invalid");
    fault.to_string()
}

#[test]
fn one_address_or_one_of_each_family_is_kept() {
    let objects = [
        object("web", 0, &["2001:DB8::9", " 192.0.2.9"]),
        object("db", 0, &["192.0.2.10"]),
    ];
    let reservations = read(&objects, &Reservations::default());
    assert_eq!(
        in_force(&reservations),
        ["shop/db 192.0.2.10", "shop/web 2001:db8::9,192.0.2.9"]
    );
    assert_eq!(verdict(&reservations, "web").fault, None);
    assert_eq!(verdict(&reservations, "web").generation, 3);
}

#[test]
fn a_reservation_that_is_wrong_by_itself_is_told_what_to_write() {
    assert_eq!(
        message(&[]),
        "addresses is empty: write one address, or one of each family"
    );
    assert_eq!(
        message(&["192.0.2.1", "2001:db8::/64"]),
        "addresses[1]: \"2001:db8::/64\" is not an IP address: write one such as 192.0.2.10 or 2001:db8::10"
    );
    assert_eq!(
        message(&["192.0.2.1", "192.0.2.2"]),
        "addresses: 192.0.2.1 and 192.0.2.2 are of one family: write at most one IPv4 and one IPv6 address"
    );
    assert_eq!(
        message(&["127.0.0.1"]),
        "addresses[0]: 127.0.0.1/32 has addresses of 127.0.0.0/8 (loopback), which no Service can have: list only addresses \
         of your own network"
    );
}

#[test]
fn of_two_reservations_of_one_address_the_older_stays_and_the_newer_is_told() {
    let objects = [
        object("a-newer", 2, &["192.0.2.1", "2001:db8::1"]),
        object("b-older", 1, &["192.0.2.1"]),
    ];
    let reservations = read(&objects, &Reservations::default());
    assert_eq!(in_force(&reservations), ["shop/b-older 192.0.2.1"]);
    let fault = verdict(&reservations, "a-newer").fault.clone().unwrap();
    assert_eq!(
        fault.to_string(),
        "addresses: 192.0.2.1 is kept by IPReservation shop/b-older: write another address, or delete one of the two"
    );
    assert_eq!(fault.reason(), "Overlap");
    // Once the older is gone the newer comes into force.
    let alone = read(&objects[..1], &reservations);
    assert_eq!(in_force(&alone), ["shop/a-newer 192.0.2.1,2001:db8::1"]);
}

/// P-CFG-39
#[test]
fn an_edit_that_is_wrong_leaves_the_last_good_form_in_force_and_harms_nobody_else() {
    let before = read(
        &[object("old", 1, &["192.0.2.1"]), object("new", 2, &["192.0.2.2"])],
        &Reservations::default(),
    );
    for wrong in [&["192.0.2.2"][..], &[], &["x"]] {
        let objects = [object("old", 1, wrong), object("new", 2, &["192.0.2.2"])];
        let edited = read(&objects, &before);
        assert_eq!(in_force(&edited), ["shop/new 192.0.2.2", "shop/old 192.0.2.1"]);
        assert!(verdict(&edited, "old").previous_in_force && verdict(&edited, "old").fault.is_some());
        assert_eq!(verdict(&edited, "new").fault, None);
    }
}

/// F34
#[test]
fn a_reservation_that_cannot_be_read_keeps_its_addresses_and_one_that_is_deleted_does_not() {
    let before = read(&[object("web", 1, &["192.0.2.1"])], &Reservations::default());
    let malformed = json!({
        "apiVersion": "heraldlb.io/v1beta1", "kind": "IPReservation",
        "metadata": {"namespace": "shop", "name": "web"}, "spec": {"addresses": {}},
    });
    let malformed = serde_json::from_value(malformed).unwrap();
    let thief = object("thief", 0, &["192.0.2.1"]);
    let after = read(&[thief, malformed], &before);
    assert_eq!(in_force(&after), ["shop/web 192.0.2.1"]);
    let fault = verdict(&after, "web").fault.clone().unwrap();
    assert_eq!(
        fault.to_string(),
        "cannot be read: spec.addresses: invalid type: map, expected a sequence: correct or delete the object"
    );
    assert_eq!(in_force(&read(&[], &after)), [""; 0]);
}

/// P-CFG-41, P-CFG-42
#[test]
fn the_order_of_the_objects_does_not_matter_and_reading_again_changes_nothing() {
    let objects = [
        object("a", 3, &["192.0.2.1"]),
        object("b", 1, &["192.0.2.1"]),
        object("c", 2, &["192.0.2.2", "192.0.2.3"]),
        object("d", 1, &["192.0.2.4"]),
    ];
    let read_once = read(&objects, &Reservations::default());
    let reversed: Vec<_> = objects.iter().rev().cloned().collect();
    assert_eq!(read(&reversed, &Reservations::default()), read_once);
    assert_eq!(read(&reversed, &read_once), read_once);
}

/// Reservations that come, change and go, in each other's way.
fn edits() -> impl Strategy<Value = Vec<(usize, u8, Vec<usize>)>> {
    let addresses = prop::collection::vec(0..6usize, 0..3);
    prop::collection::vec((0..4usize, 0..3u8, addresses), 1..30)
}

proptest! {
    /// What one change means is what it would mean were everything read anew.
    #[test]
    fn one_change_is_taken_in_as_if_all_were_read(edits in edits()) {
        let spelled = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "192.0.2.3", "nonsense"];
        let mut objects: BTreeMap<ReservationName, Stored<IPReservation>> = BTreeMap::new();
        let mut updated = Reservations::default();
        for (which, created, addresses) in edits {
            let name = ReservationName::new("shop", ["a", "b", "c", "d"][which]);
            let addresses: Vec<&str> = addresses.into_iter().map(|address| spelled[address]).collect();
            match addresses.is_empty() && created == 0 {
                true => drop(objects.remove(&name)),
                false => drop(objects.insert(name.clone(), object(&name.name, created, &addresses))),
            }
            let before = updated.clone();
            let expected = Reservations::read(objects.values(), &before);
            let changed = updated.update(&name, objects.get(&name), objects.values());
            prop_assert_eq!(&updated, &expected);
            prop_assert_eq!(changed, expected.changed_since(&before));
        }
    }
}
