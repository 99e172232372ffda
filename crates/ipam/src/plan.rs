//! Which addresses a Service is to have: looks into the books, and changes nothing.
//!
//! [`search`] goes through the pools, [`offer`] is what one of them has, [`pair`] what two have, [`availability`] who stands in the way of an address, and
//! [`allowance`] what a quota lets a namespace have.

pub(crate) mod allowance;
pub(crate) mod availability;
pub(crate) mod offer;
pub(crate) mod pair;
pub(crate) mod search;

use std::collections::BTreeSet;
use std::net::IpAddr;

use model::{Family, Origins, PoolName};

use crate::allocator::Ipam;
use crate::plan::search::Search;
use crate::pool::Reclaim;
use crate::refusal::Refusal;
use crate::request::Request;
use crate::wait::Wait;

/// Which addresses a Service is to have.
pub(crate) struct Plan {
    /// In the order of its families; those that it has already where they do.
    pub(crate) outcome: Result<Vec<IpAddr>, Refusal>,
    /// What stood in the way of what was not found: were there something else in its place, there might be more.
    pub(crate) waits: BTreeSet<Wait>,
}

impl Ipam {
    /// The addresses that satisfy the request.
    pub(crate) fn plan(&self, request: &Request) -> Plan {
        let own = self.own(request);
        if !request.addresses.is_empty() {
            return self.of_fixed(request, self.requested(request, &own));
        }
        match self.reserved(request, &own) {
            Ok(kept) => Search::new(self, request, own, kept).run(),
            Err(refusal) => self.of_fixed(request, Err(refusal)),
        }
    }

    /// A plan of which one address alone may stand in the way.
    fn of_fixed(&self, request: &Request, outcome: Result<Vec<IpAddr>, Refusal>) -> Plan {
        let refusal = outcome.as_ref().err();
        let wait = refusal.and_then(|refusal| Wait::of_refusal(self, request, refusal));
        Plan {
            outcome,
            waits: wait.into_iter().collect(),
        }
    }

    /// What a Service keeps whose request is refused: what is its own and fits its families.
    pub(crate) fn retained(&self, request: &Request) -> Vec<IpAddr> {
        let own = self.own(request);
        let mut choices = request.families.choices().iter();
        choices
            .find_map(|families| {
                Some(one_of_each(&own, families)).filter(|kept| kept.len() == families.len())
            })
            .unwrap_or_default()
    }

    /// What the Service has and may keep, whatever it asks for.
    fn own(&self, request: &Request) -> Vec<IpAddr> {
        let service = &request.service;
        let tenable = |address: &IpAddr| {
            self.rival(service, &request.sharing, *address).is_none() && !self.displaced(request, *address)
        };
        self.held(service).iter().copied().filter(tenable).collect()
    }

    /// Whether an address that the Service has is to be given up because its pool has changed, or, where the Service wants that,
    /// because a node has it.
    fn displaced(&self, request: &Request, address: IpAddr) -> bool {
        let pool = self.record(&request.service, address);
        let list = pool.and_then(|name| self.list_of(name));
        let reclaim = list.map_or(Reclaim::Keep, |list| self.free_lists[list].pool.reclaim);
        let given = self.would_give(request, address);
        // Nodes come and go, and their addresses with them: what a pool moves by itself it moves for its own edits only.
        let occupied = self.occupied.contains_key(&address);
        reclaim == Reclaim::Move && !given || request.reallocate && (!given || occupied)
    }

    /// The pool that an address of the Service is one of: one that the Service names, if it got the address there, for no
    /// edit of the pools makes another of it (DESIGN §7).
    pub(crate) fn own_pool(&self, request: &Request, address: IpAddr) -> Option<&PoolName> {
        let holding = self.ledger.holding(&request.service);
        let holding = holding.filter(|holding| holding.current.contains(&address));
        let origin = holding.and_then(|holding| holding.origins.get(address));
        origin
            .filter(|origin| request.pools.contains(origin))
            .or_else(|| self.record(&request.service, address))
    }

