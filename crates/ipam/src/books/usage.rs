use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use model::{Family, PoolName, ServiceName};

use crate::allocator::Ipam;
use crate::books::free_list::FreeList;

/// A number of addresses of each family. One too large to count stands as `u128::MAX`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// IPv4 addresses.
    pub v4: u128,
    /// IPv6 addresses.
    pub v6: u128,
}

/// How full a pool is. An address that Services share counts once (P-ALLOC-19).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Addresses that the pool gives out and Services hold, be it that they give them up and may still show them.
    pub assigned: Count,
    /// Addresses that could still be given out.
    pub available: Count,
    /// Addresses that a reservation keeps and no Service holds.
    pub reserved: Count,
    /// Addresses that a node has, and nobody else.
    pub occupied: Count,
    /// Addresses that Services have from this pool, and that it does not give out any more (DESIGN §7).
    pub outside: Count,
}

impl Usage {
    /// Whether any Service holds an address of the pool.
    pub fn in_use(&self) -> bool {
        self.assigned != Count::default() || self.outside != Count::default()
    }
}

impl Count {
    fn add(&mut self, address: IpAddr) {
        match Family::of(address) {
            Family::V4 => self.v4 += 1,
            Family::V6 => self.v6 += 1,
        }
    }
}

impl Ipam {
    /// How full each pool is.
    pub fn usage(&self) -> BTreeMap<PoolName, Usage> {
        let mut usage: Vec<Usage> = self.free_lists.iter().map(untouched).collect();
        for (address, holders) in self.ledger.held() {
            match self.position(address) {
                Some(position) => usage[position.list].assigned.add(address),
                None => {
                    for list in self.lists_of_outside(address, holders) {
                        usage[list].outside.add(address);
                    }
                }
            }
        }
        let kept = self.reservations.addresses();
        for address in kept.filter(|address| self.ledger.holders(*address).is_empty()) {
            if let Some(position) = self.position(address) {
                usage[position.list].reserved.add(address);
            }
        }
        let nodes = self.occupied.keys().copied();
        let unused = |address: &IpAddr| {
            self.ledger.holders(*address).is_empty() && self.reservations.keeper(*address).is_none()
        };
        for address in nodes.filter(unused) {
            if let Some(position) = self.position(address) {
                usage[position.list].occupied.add(address);
            }
        }
        let names = self.free_lists.iter().map(|list| list.pool.name.clone());
        names.zip(usage).collect()
    }

    /// The pools that Services have `address` from, which no pool gives out. Services that share it may have got it from
    /// two, of which neither is free of it.
    fn lists_of_outside(&self, address: IpAddr, holders: &[ServiceName]) -> BTreeSet<usize> {
        let having = holders
            .iter()
            .filter(|holder| self.held(holder).contains(&address));
        having
            .filter_map(|holder| self.list_of(self.record(holder, address)?))
            .collect()
    }
}

/// What there is to be had of a pool.
fn untouched(list: &FreeList) -> Usage {
    let available = Count {
        v4: list.available(Family::V4),
        v6: list.available(Family::V6),
    };
    Usage {
        available,
        ..Usage::default()
    }
}
