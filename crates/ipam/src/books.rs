//! The books: who has what. What is written down when a Service gets or loses an address, and what can be read there.
//!
//! [`ledger`] has who holds which address and [`reservations`] who keeps which; [`free_list`] has what a pool could still give
//! ([`entry`], [`interval`]) and [`directory`] where in the free lists an address is; [`namespace_usage`] and [`usage`] count.

pub(crate) mod directory;
pub(crate) mod entry;
pub(crate) mod free_list;
pub(crate) mod interval;
pub(crate) mod ledger;
pub(crate) mod namespace_usage;
pub(crate) mod reservations;
pub(crate) mod usage;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use model::{Family, Origins, PoolName, ServiceName};

use crate::allocator::{Adoption, Grant, Ipam};
use crate::books::directory::Position;
use crate::books::ledger::Holding;
use crate::request::Request;
use crate::sharing::Sharing;
use crate::wait::Wait;

impl Ipam {
    pub(crate) fn grant(&self, request: &Request) -> Grant {
        let addresses = self.held(&request.service).to_vec();
        let all = self.origins(&request.service);
        let from = |&address: &IpAddr| Some((address, all.get(address)?.clone()));
        let origins = addresses.iter().filter_map(from).collect();
        let taken = |&address: &IpAddr| Some((address, self.occupied.get(&address)?.clone()));
        let occupied = addresses.iter().filter_map(taken).collect();
        let outside = !addresses.iter().all(|&address| self.would_give(request, address));
        Grant {
            addresses,
            origins,
            occupied,
            outside,
        }
    }

    /// Another Service that has `address`, and with which `service` may not share it.
    pub(crate) fn rival(
        &self,
        service: &ServiceName,
        sharing: &Sharing,
        address: IpAddr,
    ) -> Option<&ServiceName> {
        let mut others = self.ledger.others(service, address);
        let rival = others
            .find(|(_, holding)| holding.current.contains(&address) && !sharing.allows(&holding.sharing));
        rival.map(|(holder, _)| holder)
    }

    /// The pool that an address of `service` counts to: the one that declares it, else the one that the address came from.
    pub(crate) fn record(&self, service: &ServiceName, address: IpAddr) -> Option<&PoolName> {
        let declared = self.declared_by(address);
        declared.or_else(|| self.ledger.holding(service)?.origins.get(address))
    }

    /// Whether a pool gives out `address`, and to this Service.
    pub(crate) fn would_give(&self, request: &Request, address: IpAddr) -> bool {
        self.position(address).is_some_and(|position| {
            let pool = &self.free_lists[position.list].pool;
            !pool.closed && pool.serves(request)
        })
    }

    /// Whether an address that a status shows becomes its Service's though no record says that we gave it: that is how people
    /// come from another provider.
    pub(crate) fn is_adopted(&self, address: IpAddr) -> bool {
        self.declared(address).is_some() && !self.occupied.contains_key(&address)
    }

    pub(crate) fn adoption(&self) -> Adoption {
        match self.ledger.foreign().any(|address| self.is_adopted(address)) {
            true => Adoption::ClaimAnew,
            false => Adoption::Nothing,
        }
    }

    pub(crate) fn position(&self, address: IpAddr) -> Option<Position> {
        self.directory.position(address, &self.free_lists)
    }

    /// The pool that declares `address`, be it one that it never gives out.
    pub(crate) fn declared_by(&self, address: IpAddr) -> Option<&PoolName> {
        Some(&self.free_lists[self.declared(address)?].pool.name)
    }

    pub(crate) fn declared(&self, address: IpAddr) -> Option<usize> {
        self.directory.declared(address)
    }

    /// Whether the namespace uses `address`, by a Service that is to have it or by a reservation.
    pub(crate) fn uses(&self, namespace: &str, address: IpAddr) -> bool {
        let has = |holder: &ServiceName| self.held(holder).contains(&address);
        let holders = self.ledger.holders(address);
        self.keeps(namespace, address)
            || holders
                .iter()
                .any(|holder| *holder.namespace == *namespace && has(holder))
    }

    /// Whether a reservation of the namespace keeps `address`.
    pub(crate) fn keeps(&self, namespace: &str, address: IpAddr) -> bool {
        let keeper = self.reservations.keeper(address);
        keeper.is_some_and(|keeper| *keeper.namespace == *namespace)
    }

