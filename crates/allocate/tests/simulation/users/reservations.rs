use std::sync::Arc;
use std::time::Duration;

use crds::{IPReservation, IPReservationSpec, Stored};

use super::{NAMESPACES, NOTHING, Users};
use crate::log::Stamp;
use crate::object::{Key, Kind, Object};
use crate::store::Store;

/// The names of reservations, which Services name too.
pub(super) const RESERVATIONS: [&str; 2] = ["front", "back"];

/// What people set aside by hand.
const KEPT: [&[&str]; 4] = [
    &["192.0.2.1"],
    &["192.0.2.2", "2001:db8:a::"],
    &["198.51.100.3"],
    &["2001:db8:b::1"],
];

/// Of reservations that keep the same address none is left.
pub(super) fn delete_disputed_reservations(store: &mut Store, now: Duration) {
    let kept = |object: &Arc<Object>| -> Vec<String> {
        let readable = object.reservation().and_then(|object| object.readable().ok());
        readable
            .map(|object| object.spec.addresses.clone())
            .unwrap_or_default()
    };
    let all: Vec<(Key, Vec<String>)> = store
        .of_kind(Kind::Reservations)
        .map(|(key, object)| (key.clone(), kept(object)))
        .collect();
    for (key, addresses) in &all {
        let mut others = all.iter().filter(|(other, _)| other != key);
        if others.any(|(_, other)| other.iter().any(|address| addresses.contains(address))) {
            store.delete(Stamp::user(now), key);
        }
    }
}

impl Users {
    /// Creates a reservation by hand, or edits one.
    pub(super) fn write_reservation(&mut self, store: &mut Store, now: Duration) -> String {
        let (namespace, name) = (self.chance.one_of(&NAMESPACES), self.chance.one_of(&RESERVATIONS));
        let key = Key::new(Kind::Reservations, namespace, name);
        let addresses = self
            .chance
            .one_of(&KEPT)
            .iter()
            .map(|address| (*address).to_owned())
            .collect();
        let words = format!("reservation {namespace}/{name}: {addresses:?}");
        let before = store.get(&key).and_then(|object| object.reservation());
        let reservation = IPReservation {
            status: before.map(Stored::status),
            metadata: self.metadata(store, now, &key),
            spec: IPReservationSpec { addresses },
        };
        store.put(
            Stamp::user(now),
            key,
            Object::Reservation(Stored::Readable(reservation)),
        );
        words
    }

    pub(super) fn delete_reservation(&mut self, store: &mut Store, now: Duration) -> String {
        let Some(key) = self.any(store, Kind::Reservations) else {
            return NOTHING.to_owned();
        };
        store.delete(Stamp::user(now), &key);
        format!("deletes reservation {}/{}", key.namespace, key.name)
    }
}
