//! Whether a Service may have an address that it does not have yet.

use std::net::IpAddr;

use model::ServiceName;

use crate::allocator::Ipam;
use crate::refusal::{PoolRefusal, Refusal};
use crate::request::Request;
use crate::sharing::SharingRule;

impl Ipam {
    pub(crate) fn available(&self, request: &Request, address: IpAddr) -> Result<(), Refusal> {
        let pool = &self.shelves[self.whereabouts(address)?].pool;
        let refused = |refusal| Refusal::PoolRefuses {
            pool: pool.name.clone(),
            refusal,
        };
        if pool.closed {
            return Err(refused(PoolRefusal::Closed));
        }
        if !pool.serves(request) {
            return Err(refused(PoolRefusal::Reserved));
        }
        self.obstacle(request, address).map_or(Ok(()), Err)
    }

    /// What keeps the Service from an address that its pool would give it: another Service, or a reservation.
    pub(crate) fn obstacle(&self, request: &Request, address: IpAddr) -> Option<Refusal> {
        let keeper = self.reservations.keeper(address);
        if let Some(keeper) = keeper.filter(|keeper| Some(*keeper) != request.reservation.as_ref()) {
            return Some(Refusal::Kept {
                address,
                reservation: keeper.clone(),
            });
        }
        for (holder, holding) in self.ledger.others(&request.service, address) {
            if let Some(rule) = request.sharing.refused_by(&holding.sharing) {
                let holder = holder.clone();
                return Some(match request.sharing.key {
                    Some(_) => Refusal::SharingRefused {
                        address,
                        holder,
                        rule,
                    },
                    None => Refusal::Taken { address, holder },
                });
            }
        }
        None
    }

    /// The shelf that gives out `address`.
    pub(crate) fn whereabouts(&self, address: IpAddr) -> Result<usize, Refusal> {
        if let Some(spot) = self.spot(address) {
            return Ok(spot.shelf);
        }
        let shelf = self.declared(address).ok_or(Refusal::OutsidePools(address))?;
        let pool = &self.shelves[shelf].pool;
        let excluded = pool.excluded.iter().any(|range| range.contains(address));
        let pool = pool.name.clone();
        Err(match excluded {
            true => Refusal::Excluded { address, pool },
            false => Refusal::Buggy { address, pool },
        })
    }

    pub(crate) fn pair_stays_together(&self, request: &Request, addresses: &[IpAddr]) -> Result<(), Refusal> {
        let split = self.split(request, addresses);
        split.map_or(Ok(()), |(address, holder)| {
            Err(Refusal::SharingRefused {
                address,
                holder,
                rule: SharingRule::PairSplit,
            })
        })
    }

    /// Another dual-stack Service that has one of these two addresses and not the other (P-ALLOC-53).
    pub(crate) fn split(&self, request: &Request, addresses: &[IpAddr]) -> Option<(IpAddr, ServiceName)> {
        if addresses.len() < 2 {
            return None;
        }
        addresses.iter().find_map(|&address| {
            let mut others = self.ledger.others(&request.service, address);
            let apart = others.find(|(_, other)| {
                let has = |address: &IpAddr| other.current.contains(address);
                other.is_dual_stack() && has(&address) && !addresses.iter().all(has)
            });
            apart.map(|(holder, _)| (address, holder.clone()))
        })
    }
}
