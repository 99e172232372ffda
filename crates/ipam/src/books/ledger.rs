use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use model::{Family, Origins, ServiceName};

use crate::sharing::Sharing;
use crate::wait::Wait;

/// What one Service holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holding {
    /// The addresses that it is to have.
    pub(crate) current: Vec<IpAddr>,
    /// Addresses that it is to lose, which its status may still show: they are nobody else's yet.
    pub(crate) leaving: Vec<IpAddr>,
    /// Addresses that its status shows and that we never gave: they are taken from nobody.
    pub(crate) foreign: Vec<IpAddr>,
    pub(crate) sharing: Sharing,
    /// The pools that these came from, which it remembers when no pool has the addresses any more.
    pub(crate) origins: Origins,
}

/// Who holds which address.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    holdings: BTreeMap<ServiceName, Holding>,
    holders: BTreeMap<IpAddr, Vec<ServiceName>>,
    /// Those whose status shows addresses that we never gave.
    with_foreign: BTreeSet<ServiceName>,
    /// Under each sharing key, the addresses that a Service with that key holds.
    by_key: BTreeMap<String, BTreeSet<IpAddr>>,
}

impl Holding {
    /// Every address that is not free because of this.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.current.iter().chain(&self.leaving).copied()
    }

    /// Keeps in mind where its addresses came from, and nothing of others.
    pub(crate) fn forget_origins(&mut self) {
        let known = |address| Some((address, self.origins.get(address)?.clone()));
        self.origins = self.addresses().filter_map(known).collect();
    }

    /// What others may wait for and `after` in place of this brings. A free address is not told here, nor room in a quota.
    pub(crate) fn news(&self, after: &Self) -> BTreeSet<Wait> {
        let shared_otherwise = self.sharing != after.sharing;
        let stays = |address: IpAddr| after.addresses().any(|other| other == address);
        let loses = |address: IpAddr| self.leaving.contains(&address) && !after.leaving.contains(&address);
        let addresses = self.addresses();
        let changed = addresses.filter(|address| shared_otherwise || !stays(*address) || loses(*address));
        let mut news: BTreeSet<Wait> = changed.map(Wait::Address).collect();
        // Others may join, or are tied no more to both addresses of a Service that was dual-stack.
        if shared_otherwise || self.current != after.current || self.leaving != after.leaving {
            // Who has nothing shares nothing, whatever key it has.
            let sharing = [self, after].into_iter().filter(|holding| !holding.is_empty());
            let keys = sharing.filter_map(|holding| holding.sharing.key.clone());
            news.extend(keys.map(Wait::Sharing));
        }
        news
    }

    /// Whether it is to have addresses of both families.
    pub(crate) fn is_dual_stack(&self) -> bool {
        let has = |family| self.current.iter().any(|&address| Family::of(address) == family);
        has(Family::V4) && has(Family::V6)
    }

    fn is_empty(&self) -> bool {
        self.current.is_empty() && self.leaving.is_empty() && self.foreign.is_empty()
    }
}

impl Ledger {
    pub(crate) fn holding(&self, service: &ServiceName) -> Option<&Holding> {
        self.holdings.get(service)
    }

    pub(crate) fn current(&self, service: &ServiceName) -> &[IpAddr] {
        self.holding(service).map_or(&[], |holding| &holding.current)
    }

    pub(crate) fn holdings(&self) -> impl Iterator<Item = (&ServiceName, &Holding)> {
        self.holdings.iter()
    }

    /// Every address that a status shows and that we never gave.
    pub(crate) fn foreign(&self) -> impl Iterator<Item = IpAddr> {
        let holdings = self
            .with_foreign
            .iter()
            .filter_map(|service| self.holding(service));
        holdings.flat_map(|holding| holding.foreign.iter().copied())
    }

    /// Every address that somebody holds, with its holders.
    pub(crate) fn held(&self) -> impl Iterator<Item = (IpAddr, &[ServiceName])> {
        self.holders
            .iter()
            .map(|(&address, holders)| (address, holders.as_slice()))
    }

    pub(crate) fn holders(&self, address: IpAddr) -> &[ServiceName] {
        self.holders.get(&address).map_or(&[], Vec::as_slice)
    }

    /// Everybody but `service` who holds `address`, be it leaving.
    pub(crate) fn others(
        &self,
        service: &ServiceName,
        address: IpAddr,
    ) -> impl Iterator<Item = (&ServiceName, &Holding)> {
        let others = self
            .holders(address)
            .iter()
            .filter(move |holder| *holder != service);
        others.filter_map(|holder| Some((holder, self.holdings.get(holder)?)))
    }

    /// The addresses that Services with the sharing key hold, lowest first.
    pub(crate) fn shared_under(&self, key: &str) -> impl Iterator<Item = IpAddr> {
        self.by_key.get(key).into_iter().flatten().copied()
    }

    /// Replaces what `service` holds.
    pub(crate) fn set(&mut self, service: &ServiceName, holding: Holding) {
        self.with_foreign.remove(service);
        if let Some(before) = self.holdings.remove(service) {
            before
                .addresses()
                .for_each(|address| self.strike(service, address, &before.sharing));
        }
        if holding.is_empty() {
            return;
        }
        if !holding.foreign.is_empty() {
            self.with_foreign.insert(service.clone());
        }
        for address in holding.addresses() {
            let holders = self.holders.entry(address).or_default();
            // Most addresses have one holder: no room for more is made before there are.
            holders.reserve_exact(1);
            holders.push(service.clone());
            if let Some(key) = &holding.sharing.key {
                self.by_key.entry(key.clone()).or_default().insert(address);
            }
        }
        self.holdings.insert(service.clone(), holding);
    }

    fn strike(&mut self, service: &ServiceName, address: IpAddr, sharing: &Sharing) {
        if let Some(holders) = self.holders.get_mut(&address) {
            holders.retain(|holder| holder != service);
            if holders.is_empty() {
                self.holders.remove(&address);
            }
        }
        let Some(key) = &sharing.key else { return };
        let still = self
            .others(service, address)
            .any(|(_, holding)| holding.sharing.key.as_ref() == Some(key));
        if let (false, Some(addresses)) = (still, self.by_key.get_mut(key)) {
            addresses.remove(&address);
            if addresses.is_empty() {
                self.by_key.remove(key);
            }
        }
    }
}
