use std::collections::BTreeMap;
use std::net::IpAddr;

use crds::{IPReservation, Stored};
use kube::Resource;
use model::{AddressRange, Family, ReservationName};

use crate::fault::Fault;
use crate::kind::Kind;
use crate::object::{ObjectName, Verdict, age, name, readable};
use crate::unusable::unusable;

/// All IPReservations, read and validated together.
///
/// They are apart from the [`Snapshot`](crate::Snapshot) because they come and go with Services, and because nobody but the
/// controller looks at them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reservations {
    in_force: BTreeMap<ReservationName, Vec<IpAddr>>,
    verdicts: BTreeMap<ObjectName, Verdict>,
}

impl Reservations {
    /// Reads all objects. `previous` is what was in force before; the default after a start.
    ///
    /// An address is kept by one of them: by the one that is in force unchanged, else the older one, else the one first by
    /// name.
    pub fn read<'a>(objects: impl IntoIterator<Item = &'a Stored<IPReservation>>, previous: &Self) -> Self {
        let mut objects: Vec<_> = objects.into_iter().collect();
        objects.sort_by_cached_key(|object| age(object.meta()));
        // What cannot be read is unchanged too: its last good form is.
        let (unchanged, changed): (Vec<_>, Vec<_>) = objects
            .into_iter()
            .map(|object| (object.meta(), key(object), readable(object).and_then(addresses)))
            .partition(|(_, key, read)| match read {
                Ok(addresses) => previous.in_force.get(key) == Some(addresses),
                Err(_) => true,
            });
        let mut reservations = Self::default();
        let mut kept = BTreeMap::new();
        for (metadata, key, read) in unchanged.into_iter().chain(changed) {
            let fault = read
                .and_then(|addresses| reservations.keep(&mut kept, &key, addresses))
                .err();
            let fallback = fault.as_ref().and_then(|_| previous.in_force.get(&key).cloned());
            let in_force =
                fallback.is_some_and(|addresses| reservations.keep(&mut kept, &key, addresses).is_ok());
            let verdict = Verdict::new(metadata, fault, in_force);
            reservations
                .verdicts
                .insert(ObjectName::of(Kind::IPReservation, metadata), verdict);
        }
        reservations
    }

    /// The addresses that each reservation in force keeps, as `ipam` takes them.
    pub fn in_force(&self) -> &BTreeMap<ReservationName, Vec<IpAddr>> {
        &self.in_force
    }

    /// What became of each object.
    pub fn verdicts(&self) -> &BTreeMap<ObjectName, Verdict> {
        &self.verdicts
    }

    fn keep(
        &mut self,
        kept: &mut BTreeMap<IpAddr, ReservationName>,
        key: &ReservationName,
        addresses: Vec<IpAddr>,
    ) -> Result<(), Fault> {
        for &address in &addresses {
            if let Some(other) = kept.get(&address) {
                return Err(Fault::ReservedTwice {
                    address,
                    other: other.clone(),
                });
            }
        }
        kept.extend(addresses.iter().map(|&address| (address, key.clone())));
        self.in_force.insert(key.clone(), addresses);
        Ok(())
    }
}

fn key(object: &Stored<IPReservation>) -> ReservationName {
    let metadata = object.meta();
    ReservationName::new(metadata.namespace.clone().unwrap_or_default(), name(metadata))
}

/// Reads one reservation by itself.
fn addresses(object: &IPReservation) -> Result<Vec<IpAddr>, Fault> {
    let mut addresses: Vec<IpAddr> = Vec::new();
    for (index, entry) in object.spec.addresses.iter().enumerate() {
        let address = address(index, entry)?;
        let mut others = addresses.iter();
        if let Some(&first) = others.find(|other| Family::of(**other) == Family::of(address)) {
            return Err(Fault::TwoOfOneFamily {
                first,
                second: address,
            });
        }
        addresses.push(address);
    }
    if addresses.is_empty() {
        return Err(Fault::NothingReserved);
    }
    Ok(addresses)
}

fn address(index: usize, entry: &str) -> Result<IpAddr, Fault> {
    let address: IpAddr = entry.trim().parse().map_err(|_unreadable| Fault::NotAnAddress {
        index,
        entry: entry.to_owned(),
    })?;
    let alone = AddressRange::from(address);
    match unusable(alone) {
        None => Ok(address),
        Some((block, what)) => Err(Fault::Unusable {
            index,
            range: alone,
            block,
            what,
        }),
    }
}

#[cfg(test)]
mod tests;
