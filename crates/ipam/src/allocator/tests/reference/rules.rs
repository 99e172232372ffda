//! The rules of allocation as they are written, over plain tables: each question is answered by looking at everything.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use model::{Family, Origins, PoolName, ReservationName, ServiceName};

use crate::{Families, Joiners, Occupant, Pool, Reclaim, Request, Sharing};

/// What a Service has.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Row {
    pub(super) current: Vec<IpAddr>,
    pub(super) leaving: Vec<IpAddr>,
    pub(super) foreign: Vec<IpAddr>,
    pub(super) sharing: Sharing,
    pub(super) origins: Origins,
}

/// Everything that an answer depends on.
#[derive(Clone, Debug, Default)]
pub(super) struct Tables {
    pub(super) universe: Vec<IpAddr>,
    pub(super) pools: Vec<Pool>,
    /// The pool that gives out each address.
    givers: BTreeMap<IpAddr, PoolName>,
    pub(super) reservations: BTreeMap<ReservationName, Vec<IpAddr>>,
    pub(super) occupied: BTreeMap<IpAddr, Occupant>,
    pub(super) rows: BTreeMap<ServiceName, Row>,
}

/// P-ALLOC-44, P-ALLOC-45
pub(super) fn compatible(a: &Sharing, b: &Sharing) -> bool {
    a.key.is_some() && a.key == b.key && a.backend == b.backend && a.ports.is_disjoint(&b.ports)
}

/// P-ALLOC-70 to P-ALLOC-73: what would do, best first.
pub(super) fn choices(families: Families) -> Vec<Vec<Family>> {
    match families {
        Families::One(family) => vec![vec![family]],
        Families::Both => vec![vec![Family::V4, Family::V6]],
        Families::Prefer(first) => {
            let second = if first == Family::V4 {
                Family::V6
            } else {
                Family::V4
            };
            vec![vec![first, second], vec![first], vec![second]]
        }
    }
}

/// The first address of each family.
pub(super) fn first_of_each(addresses: &[IpAddr], families: &[Family]) -> Vec<IpAddr> {
    let of = |family: &Family| {
        addresses
            .iter()
            .copied()
            .find(|&address| Family::of(address) == *family)
    };
    families.iter().filter_map(of).collect()
}

/// P-ALLOC-15, and what is excluded.
fn may_ever_give(pool: &Pool, address: IpAddr) -> bool {
    let within = |ranges: &[model::AddressRange]| ranges.iter().any(|range| range.contains(address));
    let buggy = match address {
        IpAddr::V4(address) => matches!(address.octets()[3], 0 | 255),
        IpAddr::V6(_) => false,
    };
    within(&pool.ranges) && !within(&pool.excluded) && !(pool.avoid_buggy_ips && buggy)
}

impl Tables {
    pub(super) fn of(universe: Vec<IpAddr>) -> Self {
        Self {
            universe,
            ..Self::default()
        }
    }

    pub(super) fn row(&self, service: &ServiceName) -> Row {
        self.rows.get(service).cloned().unwrap_or_default()
    }

    pub(super) fn pool(&self, name: &PoolName) -> Option<&Pool> {
        self.pools.iter().find(|pool| pool.name == *name)
    }

    pub(super) fn set_pools(&mut self, pools: Vec<Pool>) {
        self.givers.clear();
        for pool in &pools {
            let given = self
                .universe
                .iter()
                .filter(|address| may_ever_give(pool, **address));
            self.givers
                .extend(given.map(|&address| (address, pool.name.clone())));
        }
        self.pools = pools;
    }

    pub(super) fn gives(&self, pool: &Pool, address: IpAddr) -> bool {
        self.givers.get(&address) == Some(&pool.name)
    }

    pub(super) fn giver(&self, address: IpAddr) -> Option<&Pool> {
        self.pool(self.givers.get(&address)?)
    }

    /// The pool with the address among its ranges.
    pub(super) fn declared(&self, address: IpAddr) -> Option<&PoolName> {
        let mut pools = self.pools.iter();
        let pool = pools.find(|pool| pool.ranges.iter().any(|range| range.contains(address)));
        pool.map(|pool| &pool.name)
    }

    /// P-ALLOC-25 to P-ALLOC-30
    pub(super) fn serves(&self, pool: &Pool, request: &Request) -> bool {
        let Some(pinned) = &pool.pinned else { return true };
        let by_name = pinned.namespaces.contains(&*request.service.namespace);
        let selectors = &pinned.namespace_selectors.0;
        let by_label = selectors
            .iter()
            .any(|selector| selector.matches(&request.namespace_labels));
        let everywhere = pinned.namespaces.is_empty() && selectors.is_empty();
        let services = &pinned.service_selectors.0;
        let service = services.iter().any(|selector| selector.matches(&request.labels));
        (by_name || by_label || everywhere) && (services.is_empty() || service)
    }

    pub(super) fn keeper(&self, address: IpAddr) -> Option<&ReservationName> {
        let mut reservations = self.reservations.iter();
        reservations
            .find(|(_, addresses)| addresses.contains(&address))
            .map(|(name, _)| name)
    }

    /// Everybody else who has the address or may still show it.
    pub(super) fn others(&self, service: &ServiceName, address: IpAddr) -> Vec<(&ServiceName, &Row)> {
        let has = |row: &Row| row.current.contains(&address) || row.leaving.contains(&address);
        self.rows
            .iter()
            .filter(|(name, row)| *name != service && has(row))
            .collect()
    }

