//! What a Service is to get: of all sets of addresses that the rules permit, the one that the statements put first.

use std::collections::BTreeSet;
use std::net::IpAddr;

use model::{Family, PoolName};

use super::rules::{Tables, choices, first_of_each};
use crate::{Pool, Request};

/// P-ALLOC-33: whether the Service may have addresses of the pool, as far as it names pools.
fn is_named(request: &Request, pool: &PoolName) -> bool {
    request.pools.is_empty() || request.pools.contains(pool)
}

impl Tables {
    /// What the request is to get; none when it is to be refused.
    pub(super) fn expected(&self, request: &Request) -> Option<Vec<IpAddr>> {
        let best = &choices(request.families)[0];
        if request.addresses.is_empty() {
            return self.chosen(request);
        }
        let set = first_of_each(&request.addresses, best);
        let fits = set.len() == best.len() && request.addresses.len() == best.len();
        (fits && self.may_insist(request, &set) && !self.exceeds_quota(request, &set)).then_some(set)
    }

    /// What is left to a Service that is refused.
    pub(super) fn left(&self, request: &Request) -> Vec<IpAddr> {
        let own = self.own(request);
        let sets = choices(request.families);
        let mut sets = sets
            .iter()
            .map(|families| (families.len(), first_of_each(&own, families)));
        sets.find(|(count, set)| set.len() == *count)
            .map(|(_, set)| set)
            .unwrap_or_default()
    }

    /// The addresses of its reservation that the Service has to get.
    pub(super) fn insisted(&self, request: &Request) -> Vec<IpAddr> {
        let row = self.row(&request.service);
        let moves = |address: &IpAddr| match row.current.contains(address) {
            true => self.displaced(request, *address),
            false => row.leaving.contains(address) && !self.would_give(request, *address),
        };
        let reserved = request
            .reservation
            .as_ref()
            .and_then(|name| self.reservations.get(name));
        let reserved = reserved.map(Vec::as_slice).unwrap_or_default();
        let mut set = first_of_each(reserved, &choices(request.families)[0]);
        set.retain(|address| !moves(address));
        set
    }

    /// P-ALLOC-41, P-ALLOC-53: whether the Service may have these very addresses.
    fn may_insist(&self, request: &Request, set: &[IpAddr]) -> bool {
        let own = self.own(request);
        let unchanged = set.iter().all(|address| own.contains(address));
        let mut pools = set.iter().filter_map(|&address| self.pool_of(request, address));
        set.iter()
            .all(|address| own.contains(address) || self.may_get(request, *address))
            && pools.all(|pool| is_named(request, &pool))
            && (unchanged || !self.splits_a_pair(request, set))
    }

    fn chosen(&self, request: &Request) -> Option<Vec<IpAddr>> {
        let insisted = self.insisted(request);
        if !self.may_insist(request, &insisted) {
            return None;
        }
        let anchor = self.anchor(request, &insisted);
        let stays = insisted.is_empty() && !self.may_leave(request, &anchor);
        choices(request.families).into_iter().find_map(|families| {
            let anchor = first_of_each(&anchor, &families);
            let must = if stays { &anchor } else { &insisted };
            if stays && anchor.is_empty() || first_of_each(&insisted, &families).len() < insisted.len() {
                return None;
            }
            let sets = self.sets(request, &families, &anchor).into_iter();
            let sets = sets.filter(|set| must.iter().all(|address| set.contains(address)));
            let permitted = sets.filter(|set| self.permitted(request, set, &anchor, &insisted));
            permitted.min_by_key(|set| self.order(request, set, &anchor, &insisted))
        })
    }

    /// Every set of addresses of these families that the Service may each have.
    fn sets(&self, request: &Request, families: &[Family], anchor: &[IpAddr]) -> Vec<Vec<IpAddr>> {
        let own = self.own(request);
        let mut all = [anchor, &self.universe].concat();
        all.sort_unstable();
        all.dedup();
        all.retain(|address| {
            own.contains(address) && anchor.contains(address) || self.may_get(request, *address)
        });
        families.iter().fold(vec![vec![]], |sets, &family| {
            let of_family = all.iter().filter(|&&address| Family::of(address) == family);
            let longer = |&address: &IpAddr| {
                let with = move |set: &Vec<IpAddr>| set.iter().copied().chain([address]).collect();
                sets.iter().map(with).collect::<Vec<Vec<IpAddr>>>()
            };
            of_family.flat_map(longer).collect()
        })
    }

