use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use model::AddressRange;

/// A set of addresses, as ranges in ascending order that neither overlap nor touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cover(Vec<AddressRange>);

impl Cover {
    pub(crate) fn of(ranges: &[AddressRange]) -> Self {
        let mut sorted = ranges.to_vec();
        sorted.sort_unstable();
        let mut runs: Vec<AddressRange> = Vec::with_capacity(sorted.len());
        for range in sorted {
            match runs.last_mut().and_then(|run| Some((joined(*run, range)?, run))) {
                Some((longer, run)) => *run = longer,
                None => runs.push(range),
            }
        }
        Self(runs)
    }

    pub(crate) fn into_ranges(self) -> Vec<AddressRange> {
        self.0
    }

    /// The lowest address of `range` that is not in the set.
    pub(crate) fn first_missing(&self, range: AddressRange) -> Option<IpAddr> {
        let first = range.first();
        let run = self.0[..self.0.partition_point(|run| run.first() <= first)].last();
        match run.filter(|run| run.contains(first)) {
            None => Some(first),
            Some(run) if run.contains(range.last()) => None,
            Some(run) => next(run.last()),
        }
    }
}

/// Both ranges as one, where no address lies between them. `second` does not begin before `first`.
fn joined(first: AddressRange, second: AddressRange) -> Option<AddressRange> {
    let touch = first.overlaps(&second) || next(first.last()) == Some(second.first());
    let last = first.last().max(second.last());
    AddressRange::new(first.first(), last).ok().filter(|_| touch)
}

/// The address after this one, in its family.
pub(crate) fn next(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => Some(Ipv4Addr::from_bits(address.to_bits().checked_add(1)?).into()),
        IpAddr::V6(address) => Some(Ipv6Addr::from_bits(address.to_bits().checked_add(1)?).into()),
    }
}

/// The address before this one, in its family.
pub(crate) fn previous(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => Some(Ipv4Addr::from_bits(address.to_bits().checked_sub(1)?).into()),
        IpAddr::V6(address) => Some(Ipv6Addr::from_bits(address.to_bits().checked_sub(1)?).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cover(ranges: &[&str]) -> Cover {
        Cover::of(
            &ranges
                .iter()
                .map(|range| range.parse().unwrap())
                .collect::<Vec<_>>(),
        )
    }

    fn shown(ranges: &[&str]) -> Vec<String> {
        cover(ranges).0.iter().map(ToString::to_string).collect()
    }

    fn missing(ranges: &[&str], range: &str) -> Option<String> {
        let missing = cover(ranges).first_missing(range.parse().unwrap());
        missing.map(|address| address.to_string())
    }

    #[test]
    fn ranges_that_overlap_or_touch_become_one_and_families_stay_apart() {
        assert_eq!(
            shown(&["192.0.2.128/25", "192.0.2.0/25", "192.0.2.7-192.0.2.200"]),
            ["192.0.2.0/24"]
        );
        assert_eq!(
            shown(&["192.0.2.4/30", "192.0.2.0/31"]),
            ["192.0.2.0/31", "192.0.2.4/30"]
        );
        assert_eq!(
            shown(&["255.255.255.255/32", "::/128"]),
            ["255.255.255.255/32", "::/128"]
        );
    }

    #[test]
    fn the_first_address_that_is_missing_is_found_before_between_and_after_the_runs() {
        let ranges = ["192.0.2.0/25", "192.0.2.128/26", "198.51.100.0/24"];
        assert_eq!(missing(&ranges, "192.0.2.100-192.0.2.150"), None);
        assert_eq!(
            missing(&ranges, "192.0.1.255-192.0.2.1").as_deref(),
            Some("192.0.1.255")
        );
        assert_eq!(missing(&ranges, "192.0.2.0/24").as_deref(), Some("192.0.2.192"));
        assert_eq!(missing(&ranges, "203.0.113.1/32").as_deref(), Some("203.0.113.1"));
        assert_eq!(missing(&ranges, "2001:db8::/64").as_deref(), Some("2001:db8::"));
        assert_eq!(missing(&["::/0"], "::/0"), None);
        assert_eq!(missing(&[], "::/0").as_deref(), Some("::"));
    }
}
