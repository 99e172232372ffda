use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use model::{Origins, ReservationName, ServiceName};

use crate::books::directory::Directory;
use crate::books::free_list::FreeList;
use crate::books::ledger::{Holding, Ledger};
use crate::books::namespace_usage::NamespaceUsage;
use crate::books::reservations::Reservations;
use crate::occupant::Occupant;
use crate::pool::Pool;
use crate::refusal::Refusal;
use crate::request::Request;
use crate::sharing::Sharing;
use crate::wait::Wait;

/// The addresses of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// What the Service holds now, in the order of the families asked for.
    pub addresses: Vec<IpAddr>,
    /// The pools they come from, as far as that is known. A pool may be gone by now.
    pub origins: Origins,
    /// Those of them that a node has, and that are given out no more: the Service keeps them.
    pub occupied: Vec<(IpAddr, Occupant)>,
    /// Whether no pool would give this Service one of the addresses now (DESIGN §7).
    pub outside: bool,
}

/// What a Service's status says that it holds, after a start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// The addresses.
    pub addresses: Vec<IpAddr>,
    /// With whom the Service may share them.
    pub sharing: Sharing,
    /// The pools that they came from, as far as the status says: what [`Ipam::origins`] said when it was written.
    pub origins: Origins,
}

/// What a change means for addresses that a status shows and that we never gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adoption {
    /// Nothing.
    Nothing,
    /// One of them is an address of a pool now. Claim everything anew, oldest Service first, and it is its Service's.
    ClaimAnew,
}

/// The pools, and who holds which address.
#[derive(Clone, Debug, Default)]
pub struct Ipam {
    /// In the order of automatic choice.
    pub(crate) free_lists: Vec<FreeList>,
    pub(crate) ledger: Ledger,
    pub(crate) reservations: Reservations,
    /// What nodes have.
    pub(crate) occupied: BTreeMap<IpAddr, Occupant>,
    pub(crate) namespace_usage: NamespaceUsage,
    pub(crate) directory: Directory,
    /// What has happened that somebody may wait for.
    pub(crate) news: BTreeSet<Wait>,
}

impl Ipam {
    /// Replaces the pools. Nobody loses an address by this alone: see [`Self::assign`].
    pub fn set_pools(&mut self, mut pools: Vec<Pool>) -> Adoption {
        pools.sort_by(|a, b| a.rank().cmp(&b.rank()));
        self.free_lists = pools.into_iter().map(FreeList::new).collect();
        self.directory = Directory::of(&self.free_lists);
        self.namespace_usage = NamespaceUsage::default();
        let held = self.ledger.held().map(|(address, _)| address);
        let kept = self.reservations.addresses();
        let occupied = self.occupied.keys().copied();
        let in_use: BTreeSet<IpAddr> = held.chain(kept).chain(occupied).collect();
        for address in in_use {
            self.mark(address);
            for namespace in self.namespaces(address) {
                self.count(address, &namespace, false);
            }
        }
        self.adoption()
    }

    /// Replaces what is known of the addresses that nodes have. They are given out no more; who has one keeps it. Costs what
    /// has changed.
    pub fn set_occupied(&mut self, occupied: BTreeMap<IpAddr, Occupant>) -> Adoption {
        let before = std::mem::replace(&mut self.occupied, occupied);
        let both = before.keys().chain(self.occupied.keys());
        let differs = both.filter(|address| before.get(address) != self.occupied.get(address));
        let changed: BTreeSet<IpAddr> = differs.copied().collect();
        if changed.is_empty() {
            return Adoption::Nothing;
        }
        for address in changed {
            self.mark(address);
            self.tell_of(address);
        }
        self.adoption()
    }

    /// What nodes have.
    pub fn occupied(&self) -> impl Iterator<Item = (&IpAddr, &Occupant)> {
        self.occupied.iter()
    }

    /// Replaces the reservations: addresses that only Services with [`Request::reservation`] get. Who holds such an
    /// address keeps it.
    pub fn set_reservations(&mut self, reservations: BTreeMap<ReservationName, Vec<IpAddr>>) {
        let known: Vec<_> = self.reservations.names().cloned().collect();
        for name in known.iter().filter(|name| !reservations.contains_key(*name)) {
            self.set_reservation(name, Vec::new());
        }
        for (name, addresses) in reservations {
            self.set_reservation(&name, addresses);
        }
    }

