use std::fmt;
use std::net::IpAddr;

use model::{Family, Labels, PoolName, ServiceName};

/// The families that a Service's addresses are to have; they follow its ClusterIPs (P-ALLOC-67).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Families {
    /// One address of this family.
    One(Family),
    /// One of each, or none at all (RequireDualStack).
    Both,
    /// One of each where one pool has both, else one, of this family if possible (PreferDualStack, P-ALLOC-70 to -73).
    Prefer(Family),
}

impl Families {
    /// The sets of families that satisfy this, best first.
    pub(crate) fn choices(self) -> &'static [&'static [Family]] {
        use Family::{V4, V6};
        match self {
            Self::One(V4) => &[&[V4]],
            Self::One(V6) => &[&[V6]],
            Self::Both => &[&[V4, V6]],
            Self::Prefer(V4) => &[&[V4, V6], &[V4], &[V6]],
            Self::Prefer(V6) => &[&[V6, V4], &[V6], &[V4]],
        }
    }

    /// Whether addresses of exactly these families are what was asked for.
    pub(crate) fn satisfied_by(self, held: &[IpAddr]) -> bool {
        let has = |family: &Family| held.iter().any(|&address| Family::of(address) == *family);
        self.choices()
            .iter()
            .any(|choice| choice.len() == held.len() && choice.iter().all(has))
    }
}

impl fmt::Display for Families {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(family) => write!(f, "one {family} address"),
            Self::Both => f.write_str("one IPv4 and one IPv6 address"),
            Self::Prefer(_) => f.write_str("an IPv4 and an IPv6 address, or one of them"),
        }
    }
}

/// What a Service asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who asks.
    pub service: ServiceName,
    /// The Service's labels, for pools pinned by Service selector.
    pub labels: Labels,
    /// Its namespace's labels, for pools pinned by namespace selector.
    pub namespace_labels: Labels,
    /// The families that its ClusterIPs call for.
    pub families: Families,
    /// The one pool to take addresses from (annotation `heraldlb.io/address-pool`).
    pub pool: Option<PoolName>,
    /// The exact addresses asked for, at most one a family (annotation `heraldlb.io/loadBalancerIPs` or
    /// `spec.loadBalancerIP`); empty: any.
    pub addresses: Vec<IpAddr>,
}

impl Request {
    /// A request for any address of the families, without labels.
    pub fn new(service: ServiceName, families: Families) -> Self {
        Self {
            service,
            labels: Labels::new(),
            namespace_labels: Labels::new(),
            families,
            pool: None,
            addresses: Vec::new(),
        }
    }
}

/// Why a pool gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolRefusal {
    /// `autoAssign` is false and the Service named neither the pool nor one of its addresses.
    #[error("gives addresses only to Services that name it (autoAssign: false)")]
    NotAutomatic,
    /// `serviceAllocation` does not match the Service.
    #[error("is reserved for other Services (serviceAllocation)")]
    Reserved,
    /// It has no addresses of a family that is needed.
    #[error("has no {0} addresses")]
    WithoutFamily(Family),
    /// Every address of the family is held.
    #[error("has no free {0} address left")]
    Full(Family),
}

/// Why a Service gets no address. The text tells the person who owns the Service what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no pool at all.
    #[error("there is no IPPool: create one, or ask the administrator of the cluster to")]
    NoPools,
    /// Every pool was looked at.
    #[error("no IPPool can give {families}: {}", listed(.pools))]
    NoPoolFits {
        /// What was asked for.
        families: Families,
        /// Each pool that was looked at, in order, with what it said.
        pools: Vec<(PoolName, PoolRefusal)>,
    },
    /// The pool that the Service names does not exist.
    #[error("IPPool {0} does not exist: correct the annotation heraldlb.io/address-pool or create the pool")]
    UnknownPool(PoolName),
    /// The pool that the Service names, or that has the address it names, does not serve it.
    #[error("IPPool {pool} {refusal}")]
    PoolRefuses {
        /// The pool named.
        pool: PoolName,
        /// What it said.
        refusal: PoolRefusal,
    },
    /// An address asked for is in no pool.
    #[error("{0} is in no IPPool: ask for an address of a pool, or add it to one")]
    OutsidePools(IpAddr),
    /// An address asked for is in another pool than the one that must be used.
    #[error("{address} is not in IPPool {pool}")]
    OutsidePool {
        /// The address asked for.
        address: IpAddr,
        /// The pool named, or the pool of the other address asked for.
        pool: PoolName,
    },
    /// An address asked for is one that its pool never gives out.
    #[error("{address} ends in .0 or .255, which IPPool {pool} never gives out (avoidBuggyIPs: true)")]
    Buggy {
        /// The address asked for.
        address: IpAddr,
        /// Its pool.
        pool: PoolName,
    },
    /// An address asked for is held by another Service.
    #[error("{address} is held by Service {holder}")]
    Taken {
        /// The address asked for.
        address: IpAddr,
        /// Who has it.
        holder: ServiceName,
    },
    /// The addresses asked for are not of the families that the ClusterIPs call for.
    #[error("the addresses asked for ({}) do not fit the families of the Service, which calls for {families}", joined(.addresses))]
    WrongFamilies {
        /// What was asked for.
        addresses: Vec<IpAddr>,
        /// What the ClusterIPs call for.
        families: Families,
    },
}

impl Refusal {
    /// The reason of the Service's `Allocated` condition: one word from a closed list.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoPools => "NoPool",
            Self::NoPoolFits { pools, .. }
                if pools
                    .iter()
                    .any(|(_, refusal)| matches!(refusal, PoolRefusal::Full(_))) =>
            {
                "PoolFull"
            }
            Self::NoPoolFits { .. } => "NoPoolMatches",
            Self::UnknownPool(_) => "UnknownPool",
            Self::PoolRefuses {
                refusal: PoolRefusal::Full(_),
                ..
            } => "PoolFull",
            Self::PoolRefuses { .. } => "PoolRefuses",
            Self::OutsidePools(_) | Self::OutsidePool { .. } | Self::Buggy { .. } => "AddressNotInPool",
            Self::Taken { .. } => "AddressTaken",
            Self::WrongFamilies { .. } => "WrongFamilies",
        }
    }
}

fn listed(pools: &[(PoolName, PoolRefusal)]) -> String {
    pools
        .iter()
        .map(|(name, refusal)| format!("{name} {refusal}"))
        .collect::<Vec<_>>()
        .join("; ")
}

fn joined(addresses: &[IpAddr]) -> String {
    addresses
        .iter()
        .map(IpAddr::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}
