use std::collections::BTreeSet;
use std::fmt;

use model::{Labels, PoolName, ServiceName};

/// What decides with which other Services a Service may share an address (P-ALLOC-44, P-ALLOC-45).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sharing {
    /// The sharing key (annotation `heraldlb.io/allow-shared-ip`); none: it shares with nobody.
    pub key: Option<String>,
    /// Where its traffic may end: none for every node (`externalTrafficPolicy: Cluster`), the selector of its pods for
    /// the nodes that run one (`Local`).
    pub backend: Option<Labels>,
    /// The ports that it answers on.
    pub ports: BTreeSet<Port>,
    /// Who may join from other namespaces (annotation `heraldlb.io/allow-shared-ip-from`).
    pub joiners: Joiners,
}

/// The other namespaces of which Services may join an address. Asked when an address is gained: what is shared stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Joiners {
    /// These.
    Namespaces(BTreeSet<String>),
    /// All.
    Any,
}

impl Default for Joiners {
    fn default() -> Self {
        Self::Namespaces(BTreeSet::new())
    }
}

impl Joiners {
    /// Whether Services of the namespace may join.
    pub(crate) fn invite(&self, namespace: &str) -> bool {
        match self {
            Self::Namespaces(names) => names.contains(namespace),
            Self::Any => true,
        }
    }
}

/// A port that a Service answers on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port {
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
    /// 1 to 65535.
    pub number: u16,
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} port {}", self.protocol, self.number)
    }
}

/// The rule by which two Services may not share an address. The text completes "…, which it does not share with this
/// Service: ".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SharingRule {
    /// The Service that holds the address has no sharing key.
    #[error(
        "it has no sharing key; give it the one of this Service (annotation heraldlb.io/allow-shared-ip)"
    )]
    HolderHasNoKey,
    /// The keys differ.
    #[error(
        "its sharing key is {theirs:?}, this Service's is {ours:?}; use one key (annotation heraldlb.io/allow-shared-ip)"
    )]
    KeysDiffer {
        /// The key of the Service that asks.
        ours: String,
        /// The key of the Service that holds the address.
        theirs: String,
    },
    /// At least one has `externalTrafficPolicy: Local`, and the pods behind them are not selected alike.
    #[error(
        "with externalTrafficPolicy: Local both have to select the same pods; use Cluster on both, or one selector"
    )]
    BackendsDiffer,
    /// Both answer on one port.
    #[error("both answer on {0}; use another port")]
    PortTaken(Port),
    /// The Service that holds the address is of another namespace, and nobody there lets this one join.
    #[error(
        "it is of another namespace, of which no Service that has the address invites {joiner}; write the annotation heraldlb.io/allow-shared-ip-from: \"{joiner}\" on Service {holder}, or ask for another address"
    )]
    NotInvited {
        /// The Service that holds the address.
        holder: ServiceName,
        /// The namespace of the Service that asks.
        joiner: String,
    },
    /// The Service that holds the address is of another namespace, and the pool lets nobody share across namespaces.
    #[error(
        "it is of another namespace, and IPPool {0} lets no Services of different namespaces share an address (namespaceSharing: Never); ask for another address, or for a change of the pool"
    )]
    NotAcross(PoolName),
    /// Two dual-stack Services share both of their addresses or none (P-ALLOC-53).
    #[error("two dual-stack Services share both of their addresses or none; ask for both, or for others")]
    PairSplit,
}

impl Sharing {
    /// Whether a Service with this and one with `other` may have one address (P-ALLOC-44).
    pub(crate) fn allows(&self, other: &Self) -> bool {
        let same_key = self.key.is_some() && self.key == other.key;
        same_key && self.backend == other.backend && self.common_port(other).is_none()
    }

    /// The rule that keeps a Service with this from sharing an address with one that holds it with `other`; none when
    /// they may. The relation is symmetric but for the words.
    pub(crate) fn refused_by(&self, other: &Self) -> Option<SharingRule> {
        let (Some(ours), Some(theirs)) = (&self.key, &other.key) else {
            return Some(SharingRule::HolderHasNoKey);
        };
        if ours != theirs {
            return Some(SharingRule::KeysDiffer {
                ours: ours.clone(),
                theirs: theirs.clone(),
            });
        }
        if self.backend != other.backend {
            return Some(SharingRule::BackendsDiffer);
        }
        self.common_port(other).cloned().map(SharingRule::PortTaken)
    }

    fn common_port<'a>(&'a self, other: &'a Self) -> Option<&'a Port> {
        self.ports.intersection(&other.ports).next()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sharing() -> impl Strategy<Value = Sharing> {
        let key = prop_oneof![Just(None), Just(Some("k".to_owned())), Just(Some("l".to_owned()))];
        let backend = prop_oneof![Just(None), Just(Some(Labels::new()))];
        let ports = prop::collection::btree_set(0u16..3, 0..3);
        (key, backend, ports).prop_map(|(key, backend, ports)| Sharing {
            key,
            backend,
            ports: ports.into_iter().map(port).collect(),
            joiners: Joiners::default(),
        })
    }

    fn port(number: u16) -> Port {
        let protocol = "TCP".to_owned();
        Port { protocol, number }
    }

    proptest! {
        /// P-ALLOC-44
        #[test]
        fn two_may_share_when_no_rule_forbids_it_whoever_asks(a in sharing(), b in sharing()) {
            prop_assert_eq!(a.allows(&b), a.refused_by(&b).is_none());
            prop_assert_eq!(a.allows(&b), b.allows(&a));
        }
    }
}
