use regex_lite::Regex;

use super::{Aggregate, Link, State};

/// The names that are left out by default: the insides of container networks, and the loopback interface.
pub const DEFAULT_EXCLUDED: [&str; 14] = [
    "^docker",
    "^cbr",
    "^dummy",
    "^virbr",
    "^lxcbr",
    "^veth",
    "^lo$",
    "^cali",
    "^tunl",
    "^flannel",
    "^kube-ipvs",
    "^cni",
    "^nodelocaldns",
    "^lxc",
];

/// Names of interfaces to be left out, as regular expressions that match anywhere in the name.
#[derive(Clone, Debug)]
pub struct ExcludeList(Vec<Regex>);

impl ExcludeList {
    /// The list of these patterns; the first one that is no regular expression is the error.
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidPattern> {
        let compile = |pattern: &str| {
            Regex::new(pattern).map_err(|source| InvalidPattern {
                pattern: pattern.to_owned(),
                source,
            })
        };
        patterns
            .into_iter()
            .map(compile)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(super) fn pattern_for(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|pattern| pattern.is_match(name))
            .map(Regex::as_str)
    }
}

impl Default for ExcludeList {
    fn default() -> Self {
        Self::new(DEFAULT_EXCLUDED)
            .expect("the default patterns are regular expressions: a test compiles them")
    }
}

/// A pattern that is no regular expression: the fault of the settings.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{pattern:?} is no regular expression: {source}")]
pub struct InvalidPattern {
    /// The pattern.
    pub pattern: String,
    /// What is wrong with it.
    pub source: regex_lite::Error,
}

/// Why no address is announced on an interface.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotUsable {
    /// A pattern of the exclude list matches its name.
    #[error("its name matches {0:?}, which is left out")]
    Excluded(String),
    /// The administrator has switched it off.
    #[error("it is down")]
    Down,
    /// Nobody is at the other end of the wire.
    #[error("it has no carrier")]
    NoCarrier,
    /// It is a port of a bond or a bridge, which speaks for it.
    #[error("it is a port of another interface ({0:?})")]
    Port(Aggregate),
    /// Addresses are not resolved on it.
    #[error("it does no ARP")]
    ResolvesNothing,
    /// It has no Ethernet address that frames could come from.
    #[error("it is not Ethernet")]
    NotEthernet,
}

/// Whether addresses may be announced on this interface (P-L2-48).
pub fn usable(link: &Link, excluded: &ExcludeList) -> Result<(), NotUsable> {
    if let Some(pattern) = excluded.pattern_for(&link.name) {
        return Err(NotUsable::Excluded(pattern.to_owned()));
    }
    match link.port_of {
        // A VRF only chooses the routing table: its ports receive and answer for themselves.
        None | Some(Aggregate::Vrf) => {}
        Some(aggregate) => return Err(NotUsable::Port(aggregate)),
    }
    match link.state {
        State::Down => return Err(NotUsable::Down),
        State::NoCarrier => return Err(NotUsable::NoCarrier),
        State::Up => {}
    }
    if !link.resolves {
        return Err(NotUsable::ResolvesNothing);
    }
    link.mac.map(|_| ()).ok_or(NotUsable::NotEthernet)
}

#[cfg(test)]
pub(super) mod tests {
    use l2::Mac;

    use super::*;

    pub(in crate::kernel::links) fn link(name: &str) -> Link {
        Link {
            mac: Some(Mac::new([2, 0, 0, 0, 0, 1]).unwrap()),
            ..Link::new(2, name)
        }
    }

    fn verdict(link: &Link) -> Result<(), NotUsable> {
        usable(link, &ExcludeList::default())
    }

    #[test]
    fn ordinary_interfaces_are_usable() {
        for name in [
            "eth0", "enp3s0f1", "bond0", "br0", "eth0.100", "wlan0", "lothar0", "vlan7",
        ] {
            assert_eq!(verdict(&link(name)), Ok(()), "{name}");
        }
    }

    /// P-L2-48
    #[test]
    fn the_insides_of_container_networks_and_the_loopback_are_left_out() {
        let names = "docker0 cbr0 dummy0 virbr0 lxcbr0 veth1a2b lo cali123 tunl0 flannel.1 kube-ipvs0 cni0 \
                     nodelocaldns lxc1a2b";
        for name in names.split_whitespace() {
            assert!(
                matches!(verdict(&link(name)), Err(NotUsable::Excluded(_))),
                "{name}"
            );
        }
    }

    /// P-L2-48
    #[test]
    fn an_interface_without_link_is_left_out() {
        assert_eq!(
            verdict(&Link {
                state: State::Down,
                ..link("eth0")
            }),
            Err(NotUsable::Down)
        );
        assert_eq!(
            verdict(&Link {
                state: State::NoCarrier,
                ..link("eth0")
            }),
            Err(NotUsable::NoCarrier)
        );
    }

    /// P-L2-48
    #[test]
    fn ports_of_bonds_and_bridges_are_left_out_and_those_of_a_vrf_are_not() {
        for aggregate in [
            Aggregate::Bond,
            Aggregate::Bridge,
            Aggregate::Team,
            Aggregate::Other,
        ] {
            let port = Link {
                port_of: Some(aggregate),
                ..link("eth0")
            };
            assert_eq!(verdict(&port), Err(NotUsable::Port(aggregate)));
        }
        assert_eq!(
            verdict(&Link {
                port_of: Some(Aggregate::Vrf),
                ..link("eth0")
            }),
            Ok(())
        );
    }

    /// P-L2-48
    #[test]
    fn an_interface_that_does_no_arp_is_left_out() {
        assert_eq!(
            verdict(&Link {
                resolves: false,
                ..link("eth0")
            }),
            Err(NotUsable::ResolvesNothing)
        );
        assert_eq!(
            verdict(&Link {
                mac: None,
                ..link("eth0")
            }),
            Err(NotUsable::NotEthernet)
        );
    }

    #[test]
    fn a_list_of_ones_own_replaces_the_default() {
        let excluded = ExcludeList::new(["^eth[1-9]$"]).unwrap();
        assert_eq!(usable(&link("veth0"), &excluded), Ok(()));
        assert_eq!(usable(&link("eth0"), &excluded), Ok(()));
        assert_eq!(
            usable(&link("eth1"), &excluded),
            Err(NotUsable::Excluded("^eth[1-9]$".to_owned()))
        );
    }

    #[test]
    fn a_pattern_that_is_no_regular_expression_is_named() {
        let error = ExcludeList::new(["^a", "("]).unwrap_err();
        assert_eq!(error.pattern, "(");
    }
}