    /// What the Service had best keep: what it has to get, and what it has that goes with its request.
    fn anchor(&self, request: &Request, insisted: &[IpAddr]) -> Vec<IpAddr> {
        let mut rest = self.own(request);
        let of_named = |pool: Option<&PoolName>| match pool {
            Some(pool) => is_named(request, pool),
            None => request.pools.is_empty(),
        };
        rest.retain(|&address| of_named(self.pool_of(request, address).as_ref()));
        let declared = |address: &IpAddr| of_named(self.declared(*address));
        let (first, second): (Vec<_>, Vec<_>) = rest.into_iter().partition(declared);
        [insisted.to_vec(), first, second].concat()
    }

    /// P-ALLOC-76: whether the Service may leave what it has.
    fn may_leave(&self, request: &Request, anchor: &[IpAddr]) -> bool {
        let choices = choices(request.families);
        let own = self.own(request);
        let main = first_of_each(&self.row(&request.service).current, &choices[0]);
        let enough = choices
            .iter()
            .any(|families| first_of_each(anchor, families).len() == families.len());
        !enough || main.iter().any(|address| !own.contains(address))
    }

    /// Whether a set may be chosen for the Service.
    fn permitted(&self, request: &Request, set: &[IpAddr], anchor: &[IpAddr], insisted: &[IpAddr]) -> bool {
        let own = self.own(request);
        if set == anchor && set.iter().all(|address| own.contains(address)) {
            return true;
        }
        let (home, fresh) = self.beside(request, set, anchor, insisted);
        let open = |pool: &Pool| {
            let asked = !request.pools.is_empty() || home.as_ref() == Some(&pool.name);
            (pool.auto_assign || asked) && is_named(request, &pool.name)
        };
        fresh.iter().all(|&address| self.giver(address).is_some_and(open))
            && !self.splits_a_pair(request, set)
            && !self.exceeds_quota(request, set)
    }

    /// The pool of what the Service keeps or has to get, where the set has that, and what the set has besides.
    fn beside(
        &self,
        request: &Request,
        set: &[IpAddr],
        anchor: &[IpAddr],
        insisted: &[IpAddr],
    ) -> (Option<PoolName>, Vec<IpAddr>) {
        let has = |part: &[IpAddr]| part.iter().all(|address| set.contains(address));
        let fixed = if has(anchor) { anchor } else { insisted };
        let home = fixed.first().and_then(|&address| self.pool_of(request, address));
        let fresh = set.iter().copied().filter(|address| !fixed.contains(address));
        (home, fresh.collect())
    }

    /// Where a set stands: first what keeps most, then what is from the same pool as that; of pools of one priority one
    /// is better than two; then by pool (P-ALLOC-21 to -24) and by address (P-ALLOC-14).
    fn order(
        &self,
        request: &Request,
        set: &[IpAddr],
        anchor: &[IpAddr],
        insisted: &[IpAddr],
    ) -> impl Ord + use<> {
        let leaves = !anchor.iter().all(|address| set.contains(address));
        let (home, fresh) = self.beside(request, set, anchor, insisted);
        let pools: Vec<&Pool> = fresh.iter().filter_map(|&address| self.giver(address)).collect();
        let away = pools
            .iter()
            .filter(|pool| home.as_ref() != Some(&pool.name))
            .count();
        let rank = |pool: &Pool| {
            let named = request.pools.iter().position(|name| *name == pool.name);
            (named, named.is_none().then(|| self.rank(pool)))
        };
        let priority = pools
            .iter()
            .map(|pool| rank(pool).1.map(|(last, priority, _)| (last, priority)));
        let names: BTreeSet<&PoolName> = pools.iter().map(|pool| &pool.name).collect();
        let row = self.row(&request.service);
        let had = [row.current, row.leaving].concat();
        let place = |&address: &IpAddr| {
            let back = had.iter().position(|other| *other == address);
            let giver = self.giver(address);
            let entry = giver.and_then(|pool| pool.ranges.iter().position(|range| range.contains(address)));
            (giver.map(rank), back.is_none(), back, entry, address)
        };
        let places: Vec<_> = fresh.iter().map(place).collect();
        let beside = home.is_some();
        (leaves, beside && away > 0, priority.max(), names.len(), places)
    }

    /// P-ALLOC-21, P-ALLOC-22, P-ALLOC-24
    fn rank(&self, pool: &Pool) -> (bool, u32, PoolName) {
        let priority = pool.pinned.as_ref().map(|pinned| pinned.priority);
        let last_if_zero = |priority| if priority == 0 { u32::MAX } else { priority };
        (
            priority.is_none(),
            priority.map_or(0, last_if_zero),
            pool.name.clone(),
        )
    }
}
