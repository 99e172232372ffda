use std::fmt;
use std::net::IpAddr;

use model::{Family, Labels, PoolName, ReservationName, ServiceName};

use crate::sharing::Sharing;

/// The families that a Service's addresses are to have; they follow its ClusterIPs (P-ALLOC-67).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Families {
    /// One address of this family.
    One(Family),
    /// One of each, or none at all (RequireDualStack).
    Both,
    /// One of each where there are both, else one, of this family if possible (PreferDualStack, P-ALLOC-70 to -73).
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

    /// The families of the ClusterIPs, in order: more than these satisfy no Service.
    pub(crate) fn best(self) -> &'static [Family] {
        self.choices()[0]
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
    /// The pools to take addresses from, in the order in which they are tried (annotation `heraldlb.io/address-pool`);
    /// empty: any that serves the Service.
    pub pools: Vec<PoolName>,
    /// The exact addresses asked for, at most one a family (annotation `heraldlb.io/loadBalancerIPs` or
    /// `spec.loadBalancerIP`); empty: any.
    pub addresses: Vec<IpAddr>,
    /// With which other Services it may share an address.
    pub sharing: Sharing,
    /// The reservation whose addresses it is to have (annotation `heraldlb.io/reserve`).
    pub reservation: Option<ReservationName>,
    /// It may be moved as if its pool said [`crate::Reclaim::Move`] (annotation `heraldlb.io/reallocate`).
    pub reallocate: bool,
}

impl Request {
    /// A request for any address of the families, without labels.
    pub fn new(service: ServiceName, families: Families) -> Self {
        Self {
            service,
            labels: Labels::new(),
            namespace_labels: Labels::new(),
            families,
            pools: Vec::new(),
            addresses: Vec::new(),
            sharing: Sharing::default(),
            reservation: None,
            reallocate: false,
        }
    }
}
