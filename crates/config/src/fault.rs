use std::net::IpAddr;

use model::{AddressRange, PoolName, RangeError, ReservationName};

use crate::kind::Kind;
use crate::selector::SelectorError;

mod bgp;

pub use bgp::{BgpAdvertisementFault, CommunityFault, PeerFault};

/// What is wrong with a custom resource. The text names the field and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The object does not fit its type: it was stored before the definition had its rules.
    #[error("cannot be read: {error}: correct or delete the object")]
    Malformed {
        /// What the reader stumbled over.
        error: String,
    },
    /// `addresses` is empty.
    #[error("addresses is empty: write at least one prefix or range")]
    NoAddresses,
    /// An entry of `addresses` is no range.
    #[error("addresses[{index}]: {source}")]
    Address {
        /// Which entry, counted from 0.
        index: usize,
        /// What is wrong with it.
        source: RangeError,
    },
    /// An entry of `addresses` has addresses that cannot be the address of anything.
    #[error(
        "addresses[{index}]: {range} has addresses of {block} ({what}), which no Service can have: list only addresses of \
         your own network"
    )]
    Unusable {
        /// Which entry, counted from 0.
        index: usize,
        /// The entry.
        range: AddressRange,
        /// The block that the addresses are of.
        block: AddressRange,
        /// What the block is for.
        what: &'static str,
    },
    /// Two entries of one pool have addresses in common.
    #[error("addresses: {first} and {second} overlap: write each address once")]
    OverlapWithin {
        /// The entry that comes first in address order.
        first: AddressRange,
        /// The other one.
        second: AddressRange,
    },
    /// An entry has addresses in common with another pool.
    #[error(
        "addresses: {range} overlaps {other_range} of IPPool {other}: take the addresses out of one of the two"
    )]
    Overlap {
        /// This pool's entry.
        range: AddressRange,
        /// The pool that has the addresses and keeps them.
        other: PoolName,
        /// That pool's entry.
        other_range: AddressRange,
    },
    /// An entry of `exclude` is neither an address nor a range.
    #[error(
        "exclude[{index}]: {entry:?} is neither an address, a prefix nor a range: write 192.0.2.7, 192.0.2.0/29 or \
         192.0.2.10-192.0.2.20"
    )]
    NotExcludable {
        /// Which entry, counted from 0.
        index: usize,
        /// What was written.
        entry: String,
    },
    /// An entry of `exclude` would be a range, but for one part.
    #[error("exclude[{index}]: {source}")]
    Exclude {
        /// Which entry, counted from 0.
        index: usize,
        /// What is wrong with it.
        source: RangeError,
    },
    /// An entry of `exclude` has addresses that the pool does not have.
    #[error(
        "exclude[{index}]: {entry:?} is not inside addresses, for the pool has no {missing}: correct or remove it"
    )]
    ExcludeOutside {
        /// Which entry, counted from 0.
        index: usize,
        /// What was written.
        entry: String,
        /// The first address that is not the pool's.
        missing: IpAddr,
    },
    /// Every address of the pool is excluded.
    #[error("exclude leaves no address of the pool: take entries out of exclude, or add some to addresses")]
    ExcludesAll,
    /// A list has the same entry twice.
    #[error("{field}[{second}] is the same as {field}[{first}]: remove one of them")]
    Duplicate {
        /// The list.
        field: String,
        /// Where the entry stands first, counted from 0.
        first: usize,
        /// Where it stands again.
        second: usize,
    },
    /// A label selector cannot be read.
    #[error("{field}: {source}")]
    Selector {
        /// The field, with its index.
        field: String,
        /// What is wrong with it.
        source: SelectorError,
    },
    /// A number is outside its bounds.
    #[error("{field} is {value}: write {least} to {most}")]
    OutOfBounds {
        /// The field, with its index.
        field: String,
        /// What was written.
        value: i32,
        /// The least that is allowed.
        least: i32,
        /// The most that is allowed.
        most: i32,
    },
    /// `addresses` of a reservation is empty.
    #[error("addresses is empty: write one address, or one of each family")]
    NothingReserved,
    /// An entry of `addresses` of a reservation is no address.
    #[error(
        "addresses[{index}]: {entry:?} is not an IP address: write one such as 192.0.2.10 or 2001:db8::10"
    )]
    NotAnAddress {
        /// Which entry, counted from 0.
        index: usize,
        /// What was written.
        entry: String,
    },
    /// A reservation of two addresses of one family.
    #[error("addresses: {first} and {second} are of one family: write at most one IPv4 and one IPv6 address")]
    TwoOfOneFamily {
        /// The one written first.
        first: IpAddr,
        /// The other one.
        second: IpAddr,
    },
    /// An address that another reservation keeps.
    #[error(
        "addresses: {address} is kept by IPReservation {other}: write another address, or delete one of the two"
    )]
    ReservedTwice {
        /// The address.
        address: IpAddr,
        /// The reservation that keeps it.
        other: ReservationName,
    },
    /// Something that the object refers to is not there (P-CFG-37).
    #[error("{field}: there is no {kind} {name}: create it, or write another")]
    Missing {
        /// The field, with its index.
        field: String,
        /// What is missing.
        kind: Kind,
        /// Its name.
        name: String,
    },
    /// Something that only a BGPPeer can get wrong.
    #[error(transparent)]
    Peer(#[from] PeerFault),
    /// Something that only a BGPAdvertisement can get wrong.
    #[error(transparent)]
    BgpAdvertisement(#[from] BgpAdvertisementFault),
    /// Something that only a Community can get wrong.
    #[error(transparent)]
    Community(#[from] CommunityFault),
}

impl Fault {
    /// The reason of the object's `Accepted` condition: one word from a closed list.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "Malformed",
            Self::Overlap { .. } | Self::ReservedTwice { .. } => "Overlap",
            Self::Missing { .. } => "MissingReference",
            Self::Peer(fault) => fault.reason(),
            Self::BgpAdvertisement(fault) => fault.reason(),
            Self::Community(fault) => fault.reason(),
            Self::NoAddresses
            | Self::Address { .. }
            | Self::Unusable { .. }
            | Self::OverlapWithin { .. }
            | Self::NotExcludable { .. }
            | Self::Exclude { .. }
            | Self::ExcludeOutside { .. }
            | Self::ExcludesAll
            | Self::Duplicate { .. }
            | Self::Selector { .. }
            | Self::OutOfBounds { .. }
            | Self::NothingReserved
            | Self::NotAnAddress { .. }
            | Self::TwoOfOneFamily { .. } => "Invalid",
        }
    }
}
