use std::net::IpAddr;

use crate::allocator::Ipam;
use crate::books::ledger::Holding;
use crate::refusal::{PoolRefusal, Refusal};
use crate::request::Request;

/// What the quota of a pool lets a Service have.
pub(crate) struct Allowance<'a> {
    ipam: &'a Ipam,
    request: &'a Request,
    list: usize,
    limit: u32,
    /// How many addresses of the pool the namespace uses, but for those that only this Service has.
    used: u32,
}

impl<'a> Allowance<'a> {
    /// None where the pool has no quota.
    pub(crate) fn of(ipam: &'a Ipam, request: &'a Request, list: usize) -> Option<Self> {
        let namespace = &request.service.namespace;
        let mut allowance = Self {
            ipam,
            request,
            list,
            limit: ipam.free_lists[list].pool.quota.as_ref()?.of(namespace),
            used: ipam.namespace_usage.count(list, namespace),
        };
        let alone = allowance.added_by(ipam.held(&request.service));
        allowance.used = allowance.used.saturating_sub(alone);
        Some(allowance)
    }

    /// Whether the Service may have exactly `addresses`. One who asks for nothing more than the namespace uses already is
    /// never refused.
    pub(crate) fn lets(&self, addresses: &[IpAddr]) -> bool {
        let namespace = &self.request.service.namespace;
        let is_new = |address: &IpAddr| self.is_here(*address) && !self.ipam.uses(namespace, *address);
        let after = self.used.saturating_add(self.added_by(addresses));
        after <= self.limit || !addresses.iter().any(is_new)
    }

    pub(crate) fn refusal(&self) -> PoolRefusal {
        PoolRefusal::Quota {
            namespace: self.request.service.namespace.to_string(),
            limit: self.limit,
        }
    }

    /// How many of `addresses` the namespace would not use without the Service.
    fn added_by(&self, addresses: &[IpAddr]) -> u32 {
        let added = addresses
            .iter()
            .filter(|address| self.is_here(**address) && !self.is_used_by_others(**address));
        u32::try_from(added.count()).unwrap_or(u32::MAX)
    }

    fn is_here(&self, address: IpAddr) -> bool {
        self.ipam
            .position(address)
            .is_some_and(|position| position.list == self.list)
    }

    /// Whether the namespace uses `address` also without the Service.
    fn is_used_by_others(&self, address: IpAddr) -> bool {
        let namespace = &self.request.service.namespace;
        let mut others = self.ipam.ledger.others(&self.request.service, address);
        let has = |other: &Holding| other.current.contains(&address);
        self.ipam.keeps(namespace, address)
            || others.any(|(other, holding)| other.namespace == *namespace && has(holding))
    }
}

impl Ipam {
    /// Whether the quotas of the pools that have `addresses` let the Service have them.
    pub(crate) fn within_quota(&self, request: &Request, addresses: &[IpAddr]) -> Result<(), Refusal> {
        let lists = addresses
            .iter()
            .filter_map(|&address| Some(self.position(address)?.list));
        let mut allowances = lists.filter_map(|list| Allowance::of(self, request, list));
        match allowances.find(|allowance| !allowance.lets(addresses)) {
            None => Ok(()),
            Some(allowance) => Err(Refusal::PoolRefuses {
                pool: self.free_lists[allowance.list].pool.name.clone(),
                refusal: allowance.refusal(),
            }),
        }
    }
}