    /// Makes `current` what `service` has, and what it had besides leaving. An address that is not in `origins` is from
    /// where it was.
    pub(crate) fn hold(
        &mut self,
        service: &ServiceName,
        sharing: &Sharing,
        current: Vec<IpAddr>,
        mut origins: Origins,
    ) {
        let before = self.ledger.holding(service).cloned().unwrap_or_default();
        let given_up = before.addresses().filter(|address| !current.contains(address));
        let leaving = given_up.collect();
        before
            .origins
            .iter()
            .for_each(|(address, pool)| origins.add(address, pool.clone()));
        let mut holding = Holding {
            origins,
            sharing: sharing.clone(),
            current,
            leaving,
            foreign: before.foreign,
        };
        holding
            .foreign
            .retain(|address| !holding.current.contains(address));
        holding.forget_origins();
        self.update(service, holding);
    }

    /// Replaces what `service` holds, and keeps the free lists and the counts in step.
    pub(crate) fn update(&mut self, service: &ServiceName, holding: Holding) {
        let before = self.ledger.holding(service);
        if before == Some(&holding) {
            return;
        }
        let nothing = Holding::default();
        let before = before.unwrap_or(&nothing);
        let news = before.news(&holding);
        let addresses = before.addresses().chain(holding.addresses());
        let touched: BTreeSet<IpAddr> = addresses.collect();
        let used: Vec<bool> = touched
            .iter()
            .map(|&address| self.uses(&service.namespace, address))
            .collect();
        self.ledger.set(service, holding);
        for wait in news {
            match wait {
                Wait::Address(address) => self.tell_of(address),
                other @ (Wait::Free(..) | Wait::Sharing(_) | Wait::Quota(..) | Wait::Share(..)) => {
                    self.news.insert(other);
                }
            }
        }
        for (&address, before) in touched.iter().zip(used) {
            self.mark(address);
            self.count(address, &service.namespace, before);
        }
    }

    /// Brings the free list up to date about an address.
    pub(crate) fn mark(&mut self, address: IpAddr) {
        if let Some(Position { list, entry }) = self.position(address) {
            let kept = self.reservations.keeper(address).is_some();
            let occupied = self.occupied.contains_key(&address);
            let in_use = kept || occupied || !self.ledger.holders(address).is_empty();
            self.free_lists[list].mark(entry, address, in_use);
            if !in_use {
                let pool = self.free_lists[list].pool.name.clone();
                self.news.insert(Wait::Free(pool, Family::of(address)));
            }
            self.free_lists[list].note_occupied(address, occupied);
        }
    }

    /// Somebody else keeps an address, or a node has it, or no more: for those that ask for it, and those that would share it.
    pub(crate) fn tell_of(&mut self, address: IpAddr) {
        self.news.insert(Wait::Address(address));
        let holders = self.ledger.holders(address).iter();
        let holdings = holders.filter_map(|holder| self.ledger.holding(holder));
        let keys = holdings.filter_map(|holding| holding.sharing.key.clone());
        self.news.extend(keys.map(Wait::Sharing));
    }

    /// Counts anew an address that the namespace did or did not use before.
    pub(crate) fn count(&mut self, address: IpAddr, namespace: &str, before: bool) {
        let Some(position) = self.position(address) else {
            return;
        };
        match (before, self.uses(namespace, address)) {
            (false, true) => self.namespace_usage.add(position.list, namespace),
            // A quota counts what a namespace is to have: there is room at once, though the address is not free yet.
            (true, false) => {
                self.namespace_usage.subtract(position.list, namespace);
                let pool = &self.free_lists[position.list].pool;
                if pool.quota.is_some() {
                    let (pool, namespace) = (pool.name.clone(), namespace.to_owned());
                    self.news.insert(Wait::Quota(pool.clone(), namespace.clone()));
                    self.news.insert(Wait::Share(pool, namespace));
                }
            }
            (false, false) | (true, true) => {}
        }
    }

    pub(crate) fn namespaces(&self, address: IpAddr) -> BTreeSet<Arc<str>> {
        let holders = self
            .ledger
            .holders(address)
            .iter()
            .map(|holder| holder.namespace.clone());
        let keeper = self
            .reservations
            .keeper(address)
            .map(|keeper| keeper.namespace.clone());
        holders.chain(keeper).collect()
    }
}
