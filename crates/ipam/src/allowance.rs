//! How much of a pool a namespace may have.

use std::net::IpAddr;

use crate::allocator::Ipam;
use crate::refusal::{PoolRefusal, Refusal};
use crate::request::Request;

impl Ipam {
    /// Whether the quota of the pool that has `addresses` lets the Service have them.
    pub(crate) fn within_quota(&self, request: &Request, addresses: &[IpAddr]) -> Result<(), Refusal> {
        let Some(spot) = addresses.iter().find_map(|&address| self.spot(address)) else {
            return Ok(());
        };
        let refused = self.quota(request, spot.shelf, addresses);
        refused.map_or(Ok(()), |refusal| {
            Err(Refusal::PoolRefuses {
                pool: self.shelves[spot.shelf].pool.name.clone(),
                refusal,
            })
        })
    }

    /// The quota that keeps the Service from having exactly `addresses`. One who asks for nothing more than the
    /// namespace uses already is never refused.
    pub(crate) fn quota(&self, request: &Request, shelf: usize, addresses: &[IpAddr]) -> Option<PoolRefusal> {
        let pool = &self.shelves[shelf].pool;
        let namespace = &request.service.namespace;
        let limit = pool.quota.as_ref()?.of(namespace);
        let here = |address: &&IpAddr| self.spot(**address).is_some_and(|spot| spot.shelf == shelf);
        let count = |more: usize| u32::try_from(more).unwrap_or(u32::MAX);
        let new = addresses.iter().filter(here);
        let taken = count(new.filter(|address| !self.uses(namespace, **address)).count());
        let given_up = self.held(&request.service).iter().filter(here);
        let given_up = given_up.filter(|address| !addresses.contains(address));
        let given_up = count(given_up.filter(|address| !self.used_without(request, **address)).count());
        let used = self.tally.count(shelf, namespace);
        let after = used.saturating_sub(given_up).saturating_add(taken);
        (taken > 0 && after > limit).then(|| PoolRefusal::Quota {
            namespace: namespace.clone(),
            limit,
        })
    }

    /// Whether the namespace uses `address` also without the Service.
    fn used_without(&self, request: &Request, address: IpAddr) -> bool {
        let namespace = &request.service.namespace;
        let mut others = self.ledger.others(&request.service, address);
        let used =
            others.any(|(other, holding)| other.namespace == *namespace && holding.current.contains(&address));
        used || self.keeps(namespace, address)
    }
}
