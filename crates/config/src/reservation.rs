use std::collections::{BTreeMap, BTreeSet};
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
    /// Which objects name an address or keep it.
    named_by: BTreeMap<IpAddr, BTreeSet<ReservationName>>,
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
            for &address in read.iter().flatten() {
                reservations.note(address, &key);
            }
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
        for (address, key) in kept {
            reservations.note(address, &key);
        }
        reservations
    }

    fn note(&mut self, address: IpAddr, name: &ReservationName) {
        let named_by = self.named_by.entry(address).or_default();
        named_by.insert(name.clone());
    }

    /// Takes in that one object has changed or is gone, as if everything were read anew: which reservations keep something else now, or
    /// are judged otherwise. `object` is what it is now, `all` is every object. Of most changes the cost does not grow with these.
    pub fn update<'a>(
        &mut self,
        name: &ReservationName,
        object: Option<&Stored<IPReservation>>,
        all: impl IntoIterator<Item = &'a Stored<IPReservation>>,
    ) -> BTreeSet<ReservationName> {
        let Some(addresses) = self.kept_alone(name, object) else {
            let after = Self::read(all, self);
            let changed = after.changed_since(self);
            *self = after;
            return changed;
        };
        let before = self.in_force.remove(name).unwrap_or_default();
        for address in &before {
            self.named_by.remove(address);
        }
        let known = self.verdicts.remove(&object_name(name));
        for &address in &addresses {
            self.named_by.insert(address, [name.clone()].into());
        }
        let unchanged = before == addresses;
        if !addresses.is_empty() {
            self.in_force.insert(name.clone(), addresses);
        }
        let verdict = object.map(|object| Verdict::new(object.meta(), None, false));
        let judged_otherwise = known != verdict;
        self.verdicts
            .extend(verdict.map(|verdict| (object_name(name), verdict)));
        (judged_otherwise || !unchanged)
            .then(|| name.clone())
            .into_iter()
            .collect()
    }

    /// What an object keeps, if nothing is and was wrong with it, and no other object has to do with what it keeps and kept.
    fn kept_alone(
        &self,
        name: &ReservationName,
        object: Option<&Stored<IPReservation>>,
    ) -> Option<Vec<IpAddr>> {
        let known = self.verdicts.get(&object_name(name));
        if known.is_some_and(|verdict| verdict.fault.is_some()) {
            return None;
        }
        let after = match object {
            Some(object) => readable(object).and_then(addresses).ok()?,
            None => Vec::new(),
        };
        let before = self.in_force.get(name).into_iter().flatten();
        let alone = |address: &IpAddr| {
            let named_by = self.named_by.get(address);
            named_by.is_none_or(|named_by| named_by.iter().all(|other| other == name))
        };
        before.chain(&after).all(alone).then_some(after)
    }

    /// The addresses that each reservation in force keeps, as `ipam` takes them.
    pub fn in_force(&self) -> &BTreeMap<ReservationName, Vec<IpAddr>> {
        &self.in_force
    }

    /// What became of each object.
    pub fn verdicts(&self) -> &BTreeMap<ObjectName, Verdict> {
        &self.verdicts
    }

    /// The reservations that keep something else than in `before`, or are judged otherwise.
    pub fn changed_since(&self, before: &Self) -> BTreeSet<ReservationName> {
        let verdicts = differing(&self.verdicts, &before.verdicts).map(|object| {
            let namespace = object.namespace.clone().unwrap_or_default();
            ReservationName::new(namespace, object.name.clone())
        });
        let in_force = differing(&self.in_force, &before.in_force).cloned();
        verdicts.chain(in_force).collect()
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

/// The keys under which two maps have something else.
fn differing<'a, K: Ord, V: PartialEq>(
    a: &'a BTreeMap<K, V>,
    b: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = &'a K> {
    let of_a = a.iter().filter(|(key, value)| b.get(key) != Some(value));
    let of_b = b.keys().filter(|key| !a.contains_key(key));
    of_a.map(|(key, _)| key).chain(of_b)
}

fn object_name(name: &ReservationName) -> ObjectName {
    ObjectName {
        kind: Kind::IPReservation,
        namespace: Some(name.namespace.to_string()),
        name: name.name.to_string(),
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
