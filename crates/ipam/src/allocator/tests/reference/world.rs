//! A tiny world: what Services, pools and addresses there are.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use model::{AddressRange, Family, PoolName, ReservationName, Selectors, ServiceName};

use super::super::{labelled, selecting};
use super::steps::Edit;
use crate::{Families, Joiners, Pinned, Pool, Port, Quota, Reclaim, Sharing};

pub(super) const SERVICES: usize = 6;
pub(super) const POOLS: [&str; 3] = ["p", "q", "r"];
/// Of these, the first are IPv4: from 10.0.0.253 to 10.0.1.2, two of them such that `avoidBuggyIPs` avoids.
pub(super) const ADDRESSES: usize = 11;
pub(super) const OF_V4: usize = 6;

/// What the administrators have written.
#[derive(Clone, Debug)]
pub(super) struct Configuration {
    /// Of each address, the number of its pool; more than there are: of none.
    owners: [usize; ADDRESSES],
    pools: Vec<(bool, bool, Pool)>,
}

impl Configuration {
    pub(super) fn new() -> Self {
        let pool = |name: &&str| (true, false, Pool::new(PoolName(name.to_string()), Vec::new()));
        Self {
            owners: [0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 2],
            pools: POOLS.iter().map(pool).collect(),
        }
    }

    /// One in which more is asked for than there is.
    pub(super) fn scarce() -> Self {
        let mut scarce = Self::new();
        scarce.owners = [9, 9, 0, 0, 1, 9, 0, 9, 9, 1, 9];
        scarce
    }

    pub(super) fn hand(&mut self, from: usize, count: usize, owner: usize) {
        self.owners[from..]
            .iter_mut()
            .take(count)
            .for_each(|of| *of = owner);
    }

    pub(super) fn edit(&mut self, pool: usize, edit: &Edit) {
        let (exists, reversed, pool) = &mut self.pools[pool];
        match edit {
            Edit::Exists => *exists = !*exists,
            Edit::AutoAssign => pool.auto_assign = !pool.auto_assign,
            Edit::AvoidBuggy => pool.avoid_buggy_ips = !pool.avoid_buggy_ips,
            Edit::Closed => pool.closed = !pool.closed,
            Edit::Reversed => *reversed = !*reversed,
            Edit::Reclaim if pool.reclaim == Reclaim::Keep => pool.reclaim = Reclaim::Move,
            Edit::Reclaim => pool.reclaim = Reclaim::Keep,
            Edit::Exclude(address) => {
                let one = range(*address, *address);
                let before = pool.excluded.len();
                pool.excluded.retain(|range| *range != one);
                if pool.excluded.len() == before {
                    pool.excluded.push(one);
                }
            }
            Edit::Pin(pin) => pool.pinned = pinned(*pin),
            Edit::Quota(limit) => pool.quota = quota(*limit),
        }
    }

    pub(super) fn pools(&self) -> Vec<Pool> {
        let there = self.pools.iter().enumerate().filter(|(_, (exists, ..))| *exists);
        there
            .map(|(number, (_, reversed, pool))| {
                let mut ranges = self.ranges(number);
                if *reversed {
                    ranges.reverse();
                }
                Pool {
                    ranges,
                    ..pool.clone()
                }
            })
            .collect()
    }

    /// The addresses of a pool, as ranges of neighbours.
    fn ranges(&self, number: usize) -> Vec<AddressRange> {
        let mut ranges = Vec::new();
        let mut first = None;
        for at in 0..=ADDRESSES {
            let ends = at == ADDRESSES || at == OF_V4 || self.owners[at] != number;
            if let Some(first) = first.take_if(|_| ends) {
                ranges.push(range(first, at - 1));
            }
            if at < ADDRESSES && self.owners[at] == number {
                first.get_or_insert(at);
            }
        }
        ranges
    }
}

pub(super) fn universe() -> Vec<IpAddr> {
    (0..ADDRESSES).map(address).collect()
}

pub(super) fn address(number: usize) -> IpAddr {
    match number.checked_sub(OF_V4) {
        None => Ipv4Addr::from_bits(0x0a00_00fd + number as u32).into(),
        Some(number) => Ipv6Addr::from_bits(0xfd00 << 112 | number as u128).into(),
    }
}

fn range(first: usize, last: usize) -> AddressRange {
    AddressRange::new(address(first), address(last)).unwrap()
}

fn pinned(pin: usize) -> Option<Pinned> {
    let namespaces: &[&str] = if pin & 1 == 1 { &["a"] } else { &[] };
    let selectors = |at: usize| {
        Selectors(if pin & at > 0 {
            vec![selecting("gold")]
        } else {
            vec![]
        })
    };
    (pin > 0).then(|| Pinned {
        priority: (pin % 3) as u32,
        namespaces: namespaces.iter().map(ToString::to_string).collect(),
        namespace_selectors: selectors(2),
        service_selectors: selectors(4),
    })
}

fn quota(limit: usize) -> Option<Quota> {
    (limit < 5).then(|| Quota {
        limit: limit as u32,
        overrides: [("b".to_owned(), 3)].into(),
    })
}

/// Three in the namespace `a` and three in `b`.
pub(super) fn service(number: usize) -> ServiceName {
    ServiceName::new(
        if number < SERVICES / 2 { "a" } else { "b" },
        format!("s{number}"),
    )
}

/// Two names in each namespace.
pub(super) fn reservation(namespace: &str, number: usize) -> ReservationName {
    ReservationName::new(namespace, format!("r{}", number % 2))
}

pub(super) fn reserved(number: usize, addresses: &[usize]) -> (ReservationName, Vec<IpAddr>) {
    let namespace = if number < 2 { "a" } else { "b" };
    let all: Vec<IpAddr> = addresses.iter().map(|&number| address(number)).collect();
    let addresses = super::rules::first_of_each(&all, &[Family::V4, Family::V6]);
    (reservation(namespace, number), addresses)
}

pub(super) fn of_number(families: usize) -> Families {
    let prefer = [Families::Prefer(Family::V4), Families::Prefer(Family::V6)];
    let one = [Families::One(Family::V4), Families::One(Family::V6)];
    [one[0], one[1], Families::Both, prefer[0], prefer[1]][families]
}

pub(super) fn sharing(key: usize, backend: usize, ports: usize, joiners: usize) -> Sharing {
    let all = [("TCP", 80), ("TCP", 81), ("UDP", 80)];
    let port = |&(protocol, number): &(&str, u16)| Port {
        protocol: protocol.to_owned(),
        number,
    };
    let chosen = all.iter().enumerate().filter(|(at, _)| ports >> at & 1 == 1);
    Sharing {
        key: ["k", "l"].get(key).map(ToString::to_string),
        backend: (backend == 0).then(|| labelled("app")),
        ports: chosen.map(|(_, named)| port(named)).collect(),
        joiners: match joiners {
            0 => Joiners::default(),
            1 => Joiners::Namespaces(["a".to_owned()].into()),
            2 => Joiners::Namespaces(["b".to_owned()].into()),
            _ => Joiners::Any,
        },
    }
}
