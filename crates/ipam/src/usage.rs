use std::collections::BTreeMap;
use std::net::IpAddr;

use model::{Family, PoolName};

use crate::allocator::Ipam;

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
        let mut usage: BTreeMap<PoolName, Usage> = BTreeMap::new();
        for shelf in &self.shelves {
            let available = Count {
                v4: shelf.available(Family::V4),
                v6: shelf.available(Family::V6),
            };
            usage.entry(shelf.pool.name.clone()).or_default().available = available;
        }
        for (address, holders) in self.ledger.held() {
            let inside = self.spot(address).map(|spot| &self.shelves[spot.shelf].pool.name);
            let mut keepers = holders
                .iter()
                .filter(|holder| self.held(holder).contains(&address));
            let of = inside.or_else(|| keepers.find_map(|holder| self.record(holder, address)));
            let Some(usage) = of.and_then(|pool| usage.get_mut(pool)) else {
                continue;
            };
            match inside {
                Some(_) => usage.assigned.add(address),
                None => usage.outside.add(address),
            }
        }
        let kept = self
            .reservations
            .addresses()
            .filter(|(address, _)| self.ledger.holders(*address).is_empty());
        for (address, _) in kept {
            let pool = self.spot(address).map(|spot| &self.shelves[spot.shelf].pool.name);
            if let Some(usage) = pool.and_then(|pool| usage.get_mut(pool)) {
                usage.reserved.add(address);
            }
        }
        usage
    }
}
