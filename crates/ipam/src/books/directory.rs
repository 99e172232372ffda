use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::books::free_list::FreeList;

/// Where addresses are found: which list, and which entry of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Directory {
    /// By the first address of each range that a pool declares: the last one, and the list.
    declared: BTreeMap<IpAddr, (IpAddr, usize)>,
    /// By the first address of each entry of a list: its list and its number.
    entries: BTreeMap<IpAddr, Position>,
}

/// An entry of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    pub(crate) list: usize,
    pub(crate) entry: usize,
}

impl Directory {
    pub(crate) fn of(lists: &[FreeList]) -> Self {
        let mut directory = Self::default();
        for (list, on) in lists.iter().enumerate() {
            for range in &on.pool.ranges {
                directory.declared.insert(range.first(), (range.last(), list));
            }
            for (entry, range) in on.entries().iter().map(|entry| entry.range()).enumerate() {
                directory.entries.insert(range.first(), Position { list, entry });
            }
        }
        directory
    }

    /// The list of the pool that declares `address`, whether it gives it out or not.
    pub(crate) fn declared(&self, address: IpAddr) -> Option<usize> {
        let (_, &(last, list)) = self.declared.range(..=address).next_back()?;
        (address <= last).then_some(list)
    }

    /// The entry that gives out `address`.
    pub(crate) fn position(&self, address: IpAddr, lists: &[FreeList]) -> Option<Position> {
        let (_, &position) = self.entries.range(..=address).next_back()?;
        lists[position.list].entries()[position.entry]
            .usable(address)
            .then_some(position)
    }
}
