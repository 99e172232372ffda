use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::shelf::Shelf;

/// Where addresses are found: which shelf, and which entry of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Directory {
    /// By the first address of each range that a pool declares: the last one, and the shelf.
    declared: BTreeMap<IpAddr, (IpAddr, usize)>,
    /// By the first address of each entry of a shelf: its shelf and its number.
    entries: BTreeMap<IpAddr, Spot>,
}

/// An entry of a shelf.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot {
    pub(crate) shelf: usize,
    pub(crate) entry: usize,
}

impl Directory {
    pub(crate) fn of(shelves: &[Shelf]) -> Self {
        let mut directory = Self::default();
        for (shelf, on) in shelves.iter().enumerate() {
            for range in &on.pool.ranges {
                directory.declared.insert(range.first(), (range.last(), shelf));
            }
            for (entry, range) in on.entries().iter().map(|entry| entry.range()).enumerate() {
                directory.entries.insert(range.first(), Spot { shelf, entry });
            }
        }
        directory
    }

    /// The shelf of the pool that declares `address`, whether it gives it out or not.
    pub(crate) fn declared(&self, address: IpAddr) -> Option<usize> {
        let (_, &(last, shelf)) = self.declared.range(..=address).next_back()?;
        (address <= last).then_some(shelf)
    }

    /// The entry that gives out `address`.
    pub(crate) fn spot(&self, address: IpAddr, shelves: &[Shelf]) -> Option<Spot> {
        let (_, &spot) = self.entries.range(..=address).next_back()?;
        shelves[spot.shelf].entries()[spot.entry]
            .usable(address)
            .then_some(spot)
    }
}
