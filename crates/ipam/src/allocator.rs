use std::collections::BTreeMap;
use std::net::IpAddr;

use model::{Family, PoolName, ServiceName};

use crate::entry::Entry;
use crate::pool::Pool;
use crate::request::{PoolRefusal, Refusal, Request};

/// The addresses of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// What the Service holds now, in the order of the families asked for.
    pub addresses: Vec<IpAddr>,
    /// The pool they come from; none when no pool covers them any more.
    pub pool: Option<PoolName>,
}

/// How full a pool is, per family. A number too large to count stands as `u128::MAX`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// IPv4 addresses of the pool that Services hold.
    pub assigned_v4: u128,
    /// IPv6 addresses of the pool that Services hold.
    pub assigned_v6: u128,
    /// IPv4 addresses that could still be given out.
    pub available_v4: u128,
    /// IPv6 addresses that could still be given out.
    pub available_v6: u128,
}

/// The pools, and who holds which address.
#[derive(Clone, Debug, Default)]
pub struct Ipam {
    /// In the order of automatic choice.
    pools: Vec<PoolState>,
    /// The first address of each entry of each pool, to find the entry of an address.
    index: BTreeMap<IpAddr, EntryId>,
    held: BTreeMap<ServiceName, Vec<IpAddr>>,
    holders: BTreeMap<IpAddr, ServiceName>,
}

#[derive(Clone, Copy, Debug)]
struct EntryId {
    pool: usize,
    entry: usize,
}

#[derive(Clone, Debug)]
struct PoolState {
    pool: Pool,
    entries: Vec<Entry>,
}

impl Ipam {
    /// Replaces the pools. Nobody loses an address: what no pool covers any more stays with its Service.
    pub fn set_pools(&mut self, mut pools: Vec<Pool>) {
        pools.sort_by(|a, b| a.rank().cmp(&b.rank()));
        self.pools = pools.into_iter().map(PoolState::new).collect();
        self.index.clear();
        for (pool, state) in self.pools.iter().enumerate() {
            for (entry, range) in state.entries.iter().map(Entry::range).enumerate() {
                self.index.insert(range.first(), EntryId { pool, entry });
            }
        }
        for address in self.holders.keys().copied().collect::<Vec<_>>() {
            if let Some(entry) = self.entry_mut(address) {
                entry.take(address);
            }
        }
    }

    /// Takes note that `service` holds `addresses` already, as its status says. Gives back those that it cannot hold
    /// because another Service has them, with that Service.
    ///
    /// Claiming what the Service holds is a no-op.
    pub fn claim(&mut self, service: &ServiceName, addresses: &[IpAddr]) -> Vec<(IpAddr, ServiceName)> {
        let mut refused = Vec::new();
        for &address in addresses {
            match self.holders.get(&address) {
                Some(holder) if holder != service => refused.push((address, holder.clone())),
                Some(_) => {}
                None => self.take(service, address),
            }
        }
        refused
    }

    /// What `service` holds.
    pub fn held(&self, service: &ServiceName) -> &[IpAddr] {
        self.held.get(service).map_or(&[], Vec::as_slice)
    }

    /// Gives `service` what it asks for. Where that is what it holds already, nothing changes (P-ALLOC-56).
    ///
    /// # Errors
    /// Says why not; the Service then keeps what it holds.
    pub fn assign(&mut self, request: &Request) -> Result<Grant, Refusal> {
        if self.content(request) {
            return Ok(self.grant(request));
        }
        let addresses = match request.addresses.is_empty() {
            false => self.requested(request)?,
            true => self.chosen(request)?,
        };
        self.release_all_but(&request.service, &addresses);
        for &address in &addresses {
            self.take(&request.service, address);
        }
        Ok(self.grant(request))
    }

    /// Frees everything that `service` holds. False when it held nothing.
    pub fn release(&mut self, service: &ServiceName) -> bool {
        let held = !self.held(service).is_empty();
        self.release_all_but(service, &[]);
        held
    }

    /// Every Service that holds an address, with its addresses.
    pub fn holdings(&self) -> impl Iterator<Item = (&ServiceName, &[IpAddr])> {
        self.held
            .iter()
            .map(|(service, addresses)| (service, addresses.as_slice()))
    }

