//! What would have to change for a Service that has less than it asks for to have more.

use std::collections::BTreeSet;
use std::net::IpAddr;

use model::{Family, PoolName};

use crate::allocator::Ipam;
use crate::plan::Plan;
use crate::refusal::{PoolRefusal, Refusal};
use crate::request::Request;

/// What a Service waits for, and what has happened for those that wait for it: one word for both.
///
/// A change of the pools is none of these: it calls for another look at every Service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// A free address of a family in a pool.
    Free(PoolName, Family),
    /// One address: that others give it up, or keep it no longer.
    Address(IpAddr),
    /// What Services under a sharing key have, and with whom they share it.
    Sharing(String),
    /// Room for a first address in what a pool gives to a namespace.
    Quota(PoolName, String),
    /// Any change of what a namespace has of a pool with a quota, for a Service that has a part of it.
    Share(PoolName, String),
}

impl Wait {
    /// That a pool says no.
    pub(crate) fn of_pool(
        ipam: &Ipam,
        request: &Request,
        list: usize,
        refusal: &PoolRefusal,
    ) -> Option<Self> {
        let pool = &ipam.free_lists[list].pool.name;
        match refusal {
            PoolRefusal::Full { family, .. } => Some(Self::Free(pool.clone(), *family)),
            PoolRefusal::Quota { namespace, .. } => Some(Self::of_quota(ipam, request, pool, namespace)),
            // Who has an address together with another shares it: that is waited for anyway.
            PoolRefusal::PairSplit { .. }
            | PoolRefusal::NotAutomatic
            | PoolRefusal::Reserved
            | PoolRefusal::Closed
            | PoolRefusal::WithoutFamily(_) => None,
        }
    }

    fn of_quota(ipam: &Ipam, request: &Request, pool: &PoolName, namespace: &str) -> Self {
        match ipam.held(&request.service).is_empty() {
            true => Self::Quota(pool.clone(), namespace.to_owned()),
            false => Self::Share(pool.clone(), namespace.to_owned()),
        }
    }

    /// That addresses which are asked for by number cannot be had.
    pub(crate) fn of_refusal(ipam: &Ipam, request: &Request, refusal: &Refusal) -> Option<Self> {
        match refusal {
            Refusal::Occupied { address, .. }
            | Refusal::Taken { address, .. }
            | Refusal::SharingRefused { address, .. }
            | Refusal::Kept { address, .. } => Some(Self::Address(*address)),
            Refusal::PoolRefuses { pool, refusal } => {
                Self::of_pool(ipam, request, ipam.list_of(pool)?, refusal)
            }
            // What the pools that were searched said is noted as they say it; the rest is the Service's own or the pools' affair.
            Refusal::NoPoolFits { .. }
            | Refusal::NoNamedPoolFits { .. }
            | Refusal::NoPools
            | Refusal::UnknownPool(_)
            | Refusal::OutsidePools(_)
            | Refusal::OutsidePool { .. }
            | Refusal::Buggy { .. }
            | Refusal::Excluded { .. }
            | Refusal::WrongFamilies { .. } => None,
        }
    }
}

impl Ipam {
    /// What would have to change for the Service to have more than [`Self::assign`] has just given it; nothing if it has all that it
    /// would take, or if only another request or other pools would help.
    pub fn waits(&self, request: &Request) -> BTreeSet<Wait> {
        let Plan { outcome, mut waits } = self.plan(request);
        let wanted = request.families.best().len();
        if outcome.is_ok_and(|addresses| addresses.len() >= wanted) {
            return BTreeSet::new();
        }
        waits.extend(request.sharing.key.clone().map(Wait::Sharing));
        // What it is to lose it may have back, when nobody else has it any more.
        waits.extend(self.leaving(&request.service).iter().copied().map(Wait::Address));
        waits
    }

    /// What has happened that somebody may wait for. A change of the pools is not told.
    pub fn poll_news(&mut self) -> Option<Wait> {
        self.news.pop_first()
    }

    /// Whether there is something left of it for whoever waits for it: where there is not, nobody else has to ask.
    pub fn is_left(&self, wait: &Wait) -> bool {
        match wait {
            Wait::Free(pool, family) => self
                .list_of(pool)
                .is_some_and(|list| self.free_lists[list].lowest_free(*family).is_some()),
            Wait::Quota(pool, namespace) => self.list_of(pool).is_some_and(|list| {
                let quota = self.free_lists[list].pool.quota.as_ref();
                quota.is_none_or(|quota| self.namespace_usage.count(list, namespace) < quota.of(namespace))
            }),
            Wait::Address(_) | Wait::Sharing(_) | Wait::Share(..) => true,
        }
    }
}
