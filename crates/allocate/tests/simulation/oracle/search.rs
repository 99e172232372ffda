//! What a Service could have, by a search that is as plain as it is slow.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipam::{Families, Request};
use k8s_openapi::api::core::v1::Service;
use model::{Family, ReservationName};

use super::facts::{self, Pool};
use crate::object::Kind;
use crate::store::Store;

/// A store at rest.
pub(super) struct Settled<'a> {
    pub(super) store: &'a Store,
    pub(super) pools: Vec<Pool<'a>>,
    pub(super) services: Vec<&'a Service>,
    reservations: Vec<(ReservationName, Vec<IpAddr>)>,
}

impl<'a> Settled<'a> {
    pub(super) fn new(store: &'a Store) -> Self {
        Self {
            store,
            pools: Pool::all(store),
            services: store
                .of_kind(Kind::Services)
                .filter_map(|(_, object)| object.service())
                .collect(),
            reservations: facts::reservations(store),
        }
    }

    /// Another Service that has one of these addresses and may not share it.
    pub(super) fn rival(&self, service: &Service, addresses: &[IpAddr]) -> Option<(String, IpAddr)> {
        self.others(service)
            .filter(|other| !facts::may_share(service, other))
            .find_map(|other| {
                let theirs = config::service::assigned(other);
                let common = addresses.iter().find(|address| theirs.contains(address))?;
                Some((config::service::name(other).to_string(), *common))
            })
    }

    /// The reservations that keep an address.
    pub(super) fn keepers(&self, address: IpAddr) -> impl Iterator<Item = &ReservationName> {
        let keeps = move |(_, kept): &&(ReservationName, Vec<IpAddr>)| kept.contains(&address);
        self.reservations.iter().filter(keeps).map(|(name, _)| name)
    }

    pub(super) fn is_held(&self, address: IpAddr) -> bool {
        self.services
            .iter()
            .any(|service| config::service::assigned(service).contains(&address))
    }

    /// What Services have from a pool, and no pool gives out any more.
    pub(super) fn outside(&self, pool: Pool<'_>) -> Vec<IpAddr> {
        let held = self.services.iter().flat_map(|service| {
            let addresses = config::service::assigned(service);
            addresses
                .into_iter()
                .filter(|address| self.is_of(service, pool, *address))
        });
        let given = |address: &IpAddr| self.pools.iter().any(|pool| pool.gives(*address));
        held.filter(|address| !given(address))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    }

    /// Whether what is held is what is asked for.
    pub(super) fn is_served(&self, request: &Request, service: &Service, held: &[IpAddr]) -> bool {
        let exact = request.addresses.is_empty() || same(&request.addresses, held);
        let recorded = config::service::recorded_pools(service);
        let is_named = |address: &IpAddr| {
            let came = recorded.get(*address);
            let covers = |pool: &Pool<'_>| is_named(request, pool) && pool.covers(*address);
            came.is_some_and(|came| request.pools.contains(came)) || self.pools.iter().any(covers)
        };
        let named = request.pools.is_empty() || held.iter().all(is_named);
        let kept = request.reservation.as_ref().is_none_or(|name| {
            let keeps = |address: &IpAddr| self.keepers(*address).any(|keeper| keeper == name);
            held.iter().all(keeps)
        });
        facts::fits(request.families, held) && exact && named && kept
    }

    /// Addresses that would serve a Service that waits.
    pub(super) fn could_have(
        &self,
        service: &Service,
        request: &Request,
        held: &[IpAddr],
    ) -> Option<Vec<IpAddr>> {
        self.offers(service, request, held, &[])
    }

    /// A second address for a Service that would like two (P-ALLOC-74).
    pub(super) fn second(
        &self,
        service: &Service,
        request: &Request,
        held: &[IpAddr],
    ) -> Option<Vec<IpAddr>> {
        let lacks = matches!(request.families, Families::Prefer(_)) && held.len() == 1;
        let wants = request.addresses.is_empty() && request.reservation.is_none();
        let inside = held
            .iter()
            .all(|address| self.pools.iter().any(|pool| pool.gives(*address)));
        let both = Request {
            families: Families::Both,
            ..request.clone()
        };
        (lacks && wants && inside).then(|| self.offers(service, &both, held, held))?
    }

    /// Addresses that would serve the request, with `base` among them.
    fn offers(
        &self,
        service: &Service,
        request: &Request,
        held: &[IpAddr],
        base: &[IpAddr],
    ) -> Option<Vec<IpAddr>> {
        let kept = self
            .reservations
            .iter()
            .find(|(name, _)| Some(name) == request.reservation.as_ref());
        let kept: Vec<IpAddr> = kept.into_iter().flat_map(|(_, kept)| kept.clone()).collect();
        if kept.iter().any(|address| self.keepers(*address).count() > 1) {
            return None;
        }
        // Who asks for addresses asks for one of each family of the Service (P-ALLOC-39).
        let families = match request.families {
            Families::Prefer(_) if !request.addresses.is_empty() => Families::Both,
            Families::One(_) | Families::Both | Families::Prefer(_) => request.families,
        };
        let wanted: &[IpAddr] = if request.addresses.is_empty() {
            &kept
        } else {
            &request.addresses
        };
        let named: Vec<&Pool<'_>> = self.pools.iter().filter(|pool| is_named(request, pool)).collect();
        let own = held.iter().copied().filter(|address| {
            let of_named =
                request.pools.is_empty() || named.iter().any(|pool| self.is_of(service, **pool, *address));
            of_named && self.rival(service, &[*address]).is_none()
        });
        let given = named.iter().flat_map(|pool| pool.addresses());
        let all: BTreeSet<IpAddr> = given.chain(own).collect();
        let pairs = all.iter().flat_map(|a| all.iter().map(move |b| vec![*a, *b]));
        let singles = all.iter().map(|a| vec![*a]);
        pairs.chain(singles).find(|offer| {
            let complete = wanted.iter().filter(|address| is_wanted(families, **address));
            facts::fits(families, offer)
                && complete.into_iter().all(|address| offer.contains(address))
                && (request.addresses.is_empty() || same(&request.addresses, offer))
                && base.iter().all(|address| offer.contains(address))
                && self.may_have(service, request, held, offer)
        })
    }

