use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use model::{AddressRange, Family};

use crate::books::interval::IntervalSet;

/// One entry of a pool's address list, and which of its addresses are in use.
///
/// Usable addresses are numbered without gaps: where a pool avoids .0 and .255, each /24 counts 254 of them. So the
/// search for a free one never steps over addresses that may not be used, however many there are.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    range: AddressRange,
    avoid_buggy: bool,
    /// The numbers of the first and the last usable address; none when no address is usable.
    bounds: Option<(u128, u128)>,
    used: IntervalSet,
}

impl Entry {
    pub(crate) fn new(range: AddressRange, avoid_buggy_ips: bool) -> Self {
        let avoid_buggy = avoid_buggy_ips && range.family() == Family::V4;
        let mut entry = Self {
            range,
            avoid_buggy,
            bounds: None,
            used: IntervalSet::default(),
        };
        entry.bounds = entry.usable_bounds();
        entry
    }

    pub(crate) fn range(&self) -> AddressRange {
        self.range
    }

    /// Whether `address` is in the range and may be given out by this pool at all.
    pub(crate) fn usable(&self, address: IpAddr) -> bool {
        self.range.contains(address) && self.number(address).is_some()
    }

    pub(crate) fn lowest_free(&self) -> Option<IpAddr> {
        let (first, last) = self.bounds?;
        self.used
            .lowest_missing(first, last)
            .map(|number| self.address(number))
    }

    /// Marks `address` as in use. An address that this entry cannot give out needs no mark.
    pub(crate) fn take(&mut self, address: IpAddr) {
        if let Some(number) = self.number(address) {
            self.used.insert(number);
        }
    }

    pub(crate) fn give_back(&mut self, address: IpAddr) {
        if let Some(number) = self.number(address) {
            self.used.remove(number);
        }
    }

    /// How many addresses could still be given out.
    pub(crate) fn available(&self) -> u128 {
        self.size() - self.used.len()
    }

    /// How many addresses it can give out in all.
    pub(crate) fn size(&self) -> u128 {
        // ::/0 has one address more than fits; nobody will miss it.
        self.bounds
            .map_or(0, |(first, last)| (last - first).saturating_add(1))
    }

    fn usable_bounds(&self) -> Option<(u128, u128)> {
        let (first, last) = (bits(self.range.first()), bits(self.range.last()));
        if !self.avoid_buggy {
            return Some((first, last));
        }
        let from = if first & 0xff == 0 { first + 1 } else { first };
        let from = if from & 0xff == 0xff { from + 2 } else { from };
        let to = if last & 0xff == 0xff { last - 1 } else { last };
        let to = if to & 0xff == 0 { to.checked_sub(2)? } else { to };
        (from <= to).then(|| (host_number(from), host_number(to)))
    }

    fn number(&self, address: IpAddr) -> Option<u128> {
        let bits = bits(address);
        match self.avoid_buggy {
            false => Some(bits),
            true if matches!(bits & 0xff, 0 | 0xff) => None,
            true => Some(host_number(bits)),
        }
    }

    fn address(&self, number: u128) -> IpAddr {
        let bits = if self.avoid_buggy {
            (number / 254) << 8 | (number % 254 + 1)
        } else {
            number
        };
        match self.range.family() {
            Family::V4 => Ipv4Addr::from_bits(bits as u32).into(),
            Family::V6 => Ipv6Addr::from_bits(bits).into(),
        }
    }
}

/// The number of an IPv4 address that ends in neither .0 nor .255.
fn host_number(bits: u128) -> u128 {
    (bits >> 8) * 254 + (bits & 0xff) - 1
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(range: &str, avoid_buggy_ips: bool) -> Entry {
        Entry::new(range.parse().unwrap(), avoid_buggy_ips)
    }

    fn drain(mut entry: Entry) -> Vec<String> {
        let mut given = Vec::new();
        while let Some(address) = entry.lowest_free() {
            entry.take(address);
            given.push(address.to_string());
        }
        assert_eq!(entry.available(), 0);
        given
    }

    /// P-ALLOC-15
    #[test]
    fn addresses_that_end_in_0_or_255_are_skipped_when_asked() {
        assert_eq!(
            drain(entry("192.0.2.253-192.0.3.2", true)),
            ["192.0.2.253", "192.0.2.254", "192.0.3.1", "192.0.3.2"]
        );
        assert_eq!(drain(entry("192.0.2.255-192.0.3.0", true)), [""; 0]);
        assert_eq!(drain(entry("192.0.2.255-192.0.3.1", true)), ["192.0.3.1"]);
        assert_eq!(
            drain(entry("192.0.2.254-192.0.3.0", false)),
            ["192.0.2.254", "192.0.2.255", "192.0.3.0"]
        );
        assert_eq!(drain(entry("0.0.0.0/32", true)), [""; 0]);
    }

    /// P-ALLOC-15, P-ALLOC-20
    #[test]
    fn ipv6_is_not_affected_and_the_largest_range_does_not_overflow() {
        assert_eq!(
            entry("2001:db8::/126", true).lowest_free(),
            Some("2001:db8::".parse().unwrap())
        );
        assert_eq!(entry("::/0", false).available(), u128::MAX);
        assert_eq!(entry("10.0.0.0/8", true).available(), 65536 * 254);
    }

    proptest! {
        #[test]
        fn every_usable_address_is_given_once_and_in_order(first in 0u32..=u32::MAX - 600, length in 0u32..600) {
            let last = first + length;
            let range = AddressRange::new(Ipv4Addr::from_bits(first).into(), Ipv4Addr::from_bits(last).into()).unwrap();
            let naive: Vec<String> = (first..=last)
                .filter(|bits| !matches!(bits & 0xff, 0 | 0xff))
                .map(|bits| Ipv4Addr::from_bits(bits).to_string())
                .collect();
            let entry = Entry::new(range, true);
            prop_assert_eq!(entry.available(), naive.len() as u128);
            prop_assert_eq!(drain(entry), naive);
        }
    }
}