    /// Replaces what one reservation keeps, at a cost that does not grow with the others; nothing if there is none of this name.
    pub fn set_reservation(&mut self, name: &ReservationName, addresses: Vec<IpAddr>) {
        let before = self.reservations.of(name);
        if before == addresses {
            return;
        }
        let touched: BTreeSet<IpAddr> = before.iter().chain(&addresses).copied().collect();
        let keepers: Vec<_> = touched
            .iter()
            .map(|&address| self.reservations.keeper(address).cloned())
            .collect();
        let counted = |address: IpAddr| {
            let mut namespaces = self.reservations.namespaces(address);
            namespaces.insert(name.namespace.clone());
            namespaces.into_iter().map(move |namespace| (address, namespace))
        };
        let used = touched.iter().flat_map(|&address| counted(address));
        let used: Vec<_> = used
            .map(|(address, namespace)| (address, self.uses(&namespace, address), namespace))
            .collect();
        self.reservations.set(name, addresses);
        for (&address, before) in touched.iter().zip(&keepers) {
            if self.reservations.keeper(address) != before.as_ref() {
                self.tell_of(address);
                self.mark(address);
            }
        }
        for (address, before, namespace) in used {
            self.count(address, &namespace, before);
        }
    }

    /// Takes note of what the status of `service` says that it holds, in place of anything known before. What another
    /// Service holds, and may not share, is given back with that Service; it stays taken until [`Self::settle`].
    ///
    /// An address that is of no pool, or that a node has, and of which the claim does not know where it came from, was never
    /// given by us: it is [foreign](Self::foreign) and nobody's.
    pub fn claim(&mut self, service: &ServiceName, claim: Claim) -> Vec<(IpAddr, ServiceName)> {
        let mut holding = Holding {
            sharing: claim.sharing,
            origins: claim.origins,
            ..Holding::default()
        };
        let mut lost = Vec::new();
        for address in claim.addresses {
            if holding.addresses().any(|known| known == address) {
                continue;
            }
            if holding.origins.get(address).is_none() && !self.is_adopted(address) {
                holding.foreign.push(address);
                continue;
            }
            match self.rival(service, &holding.sharing, address) {
                None => holding.current.push(address),
                Some(holder) => {
                    lost.push((address, holder.clone()));
                    holding.leaving.push(address);
                }
            }
        }
        self.update(service, holding);
        lost
    }

    /// What `service` is to have.
    pub fn held(&self, service: &ServiceName) -> &[IpAddr] {
        self.ledger.current(service)
    }

    /// What `service` is to have no more, and nobody else has yet, because its status may still show it.
    pub fn leaving(&self, service: &ServiceName) -> &[IpAddr] {
        self.ledger
            .holding(service)
            .map_or(&[], |holding| &holding.leaving)
    }

    /// What the status of `service` shows and we never gave: no pool has it, or a node does. It may stay there as long as there
    /// is nothing of ours to show.
    pub fn foreign(&self, service: &ServiceName) -> &[IpAddr] {
        self.ledger
            .holding(service)
            .map_or(&[], |holding| &holding.foreign)
    }

    /// Those of [`Self::leaving`] that may stay in the status for a while beside what the Service has now, because no
    /// other Service has them.
    pub fn draining(&self, service: &ServiceName) -> Vec<IpAddr> {
        let Some(holding) = self.ledger.holding(service) else {
            return Vec::new();
        };
        let alone = |address: &IpAddr| self.rival(service, &holding.sharing, *address).is_none();
        holding.leaving.iter().copied().filter(alone).collect()
    }

    /// Addresses that `service` is to have and that another Service, which may share them with it no longer, is to lose:
    /// they are not to be shown before that one's status is known not to show them.
    pub fn contested<'a>(&'a self, service: &'a ServiceName) -> impl Iterator<Item = IpAddr> + 'a {
        let holding = self.ledger.holding(service);
        let loses = move |sharing: &Sharing, address: IpAddr| {
            let mut others = self.ledger.others(service, address);
            others.any(|(_, other)| other.leaving.contains(&address) && !sharing.allows(&other.sharing))
        };
        holding.into_iter().flat_map(move |holding| {
            let current = holding.current.iter().copied();
            current.filter(move |&address| loses(&holding.sharing, address))
        })
    }

