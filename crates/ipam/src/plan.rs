//! Which addresses a Service is to have: looks into the books, and changes nothing.
//!
//! [`search`] goes through the pools, [`offer`] is what one of them has, [`availability`] who stands in the way of an address, and
//! [`allowance`] what a quota lets a namespace have.

pub(crate) mod allowance;
pub(crate) mod availability;
pub(crate) mod offer;
pub(crate) mod search;

use std::net::IpAddr;

use model::{Family, PoolName};

use crate::allocator::Ipam;
use crate::plan::search::Search;
use crate::pool::Reclaim;
use crate::refusal::Refusal;
use crate::request::Request;

impl Ipam {
    /// The addresses that satisfy the request, in the order of its families; those that the Service has already where
    /// they do.
    pub(crate) fn plan(&self, request: &Request) -> Result<Vec<IpAddr>, Refusal> {
        let own = self.own(request);
        if !request.addresses.is_empty() {
            return self.requested(request, &own);
        }
        let kept = self.reserved(request, &own)?;
        Search::new(self, request, own, kept).run()
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

    /// Whether an address that the Service has is to be given up because its pool has changed.
    fn displaced(&self, request: &Request, address: IpAddr) -> bool {
        let pool = self.record(&request.service, address);
        let list = pool.and_then(|name| self.list_of(name));
        let reclaim = list.map_or(Reclaim::Keep, |list| self.free_lists[list].pool.reclaim);
        (reclaim == Reclaim::Move || request.reallocate) && !self.would_give(request, address)
    }

    /// The pool that an address of the Service is one of: the one that the Service names, if it got the address there,
    /// for no edit of the pools makes another of it (DESIGN §7).
    pub(crate) fn own_pool(&self, request: &Request, address: IpAddr) -> Option<&PoolName> {
        let holding = self.ledger.holding(&request.service);
        let origin = holding.and_then(|holding| holding.origin.as_ref());
        match origin.is_some() && origin == request.pool.as_ref() {
            true => origin,
            false => self.record(&request.service, address),
        }
    }

    /// The pool to write down as the one that the addresses which the Service is to have are from; none: as before. While no
    /// pool has one of them any more, it is the one that had, since that one decides whether it may stay.
    pub(crate) fn origin_of(&self, request: &Request, addresses: &[IpAddr]) -> Option<&PoolName> {
        let declared = addresses.iter().all(|&address| self.declared(address).is_some());
        let first = addresses.first().filter(|_| declared)?;
        self.own_pool(request, *first)
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
        let unchanged = addresses.iter().all(|address| own.contains(address));
        let mut pool = None;
        for &address in addresses {
            let is_own = own.contains(&address);
            let of = match is_own {
                true => self.own_pool(request, address),
                false => Some(&self.free_lists[self.whereabouts(address)?].pool.name),
            };
            self.of_one_pool(request, address, of, pool.filter(|_| !unchanged))?;
            if !is_own {
                self.available(request, address)?;
            }
            pool = pool.or(of);
        }
        match unchanged {
            true => Ok(()),
            false => self.pair_stays_together(request, addresses),
        }
    }

    /// Whether an address of pool `of` is one of the pool that the Service names, and of the pool of its `other` address
    /// (P-ALLOC-40, P-ALLOC-41). An address that the Service has from a pool nobody knows passes as one of any.
    fn of_one_pool(
        &self,
        request: &Request,
        address: IpAddr,
        of: Option<&PoolName>,
        other: Option<&PoolName>,
    ) -> Result<(), Refusal> {
        let wanted = request.pool.as_ref().or(other);
        let Some(wanted) = wanted.filter(|wanted| of.is_some_and(|of| of != *wanted)) else {
            return Ok(());
        };
        self.list_named(wanted)?;
        Err(Refusal::OutsidePool {
            address,
            pool: wanted.clone(),
        })
    }

    pub(crate) fn list_named(&self, name: &PoolName) -> Result<usize, Refusal> {
        self.list_of(name)
            .ok_or_else(|| Refusal::UnknownPool(name.clone()))
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
