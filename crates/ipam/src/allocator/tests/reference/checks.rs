//! What holds at every moment, whatever the choice was.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use model::{Family, ServiceName};

use super::history::{History, Object};
use super::rules::{Row, Tables, compatible};
use super::world::service;
use crate::{Count, Grant, Ipam, Pool, PoolRefusal, Refusal, Request, SharingRule, Usage};

pub(super) fn every_step(history: &History) {
    let (ipam, tables) = (&history.ipam, &history.tables);
    for object in &history.objects {
        let name = &object.request.service;
        let row = tables.row(name);
        assert_eq!(ipam.held(name), row.current, "{name} has");
        assert_eq!(ipam.leaving(name), row.leaving, "{name} is to lose");
    }
    no_address_is_given_twice(tables);
    let naive = tables.pools.iter().map(|pool| (pool.name.clone(), usage(tables, pool)));
    assert_eq!(ipam.usage(), naive.collect());
    indexes_agree_with_a_recount(ipam, tables);
}

/// S1: those that are to have one address may share it, pair by pair.
fn no_address_is_given_twice(tables: &Tables) {
    for address in &tables.universe {
        let rows = tables.rows.values();
        let holders: Vec<&Row> = rows.filter(|row| row.current.contains(address)).collect();
        for (at, row) in holders.iter().enumerate() {
            let others = &holders[at + 1..];
            assert!(others.iter().all(|other| compatible(&row.sharing, &other.sharing)), "{address}");
        }
    }
}

/// P-ALLOC-18, P-ALLOC-19, P-ALLOC-20
fn usage(tables: &Tables, pool: &Pool) -> Usage {
    let mut usage = Usage::default();
    let one = |count: &mut Count, address: IpAddr| match Family::of(address) {
        Family::V4 => count.v4 += 1,
        Family::V6 => count.v6 += 1,
    };
    for &address in &tables.universe {
        let having = |row: &&Row| row.current.contains(&address);
        let losing = |row: &&Row| row.leaving.contains(&address);
        let held = tables.rows.values().any(|row| having(&row) || losing(&row));
        let from = |row: &Row| tables.declared(address).or(row.origin.as_ref()) == Some(&pool.name);
        match (tables.giver(address), held, tables.keeper(address)) {
            (Some(giver), ..) if giver.name != pool.name => {}
            (Some(_), true, _) => one(&mut usage.assigned, address),
            (Some(_), false, Some(_)) => one(&mut usage.reserved, address),
            (Some(_), false, None) => one(&mut usage.available, address),
            (None, ..) if first_known(tables, address).is_some_and(from) => one(&mut usage.outside, address),
            (None, ..) => {}
        }
    }
    usage
}

/// Of those that are to have an address one whose pool is known.
fn first_known(tables: &Tables, address: IpAddr) -> Option<&Row> {
    let known = |row: &&Row| tables.declared(address).is_some() || row.origin.is_some();
    tables.rows.values().filter(|row| row.current.contains(&address)).find(known)
}

fn indexes_agree_with_a_recount(ipam: &Ipam, tables: &Tables) {
    for (number, shelf) in ipam.shelves.iter().enumerate() {
        let pool = &shelf.pool;
        for family in [Family::V4, Family::V6] {
            let of_family = |address: &&IpAddr| Family::of(**address) == family;
            let given = || tables.universe.iter().filter(of_family).filter(|&&address| tables.gives(pool, address));
            let free = |address: &&IpAddr| {
                let held = tables.rows.values().any(|row| row.current.contains(address) || row.leaving.contains(address));
                !held && tables.keeper(**address).is_none()
            };
            let entry = |address: &IpAddr| pool.ranges.iter().position(|range| range.contains(*address));
            let lowest = given().filter(free).min_by_key(|address| (entry(address), **address));
            assert_eq!(shelf.lowest_free(family).map(|(_, address)| address), lowest.copied());
            assert_eq!(shelf.size(family), given().count() as u128);
        }
        for namespace in ["a", "b"] {
            let used = tables.used(pool, namespace, None).len();
            assert_eq!(ipam.tally.count(number, namespace) as usize, used, "{namespace} of {}", pool.name);
        }
    }
    for key in ["k", "l"] {
        let rows = tables.rows.values().filter(|row| row.sharing.key.as_deref() == Some(key));
        let held: BTreeSet<IpAddr> = rows.flat_map(|row| [row.current.clone(), row.leaving.clone()].concat()).collect();
        assert!(ipam.ledger.shared_under(key).eq(held), "under {key}");
    }
}

/// S1: a status that shows what the Service gets is one of a Service that may share it.
pub(super) fn no_status_of_another_shows_it(history: &History, before: &Tables, who: usize) {
    let row = history.tables.row(&service(who));
    let had = before.row(&service(who)).current;
    for (_, other) in history.objects.iter().enumerate().filter(|(other, _)| *other != who) {
        let in_flight = other.in_flight.iter().flat_map(|(shown, _)| shown);
        let shown = other.shown.0.iter().chain(in_flight);
        for address in shown.filter(|address| row.current.contains(address) && !had.contains(address)) {
            let theirs = history.tables.row(&other.request.service).sharing;
            assert!(compatible(&row.sharing, &theirs), "{address} of {}", other.request.service);
        }
    }
}