    /// Whether `address` is not free because of `service`.
    pub fn has(&self, service: &ServiceName, address: IpAddr) -> bool {
        let holding = self.ledger.holding(service);
        holding.is_some_and(|holding| holding.addresses().any(|other| other == address))
    }

    /// Whether `address` is not free because of other Services than `service`.
    pub fn is_held_by_others(&self, service: &ServiceName, address: IpAddr) -> bool {
        self.ledger.others(service, address).next().is_some()
    }

    /// The other Services that are to lose `address`.
    pub fn losing<'a>(
        &'a self,
        service: &ServiceName,
        address: IpAddr,
    ) -> impl Iterator<Item = &'a ServiceName> + use<'a> {
        let others = self.ledger.others(service, address);
        let losing = others.filter(move |(_, other)| other.leaving.contains(&address));
        let names: Vec<&ServiceName> = losing.map(|(name, _)| name).collect();
        names.into_iter()
    }

    /// Gives `service` what it asks for. Where that is what it has already, nothing changes (P-ALLOC-56). What it gives
    /// up is [leaving](Self::leaving) until [`Self::settle`].
    ///
    /// An address moves only because the request asks for something else, because the Service may share it no longer,
    /// or because its pool has changed and says [`crate::Reclaim::Move`] (S2 of faults.md, DESIGN §7).
    ///
    /// # Errors
    /// Says why not. The Service then keeps what it has, as far as that is still its own.
    pub fn assign(&mut self, request: &Request) -> Result<Grant, Refusal> {
        let service = &request.service;
        match self.plan(request).outcome {
            Ok(addresses) => {
                let origins = self.new_origins(request, &addresses);
                self.hold(service, &request.sharing, addresses, origins);
                Ok(self.grant(request))
            }
            Err(refusal) => {
                let retained = self.retained(request);
                self.hold(service, &request.sharing, retained, Origins::default());
                Err(refusal)
            }
        }
    }

    /// Takes note of with whom a Service may share, when nothing else of what it asks can be read. It keeps what it may.
    pub fn retain(&mut self, service: &ServiceName, sharing: &Sharing) {
        let tenable = |address: &IpAddr| self.rival(service, sharing, *address).is_none();
        let current = self.held(service).iter().copied().filter(tenable).collect();
        self.hold(service, sharing, current, Origins::default());
    }

    /// Takes from `service` all that it has; it is leaving.
    pub fn forfeit(&mut self, service: &ServiceName) {
        self.hold(service, &Sharing::default(), Vec::new(), Origins::default());
    }

    /// The status of `service` shows exactly `shown`: of these, what it is not to have is leaving, and what was leaving
    /// and is not shown is free.
    pub fn settle(&mut self, service: &ServiceName, shown: &[IpAddr]) {
        let mut holding = self.ledger.holding(service).cloned().unwrap_or_default();
        let rest = shown.iter().filter(|address| !holding.current.contains(address));
        let rest: BTreeSet<IpAddr> = rest.copied().collect();
        let ours = |address: &IpAddr| holding.leaving.contains(address) || self.is_adopted(*address);
        (holding.leaving, holding.foreign) = rest.into_iter().partition(ours);
        holding.forget_origins();
        self.update(service, holding);
    }

    /// Frees everything that `service` holds. False when it held nothing.
    pub fn release(&mut self, service: &ServiceName) -> bool {
        let held = self.ledger.holding(service).is_some();
        self.update(service, Holding::default());
        held
    }

    /// The pools that the addresses of `service`, those that it is to lose among them, are from, as far as that is known. This
    /// is what [`Claim::origins`] should say after the next start.
    pub fn origins(&self, service: &ServiceName) -> Origins {
        let Some(holding) = self.ledger.holding(service) else {
            return Origins::default();
        };
        let from = |address| {
            let pool = holding.origins.get(address).or_else(|| self.declared_by(address));
            Some((address, pool?.clone()))
        };
        holding.addresses().filter_map(from).collect()
    }

    /// Every Service that has an address, with its addresses.
    pub fn holdings(&self) -> impl Iterator<Item = (&ServiceName, &[IpAddr])> {
        self.ledger
            .holdings()
            .filter(|(_, holding)| !holding.current.is_empty())
            .map(|(service, holding)| (service, holding.current.as_slice()))
    }
}

#[cfg(test)]
mod tests;
