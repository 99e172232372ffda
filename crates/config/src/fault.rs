use model::{AddressRange, PoolName, RangeError};

use crate::selector::SelectorError;

/// What is wrong with a custom resource. The text names the field and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
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
}

impl Fault {
    /// The reason of the object's `Accepted` condition: one word from a closed list.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Overlap { .. } => "Overlap",
            Self::NoAddresses
            | Self::Address { .. }
            | Self::OverlapWithin { .. }
            | Self::Selector { .. }
            | Self::OutOfBounds { .. } => "Invalid",
        }
    }
}
