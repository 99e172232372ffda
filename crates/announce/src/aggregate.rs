//! The prefixes that stand for addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use model::{AddressRange, Family, PoolName};

use crate::facts::{BgpAdvertisement, Pool};

/// What an advertisement announces for an address of a pool that it selects (P-BGP-61): the aggregate that the address lies in, if the
/// pools that it selects have every address of that; else the address itself. A router that has an aggregate sends all that is in it here.
pub(crate) fn aggregate(address: IpAddr, advertisement: &BgpAdvertisement, pools: &[Pool]) -> IpNet {
    let length = advertisement.length(Family::of(address));
    let alone = IpNet::from(address);
    // A length that is too long for the family, which `config` refuses, means the address itself.
    let aggregate = IpNet::new(address, length).map_or(alone, |prefix| prefix.trunc());
    match aggregate == alone || is_covered(&aggregate, advertisement, pools) {
        true => aggregate,
        false => alone,
    }
}

/// A range of a pool that begins or ends within an aggregate of this advertisement, so that addresses there are announced each by itself.
pub fn uncovered(advertisement: &BgpAdvertisement, pools: &[Pool]) -> Option<(PoolName, AddressRange)> {
    pools
        .iter()
        .filter(|pool| advertisement.selects(&pool.name, &pool.labels))
        .find_map(|pool| {
            let splits = |range: &&AddressRange| {
                let is_whole = |address: IpAddr| {
                    let prefix = aggregate(address, advertisement, pools);
                    prefix.prefix_len() <= advertisement.length(range.family())
                };
                !is_whole(range.first()) || !is_whole(range.last())
            };
            let range = pool.ranges.iter().find(splits)?;
            Some((pool.name.clone(), *range))
        })
}

fn is_covered(prefix: &IpNet, advertisement: &BgpAdvertisement, pools: &[Pool]) -> bool {
    let selected = pools
        .iter()
        .filter(|pool| advertisement.selects(&pool.name, &pool.labels));
    let ranges: Vec<&AddressRange> = selected.flat_map(|pool| &pool.ranges).collect();
    let mut next = prefix.network();
    loop {
        let Some(range) = ranges.iter().find(|range| range.contains(next)) else {
            return false;
        };
        match successor(range.last()) {
            Some(behind) if range.last() < prefix.broadcast() => next = behind,
            Some(_) | None => return true,
        }
    }
}

fn successor(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => Some(Ipv4Addr::from_bits(address.to_bits().checked_add(1)?).into()),
        IpAddr::V6(address) => Some(Ipv6Addr::from_bits(address.to_bits().checked_add(1)?).into()),
    }
}

#[cfg(test)]
mod tests {
    use model::Labels;

    use super::*;

    fn pool(name: &str, ranges: &[&str]) -> Pool {
        Pool {
            name: PoolName(name.into()),
            labels: Labels::new(),
            ranges: ranges.iter().map(|range| range.parse().unwrap()).collect(),
        }
    }

    fn advertisement(length_v4: u8, pools: &[&str]) -> BgpAdvertisement {
        BgpAdvertisement {
            length_v4,
            length_v6: 64,
            pools: pools.iter().map(|name| PoolName((*name).into())).collect(),
            ..BgpAdvertisement::default()
        }
    }

    fn announced(address: &str, advertisement: &BgpAdvertisement, pools: &[Pool]) -> String {
        aggregate(address.parse().unwrap(), advertisement, pools).to_string()
    }

    /// P-BGP-61, U9: README's own pool.
    #[test]
    fn an_aggregate_that_no_pool_covers_gives_way_to_the_address() {
        let pools = [pool("lan", &["192.168.1.200-192.168.1.250"])];
        let by_28 = advertisement(28, &[]);
        assert_eq!(announced("192.168.1.201", &by_28, &pools), "192.168.1.201/32");
        assert_eq!(announced("192.168.1.210", &by_28, &pools), "192.168.1.208/28");
        assert_eq!(announced("192.168.1.245", &by_28, &pools), "192.168.1.245/32");
        let lan = (PoolName("lan".into()), pools[0].ranges[0]);
        assert_eq!(uncovered(&by_28, &pools), Some(lan));
    }

    #[test]
    fn ranges_that_lie_side_by_side_cover_together() {
        let pools = [
            pool("a", &["192.0.2.0-192.0.2.7", "2001:db8::/64"]),
            pool("b", &["192.0.2.8-192.0.2.15"]),
        ];
        let both = advertisement(28, &[]);
        assert_eq!(announced("192.0.2.9", &both, &pools), "192.0.2.0/28");
        assert_eq!(announced("2001:db8::9", &both, &pools), "2001:db8::/64");
        assert_eq!(uncovered(&both, &pools), None);
        let one = advertisement(28, &["b"]);
        assert_eq!(
            announced("192.0.2.9", &one, &pools),
            "192.0.2.9/32",
            "the rest is not its to announce"
        );
    }

    #[test]
    fn the_last_address_of_all_ends_a_range() {
        let pools = [pool("all", &["0.0.0.0/0"])];
        assert_eq!(
            announced("255.255.255.255", &advertisement(8, &[]), &pools),
            "255.0.0.0/8"
        );
    }

    /// What the guard lets pass is never less than what is announced.
    #[test]
    fn every_aggregate_passes_the_guard() {
        let facts = crate::Facts {
            pools: vec![
                pool("a", &["192.0.2.3-192.0.2.100", "192.0.2.101-192.0.2.127"]),
                pool("b", &["192.0.2.128/25"]),
            ],
            bgp_advertisements: vec![
                advertisement(27, &[]),
                advertisement(25, &["b"]),
                advertisement(30, &["a"]),
            ],
            ..crate::Facts::default()
        };
        let guard = bgp::ExportGuard::new(crate::guard(&facts));
        for one in &facts.bgp_advertisements {
            for last in 3..=255 {
                let address = IpAddr::from([192, 0, 2, last]);
                let Some(pool) = facts.pools.iter().find(|pool| pool.covers(address)) else {
                    continue;
                };
                if one.selects(&pool.name, &pool.labels) {
                    let prefix = aggregate(address, one, &facts.pools);
                    assert!(guard.permits(&prefix), "{prefix} of {address}");
                }
            }
        }
    }
}