    /// How full each pool is.
    pub fn usage(&self) -> BTreeMap<PoolName, Usage> {
        let mut usage: BTreeMap<PoolName, Usage> = self
            .pools
            .iter()
            .map(|state| (state.pool.name.clone(), state.available()))
            .collect();
        for &address in self.holders.keys() {
            let Some(usage) = self
                .pool_of(address)
                .and_then(|state| usage.get_mut(&state.pool.name))
            else {
                continue;
            };
            match Family::of(address) {
                Family::V4 => usage.assigned_v4 += 1,
                Family::V6 => usage.assigned_v6 += 1,
            }
        }
        usage
    }

    /// Whether what the Service holds is what it asks for, so that nothing has to change.
    fn content(&self, request: &Request) -> bool {
        let held = self.held(&request.service);
        if !request.addresses.is_empty() {
            return same_set(held, &request.addresses) && request.families.satisfied_by(held);
        }
        let named = request.pool.as_ref();
        request.families.satisfied_by(held)
            && named.is_none_or(|name| {
                held.iter()
                    .all(|&ip| self.pool_of(ip).is_some_and(|p| p.pool.name == *name))
            })
    }

    fn grant(&self, request: &Request) -> Grant {
        let mut addresses = self.held(&request.service).to_vec();
        if let Some(order) = request.families.choices().first() {
            addresses.sort_by_key(|&ip| order.iter().position(|&family| family == Family::of(ip)));
        }
        let pool = addresses
            .first()
            .and_then(|&ip| self.pool_of(ip))
            .map(|state| state.pool.name.clone());
        Grant { addresses, pool }
    }

    /// The addresses that the Service asks for by number, when it may have them.
    fn requested(&self, request: &Request) -> Result<Vec<IpAddr>, Refusal> {
        if !request.families.satisfied_by(&request.addresses) {
            return Err(Refusal::WrongFamilies {
                addresses: request.addresses.clone(),
                families: request.families,
            });
        }
        let mut named = match &request.pool {
            Some(name) => Some(&self.pool_named(name)?.pool),
            None => None,
        };
        for &address in &request.addresses {
            let state = self.pool_of(address).ok_or(Refusal::OutsidePools(address))?;
            let pool = &state.pool;
            if let Some(named) = named.filter(|named| named.name != pool.name) {
                return Err(Refusal::OutsidePool {
                    address,
                    pool: named.name.clone(),
                });
            }
            named = Some(pool);
            if !pool.serves(request) {
                return Err(Refusal::PoolRefuses {
                    pool: pool.name.clone(),
                    refusal: PoolRefusal::Reserved,
                });
            }
            if !state.entries.iter().any(|entry| entry.usable(address)) {
                return Err(Refusal::Buggy {
                    address,
                    pool: pool.name.clone(),
                });
            }
            if let Some(holder) = self
                .holders
                .get(&address)
                .filter(|holder| **holder != request.service)
            {
                return Err(Refusal::Taken {
                    address,
                    holder: holder.clone(),
                });
            }
        }
        Ok(request.addresses.clone())
    }

    /// Addresses for a Service that leaves the choice to us.
    fn chosen(&self, request: &Request) -> Result<Vec<IpAddr>, Refusal> {
        if let Some(name) = &request.pool {
            let state = self.pool_named(name)?;
            return self
                .best(request, &[state])
                .map_err(|mut pools| match pools.pop() {
                    Some((pool, refusal)) => Refusal::PoolRefuses { pool, refusal },
                    None => Refusal::NoPools,
                });
        }
        if self.pools.is_empty() {
            return Err(Refusal::NoPools);
        }
        let states: Vec<&PoolState> = self.pools.iter().collect();
        self.best(request, &states).map_err(|pools| Refusal::NoPoolFits {
            families: request.families,
            pools,
        })
    }

    /// The best choice of families that any of the pools can give, pools in order; else what each pool said to the
    /// most modest choice.
    fn best(
        &self,
        request: &Request,
        states: &[&PoolState],
    ) -> Result<Vec<IpAddr>, Vec<(PoolName, PoolRefusal)>> {
        let mut refusals = Vec::new();
        for families in request.families.choices() {
            refusals.clear();
            for state in states {
                match self.pool_gives(request, state, families) {
                    Ok(addresses) => return Ok(addresses),
                    Err(refusal) => refusals.push((state.pool.name.clone(), refusal)),
                }
            }
        }
        Err(refusals)
    }

