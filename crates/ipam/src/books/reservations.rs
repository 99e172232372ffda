use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use model::ReservationName;

/// Which addresses are kept for Services that name a reservation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reservations {
    by_name: BTreeMap<ReservationName, Vec<IpAddr>>,
    /// Of two reservations of one address, the first in the order of names has it.
    by_address: BTreeMap<IpAddr, BTreeSet<ReservationName>>,
}

impl Reservations {
    /// The addresses that the reservation keeps.
    pub(crate) fn of(&self, name: &ReservationName) -> &[IpAddr] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &ReservationName> {
        self.by_name.keys()
    }

    /// The reservation that keeps `address`.
    pub(crate) fn keeper(&self, address: IpAddr) -> Option<&ReservationName> {
        self.by_address.get(&address)?.first()
    }

    /// The namespaces of the reservations that name `address`.
    pub(crate) fn namespaces(&self, address: IpAddr) -> BTreeSet<Arc<str>> {
        let names = self.by_address.get(&address).into_iter().flatten();
        names.map(|name| name.namespace.clone()).collect()
    }

    pub(crate) fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.by_address.keys().copied()
    }

    /// Replaces what a reservation keeps; nothing: there is no such reservation.
    pub(crate) fn set(&mut self, name: &ReservationName, addresses: Vec<IpAddr>) {
        for address in self.by_name.remove(name).unwrap_or_default() {
            if let Some(names) = self.by_address.get_mut(&address) {
                names.remove(name);
                if names.is_empty() {
                    self.by_address.remove(&address);
                }
            }
        }
        for &address in &addresses {
            self.by_address.entry(address).or_default().insert(name.clone());
        }
        if !addresses.is_empty() {
            self.by_name.insert(name.clone(), addresses);
        }
    }
}