    fn rivals(&self, service: &ServiceName, sharing: &Sharing, address: IpAddr) -> bool {
        let others = self.others(service, address);
        let mut having = others.iter().filter(|(_, row)| row.current.contains(&address));
        having.any(|(_, row)| !compatible(sharing, &row.sharing))
    }

    /// What is left of `current` when only sharing decides.
    pub(super) fn shareable(&self, service: &ServiceName, sharing: &Sharing) -> Vec<IpAddr> {
        let mut current = self.row(service).current;
        current.retain(|&address| !self.rivals(service, sharing, address));
        current
    }

    pub(super) fn would_give(&self, request: &Request, address: IpAddr) -> bool {
        self.giver(address)
            .is_some_and(|pool| !pool.closed && self.serves(pool, request))
    }

    /// Whether an address in a status is its Service's though no record says so.
    pub(super) fn is_adopted(&self, address: IpAddr) -> bool {
        self.declared(address).is_some() && !self.occupied.contains_key(&address)
    }

    /// DESIGN §7: whether the Service has to give up the address because its pool changed.
    pub(super) fn displaced(&self, request: &Request, address: IpAddr) -> bool {
        let origins = self.row(&request.service).origins;
        let pool = self
            .declared(address)
            .or_else(|| origins.get(address))
            .and_then(|name| self.pool(name));
        let moves = pool.is_some_and(|pool| pool.reclaim == Reclaim::Move);
        let given = self.would_give(request, address);
        match request.reallocate {
            true => !given || self.occupied.contains_key(&address),
            false => moves && !given,
        }
    }

    /// What the Service has and may keep, whatever it asks for.
    pub(super) fn own(&self, request: &Request) -> Vec<IpAddr> {
        let mut own = self.shareable(&request.service, &request.sharing);
        own.retain(|&address| !self.displaced(request, address));
        own
    }

    /// Whether the Service may get an address that it does not have.
    pub(super) fn may_get(&self, request: &Request, address: IpAddr) -> bool {
        let keeper = self.keeper(address);
        let others = self.others(&request.service, address);
        self.would_give(request, address)
            && !self.occupied.contains_key(&address)
            && (keeper.is_none() || keeper == request.reservation.as_ref())
            && others
                .iter()
                .all(|(_, row)| compatible(&request.sharing, &row.sharing))
            && self.is_invited(request, address)
    }

    /// Whether of each other namespace that has the address one Service lets this one join.
    pub(super) fn is_invited(&self, request: &Request, address: IpAddr) -> bool {
        let ours = &request.service.namespace;
        let others = self.others(&request.service, address);
        others.iter().all(|(name, _)| {
            let mut of_it = others
                .iter()
                .filter(|(other, _)| other.namespace == name.namespace);
            name.namespace == *ours
                || of_it.any(|(_, row)| match &row.sharing.joiners {
                    Joiners::Any => true,
                    Joiners::Namespaces(names) => names.contains(&**ours),
                })
        })
    }

    /// The pool that an address is of which the Service may keep, or which it is to get.
    pub(super) fn pool_of(&self, request: &Request, address: IpAddr) -> Option<PoolName> {
        let row = self.row(&request.service);
        let origin = row.origins.get(address);
        let from_named = origin.filter(|origin| request.pools.contains(origin));
        from_named
            .filter(|_| self.own(request).contains(&address))
            .or_else(|| self.declared(address))
            .or(origin)
            .cloned()
    }

    /// P-ALLOC-53
    pub(super) fn splits_a_pair(&self, request: &Request, set: &[IpAddr]) -> bool {
        let both = |set: &[IpAddr]| first_of_each(set, &[Family::V4, Family::V6]).len() == 2;
        let parted = |row: &Row| {
            let common = set.iter().filter(|address| row.current.contains(address)).count();
            both(&row.current) && common == 1
        };
        let others = self.rows.iter().filter(|(name, _)| **name != request.service);
        both(set) && others.into_iter().any(|(_, row)| parted(row))
    }

    /// The addresses of the pool that the namespace is to have, but for what `except` has.
    pub(super) fn used(
        &self,
        pool: &Pool,
        namespace: &str,
        except: Option<&ServiceName>,
    ) -> BTreeSet<IpAddr> {
        let rows = self
            .rows
            .iter()
            .filter(|(name, _)| *name.namespace == *namespace && Some(*name) != except);
        let held = rows.flat_map(|(_, row)| row.current.iter().copied());
        let kept = self.universe.iter().copied();
        let kept = kept.filter(|&address| {
            self.keeper(address)
                .is_some_and(|name| *name.namespace == *namespace)
        });
        held.chain(kept)
            .filter(|&address| self.gives(pool, address))
            .collect()
    }

    /// Whether the namespace would have more of a pool than it may, because of what the Service gets.
    pub(super) fn exceeds_quota(&self, request: &Request, set: &[IpAddr]) -> bool {
        let namespace = &*request.service.namespace;
        self.pools.iter().any(|pool| {
            let Some(quota) = &pool.quota else { return false };
            let limit = quota.overrides.get(namespace).copied().unwrap_or(quota.limit);
            let before = self.used(pool, namespace, None);
            let mut after = self.used(pool, namespace, Some(&request.service));
            after.extend(set.iter().filter(|address| self.gives(pool, **address)));
            !after.is_subset(&before) && after.len() > limit as usize
        })
    }
}