    /// The pools to write down as those that these addresses are from. While no pool has an address any more, it is the one
    /// that had, since that one decides whether it may stay.
    pub(crate) fn new_origins(&self, request: &Request, addresses: &[IpAddr]) -> Origins {
        let declared = addresses
            .iter()
            .filter(|address| self.declared(**address).is_some());
        let from = |&address: &IpAddr| Some((address, self.own_pool(request, address)?.clone()));
        declared.filter_map(from).collect()
    }

    /// The addresses that the Service asks for by number, when it may have them.
    fn requested(&self, request: &Request, own: &[IpAddr]) -> Result<Vec<IpAddr>, Refusal> {
        let families = request.families.best();
        let addresses = one_of_each(&request.addresses, families);
        if addresses.len() != families.len() || request.addresses.len() != families.len() {
            return Err(Refusal::WrongFamilies {
                addresses: request.addresses.clone(),
                families: request.families,
            });
        }
        self.insist(request, own, &addresses)?;
        self.within_quota(request, &addresses)?;
        Ok(addresses)
    }

    /// The addresses that the Service's reservation keeps for it, as far as its families go. One that its pool takes, or
    /// has taken, from the Service is not insisted on: the Service moves, and the reservation can follow.
    fn reserved(&self, request: &Request, own: &[IpAddr]) -> Result<Vec<IpAddr>, Refusal> {
        let Some(name) = &request.reservation else {
            return Ok(Vec::new());
        };
        let holding = self.ledger.holding(&request.service);
        let moves = |address: IpAddr| {
            holding.is_some_and(|holding| {
                holding.current.contains(&address) && self.displaced(request, address)
                    || holding.leaving.contains(&address) && !self.would_give(request, address)
            })
        };
        let mut kept = one_of_each(self.reservations.of(name), request.families.best());
        kept.retain(|&address| !moves(address));
        self.insist(request, own, &kept)?;
        Ok(kept)
    }

    /// Whether the Service may have these very addresses.
    fn insist(&self, request: &Request, own: &[IpAddr], addresses: &[IpAddr]) -> Result<(), Refusal> {
        for &address in addresses {
            let is_own = own.contains(&address);
            let of = match is_own {
                true => self.own_pool(request, address),
                false => Some(&self.free_lists[self.giving(address)?].pool.name),
            };
            self.of_named_pool(request, address, of)?;
            if !is_own {
                self.available(request, address)?;
            }
        }
        let unchanged = addresses.iter().all(|address| own.contains(address));
        match unchanged {
            true => Ok(()),
            false => self.pair_stays_together(request, addresses),
        }
    }

    /// Whether an address of pool `of` is one of a pool that the Service names (P-ALLOC-41). An address that the Service has
    /// from a pool nobody knows passes as one of any.
    fn of_named_pool(
        &self,
        request: &Request,
        address: IpAddr,
        of: Option<&PoolName>,
    ) -> Result<(), Refusal> {
        if request.pools.is_empty() || of.is_none_or(|of| request.pools.contains(of)) {
            return Ok(());
        }
        let unknown = self.unknown_pool(request);
        Err(unknown.unwrap_or_else(|| Refusal::OutsidePool {
            address,
            pools: request.pools.clone(),
        }))
    }

    /// That a pool which the Service names is not there.
    pub(crate) fn unknown_pool(&self, request: &Request) -> Option<Refusal> {
        let mut named = request.pools.iter();
        let unknown = named.find(|name| self.list_of(name).is_none());
        unknown.map(|name| Refusal::UnknownPool(name.clone()))
    }

    pub(crate) fn list_of(&self, name: &PoolName) -> Option<usize> {
        self.free_lists.iter().position(|list| list.pool.name == *name)
    }
}

/// Of each family, in this order, the first of `addresses`. A status that was read while a Service moved from one address
/// to another has two of a family.
pub(crate) fn one_of_each(addresses: &[IpAddr], families: &[Family]) -> Vec<IpAddr> {
    let first = |family: &Family| {
        addresses
            .iter()
            .copied()
            .find(|&address| Family::of(address) == *family)
    };
    families.iter().filter_map(first).collect()
}
