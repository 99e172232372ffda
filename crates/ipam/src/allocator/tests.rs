use model::{Family, Labels, PoolName, Requirement, Selector, Selectors};

use super::*;
use crate::books::usage::{Count, Usage};
use crate::pool::{Pinned, Quota, Reclaim};
use crate::request::Families;
use crate::sharing::{Joiners, Port, SharingRule};

mod automatic;
mod claims;
mod dual_stack;
mod foreign;
mod joining;
mod leaving;
mod occupied;
mod pools;
mod quotas;
mod reclaim;
mod reference;
mod refusals;
mod refused_addresses;
mod requests;
mod reservations;
mod sharing;
mod usage;

const V4: Families = Families::One(Family::V4);
const V6: Families = Families::One(Family::V6);
const BOTH: Families = Families::Both;
const PREFER: Families = Families::Prefer(Family::V4);

fn pool_name(name: &str) -> PoolName {
    PoolName(name.into())
}

fn ranges(ranges: &[&str]) -> Vec<model::AddressRange> {
    ranges.iter().map(|range| range.parse().unwrap()).collect()
}

fn pool(name: &str, of: &[&str]) -> Pool {
    Pool::new(pool_name(name), ranges(of))
}

fn pinned(name: &str, of: &[&str], pinned: Pinned) -> Pool {
    Pool {
        pinned: Some(pinned),
        ..pool(name, of)
    }
}

fn with_pools(pools: impl IntoIterator<Item = Pool>) -> Ipam {
    let mut ipam = Ipam::default();
    ipam.set_pools(pools.into_iter().collect());
    ipam
}

/// `namespace/name`, or a name in the namespace `default`.
fn service(name: &str) -> ServiceName {
    let (namespace, name) = name.split_once('/').unwrap_or(("default", name));
    ServiceName::new(namespace, name)
}

/// A request for one IPv4 address.
fn request(name: &str) -> Request {
    Request::new(service(name), V4)
}

fn of_families(name: &str, families: Families) -> Request {
    Request::new(service(name), families)
}

fn from_pool(request: Request, pool: &str) -> Request {
    Request {
        pools: vec![pool_name(pool)],
        ..request
    }
}

fn exactly(request: Request, addresses: &[&str]) -> Request {
    Request {
        addresses: ips(addresses),
        ..request
    }
}

/// A request with a sharing key and TCP ports.
fn shared(request: Request, key: &str, ports: &[u16]) -> Request {
    let tcp = |&number: &u16| Port {
        protocol: "TCP".into(),
        number,
    };
    let sharing = Sharing {
        key: Some(key.into()),
        backend: None,
        joiners: Joiners::default(),
        ports: ports.iter().map(tcp).collect(),
    };
    Request { sharing, ..request }
}

fn ip(address: &str) -> IpAddr {
    address.parse().unwrap()
}

fn ips(addresses: &[&str]) -> Vec<IpAddr> {
    addresses.iter().map(|address| ip(address)).collect()
}

fn words(addresses: &[IpAddr]) -> Vec<String> {
    addresses.iter().map(IpAddr::to_string).collect()
}

fn given(ipam: &mut Ipam, request: &Request) -> Vec<String> {
    words(&ipam.assign(request).unwrap().addresses)
}

fn refused(ipam: &mut Ipam, request: &Request) -> Refusal {
    ipam.assign(request).unwrap_err()
}

/// What the Service holds, which its status shows from now on and nothing else.
fn settled(ipam: &mut Ipam, name: &str) -> Vec<String> {
    let held = ipam.held(&service(name)).to_vec();
    ipam.settle(&service(name), &held);
    words(&held)
}

fn held(ipam: &Ipam, name: &str) -> Vec<String> {
    words(ipam.held(&service(name)))
}

fn claim(addresses: &[&str], origin: Option<&str>) -> Claim {
    Claim {
        addresses: ips(addresses),
        sharing: Sharing::default(),
        origins: ips(addresses)
            .into_iter()
            .filter_map(|ip| Some((ip, pool_name(origin?))))
            .collect(),
    }
}

/// The labels that [`selecting`] this key selects.
fn labelled(key: &str) -> Labels {
    [(key.to_owned(), String::new())].into()
}

fn selecting(key: &str) -> Selector {
    Selector(vec![Requirement::Exists(key.into())])
}

fn usage_of(ipam: &Ipam, pool: &str) -> Usage {
    ipam.usage()[&pool_name(pool)]
}

/// That the request is refused with this reason and in these words.
fn expect(ipam: &mut Ipam, request: &Request, reason: &str, text: &str) -> Refusal {
    let refusal = refused(ipam, request);
    assert_eq!((refusal.reason(), refusal.to_string().as_str()), (reason, text));
    refusal
}

/// The pool that all of them are from; none when that is not known of any.
fn only_pool(origins: &Origins) -> Option<PoolName> {
    let pools: BTreeSet<_> = origins.iter().map(|(_, pool)| pool.clone()).collect();
    assert!(pools.len() <= 1, "{pools:?}");
    pools.into_iter().next()
}
