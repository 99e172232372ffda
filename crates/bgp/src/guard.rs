use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use model::{AddressRange, Family};

/// Addresses that may be announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Export {
    /// The addresses.
    pub range: AddressRange,
    /// The length of the shortest prefix that may stand for some of them.
    pub shortest: u8,
}

/// The last look at each prefix before it is encoded: whatever went wrong before, no address is announced that no pool has (U9).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportGuard {
    exports: Vec<Export>,
    /// What prefixes of at least this length may cover, in order and without gaps that are none.
    covered: BTreeMap<(Family, u8), Vec<AddressRange>>,
}

impl ExportGuard {
    /// A guard that lets pass what `exports` cover.
    pub fn new(exports: impl IntoIterator<Item = Export>) -> Self {
        let exports: Vec<Export> = exports.into_iter().collect();
        let kinds: BTreeSet<(Family, u8)> = exports
            .iter()
            .map(|export| (export.range.family(), export.shortest))
            .collect();
        let covered = |(family, shortest): (Family, u8)| {
            let of_kind = |export: &&Export| export.range.family() == family && export.shortest <= shortest;
            let ranges = exports.iter().filter(of_kind).map(|export| export.range);
            ((family, shortest), union(ranges.collect()))
        };
        Self {
            covered: kinds.into_iter().map(covered).collect(),
            exports,
        }
    }

    /// What it lets pass.
    pub fn exports(&self) -> impl Iterator<Item = &Export> {
        self.exports.iter()
    }

    /// Whether the prefix may be announced: every address of it is one that may, in a prefix of that length.
    #[must_use]
    pub fn permits(&self, prefix: &IpNet) -> bool {
        let (first, last) = (prefix.network(), prefix.broadcast());
        let family = Family::of(first);
        let up_to = (family, 0)..=(family, prefix.prefix_len());
        let Some((_, ranges)) = self.covered.range(up_to).next_back() else {
            return false;
        };
        let before = ranges.partition_point(|range| range.first() <= first);
        let around = before.checked_sub(1).and_then(|index| ranges.get(index));
        around.is_some_and(|range| last <= range.last())
    }
}

/// The same addresses in as few ranges as they make. All are of one family.
fn union(mut ranges: Vec<AddressRange>) -> Vec<AddressRange> {
    ranges.sort_unstable();
    let mut united: Vec<AddressRange> = Vec::with_capacity(ranges.len());
    for range in ranges {
        let joined = united.last().and_then(|last| joined(last, &range));
        match (united.last_mut(), joined) {
            (Some(last), Some(joined)) => *last = joined,
            (Some(_) | None, _) => united.push(range),
        }
    }
    united
}

/// Both, if the second begins within the first or right behind it.
fn joined(one: &AddressRange, next: &AddressRange) -> Option<AddressRange> {
    let behind = |address: IpAddr| match address {
        IpAddr::V4(address) => address
            .to_bits()
            .checked_add(1)
            .map(|bits| Ipv4Addr::from_bits(bits).into()),
        IpAddr::V6(address) => address
            .to_bits()
            .checked_add(1)
            .map(|bits| Ipv6Addr::from_bits(bits).into()),
    };
    // Behind the last address of all nothing can begin.
    let meets = behind(one.last()).is_none_or(|behind: IpAddr| next.first() <= behind);
    AddressRange::new(one.first(), one.last().max(next.last()))
        .ok()
        .filter(|_| meets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(exports: &[(&str, u8)]) -> ExportGuard {
        ExportGuard::new(exports.iter().map(|(range, shortest)| Export {
            range: range.parse().unwrap(),
            shortest: *shortest,
        }))
    }

    fn permits(guard: &ExportGuard, prefix: &str) -> bool {
        guard.permits(&prefix.parse().unwrap())
    }

    /// U9
    #[test]
    fn only_prefixes_with_an_address_of_a_pool_pass() {
        let guard = guard(&[("192.0.2.10-192.0.2.20", 32), ("2001:db8::/64", 128)]);
        assert!(permits(&guard, "192.0.2.10/32"));
        assert!(permits(&guard, "192.0.2.20/32"));
        assert!(permits(&guard, "2001:db8::1/128"));
        for other in [
            "192.0.2.9/32",
            "192.0.2.21/32",
            "192.0.2.0/27",
            "0.0.0.0/0",
            "::/0",
            "2001:db8:1::/128",
        ] {
            assert!(!permits(&guard, other), "{other}");
        }
    }

    #[test]
    fn an_aggregate_passes_down_to_its_length() {
        let guard = guard(&[("192.0.2.0/23", 24)]);
        assert!(permits(&guard, "192.0.2.0/24"));
        assert!(!permits(&guard, "192.0.2.0/23"));
        assert!(
            !permits(&ExportGuard::default(), "192.0.2.0/24"),
            "by default nothing passes"
        );
    }

    /// U9: an aggregate attracts all that is in it, addresses of other hosts included.
    #[test]
    fn an_aggregate_that_holds_one_address_of_no_pool_does_not_pass() {
        let one = guard(&[("192.168.1.200-192.168.1.250", 28)]);
        assert!(permits(&one, "192.168.1.208/28"));
        assert!(permits(&one, "192.168.1.201/32"));
        assert!(!permits(&one, "192.168.1.192/28"), ".192 to .199 are other hosts");
        assert!(!permits(&one, "192.168.1.240/28"), ".251 to .255 are other hosts");
    }

    #[test]
    fn pools_that_lie_side_by_side_cover_together_what_each_may_be_announced_in() {
        let two = guard(&[("192.0.2.0-192.0.2.7", 28), ("192.0.2.8-192.0.2.15", 28)]);
        assert!(permits(&two, "192.0.2.0/28"));
        let other = guard(&[("192.0.2.0-192.0.2.7", 28), ("192.0.2.8-192.0.2.15", 32)]);
        assert!(
            !permits(&other, "192.0.2.0/28"),
            "the second is announced by itself"
        );
        assert!(permits(&other, "192.0.2.0/29") && permits(&other, "192.0.2.9/32"));
        let all = guard(&[("0.0.0.0/0", 0), ("255.255.255.0/24", 24), ("::/0", 0)]);
        assert!(permits(&all, "0.0.0.0/0") && permits(&all, "::/0") && permits(&all, "255.255.255.255/32"));
    }
}
