//! What may be announced by BGP at all (U9).

use std::net::IpAddr;

use model::{AddressRange, Family, PoolName};

use crate::facts::{Facts, Pool, Service};

/// What the export guard is to let pass: the addresses of the pools, each alone or in the shortest aggregate that an
/// advertisement of its pool makes.
pub fn guard(facts: &Facts) -> Vec<bgp::Export> {
    let of_pool = |pool: &Pool| {
        let ranges = pool.ranges.iter();
        let exports = ranges.map(|&range| export(facts, pool, range));
        exports.collect::<Vec<_>>()
    };
    facts.pools.iter().flat_map(of_pool).collect()
}

/// What it is to let pass of a Service besides: addresses that its pool covers no more and that it keeps (P-ALLOC-60).
pub fn guard_of_kept(facts: &Facts, service: &Service) -> Vec<bgp::Export> {
    let covered = |address| facts.pools.iter().any(|pool| pool.covers(address));
    let kept = service.addresses.iter().filter(|address| !covered(**address));
    let of_its_pool = |&address: &IpAddr| {
        let pool = named(facts, service.origins.get(address)?)?;
        Some(export(facts, pool, address.into()))
    };
    kept.filter_map(of_its_pool).collect()
}

fn named<'a>(facts: &'a Facts, name: &PoolName) -> Option<&'a Pool> {
    facts.pools.iter().find(|pool| pool.name == *name)
}

fn export(facts: &Facts, pool: &Pool, range: AddressRange) -> bgp::Export {
    let advertisements = facts.bgp_advertisements.iter();
    let selecting = advertisements.filter(|one| one.selects(&pool.name, &pool.labels));
    let shortest = selecting.map(|one| one.length(range.family())).min();
    let alone = match range.family() {
        Family::V4 => 32,
        Family::V6 => 128,
    };
    bgp::Export {
        range,
        shortest: shortest.unwrap_or(alone),
    }
}

#[cfg(test)]
mod tests {

    use model::{Labels, Origins, ServiceName};

    use super::*;
    use crate::facts::{BgpAdvertisement, Endpoints, TrafficPolicy};

    fn pool(name: &str, range: &str) -> Pool {
        Pool {
            name: PoolName(name.into()),
            labels: Labels::new(),
            ranges: vec![range.parse().unwrap()],
        }
    }

    fn facts() -> Facts {
        let aggregated = |pool: &str, length_v4| BgpAdvertisement {
            pools: [PoolName(pool.into())].into(),
            length_v4,
            ..BgpAdvertisement::default()
        };
        Facts {
            pools: vec![
                pool("p", "192.0.2.0/24"),
                pool("q", "198.51.100.0/24"),
                pool("r", "2001:db8::/64"),
            ],
            bgp_advertisements: vec![aggregated("p", 28), aggregated("p", 26), aggregated("q", 32)],
            ..Facts::default()
        }
    }

    fn shown(exports: Vec<bgp::Export>) -> Vec<String> {
        let show = |export: bgp::Export| format!("{} /{}", export.range, export.shortest);
        exports.into_iter().map(show).collect()
    }

    /// U9
    #[test]
    fn pools_pass_as_short_as_the_advertisements_that_select_them_say() {
        assert_eq!(
            shown(guard(&facts())),
            ["192.0.2.0/24 /26", "198.51.100.0/24 /32", "2001:db8::/64 /128"]
        );
    }

    /// P-ALLOC-60
    #[test]
    fn an_address_that_its_pool_covers_no_more_passes_as_one_of_the_pool() {
        let from = |pool: &str| Origins::from_iter([("203.0.113.1".parse().unwrap(), PoolName(pool.into()))]);
        let mut service = Service {
            name: ServiceName::new("default", "web"),
            labels: Labels::new(),
            addresses: vec!["203.0.113.1".parse().unwrap(), "192.0.2.1".parse().unwrap()],
            origins: from("p"),
            traffic_policy: TrafficPolicy::Cluster,
            health_check_port: None,
            endpoints: Endpoints::default(),
        };
        assert_eq!(shown(guard_of_kept(&facts(), &service)), ["203.0.113.1/32 /26"]);
        service.origins = from("gone");
        assert_eq!(shown(guard_of_kept(&facts(), &service)), [""; 0]);
    }
}
