use std::net::IpAddr;

use super::annotation::{ADDRESS_POOL, ALLOW_SHARED_IP, LOAD_BALANCER_IPS, RESERVE};

/// Why a Service cannot be given an address, whatever the pools hold. The text names the field or annotation and what to write
/// instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceFault {
    /// It has no ClusterIP.
    #[error("the Service has no ClusterIP: a LoadBalancer cannot be headless")]
    NoClusterIp,
    /// RequireDualStack, but only ClusterIPs of one family.
    #[error(
        "ipFamilyPolicy is RequireDualStack, but the Service has {0} ClusterIP: the cluster has to be dual-stack"
    )]
    NotDualStack(usize),
    /// A ClusterIP that is no address.
    #[error("ClusterIP {0:?} is not an IP address")]
    ClusterIp(String),
    /// Addresses asked for in two places.
    #[error(
        "both spec.loadBalancerIP and the annotation {LOAD_BALANCER_IPS} ask for addresses: use one of them"
    )]
    TwoRequests,
    /// An address asked for cannot be read.
    #[error("{field}: {value:?} is not an IP address: write one such as 192.0.2.10 or 2001:db8::10")]
    NotAnAddress {
        /// Where it was written.
        field: &'static str,
        /// What was written.
        value: String,
    },
    /// Two addresses of one family asked for.
    #[error(
        "{LOAD_BALANCER_IPS}: {first} and {second} are of one family: ask for at most one IPv4 and one IPv6 address"
    )]
    TwoOfOneFamily {
        /// The one written first.
        first: IpAddr,
        /// The other one.
        second: IpAddr,
    },
    /// The pool asked for has a name that no pool can have.
    #[error(
        "{ADDRESS_POOL}: {0:?} cannot be the name of an IPPool: write the name that \"kubectl get ippools.heraldlb.io\" \
         shows, or several with commas between them, or remove the annotation"
    )]
    PoolName(String),
    /// The sharing key is longer than 253 bytes.
    #[error("{ALLOW_SHARED_IP}: the key has {0} bytes: write at most {longest}", longest = Self::LONGEST_KEY)]
    SharingKeyTooLong(usize),
    /// The reservation asked for has a name that no reservation can have.
    #[error(
        "{RESERVE}: {0:?} cannot be the name of an IPReservation: write lower case letters, digits, \"-\" and \".\", with a \
         letter or a digit at both ends, or remove the annotation"
    )]
    ReservationName(String),
    /// An annotation that says yes or no says neither.
    #[error(
        "{annotation}: {value:?} is neither \"true\" nor \"false\": write one of them, or remove the annotation"
    )]
    NotBoolean {
        /// The annotation.
        annotation: &'static str,
        /// What was written.
        value: String,
    },
}

impl ServiceFault {
    /// The most bytes that a sharing key may have.
    pub(super) const LONGEST_KEY: usize = 253;

    /// The reason of the Service's `Allocated` condition: one word from a closed list.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoClusterIp | Self::ClusterIp(_) => "NoClusterIP",
            Self::NotDualStack(_) => "NotDualStack",
            Self::TwoRequests
            | Self::NotAnAddress { .. }
            | Self::TwoOfOneFamily { .. }
            | Self::PoolName(_)
            | Self::SharingKeyTooLong(_)
            | Self::ReservationName(_)
            | Self::NotBoolean { .. } => "InvalidRequest",
        }
    }
}
