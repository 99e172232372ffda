use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use model::{AddressRange, Family};

use crate::books::entry::Entry;
use crate::pool::Pool;

/// A pool, and which of its addresses are free.
#[derive(Clone, Debug)]
pub(crate) struct FreeList {
    pub(crate) pool: Pool,
    /// The pool's ranges in order, without what it excludes.
    entries: Vec<Entry>,
    size_v4: u128,
    size_v6: u128,
    /// The entries with a free address, for a pool may have thousands of entries that are full.
    open_v4: BTreeSet<usize>,
    open_v6: BTreeSet<usize>,
    /// Addresses that it would give out if no node had them.
    occupied: BTreeSet<IpAddr>,
}

/// Where in the order of its pool an address stands (P-ALLOC-14).
pub(crate) type Place = (usize, IpAddr);

impl FreeList {
    pub(crate) fn new(pool: Pool) -> Self {
        let excluded = merged(pool.excluded.clone());
        let pieces = pool.ranges.iter().flat_map(|&range| without(range, &excluded));
        let mut list = Self {
            entries: pieces
                .map(|piece| Entry::new(piece, pool.avoid_buggy_ips))
                .collect(),
            pool,
            size_v4: 0,
            size_v6: 0,
            open_v4: BTreeSet::new(),
            open_v6: BTreeSet::new(),
            occupied: BTreeSet::new(),
        };
        list.size_v4 = list.sum(Family::V4, Entry::size);
        list.size_v6 = list.sum(Family::V6, Entry::size);
        (0..list.entries.len()).for_each(|entry| list.note(entry));
        list
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Takes note whether an address of an entry is in use.
    pub(crate) fn mark(&mut self, entry: usize, address: IpAddr, in_use: bool) {
        match in_use {
            true => self.entries[entry].take(address),
            false => self.entries[entry].give_back(address),
        }
        self.note(entry);
    }

    /// Takes note whether a node has an address.
    pub(crate) fn note_occupied(&mut self, address: IpAddr, occupied: bool) {
        match occupied {
            true => self.occupied.insert(address),
            false => self.occupied.remove(&address),
        };
    }

    /// The addresses of the family that nodes have.
    pub(crate) fn occupied(&self, family: Family) -> impl Iterator<Item = IpAddr> {
        let all = self.occupied.iter().copied();
        all.filter(move |&address| Family::of(address) == family)
    }

    pub(crate) fn lowest_free(&self, family: Family) -> Option<Place> {
        let entry = *self.open(family).first()?;
        Some((entry, self.entries[entry].lowest_free()?))
    }

    /// How many addresses of the family could still be given out.
    pub(crate) fn available(&self, family: Family) -> u128 {
        self.sum(family, Entry::available)
    }

    /// How many addresses of the family the pool gives out in all.
    pub(crate) fn size(&self, family: Family) -> u128 {
        match family {
            Family::V4 => self.size_v4,
            Family::V6 => self.size_v6,
        }
    }

    fn sum(&self, family: Family, of: fn(&Entry) -> u128) -> u128 {
        let entries = self
            .entries
            .iter()
            .filter(|entry| entry.range().family() == family);
        entries.fold(0u128, |sum, entry| sum.saturating_add(of(entry)))
    }

    fn open(&self, family: Family) -> &BTreeSet<usize> {
        match family {
            Family::V4 => &self.open_v4,
            Family::V6 => &self.open_v6,
        }
    }

    fn note(&mut self, entry: usize) {
        let of = &self.entries[entry];
        let free = of.lowest_free().is_some();
        let open = match of.range().family() {
            Family::V4 => &mut self.open_v4,
            Family::V6 => &mut self.open_v6,
        };
        match free {
            true => open.insert(entry),
            false => open.remove(&entry),
        };
    }
}

/// The same addresses as ranges in ascending order that do not overlap.
fn merged(mut ranges: Vec<AddressRange>) -> Vec<AddressRange> {
    ranges.sort_unstable();
    let mut merged: Vec<AddressRange> = Vec::new();
    for range in ranges {
        let overlapped = merged.pop_if(|last| last.overlaps(&range)).unwrap_or(range);
        let last = overlapped.last().max(range.last());
        merged.extend(AddressRange::new(overlapped.first(), last));
    }
    merged
}

/// The parts of `range` that none of `excluded` contains; those are in ascending order and do not overlap.
fn without(range: AddressRange, excluded: &[AddressRange]) -> Vec<AddressRange> {
    let mut pieces = Vec::new();
    let mut from = Some(range.first());
    let nearest = excluded.partition_point(|hole| hole.last() < range.first());
    for hole in excluded[nearest..]
        .iter()
        .take_while(|hole| hole.overlaps(&range))
    {
        let before = from.zip(previous(hole.first()));
        pieces.extend(before.and_then(|(first, last)| AddressRange::new(first, last).ok()));
        from = next(hole.last()).filter(|first| *first <= range.last());
    }
    pieces.extend(from.and_then(|first| AddressRange::new(first, range.last()).ok()));
    pieces
}

fn next(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => Some(Ipv4Addr::from_bits(address.to_bits().checked_add(1)?).into()),
        IpAddr::V6(address) => Some(Ipv6Addr::from_bits(address.to_bits().checked_add(1)?).into()),
    }
}

fn previous(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => Some(Ipv4Addr::from_bits(address.to_bits().checked_sub(1)?).into()),
        IpAddr::V6(address) => Some(Ipv6Addr::from_bits(address.to_bits().checked_sub(1)?).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(range: &str, excluded: &[&str]) -> Vec<String> {
        let excluded = merged(excluded.iter().map(|range| range.parse().unwrap()).collect());
        let range = range.parse().unwrap();
        without(range, &excluded)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn what_is_excluded_is_cut_out_however_the_exclusions_overlap() {
        let range = "192.0.2.0-192.0.2.9";
        assert_eq!(pieces(range, &[]), [range]);
        assert_eq!(
            pieces(range, &["192.0.2.0/31", "192.0.2.9/32"]),
            ["192.0.2.2-192.0.2.8"]
        );
        assert_eq!(
            pieces(
                range,
                &[
                    "192.0.2.2-192.0.2.6",
                    "192.0.2.3-192.0.2.4",
                    "192.0.2.6-192.0.2.7"
                ]
            ),
            ["192.0.2.0/31", "192.0.2.8/31"]
        );
        assert_eq!(pieces(range, &["192.0.2.0/24"]), [""; 0]);
        assert_eq!(pieces(range, &["198.51.100.0/24", "::/0"]), [range]);
    }

    #[test]
    fn the_ends_of_the_number_line_can_be_excluded() {
        assert_eq!(pieces("0.0.0.0/31", &["0.0.0.0/32"]), ["0.0.0.1/32"]);
        assert_eq!(
            pieces("255.255.255.254/31", &["255.255.255.255/32"]),
            ["255.255.255.254/32"]
        );
        assert_eq!(pieces("::/0", &["::/0"]), [""; 0]);
    }
}
