use ipnet::IpNet;
use model::Family;

/// Prefixes that may be taken from a peer, in the terms of a ROA (RFC 9582 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    /// The shortest of them.
    pub prefix: IpNet,
    /// How long those inside of it may be; its own length where it alone is meant.
    pub max_length: u8,
}

impl Import {
    fn permits(&self, prefix: &IpNet) -> bool {
        prefix.prefix_len() <= self.max_length && self.prefix.contains(prefix)
    }
}

/// What is taken from a peer: by default nothing (RFC 8212).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportPolicy {
    imports: Vec<Import>,
}

impl ImportPolicy {
    /// A policy that lets pass what one of the `imports` does.
    pub fn new(imports: impl IntoIterator<Item = Import>) -> Self {
        Self {
            imports: imports.into_iter().collect(),
        }
    }

    /// What it lets pass.
    pub fn imports(&self) -> impl Iterator<Item = &Import> {
        self.imports.iter()
    }

    /// Whether nothing passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.imports.is_empty()
    }

    /// Whether a route to the prefix may be taken. Never one to where no packet is routed, however wide the policy.
    #[must_use]
    pub fn permits(&self, prefix: &IpNet) -> bool {
        is_routed(prefix) && self.imports.iter().any(|import| import.permits(prefix))
    }
}

/// Whether routers forward what goes there (RFC 6890): not "this network", loopback, link-local IPv6 and multicast.
fn is_routed(prefix: &IpNet) -> bool {
    let blocks: &[(u128, u8)] = match Family::of(prefix.addr()) {
        Family::V4 => &[(0, 8), (127 << 24, 8), (224 << 24, 3)],
        Family::V6 => &[(0, 127), (0xFE80 << 112, 10), (0xFF00 << 112, 8)],
    };
    let (bits, width) = match prefix {
        IpNet::V4(prefix) => (u128::from(prefix.network().to_bits()), 32),
        IpNet::V6(prefix) => (prefix.network().to_bits(), 128),
    };
    !blocks
        .iter()
        .any(|(block, length)| prefix.prefix_len() >= *length && (bits ^ block) >> (width - length) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(imports: &[(&str, u8)]) -> ImportPolicy {
        ImportPolicy::new(imports.iter().map(|(prefix, max_length)| Import {
            prefix: prefix.parse().unwrap(),
            max_length: *max_length,
        }))
    }

    fn permits(policy: &ImportPolicy, prefix: &str) -> bool {
        policy.permits(&prefix.parse().unwrap())
    }

    /// P-BGP-51
    #[test]
    fn a_prefix_alone_is_that_route_and_no_other() {
        let default = policy(&[("0.0.0.0/0", 0)]);
        assert!(permits(&default, "0.0.0.0/0"));
        for other in ["::/0", "10.0.0.0/8", "192.0.2.1/32"] {
            assert!(!permits(&default, other), "{other}");
        }
    }

    /// P-BGP-51
    #[test]
    fn with_a_length_those_inside_pass_down_to_it() {
        let policy = policy(&[("10.0.0.0/8", 16), ("2001:db8::/32", 128)]);
        for inside in ["10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32", "2001:db8::1/128"] {
            assert!(permits(&policy, inside), "{inside}");
        }
        for other in ["10.1.2.0/24", "0.0.0.0/0", "11.0.0.0/8", "2001::/16", "::/0"] {
            assert!(!permits(&policy, other), "{other}");
        }
        assert!(
            !permits(&ImportPolicy::default(), "10.0.0.0/8"),
            "nothing by default"
        );
    }

    #[test]
    fn what_no_router_forwards_never_passes() {
        let all = policy(&[("0.0.0.0/0", 32), ("::/0", 128)]);
        for never in ["0.1.0.0/16", "127.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32"] {
            assert!(!permits(&all, never), "{never}");
        }
        for never in ["::/128", "::1/128", "fe80::/10", "fe80::1/128", "ff00::/8"] {
            assert!(!permits(&all, never), "{never}");
        }
        for routed in [
            "0.0.0.0/0",
            "0.0.0.0/1",
            "128.0.0.0/1",
            "126.0.0.0/8",
            "::/0",
            "fc00::/7",
        ] {
            assert!(permits(&all, routed), "{routed}");
        }
    }
}