    fn pool_gives(
        &self,
        request: &Request,
        state: &PoolState,
        families: &[Family],
    ) -> Result<Vec<IpAddr>, PoolRefusal> {
        if request.pool.is_none() && !state.pool.auto_assign {
            return Err(PoolRefusal::NotAutomatic);
        }
        if !state.pool.serves(request) {
            return Err(PoolRefusal::Reserved);
        }
        families
            .iter()
            .map(|&family| self.one_of(request, state, family))
            .collect()
    }

    /// An address of the family: the one that the Service holds in this pool, else the lowest that is free.
    fn one_of(&self, request: &Request, state: &PoolState, family: Family) -> Result<IpAddr, PoolRefusal> {
        let of_family = |entry: &&Entry| entry.range().family() == family;
        if !state.entries.iter().any(|entry| of_family(&entry)) {
            return Err(PoolRefusal::WithoutFamily(family));
        }
        let held = self.held(&request.service).iter().copied();
        held.filter(|&ip| Family::of(ip) == family)
            .find(|&ip| state.covers(ip))
            .or_else(|| {
                state
                    .entries
                    .iter()
                    .filter(of_family)
                    .find_map(Entry::lowest_free)
            })
            .ok_or(PoolRefusal::Full(family))
    }

    fn take(&mut self, service: &ServiceName, address: IpAddr) {
        if self.holders.insert(address, service.clone()).is_none() {
            self.held.entry(service.clone()).or_default().push(address);
        }
        if let Some(entry) = self.entry_mut(address) {
            entry.take(address);
        }
    }

    fn release_all_but(&mut self, service: &ServiceName, keep: &[IpAddr]) {
        let Some(held) = self.held.remove(service) else {
            return;
        };
        let (kept, freed): (Vec<_>, Vec<_>) = held.into_iter().partition(|address| keep.contains(address));
        for address in freed {
            self.holders.remove(&address);
            if let Some(entry) = self.entry_mut(address) {
                entry.give_back(address);
            }
        }
        if !kept.is_empty() {
            self.held.insert(service.clone(), kept);
        }
    }

    fn pool_named(&self, name: &PoolName) -> Result<&PoolState, Refusal> {
        self.pools
            .iter()
            .find(|state| state.pool.name == *name)
            .ok_or_else(|| Refusal::UnknownPool(name.clone()))
    }

    fn pool_of(&self, address: IpAddr) -> Option<&PoolState> {
        self.locate(address).map(|id| &self.pools[id.pool])
    }

    fn entry_mut(&mut self, address: IpAddr) -> Option<&mut Entry> {
        self.locate(address)
            .map(|id| &mut self.pools[id.pool].entries[id.entry])
    }

    fn locate(&self, address: IpAddr) -> Option<EntryId> {
        let (_, &id) = self.index.range(..=address).next_back()?;
        self.pools[id.pool].entries[id.entry]
            .range()
            .contains(address)
            .then_some(id)
    }
}

impl PoolState {
    fn new(pool: Pool) -> Self {
        let entries = pool
            .ranges
            .iter()
            .map(|&range| Entry::new(range, pool.avoid_buggy_ips))
            .collect();
        Self { pool, entries }
    }

    fn covers(&self, address: IpAddr) -> bool {
        self.entries.iter().any(|entry| entry.range().contains(address))
    }

    fn available(&self) -> Usage {
        let of = |family| {
            let entries = self
                .entries
                .iter()
                .filter(|entry| entry.range().family() == family);
            entries.fold(0u128, |sum, entry| sum.saturating_add(entry.available()))
        };
        Usage {
            available_v4: of(Family::V4),
            available_v6: of(Family::V6),
            ..Usage::default()
        }
    }
}

fn same_set(a: &[IpAddr], b: &[IpAddr]) -> bool {
    a.len() == b.len() && a.iter().all(|address| b.contains(address))
}

#[cfg(test)]
mod tests;
