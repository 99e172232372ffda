//! What an allocation costs, as pools and what is held of them grow: `cargo run -p ipam --release --example scaling`.
//!
//! Each line is one world. A Service is given an address and releases it, many times over; the figure is the mean of the
//! fastest of several rounds, for both together. The last column compares it with an empty /24.

#![allow(clippy::print_stdout, reason = "it prints a table")]

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use ipam::{Families, Ipam, Joiners, Pool, Port, Request, Sharing};
use model::{AddressRange, Family, PoolName, ServiceName};

const ROUNDS: usize = 40;
const ALLOCATIONS: u32 = 100;

/// A part of the address space, cut into a number of ranges of which no two touch.
#[derive(Clone, Copy)]
struct Space {
    name: &'static str,
    family: Family,
    bits: u32,
}

const SPACES: [Space; 4] = [
    Space {
        name: "/24",
        family: Family::V4,
        bits: 8,
    },
    Space {
        name: "/16",
        family: Family::V4,
        bits: 16,
    },
    Space {
        name: "/12",
        family: Family::V4,
        bits: 20,
    },
    Space {
        name: "/64 v6",
        family: Family::V6,
        bits: 64,
    },
];

fn main() {
    let empty = per_allocation(&mut filled(SPACES[0], 1, 0), &request(SPACES[0].family));
    println!("pool       ranges     held  ns/allocation    × /24");
    for space in SPACES {
        for ranges in [1, 1_000, 10_000] {
            let counts = [0, 100, 1_000, 100_000].into_iter();
            for held in counts.filter(|held| space.room(ranges) > 2 * held) {
                let cost = per_allocation(&mut filled(space, ranges, held), &request(space.family));
                let ratio = cost / empty;
                println!(
                    "{:<8} {ranges:>8} {held:>8} {cost:>14.0} {ratio:>8.2}",
                    space.name
                );
            }
        }
    }
    println!("\none of 1000 Services under one sharing key");
    for (what, mut ipam, request) in [together(), apart()] {
        let cost = per_allocation(&mut ipam, &request);
        println!("{what:<26} {cost:>14.0} {:>8.2}", cost / empty);
    }
    println!("\npool       ranges     held     ms/edit of the pool");
    for (ranges, held) in [(1, 0), (10_000, 0), (1, 100_000), (10_000, 100_000)] {
        let cost = milliseconds_per_edit(SPACES[2], ranges, held);
        println!("{:<8} {ranges:>8} {held:>8} {cost:>14.2}", SPACES[2].name);
    }
}

impl Space {
    /// How many addresses there are in all ranges together.
    fn room(self, ranges: u128) -> u128 {
        ((1 << self.bits) / ranges).saturating_sub(1) * ranges
    }

    fn address(self, number: u128) -> IpAddr {
        match self.family {
            Family::V4 => Ipv4Addr::from_bits(0x0a00_0000 + number as u32).into(),
            Family::V6 => Ipv6Addr::from_bits((0x2001_0db8 << 96) + number).into(),
        }
    }

    fn pool(self, ranges: u128) -> Pool {
        let step = (1 << self.bits) / ranges;
        let range = |at: u128| AddressRange::new(self.address(at * step), self.address((at + 1) * step - 2));
        let ranges = (0..ranges).map(|at| range(at).expect("the step is longer than two"));
        Pool::new(PoolName("pool".into()), ranges.collect())
    }
}

/// A pool of which every second address is held, `held` in all and from the lowest on: as many gaps as there can be.
fn filled(space: Space, ranges: u128, held: u128) -> Ipam {
    let mut ipam = Ipam::default();
    ipam.set_pools(vec![space.pool(ranges)]);
    let name = |number: u128| ServiceName::new("default", format!("held-{number}"));
    let one = |number| Request::new(name(number), Families::One(space.family));
    for number in 0..2 * held {
        ipam.assign(&one(number)).expect("there is room");
    }
    for number in (0..2 * held).step_by(2) {
        ipam.release(&name(number));
    }
    ipam
}

fn request(family: Family) -> Request {
    Request::new(ServiceName::new("default", "probe"), Families::One(family))
}

fn sharing(port: u16) -> Sharing {
    let port = Port {
        protocol: "TCP".into(),
        number: port,
    };
    Sharing {
        key: Some("key".into()),
        backend: None,
        ports: BTreeSet::from([port]),
        joiners: Joiners::default(),
    }
}

/// All on one address, each with a port of its own.
fn together() -> (&'static str, Ipam, Request) {
    shared("on one address", |number| number)
}

/// Each on an address of its own, for all have one port.
fn apart() -> (&'static str, Ipam, Request) {
    shared("each on its own address", |_| 80)
}

fn shared(what: &'static str, port: fn(u16) -> u16) -> (&'static str, Ipam, Request) {
    let mut ipam = filled(SPACES[1], 1, 0);
    let one = |name: String, number: u16| Request {
        sharing: sharing(port(number)),
        ..Request::new(ServiceName::new("default", name), Families::One(Family::V4))
    };
    for number in 1..1000 {
        ipam.assign(&one(format!("held-{number}"), number))
            .expect("there is room");
    }
    (what, ipam, one("probe".into(), 1000))
}

/// Nanoseconds for an allocation and its release.
fn per_allocation(ipam: &mut Ipam, request: &Request) -> f64 {
    let round = fastest(|| {
        for _ in 0..ALLOCATIONS {
            ipam.assign(request).expect("there is room");
            ipam.release(&request.service);
        }
    });
    round.as_secs_f64() * 1e9 / f64::from(ALLOCATIONS)
}

fn milliseconds_per_edit(space: Space, ranges: u128, held: u128) -> f64 {
    let mut ipam = filled(space, ranges, held);
    fastest(|| {
        ipam.set_pools(vec![space.pool(ranges)]);
    })
    .as_secs_f64()
        * 1e3
}

fn fastest(mut round: impl FnMut()) -> Duration {
    let rounds = (0..ROUNDS).map(|_| {
        let start = now();
        round();
        start.elapsed()
    });
    rounds.min().unwrap_or_default()
}

#[allow(clippy::disallowed_methods, reason = "it measures time")]
fn now() -> Instant {
    Instant::now()
}
