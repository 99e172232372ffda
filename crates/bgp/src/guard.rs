use ipnet::IpNet;
use model::AddressRange;

/// Addresses that may be announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Export {
    /// The addresses.
    pub range: AddressRange,
    /// The length of the shortest prefix that may stand for some of them.
    pub shortest: u8,
}

/// The last look at each prefix before it is encoded: whatever went wrong before, nothing is announced that no pool
/// has (U9).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportGuard {
    exports: Vec<Export>,
}

impl ExportGuard {
    /// A guard that lets pass what `exports` cover.
    pub fn new(exports: impl IntoIterator<Item = Export>) -> Self {
        Self {
            exports: exports.into_iter().collect(),
        }
    }

    /// What it lets pass.
    pub fn exports(&self) -> impl Iterator<Item = &Export> {
        self.exports.iter()
    }

    /// Whether the prefix may be announced.
    #[must_use]
    pub fn permits(&self, prefix: &IpNet) -> bool {
        let (first, last) = (prefix.network(), prefix.broadcast());
        let meets = |range: &AddressRange| {
            first.is_ipv4() == range.first().is_ipv4() && first <= range.last() && range.first() <= last
        };
        self.exports
            .iter()
            .any(|export| prefix.prefix_len() >= export.shortest && meets(&export.range))
    }
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
}
