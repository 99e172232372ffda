//! What holds at every moment, whatever the choice was.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use model::{Family, PoolName, ServiceName};

use super::history::History;
use super::object::Object;
use super::rules::{Row, Tables, compatible};
use super::world::service;
use crate::{Count, Grant, Ipam, Refusal, Request, Usage};

/// An address that a pool gives out, and what has become of it.
struct Given<'a> {
    address: IpAddr,
    pool: &'a PoolName,
    held: bool,
    kept: bool,
    occupied: bool,
}

pub(super) fn every_step(history: &History) {
    let (ipam, tables) = (&history.ipam, &history.tables);
    for object in &history.objects {
        let name = &object.request.service;
        let row = tables.row(name);
        assert_eq!(ipam.held(name), row.current, "{name} has");
        assert_eq!(ipam.leaving(name), row.leaving, "{name} is to lose");
        assert_eq!(ipam.foreign(name), row.foreign, "{name} shows");
    }
    no_address_is_given_twice(tables);
    let given = |&address: &IpAddr| {
        let mut rows = tables.rows.values();
        Some(Given {
            address,
            pool: &tables.giver(address)?.name,
            held: rows.any(|row| row.current.contains(&address) || row.leaving.contains(&address)),
            kept: tables.keeper(address).is_some(),
            occupied: tables.occupied.contains_key(&address),
        })
    };
    let given: Vec<Given<'_>> = tables.universe.iter().filter_map(given).collect();
    assert_eq!(ipam.usage(), usage(tables, &given));
    free_lists_agree_with_a_recount(ipam, &given);
    other_indexes_agree_with_a_recount(ipam, tables);
}

/// S1: those that are to have one address may share it, pair by pair.
fn no_address_is_given_twice(tables: &Tables) {
    for address in &tables.universe {
        let rows = tables.rows.values();
        let holders: Vec<&Row> = rows.filter(|row| row.current.contains(address)).collect();
        for (at, row) in holders.iter().enumerate() {
            let others = &holders[at + 1..];
            assert!(
                others
                    .iter()
                    .all(|other| compatible(&row.sharing, &other.sharing)),
                "{address}"
            );
        }
    }
}

