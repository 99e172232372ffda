use std::collections::BTreeMap;
use std::net::IpAddr;

use model::ReservationName;

/// Which addresses are kept for Services that name a reservation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reservations {
    by_name: BTreeMap<ReservationName, Vec<IpAddr>>,
    by_address: BTreeMap<IpAddr, ReservationName>,
}

impl Reservations {
    /// Of two reservations of one address, the first in the order of names has it.
    pub(crate) fn new(by_name: BTreeMap<ReservationName, Vec<IpAddr>>) -> Self {
        let mut by_address = BTreeMap::new();
        for (name, addresses) in &by_name {
            for &address in addresses {
                by_address.entry(address).or_insert_with(|| name.clone());
            }
        }
        Self { by_name, by_address }
    }

    /// The addresses that the reservation keeps.
    pub(crate) fn of(&self, name: &ReservationName) -> &[IpAddr] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// The reservation that keeps `address`.
    pub(crate) fn keeper(&self, address: IpAddr) -> Option<&ReservationName> {
        self.by_address.get(&address)
    }

    pub(crate) fn addresses(&self) -> impl Iterator<Item = (IpAddr, &ReservationName)> {
        self.by_address.iter().map(|(&address, name)| (address, name))
    }

    pub(crate) fn is(&self, by_name: &BTreeMap<ReservationName, Vec<IpAddr>>) -> bool {
        self.by_name == *by_name
    }
}