    /// Whether the pools may give exactly these addresses to a Service.
    fn may_have(&self, service: &Service, request: &Request, held: &[IpAddr], offer: &[IpAddr]) -> bool {
        let new: Vec<IpAddr> = offer
            .iter()
            .copied()
            .filter(|address| !held.contains(address))
            .collect();
        let kept = |address: &IpAddr| {
            self.keepers(*address)
                .any(|keeper| Some(keeper) == request.reservation.as_ref())
        };
        let asked = !request.pools.is_empty() || !request.addresses.is_empty();
        let at_home = |pool: Pool<'_>| {
            let mut own = offer
                .iter()
                .filter(|address| held.contains(address) || kept(address));
            own.any(|address| self.is_of(service, pool, *address))
        };
        let given = |address: &IpAddr| {
            let mut keepers = self.keepers(*address);
            let Some(&pool) = self.pools.iter().find(|pool| pool.gives(*address)) else {
                return false;
            };
            (pool.0.spec.auto_assign || asked || at_home(pool))
                && !pool.is_closed()
                && pool.serves(request)
                && self.is_within_quota(service, pool, held, offer)
                && self.rival(service, &[*address]).is_none()
                && self.is_invited(service, *address)
                && keepers.all(|keeper| Some(keeper) == request.reservation.as_ref())
        };
        new.iter().all(given) && !self.splits_a_pair(service, offer)
    }

    /// Whether nobody of another namespace has the address: users of this world invite nobody.
    fn is_invited(&self, service: &Service, address: IpAddr) -> bool {
        let mut others = self
            .others(service)
            .filter(|other| config::service::assigned(other).contains(&address));
        others.all(|other| other.metadata.namespace == service.metadata.namespace)
    }

    fn is_within_quota(&self, service: &Service, pool: Pool<'_>, held: &[IpAddr], offer: &[IpAddr]) -> bool {
        let namespace = service.metadata.namespace.as_deref().unwrap_or_default();
        let Some(limit) = pool.limit(namespace) else {
            return true;
        };
        let others = self
            .others(service)
            .filter(|other| other.metadata.namespace == service.metadata.namespace);
        let mut used: BTreeSet<IpAddr> = others.flat_map(config::service::assigned).collect();
        let kept = self
            .reservations
            .iter()
            .filter(|(name, _)| *name.namespace == *namespace);
        used.extend(kept.flat_map(|(_, kept)| kept));
        let more = offer
            .iter()
            .any(|address| !held.contains(address) && !used.contains(address));
        used.extend(offer);
        !more || used.iter().filter(|address| pool.gives(**address)).count() <= limit
    }

    /// P-ALLOC-53: two dual-stack Services share both addresses or none.
    fn splits_a_pair(&self, service: &Service, offer: &[IpAddr]) -> bool {
        offer.len() == 2
            && self.others(service).map(config::service::assigned).any(|theirs| {
                let common = theirs.iter().filter(|address| offer.contains(address)).count();
                theirs.len() == 2 && common == 1
            })
    }

    /// Whether an address of a Service is one of a pool: of the one that has it, else of the one that it came from.
    fn is_of(&self, service: &Service, pool: Pool<'_>, address: IpAddr) -> bool {
        match self.pools.iter().find(|pool| pool.covers(address)) {
            Some(owner) => owner.name() == pool.name(),
            None => {
                let recorded = config::service::recorded_pools(service);
                recorded.get(address).is_some_and(|name| name.0 == pool.name())
            }
        }
    }

    fn others(&self, service: &Service) -> impl Iterator<Item = &'a Service> {
        let uid = service.metadata.uid.clone();
        self.services
            .iter()
            .copied()
            .filter(move |other| other.metadata.uid != uid)
    }
}

/// Whether a Service may be served from a pool, as far as it names pools.
fn is_named(request: &Request, pool: &Pool<'_>) -> bool {
    request.pools.is_empty() || request.pools.iter().any(|name| name.0 == pool.name())
}

/// Whether an address is of a family that is asked for.
fn is_wanted(families: Families, address: IpAddr) -> bool {
    !matches!(families, Families::One(family) if family != Family::of(address))
}

fn same(a: &[IpAddr], b: &[IpAddr]) -> bool {
    a.len() == b.len() && a.iter().all(|address| b.contains(address))
}