/// P-ALLOC-18, P-ALLOC-19, P-ALLOC-20
fn usage(tables: &Tables, given: &[Given<'_>]) -> BTreeMap<PoolName, Usage> {
    let pools = tables.pools.iter();
    let mut all: BTreeMap<_, _> = pools.map(|pool| (pool.name.clone(), Usage::default())).collect();
    let one = |count: &mut Count, address: IpAddr| match Family::of(address) {
        Family::V4 => count.v4 += 1,
        Family::V6 => count.v6 += 1,
    };
    for given in given {
        let usage = all.get_mut(given.pool).unwrap();
        match (given.held, given.kept, given.occupied) {
            (true, ..) => one(&mut usage.assigned, given.address),
            (false, true, _) => one(&mut usage.reserved, given.address),
            (false, false, true) => one(&mut usage.occupied, given.address),
            (false, false, false) => one(&mut usage.available, given.address),
        }
    }
    let pairs = tables
        .rows
        .values()
        .flat_map(|row| row.current.iter().map(move |&address| (row, address)));
    let outside = pairs.filter(|(_, address)| tables.giver(*address).is_none());
    let from = |(row, address): (&Row, IpAddr)| {
        Some((
            tables
                .declared(address)
                .or_else(|| row.origins.get(address))?
                .clone(),
            address,
        ))
    };
    for (pool, address) in outside.filter_map(from).collect::<BTreeSet<_>>() {
        all.entry(pool)
            .and_modify(|usage| one(&mut usage.outside, address));
    }
    all
}

fn free_lists_agree_with_a_recount(ipam: &Ipam, given: &[Given<'_>]) {
    for list in &ipam.free_lists {
        for family in [Family::V4, Family::V6] {
            let of =
                |given: &&Given<'_>| *given.pool == list.pool.name && Family::of(given.address) == family;
            let entry = |address: IpAddr| list.pool.ranges.iter().position(|range| range.contains(address));
            let free = given
                .iter()
                .filter(of)
                .filter(|given| !given.held && !given.kept && !given.occupied);
            let lowest = free.map(|given| (entry(given.address), given.address)).min();
            let found = list.lowest_free(family).map(|(_, address)| address);
            assert_eq!(found, lowest.map(|(_, address)| address));
            assert_eq!(list.size(family), given.iter().filter(of).count() as u128);
        }
    }
}

fn other_indexes_agree_with_a_recount(ipam: &Ipam, tables: &Tables) {
    for (number, list) in ipam.free_lists.iter().enumerate() {
        for namespace in ["a", "b"] {
            let used = tables.used(&list.pool, namespace, None).len();
            assert_eq!(
                ipam.namespace_usage.count(number, namespace) as usize,
                used,
                "{namespace}"
            );
        }
    }
    for key in ["k", "l"] {
        let rows = tables
            .rows
            .values()
            .filter(|row| row.sharing.key.as_deref() == Some(key));
        let held = rows.flat_map(|row| row.current.iter().chain(&row.leaving).copied());
        let held: BTreeSet<IpAddr> = held.collect();
        assert!(ipam.ledger.shared_under(key).eq(held), "under {key}");
    }
}

/// S1: a status that shows what the Service gets is one of a Service that may share it.
pub(super) fn no_status_of_another_shows_it(history: &History, before: &Tables, who: usize) {
    let row = history.tables.row(&service(who));
    let had = before.row(&service(who)).current;
    for (_, other) in history
        .objects
        .iter()
        .enumerate()
        .filter(|(other, _)| *other != who)
    {
        let in_flight = other.in_flight.iter().flat_map(|(shown, _)| shown);
        let shown = other.shown.0.iter().chain(in_flight);
        for address in shown.filter(|address| row.current.contains(address) && !had.contains(address)) {
            let theirs = history.tables.row(&other.request.service).sharing;
            assert!(
                compatible(&row.sharing, &theirs),
                "{address} of {}",
                other.request.service
            );
        }
    }
}

/// S2: a Service whose request was granted and is the same has all that it had, unless it may share it no longer, its
/// pool takes it away, or its reservation says otherwise.
pub(super) fn lost_for_a_reason(
    before: &Tables,
    object: &Object,
    result: &Result<Grant, Refusal>,
    after: &Row,
) {
    let request = &object.request;
    let had = before.row(&request.service).current;
    let insisted = before.insisted(request);
    let steady =
        object.granted && before.own(request) == had && insisted.iter().all(|address| had.contains(address));
    if steady {
        assert!(
            had.iter().all(|address| after.current.contains(address)),
            "{request:?} had {had:?}"
        );
        assert!(result.is_ok(), "{request:?} was granted before");
    }
}

/// P-ALLOC-56: and a refusal that takes nothing away is told once.
pub(super) fn asking_again_changes_nothing(
    before: &Tables,
    ipam: &Ipam,
    request: &Request,
    result: &Result<Grant, Refusal>,
) {
    let words = |result: &Result<Grant, Refusal>| result.as_ref().map_err(ToString::to_string).cloned();
    let held = ipam.held(&request.service);
    let mut again = ipam.clone();
    let result_again = again.assign(request);
    if result.is_ok() || before.row(&request.service).current == held {
        assert_eq!(words(&result_again), words(result));
    }
    assert_eq!(again.held(&request.service), held);
    assert_eq!(again.news, ipam.news);
}

/// Who waits is told when it may be served: nobody has to try in vain.
pub(super) fn served_only_after_notice(
    before: &Tables,
    object: &Object,
    result: &Result<Grant, Refusal>,
    edits: u64,
) {
    let Some(wanting) = &object.wanting else {
        return;
    };
    let granted = result.as_ref().map_or(0, |grant| grant.addresses.len());
    let same = wanting.edits == edits && before.row(&object.request.service) == wanting.row;
    if same && granted > wanting.granted {
        assert!(
            !wanting.told.is_empty(),
            "{:?} waited for {:?} and nobody said that it happened",
            object.request,
            wanting.waits
        );
    }
}

pub(super) fn drains_harmlessly(tables: &Tables, name: &ServiceName, draining: &[IpAddr]) {
    let row = tables.row(name);
    for &address in draining {
        assert!(row.leaving.contains(&address));
        let others = tables.others(name, address);
        let mut having = others
            .iter()
            .filter(|(_, other)| other.current.contains(&address));
        assert!(having.all(|(_, other)| compatible(&row.sharing, &other.sharing)));
    }
}