/// S2: a Service whose request was granted and is the same has all that it had, unless it may share it no longer, its
/// pool takes it away, or its reservation says otherwise.
pub(super) fn lost_for_a_reason(before: &Tables, object: &Object, result: &Result<Grant, Refusal>, after: &Row) {
    let request = &object.request;
    let had = before.row(&request.service).current;
    let insisted = before.insisted(request);
    let steady = object.granted && before.own(request) == had && insisted.iter().all(|address| had.contains(address));
    if steady {
        assert!(had.iter().all(|address| after.current.contains(address)), "{request:?} had {had:?}");
        assert!(result.is_ok(), "{request:?} was granted before");
    }
}

/// Who waits is told when it may be served: nobody has to try in vain.
pub(super) fn served_only_after_notice(
    before: &Tables,
    object: &Object,
    result: &Result<Grant, Refusal>,
    loosened: u64,
    edits: u64,
) {
    let Some((then, edits_then, row)) = &object.refused else { return };
    if *edits_then == edits && before.row(&object.request.service) == *row && result.is_ok() {
        assert!(*then < loosened, "{:?} was refused, and nobody said that it changed", object.request);
    }
}

pub(super) fn lingers_harmlessly(tables: &Tables, name: &ServiceName, lingering: &[IpAddr]) {
    let row = tables.row(name);
    for &address in lingering {
        assert!(row.leaving.contains(&address));
        let others = tables.others(name, address);
        let mut having = others.iter().filter(|(_, other)| other.current.contains(&address));
        assert!(having.all(|(_, other)| compatible(&row.sharing, &other.sharing)));
    }
}

/// What the refusal says is so.
pub(super) fn refusal_is_true(tables: &Tables, request: &Request, refusal: &Refusal) {
    let holds = |holder: &ServiceName, address: IpAddr| {
        let others = tables.others(&request.service, address);
        others.iter().any(|(name, _)| *name == holder)
    };
    let declares = |pool, address| tables.declared(address) == Some(pool) && tables.giver(address).is_none();
    let so = match refusal {
        Refusal::NoPools => tables.pools.is_empty(),
        Refusal::UnknownPool(pool) => tables.pool(pool).is_none(),
        Refusal::NoPoolFits { pools, .. } => pools.iter().all(|(pool, refusal)| {
            tables.pool(pool).is_some_and(|pool| pool_refusal_is_true(tables, request, pool, refusal))
        }),
        Refusal::PoolRefuses { pool, refusal } => {
            tables.pool(pool).is_some_and(|pool| pool_refusal_is_true(tables, request, pool, refusal))
        }
        Refusal::OutsidePools(address) => tables.declared(*address).is_none(),
        Refusal::OutsidePool { address, pool } => tables.pool_of(request, *address).as_ref() != Some(pool),
        Refusal::Buggy { address, pool } | Refusal::Excluded { address, pool } => declares(pool, *address),
        Refusal::Taken { address, holder } => holds(holder, *address) && request.sharing.key.is_none(),
        Refusal::SharingRefused { address, holder, rule } => {
            let may = compatible(&request.sharing, &tables.row(holder).sharing);
            holds(holder, *address) && may == (*rule == SharingRule::PairSplit)
        }
        Refusal::Kept { address, reservation } => {
            tables.keeper(*address) == Some(reservation) && request.reservation.as_ref() != Some(reservation)
        }
        Refusal::WrongFamilies { addresses, .. } => *addresses == request.addresses,
    };
    assert!(so, "{request:?} was told {refusal:?}");
}

fn pool_refusal_is_true(tables: &Tables, request: &Request, pool: &Pool, refusal: &PoolRefusal) -> bool {
    let given = |family: Family| {
        let all = tables.universe.iter().copied();
        all.filter(move |&address| Family::of(address) == family && tables.gives(pool, address))
    };
    let in_use = |address: IpAddr| {
        let row = tables.row(&request.service);
        let own = row.current.contains(&address) || row.leaving.contains(&address);
        own || tables.keeper(address).is_some() || !tables.others(&request.service, address).is_empty()
    };
    match refusal {
        PoolRefusal::NotAutomatic => !pool.auto_assign && request.pool.is_none(),
        PoolRefusal::Reserved => !tables.serves(pool, request),
        PoolRefusal::Closed => pool.closed,
        PoolRefusal::WithoutFamily(family) => given(*family).count() == 0,
        PoolRefusal::Full { family, size, holders } => {
            let counts = ["a", "b"].map(|namespace| (namespace.to_owned(), tables.used(pool, namespace, None).len()));
            let counts = counts.into_iter().map(|(namespace, count)| (namespace, count as u32));
            let counts: BTreeMap<String, u32> = counts.filter(|(_, count)| *count > 0).collect();
            *size == given(*family).count() as u128
                && given(*family).all(in_use)
                && holders.iter().cloned().collect::<BTreeMap<_, _>>() == counts
        }
        PoolRefusal::Quota { namespace, limit } => {
            let quota = pool.quota.as_ref();
            let of = |quota: &crate::Quota| quota.overrides.get(namespace).copied().unwrap_or(quota.limit);
            quota.map(of) == Some(*limit) && *namespace == request.service.namespace
        }
        PoolRefusal::PairSplit { address, holder } => {
            tables.row(holder).current.contains(address) && tables.row(holder).current.len() > 1
        }
    }
}
