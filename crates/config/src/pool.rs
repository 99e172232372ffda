use std::collections::BTreeMap;
use std::net::IpAddr;

use crds::{IPPool, ServiceAllocation};
use ipam::Pinned;
use model::{AddressRange, Labels, PoolName};

use crate::fault::Fault;
use crate::selector::selectors;

/// A pool that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pool {
    pub(crate) ipam: ipam::Pool,
    pub(crate) labels: Labels,
}

/// Reads one pool by itself.
pub(crate) fn pool(object: &IPPool) -> Result<Pool, Fault> {
    let spec = &object.spec;
    let ipam = ipam::Pool {
        name: PoolName(object.metadata.name.clone().unwrap_or_default()),
        ranges: ranges(&spec.addresses)?,
        auto_assign: spec.auto_assign,
        avoid_buggy_ips: spec.avoid_buggy_ips,
        pinned: spec.service_allocation.as_ref().map(pinned).transpose()?,
    };
    Ok(Pool {
        ipam,
        labels: object.metadata.labels.clone().unwrap_or_default(),
    })
}

fn ranges(addresses: &[String]) -> Result<Vec<AddressRange>, Fault> {
    if addresses.is_empty() {
        return Err(Fault::NoAddresses);
    }
    let mut occupied = BTreeMap::new();
    let mut ranges = Vec::with_capacity(addresses.len());
    for (index, entry) in addresses.iter().enumerate() {
        let range: AddressRange = entry
            .trim()
            .parse()
            .map_err(|source| Fault::Address { index, source })?;
        if let Some((other, ())) = overlapping(&occupied, range) {
            return Err(Fault::OverlapWithin {
                first: other.min(range),
                second: other.max(range),
            });
        }
        occupied.insert(range.first(), (range, ()));
        ranges.push(range);
    }
    Ok(ranges)
}

fn pinned(allocation: &ServiceAllocation) -> Result<Pinned, Fault> {
    let priority = u32::try_from(allocation.priority).map_err(|_negative| Fault::OutOfBounds {
        field: "serviceAllocation.priority".into(),
        value: allocation.priority,
        least: 0,
        most: i32::MAX,
    })?;
    Ok(Pinned {
        priority,
        namespaces: allocation.namespaces.iter().cloned().collect(),
        namespace_selectors: selectors(
            "serviceAllocation.namespaceSelectors",
            &allocation.namespace_selectors,
        )?,
        service_selectors: selectors(
            "serviceAllocation.serviceSelectors",
            &allocation.service_selectors,
        )?,
    })
}

/// The pools that are in force, held apart: no address is in two of them.
#[derive(Default)]
pub(crate) struct Occupied {
    ranges: BTreeMap<IpAddr, (AddressRange, PoolName)>,
}

impl Occupied {
    /// Gives the pool its addresses, unless another pool has one of them; then nothing changes.
    pub(crate) fn add(&mut self, pool: &ipam::Pool) -> Result<(), Fault> {
        for &range in &pool.ranges {
            if let Some((other_range, other)) = overlapping(&self.ranges, range) {
                return Err(Fault::Overlap {
                    range,
                    other,
                    other_range,
                });
            }
        }
        self.ranges.extend(
            pool.ranges
                .iter()
                .map(|&range| (range.first(), (range, pool.name.clone()))),
        );
        Ok(())
    }
}

/// The range with the highest first address not after `range`'s last: of ranges that are apart, only this one can overlap it.
fn overlapping<T: Clone>(
    apart: &BTreeMap<IpAddr, (AddressRange, T)>,
    range: AddressRange,
) -> Option<(AddressRange, T)> {
    let (_, (other, owner)) = apart.range(..=range.last()).next_back()?;
    other.overlaps(&range).then(|| (*other, owner.clone()))
}
