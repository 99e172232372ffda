use std::net::IpAddr;

use ipam::Occupant;
use model::{AddressRange, PoolName};

/// What is amiss with an object that is in force. The text says what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// A BGPPeer with hold time 0 and no BFD (B5).
    #[error(
        "holdTime is 0 and there is no bfdProfile: a router that dies is never noticed; write a holdTime, or a bfdProfile"
    )]
    NeverExpires,
    /// A BGPAdvertisement whose aggregates a pool does not cover.
    #[error(
        "{field} is {length}, and {range} of IPPool {pool} begins or ends within a prefix of that length: addresses there are announced each \
         by itself, because the rest of that prefix is in no pool that is announced; write whole prefixes into the pool to have them \
         aggregated"
    )]
    Uncovered {
        /// The field.
        field: &'static str,
        /// As it is.
        length: u8,
        /// The entry of the pool.
        range: AddressRange,
        /// The pool.
        pool: PoolName,
    },
    /// A prefix of an IPPool that is written with an address within it.
    #[error(
        "{entry} is all of {} to {}: write {} for one address, or the first address of the prefix",
        .spans.first(), .spans.last(), one_address(.entry)
    )]
    HostBits {
        /// As it is written.
        entry: String,
        /// What it spans.
        spans: AddressRange,
    },
    /// An IPPool with addresses that nodes have.
    #[error("{count} of its addresses {}, because nodes have them: {first} is {occupant}; take them out of the pool, or list them in exclude", not_given(*.count))]
    Occupied {
        /// How many.
        count: usize,
        /// The first of them.
        first: IpAddr,
        /// What a node has it for.
        occupant: Occupant,
    },
    /// A BFDProfile with `echoMode` (D17).
    #[error(
        "echoMode has no effect: Herald watches the path by control packets alone, as often as transmitInterval and \
         receiveInterval say; remove it"
    )]
    NoEcho,
}

impl Warning {
    /// The reason of the object's `Warning` condition: one word from a closed list.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NeverExpires => "NeverExpires",
            Self::Uncovered { .. } => "NotAggregated",
            Self::HostBits { .. } => "HostBits",
            Self::Occupied { .. } => "AddressesOccupied",
            Self::NoEcho => "NoEcho",
        }
    }
}

fn not_given(count: usize) -> &'static str {
    match count {
        1 => "is not given out",
        _ => "are not given out",
    }
}

/// The entry for the one address that a prefix is written with.
fn one_address(entry: &str) -> String {
    let address = entry.trim().split('/').next().unwrap_or_default();
    let length = if address.contains(':') { 128 } else { 32 };
    format!("{address}/{length}")
}
