use std::collections::BTreeMap;
use std::net::IpAddr;

use model::{AddressRange, PoolName};

use crate::cover::{next, previous};
use crate::fault::Fault;

/// Ranges that are apart, by their first address, each with its owner.
type Apart<T> = BTreeMap<IpAddr, (AddressRange, T)>;

/// The pools that are in force, held apart: no address is in two of them.
#[derive(Default)]
pub(crate) struct Occupied {
    ranges: Apart<PoolName>,
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
        self.insert(pool);
        Ok(())
    }

    /// Leaves to the pool only those of its addresses that no other pool has.
    pub(crate) fn add_rest(&mut self, pool: &mut ipam::Pool) {
        pool.ranges = pool.ranges.iter().flat_map(|&range| self.rest(range)).collect();
        self.insert(pool);
    }

    fn insert(&mut self, pool: &ipam::Pool) {
        let ranges = pool.ranges.iter();
        self.ranges
            .extend(ranges.map(|&range| (range.first(), (range, pool.name.clone()))));
    }

    /// The parts of `range` that nobody has.
    fn rest(&self, range: AddressRange) -> Vec<AddressRange> {
        let mut parts = Vec::new();
        let mut last = Some(range.last());
        while let Some(remaining) = last.and_then(|last| AddressRange::new(range.first(), last).ok()) {
            let taken = overlapping(&self.ranges, remaining).map(|(taken, _)| taken);
            let first = taken.map_or_else(|| Some(range.first()), |taken| next(taken.last()));
            parts.extend(first.and_then(|first| AddressRange::new(first, remaining.last()).ok()));
            last = taken.and_then(|taken| previous(taken.first()));
        }
        parts.reverse();
        parts
    }
}

/// The range with the highest first address not after `range`'s last: of ranges that are apart, only this one can be the last
/// that overlaps it.
pub(super) fn overlapping<T: Clone>(apart: &Apart<T>, range: AddressRange) -> Option<(AddressRange, T)> {
    let (_, (other, owner)) = apart.range(..=range.last()).next_back()?;
    other.overlaps(&range).then(|| (*other, owner.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(name: &str, ranges: &[&str]) -> ipam::Pool {
        let ranges = ranges.iter().map(|range| range.parse().unwrap());
        ipam::Pool::new(PoolName(name.into()), ranges.collect())
    }

    fn rest(taken: &[&str], range: &str) -> Vec<String> {
        let mut occupied = Occupied::default();
        occupied.add(&pool("taken", taken)).unwrap();
        let mut late = pool("late", &[range]);
        occupied.add_rest(&mut late);
        late.ranges.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_rest_of_a_range_is_what_lies_before_between_and_after_the_others() {
        let range = "192.0.2.0/24";
        assert_eq!(rest(&[], range), [range]);
        assert_eq!(rest(&[range], range), [""; 0]);
        assert_eq!(rest(&["192.0.0.0/16"], range), [""; 0]);
        assert_eq!(rest(&["192.0.2.0/25"], range), ["192.0.2.128/25"]);
        assert_eq!(
            rest(
                &[
                    "192.0.1.0-192.0.2.3",
                    "192.0.2.8-192.0.2.9",
                    "192.0.2.255-192.0.3.9"
                ],
                range
            ),
            ["192.0.2.4/30", "192.0.2.10-192.0.2.254"]
        );
        assert_eq!(rest(&["198.51.100.0/24", "2001:db8::/32"], range), [range]);
    }
}
