use std::collections::BTreeMap;

use std::net::IpAddr;

use model::{Family, ServiceName};

use super::rules::{Tables, compatible};
use crate::{Pool, PoolRefusal, Quota, Refusal, Request, SharingRule};

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
        Refusal::NoPoolFits { pools, .. } | Refusal::NoNamedPoolFits { pools, .. } => {
            pools.iter().all(|(pool, refusal)| {
                tables
                    .pool(pool)
                    .is_some_and(|pool| pool_refusal_is_true(tables, request, pool, refusal))
            })
        }
        Refusal::PoolRefuses { pool, refusal } => tables
            .pool(pool)
            .is_some_and(|pool| pool_refusal_is_true(tables, request, pool, refusal)),
        Refusal::OutsidePools(address) => tables.declared(*address).is_none(),
        Refusal::OutsidePool { address, pools } => {
            let of = tables.pool_of(request, *address);
            *pools == request.pools && of.is_none_or(|of| !pools.contains(&of))
        }
        Refusal::Buggy { address, pool } | Refusal::Excluded { address, pool } => declares(pool, *address),
        Refusal::Occupied {
            address,
            pool,
            occupant,
        } => tables.occupied.get(address) == Some(occupant) && tables.declared(*address) == Some(pool),
        Refusal::Taken { address, holder } => holds(holder, *address) && request.sharing.key.is_none(),
        Refusal::SharingRefused {
            address,
            holder,
            rule,
        } => {
            let may = compatible(&request.sharing, &tables.row(holder).sharing);
            let invited = tables.is_invited(request, *address);
            let apart = *rule == SharingRule::PairSplit;
            let alone = matches!(rule, SharingRule::NotInvited { .. });
            holds(holder, *address) && may == (apart || alone) && (!alone || !invited)
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
        own || tables.occupied.contains_key(&address)
            || tables.keeper(address).is_some()
            || !tables.others(&request.service, address).is_empty()
    };
    match refusal {
        PoolRefusal::NotAutomatic => !pool.auto_assign && request.pools.is_empty(),
        PoolRefusal::Reserved => !tables.serves(pool, request),
        PoolRefusal::Closed => pool.closed,
        PoolRefusal::WithoutFamily(family) => given(*family).count() == 0,
        PoolRefusal::Full {
            family,
            size,
            holders,
            nodes,
        } => {
            let occupied = given(*family)
                .filter(|address| tables.occupied.contains_key(address))
                .count();
            let counts =
                ["a", "b"].map(|namespace| (namespace.to_owned(), tables.used(pool, namespace, None).len()));
            let counts = counts
                .into_iter()
                .map(|(namespace, count)| (namespace, count as u32));
            let counts: BTreeMap<String, u32> = counts.filter(|(_, count)| *count > 0).collect();
            *size == given(*family).count() as u128
                && given(*family).all(in_use)
                && occupied == nodes.as_ref().map_or(0, |nodes| nodes.count)
                && holders.iter().cloned().collect::<BTreeMap<_, _>>() == counts
        }
        PoolRefusal::Quota { namespace, limit } => {
            let quota = pool.quota.as_ref();
            let of = |quota: &Quota| quota.overrides.get(namespace).copied().unwrap_or(quota.limit);
            quota.map(of) == Some(*limit) && **namespace == *request.service.namespace
        }
        PoolRefusal::PairSplit { address, holder } => {
            tables.row(holder).current.contains(address) && tables.row(holder).current.len() > 1
        }
    }
}
