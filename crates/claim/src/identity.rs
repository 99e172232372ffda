use std::fmt;

use model::NodeName;
use ring::digest::{SHA256, digest};

/// One life of a speaker: drawn at random when it starts, and never used again.
///
/// Two lives of one node that drew the same number would seal different datagrams alike: 64 bits from the operating
/// system's generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BootId(pub u64);

/// Who a speaker is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The node's name in the API: at most 253 octets.
    pub node: NodeName,
    /// This life of its speaker.
    pub boot: BootId,
}

/// A node by its number: 64 bits of its name's SHA-256. The order in which claims of equal rank beat each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Node(pub(crate) u64);

impl Node {
    pub(crate) fn of(name: &NodeName) -> Self {
        Self(number(name.0.as_bytes()))
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// 64 bits of the SHA-256 of these octets: the same on every node and in every version.
pub(crate) fn number(octets: &[u8]) -> u64 {
    let digest = digest(&SHA256, octets);
    digest
        .as_ref()
        .iter()
        .take(8)
        .fold(0, |number, octet| number << 8 | u64::from(*octet))
}

/// Spreads a number over all 64 bits (the finalizer of SplitMix64).
pub(crate) fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}
